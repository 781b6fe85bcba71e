"""Tests of the REST requests that Firebase's Admin SDKs send to an emulator, and of the port for REST and gRPC."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.patience import PATIENCE

from .clients import TASK, over_rest
from .rest import address_of, error

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
FUNCTIONS = "http://127.0.0.1:5001"
pytestmark = pytest.mark.cloud_tasks(
    queues=["resize"], project="shop", start=START, firebase_functions=FUNCTIONS, on_exception="500"
)
QUEUE = "projects/shop/locations/us-central1/queues/resize"
BODY = {"data": {"image": 7}}


@pytest.fixture
def url(cloud_tasks_server: CloudTasksServer) -> str:
    """Return the URL at which the Admin SDKs create tasks if only the variable is set."""
    return f"http://{os.environ['CLOUD_TASKS_EMULATOR_HOST']}/{QUEUE}/tasks"


def sdk_task(**fields: Any) -> dict[str, Any]:
    """Return the Python Admin SDK's request for a task without options."""
    request = {
        "url": "",
        "oidcToken": {"serviceAccountEmail": "emulated-service-acct@email.com"},
        "body": base64.b64encode(json.dumps(BODY).encode()).decode(),
        "headers": {"Content-Type": "application/json"},
    }
    return {"task": {"httpRequest": request, "name": None, "scheduleTime": None, "dispatchDeadline": None, **fields}}


def asked(verb: str, url: str, **options: Any) -> requests.Response:
    """Return the server's answer to a request with the SDKs' token."""
    return requests.request(verb, url, headers={"Authorization": "Bearer owner"}, timeout=PATIENCE, **options)


