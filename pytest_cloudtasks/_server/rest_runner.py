"""Runs the REST endpoint's application, at a port that takes gRPC as well.

Public code looks for an emulator in CLOUD_TASKS_EMULATOR_HOST: some speaks gRPC to that address, and Firebase's Admin
SDKs speak HTTP/1.1. So the first bytes of a connection decide (`_Undecided`). One that begins as gRPC's do is piped to
gRPC's own port; aiohttp gets any other.

aiohttp answers malformed HTTP itself, below any application, and has no public way to change the answer: `RestRunner`
gives its server another class of connections, which answer in Google's form. Checked against aiohttp 3.9 to 3.14;
``tests/server/test_bad_input.py`` fails when it moves.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from aiohttp import web

from .._messages.rest_http import RestError, malformed
from .._time import real
from .rest_endpoint import to_aiohttp

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_GRPC = b"PRI * HTTP/2.0"
"""How a connection of gRPC begins, and none of HTTP/1.1 (RFC 9113 §3.4)."""


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return the answer to a request that can't be read, or that has failed."""
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("A part of another answer has been sent already.")
        error = malformed("Bad Request")
        if status >= 500:
            error = RestError(status, "INTERNAL", "Internal error encountered.")
        response = to_aiohttp(error.response())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log what went wrong here; a body that can't be read to its end was answered, and is its sender's affair."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)


class _Server(web.Server):
    def __init__(self, handler: Handler, **options: Any) -> None:
        super().__init__(handler, **options)
        self.grpc_address: tuple[str, int] | None = None
        self.others: set[asyncio.Transport] = set()
        """Connections that aiohttp doesn't have."""

    def __call__(self) -> Any:
        """Return the protocol of a new connection."""
        return _Undecided(self)

    def http(self) -> web.RequestHandler:
        """Return aiohttp's protocol for a connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)

    async def shutdown(self, timeout: float | None = None) -> None:
        """Close every connection."""
        for transport in list(self.others):
            transport.abort()
        await super().shutdown(timeout)


class _Undecided(asyncio.Protocol):
    """A connection that has not said yet what it speaks."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for its first bytes."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.others.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._server.others.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Decide by the first bytes."""
        self._seen += data
        if self._server.grpc_address is not None and self._seen.startswith(_GRPC):
            self._transport.pause_reading()
            self._piping = asyncio.ensure_future(self._pipe(*self._server.grpc_address))
        elif not _GRPC.startswith(self._seen):
            self._give_to_aiohttp()

    def _give_to_aiohttp(self) -> None:
        self._server.others.discard(self._transport)
        handler = self._server.http()
        self._transport.set_protocol(handler)
        handler.connection_made(self._transport)
        handler.data_received(self._seen)

    async def _pipe(self, host: str, port: int) -> None:
        def forget() -> None:
            self._server.others.discard(self._transport)

        loop = asyncio.get_running_loop()
        try:
            to_grpc, _ = await loop.create_connection(lambda: _Pipe(self._transport, forget), host, port)
        except OSError:
            self._transport.abort()
            return
        to_grpc.write(self._seen)
        if self._transport.is_closing():
            to_grpc.abort()
        self._transport.set_protocol(_Pipe(to_grpc, forget))
        self._transport.resume_reading()


class _Pipe(asyncio.Protocol):
    """One end of a pipe. What comes here goes out at the other end, as fast as that can take it."""

    def __init__(self, other: asyncio.Transport, end: Callable[[], None]) -> None:
        """``end`` is called when the connection at this end is lost."""
        self._other = other
        self._end = end

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._other.write(data)

    def pause_writing(self) -> None:
        """Take no more at the other end until this one has sent what it has."""
        self._other.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._other.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Close the other end as well."""
        self._other.close()
        self._end()


class RestRunner(web.AppRunner):
    """aiohttp's runner of applications, with such connections."""

    __slots__ = ()

    def also_speaks_grpc(self, host: str, port: int) -> None:
        """Pipe connections that speak gRPC to the server at this address, from now on."""
        assert isinstance(self.server, _Server), "it has been set up"
        self.server.grpc_address = (host, port)

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
    """Return ``handler`` with the errors that aiohttp answers by itself, as an unknown Expect, in Google's form."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = to_aiohttp(RestError(error.status, "INVALID_ARGUMENT", error.text or error.reason).response())
        if request.method == "CONNECT":
            response.force_close()  # aiohttp takes what follows for something else than HTTP
        return response

    return handle


def rest_runner(application: web.Application) -> RestRunner:
    """Return what runs an application of `rest_application`.

    It ends without waiting for requests that are under way. A handler is cancelled when its client disconnects, so
    that nothing waits or jumps for nobody.
    """
    return RestRunner(
        application, access_log=None, shutdown_timeout=0.1, auto_decompress=False, handler_cancellation=True
    )


@contextmanager
def rest_serving(runner: web.BaseRunner, host: str) -> Iterator[int]:
    """Serve at a free port of ``host`` until the block ends, and give the port."""
    with socket.create_server((host, 0)) as listening, event_loop_thread() as loop:
        asyncio.run_coroutine_threadsafe(_serve_at(runner, listening), loop).result()
        try:
            yield listening.getsockname()[1]
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


async def _serve_at(runner: web.BaseRunner, listening: socket.socket) -> None:
    await runner.setup()
    await web.SockSite(runner, listening).start()


@contextmanager
def event_loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a daemon thread until the block ends, its timers by real time."""
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
