"""Google's discovery client, google-api-python-client, beyond single calls."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery, errors
from googleapiclient.discovery_cache import get_static_doc

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


@pytest.mark.cloud_tasks(queues=["work"])
@pytest.mark.parametrize("url", [None, discovery.V1_DISCOVERY_URI, discovery.V2_DISCOVERY_URI])
@pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])
def test_discovery_that_is_not_static(cloud_tasks: FakeCloudTasks, url: str | None, version: str) -> None:
    """The document that the library ships answers for Google's own at both addresses, and makes a client that calls."""
    client = discovery.build(
        "cloudtasks",
        version,
        credentials=AnonymousCredentials(),
        static_discovery=False,
        cache_discovery=False,
        discoveryServiceUrl=url,
    )
    assert client.projects().locations().queues().get(name=QUEUE).execute()["name"] == QUEUE
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]


SERVICE = "https://cloudtasks.googleapis.com/$discovery/rest"
DIRECTORY = "https://www.googleapis.com/discovery/v1/apis/cloudtasks"
MISSING = "Discovery document not found for API service: cloudtasks.googleapis.com format: rest version: "


@pytest.mark.cloud_tasks
def test_the_document_of_a_service_without_a_version_is_of_v2(cloud_tasks: FakeCloudTasks) -> None:
    """Also where the dollar sign is encoded."""
    for url in (SERVICE, SERVICE.replace("$", "%24"), f"{SERVICE}?key=k"):
        assert requests.get(url, timeout=5).json() == json.loads(get_static_doc("cloudtasks", "v2"))


@pytest.mark.cloud_tasks
@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"{SERVICE}?version=v9", f"{MISSING}v9"),
        (f"{SERVICE}?version=../drive.v3", f"{MISSING}../drive.v3"),
        (f"{DIRECTORY}/v9/rest", "Requested entity was not found."),
    ],
)
def test_a_document_of_another_version(cloud_tasks: FakeCloudTasks, url: str, message: str) -> None:
    """The answer is Google's 404."""
    response = requests.get(url, timeout=5)
    error = {"code": 404, "message": message, "status": "NOT_FOUND"}
    assert (response.status_code, response.json()) == (404, {"error": error})
    with pytest.raises(errors.UnknownApiNameOrVersion):
        discovery.build("cloudtasks", "v9", static_discovery=False, cache_discovery=False)


@pytest.mark.cloud_tasks
def test_without_the_library_there_is_a_404(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library that asks for it gets Google's 404."""
    monkeypatch.setitem(sys.modules, "googleapiclient.discovery_cache", None)
    response = requests.get(SERVICE, timeout=5)
    assert (response.status_code, response.json()["error"]["message"]) == (404, f"{MISSING}v2")
