"""Forwards: real HTTP to a server that listens on this machine.

A task's request goes out byte for byte, which HTTP libraries don't do: urllib3's pools escape `%2f` once more where
another escape is invalid, add headers, and write repeated names alike. `http.client` sends what it is given, knows no
proxies and follows no redirects. Its classes are bound when this module is imported, so that a mock which replaces
them for the application's requests (as VCR.py does) records none of the fake's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, NamedTuple

from .._arguments import checked_call, checked_flag
from .._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, response
from .._text import is_encodable, safe_repr
from .._time.instants import Duration, duration_of
from .answers import Answer
from .asgi import in_a_loop
from .base import Destination, Precedence, Target
from .headers import Headers, header_bytes
from .request import TargetRequest
from .urls import Base, is_loopback, wire_url

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers about a connection (RFC 9110, 7.6.1), which is one of ours and not the task's."""
_PIECE = 65536


class Server(NamedTuple):
    """The server that gets the requests."""

    scheme: str
    host: str
    port: int
    path: str


class Forward(Target):
    """A server of this machine that answers, over real HTTP, for every URL under a base URL."""

    precedence = Precedence.MOUNT

    def __init__(self, base_url: str, to: str, *, allow_remote: bool, timeout: Duration) -> None:
        super().__init__(on_exception=None)
        checked_flag("forward(allow_remote=…)", allow_remote)
        self._base = Base(base_url, "forward()")
        self._server = _server(to, allow_remote)
        self._seconds = duration_of(timeout, what="forward(timeout=…)", above_zero=True) / 1e9
        self.base_url = base_url
        self.to = to

    def matches(self, destination: Destination) -> bool:
        """Whether the URL lies under the base, by whole path segments."""
        return self._base.covers(destination.url)

    def specificity(self) -> tuple[int, ...]:
        """Like a mount."""
        return (self.precedence.value, -self._base.length, 0, 0)

    @property
    def is_async(self) -> bool:
        """Whether it is asked in a running event loop, which it must not block: the server may live there, too."""
        return in_a_loop()

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the server's answer; in a running event loop the socket waits in a thread."""
        if self.is_async:
            return asyncio.to_thread(_answer_of, self._server, request, self._seconds)
        return _answer_of(self._server, request, self._seconds)

    @checked_call
    def takes(self, duration: Duration) -> Forward:
        """Let every answer come ``duration`` after its dispatch, in the queue's time; the server isn't slowed down."""
        super().takes(duration)
        return self

    def describe(self) -> str:
        """Return the forward as messages name it."""
        return f"{self.base_url} (forwarded to {self.to})"

    def __repr__(self) -> str:
        return f"<forward {self.describe()}, {len(self.calls)} calls>"


def _server(to: str, allow_remote: bool) -> Server:
    parts = wire_url(to) if is_encodable(to) else None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.host
        or not parts.port
        or any(mark in to for mark in "@?#")
    ):
        raise ValueError(
            f"forward(to=…) takes the base URL of a server such as http://127.0.0.1:8000, and got {safe_repr(to)}."
        )
    if not allow_remote and not is_loopback(parts.host):
        raise ValueError(
            f"forward() sends real HTTP, and {to} is not a loopback address. Start the server on 127.0.0.1, ::1 or"
            " localhost, or pass allow_remote=True if this test is to send its tasks there."
        )
    return Server(parts.scheme, parts.host, parts.port, parts.path.rstrip("/"))


def _answer_of(server: Server, request: TargetRequest, seconds: float) -> Answer:
    """Return the server's answer. Silence stands for the dispatch deadline, a broken connection for no response.

    Evidence: reported (an attempt without a connection is UNKNOWN, HTTP status code 0).
    """
    try:
        return _exchange(server, request, seconds)
    except TimeoutError as error:
        return Answer(DEADLINE_EXCEEDED, exception=error, scripted=True)
    except (OSError, HTTPException) as error:
        return Answer(NO_RESPONSE, exception=error, scripted=True)


def _exchange(server: Server, request: TargetRequest, seconds: float) -> Answer:
    """Send one request over a connection of its own."""
    ends_at = time.monotonic() + seconds
    kind = HTTPSConnection if server.scheme == "https" else HTTPConnection
    connection = kind(server.host, server.port, timeout=seconds)
    try:
        url = wire_url(request.url)
        target = server.path + url.path + (f"?{url.query}" if url.query else "")
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers_behind_a_proxy(request, url.scheme):
            connection.putheader(name, header_bytes(value))
        connection.endheaders(request.body or None)
        with connection.getresponse() as answered:  # which may have taken the socket over
            content = _content(answered, ends_at)
            return Answer(response(answered.status), Headers(answered.getheaders()), content)
    finally:
        connection.close()


def _content(answered: HTTPResponse, ends_at: float) -> bytes:
    written = []
    while piece := answered.read1(_PIECE):
        written.append(piece)
        if time.monotonic() > ends_at:
            raise TimeoutError("The server has not come to the end of its answer in time.")
    content = b"".join(written)
    if answered.length:  # of a Content-Length there is more to come than came
        raise IncompleteRead(content, answered.length)
    return content


def end_to_end_headers(request: TargetRequest) -> list[tuple[str, str]]:
    """Return the task's headers without those about a connection."""
    return [(name, value) for name, value in request.headers.pairs() if name.lower() not in _HOP_BY_HOP]


def headers_behind_a_proxy(request: TargetRequest, scheme: str) -> list[tuple[str, str]]:
    """Return the task's headers as behind a reverse proxy: its own Host, and the scheme that is lost on the way."""
    kept = end_to_end_headers(request)
    if "x-forwarded-proto" in request.headers:
        return kept
    return [*kept, ("X-Forwarded-Proto", scheme)]
