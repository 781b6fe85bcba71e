"""A gRPC channel without a network: each call finds its fake, or the real service, when it is made."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from .._messages.grpc_errors import InProcessCall, InProcessRpcError
from .._messages.methods import Method, method_at
from .._messages.proto import parsed_as, proto_of
from .._messages.rpc_call import IncomingCall, rpc_of
from .grpc_channels import Bind, Open
from .router import Backend, router

last_error: ContextVar[InProcessRpcError | None] = ContextVar("last_error", default=None)
"""The error that a fake's call last raised in this context; retry loops that wait after it need not wait."""


class Connection:
    """What a deferred channel has instead of a connection: the real channel, once a call has needed it.

    It can be copied and pickled as little as grpc's own, which is an object of Cython's, and fails in the same words.
    """

    def __init__(self, open_real: Open | None = None) -> None:
        """Without ``open_real`` there is no real channel, and the deferred one stays open for those who share it.

        Where the library opens a channel at once, so is this.
        """
        self._open = open_real
        self.real: Any = None
        self.is_closed = False
        if not router.needs_no_credentials:
            self.opened()

    def opened(self) -> Any:
        """Return the real channel; None if there is none to open. Raise what keeps the library from opening it."""
        if self.real is None and self._open is not None:
            self.real = self._open()
        return self.real

    @property
    def is_ready(self) -> bool:
        """Whether nobody has to wait for a connection, since calls go to a fake or nowhere."""
        return self._open is None or router.needs_no_credentials

    def close(self) -> Any:
        """Close it, and return the real channel, if one was opened."""
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
        """Return where a call to ``rpc`` goes now; None for the real channel."""
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
        call = self._calls.get(method)  # a channel with interceptors asks for it with each call
        if call is None or not call.codec.is_of(request_serializer, response_deserializer):
            call = DeferredCall(self, method, Codec(method, request_serializer, response_deserializer))
            self._calls[method] = call
        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError: Cloud Tasks has no streaming RPC."""
        raise NotImplementedError("Cloud Tasks has no streaming RPC.")

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Call back at once where no connection is needed, since the channel is ready then."""
        if self._connection.is_ready:
            callback(grpc.ChannelConnectivity.READY)
        else:
            self.real().subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """End what `subscribe` began, if it did more than call back."""
        if self._connection.real is not None:
            self._connection.real.unsubscribe(callback)

    def close(self) -> None:
        """Close it, and the real channel if one was opened."""
        real = self._connection.close()
        if real is not None:
            real.close()

    def __enter__(self) -> DeferredChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Codec:
    """What a stub makes of an RPC's messages.

    Google's client has the messages of the installed library, and they arrive as they are. A stub that was generated
    elsewhere may have classes of its own: its messages are read again from their bytes.
    """

    def __init__(self, method: str, serializer: Any, deserializer: Any) -> None:
        self.serializer = serializer
        self.deserializer = deserializer
        self._path = method
        self._response = getattr(deserializer, "__self__", None)

    def is_of(self, serializer: Any, deserializer: Any) -> bool:
        """Whether it was made of these."""
        return (self.serializer, self.deserializer) == (serializer, deserializer)

    @cached_property
    def _method(self) -> Method | None:
        return method_at(self._path)  # loads the library's messages: only when there is a call

    def request(self, message: Any) -> Any:
        """Return the request as a message of the installed library. Raise as a server does that can't read it."""
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
        """Return the response as the stub has it."""
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
        """Return the response; raise what a channel raises."""
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
        """Return the future of the response; a fake's is done."""
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
        """Return the fake's answer; what else is passed with a call concerns a connection."""
        try:
            call = IncomingCall(self._rpc, self._api, self.codec.request(request), timeout, tuple(metadata or ()))
            return self.codec.response(backend.receive(call))
        except InProcessRpcError as error:
            last_error.set(error)
            raise

    def _on_real(self) -> Any:
        """Return the same RPC on the real channel."""
        return self._channel.real().unary_unary(self._method, self.codec.serializer, self.codec.deserializer)


class AnsweredFuture(InProcessCall, grpc.Future):  # type: ignore[misc]
    """The future of a call to a fake, which has been answered; it is the call as well, as with grpc's own."""

    def __init__(self, response: Any, error: InProcessRpcError | None) -> None:
        self._response = response
        self._error = error

    def cancelled(self) -> bool:
        """Return False: it is done."""
        return False

    def running(self) -> bool:
        """Return False: it is done."""
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
        """Call back at once, since the call is done."""
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
