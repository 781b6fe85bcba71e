"""A runner for the REST endpoint's application, which gets its connections from a `Relay`.

aiohttp answers malformed HTTP itself, below any application, and has no public way to change the answer. `RestRunner`
therefore gives its server another class of connections, which answer in Google's form. Checked against aiohttp 3.9 to
3.14; ``tests/server/test_bad_input.py`` fails when it moves.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from .._messages.rest_http import RestError, malformed
from .._time import real
from .relay import Relay
from .rest_endpoint import to_aiohttp

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return the answer to a request that can't be read, or whose handler failed."""
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("A part of another answer has already been sent.")
        error = malformed("Bad Request")
        if status >= 500:
            error = RestError(status, "INTERNAL", "Internal error encountered.")
        response = to_aiohttp(error.response())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log errors of this server. A body that can't be read to its end is its sender's error, and was answered."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)


class RestRunner(web.AppRunner):
    """aiohttp's runner of applications, with connections that answer in Google's form."""

    __slots__ = ()

    @property
    def connections(self) -> Callable[[], asyncio.BaseProtocol]:
        """The factory of connections' protocols; the runner has to be set up first."""
        assert self.server is not None, "it has been set up"
        return self.server

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        handler = _in_googles_form(made.request_handler)
        return _Server(
            handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )


def _in_googles_form(handler: Handler) -> Handler:
    """Return ``handler`` with aiohttp's own errors, such as for an unknown Expect, in Google's form."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = to_aiohttp(RestError(error.status, "INVALID_ARGUMENT", error.text or error.reason).response())
        if request.method == "CONNECT":
            response.force_close()  # aiohttp no longer parses what follows as HTTP
        return response

    return handle


def rest_runner(application: web.Application) -> RestRunner:
    """Return a runner for an application of `rest_application`.

    It stops without waiting for requests that are under way. It cancels a handler when its client disconnects, so that
    a wait or a jump doesn't go on without its client.
    """
    return RestRunner(
        application, access_log=None, shutdown_timeout=0.1, auto_decompress=False, handler_cancellation=True
    )


@contextmanager
def rest_serving(runner: RestRunner, relay: Relay, host: str, grpc_port: int) -> Iterator[int]:
    """Serve on a free port of ``host`` until the block ends, and yield the port; gRPC listens on ``grpc_port``."""
    with socket.create_server((host, 0)) as listening, event_loop_thread() as loop:

        async def begin() -> None:
            await runner.setup()
            await relay.listen(sock=listening)
            relay.open(runner.connections, (host, grpc_port))

        async def end() -> None:
            relay.close()
            await runner.cleanup()

        asyncio.run_coroutine_threadsafe(begin(), loop).result()
        try:
            yield listening.getsockname()[1]
        finally:
            asyncio.run_coroutine_threadsafe(end(), loop).result()


@contextmanager
def event_loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a daemon thread until the block ends. Its timers use real time."""
    loop = asyncio.new_event_loop()
    loop.time = real.monotonic  # type: ignore[method-assign]
    thread = threading.Thread(target=loop.run_forever, name="cloud-tasks-server", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
