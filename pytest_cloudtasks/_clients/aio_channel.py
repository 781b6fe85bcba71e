"""The deferred channel for Google's asyncio client.

The generated asyncio transport appends its interceptor, which logs calls, to ``_unary_unary_interceptors``, the list of
grpc's own channel. That list is not public (checked against google-cloud-tasks 2.26). This channel has one, too, and
calls go through its interceptors. ``tests/clients/test_aio_channel.py`` fails when the transport uses another
attribute.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import grpc
import grpc.aio

from .._messages.grpc_errors import InProcessRpcError
from .._messages.rpc_call import IncomingCall, rpc_of
from .channel import Codec, Connection, remember
from .grpc_channels import Bind
from .router import Backend


class DeferredAioChannel(grpc.aio.Channel):  # type: ignore[misc]
    """An asyncio channel to Cloud Tasks, or to an address that a fake redirects."""

    def __init__(
        self, bind: Bind, connection: Connection | None = None, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
    ) -> None:
        self._loop = _running_loop()
        self._connection = connection or Connection()
        self._bind = bind
        self._unary_unary_interceptors = [
            interceptor for interceptor in interceptors if isinstance(interceptor, grpc.aio.UnaryUnaryClientInterceptor)
        ]

    @property
    def interceptors(self) -> Sequence[grpc.aio.UnaryUnaryClientInterceptor]:
        """The interceptors of calls, outermost first."""
        return tuple(self._unary_unary_interceptors)

    def backend(self, rpc: str) -> Backend | None:
        """Return the fake that a call to ``rpc`` goes to now; None for the real channel."""
        if self._connection.is_closed:
            raise grpc.aio.UsageError("Channel is closed.")
        return self._bind(rpc)

    def real(self) -> Any:
        """Return the real channel, with the interceptors of this one."""
        real = self._connection.opened()
        real._unary_unary_interceptors = self._unary_unary_interceptors
        return real

    def other_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the channel's event loop if another one is running. A channel without a loop takes that of its first
        call.

        grpc makes a call in a task of that loop, so raise grpc's error if the loop is closed.
        """
        running = _running_loop()
        if self._loop is None:
            self._loop = running
        if self._loop is running or self._loop is None:
            return None
        if self._loop.is_closed():
            raise RuntimeError("Event loop is closed")
        return self._loop

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *args: Any, **kwargs: Any
    ) -> DeferredAioCall:
        """Return the callable for one RPC, ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
        return DeferredAioCall(self, method, Codec(method, request_serializer, response_deserializer))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError: Cloud Tasks has no streaming RPC."""
        raise NotImplementedError("Cloud Tasks has no streaming RPC.")

    stream_unary = stream_stream = unary_stream

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return READY if no connection is needed."""
        if self._connection.is_closed:
            return grpc.ChannelConnectivity.SHUTDOWN
        if self._connection.is_ready:
            return grpc.ChannelConnectivity.READY
        return self.real().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return at once if no connection is needed: the state changes only when the channel is closed."""
        if not self._connection.is_ready:
            await self.real().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return at once if no connection is needed."""
        if not self._connection.is_ready:
            await self.real().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and the real one if it was opened."""
        real = self._connection.close()
        if real is not None:
            await real.close(grace)

    async def __aenter__(self) -> DeferredAioChannel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class DeferredAioCall(grpc.aio.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of a deferred asyncio channel."""

    def __init__(self, channel: DeferredAioChannel, method: str, codec: Codec) -> None:
        self._channel = channel
        self._method = method
        self._codec = codec
        self._api, self._rpc = rpc_of(method)

    def __call__(self, request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any) -> Any:
        """Make the call. Without interceptors, it has reached the service when this returns."""
        backend = self._channel.backend(self._rpc)
        if backend is None:
            real = self._channel.real().unary_unary(self._method, self._codec.serializer, self._codec.deserializer)
            return real(request, timeout=timeout, metadata=metadata, **options)
        if backend.has_one_loop_for_a_client and (loop := self._channel.other_loop()) is not None:
            return AnsweredCall(None, None, loop.create_future())  # it belongs to another loop and can't be awaited
        interceptors = self._channel.interceptors
        if not interceptors:
            return self._answer(backend, request, timeout, metadata)
        details = grpc.aio.ClientCallDetails(self._method, timeout, metadata or (), None, None)
        return InterceptedCall(lambda: self._intercepted(backend, interceptors, details, request))

    async def _intercepted(
        self,
        backend: Backend,
        interceptors: Sequence[grpc.aio.UnaryUnaryClientInterceptor],
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Make the call through the interceptors. Return the call of the outermost one."""
        if not interceptors:
            return self._answer(backend, request, details.timeout, details.metadata)
        first, *others = interceptors

        async def go_on(details: grpc.aio.ClientCallDetails, request: Any) -> Any:
            return await self._intercepted(backend, others, details, request)

        return await first.intercept_unary_unary(go_on, details, request)

    def _answer(self, backend: Backend, request: Any, timeout: float | None, metadata: Any) -> AnsweredCall:
        try:
            call = IncomingCall(self._rpc, self._api, self._codec.request(request), timeout, tuple(metadata or ()))
            result, first = backend.receive_async(call)
            return AnsweredCall(self._codec.response(result), None, first)
        except InProcessRpcError as error:
            return AnsweredCall(None, error)


class AnsweredCall(grpc.aio.UnaryUnaryCall):  # type: ignore[misc]
    """A call that has been answered. Awaiting it lets other coroutines run once before, as a network would."""

    def __init__(self, result: Any, error: InProcessRpcError | None, first: Awaitable[None] | None = None) -> None:
        """Set up the call. ``first`` is awaited before the answer is returned."""
        self._result = result
        self._error = error
        self._first = first

    def __await__(self) -> Generator[Any, None, Any]:
        first, self._first = self._first, None
        try:
            yield from asyncio.sleep(0).__await__()
        except asyncio.CancelledError:
            if inspect.iscoroutine(first):
                first.close()
            raise
        if first is not None:
            yield from first.__await__()
        if self._error is not None:
            remember(self._error)
            raise self._error
        return self._result

    async def code(self) -> grpc.StatusCode:
        """Return the status."""
        return grpc.StatusCode.OK if self._error is None else self._error.code()

    async def details(self) -> str:
        """Return the error's text."""
        return "" if self._error is None else self._error.details()

    async def initial_metadata(self) -> Any:
        """Return no metadata."""
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> Any:
        """Return the error's details, if it has any."""
        return grpc.aio.Metadata(*(() if self._error is None else self._error.trailing_metadata()))

    async def wait_for_connection(self) -> None:
        """Return at once: there is no connection."""

    def cancel(self) -> bool:
        """Return False: the call has been answered."""
        return False

    def cancelled(self) -> bool:
        """Return False: an answered call can't be cancelled."""
        return False

    def done(self) -> bool:
        """Return True: the call has been answered."""
        return True

    def time_remaining(self) -> float | None:
        """Return None: nothing is pending."""
        return None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Run the callback at once, because the call is done."""
        callback(self)


class InterceptedCall(AnsweredCall):
    """A call through interceptors, made when it is awaited."""

    def __init__(self, make: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(None, None)
        self._make = make
        self._call: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        if self._call is None:
            self._call = yield from self._make().__await__()
        try:
            self._result = yield from self._call.__await__()
        except InProcessRpcError as error:
            self._error = error
            raise
        return self._result
