"""The REST endpoint: an aiohttp application that serves `_messages.rest`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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
        except RestError as error:
            return to_aiohttp(error.response)
        asked = RestRequest(request.method, request.rel_url.raw_path_qs, tuple(request.headers.items()), body)
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
