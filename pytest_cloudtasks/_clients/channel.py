"""A gRPC channel without a network. Each call finds its fake, or the real service, when it is made."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf.message import DecodeError

from .._messages.grpc_errors import InProcessCall, InProcessRpcError, status_code_of
from .._messages.methods import Method, method_at
from .._messages.proto import parsed_as, proto_of
from .._messages.rpc_call import IncomingCall, rpc_of
from .grpc_channels import Bind, Open
from .router import Backend, router


class LastError(NamedTuple):
    """What retry loops need of a fake's error. The error itself would keep its frames, and with them the whole fake."""

    status: int
    text: str
    jitter: random.Random


last_error: ContextVar[LastError | None] = ContextVar("last_error", default=None)
"""The error that a fake's call last raised in this context. Retry loops need not wait after it."""


def remember(error: InProcessRpcError) -> None:
    """Set the last error of this context."""
    last_error.set(LastError(status_code_of(error), error.details(), error.jitter))


class Connection:
    """The connection of a deferred channel: the real channel, opened when a call first needs it.

    Like grpc's own channel, which is a Cython object, it can't be copied or pickled, and raises the same error.
    """

    def __init__(self, open_real: Open | None = None) -> None:
        """Set up the connection. Without ``open_real`` there is no real channel, and closing does nothing.

        A channel that the library opens at once is opened here, too.
        """
        self._open = open_real
        self.real: Any = None
        self.is_closed = False
        if not router.needs_no_credentials:
            self.opened()

    def opened(self) -> Any:
        """Return the real channel; None if there is none. Raise the library's error if it can't be opened."""
        if self.real is None and self._open is not None:
            self.real = self._open()
        return self.real

    @property
    def is_ready(self) -> bool:
        """Whether no connection is needed, because calls go to a fake or nowhere."""
        return self._open is None or router.needs_no_credentials

    def close(self) -> Any:
        """Close the connection. Return the real channel if it was opened."""
        self.is_closed = self._open is not None
        return self.real

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("no default __reduce__ due to non-trivial __cinit__")


class DeferredChannel(grpc.Channel):  # type: ignore[misc]
    """A channel to Cloud Tasks, or to an address that a fake redirects."""

    def __init__(self, bind: Bind, connection: Connection | None = None) -> None:
        self._connection = connection or Connection()
        self._bind = bind
        self._calls: dict[str, DeferredCall] = {}

    def backend(self, rpc: str) -> Backend | None:
        """Return the fake that a call to ``rpc`` goes to now; None for the real channel."""
        if self._connection.is_closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        return self._bind(rpc)

    def real(self) -> Any:
        """Return the real channel."""
        return self._connection.opened()

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *args: Any, **kwargs: Any
    ) -> DeferredCall:
        """Return the callable for one RPC, ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
        call = self._calls.get(method)  # a channel with interceptors asks for it at each call
        if call is None or not call.codec.is_of(request_serializer, response_deserializer):
            call = DeferredCall(self, method, Codec(method, request_serializer, response_deserializer))
            self._calls[method] = call
        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError: Cloud Tasks has no streaming RPC."""
        raise NotImplementedError("Cloud Tasks has no streaming RPC.")

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Run the callback at once if no connection is needed, because the channel is then ready."""
        if self._connection.is_ready:
            callback(grpc.ChannelConnectivity.READY)
        else:
            self.real().subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Undo `subscribe`, if the real channel has the callback."""
        if self._connection.real is not None:
            self._connection.real.unsubscribe(callback)

    def close(self) -> None:
        """Close the channel, and the real one if it was opened."""
        real = self._connection.close()
        if real is not None:
            real.close()

    def __enter__(self) -> DeferredChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Codec:
    """Conversion of a stub's messages.

    Google's client uses the installed library's messages, which pass unchanged. A stub that was generated elsewhere may
    have its own classes, whose messages are read again from their bytes.
    """

    def __init__(self, method: str, serializer: Any, deserializer: Any) -> None:
        self.serializer = serializer
        self.deserializer = deserializer
        self._path = method
        self._response = getattr(deserializer, "__self__", None)

    def is_of(self, serializer: Any, deserializer: Any) -> bool:
        """Return whether the codec was made for these functions."""
        return (self.serializer, self.deserializer) == (serializer, deserializer)

    @cached_property
    def _method(self) -> Method | None:
        return method_at(self._path)  # loads the library's messages, which only a call needs

    def request(self, message: Any) -> Any:
        """Return the request as a message of the installed library. If it can't be read, raise a server's error."""
        method = self._method
        if method is None:
            raise _rejected(grpc.StatusCode.UNIMPLEMENTED, "Method not found.")
        if type(message) is method.request or type(proto_of(message)) is method.request_class:
            return message
        try:
            return parsed_as(method.request, message if self.serializer is None else self.serializer(message))
        except DecodeError:
            raise _rejected(grpc.StatusCode.INTERNAL, "Exception deserializing request!") from None

    def response(self, message: Any) -> Any:
        """Return the response as the stub's message."""
        if type(message) is self._response:
            return message
        plain = proto_of(message)
        if type(plain) is self._response:
            return plain
        content = plain.SerializeToString()
        return content if self.deserializer is None else self.deserializer(content)


