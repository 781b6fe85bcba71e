"""HTTP/1.1 as bytes: requests that a client library writes to its connection, and responses that it reads."""

from __future__ import annotations

import re

from ..._messages import rest_http
from ..._messages.rest_http import RestRequest, RestResponse


def request_of(data: bytes) -> RestRequest | None:
    """Return the request in ``data``; None while a part of it is missing. Raise ValueError if it is not a request."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    first, *lines = re.sub(rb"\r\n[ \t]+", b" ", head).decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = {name.lower(): value for name, value in headers}
    if "chunked" in named.get("transfer-encoding", "").lower():
        body = _joined(rest)
    else:
        length = int(named.get("content-length") or 0)
        body = rest[:length] if len(rest) >= length else None
    return None if body is None else RestRequest(method, target, headers, body)


def expects_continue(data: bytes) -> bool:
    """Return whether ``data`` is the head of a request that waits for "100 Continue" before its body."""
    head, end, _ = data.partition(b"\r\n\r\n")
    return bool(end) and re.search(rb"\r\nexpect:[ \t]*100-continue", head, re.IGNORECASE) is not None


def _joined(data: bytes) -> bytes | None:
    """Return the body of a chunked request; None while its end is missing."""
    chunks: list[bytes] = []
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end:
            return None
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            return b"".join(chunks)
        if len(data) < length + 2:
            return None
        chunks.append(data[:length])
        data = data[length + 2 :]


def completed(response: RestResponse, method: str) -> RestResponse:
    """Return the response to a request of this method as it is sent: with its length, and without a body for HEAD."""
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    return RestResponse(response.status, headers, b"" if method == "HEAD" else response.body)


def bytes_of(response: RestResponse) -> bytes:
    """Return a completed response as bytes that close the connection."""
    return rest_http.bytes_of(response._replace(headers=[*response.headers, ("Connection", "close")]))
