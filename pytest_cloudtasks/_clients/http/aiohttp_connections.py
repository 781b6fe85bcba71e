"""Connections of `aiohttp` whose requests are answered here.

A request asks a connector for a connection, so its URL decides. A request that is answered here gets a connection of
aiohttp's own, whose protocol has a transport that only stores what is written. The client writes its request there, and
then waits for the response with the protocol's ``read``. In that method, in the coroutine of the call, the fake
answers, and aiohttp's parser gets the bytes. The response closes the connection, so the connector doesn't keep it, and
each request is decided anew.

How a connection, its protocol and its transport belong together is not documented: checked against aiohttp 3.9 to 3.14,
and ``tests/clients/http/test_requests.py`` fails when it moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from ..._messages.rest_http import malformed
from . import exchange, wire
from .exchange import Origin, origin_of

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def connect(
    connector: Any, request: Any, as_the_library_does: Callable[..., Awaitable[Connection]], *options: Any, **more: Any
) -> Connection:
    """Return a connection for ``request``. Raise the error of a blocked request outside a fake."""
    url = request.url
    origin = origin_of(url.scheme, url.raw_host or "", url.port)
    if not exchange.claims(origin, url.raw_path):
        return await as_the_library_does(connector, request, *options, **more)
    exchange.check_outside(origin, request.method, url.raw_path)
    loop = asyncio.get_running_loop()
    protocol = _Protocol(loop, origin)
    protocol.connection_made(_Transport(loop, protocol, origin))
    return Connection(connector, request.connection_key, protocol, loop)


class _Protocol(ResponseHandler):
    """aiohttp's protocol, which gets the fake's answer when its response is read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: Origin) -> None:
        super().__init__(loop)
        self._origin = origin
        self._written = bytearray()
        self._more = asyncio.Event()
        """Set when more of the request has been written, or when the rest will not be."""
        self._has_continued = self._has_answered = False

    def written(self, data: bytes) -> None:
        """Store a part of the request."""
        self._written += data
        self._more.set()

    def set_exception(self, *error: Any) -> None:
        """Store the error of a request that the client can't write."""
        super().set_exception(*error)
        self._more.set()

    async def read(self) -> Any:
        """Return the next response, or raise the client's error."""
        await asyncio.sleep(0)  # lets the client's writer finish first, as a network would
        while not self._has_answered and self.exception() is None:
            if await self._answer():
                break
            await self._more.wait()
            self._more.clear()
        return await super().read()

    async def _answer(self) -> bool:
        """Pass a response to the parser, once the request is complete."""
        written = bytes(self._written)
        if not self._has_continued and wire.expects_continue(written):
            self._has_continued = True
            self.data_received(_CONTINUE)
            return True
        try:
            request = wire.request_of(written)
        except ValueError:
            response = wire.completed(malformed("Bad Request").response(), "")
        else:
            if request is None:
                return False
            response = wire.completed(await exchange.answer_async(self._origin, request), request.method)
        self._has_answered = True
        self.data_received(wire.bytes_of(response))
        return True


class _Transport(asyncio.Transport):
    """A transport that passes data to the protocol."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: _Protocol, origin: Origin) -> None:
        super().__init__({"peername": (origin.host, origin.port)})
        self._loop = loop
        self._protocol = protocol
        self._is_closing = False

    def write(self, data: Any) -> None:
        """Store a part of the request."""
        self._protocol.written(data)

    def writelines(self, pieces: Iterable[Any]) -> None:
        """Store parts of the request."""
        for piece in pieces:
            self._protocol.written(piece)

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self._is_closing

    def close(self) -> None:
        """Report the end to the protocol, as a connection does."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Close the transport."""
        self.close()
