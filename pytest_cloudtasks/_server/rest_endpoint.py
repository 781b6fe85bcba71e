"""The REST endpoint: an aiohttp application that serves `_messages.rest`, and the keys for verifying tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from aiohttp import web

from .._clients.identity import endpoints
from .._clients.router import Receiver
from .._messages import rest_http
from .._messages.rest import MAX_BODY, answer
from .._messages.rest_http import RestError, RestRequest, RestResponse
from .._time.clock import Clock
from .request_guard import Area, RequestGuard, lacks_json, not_json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_KEYS = "/oauth2/v3/certs"
KEY_PATHS = (_KEYS, "/oauth2/v1/certs")
"""Paths of the keys, as on Google's server: a JWK Set, and certificates."""


def rest_application(backend: Receiver, guard: RequestGuard, threads: Executor | None = None) -> web.Application:
    """Return an application for ``backend``, which gets every request that has no route of its own.

    Requests are answered in ``threads``. Without ``threads`` they are answered in the event loop, and ``backend`` must
    not block. ``guard`` checks every request first. Run the application with `rest_runner`: it also answers malformed
    HTTP in Google's form.
    """
    endpoint = _Endpoint(backend, guard, threads)
    application = web.Application(client_max_size=MAX_BODY, middlewares=[endpoint.middleware])
    application.router.add_get(endpoints.DISCOVERY, _discovery)
    for path in KEY_PATHS:
        application.router.add_get(path, _keys)
    return application


class _Endpoint:
    def __init__(self, backend: Receiver, guard: RequestGuard, threads: Executor | None) -> None:
        self._backend = backend
        self._guard = guard
        self._threads = threads

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reject requests that another site's page may have sent, and answer those that have no route."""
        asked, is_api = _asked(request), _is_api(request)
        try:
            self._guard.check_sender(asked, area=_area(request), needs_host=request.version >= (1, 1))
            if request.body_exists and lacks_json(asked, is_api=is_api) and await _has_body(request):
                raise not_json(asked)
            if is_api:
                asked.body = await _body_of(request)
        except RestError as error:
            response = to_aiohttp(error.response())
            if error.code == 401:
                response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 §11.6.1
            return response
        if not is_api:
            return await handler(request)
        if self._threads is None:
            return to_aiohttp(self._answer(asked))
        loop = asyncio.get_running_loop()
        return to_aiohttp(await loop.run_in_executor(self._threads, self._answer, asked))

    def _answer(self, request: RestRequest) -> RestResponse:
        try:
            return answer(request, self._backend.receive)
        except BaseException as error:  # pytest's failures don't derive from Exception
            return rest_http.failed(error).response()


async def _discovery(request: web.Request) -> web.Response:
    """Answer with Google's document, but with this server's keys: tokens name Google as their issuer."""
    keys = f"{request.scheme}://{request.host}{_KEYS}"
    return to_aiohttp(endpoints.discovery_document(keys, Clock.application_now()))


async def _keys(request: web.Request) -> web.Response:
    document = endpoints.key_document(request.path, Clock.application_now())
    assert document is not None, "KEY_PATHS are among Google's"
    return to_aiohttp(document)


def to_aiohttp(response: RestResponse) -> web.Response:
    """Return ``response`` as aiohttp sends it."""
    return web.Response(status=response.status, headers=response.headers, body=response.body)


def _is_api(request: web.Request) -> bool:
    """Return whether a request is for Cloud Tasks' API, because the application has no route for it."""
    return request.match_info.http_exception is not None


def _area(request: web.Request) -> Area:
    """Return the area of a request, by the route that answers it, however its path is encoded."""
    if _is_api(request):
        return Area.API
    resource = request.match_info.route.resource
    is_control = resource is not None and resource.canonical.startswith("/control")
    return Area.CONTROL if is_control else Area.DOCUMENT


def _asked(request: web.Request) -> RestRequest:
    """Return the request without its body, which is read only after the guard has checked the sender."""
    return RestRequest(request.method, request.raw_path, tuple(request.headers.items()), b"")


async def _has_body(request: web.Request) -> bool:
    try:
        return bool(await request.read())
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError):
        return True


async def _body_of(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise rest_http.too_large(MAX_BODY) from None
    except web.RequestPayloadError as error:
        raise rest_http.malformed(f"The body of the request can't be read: {error}") from None
