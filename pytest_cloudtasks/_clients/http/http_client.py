"""Connections of `http.client`, and of urllib3 and httplib2, which are built on it.

A connection is given a socket that isn't one. It collects the bytes of a request, and gives those of the response:

- ``connect`` leaves an `InProcessSocket` where it would open a real one. Which path is asked for isn't known yet.
- ``putrequest`` knows it. A request that is the library's to send after all gets a real connection now; one that is
  answered here loses the real connection that is left from outside the fake.
- The response says that the connection is closed after it: no pool keeps one, and each request is decided anew.

What goes through a proxy counts by where it is meant for: a tunnel's host, or the URL of the request line.

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
"""Whether ``connect`` is called for a request that is the library's to send."""


was_answered_here: ContextVar[bool] = ContextVar("was_answered_here", default=False)
"""Whether the latest request of this context was not the library's to send."""


def connect(connection: Any, as_the_library_does: Callable[[Any], None]) -> None:
    """Open a connection, unless what it is opened for may be answered here."""
    origin = _origin_of(connection)
    if _is_for_real.get() or not exchange.may_claim(origin) or _is_mocked(origin):
        as_the_library_does(connection)
    else:
        _connect_here(connection, origin)


def decide(connection: Any, url: str) -> None:
    """Give ``connection`` the socket that a request for ``url`` is for, before any of it is sent."""
    origin, path = _origin_of(connection), url
    is_absolute = url.lower().startswith(("http://", "https://"))
    if is_absolute:  # as a proxy gets it
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
        connection.is_verified = True  # or urllib3 warns


def _connect_for_real(connection: Any) -> None:
    connection.sock = None
    token = _is_for_real.set(True)
    try:
        connection.connect()
    finally:
        _is_for_real.reset(token)


def _has_a_library_s_connect(connection: Any) -> bool:
    """Whether ``connect`` is a library's, or a mock in its place, and not that of a subclass of the user's."""
    owner = next(kind for kind in type(connection).__mro__ if "connect" in vars(kind))
    return owner.__module__ in ("http.client", "urllib3.connection", "httplib2")


def _is_real(sock: Any) -> bool:
    """Whether ``sock`` is a socket, or one of urllib3's for TLS, and not an object that a test made for it."""
    return isinstance(sock, socket.socket) or type(sock).__module__.startswith("urllib3.")


def _is_mocked(origin: Origin) -> bool:
    """Whether HTTPretty, whose place is below connections, answers for ``origin``."""
    module: Any = sys.modules.get("httpretty")
    if module is None or not module.is_enabled():
        return False
    if origin.scheme == "https":
        return bool(module.httpretty.match_https_hostname(origin.host))
    return bool(module.httpretty.match_http_address(origin.host, origin.port))


def _origin_of(connection: Any) -> Origin:
    """Return where the requests of ``connection`` are meant for, be it through a proxy's tunnel."""
    scheme = "https" if connection.default_port == 443 else "http"
    if connection._tunnel_host:
        return origin_of(scheme, connection._tunnel_host, connection._tunnel_port)
    return origin_of(scheme, connection.host, connection.port)


class InProcessSocket:
    """Takes the bytes of one request, and gives those of its response. It has what connections ask of a socket."""

    is_in_process = True
    type = socket.SOCK_STREAM  # urllib3-future asks for it

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._written = bytearray()
        self._timeout: float | None = None
        self._reader: io.BufferedReader | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Take a part of the request."""
        self._written += data

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """Return the response, which is made when it is read. That raises what blocks the request outside a fake."""
        return io.BufferedReader(_Response(self._response))

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the next bytes of the response, as urllib3-future reads it."""
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
        """Keep a time-out, which never comes."""
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """Return what was set."""
        return self._timeout

    def setsockopt(self, *args: Any) -> None:
        """Do nothing: there is no connection."""

    def getpeername(self) -> tuple[str, int]:
        """Return the host and port that the request is meant for."""
        return self._origin.host, self._origin.port

    def shutdown(self, how: int) -> None:
        """Do nothing: there is no connection."""

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def fileno(self) -> int:
        """Return -1, as a closed socket does: it is no file."""
        return -1


class _Response(io.RawIOBase):
    """The bytes of a response. An error in the making is raised by reading, so that the library closes what it made."""

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
