"""Tests of HTTP requests that are not valid calls: each gets an error in Google's form, and nothing changes."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
import requests
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from pytest_cloudtasks._clients.router import Receiver
from pytest_cloudtasks._messages.grpc_errors import rpc_error
from pytest_cloudtasks._messages.rest import MAX_BODY
from pytest_cloudtasks._server.grpc_endpoint import asyncio_grpc_server, grpc_server
from pytest_cloudtasks._server.rest_runner import event_loop_thread
from pytest_cloudtasks._service.errors import BadRequest, Code, ServiceError
from tests.patience import LONGEST_DEADLINE, PATIENCE

from .clients import QUEUE, TASK, over_grpc
from .rest import address_of, error, invalid, not_found_page, sent
from .test_relay import TLS_TOLD

pytestmark = pytest.mark.cloud_tasks(queues=["default"])
V2 = "type.googleapis.com/google.cloud.tasks.v2"
URL = "https://a.test/"
JSON = {"Content-Type": "application/json"}
QUEUE_ID_RULE = (
    "can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must be between 1 and 100"
    " characters."
)


def posted(server: CloudTasksServer, body: Any, path: str = f"/v2/{QUEUE}/tasks") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(f"{server.rest_url}{path}", data=data, headers=JSON, timeout=PATIENCE)
    assert answer.status_code == 400
    return answer.json()


def unknown(name: str, where: str = "", why: str = "Cannot find field.") -> tuple[str, str]:
    at = f" at '{where}'" if where else ""
    return where, f'Invalid JSON payload received. Unknown name "{name}"{at}: {why}'


def wrong(where: str, kind: str, value: str) -> tuple[str, str]:
    return where, f"Invalid value at '{where}' ({kind}), {value}"


NOT_REPEATING = "Proto field is not repeating, cannot start list."


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({"foo": 1}, [unknown("foo")]),
        ({"task": {"foo": {"bar": 1}}}, [unknown("foo", "task")]),
        ({"task": {"httpRequest": {"uri": URL}}}, [unknown("uri", "task.http_request")]),
        ({"task": "one"}, [wrong("task", f"{V2}.Task", '"one"')]),
        ({"task": [{}]}, [unknown("task", "", NOT_REPEATING)]),
        ({"task": {"httpRequest": [1]}}, [unknown("httpRequest", "task", NOT_REPEATING)]),
        ({"task": {"httpRequest": {"url": 5}}}, [wrong("task.http_request.url", "TYPE_STRING", "5")]),
        (
            {"task": {"httpRequest": {"body": "hello!"}}},
            [wrong("task.http_request.body", "TYPE_BYTES", 'Base64 decoding failed for "hello!"')],
        ),
        (
            {"task": {"http_request": {"http_method": "FETCH"}}},
            [wrong("task.http_request.http_method", f"{V2}.HttpMethod", '"FETCH"')],
        ),
        (
            {"task": {"scheduleTime": "tomorrow"}},
            [
                wrong(
                    "task.schedule_time",
                    "type.googleapis.com/google.protobuf.Timestamp",
                    "Field 'scheduleTime', Illegal timestamp format; timestamps must end with 'Z' or have a valid"
                    " timezone offset.",
                )
            ],
        ),
        (
            {"task": {"dispatchDeadline": 30}},
            [
                wrong(
                    "task.dispatch_deadline",
                    "type.googleapis.com/google.protobuf.Duration",
                    "Field 'dispatchDeadline', Invalid data type for duration, value is 30",
                )
            ],
        ),
        (
            {"task": {"httpRequest": {"headers": ["a"]}}},
            [wrong("task.http_request", "Map", "Cannot bind a list to map for field 'headers'.")],
        ),
        (
            {"task": {"httpRequest": {"headers": "a"}}},
            [wrong("task.http_request.headers", f"{V2}.HttpRequest.HeadersEntry", '"a"')],
        ),
        (
            {"task": {"httpRequest": {"url": {}}}},
            [wrong("task.http_request", "url", "Starting an object on a scalar field")],
        ),
        ({"": 1}, [unknown("", "", "Proto fields must have a name.")]),
        (
            {"task": {"dispatchCount": [1], "foo": [{}]}},
            [unknown("dispatchCount", "task", NOT_REPEATING), unknown("foo", "task")],
        ),
        (
            {"task": {"httpRequest": {"headers": {"A": "1", "B": 2}}}},
            [wrong("task.http_request.headers[1].value", "TYPE_STRING", "2")],
        ),
        ({"responseView": "HUGE"}, [wrong("response_view", f"{V2}.Task.View", '"HUGE"')]),
        (
            {"task": {"foo": 1, "dispatchCount": "x"}, "bar": 2},
            [unknown("foo", "task"), wrong("task.dispatch_count", "TYPE_INT32", '"x"'), unknown("bar")],
        ),
        (
            {"task": {"httpRequest": {"url": URL}, "appEngineHttpRequest": {}}},
            [
                (
                    "task",
                    "Invalid value at 'task' (oneof), oneof field 'message_type' is already set. Cannot set"
                    " 'appEngineHttpRequest'",
                )
            ],
        ),
    ],
)
def test_unknown_fields_and_wrong_values(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, body: Any, violations: list[tuple[str, str]]
) -> None:
    """The error names each one with its path, in Google's words."""
    assert posted(cloud_tasks_server, body) == invalid(*violations)
    cloud_tasks.assert_nothing_enqueued()
    assert cloud_tasks.rpcs == []


