"""`http.client` and what is built on it: urllib.request, urllib3 with requests, httplib2, Google's AuthorizedSession.

Connections are given a socket that isn't one. It collects the bytes of a request, and gives those of the response:

- ``connect``, of each library's own class of connections, leaves an `InProcessSocket` where it would open a real one.
  Which path is asked for isn't known yet.
- ``putrequest`` knows it. A request that is the library's to send after all gets a real connection now; one that is
  answered here loses the real connection that is left from outside the fake.
- The response says that the connection is closed after it: no pool keeps one, and each request is decided anew.

Everything else is the library's own code, so a user's mock of it is asked first. What goes through a proxy counts by
where it is meant for: a tunnel's host, or the URL of the request line.

``_tunnel_host`` and ``_tunnel_port``, where ``set_tunnel`` keeps them, are not public: checked against Python 3.10 to
3.15, and ``tests/clients/http/test_http_client.py`` fails when they move.
"""

from __future__ import annotations

import functools
import io
import socket
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..patching import Patch
from ..router import router

if TYPE_CHECKING:
    from .exchange import Origin


def patch_http_client(module: ModuleType, patch: Patch) -> None:
    """Patch ``http.client``."""
    for kind in ("HTTPConnection", "HTTPSConnection"):
        _patch_connect(getattr(module, kind), patch)
    connection = module.HTTPConnection
    patch.attribute(connection, "putrequest", _deciding(connection.putrequest))


def patch_urllib3(module: ModuleType, patch: Patch) -> None:
    """Patch ``urllib3.connection``, on which requests is built."""
    for kind in ("HTTPConnection", "HTTPSConnection"):
        _patch_connect(getattr(module, kind, None), patch)


def patch_httplib2(module: ModuleType, patch: Patch) -> None:
    """Patch ``httplib2``, on which google-api-python-client is built."""
    for kind in ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"):
        _patch_connect(getattr(module, kind, None), patch)


def _patch_connect(kind: Any, patch: Patch) -> None:
    if "connect" in vars(kind or object):
        patch.attribute(kind, "connect", _connecting(kind.connect))


_opens_for_real: ContextVar[bool] = ContextVar("opens_for_real", default=False)
"""Whether ``connect`` is called for a request that is the library's to send."""


def _connecting(connect: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a class's ``connect`` that opens no connection for what may be answered here."""

    @functools.wraps(connect)
    def wrapped(self: Any) -> None:
        if not _is_watched() or _opens_for_real.get() or not _may_claim(self):
            return connect(self)
        _connect_here(self, _origin_of(self))
        return None

    return wrapped


def _deciding(putrequest: Callable[..., None]) -> Callable[..., None]:
    """Return a ``putrequest`` that first gives the connection the socket which the request is for."""

    @functools.wraps(putrequest)
    def wrapped(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if _is_watched() or isinstance(self.sock, InProcessSocket):
            _decide(self, url)
        return putrequest(self, method, url, *args, **kwargs)

    return wrapped


def _is_watched() -> bool:
    """Whether any request may be answered here: there is a fake, or calls outside one are blocked."""
    return router.backend is not None or router.refuse_outside is not None


def _may_claim(connection: Any) -> bool:
    from .exchange import may_claim  # loads the API: only while there is something to answer

    origin = _origin_of(connection)
    return may_claim(origin) and not _is_mocked(origin)


def _decide(connection: Any, url: str) -> None:
    from .exchange import claims  # loads the API: only while there is something to answer

    origin, path = _origin_of(connection), url
    is_absolute = url.lower().startswith(("http://", "https://"))
    if is_absolute:  # as a proxy gets it
        parts = urlsplit(url)
        origin, path = _origin(parts.scheme, parts.hostname or "", parts.port), parts.path
    is_here = isinstance(connection.sock, InProcessSocket)
    if not claims(origin, path.partition("?")[0]) or _is_mocked(origin):
        if is_here:
            _connect_for_real(connection)
    elif connection.sock is None:
        if is_absolute or not _has_a_watched_connect(connection):
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
    token = _opens_for_real.set(True)
    try:
        connection.connect()
    finally:
        _opens_for_real.reset(token)


def _has_a_watched_connect(connection: Any) -> bool:
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
        return _origin(scheme, connection._tunnel_host, connection._tunnel_port)
    return _origin(scheme, connection.host, connection.port)


def _origin(scheme: str, host: str, port: int | None) -> Origin:
    from .exchange import Origin  # loads the API: only while there is something to answer

    return Origin(scheme.lower(), host.strip("[]"), port or (443 if scheme.lower() == "https" else 80))


class InProcessSocket:
    """Takes the bytes of one request, and gives those of its response. It has what connections ask of a socket."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._written = bytearray()
        self._timeout: float | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Take a part of the request."""
        self._written += data

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """Return the response. Raise what blocks the request outside a fake."""
        from .exchange import answered_bytes  # loaded by now

        return io.BufferedReader(io.BytesIO(answered_bytes(self._origin, bytes(self._written))))

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
