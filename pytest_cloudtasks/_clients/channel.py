"""A gRPC channel without a network: each call finds its fake, or the real service, when it is made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import grpc
from google.api_core.gapic_v1.method import DEFAULT

from .._messages.grpc_errors import InProcessCall
from .._messages.rpc_call import RpcCall, rpc_of
from .router import Backend

caller_retry: ContextVar[Any] = ContextVar("caller_retry", default=DEFAULT)
"""What the caller of the client's method passed as ``retry``, which a channel does not get to see.

google.api_core's DEFAULT where nothing was passed, and where it can't be known: a call of a transport's RPC itself.
"""

Bind = Callable[[str], "Backend | grpc.Channel"]
"""Decides where a call to an RPC goes."""

_ENDED = InProcessCall()


class LateBoundChannel(grpc.Channel):  # type: ignore[misc]
    """Takes the place of the channel in Google's own gRPC transport."""

    def __init__(self, bind: Bind, close: Callable[[], None], *, stays_open: bool = False) -> None:
        """``close`` is called along with the channel; one that ``stays_open`` serves calls even then."""
        self.bind = bind
        """Where a call to an RPC goes now."""
        self._close = close
        self._stays_open = stays_open
        self._calls: dict[str, LateBoundCall] = {}

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *args: Any, **kwargs: Any
    ) -> LateBoundCall:
        """The callable for one RPC, ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
        call = self._calls.get(method)
        if call is None:
            call = LateBoundCall(self, method, request_serializer, response_deserializer)
            self._calls[method] = call
        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Cloud Tasks has no streaming RPC."""
        raise NotImplementedError("Cloud Tasks has no streaming RPC.")

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """The channel needs no connection: it is ready, once and for all."""
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Nothing will come any more."""

    def close(self) -> None:
        """Close it, and the real one beneath if it was ever opened."""
        if not self._stays_open:
            self.bind = _refuse
        self._close()

    def __enter__(self) -> LateBoundChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _refuse(rpc: str) -> Backend:
    raise ValueError("Cannot invoke RPC on closed channel!")


class LateBoundCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of a late-bound channel."""

    def __init__(
        self,
        channel: LateBoundChannel,
        method: str,
        serializer: Any,
        deserializer: Any,
        logged: Any = None,
        logger: logging.Logger | None = None,
    ) -> None:
        """While ``logger`` listens, calls go to ``logged``, the same RPC behind Google's interceptor that logs them.

        They go past it otherwise: interceptors take a tenth of the time of a call.
        """
        self._channel = channel
        self._logged = logged
        self._listens = None if logger is None else logger.isEnabledFor
        self._method = method
        self._serializer = serializer
        self._deserializer = deserializer
        self._api, self._rpc = rpc_of(method)

    def __call__(
        self, request: Any, timeout: float | None = None, metadata: Any = None, *others: Any, **options: Any
    ) -> Any:
        """The response; raises what a channel raises."""
        if self._listens is not None and self._listens(logging.DEBUG):
            return _passed_on(self._logged, request, timeout, metadata, others, options)
        bound: Any = self._channel.bind(self._rpc)
        receive = getattr(bound, "receive", None)
        if receive is None:  # a channel, which is not asked for by its class: that is abstract, and slow to tell
            return _passed_on(self._on(bound), request, timeout, metadata, others, options)
        return receive(RpcCall(self._rpc, self._api, request, timeout, tuple(metadata or ()), caller_retry.get()))

    def with_call(
        self, request: Any, timeout: float | None = None, metadata: Any = None, *others: Any, **options: Any
    ) -> Any:
        """The response and the call."""
        if self._listens is not None and self._listens(logging.DEBUG):
            return _passed_on(self._logged.with_call, request, timeout, metadata, others, options)
        bound = self._channel.bind(self._rpc)
        if isinstance(bound, grpc.Channel):
            return _passed_on(self._on(bound).with_call, request, timeout, metadata, others, options)
        call = RpcCall(self._rpc, self._api, request, timeout, tuple(metadata or ()), caller_retry.get())
        return bound.receive(call), _ENDED

    def future(
        self, request: Any, timeout: float | None = None, metadata: Any = None, *others: Any, **options: Any
    ) -> Any:
        """Google's client makes no use of futures on this channel, in-process there is none to wait for."""
        bound = self._channel.bind(self._rpc)
        if not isinstance(bound, grpc.Channel):
            raise NotImplementedError(
                "A call to the fake is made and answered at once; call the client's method instead."
            )
        is_heard = self._listens is not None and self._listens(logging.DEBUG)
        call = self._logged if is_heard else self._on(bound)
        return _passed_on(call.future, request, timeout, metadata, others, options)

    def _on(self, channel: grpc.Channel) -> Any:
        """The same RPC on a real channel."""
        return channel.unary_unary(self._method, self._serializer, self._deserializer)


def _passed_on(
    call: Any, request: Any, timeout: float | None, metadata: Any, others: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """What ``call``, the same RPC on another channel, gives."""
    if others:  # by position, as they came
        return call(request, timeout, metadata, *others, **options)
    return call(request, timeout=timeout, metadata=metadata, **options)
