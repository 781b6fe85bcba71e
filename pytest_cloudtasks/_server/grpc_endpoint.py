"""The gRPC endpoint: grpcio's server, whose calls a backend answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .._clients.router import Receiver
from .._messages.grpc_errors import InProcessRpcError
from .._messages.methods import Method, method_at
from .._messages.proto import proto_of, wrapped
from .._messages.rest_http import failed
from .._messages.rpc_call import IncomingCall

THREADS = 16
"""Calls that are answered at the same time; a handler of an eager dispatch may make calls of its own."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # fail if another process listens at the port, rather than share it
    ("grpc.http2.max_ping_strikes", 0),  # clients may send keep-alive pings as often as they like
)
_FOR_EVER = 10.0**8
"""Seconds that are left to a call without a deadline, at the least."""
_LONGEST_TEXT = 2_000
"""Bytes of an error's text. Every client takes 8 KiB of metadata, where each byte may be encoded as three."""
_LONGEST_STATUS = 7_000
"""Bytes of metadata for an error's text and details; the rest of the 8 KiB is for grpc's own."""


def grpc_server(backend: Receiver, address: str) -> tuple[grpc.Server, int]:
    """Return a server in front of ``backend`` that has been bound to ``address`` (``127.0.0.1:0``), and its port.

    It answers once it is started; who starts it also stops it. Raises RuntimeError if the address is taken.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="cloud-tasks-grpc")
    server = grpc.server(pool, handlers=[_Handlers(backend)], options=_OPTIONS)
    return server, server.add_insecure_port(address)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds what answers a call by its path; grpc itself rejects unknown paths."""

    def __init__(self, backend: Receiver) -> None:
        self._backend = backend

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what answers the calls of one method."""
        method = method_at(handler_call_details.method)
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            _answering(self._backend, method),
            response_serializer=lambda response: proto_of(response).SerializeToString(),
        )


def _answering(backend: Receiver, method: Method) -> Callable[[Any, grpc.ServicerContext], Any]:
    def answer(data: bytes, context: grpc.ServicerContext) -> Any:
        try:
            request = method.request_class.FromString(data)
        except DecodeError:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"The request is no {method.request_class.DESCRIPTOR.name}."
            )
        call = IncomingCall(
            method.rpc,
            method.api,
            wrapped(method.request, request),
            _timeout(context),
            tuple((key, value) for key, value in context.invocation_metadata()),
        )
        try:
            return backend.receive(call)
        except InProcessRpcError as error:
            code, text = error.code(), error.details()
            if _fits(text, error.trailing_metadata()):
                context.set_trailing_metadata(error.trailing_metadata())
        except BaseException as error:  # what fails a test is none of Exception
            code, text = grpc.StatusCode.INTERNAL, failed(error).message
        return context.abort(code, _short(text))  # which raises

    return answer


def _timeout(context: grpc.ServicerContext) -> float | None:
    """Return how many seconds the caller waits; None without a deadline.

    They are rounded to the precision with which grpc carries them, so that 20 s stay 20 s.
    """
    remaining: float = context.time_remaining()
    if remaining > _FOR_EVER:
        return None
    step = 0.5 if remaining > 9.5 else 0.1
    return round(remaining / step) * step


def _short(text: str) -> str:
    """``text`` as it fits into a status: what quotes a long name of the request would make the client refuse it."""
    data = text.encode(errors="replace")
    return text if len(data) <= _LONGEST_TEXT else f"{data[:_LONGEST_TEXT].decode(errors='ignore')}…"


def _fits(text: str, details: tuple[tuple[str, bytes], ...]) -> bool:
    """Whether a client takes ``text`` with ``details``, which repeat it; the error goes without details otherwise."""
    encoded = sum(len(value) * 4 // 3 for _, value in details)  # in base64
    return len(text.encode(errors="replace")) * 3 + encoded <= _LONGEST_STATUS