def test_a_task_without_a_url_goes_to_its_function(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The function has the queue's name. The task gets no token, because the URL is http."""
    function = cloud_tasks.route(f"{FUNCTIONS}/shop/us-central1/resize").returns(503, 204)
    assert asked("POST", url, json=sdk_task()).status_code == 200
    cloud_tasks.drain()
    assert [call.json for call in function.calls] == [BODY, BODY]
    assert "Authorization" not in function.calls[0].headers
    assert function.calls[0].headers["X-CloudTasks-QueueName"] == "resize"


def test_the_answer_has_the_task_twice(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The Python SDK reads the name in ``task``, without its first character; others read the task itself."""
    answer = asked("POST", url, json=sdk_task(name=f"{QUEUE}/tasks/a")).json()
    assert (answer["name"], answer["task"]["name"]) == (f"{QUEUE}/tasks/a", f"/{QUEUE}/tasks/a")
    assert {**answer["task"], "name": answer["name"]} == {name: answer[name] for name in answer if name != "task"}
    assert answer["httpRequest"] == {
        "url": f"{FUNCTIONS}/shop/us-central1/resize",
        "httpMethod": "POST",
        "headers": {"User-Agent": "Google-Cloud-Tasks", "Content-Type": "application/json"},
    }


def test_a_url_of_the_tasks_own(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The URL stays; only an https URL gets a token."""
    for target in ("https://worker.test/a", "http://localhost:8080/a"):
        task = sdk_task()
        task["task"]["httpRequest"]["url"] = target
        assert asked("POST", url, json=task).status_code == 200
    secure, plain = cloud_tasks.tasks()
    assert (secure.url, plain.url) == ("https://worker.test/a", "http://localhost:8080/a")
    account = "emulated-service-acct@email.com"
    assert secure.oidc == {"service_account_email": account, "audience": "https://worker.test/a"}
    assert plain.oidc is None


def test_the_sdks_options(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Time, deadline and ID have the same effect as in v2."""
    at = "2030-01-01T01:00:00.000000Z"
    options = {"name": f"{QUEUE}/tasks/a", "scheduleTime": at, "dispatchDeadline": "60s"}
    asked("POST", url, json=sdk_task(**options))
    record = cloud_tasks.assert_enqueued(name="a", delay=timedelta(hours=1), deadline=timedelta(seconds=60))
    assert record.url == f"{FUNCTIONS}/shop/us-central1/resize"


def test_deleted_and_deduplicated_by_id(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The errors are those of v2: 409 for an ID that was used, 404 for one that wasn't."""
    task = sdk_task(name=f"{QUEUE}/tasks/a")
    deleted = [asked("POST", url, json=task), asked("DELETE", f"{url}/a"), asked("POST", url, json=task)]
    assert [answer.status_code for answer in deleted] == [200, 200, 409]
    assert deleted[1].json() == {}
    assert deleted[2].json()["error"]["status"] == "ALREADY_EXISTS"
    assert asked("DELETE", f"{url}/b").status_code == 404
    cloud_tasks.assert_empty()


def test_a_queue_that_is_missing(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The error is that of v2."""
    answer = asked("POST", url.replace("resize", "other"), json=sdk_task())
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.cloud_tasks(firebase_functions="")
def test_no_address_of_functions(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """The error names the option, and the call is recorded."""
    answer = asked("POST", url, json=sdk_task())
    sentence = (
        "This task has no URL. So it is for the Firebase function resize, and the fake has no address of functions."
        " Set the option firebase_functions (of serve: --firebase-functions) to the base URL of a server that runs"
        " them, such as http://127.0.0.1:5001."
    )
    assert (answer.status_code, answer.json()) == (400, error(400, "INVALID_ARGUMENT", sentence))
    (call,) = cloud_tasks.rpcs
    assert (call.method, str(call.error)) == ("create_task", f"INVALID_ARGUMENT: {sentence}")


def test_paths_with_a_version_are_the_services_own(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """They reject a task without a URL as Cloud Tasks does, and a token for http."""
    own = url.replace("/projects/", "/v2/projects/")
    answer = asked("POST", own, json=sdk_task())
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "HttpRequest.url is required.")
    task = sdk_task()
    task["task"]["httpRequest"]["url"] = "http://localhost:8080/a"
    assert asked("POST", own, json=task).json()["error"]["message"] == (
        "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header"
    )


def test_every_path_without_a_version_is_one_of_v2(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Queues and tasks are read as under /v2."""
    asked("POST", url, json=sdk_task(name=f"{QUEUE}/tasks/a"))
    queue = url.removesuffix("/tasks")
    for path in (queue, url, f"{url}/a"):
        answer = asked("GET", path)
        assert answer.status_code == 200
        assert answer.json() == asked("GET", path.replace("/projects/", "/v2/projects/")).json()


# --- the port ----------------------------------------------------------------------------------------------------


@pytest.fixture
def grpc_client(cloud_tasks_server: CloudTasksServer) -> Iterator[tasks_v2.CloudTasksClient]:
    """Return Google's client over gRPC, at the address of the variable."""
    with grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"]) as channel:
        yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def test_grpc_and_rest_at_one_port(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, grpc_client: tasks_v2.CloudTasksClient, url: str
) -> None:
    """The port of the variable accepts both."""
    assert url.startswith(cloud_tasks_server.rest_url)
    grpc_client.create_task(parent=QUEUE, task=TASK)
    asked("POST", url, json=sdk_task())
    with over_rest(cloud_tasks_server) as client:
        client.create_task(parent=QUEUE, task=TASK)
    grpc_client.create_task(parent=QUEUE, task=TASK)
    cloud_tasks.assert_enqueued(count=4)


def test_large_messages_over_grpc(cloud_tasks: FakeCloudTasks, grpc_client: tasks_v2.CloudTasksClient) -> None:
    """Messages larger than a socket's buffer arrive complete, in both directions and from several threads."""

    def round_trip(number: int) -> None:
        body = bytes([number]) * 700_000
        task = {"http_request": {"url": "https://w.test/", "body": body}}
        made = grpc_client.create_task(parent=QUEUE, task=task)
        view = tasks_v2.Task.View.FULL
        assert grpc_client.get_task(request={"name": made.name, "response_view": view}).http_request.body == body

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(round_trip, range(8)))
    cloud_tasks.assert_enqueued(count=8)


@pytest.mark.parametrize("parts", [(b"P", b"RI * HT"), (b"",)], ids=["a part", "nothing"])
def test_a_connection_that_says_no_more(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, parts: tuple[bytes, ...], url: str
) -> None:
    """A connection that is silent or ends too early is closed; others are served meanwhile."""
    with socket.create_connection(address_of(cloud_tasks_server), timeout=PATIENCE) as connection:
        for part in parts:
            connection.sendall(part)
        assert asked("POST", url, json=sdk_task()).status_code == 200
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""


def test_a_server_that_ends_closes_every_connection(cloud_tasks: FakeCloudTasks) -> None:
    """It closes silent connections and gRPC connections."""
    with CloudTasksServer(cloud_tasks) as server:
        silent = socket.create_connection(address_of(server), timeout=PATIENCE)
        speaking = socket.create_connection(address_of(server), timeout=PATIENCE)
        speaking.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert speaking.recv(1)
    with silent, speaking:
        for connection in (silent, speaking):
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
