"""What later releases of the library brought: queue-level targets, batches, locations, CMEK configs."""

from __future__ import annotations

import inspect
import re
from typing import Any

import flask
import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient, types
from google.protobuf import empty_pb2, field_mask_pb2

from pytest_cloudtasks import FakeCloudTasks, TaskState

SA = "sa@test-project.iam.gserviceaccount.com"
URL = "https://worker.test/own?a=1"
EVERYTHING = {
    "uri_override": {
        "scheme": "HTTPS",
        "host": "queue.test",
        "port": 0,
        "path_override": {"path": "/all"},
        "query_override": {},
        "uri_override_enforce_mode": "ALWAYS",
    },
    "http_method": "PUT",
    "header_overrides": [{"header": {"key": "X-Queue", "value": "work"}}],
    "oidc_token": {"service_account_email": SA, "audience": "https://audience.test"},
}


def answered(client: Any, result: Any) -> Any:
    """A result of an operation, for which asyncio's client has to be awaited."""
    return client._run(result) if inspect.iscoroutine(result) else result


def text_of(error: exceptions.GoogleAPICallError) -> str:
    """The service's text; over REST the client puts method and URL before it."""
    return re.sub(r"\A[A-Z]+ https://\S+: ", "", str(error.message))


def metadata_of(client: Any, operation: Any) -> Any:
    return answered(client, operation.metadata)


def creations(parent: str, *ids: str, **http_request: Any) -> list[dict[str, Any]]:
    request = {"url": URL, **http_request}
    return [{"parent": parent, "task": {"name": f"{parent}/tasks/{one}", "http_request": request}} for one in ids]


# --- Queue.http_target -------------------------------------------------------------------------------------------


def test_a_queue_keeps_its_http_target(client: Any, parent: str) -> None:
    """It comes back from every RPC as it was set, also what was set to nothing."""
    name = f"{parent}/queues/target"
    created = client.create_queue(request={"parent": parent, "queue": {"name": name, "http_target": EVERYTHING}})
    assert created.http_target == types.HttpTarget(EVERYTHING)
    assert "port" in created.http_target.uri_override
    assert client.get_queue(name=name) == created
    assert next(iter(client.list_queues(parent=parent))) == created


def test_a_mask_reaches_into_the_http_target(client: Any, queue: str) -> None:
    """Only the named field changes, and a queue that never had one has none."""
    assert "http_target" not in client.get_queue(name=queue)
    client.update_queue(request={"queue": {"name": queue, "http_target": EVERYTHING}})
    changed = {"uri_override": {"host": "other.test", "port": 99}}
    mask = field_mask_pb2.FieldMask(paths=["http_target.uri_override.host", "http_target.oidc_token"])
    after = client.update_queue(queue={"name": queue, "http_target": changed}, update_mask=mask)
    expected = types.HttpTarget(EVERYTHING)
    expected.uri_override.host = "other.test"
    del expected.oidc_token
    assert after.http_target == expected
    assert "http_target" not in client.update_queue(queue={"name": queue})


def test_a_host_that_is_empty_is_rejected(client: Any, queue: str) -> None:
    """The class and the text are Google's, and the queue stays as it is."""
    before = client.get_queue(name=queue)
    with pytest.raises(exceptions.BadRequest) as refusal:
        client.update_queue(queue={"name": queue, "http_target": {"uri_override": {"host": ""}}})
    assert text_of(refusal.value) == "Error in parsing HttpTarget. Invalid Host."
    assert client.get_queue(name=queue) == before


