"""The REST endpoint: an aiohttp application, whose requests a backend answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from google.api_core.gapic_v1.method import DEFAULT

from .._clients.router import Receiver
from .._messages.call import RpcCall
from .._messages.grpc_errors import InProcessRpcError
from .._messages.proto import shown as as_the_library_has_it
from . import rest_errors
from .rest_errors import RestError, dumped
from .rest_json import bind, fill, parsed, shown
from .rest_routes import Route, route_of

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request's body. Evidence: reported (of other Google APIs); that of Cloud Tasks is unknown."""
THREADS = 16
"""Requests that are answered at the same time; a handler of an ``inline`` dispatch may make requests of its own."""
_GLOBAL = frozenset(
    (
        "access_token",
        "alt",
        "bearer_token",
        "callback",
        "extraLocationTypes",  # of ListLocations alone, and not for use
        "fields",
        "key",
        "oauth_token",
        "pp",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    )
)
"""Query parameters that every method takes. Evidence: documented (the discovery documents)."""

_NO_TYPES = ("application/octet-stream", "application/x-www-form-urlencoded")
"""Types that tools send where nobody has said one."""


def rest_application(backend: Receiver) -> web.Application:
    """An application in front of ``backend``: every path that has no route of its own is one of the API's.

    Run it by `rest_runner`, so that what is no HTTP at all is answered in Google's form, too.
    """
    application = web.Application(client_max_size=MAX_BODY)
    endpoint = _Endpoint(backend)
    application.cleanup_ctx.append(endpoint.lifetime)
    application.router.add_route("*", r"/{path:[\s\S]*}", endpoint.answer)  # a path may have an encoded line break
    return application


class _Endpoint:
    """Answers requests, each in a thread of its own, so that none waits for another."""

    def __init__(self, backend: Receiver) -> None:
        self._backend = backend
        self._threads: ThreadPoolExecutor | None = None

    async def lifetime(self, application: web.Application) -> AsyncIterator[None]:
        """The threads are there as long as the application runs."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cloud-tasks-rest")
        yield
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: web.Request) -> web.Response:
        """Google's answer to a request, whatever it is."""
        try:
            body = await _body_of(request)
            pairs = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, self._answered, request, pairs, body)
        except RestError as error:
            return _response(error.code, error.body)
        return _response(200, dumped(found))

    def _answered(self, request: web.Request, pairs: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
        route = route_of(request.method, request.rel_url.raw_path)
        if route is None:
            raise rest_errors.method_not_found()
        message = _message(route, request.content_type, pairs, body)
        method = route.method
        metadata = tuple((name.lower(), value) for name, value in request.headers.items())
        call = RpcCall(method.rpc, method.api, as_the_library_has_it(method.request, message), None, metadata, DEFAULT)
        try:
            answer = self._backend.receive(call)
        except InProcessRpcError as error:
            raise rest_errors.of_rpc(error) from None
        except BaseException as error:  # what fails a test is none of Exception
            raise rest_errors.failed(error) from None
        return shown(answer, enums_as_numbers=_wants_numbers(pairs))


async def _body_of(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise rest_errors.too_large(MAX_BODY) from None
    except web.RequestPayloadError as error:
        raise rest_errors.malformed(f"The body of the request can't be read: {error}") from None


def _message(route: Route, content_type: str, pairs: list[tuple[str, str]], body: bytes) -> Any:
    """The request's message, from its body, its query and its path. Raises RestError."""
    message = route.method.request_class()
    parameters = [(name, value) for name, value in pairs if name not in _GLOBAL and not name.startswith("$")]
    if hasattr(message, "http_body"):
        message.http_body.data = body
    elif route.method.rpc == "buffer_task":
        _buffered(message, content_type, body)
    elif content_type == "application/x-www-form-urlencoded" and route.body is not None:
        parameters += parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    elif route.body == "*":
        fill(message, parsed(body))
    elif route.body is not None and body.strip():
        part = getattr(message, route.body)
        part.SetInParent()
        fill(part, parsed(body), route.body)
    bind(message, parameters)
    for path, value in route.values.items():
        *outer, last = path.split(".")
        part = message
        for step in outer:
            part = getattr(part, step)
        setattr(part, last, value)
    return message


def _buffered(message: Any, content_type: str, body: bytes) -> None:
    """The payload of a BufferTask: the body as it is, or in the envelope of the discovery document.

    Evidence: documented, both; that a body which could be the envelope is taken for it is our choice.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    envelope = value.get("body") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(envelope, dict) and envelope.keys() <= {"contentType", "content_type", "data", "extensions"}:
        fill(message.body, envelope, "body")
        return
    message.body.data = body
    if content_type not in _NO_TYPES:
        message.body.content_type = content_type


def _wants_numbers(pairs: list[tuple[str, str]]) -> bool:
    """Whether enums are asked for by number, as Google's own client does. Evidence: recorded."""
    return any(name in ("$alt", "alt") and "enum-encoding=int" in value for name, value in pairs)


def _response(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="application/json", charset="UTF-8")
