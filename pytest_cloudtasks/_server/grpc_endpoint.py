"""The gRPC endpoint: grpcio's servers, whose calls a backend answers.

`grpc_server` answers each call in a thread, so the handler of an eager dispatch can make calls of its own meanwhile.
`asyncio_grpc_server` answers calls in the running event loop, one after another, because the emulator's loop owns its
model. A call that changes threads takes twice as long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from .._clients.router import Receiver
from .._messages.grpc_errors import InProcessRpcError
from .._messages.methods import Method, method_at
from .._messages.proto import proto_of, wrapped
from .._messages.rest_http import failed
from .._messages.rpc_call import IncomingCall

THREADS = 16
"""Calls that are answered at the same time. There are many, because a handler of an eager dispatch may make calls."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # fail if another process listens on the port, rather than share it
    ("grpc.http2.max_ping_strikes", 0),  # clients may send keep-alive pings as often as they like
)
_FOR_EVER = 10.0**8
"""The least remaining time in seconds that grpc reports for a call without a deadline."""
_LONGEST_TEXT = 2_000
"""Most bytes of an error's text. Every client accepts 8 KiB of metadata, and each byte may be encoded as three."""
_LONGEST_STATUS = 7_000
"""Most bytes of metadata for an error's text and details; grpc needs the rest of the 8 KiB itself."""


def grpc_server(backend: Receiver, address: str) -> tuple[grpc.Server, int]:
    """Return a server for ``backend`` that is bound to ``address`` (``127.0.0.1:0``), and its port.

    The caller starts and stops it. Raises RuntimeError if the address is taken.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="cloud-tasks-grpc")
    server = grpc.server(pool, handlers=[_Handlers(backend, _in_a_thread)], options=_OPTIONS)
    return server, server.add_insecure_port(address)


def asyncio_grpc_server(backend: Receiver, address: str) -> tuple[grpc.aio.Server, int]:
    """Return a server like `grpc_server`'s that answers in the running event loop; ``backend`` must not block.

    Raises RuntimeError if the address is taken.
    """
    server = grpc.aio.server(handlers=[_Handlers(backend, _in_the_loop)], options=_OPTIONS)
    return server, server.add_insecure_port(address)


class _Rejected(NamedTuple):
    """The error that a call gets."""

    code: grpc.StatusCode
    text: str
    trailing_metadata: tuple[tuple[str, bytes], ...] = ()


Answer = Callable[[bytes, Any], Any]
"""Returns the response to a request's bytes, or a `_Rejected`; its second argument is grpc's context of the call."""


def _in_a_thread(answer: Answer) -> Callable[[bytes, grpc.ServicerContext], Any]:
    def behaviour(data: bytes, context: grpc.ServicerContext) -> Any:
        response = answer(data, context)
        if not isinstance(response, _Rejected):
            return response
        context.set_trailing_metadata(response.trailing_metadata)
        return context.abort(response.code, response.text)  # which raises

    return behaviour


def _in_the_loop(answer: Answer) -> Callable[[bytes, Any], Awaitable[Any]]:
    async def behaviour(data: bytes, context: Any) -> Any:
        response = answer(data, context)
        if not isinstance(response, _Rejected):
            return response
        return await context.abort(response.code, response.text, response.trailing_metadata)  # which raises

    return behaviour


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds the handler of a call by its path; grpc itself rejects unknown paths."""

    def __init__(self, backend: Receiver, runs: Callable[[Answer], Callable[[bytes, Any], Any]]) -> None:
        """``runs`` turns an answer into a behaviour of a threaded or of an asyncio server."""
        self._backend = backend
        self._runs = runs

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler for the calls of one method."""
        method = method_at(handler_call_details.method)
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._runs(_answering(self._backend, method)),
            response_serializer=lambda response: proto_of(response).SerializeToString(),
        )


def _answering(backend: Receiver, method: Method) -> Answer:
    def answer(data: bytes, context: Any) -> Any:
        try:
            request = method.request_class.FromString(data)
        except DecodeError:
            text = f"The request is not a {method.request_class.DESCRIPTOR.name} message."
            return _Rejected(grpc.StatusCode.INVALID_ARGUMENT, text)
        call = IncomingCall(
            method.rpc,
            method.api,
            wrapped(method.request, request),
            _timeout(context.time_remaining()),
            tuple((key, value) for key, value in context.invocation_metadata()),
        )
        try:
            return backend.receive(call)
        except InProcessRpcError as error:
            text, details = error.details(), error.trailing_metadata()
            return _Rejected(error.code(), _short(text), details if _fits(text, details) else ())
        except BaseException as error:  # pytest's failures don't derive from Exception
            return _Rejected(grpc.StatusCode.INTERNAL, _short(failed(error).message))

    return answer


def _timeout(remaining: float | None) -> float | None:
    """Return the call's time-out in seconds from its remaining time; None without a deadline.

    The result is rounded to the precision with which grpc carries it, so that 20 s stay 20 s.
    """
    if remaining is None or remaining > _FOR_EVER:
        return None
    step = 0.5 if remaining > 9.5 else 0.1
    return round(remaining / step) * step


def _short(text: str) -> str:
    """Return ``text``, shortened to fit into a status: a client rejects one that quotes a very long name."""
    data = text.encode(errors="replace")
    return text if len(data) <= _LONGEST_TEXT else f"{data[:_LONGEST_TEXT].decode(errors='ignore')}…"


def _fits(text: str, details: tuple[tuple[str, bytes], ...]) -> bool:
    """Return whether a client accepts ``text`` with ``details``, which repeat it; otherwise details are omitted."""
    encoded = sum(len(value) * 4 // 3 for _, value in details)  # in base64
    return len(text.encode(errors="replace")) * 3 + encoded <= _LONGEST_STATUS
