"""Batches: several requests of the REST API in one, without a server."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks._messages.rest import answer, answer_async
from pytest_cloudtasks._messages.rest_http import RestRequest, RestResponse
from pytest_cloudtasks._messages.rpc_call import IncomingCall

QUEUE = "projects/p/locations/l/queues/q"
MIXED = ("Content-Type", 'multipart/mixed; boundary="cut"')
NAMED = json.dumps({"name": QUEUE}, indent=2) + "\n"


def receive(call: IncomingCall) -> Any:
    """Return the queue that is asked for, or the task that is to be made."""
    return tasks_v2.Queue(name=call.request.name) if call.method == "get_queue" else call.request.task


def batch(*parts: str) -> bytes:
    """Return the body that has these parts."""
    return "".join([f"--cut\r\n{part}\r\n" for part in parts] + ["--cut--\r\n"]).encode()


def asked(body: bytes, *headers: tuple[str, str]) -> RestResponse:
    """Return the response to a batch."""
    return answer(RestRequest("POST", "/batch", headers or (MIXED,), body), receive)


def message(response: RestResponse) -> str:
    """Return the message of an error, which has to be a 400."""
    assert response.status == 400
    error = json.loads(response.body)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    return str(error["message"])


PART = f"Content-Type: application/http\r\nContent-ID: <a + 1>\r\n\r\nGET /v2/{QUEUE} HTTP/1.1\r\nHost: h\r\n\r\n"


def test_each_part_has_its_response() -> None:
    """In order, errors too; the Content-ID says which request a response is for."""
    task = {"task": {"httpRequest": {"url": "https://a.test/ü"}}}
    create = f"Content-ID: b\n\nPOST /v2/{QUEUE}/tasks?prettyPrint=false\nContent-Type: application/json\n\n"
    response = asked(batch(PART, create + json.dumps(task, ensure_ascii=False), "\n\nGET /v2/nowhere?a HTTP/1.1\n"))
    assert (response.status, response.headers) == (200, (("Content-Type", "multipart/mixed; boundary=batch_1"),))
    head, _, rest = response.body.decode().partition("HTTP/1.1 404 Not Found\r\n")
    assert head == (
        "--batch_1\r\nContent-Type: application/http\r\nContent-ID: <response-a + 1>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
        f"Content-Length: {len(NAMED)}\r\n\r\n{NAMED}\r\n"
        "--batch_1\r\nContent-Type: application/http\r\nContent-ID: response-b\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: 43\r\n\r\n"
        '{"httpRequest":{"url":"https://a.test/ü"}}\r\n'
        "--batch_1\r\nContent-Type: application/http\r\n\r\n"
    )
    assert "The requested URL <code>/v2/nowhere</code> was not found" in rest
    assert rest.endswith("\r\n--batch_1--\r\n")


def test_of_a_coroutine() -> None:
    """The parts are awaited one after another."""

    async def receive_async(call: IncomingCall) -> Any:
        await asyncio.sleep(0)
        return receive(call)

    request = RestRequest("POST", "/batch", (MIXED,), batch(PART, PART))
    assert asyncio.run(answer_async(request, receive_async)) == asked(batch(PART, PART))
    nothing = RestRequest("POST", "/batch", (), b"")
    assert asyncio.run(answer_async(nothing, receive_async)).status == 400


def test_headers_of_the_batch_are_those_of_its_parts() -> None:
    """A part's own headers come first; headers about the batch's body don't apply. The body may be compressed."""
    calls: list[IncomingCall] = []

    def keep(call: IncomingCall) -> Any:
        calls.append(call)
        return receive(call)

    headers = (MIXED, ("Content-Encoding", "gzip"), ("Authorization", "of all"), ("X-Goog-User-Project", "p"))
    part = f"Content-ID: <a>\n\nGET /v2/{QUEUE} HTTP/1.1\nauthorization: own\n\n"
    answer(RestRequest("POST", "/batch", headers, gzip.compress(batch(part))), keep)
    assert [call.metadata for call in calls] == [(("authorization", "own"), ("x-goog-user-project", "p"))]


def test_a_boundary_is_in_no_response() -> None:
    """The next name is taken if one is."""
    response = asked(batch(f"Content-ID: <batch_1>\n\nGET /v2/{QUEUE} HTTP/1.1\n\n"))
    assert response.headers == (("Content-Type", "multipart/mixed; boundary=batch_2"),)


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        ((MIXED,), b"", "0 items. Received batch body: (0) bytes redacted"),
        ((MIXED,), b"no part", "0 items. Received batch body: (7) bytes redacted"),
        ((("Content-Type", "text/plain"),), batch(PART), "0 items. Received batch body: (134) bytes redacted"),
        ((MIXED,), batch(PART, "\n\nnothing\n"), "part 2 is no HTTP request."),
        ((MIXED,), batch("\n"), "part 1 is no HTTP request."),
        ((MIXED,), batch(*[PART] * 1001), "it has 1001 requests, and the limit is 1000."),
    ],
)
def test_an_invalid_batch_is_rejected_as_a_whole(headers: tuple[tuple[str, str], ...], body: bytes, why: str) -> None:
    """No part of it is a call."""
    assert message(asked(body, *headers)) == f"Failed to parse batch request, error: {why}"


def test_a_batch_in_a_batch_leads_nowhere() -> None:
    """As any unknown path."""
    part = "\n\nPOST /batch HTTP/1.1\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nGET / HTTP/1.1\n\n--x--"
    assert b"HTTP/1.1 404 Not Found\r\n" in asked(batch(part)).body
    assert answer(RestRequest("GET", "/batch", (), b""), receive).status == 404