def test_the_queue_decides_on_what_is_sent(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """URL, method, headers and token are the queue's, at a target found by them; the stored task keeps its own."""
    client.update_queue(queue={"name": queue, "http_target": EVERYTHING})
    target = cloud_tasks.route("https://queue.test/all", method="PUT")
    http_request = {"url": URL, "headers": {"x-queue": "own"}, "body": b"abc"}
    task = client.create_task(parent=queue, task={"http_request": http_request})
    assert (task.http_request.url, task.http_request.http_method) == (URL, types.HttpMethod.POST)
    assert dict(task.http_request.headers) == {"User-Agent": "Google-Cloud-Tasks", "x-queue": "own"}
    cloud_tasks.drain()
    (request,) = target.calls
    assert (request.method, request.url, request.body) == ("PUT", "https://queue.test/all", b"abc")
    assert (request.headers["Host"], request.headers["X-Queue"]) == ("queue.test", "work")
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert claims(token)["aud"] == "https://audience.test"
    assert cloud_tasks.assert_enqueued(url=URL).state is TaskState.SUCCEEDED


def claims(token: str) -> dict[str, Any]:
    from google.auth.transport.requests import Request
    from google.oauth2 import id_token

    found: dict[str, Any] = id_token.verify_token(token, Request())
    return found


def test_an_override_by_get_sends_no_body(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """An application sees a GET like any other, at the path that the queue fills in.

    It never sees a task with a body, whose attempt fails without an answer.
    """
    app, seen = flask.Flask("worker"), []

    @app.get("/filled-in")
    def work() -> str:
        seen.append((flask.request.data, flask.request.url))
        return "done"

    cloud_tasks.mount("https://worker.test", app)
    override = {"path_override": {"path": "/filled-in"}, "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    client = CloudTasksClient()
    client.update_queue(queue={"name": queue, "http_target": {"http_method": "GET", "uri_override": override}})
    client.create_task(parent=queue, task={"http_request": {"url": "https://worker.test"}})
    name = client.create_task(parent=queue, task={"http_request": {"url": "https://worker.test", "body": b"abc"}}).name
    cloud_tasks.dispatch_due()
    assert seen == [(b"", "https://worker.test/filled-in")]
    status = client.get_task(name=name).last_attempt.response_status
    assert (status.code, status.message) == (2, "UNKNOWN(2): HTTP status code 0")


def test_a_missing_target_is_named_by_the_url_in_force(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """The test's author reads where the task would go, not what it was created with."""
    client = CloudTasksClient()
    client.update_queue(queue={"name": queue, "http_target": {"uri_override": {"host": "queue.test"}}})
    name = client.create_task(parent=queue, task={"http_request": {"url": URL}}).name
    with pytest.raises(AssertionError) as failure:
        cloud_tasks.drain()
    assert str(failure.value) == (
        f"The task work/{name.rpartition('/')[2]} is due, but its URL has no target: POST"
        " https://queue.test/own?a=1.\nTargets of this test: none\nAdd one with"
        " cloud_tasks.route('https://queue.test/own?a=1'), or mount the application that serves it with"
        " cloud_tasks.mount(base_url, app). Nothing was sent."
    )


# --- batches -----------------------------------------------------------------------------------------------------


def test_a_batch_is_created(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """The operation is done, and its result the tasks as CreateTask gives them."""
    operation = client.batch_create_tasks(parent=queue, requests=creations(queue, "a", "b", body=b"abc"))
    assert answered(client, operation.done()) is True
    tasks = answered(client, operation.result()).tasks
    assert list(tasks) == [client.get_task(name=f"{queue}/tasks/{one}") for one in ("a", "b")]
    metadata = metadata_of(client, operation)
    assert metadata.state == types.BatchCreateTasksMetadata.State.SUCCEEDED
    assert metadata.start_time == metadata.end_time == cloud_tasks.clock.now()
    assert dict(metadata.failed_requests) == {}
    assert [task.id for task in cloud_tasks.assert_enqueued(queue="work", count=2)] == ["a", "b"]
    cloud_tasks.route(URL)
    assert cloud_tasks.drain().succeeded == 2


def test_a_batch_may_be_created_in_part(client: Any, queue: str) -> None:
    """A rejected request has its index and the error that CreateTask would have raised."""
    odd = {"parent": queue, "task": {"http_request": {"url": "ftp://example.com/"}}}
    client.create_task(parent=queue, task=creations(queue, "c")[0]["task"])
    requests = [*creations(queue, "a"), odd, *creations(queue, "c", "b")]
    operation = client.batch_create_tasks(parent=queue, requests=requests)
    assert [task.name for task in answered(client, operation.result()).tasks] == [
        f"{queue}/tasks/a",
        f"{queue}/tasks/b",
    ]
    metadata = metadata_of(client, operation)
    assert metadata.state == types.BatchCreateTasksMetadata.State.PARTIALLY_SUCCEEDED
    assert {index: (status.code, status.message) for index, status in metadata.failed_requests.items()} == {
        1: (3, "HttpTarget.url must start with 'http://' or 'https://'."),
        2: (6, "Requested entity already exists"),
    }


def test_a_batch_is_deleted(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """A missing task has its index and error; the result is Empty."""
    answered(client, client.batch_create_tasks(parent=queue, requests=creations(queue, "a", "b")).result())
    names = [f"{queue}/tasks/{one}" for one in ("a", "none", "b")]
    operation = client.batch_delete_tasks(parent=queue, names=names)
    assert answered(client, operation.result()) == empty_pb2.Empty()
    metadata = metadata_of(client, operation)
    assert metadata.state == types.BatchDeleteTasksMetadata.State.PARTIALLY_SUCCEEDED
    assert {index: status.message for index, status in metadata.failed_requests.items()} == {
        1: "Requested entity was not found."
    }
    assert cloud_tasks.tasks() == []


def test_a_batch_of_which_nothing_is_deleted_is_aborted(client: Any, queue: str) -> None:
    """Its result raises with the documented text, and its metadata has each request's error."""
    operation = client.batch_delete_tasks(parent=queue, names=[f"{queue}/tasks/none"])
    text = (
        "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details"
    )
    assert (operation.operation.error.code, operation.operation.error.message) == (10, text)
    with pytest.raises(exceptions.GoogleAPICallError) as failure:
        answered(client, operation.result())
    if isinstance(client, CloudTasksClient):
        assert (type(failure.value), failure.value.message) == (exceptions.Aborted, text)
    else:  # asyncio's operation makes no class of the code
        assert text in failure.value.message
    metadata = metadata_of(client, operation)
    assert metadata.state == types.BatchDeleteTasksMetadata.State.PARTIALLY_SUCCEEDED
    assert list(metadata.failed_requests) == [0]


def test_a_batch_of_which_nothing_is_created_has_no_result(client: Any, queue: str) -> None:
    """Its state says so, and Google's client finds neither a response nor an error."""
    operation = client.batch_create_tasks(parent=queue, requests=[{"parent": queue, "task": {}}])
    assert (operation.operation.done, operation.operation.WhichOneof("result")) == (True, None)
    metadata = metadata_of(client, operation)
    assert metadata.state == types.BatchCreateTasksMetadata.State.FAILED
    assert {index: (status.code, status.message) for index, status in metadata.failed_requests.items()} == {
        0: (3, "Payload type must be set.")
    }
    with pytest.raises(exceptions.GoogleAPICallError) as failure:
        answered(client, operation.result())
    assert "Unexpected state" in str(failure.value)


def test_a_request_id_is_taken_once(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """It names the operation, which get_operation finds; a second batch with it is rejected."""
    request = {"parent": queue, "requests": [{"parent": queue, "task": {"http_request": {"url": URL}}}]}
    first = client.batch_create_tasks(request={**request, "request_id": "a"})
    assert first.operation.name.endswith("/operations/a")
    with pytest.raises(exceptions.BadRequest) as refusal:
        client.batch_create_tasks(request={**request, "request_id": "a"})
    assert text_of(refusal.value) == "Duplicate operation id in the batch request: a"
    cloud_tasks.assert_enqueued(count=1)
    assert client.get_operation(request={"name": first.operation.name}) == first.operation


def test_a_batch_over_the_limit_is_rejected(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """The call itself raises, and nothing is created."""
    requests = creations(queue, *[f"t{number}" for number in range(101)])
    with pytest.raises(exceptions.BadRequest) as refusal:
        client.batch_create_tasks(parent=queue, requests=requests)
    assert text_of(refusal.value) == "A maximum of 100 tasks can be created in a single batch, but got 101 tasks."
    cloud_tasks.assert_nothing_enqueued()


def test_a_missing_operation_is_not_found(client: Any, parent: str) -> None:
    """An operation that no batch has begun isn't there."""
    with pytest.raises(exceptions.NotFound) as refusal:
        client.get_operation(request={"name": f"{parent}/operations/none"})
    assert text_of(refusal.value) == "Requested entity was not found."


def test_an_operation_can_be_asked_for_by_the_transport_s_own_client(client: Any, queue: str) -> None:
    """The client for operations that the transport carries along talks to the fake; what is done stays done.

    REST has no path for what isn't served.
    """
    operation = client.batch_create_tasks(parent=queue, requests=creations(queue, "a"))
    operations = client.transport.operations_client
    assert answered(client, operations.get_operation(operation.operation.name)) == operation.operation
    assert answered(client, operation.cancel()) is False
    if client.transport.kind == "rest":
        with pytest.raises(exceptions.NotFound):
            operations.cancel_operation(operation.operation.name)
        return
    with pytest.raises(exceptions.Forbidden) as refusal:
        answered(client, operations.cancel_operation(operation.operation.name))
    assert text_of(refusal.value) == (
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other"
        " form of API consumer identity to call this API."
    )


@pytest.mark.cloud_tasks(auto_create_queues=True)
def test_a_batch_creates_a_missing_queue_where_that_is_asked_for(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """The option counts for batches as for single tasks."""
    CloudTasksClient().batch_create_tasks(
        parent=f"{parent}/queues/new", requests=creations(f"{parent}/queues/new", "a")
    )
    cloud_tasks.assert_enqueued(queue="new", name="a")


@pytest.mark.cloud_tasks(queues=["work"], eager=True)
def test_a_batch_is_dispatched_eagerly(cloud_tasks: FakeCloudTasks, client: Any, parent: str) -> None:
    """With eager dispatch all its tasks have been worked off when the call returns."""
    queue = f"{parent}/queues/work"
    target = cloud_tasks.route(URL)
    operation = client.batch_create_tasks(parent=queue, requests=creations(queue, "a", "b"))
    assert [request.headers["X-CloudTasks-TaskName"] for request in target.calls] == ["a", "b"]
    assert [task.dispatch_count for task in answered(client, operation.result()).tasks] == [0, 0]
    assert cloud_tasks.tasks() == []


# --- locations and CMEK configs ----------------------------------------------------------------------------------


def test_the_fake_has_its_location(client: Any, parent: str) -> None:
    """It is the one of the settings."""
    location = client.get_location(request={"name": parent})
    assert (location.name, location.location_id) == (parent, "us-central1")
    found = client.list_locations(request={"name": "projects/test-project"})
    assert list(found.locations) == [location]


def test_a_cmek_config_is_kept(client: Any, parent: str) -> None:
    """What is set is given back; nothing is encrypted by it."""
    name = f"{parent}/cmekConfig"
    key = f"{parent}/keyRings/ring/cryptoKeys/key"
    assert client.get_cmek_config(name=name) == types.CmekConfig(name=name)
    config = types.CmekConfig(name=name, kms_key=key)
    assert client.update_cmek_config(cmek_config=config) == config
    assert client.get_cmek_config(name=name) == config
