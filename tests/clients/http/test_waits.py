"""The waits of urllib3 between its own retries."""

from __future__ import annotations

import json
import time

import pytest
import urllib3

from pytest_cloudtasks import FakeCloudTasks
from tests.targets.servers import replying, serving
from tests.ways.http_libraries import BODY, JSON, URL

RETRIES = urllib3.Retry(status=3, status_forcelist=[503], allowed_methods=None, backoff_factor=5)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of this test, which take no time."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.mark.cloud_tasks(queues=["work"])
def test_after_answers_of_a_fake_there_is_no_wait(cloud_tasks: FakeCloudTasks, slept: list[float]) -> None:
    """The retries are urllib3's; the queue's time does not move."""
    cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", times=2)
    response = urllib3.PoolManager(retries=RETRIES).request("POST", URL, body=BODY, headers=JSON)
    assert (response.status, json.loads(response.data)["name"]) == (200, cloud_tasks.assert_enqueued().name)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task"] * 3
    assert slept == []


@pytest.mark.cloud_tasks(queues=["work"])
def test_after_answers_of_a_server_there_is(cloud_tasks: FakeCloudTasks, slept: list[float]) -> None:
    """Also in a test that has called the fake before."""
    urllib3.PoolManager().request("POST", URL, body=BODY, headers=JSON)
    with serving(replying(503, 503, 503, 503)) as server, pytest.raises(urllib3.exceptions.MaxRetryError):
        urllib3.PoolManager(retries=RETRIES).request("GET", server.url)
    assert slept[-2:] == [10, 20]
