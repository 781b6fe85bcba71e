"""Fuzz tests of the endpoints. Mistakes that they found have separate tests in the other modules."""

from __future__ import annotations

import http.client
import json
import socket
from base64 import b64encode
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import grpc
import pytest
import requests
from google.cloud import tasks_v2
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks, strategies
from pytest_cloudtasks._messages.api_versions import TYPES
from pytest_cloudtasks._messages.methods import methods_of
from tests.patience import LONGEST_DEADLINE, PATIENCE

from .clients import PARENT, QUEUE, over_grpc
from .rest import address_of, sent

pytestmark = [pytest.mark.cloud_tasks(queues=["default"]), pytest.mark.needs("batches")]
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
METHODS = [method for api in TYPES for method in methods_of(api).values()]
REFUSED = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ABORTED"}
REFUSED |= {"UNIMPLEMENTED", "PERMISSION_DENIED", "OUT_OF_RANGE"}
"""Statuses of refusals: neither INTERNAL nor UNKNOWN, which would be a mistake of ours."""


def state_of(fake: FakeCloudTasks) -> Any:
    """Return everything that calls can change."""
    service = fake._synced().service
    queues = [
        (name, repr(queue.config), queue.state, repr(queue.policy), sorted(queue.tasks))
        for name, queue in service.queues.items()
    ]
    return len(list(fake._synced().history.events())), len(service.accepted), queues, dict(service.kms_keys)


def json_names() -> list[str]:
    """Return names of fields, which reach deeper than random names."""
    names = {"@type", "foo", ""}

    def add(descriptor: Any, depth: int) -> None:
        for field in descriptor.fields:
            names.update((field.name, field.json_name))
            if field.message_type is not None and depth:
                add(field.message_type, depth - 1)

    for method in METHODS:
        add(method.request_class.DESCRIPTOR, 4)
    return sorted(names)