def _rejected(code: grpc.StatusCode, text: str) -> InProcessRpcError:
    return InProcessRpcError(code, text, (), random.Random(0))


class DeferredCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of a deferred channel."""

    def __init__(self, channel: DeferredChannel, method: str, codec: Codec) -> None:
        self.codec = codec
        self._channel = channel
        self._method = method
        self._api, self._rpc = rpc_of(method)

    def __call__(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return the response, or raise as a channel does."""
        backend = self._channel.backend(self._rpc)
        if backend is None:
            return self._on_real()(request, *options, **more)
        return self._answer(backend, request, *options, **more)

    def with_call(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return the response and the call."""
        backend = self._channel.backend(self._rpc)
        if backend is None:
            return self._on_real().with_call(request, *options, **more)
        return self._answer(backend, request, *options, **more), _ENDED

    def future(self, request: Any, *options: Any, **more: Any) -> Any:
        """Return a future of the response, which a fake has already answered."""
        backend = self._channel.backend(self._rpc)
        if backend is None:
            return self._on_real().future(request, *options, **more)
        try:
            return AnsweredFuture(self._answer(backend, request, *options, **more), None)
        except InProcessRpcError as error:
            return AnsweredFuture(None, error)

    def _answer(
        self, backend: Backend, request: Any, timeout: float | None = None, metadata: Any = None, *_: Any, **__: Any
    ) -> Any:
        """Return the fake's answer. The other arguments of a call concern connections."""
        try:
            call = IncomingCall(self._rpc, self._api, self.codec.request(request), timeout, tuple(metadata or ()))
            return self.codec.response(backend.receive(call))
        except InProcessRpcError as error:
            remember(error)
            raise

    def _on_real(self) -> Any:
        """Return the same RPC on the real channel."""
        return self._channel.real().unary_unary(self._method, self.codec.serializer, self.codec.deserializer)


class AnsweredFuture(InProcessCall, grpc.Future):  # type: ignore[misc]
    """The future of an answered call to a fake. As with grpc's own, it is also the call."""

    def __init__(self, response: Any, error: InProcessRpcError | None) -> None:
        self._response = response
        self._error = error

    def cancelled(self) -> bool:
        """Return False, because it is done."""
        return False

    def running(self) -> bool:
        """Return False, because it is done."""
        return False

    def done(self) -> bool:
        """Return True."""
        return True

    def result(self, timeout: float | None = None) -> Any:
        """Return the response, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._response

    def exception(self, timeout: float | None = None) -> InProcessRpcError | None:
        """Return the error, if there is one."""
        return self._error

    def traceback(self, timeout: float | None = None) -> Any:
        """Return where the error was raised, if there is one."""
        return None if self._error is None else self._error.__traceback__

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        """Run the callback at once, because the call is done."""
        fn(self)

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return super().code() if self._error is None else self._error.code()

    def details(self) -> str:
        """Return the error's text."""
        return super().details() if self._error is None else self._error.details()

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return the error's details, if it has any."""
        return super().trailing_metadata() if self._error is None else self._error.trailing_metadata()


_ENDED = InProcessCall()
