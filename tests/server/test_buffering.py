from __future__ import annotations

from typing import Any

import grpc
import pytest
import requests
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from pytest_cloudtasks._messages.backported_types import buffer_messages
from tests.patience import LONGEST_DEADLINE, PATIENCE

from .clients import PARENT
from .rest import error

QUEUE = f"{PARENT}/queues/buffered"
TARGET = {
    "uri_override": {"scheme": "HTTP", "host": "worker.test", "port": 8080, "path_override": {"path": "/work"}},
    "header_overrides": [{"header": {"key": "X-Team", "value": "mail"}}],
}
pytestmark = [
    pytest.mark.cloud_tasks(queues={"buffered": {"http_target": TARGET}, "default": {}}),
    pytest.mark.needs("batches"),
]


@pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])
def test_the_body_is_the_payload(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, version: str
) -> None:
    """A buffered task goes to the queue's target, with its body unchanged, as JSON, and with the queue's headers."""
    worker = cloud_tasks.route("http://worker.test:8080/work").returns(200)
    url = f"{cloud_tasks_server.rest_url}/{version}/{QUEUE}/tasks:buffer"
    answer = requests.post(url, data=b'{"order": 42}', timeout=PATIENCE)
    task = cloud_tasks.assert_enqueued(queue="buffered", json={"order": 42})
    assert "X-Team" not in task.headers
    assert answer.json()["task"]["name"] == task.name
    cloud_tasks.dispatch_due()
    (request,) = worker.calls
    assert (request.method, request.body) == ("POST", b'{"order": 42}')
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Team"] == "mail"


def test_a_body_nested_too_deep_is_a_payload_all_the_same(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer
) -> None:
    """The server need not parse it: it stores the bytes."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks:buffer"
    assert requests.post(url, data=b"[" * 90_000, timeout=PATIENCE).status_code == 200
    cloud_tasks.assert_enqueued(body=b"[" * 90_000)


def test_a_task_with_an_id(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The ID is in the path, and can be used once."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks/order-42:buffer"
    headers = {"Content-Type": "text/plain"}
    assert requests.post(url, data="hi", headers=headers, timeout=PATIENCE).status_code == 200
    again = requests.post(url, data="hi", timeout=PATIENCE)
    assert again.json() == error(409, "ALREADY_EXISTS", "Requested entity already exists")
    cloud_tasks.assert_enqueued(name=f"{QUEUE}/tasks/order-42", body=b"hi", headers=headers)


def test_the_envelope_of_the_discovery_document(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer
) -> None:
    """Clients generated from it wrap the payload, in base64 and with its type."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks:buffer"
    requests.post(url, json={"body": {"contentType": "image/png", "data": "iVBORw=="}}, timeout=PATIENCE)
    cloud_tasks.assert_enqueued(body=b"\x89PNG", headers={"Content-Type": "image/png"})


def test_a_queue_without_an_http_target(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The call gets an error, because there is no target for the task."""
    url = f"{cloud_tasks_server.rest_url}/v2/{PARENT}/queues/default/tasks:buffer"
    answer = requests.post(url, data="hi", timeout=PATIENCE)
    told = (
        "The queue has no HTTP target with a host, which BufferTask needs. Set HttpTarget.uriOverride.host of the"
        " queue."
    )
    assert answer.json() == error(400, "FAILED_PRECONDITION", told)
    cloud_tasks.assert_nothing_enqueued()


def test_a_missing_queue(cloud_tasks_server: CloudTasksServer) -> None:
    """The error is that of CreateTask."""
    url = f"{cloud_tasks_server.rest_url}/v2/{PARENT}/queues/none/tasks:buffer"
    told = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    assert requests.post(url, data="hi", timeout=PATIENCE).json() == error(404, "NOT_FOUND", told)


def test_over_grpc(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """Releases of 2.14 call it over gRPC, with messages that the installed one may lack."""
    messages = buffer_messages(tasks_v2.types)
    request: Any = messages.request(queue=QUEUE, task_id="one")
    request.body.data = b"hi"
    with grpc.insecure_channel(cloud_tasks_server.grpc_target) as channel:
        call = channel.unary_unary(
            "/google.cloud.tasks.v2.CloudTasks/BufferTask",
            request_serializer=messages.request.SerializeToString,
            response_deserializer=messages.response.FromString,
        )
        response = call(request, timeout=LONGEST_DEADLINE)
    assert response.task.name == f"{QUEUE}/tasks/one"
    assert response.task.http_request.url == "http://worker.test:8080/work"
    assert cloud_tasks.rpcs[-1].method == "buffer_task"


@pytest.mark.cloud_tasks(service={"iam_emulation": True})
def test_the_permission_to_create_tasks(cloud_tasks_server: CloudTasksServer) -> None:
    """BufferTask needs this permission."""
    base = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    policy = {"policy": {"bindings": [{"role": "roles/cloudtasks.viewer", "members": ["allUsers"]}]}}
    assert requests.post(f"{base}:setIamPolicy", json=policy, timeout=PATIENCE).status_code == 200
    answer = requests.post(f"{base}/tasks:buffer", data="hi", timeout=PATIENCE)
    told = (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.create" for the resource'
        f' "{QUEUE}" (or the resource may not exist).'
    )
    assert answer.json() == error(403, "PERMISSION_DENIED", told)
