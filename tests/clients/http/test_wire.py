"""HTTP/1.1 as bytes."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._clients.http import wire
from pytest_cloudtasks._messages.rest_http import RestResponse


def test_a_request() -> None:
    """Its method, target, headers and body; bytes after its length are not part of it."""
    data = b"POST /v2/a?b=c HTTP/1.1\r\nHost: h\r\nX-Long: one\r\n  two\r\nContent-Length: 2\r\n\r\nhi there"
    request = wire.request_of(data)
    assert request is not None
    assert (request.method, request.target, request.body) == ("POST", "/v2/a?b=c", b"hi")
    assert request.headers == [("Host", "h"), ("X-Long", "one two"), ("Content-Length", "2")]


def test_a_body_in_chunks() -> None:
    """Sizes are hexadecimal, and may have extensions; a trailer is not part of the body."""
    data = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
    request = wire.request_of(data)
    assert request is not None
    assert request.body == b"abc0123456789"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: h\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_request_that_is_not_whole(data: bytes) -> None:
    """There is no request yet."""
    assert wire.request_of(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_an_invalid_request(data: bytes) -> None:
    """It is an error."""
    with pytest.raises(ValueError):
        wire.request_of(data)


def test_a_response() -> None:
    """It has its length, and says that no other follows; to HEAD it has no body; a status may have no words."""
    response = RestResponse(404, (("A", "b"),), b"body")
    assert wire.bytes_of(wire.completed(response, "GET")) == (
        b"HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )
    assert wire.bytes_of(wire.completed(response._replace(status=599), "HEAD")) == (
        b"HTTP/1.1 599 \r\nA: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    )


def test_a_request_that_waits() -> None:
    """Its head says so, in any case."""
    assert wire.expects_continue(b"PUT / HTTP/1.1\r\nEXPECT: 100-Continue\r\n\r\n")
    assert not wire.expects_continue(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\n")
    assert not wire.expects_continue(b"PUT / HTTP/1.1\r\nHost: h\r\n\r\nExpect: 100-continue\r\n")
