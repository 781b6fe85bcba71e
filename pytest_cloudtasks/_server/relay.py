"""One port for REST and gRPC: the first bytes of a connection decide which of two servers gets it.

Public code looks for an emulator in CLOUD_TASKS_EMULATOR_HOST. Some of it uses gRPC at that address, and Firebase's
Admin SDKs use HTTP/1.1. A gRPC connection begins with the preface of HTTP/2; the relay pipes it to gRPC's own port. It
passes any other connection to aiohttp in this process, at no further cost. A piped call costs a fifth more of the
server's CPU time. A port for gRPC alone therefore has no relay in front, and doesn't report clients that use TLS.

A relay can listen before the two servers run. Connections wait until `Relay.open`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, cast

_GRPC = b"PRI * HTTP/2.0"
"""The first bytes of every gRPC connection, and of no HTTP/1.1 connection (RFC 9113 §3.4)."""
_TLS = b"\x16"
"""The first byte of every TLS connection, and of no HTTP connection: a handshake record (RFC 8446 §5.1)."""


class _Servers(NamedTuple):
    http: Callable[[], asyncio.BaseProtocol]
    grpc: tuple[str, int]


class Relay:
    """Listens on one address, and passes each connection to the server for its protocol."""

    def __init__(self, on_tls: Callable[[str], None]) -> None:
        """``on_tls`` is called with a sentence if a client uses TLS, which neither server supports."""
        self._on_tls = on_tls
        self._servers: _Servers | None = None
        self._listening: asyncio.Server | None = None
        self._connections: set[_Undecided] = set()
        """The connections that aiohttp doesn't have: undecided ones, and piped ones."""

    async def listen(self, **where: Any) -> int:
        """Listen on ``host`` and ``port``, or on the socket ``sock``; return the port."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: _Undecided(self), **where)
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    def open(self, http: Callable[[], asyncio.BaseProtocol], grpc: tuple[str, int]) -> None:
        """Start to pass connections on: to protocols that ``http`` makes, and to the address ``grpc``."""
        self._servers = _Servers(http, grpc)
        for connection in list(self._connections):
            connection.decide()

    def close(self) -> None:
        """Stop listening, and abort the connections that aiohttp doesn't have."""
        if self._listening is not None:
            self._listening.close()
        for connection in list(self._connections):
            connection.transport.abort()

    # --- called by connections -----------------------------------------------------------------------------------

    @property
    def servers(self) -> _Servers | None:
        """The two servers; None before `open`."""
        return self._servers

    def add(self, connection: _Undecided) -> None:
        """Register a connection, so that `close` aborts it."""
        self._connections.add(connection)

    def forget(self, connection: _Undecided) -> None:
        """Remove a connection that has ended, or that aiohttp has."""
        self._connections.discard(connection)

    def report_tls(self, transport: asyncio.Transport) -> None:
        """Report that the client of ``transport`` uses TLS."""
        peer = transport.get_extra_info("peername")
        client = f"A client at {peer[0]}" if peer else "A client"
        self._on_tls(
            f"{client} used TLS on a port for plain HTTP and gRPC. Connect without TLS: use http:// instead of"
            " https://, and an insecure channel for gRPC."
        )


class _Undecided(asyncio.Protocol):
    """A connection whose protocol is not known yet."""

    transport: asyncio.Transport

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._seen = b""
        self._piping: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, which then waits for its first bytes."""
        self.transport = cast("asyncio.Transport", transport)
        self._relay.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._relay.forget(self)

    def data_received(self, data: bytes) -> None:
        """Decide as soon as there are enough bytes."""
        self._seen += data
        self.decide()

    def decide(self) -> None:
        """Pass the connection to a server if its first bytes show which one."""
        servers = self._relay.servers
        if servers is None:
            self.transport.pause_reading()
        elif self._seen.startswith(_GRPC):
            self.transport.pause_reading()
            self._piping = asyncio.ensure_future(self._pipe(*servers.grpc))
        elif not _GRPC.startswith(self._seen):
            if self._seen.startswith(_TLS):
                self._relay.report_tls(self.transport)
            self._give_to(servers.http())
        else:
            self.transport.resume_reading()

    def _give_to(self, http: Any) -> None:
        self._relay.forget(self)
        self.transport.resume_reading()
        self.transport.set_protocol(http)
        http.connection_made(self.transport)
        http.data_received(self._seen)

    async def _pipe(self, host: str, port: int) -> None:
        def forget() -> None:
            self._relay.forget(self)

        loop = asyncio.get_running_loop()
        try:
            to_grpc, _ = await loop.create_connection(lambda: _Pipe(self.transport, forget), host, port)
        except OSError:
            self.transport.abort()
            return
        to_grpc.write(self._seen)
        if self.transport.is_closing():
            to_grpc.abort()
        self.transport.set_protocol(_Pipe(to_grpc, forget))
        self.transport.resume_reading()


class _Pipe(asyncio.Protocol):
    """One end of a pipe. It sends what it receives to the other end, as fast as that end can take it."""

    def __init__(self, other: asyncio.Transport, end: Callable[[], None]) -> None:
        """``end`` is called when the connection at this end is lost."""
        self._other = other
        self._end = end

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._other.write(data)

    def pause_writing(self) -> None:
        """Stop reading at the other end until this end has sent its buffered bytes."""
        self._other.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._other.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Close the other end as well."""
        self._other.close()
        self._end()
