"""The REST endpoint: an aiohttp application that serves `_messages.rest`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from .._clients.router import Receiver
from .._messages import rest_errors
from .._messages.rest import MAX_BODY, answer
from .._messages.rest_errors import RestError
from .._messages.rest_http import RestRequest, RestResponse

THREADS = 16
"""Requests that are answered at the same time; a handler of an ``inline`` dispatch may make requests of its own."""


def rest_application(backend: Receiver) -> web.Application:
    """Return an application in front of ``backend``: what has no route of its own is a request of the API's.

    Run it by `rest_runner`, so that what is no HTTP at all is answered in Google's form, too.
    """
    endpoint = _Endpoint(backend)
    application = web.Application(client_max_size=MAX_BODY, middlewares=[endpoint.middleware])
    application.cleanup_ctx.append(endpoint.lifetime)
    return application


class _Endpoint:
    """Answers requests, each in a thread of its own, so that none waits for another."""

    def __init__(self, backend: Receiver) -> None:
        self._backend = backend
        self._threads: ThreadPoolExecutor | None = None

    async def lifetime(self, application: web.Application) -> AsyncIterator[None]:
        """Keep the threads as long as the application runs."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cloud-tasks-rest")
        yield
        self._threads.shutdown(wait=False, cancel_futures=True)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer what the application has no route for."""
        if request.match_info.http_exception is None:
            return await handler(request)
        try:
            body = await _body_of(request)
        except RestError as error:
            return to_aiohttp(error.response())
        asked = RestRequest(request.method, request.raw_path, tuple(request.headers.items()), body)
        loop = asyncio.get_running_loop()
        return to_aiohttp(await loop.run_in_executor(self._threads, answer, asked, self._backend.receive))


def to_aiohttp(response: RestResponse) -> web.Response:
    """Return ``response`` as aiohttp sends it."""
    return web.Response(status=response.status, headers=response.headers, body=response.body)


async def _body_of(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise rest_errors.too_large(MAX_BODY) from None
    except web.RequestPayloadError as error:
        raise rest_errors.malformed(f"The body of the request can't be read: {error}") from None
