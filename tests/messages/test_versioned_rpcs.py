"""The RPCs of later releases, request message in and response message out."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2 import types
from google.longrunning import operations_pb2

from pytest_cloudtasks._messages.rpc_handlers import Frontend
from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.service import Service
from tests.messages.asking import ask

NOW = 1_900_000_000_000_000_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
CMEK = f"{LOCATION}/cmekConfig"
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"

frontend = Frontend(types)


@pytest.fixture
def service() -> Service:
    """A service in location ``l`` with the queue ``q``."""
    service = Service(lambda: "00000000000000000001", location="l")
    service.create_queue(NOW, LOCATION, QUEUE, {})
    return service


def call(service: Service, rpc: str, request: Any) -> Any:
    return ask(frontend, service, NOW, rpc, request)


def create_request(task_id: str, body: bytes = b"abc", **fields: Any) -> dict[str, Any]:
    task = {"name": f"{QUEUE}/tasks/{task_id}", "http_request": {"url": "https://app.test/", "body": body}}
    return {"parent": QUEUE, "task": task, **fields}


def test_an_operation_shows_the_moment_it_was_done(service: Service) -> None:
    """GetOperation returns what the batch returned, whatever happened to its tasks, and a new message each time."""
    request = types.BatchCreateTasksRequest(parent=QUEUE, requests=[create_request("a", response_view="FULL")])
    done = call(service, "batch_create_tasks", request)
    service.run_task(NOW, f"{QUEUE}/tasks/a")
    asked = call(service, "get_operation", operations_pb2.GetOperationRequest(name=done.name))
    assert asked == done
    response = types.BatchCreateTasksResponse()
    assert asked.response.Unpack(types.BatchCreateTasksResponse.pb(response))
    assert [(task.dispatch_count, task.http_request.body) for task in response.tasks] == [(0, b"abc")]
    asked.Clear()
    assert call(service, "get_operation", operations_pb2.GetOperationRequest(name=done.name)) == done


def test_a_task_of_a_batch_is_measured(service: Service) -> None:
    """One over the limit is rejected alone, although the others are far from it."""
    requests = [create_request("a"), create_request("b", b"x" * 1_048_570)]
    done = call(service, "batch_create_tasks", types.BatchCreateTasksRequest(parent=QUEUE, requests=requests))
    metadata = types.BatchCreateTasksMetadata()
    done.metadata.Unpack(types.BatchCreateTasksMetadata.pb(metadata))
    assert {index: status.message for index, status in metadata.failed_requests.items()} == {1: "Task size too large"}
    assert list(service.queues[QUEUE].tasks) == [f"{QUEUE}/tasks/a"]


def test_a_deletion_names_its_tasks(service: Service) -> None:
    """They are deleted when it answers."""
    call(service, "batch_create_tasks", types.BatchCreateTasksRequest(parent=QUEUE, requests=[create_request("a")]))
    names = [f"{QUEUE}/tasks/a"]
    done = call(service, "batch_delete_tasks", types.BatchDeleteTasksRequest(parent=QUEUE, names=names))
    assert done.done
    assert service.queues[QUEUE].tasks == {}


def test_locations_are_the_fake_s(service: Service) -> None:
    """The service's own location, and those of queues."""
    service.create_queue(NOW, "projects/p/locations/b", "projects/p/locations/b/queues/q", {})
    got = call(service, "get_location", locations_pb2.GetLocationRequest(name=LOCATION))
    assert got == locations_pb2.Location(name=LOCATION, location_id="l")
    found = call(service, "list_locations", locations_pb2.ListLocationsRequest(name="projects/p"))
    assert [one.location_id for one in found.locations] == ["b", "l"]
    assert found.next_page_token == ""


def test_a_filter_of_list_locations_is_rejected(service: Service) -> None:
    """A filter would have to be honoured, so it is rejected as not modelled."""
    with pytest.raises(ServiceError) as refused:
        call(service, "list_locations", locations_pb2.ListLocationsRequest(name="projects/p", filter="a"))
    assert refused.value.code is Code.UNIMPLEMENTED
    assert refused.value.message == (
        "pytest-cloudtasks does not model the filter of ListLocations. Leave it out of the call, or give the client a"
        " stub for this one."
    )


def test_a_cmek_config_is_stored_and_given_back(service: Service) -> None:
    """It is blank at first."""
    assert call(service, "get_cmek_config", types.GetCmekConfigRequest(name=CMEK)) == types.CmekConfig(name=CMEK)
    config = types.CmekConfig(name=CMEK, kms_key=KEY)
    request = types.UpdateCmekConfigRequest(cmek_config=config, update_mask="kmsKey")
    assert call(service, "update_cmek_config", request) == config
    assert call(service, "get_cmek_config", types.GetCmekConfigRequest(name=CMEK)) == config
