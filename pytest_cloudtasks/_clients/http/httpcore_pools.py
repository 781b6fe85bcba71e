"""Pools and connections of `httpcore`, on which httpx is built.

Both get each request whole, with its final URL, so answering it needs no network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpcore

from ..._messages.rest_http import RestRequest, RestResponse, reason_of
from . import exchange, wire
from .exchange import Origin, origin_of


def handle(owner: Any, request: httpcore.Request, as_the_library_does: Callable[..., Any]) -> Any:
    """Return the response to ``request``, from the fake or from its owner, a pool or a connection."""
    if not _is_claimed(request):
        return as_the_library_does(owner, request)
    asked = _asked(request, b"".join(request.stream))  # type: ignore[arg-type]
    return _response(asked, exchange.answer(_origin(request), asked), httpcore.MockStream([]))


async def handle_async(
    owner: Any, request: httpcore.Request, as_the_library_does: Callable[..., Awaitable[Any]]
) -> Any:
    """Return the same to a coroutine."""
    if not _is_claimed(request):
        return await as_the_library_does(owner, request)
    asked = _asked(request, b"".join([piece async for piece in request.stream]))  # type: ignore[union-attr]
    return _response(asked, await exchange.answer_async(_origin(request), asked), httpcore.AsyncMockStream([]))


def _is_claimed(request: httpcore.Request) -> bool:
    return exchange.claims(_origin(request), request.url.target.partition(b"?")[0].decode("latin-1"))


def _origin(request: httpcore.Request) -> Origin:
    url = request.url
    return origin_of(url.scheme.decode("latin-1"), url.host.decode("latin-1"), url.port)


def _asked(request: httpcore.Request, body: bytes) -> RestRequest:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    return RestRequest(request.method.decode("latin-1"), request.url.target.decode("latin-1"), headers, body)


def _response(asked: RestRequest, response: RestResponse, stream: object) -> httpcore.Response:
    sent = wire.completed(response, asked.method)
    return httpcore.Response(
        sent.status,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers],
        content=sent.body,
        extensions={
            "http_version": b"HTTP/1.1",
            "reason_phrase": reason_of(sent.status).encode(),
            "network_stream": stream,
        },
    )