def test_a_field_of_a_body_that_is_a_field(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """If the body is the queue, paths begin at the queue."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    answer = requests.patch(url, json={"rateLimits": {"maxConcurrent": 1, "maxBurstSize": 1e99}}, timeout=PATIENCE)
    assert answer.json() == invalid(
        unknown("maxConcurrent", "queue.rate_limits"), wrong("queue.rate_limits.max_burst_size", "TYPE_INT32", "1e+99")
    )


@pytest.mark.parametrize(
    ("query", "violation"),
    [
        (
            "foo=1",
            unknown("foo", "", "Cannot bind query parameter. Field 'foo' could not be found in request message."),
        ),
        (
            "name.first=1",
            unknown(
                "name.first",
                "",
                "Cannot bind query parameter. Field 'name.first' could not be found in request message.",
            ),
        ),
        ("pageSize=many", wrong("page_size", "TYPE_INT32", '"many"')),
        ("pageSize=", wrong("page_size", "TYPE_INT32", '""')),
        ("responseView=ALL", wrong("response_view", f"{V2}.Task.View", '"ALL"')),
    ],
)
def test_query_parameters_that_do_not_fit(
    cloud_tasks_server: CloudTasksServer, query: str, violation: tuple[str, str]
) -> None:
    """A parameter has to match a field of the request; otherwise it is rejected."""
    answer = requests.get(f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks?{query}", timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (400, invalid(violation))


def test_a_body_that_is_not_an_object(cloud_tasks_server: CloudTasksServer) -> None:
    """The request has to be a JSON object."""
    for body in (b"[]", b'"task"', b"5", b"null"):
        assert posted(cloud_tasks_server, body) == invalid(
            ("", 'Invalid JSON payload received. Unknown name "": Root element must be a message.')
        )


def test_a_form_where_json_is_meant(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """curl -d without a Content-Type sends a form, and so may any web page: the error says what to do."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(url, data='{"task":{}}', headers=headers, timeout=PATIENCE)
    told = (
        "The request's body has the Content-Type 'application/x-www-form-urlencoded'. This server takes a body only as"
        " JSON, because every web page can make a browser send other types. Send JSON with the header `Content-Type:"
        " application/json`, or send no body."
    )
    assert answer.json() == error(400, "INVALID_ARGUMENT", told)
    cloud_tasks.assert_nothing_enqueued()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"task": ', "Unexpected end of string. Expected a value.\n\n^"),
        (b'{"task": {} "a"}', 'Expected , or } after key:value pair.\n{"task": {} "a"}\n            ^'),
        (b'{"task": {"\\udc00": 1}}', 'Invalid unicode code point.\n{"task": {"\\udc00": 1}}\n           ^'),
        (b'{"task": \xff}', "Encountered non UTF-8 code points."),
        (b'{"task": ' + b"9" * 5000 + b"}", f'Number exceeds the range of double.\n{{"task": {"9" * 20}\n         ^'),
        (b"[" * 100_000, "Message too deep. Max recursion depth reached for key ''"),
    ],
    ids=["cut", "comma", "surrogate", "bytes", "number", "depth"],
)
def test_a_body_that_is_not_json(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, body: bytes, told: str
) -> None:
    """The error has Google's words with the place of the mistake, and no details."""
    expected = error(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {told}")
    assert posted(cloud_tasks_server, body) == expected
    assert cloud_tasks.rpcs == []


def test_a_byte_order_mark_is_passed_over(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """Some tools on Windows write one, and the server ignores it."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    body = b"\xef\xbb\xbf" + json.dumps({"task": {"httpRequest": {"url": URL}}}).encode()
    assert requests.post(url, data=body, headers=JSON, timeout=PATIENCE).status_code == 200
    cloud_tasks.assert_enqueued(url=URL)


def test_a_body_that_is_too_large(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The limit and the error are those of Google's front end, also for a compressed body."""
    expected = error(400, "INVALID_ARGUMENT", f"Request payload size exceeds the limit: {MAX_BODY} bytes.")
    assert posted(cloud_tasks_server, b" " * (MAX_BODY + 1)) == expected
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    packed = gzip.compress(b" " * (MAX_BODY + 1))
    answer = requests.post(url, data=packed, headers={**JSON, "Content-Encoding": "gzip"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (400, expected)
    assert cloud_tasks.rpcs == []


def test_a_large_body_within_the_limit(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The service rejects a task for its size, not the server."""
    body = {"task": {"httpRequest": {"url": URL, "body": "A" * 2_000_000}}}
    assert posted(cloud_tasks_server, body) == error(400, "INVALID_ARGUMENT", "Task size too large")


def test_a_body_that_cannot_be_unpacked(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """Its header names gzip, and its bytes are something else."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    answer = requests.post(url, data=b"plain", headers={**JSON, "Content-Encoding": "gzip"}, timeout=PATIENCE)
    expected = error(400, "INVALID_ARGUMENT", "The request's body can't be unpacked: it is not gzip.")
    assert (answer.status_code, answer.json()) == (400, expected)
    assert cloud_tasks.rpcs == []


def test_a_broken_body_is_not_logged(cloud_tasks_server: CloudTasksServer, caplog: pytest.LogCaptureFixture) -> None:
    """The answer names the error, which is the client's and not the server's."""
    head = f"POST /v2/{QUEUE}/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
    data = f"{head}Content-Type: application/json\r\nContent-Length: 5\r\n\r\nplain"
    assert sent(cloud_tasks_server, data.encode(), ends=False).startswith(b"HTTP/1.1 400 ")
    assert [one for one in caplog.records if one.levelno > logging.DEBUG] == []


def test_half_a_request(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """A request that breaks off in its body does nothing, and other callers get their answers meanwhile."""
    headers = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 999"
    head = f"POST /v2/{QUEUE}/tasks HTTP/1.1\r\n{headers}\r\n\r\n"
    with socket.create_connection(address_of(cloud_tasks_server)) as half:
        half.sendall(head.encode() + b'{"task": {"httpRequest": {"url": "https://a.test/"}}}')
        url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
        assert requests.get(url, timeout=PATIENCE).status_code == 200
    sent(cloud_tasks_server, head.encode() + b"{}")
    cloud_tasks.assert_nothing_enqueued()
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]


def test_a_slow_client(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """A request may come byte by byte, while others are answered."""
    body = b'{"task": {"httpRequest": {"url": "https://a.test/"}}}'
    head = f"POST /v2/{QUEUE}/tasks HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with over_grpc(cloud_tasks_server) as client, socket.create_connection(address_of(cloud_tasks_server)) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in head.encode() + body:
            slow.sendall(bytes([one]))
        client.get_queue(name=QUEUE)
        assert slow.recv(65536).startswith(b"HTTP/1.0 200 OK\r\n")
    cloud_tasks.assert_enqueued(url=URL)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
        b"GET /v2/x HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /v2/x HTTP/1.1\r\nno header\r\n\r\n",
        b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\nhello",
        b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 8_300 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 8_300 + b"\r\n\r\n",
        b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nBad Name: b\r\n\r\n",
        b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nB\xc3\xa9: b\r\n\r\n",
        b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\n: b\r\n\r\n",
    ],
    ids=[
        *("zeros", "TLS", "PRI", "version", "header", "length", "smuggling", "long path", "long header"),
        *("header name", "header name not ASCII", "header without a name"),
    ],
)
def test_invalid_http(
    cloud_tasks: FakeCloudTasks,
    cloud_tasks_server: CloudTasksServer,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
) -> None:
    """Garbage gets an answer in Google's form; only TLS is logged, because it is a likely mistake."""
    head, _, body = sent(cloud_tasks_server, data, ends=False).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert b"\r\nContent-Type: application/json; charset=UTF-8" in head
    assert json.loads(body) == error(400, "INVALID_ARGUMENT", "Bad Request")
    assert requests.get(f"{cloud_tasks_server.rest_url}/v2/{QUEUE}", timeout=PATIENCE).status_code == 200
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]
    logged = [one.getMessage() for one in caplog.records if one.levelno > logging.DEBUG]
    assert logged == ([TLS_TOLD] if data.startswith(b"\x16") else [])


@pytest.mark.parametrize(
    ("start", "path"),
    [(b"OPTIONS * HTTP/1.1", "*"), (b"CONNECT a.test:443 HTTP/1.1", "a.test:443")],
    ids=["OPTIONS", "CONNECT"],
)
def test_http_methods_that_the_api_does_not_have(cloud_tasks_server: CloudTasksServer, start: bytes, path: str) -> None:
    """They get the page for unknown paths, and the connection closes if it could not go on."""
    data = start + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = sent(cloud_tasks_server, data, ends=False).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nContent-Type: text/html; charset=UTF-8\r\n" in head
    assert body.decode() == not_found_page(path)


def test_a_client_that_expects_100_continue_gets_it(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer
) -> None:
    """The server sends it before the body, and the answer after it."""
    body = b'{"task": {"httpRequest": {"url": "https://a.test/"}}}'
    headers = "Host: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue"
    head = f"POST /v2/{QUEUE}/tasks HTTP/1.1\r\n{headers}\r\n"
    with socket.create_connection(address_of(cloud_tasks_server), timeout=PATIENCE) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    cloud_tasks.assert_enqueued(url=URL)


def test_another_expectation_is_rejected(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """HTTP has only one expectation; the error for another one has Google's form."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    answer = requests.get(url, headers={"Expect": "tea"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (417, error(417, "INVALID_ARGUMENT", "Unknown Expect: tea"))
    assert cloud_tasks.rpcs == []


def status_of(server: CloudTasksServer, path: str, data: bytes) -> tuple[str, str]:
    with grpc.insecure_channel(server.grpc_target) as channel:
        call = channel.unary_unary(path).future(data, timeout=LONGEST_DEADLINE)
        return call.code().name, call.details()


CREATE = "/google.cloud.tasks.v2.CloudTasks/CreateTask"


def test_bytes_that_are_not_a_message(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """An RPC with such bytes is rejected."""
    refused = status_of(cloud_tasks_server, CREATE, b"\xff\xff\xff")
    assert refused == ("INVALID_ARGUMENT", "The request is not a CreateTaskRequest message.")
    assert cloud_tasks.rpcs == []


class Failing:
    """A backend that raises an error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def receive(self, call: Any) -> Any:
        """Raise the error."""
        raise self._error


@contextmanager
def in_threads(backend: Receiver) -> Iterator[int]:
    """Serve with the server that answers calls in threads, and yield its port."""
    server, port = grpc_server(backend, "127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextmanager
def in_an_event_loop(backend: Receiver) -> Iterator[int]:
    """Serve with the server that answers calls in the event loop, and yield its port."""

    async def begin() -> tuple[grpc.aio.Server, int]:
        server, port = asyncio_grpc_server(backend, "127.0.0.1:0")
        await server.start()
        return server, port

    with event_loop_thread() as loop:
        server, port = asyncio.run_coroutine_threadsafe(begin(), loop).result(PATIENCE)
        try:
            yield port
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(PATIENCE)


Serving = Callable[[Receiver], AbstractContextManager[int]]
both_servers = pytest.mark.parametrize("serving", [in_threads, in_an_event_loop])


def failure_over_grpc(serving: Serving, error: BaseException, data: bytes = b"") -> tuple[str, str, bool]:
    """Return code and text of a call whose backend raises ``error``, and whether it has details."""
    with serving(Failing(error)) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue").future(data, timeout=LONGEST_DEADLINE)
        return call.code().name, call.details(), "grpc-status-details-bin" in dict(call.trailing_metadata())


@both_servers
def test_a_bug_of_the_fake_itself_is_logged_over_grpc_too(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets Google's text for an internal error, and the log has the traceback, as over REST."""
    failed = failure_over_grpc(serving, ZeroDivisionError("ours"))
    assert failed == ("INTERNAL", "Internal error encountered.", False)
    (record,) = (one for one in caplog.records if one.name == "pytest_cloudtasks")
    assert record.getMessage() == "pytest-cloudtasks could not answer a request, by a mistake of its own."
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


@both_servers
def test_what_fails_the_test_reaches_a_grpc_client_in_its_own_words(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is not a bug of the fake, so it is not logged."""
    assert failure_over_grpc(serving, pytest.fail.Exception("No target.")) == ("INTERNAL", "No target.", False)
    assert [one for one in caplog.records if one.name == "pytest_cloudtasks"] == []


@both_servers
def test_bytes_that_are_not_a_message_reach_no_backend(serving: Serving) -> None:
    """The server rejects them itself."""
    failed = failure_over_grpc(serving, ZeroDivisionError("not called"), b"\xff\xff\xff")
    assert failed == ("INVALID_ARGUMENT", "The request is not a GetQueueRequest message.", False)


@both_servers
@pytest.mark.parametrize(("length", "cut", "has_details"), [(100, 100, True), (2_500, 2_000, False)])
def test_an_error_of_the_service_has_its_details_if_they_fit(
    serving: Serving, length: int, cut: int, has_details: bool
) -> None:
    """A text that is too long for a status is cut, and its details are left out."""
    details = (BadRequest((("name", "x" * length),)),)
    error = rpc_error(ServiceError(Code.INVALID_ARGUMENT, "x" * length, details), random.Random(0))
    text = "x" * cut + ("" if cut == length else "…")
    assert failure_over_grpc(serving, error) == ("INVALID_ARGUMENT", text, has_details)


def test_unknown_methods(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """grpc rejects unknown methods itself; the methods of operations are denied to every caller, as by the service."""
    assert status_of(cloud_tasks_server, "/google.cloud.tasks.v2.CloudTasks/Explode", b"")[0] == "UNIMPLEMENTED"
    assert status_of(cloud_tasks_server, "/google.longrunning.Operations/ListOperations", b"") == (
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other"
        " form of API consumer identity to call this API.",
    )


def test_a_message_that_is_too_large(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """grpc takes 4 MiB."""
    code, _ = status_of(cloud_tasks_server, CREATE, b"\x00" * (4 * 1024 * 1024 + 1))
    assert code == "RESOURCE_EXHAUSTED"
    assert cloud_tasks.rpcs == []


@pytest.mark.parametrize(
    ("queue_id", "text"),
    [
        ("é" * 30_000, f'Queue ID "{"é" * 995}…'),
        ("🙂" * 30_000, f'Queue ID "{"🙂" * 497}…'),
        ("é" * 900, f'Queue ID "{"é" * 900}" {QUEUE_ID_RULE}'),
    ],
    ids=["two bytes each", "four bytes each", "short, but not with its details"],
)
def test_a_text_that_is_too_long_for_a_status(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, queue_id: str, text: str
) -> None:
    """It is cut, without details, because a client would reject an answer with so much metadata."""
    with grpc.insecure_channel(cloud_tasks_server.grpc_target) as channel:
        name = f"projects/p/locations/l/queues/{queue_id}"
        request = tasks_v2.CreateQueueRequest(parent="projects/p/locations/l", queue={"name": name})
        data = tasks_v2.CreateQueueRequest.serialize(request)
        call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/CreateQueue").future(
            data, timeout=LONGEST_DEADLINE
        )
        refused = (call.code().name, call.details(), "grpc-status-details-bin" in dict(call.trailing_metadata()))
    assert refused == ("INVALID_ARGUMENT", text, False)


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 50, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 50],
    ids=["HTTP", "zeros", "frames"],
)
@pytest.mark.parametrize("grpc", [True, False], ids=["gRPC", "REST"])
def test_garbage_for_grpc(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, data: bytes, grpc: bool
) -> None:
    """Either port closes the connection, and the server goes on."""
    sent(cloud_tasks_server, data, grpc=grpc)
    with over_grpc(cloud_tasks_server) as client:
        client.create_task(parent=QUEUE, task=TASK)
    cloud_tasks.assert_enqueued(count=1)


def test_an_unknown_number_for_the_method(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """An enum field accepts any number over gRPC; a task with an unknown method is sent as POST."""
    for kind, where in (("httpRequest", {"url": URL}), ("appEngineHttpRequest", {})):
        body = {"task": {kind: {**where, "httpMethod": 99}}}
        answer = requests.post(f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks", json=body, timeout=PATIENCE)
        assert (answer.status_code, answer.json()[kind]["httpMethod"]) == (200, "POST")
    cloud_tasks.assert_enqueued(count=2, method="POST")
