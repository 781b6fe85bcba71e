"""Connections of `http.client`, and of urllib3 and httplib2, which are built on it.

A connection gets an object in place of a socket. It collects the bytes of a request, and returns those of the response:

- ``connect`` creates an `InProcessSocket` where it would open a real one. The path of the request isn't known yet.
- ``putrequest`` knows the path. If the library should send the request, the connection gets a real socket now. If the
  fake answers, a real socket that is left from outside the fake is closed.
- The response closes the connection, so that no pool keeps it and each request is decided anew.

A request through a proxy counts by its final destination: a tunnel's host, or the URL of the request line.

``_tunnel_host`` and ``_tunnel_port``, where ``set_tunnel`` keeps them, are not public: checked against Python 3.10 to
3.13, and ``tests/clients/http/test_proxies.py`` fails when they move.
"""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from ..._messages.rest_http import malformed
from . import exchange, wire
from .exchange import Origin, origin_of

_is_for_real: ContextVar[bool] = ContextVar("is_for_real", default=False)
"""Whether ``connect`` is called for a request that the library sends."""


was_answered_here: ContextVar[bool] = ContextVar("was_answered_here", default=False)
"""Whether the latest request of this context was answered here, and not sent by the library."""


def connect(connection: Any, as_the_library_does: Callable[[Any], None]) -> None:
    """Open a connection, unless its requests may be answered here."""
    origin = _origin_of(connection)
    if _is_for_real.get() or not exchange.may_claim(origin) or _is_mocked(origin):
        as_the_library_does(connection)
    else:
        _connect_here(connection, origin)


def decide(connection: Any, url: str) -> None:
    """Give ``connection`` the socket for a request to ``url``, before any of it is sent."""
    origin, path = _origin_of(connection), url
    is_absolute = url.lower().startswith(("http://", "https://"))
    if is_absolute:  # the form for a proxy
        parts = urlsplit(url)
        origin, path = origin_of(parts.scheme, parts.hostname or "", parts.port), parts.path
    is_here = isinstance(connection.sock, InProcessSocket)
    was_answered_here.set(False)
    if not exchange.claims(origin, path.partition("?")[0]) or _is_mocked(origin):
        if is_here or (connection.sock is None and connection.auto_open and exchange.may_claim(origin)):
            _connect_for_real(connection)
    elif connection.sock is None:
        if is_absolute or not _has_a_library_s_connect(connection):
            _connect_here(connection, origin)
    elif not is_here and _is_real(connection.sock):
        connection.sock.close()
        _connect_here(connection, origin)


def _connect_here(connection: Any, origin: Origin) -> None:
    connection.sock = InProcessSocket(origin)
    if hasattr(connection, "is_verified"):
        connection.is_verified = True  # otherwise urllib3 warns


def _connect_for_real(connection: Any) -> None:
    connection.sock = None
    token = _is_for_real.set(True)
    try:
        connection.connect()
    finally:
        _is_for_real.reset(token)


def _has_a_library_s_connect(connection: Any) -> bool:
    """Return whether ``connect`` is the library's, or a mock of it, and not that of a user's subclass."""
    owner = next(kind for kind in type(connection).__mro__ if "connect" in vars(kind))
    return owner.__module__ in ("http.client", "urllib3.connection", "httplib2")


def _is_real(sock: Any) -> bool:
    """Return whether ``sock`` is a real socket, or urllib3's for TLS, and not an object of a test."""
    return isinstance(sock, socket.socket) or type(sock).__module__.startswith("urllib3.")


def _is_mocked(origin: Origin) -> bool:
    """Return whether HTTPretty, which replaces sockets, answers for ``origin``."""
    module: Any = sys.modules.get("httpretty")
    if module is None or not module.is_enabled():
        return False
    if origin.scheme == "https":
        return bool(module.httpretty.match_https_hostname(origin.host))
    return bool(module.httpretty.match_http_address(origin.host, origin.port))


def _origin_of(connection: Any) -> Origin:
    """Return the destination of requests over ``connection``, also through a proxy's tunnel."""
    scheme = "https" if connection.default_port == 443 else "http"
    if connection._tunnel_host:
        return origin_of(scheme, connection._tunnel_host, connection._tunnel_port)
    return origin_of(scheme, connection.host, connection.port)


class InProcessSocket:
    """Takes the bytes of one request, and returns those of its response. It has the methods that connections use."""

    is_in_process = True
    type = socket.SOCK_STREAM  # urllib3-future needs it

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._written = bytearray()
        self._timeout: float | None = None
        self._reader: io.BufferedReader | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Store a part of the request."""
        self._written += data

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """Return the response.

        It is made when it is read, which raises the error of a blocked request outside a fake.
        """
        return io.BufferedReader(_Response(self._response))

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the next bytes of the response, for urllib3-future."""
        if self._reader is None:
            self._reader = self.makefile()
        return self._reader.read1(size)

    def getsockopt(self, *args: Any) -> int:
        """Return 0: there is no connection."""
        return 0

    def _response(self) -> bytes:
        was_answered_here.set(True)
        try:
            request = wire.request_of(bytes(self._written))
        except ValueError:
            return wire.bytes_of(wire.completed(malformed("Bad Request").response(), ""))
        if request is None:
            raise TimeoutError(f"The rest of the request to {self._origin} did not come.")
        return wire.bytes_of(wire.completed(exchange.answer(self._origin, request), request.method))

    def settimeout(self, timeout: float | None) -> None:
        """Store a time-out, which never elapses."""
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """Return the stored time-out."""
        return self._timeout

    def setsockopt(self, *args: Any) -> None:
        """Do nothing: there is no connection."""

    def getpeername(self) -> tuple[str, int]:
        """Return the request's host and port."""
        return self._origin.host, self._origin.port

    def shutdown(self, how: int) -> None:
        """Do nothing: there is no connection."""

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def fileno(self) -> int:
        """Return -1, as a closed socket does."""
        return -1


class _Response(io.RawIOBase):
    """The bytes of a response. Reading raises the error of making it, so that the library closes its connection."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._made: io.BytesIO | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into ``buffer``."""
        if self._made is None:
            self._made = io.BytesIO(self._make())
        return self._made.readinto(buffer)
