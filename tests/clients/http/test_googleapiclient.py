"""Google's discovery client, google-api-python-client, beyond single calls."""

from __future__ import annotations

from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery

from pytest_cloudtasks import FakeCloudTasks
from tests.ways.http_libraries import QUEUE, TASK


@pytest.mark.cloud_tasks(queues=["work"])
def test_a_batch_of_calls(cloud_tasks: FakeCloudTasks) -> None:
    """Each call is one of the fake's, and each callback gets its result or its error."""
    results: dict[str, Any] = {}

    def keep(request_id: str, response: Any, error: Any) -> None:
        results[request_id] = error.status_code if error else response

    client = discovery.build("cloudtasks", "v2", credentials=AnonymousCredentials())
    queues = client.projects().locations().queues()
    batch = client.new_batch_http_request(callback=keep)
    batch.add(queues.tasks().create(parent=QUEUE, body=TASK))
    batch.add(queues.get(name=f"{QUEUE}-missing"), request_id=f"a missing queue{'!' * 80}")
    batch.add(queues.get(name=QUEUE))
    batch.execute()
    assert list(results) == ["1", f"a missing queue{'!' * 80}", "2"]
    created, missing, found = results.values()
    assert created["name"] == cloud_tasks.assert_enqueued().name
    assert (missing, found["name"]) == (404, QUEUE)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task", "get_queue", "get_queue"]