NAMES = st.sampled_from(json_names())
WORDS = st.sampled_from(
    [
        *(PARENT, QUEUE, f"{QUEUE}/tasks/t", f"{PARENT}/queues/new", f"{PARENT}/cmekConfig", "https://a.test/"),
        *("POST", "FULL", "60s", "-1s", "9e9s", "2030-01-01T00:00:00Z", "0000-00-00", "rateLimits,name", "*", ".", ","),
        *("NaN", "-Infinity", "1e400", "4294967296", "true", "aGk=", "%", "\x00", "\ud800", "𝄞" * 9, "a" * 3000),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    WORDS,
    st.text(max_size=20),
    st.binary(max_size=9).map(lambda data: b64encode(data).decode()),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
TEXTS = VALUES.map(lambda value: json.dumps(value).encode())
CUT = st.builds(lambda data, at: data[: int(len(data) * at)], TEXTS, st.floats(0, 1))
BODIES = st.one_of(TEXTS, TEXTS, CUT, st.binary(max_size=60), st.just(b""), st.just(b"[" * 3000))
PATHS = st.one_of(
    st.builds(
        lambda version, name, verb: f"/{version}/{name}{verb}",
        st.sampled_from(["v2", "v2beta3", "v2beta2", "v9", ""]),
        WORDS.filter(lambda word: "/" in word) | st.just(f"{QUEUE}/tasks") | st.just(f"{PARENT}/queues"),
        st.sampled_from(
            [*[""] * 6, *(":pause", ":purge", ":run", ":buffer", ":lease", ":batchCreate", ":getIamPolicy")]
        )
        | st.text(max_size=4),
    ),
    st.just("/api/queue/update"),
    st.text(max_size=30).map(lambda text: f"/{text}"),
)
QUERIES = st.lists(st.tuples(NAMES | st.text(max_size=5), WORDS | st.text(max_size=9)), max_size=3)
VERBS = st.sampled_from(["GET", "POST", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "PRI"])
TYPES_OF_CONTENT = st.sampled_from(
    [
        "application/json",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "text/plain",
        "é",
        "",
    ]
)


def quoted(text: str) -> str:
    return quote(text, safe="/:*@", errors="surrogatepass")


@given(verb=VERBS, path=PATHS, query=QUERIES, body=BODIES, kind=TYPES_OF_CONTENT)
def test_any_request(
    cloud_tasks: FakeCloudTasks,
    cloud_tasks_server: CloudTasksServer,
    verb: str,
    path: str,
    query: list[tuple[str, str]],
    body: bytes,
    kind: str,
) -> None:
    """Any HTTP request either succeeds, or gets an error in Google's form and changes nothing."""
    before = state_of(cloud_tasks)
    target = quoted(path) + ("?" if query else "") + "&".join(f"{quoted(key)}={quoted(value)}" for key, value in query)
    connection = http.client.HTTPConnection(*address_of(cloud_tasks_server), timeout=PATIENCE)
    headers = {"Content-Type": kind.encode("latin-1").decode("latin-1")}
    connection.request(verb, target, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.headers["Content-Type"] == "text/html; charset=UTF-8":
        assert answer.status == 404
    else:
        assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
        if answer.status != 200:
            assert json.loads(text)["error"]["code"] == answer.status
            assert json.loads(text)["error"]["status"] in REFUSED
    if answer.status != 200:
        assert state_of(cloud_tasks) == before


@given(method=st.sampled_from(METHODS), data=st.data())
def test_any_bytes_for_a_method(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, method: Any, data: st.DataObject
) -> None:
    """An RPC with any bytes either succeeds, or gets an error and changes nothing."""
    before = state_of(cloud_tasks)
    request = data.draw(st.binary(max_size=60) | invalid_request(method.request_class))
    with grpc.insecure_channel(cloud_tasks_server.grpc_target) as channel:
        code = channel.unary_unary(method.path).future(request, timeout=LONGEST_DEADLINE).code()
    if code is not grpc.StatusCode.OK:
        assert code.name in REFUSED
        assert state_of(cloud_tasks) == before


@st.composite
def invalid_request(draw: st.DrawFn, kind: Any) -> bytes:
    """Return a request whose fields have random values of their types, with some bytes changed."""
    message = kind()
    fill(draw, message, 3)
    data = bytearray(message.SerializeToString())
    for at in draw(st.lists(st.integers(0, max(len(data) - 1, 0)), max_size=2)):
        if data:
            data[at] = draw(st.integers(0, 255))
    return bytes(data)


def fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        value = getattr(message, field.name)
        if field.message_type is not None:
            if hasattr(value, "SetInParent") and depth:
                value.SetInParent()
                fill(draw, value, depth - 1)
            elif hasattr(value, "add") and depth:
                fill(draw, value.add(), depth - 1)
        elif field.type == field.TYPE_STRING and isinstance(value, str):
            setattr(message, field.name, draw(WORDS.filter(lambda word: word != "\ud800") | st.text(max_size=9)))
        elif field.type == field.TYPE_BYTES and isinstance(value, bytes):
            setattr(message, field.name, draw(st.binary(max_size=9)))
        elif isinstance(value, bool):
            setattr(message, field.name, True)
        elif isinstance(value, int):
            bound = 2**31 if "32" in str(field.cpp_type) or field.cpp_type in (1, 8) else 2**63
            setattr(message, field.name, draw(st.integers(-bound, bound - 1)))
        elif isinstance(value, float):
            setattr(message, field.name, draw(st.floats()))


GARBAGE = st.one_of(
    st.binary(min_size=1, max_size=80),
    st.lists(
        st.sampled_from(
            [
                *(
                    b"GET",
                    b"POST",
                    b" ",
                    b"/v2/x",
                    b" HTTP/1.1",
                    b" HTTP/9.9",
                    b"\r\n",
                    b"\r\n\r\n",
                    b"\n",
                    b"\x00",
                    b"\xff",
                ),
                *(b"Host: localhost", b"Host: a", b"Connection: close", b"Content-Type: application/json"),
                *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: x"),
                *(b"Transfer-Encoding: chunked", b"zz\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"Content-Encoding: gzip"),
                *(b"Upgrade: websocket", b"Expect: 100-continue", b"Expect: x", b"a" * 9000, b": ", b"PRI * HTTP/2.0"),
            ]
        ),
        min_size=1,
        max_size=12,
    ).map(b"".join),
)


@given(data=GARBAGE)
def test_any_bytes_at_the_port_of_rest(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, data: bytes
) -> None:
    """Bytes that are not HTTP change nothing; answers have Google's form, and the server goes on."""
    before = state_of(cloud_tasks)
    received = sent(cloud_tasks_server, data)
    for head in received.split(b"HTTP/1.")[1:]:
        status = int(head.split(b" ")[1])
        if status not in (100, 200):
            kind = b"text/html" if status == 404 and b"<!DOCTYPE html>" in head else b"application/json"
            assert b"\r\nContent-Type: " + kind + b"; charset=UTF-8\r\n" in head
    assert state_of(cloud_tasks) == before
    connection = http.client.HTTPConnection(*address_of(cloud_tasks_server), timeout=PATIENCE)
    connection.request("GET", f"/v2/{QUEUE}")
    assert connection.getresponse().status == 200
    connection.close()


@given(data=st.binary(min_size=1, max_size=80), is_http2=st.booleans())
@settings(max_examples=8)
def test_any_bytes_at_the_port_of_grpc(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, data: bytes, is_http2: bool
) -> None:
    """Bytes that are not HTTP/2, or stop being it, change nothing, and the server goes on."""
    before = state_of(cloud_tasks)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" if is_http2 else b""
    with socket.create_connection(address_of(cloud_tasks_server, grpc=True), timeout=PATIENCE) as connection:
        connection.sendall(preface + data)
    assert state_of(cloud_tasks) == before
    with grpc.insecure_channel(cloud_tasks_server.grpc_target) as channel:
        grpc.channel_ready_future(channel).result(timeout=PATIENCE)


@given(task=strategies.tasks(as_dict=True), invalid=strategies.invalid_tasks(now=START, parent=QUEUE))
@pytest.mark.cloud_tasks(start=START)
def test_the_endpoints_say_what_the_client_says(
    cloud_tasks: FakeCloudTasks,
    cloud_tasks_server: CloudTasksServer,
    task: dict[str, Any],
    invalid: tuple[Any, Exception],
) -> None:
    """A valid task is equal over REST and in the process; an invalid one gets the same error over gRPC."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    made = json_format.MessageToDict(tasks_v2.Task.pb(tasks_v2.Task(task)))
    created = requests.post(url, json={"task": made, "responseView": "FULL"}, timeout=PATIENCE).json()
    stored = cloud_tasks.client().get_task(request={"name": created["name"], "response_view": "FULL"})
    assert json_format.ParseDict(created, tasks_v2.Task.pb()()) == tasks_v2.Task.pb(stored)
    message, expected = invalid
    with over_grpc(cloud_tasks_server) as client, pytest.raises(type(expected)) as refused:
        client.create_task(parent=QUEUE, task=message)
    assert str(refused.value) == str(expected)
