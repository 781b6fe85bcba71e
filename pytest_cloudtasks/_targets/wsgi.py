"""Delivering a request to a WSGI application (PEP 3333), or to a function of one."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote_to_bytes

from .._text import safe_repr
from .announced import announced_exceptions
from .answers import Answer, Interface, NotOfInterface, application_answer
from .headers import header_bytes
from .request import TargetRequest
from .urls import wire_url

WsgiApp = Callable[..., Iterable[bytes]]
Function = Callable[[Any], Any]
"""Takes a request of Flask and returns what a view of Flask returns, as a Cloud Run function does."""
REQUEST_KEY = "pytest_cloudtasks.request"
"""The key of the `TargetRequest` in the environ."""


def as_wsgi(app: Any, what: str, base_path: str = "") -> WsgiApp:
    """Return ``app`` as a WSGI application; a function becomes one at ``base_path``.

    ``what`` is the method that takes it. Raises TypeError for a function if Flask, which makes its request, is missing.
    """
    if not _is_function(app):
        return app  # type: ignore[no-any-return]
    if find_spec("flask") is None:
        raise TypeError(
            f"{what} got {safe_repr(app)}, which takes one argument. A function of a request, as Cloud Run functions"
            " and Firebase have it, needs Flask, which is not installed."
        )
    from .functions import FunctionApp  # imports Flask, which is optional

    return FunctionApp(app, base_path)


def _is_function(app: Any) -> bool:
    """Return whether ``app`` can be called with one argument and needs it; a WSGI application takes two."""
    try:
        parameters = [] if inspect.isclass(app) else inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = [parameter.kind for parameter in parameters if parameter.default is parameter.empty]
    return kinds in ([inspect.Parameter.POSITIONAL_ONLY], [inspect.Parameter.POSITIONAL_OR_KEYWORD])


def call_wsgi(app: WsgiApp, request: TargetRequest) -> Answer:
    """Return the application's answer. Its exceptions propagate."""
    __tracebackhide__ = True
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info is not None and started:
            started.clear()
        started.append((status, headers))
        return written.append

    written: list[bytes] = []
    with announced_exceptions() as announced:
        body = app(environ_of(request), start_response)
        try:
            written.extend(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
    if not started:
        raise RuntimeError(f"The WSGI application {app!r} returned without calling start_response.")
    status, headers = started[-1]
    return application_answer(_WSGI, _status_of(status), headers, written, announced)


def _status_of(status: Any) -> int:
    code = status.split(" ", 1)[0] if isinstance(status, str) else ""
    if not (code.isascii() and code.isdecimal() and len(code) == 3):
        raise NotOfInterface(_WSGI.name, "the status", status, "a text such as '200 OK'")
    return int(code)


def _is_native(text: Any) -> bool:
    """Return whether ``text`` is a native string of PEP 3333: its characters stand for bytes."""
    return isinstance(text, str) and all(character <= "\xff" for character in text)


_WSGI = Interface("WSGI", "a list of pairs of Latin-1 texts, such as ('Retry-After', '5')", _is_native)


def environ_of(request: TargetRequest) -> dict[str, Any]:
    """Return the WSGI environ of a request."""
    url = wire_url(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.host or "localhost",
        "SERVER_PORT": str(url.port or 0),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "pytest-cloudtasks",
        "REMOTE_ADDR": request.client_address,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        REQUEST_KEY: request,
    }
    for name in request.headers:
        key = name.upper().replace("-", "_")
        value = header_bytes(",".join(request.headers.getlist(name))).decode("latin-1")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
