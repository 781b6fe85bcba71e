"""A gRPC channel without a network: each call finds its fake, or the real service, when it is made."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import grpc

from .._messages.grpc_errors import InProcessCall, InProcessRpcError
from .._messages.rpc_call import RpcCall, rpc_of
from .router import Backend

last_error: ContextVar[InProcessRpcError | None] = ContextVar("last_error", default=None)
"""The error that a fake's call last raised in this context; retry loops that wait after it need not wait."""

Bind = Callable[[str], "Backend | grpc.Channel"]
"""Decides where a call to an RPC goes."""

_ENDED = InProcessCall()


class DeferredChannel(grpc.Channel):  # type: ignore[misc]
    """Replaces the channel of Google's own gRPC transport."""

    def __init__(self, bind: Bind, close: Callable[[], None], *, stays_open: bool = False) -> None:
        """``close`` is called along with the channel; one that ``stays_open`` serves calls even then."""
        self.bind = bind
        """Returns where a call to an RPC goes now."""
        self._close = close
        self._stays_open = stays_open
        self._calls: dict[str, DeferredCall] = {}

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *args: Any, **kwargs: Any
    ) -> DeferredCall:
        """Return the callable for one RPC, ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
        call = self._calls.get(method)
        if call is None:
            call = DeferredCall(self, method, request_serializer, response_deserializer)
            self._calls[method] = call
        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError: Cloud Tasks has no streaming RPC."""
        raise NotImplementedError("Cloud Tasks has no streaming RPC.")

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Call back at once: the channel needs no connection, and is always ready."""
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Do nothing: the state does not change again."""

    def close(self) -> None:
        """Close it, and the real channel if one was opened."""
        if not self._stays_open:
            self.bind = _refuse
        self._close()

    def __enter__(self) -> DeferredChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _refuse(rpc: str) -> Backend:
    raise ValueError("Cannot invoke RPC on closed channel!")


class DeferredCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of a deferred channel."""

    def __init__(self, channel: DeferredChannel, method: str, serializer: Any, deserializer: Any) -> None:
        self._channel = channel
        self._method = method
        self._serializer = serializer
        self._deserializer = deserializer
        self._api, self._rpc = rpc_of(method)

    def __call__(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return the response; raise what a channel raises."""
        backend = self._channel.bind(self._rpc)
        if isinstance(backend, grpc.Channel):
            return self._on(backend)(request, *options, **more)
        return self._answer(backend, request, *options, **more)

    def with_call(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return the response and the call."""
        backend = self._channel.bind(self._rpc)
        if isinstance(backend, grpc.Channel):
            return self._on(backend).with_call(request, *options, **more)
        return self._answer(backend, request, *options, **more), _ENDED

    def future(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return the future of a real channel; a fake answers at once, and has none."""
        channel = self._channel.bind(self._rpc)
        if not isinstance(channel, grpc.Channel):
            raise NotImplementedError(
                "A call to the fake is made and answered at once; call the client's method instead."
            )
        return self._on(channel).future(request, *options, **more)

    def _answer(
        self, backend: Backend, request: Any, timeout: float | None = None, metadata: Any = None, *_: Any, **__: Any
    ) -> Any:
        """Return the fake's answer; what else is passed with a call concerns a connection."""
        try:
            return backend.receive(RpcCall(self._rpc, self._api, request, timeout, tuple(metadata or ())))
        except InProcessRpcError as error:
            last_error.set(error)
            raise

    def _on(self, channel: grpc.Channel) -> Any:
        """Return the same RPC on a real channel."""
        return channel.unary_unary(self._method, self._serializer, self._deserializer)
