"""Forwards: real HTTP to a server that listens on this machine.

A task's request is sent byte for byte, which HTTP libraries don't do: urllib3's pools escape `%2f` again if another
escape is invalid, add headers, and write repeated names alike. `http.client` sends what it is given, uses no proxies
and follows no redirects. Its classes are bound when this module is imported, so that a mock that replaces them for the
application's requests (as VCR.py does) does not record the fake's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, NamedTuple

from .._arguments import checked_flag
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
"""Headers about a connection (RFC 9110, 7.6.1): the connection is ours and not the task's."""
_PIECE = 65536


class Server(NamedTuple):
    """The server that gets the requests."""

    scheme: str
    host: str
    port: int
    path: str


class _Forwarding(Target):
    """A target that asks a server over real HTTP."""

    def __init__(self, what: str, timeout: Duration) -> None:
        super().__init__(on_exception=None)
        self._seconds = duration_of(timeout, what=f"{what}(timeout=…)", above_zero=True) / 1e9

    @property
    def is_async(self) -> bool:
        """Whether it is called in a running event loop, which it must not block: the server may run there, too."""
        return in_a_loop()

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the server's answer. In a running event loop, the socket waits in a thread."""
        server, headers = self._way_of(request)
        if self.is_async:
            return asyncio.to_thread(_answer_of, server, request, headers, self._seconds)
        return _answer_of(server, request, headers, self._seconds)

    def known_paths(self) -> list[str]:
        """Return none: a server doesn't list its routes."""
        return []

    def _way_of(self, request: TargetRequest) -> tuple[Server, list[tuple[str, str]]]:
        """Return the server that gets ``request``, and the headers to send."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<forward {self.describe()}, {len(self.calls)} calls>"


class ForwardTarget(_Forwarding):
    """A server of this machine that answers, over real HTTP, for every URL under a base URL.

    A base that begins with a slash is one of relative URIs, of App Engine tasks.
    """

    def __init__(self, base_url: str, to: str, *, allow_remote: bool, timeout: Duration) -> None:
        checked_flag("forward(allow_remote=…)", allow_remote)
        self._base = Base(base_url, "forward()", takes_relative=True)
        self._server = _server(to, allow_remote)
        super().__init__("forward", timeout)
        self.precedence = Precedence.APP_ENGINE if self._base.is_relative else Precedence.MOUNT
        self.base_url = base_url
        self.to = to

    def matches(self, destination: Destination) -> bool:
        """Return whether the base contains the URL, or an App Engine task's relative URI, by whole path segments."""
        if not self._base.is_relative:
            return self._base.covers(destination.url)
        return destination.app_engine is not None and self._base.covers(destination.app_engine.relative_uri)

    def specificity(self) -> tuple[int, ...]:
        """Like a mount. With relative URIs, like one of App Engine without a service. A longer base comes first."""
        length = -self._base.length
        order = (0, 0, length) if self._base.is_relative else (length, 0, 0)
        return (self.precedence.value, *order)

    def _way_of(self, request: TargetRequest) -> tuple[Server, list[tuple[str, str]]]:
        return self._server, headers_behind_a_proxy(request, wire_url(request.url).scheme)

    def describe(self) -> str:
        """Return the forward as messages name it."""
        return f"{self.base_url} (forwarded to {self.to})"


class LoopbackForwardTarget(_Forwarding):
    """The servers of this machine that listen where tasks go, on loopback."""

    precedence = Precedence.LOOPBACK

    def __init__(self, timeout: Duration) -> None:
        super().__init__("forward_loopback", timeout)

    def matches(self, destination: Destination) -> bool:
        """Return whether the URL is on loopback, and has a port to connect to."""
        parts = wire_url(destination.url)
        return bool(parts.port) and is_loopback(parts.host)

    def specificity(self) -> tuple[int, ...]:
        """The last of all targets."""
        return (self.precedence.value, 0, 0, 0)

    def _way_of(self, request: TargetRequest) -> tuple[Server, list[tuple[str, str]]]:
        parts = wire_url(request.url)
        assert parts.port, "it matches only URLs with a port"
        return Server(parts.scheme, parts.host, parts.port, ""), end_to_end_headers(request)

    def describe(self) -> str:
        """Return the forward as messages name it."""
        return "every URL on loopback (forwarded to the server that listens there)"


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
            f"forward(to=…) takes the base URL of a server such as http://127.0.0.1:8000, but got {safe_repr(to)}."
        )
    if not allow_remote and not is_loopback(parts.host):
        raise ValueError(
            f"forward() sends real HTTP, but {to} is not a loopback address. Start the server on 127.0.0.1, ::1 or"
            " localhost, or pass allow_remote=True if this test is to send its tasks there."
        )
    return Server(parts.scheme, parts.host, parts.port, parts.path.rstrip("/"))


def _answer_of(server: Server, request: TargetRequest, headers: list[tuple[str, str]], seconds: float) -> Answer:
    """Return the server's answer. No answer in time means the dispatch deadline, a broken connection no response.

    Evidence: reported (an attempt without a connection is UNKNOWN, HTTP status code 0).
    """
    try:
        return _exchange(server, request, headers, seconds)
    except TimeoutError as error:
        return Answer(DEADLINE_EXCEEDED, exception=error, scripted=True)
    except (OSError, HTTPException) as error:
        return Answer(NO_RESPONSE, exception=error, scripted=True)


def _exchange(server: Server, request: TargetRequest, headers: list[tuple[str, str]], seconds: float) -> Answer:
    """Send one request over a connection of its own."""
    ends_at = time.monotonic() + seconds
    kind = HTTPSConnection if server.scheme == "https" else HTTPConnection
    connection = kind(server.host, server.port, timeout=seconds)
    try:
        url = wire_url(request.url)
        target = server.path + url.path + (f"?{url.query}" if url.query else "")
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, header_bytes(value))
        connection.endheaders(request.body or None)
        with connection.getresponse() as answered:  # the response may own the socket now
            content = _content(answered, ends_at)
            return Answer(response(answered.status), Headers(answered.getheaders()), content)
    finally:
        connection.close()


def _content(answered: HTTPResponse, ends_at: float) -> bytes:
    written = []
    while piece := answered.read1(_PIECE):
        written.append(piece)
        if time.monotonic() > ends_at:
            raise TimeoutError("The server did not finish its answer in time.")
    content = b"".join(written)
    if answered.length:  # the body is shorter than its Content-Length
        raise IncompleteRead(content, answered.length)
    return content


def end_to_end_headers(request: TargetRequest) -> list[tuple[str, str]]:
    """Return the task's headers without those about a connection."""
    return [(name, value) for name, value in request.headers.pairs() if name.lower() not in _HOP_BY_HOP]


def headers_behind_a_proxy(request: TargetRequest, scheme: str) -> list[tuple[str, str]]:
    """Return the task's headers as behind a reverse proxy: its own Host, and the original scheme."""
    kept = end_to_end_headers(request)
    if "x-forwarded-proto" in request.headers:
        return kept
    return [*kept, ("X-Forwarded-Proto", scheme)]
