"""Tests of the port for REST and gRPC, where a connection's first bytes decide."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

import pytest

from pytest_cloudtasks import CloudTasksServer
from pytest_cloudtasks._server.relay import Relay
from tests.each import each
from tests.patience import PATIENCE

from .rest import address_of, sent

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\n\r\n"
TLS_TOLD = (
    "A client at 127.0.0.1 used TLS on a port for plain HTTP and gRPC. Connect without TLS: use http:// instead of"
    " https://, and an insecure channel for gRPC."
)


class Named(asyncio.Protocol):
    """Answers the first bytes with its name and those bytes."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer, and end the connection."""
        self.transport.write(self.name + b": " + data)
        self.transport.close()


def relayed(sends: list[bytes], *, opens_late: bool = False) -> tuple[bytes, list[str]]:
    """Return the answer to a connection that sends these parts, and the messages about TLS."""
    said: list[str] = []

    async def run() -> bytes:
        relay = Relay(said.append)
        port = await relay.listen(host="127.0.0.1", port=0)
        loop = asyncio.get_running_loop()
        grpc_server = await loop.create_server(lambda: Named(b"grpc"), "127.0.0.1", 0)

        def open_relay() -> None:
            relay.open(lambda: Named(b"http"), grpc_server.sockets[0].getsockname()[:2])

        if not opens_late:
            open_relay()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in sends:
            writer.write(part)
            await writer.drain()
            for _ in range(20):
                await asyncio.sleep(0)  # the relay sees the part by itself
        if opens_late:
            open_relay()
        answer = await reader.read()
        writer.close()
        relay.close()
        grpc_server.close()
        return answer

    return asyncio.run(asyncio.wait_for(run(), PATIENCE)), said


@each("opens_late", [False, True])
@each(
    ("sends", "answer"),
    [
        ([REQUEST], b"http: " + REQUEST),
        ([PREFACE], b"grpc: " + PREFACE),
        ([b"PRI * HT", b"TP/2.0\r\n"], b"grpc: PRI * HTTP/2.0\r\n"),
        ([b"P", b"RINT / HTTP/1.1\r\n"], b"http: PRINT / HTTP/1.1\r\n"),
        ([b"\x00"], b"http: \x00"),
    ],
)
def test_the_first_bytes_decide(sends: list[bytes], answer: bytes, opens_late: bool) -> None:
    """They may come in parts and before the servers run, and none is lost."""
    assert relayed(sends, opens_late=opens_late) == (answer, [])


def test_tls_is_reported() -> None:
    """The HTTP server still answers, so that the client's library reports an error, too."""
    assert relayed([b"\x16\x03\x01\x00"]) == (b"http: \x16\x03\x01\x00", [TLS_TOLD])


def test_a_stopped_grpc_server_ends_the_connection() -> None:
    """The client sees an end rather than waiting."""

    async def run() -> bytes:
        relay = Relay(print)
        port = await relay.listen(host="127.0.0.1", port=0)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            relay.open(lambda: Named(b"http"), free.getsockname())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(PREFACE)
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""
            finally:
                writer.close()
                relay.close()

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE)) == b""


def test_a_client_that_speaks_tls_is_logged(
    cloud_tasks_server: CloudTasksServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The message at the shared port says what to do."""
    context = ssl.create_default_context()
    with (
        socket.create_connection(address_of(cloud_tasks_server), timeout=PATIENCE) as connection,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(connection, server_hostname="localhost")
    assert caplog.record_tuples == [("pytest_cloudtasks", logging.WARNING, TLS_TOLD)]


def test_keep_alive_pings_are_allowed_as_often_as_a_client_likes(cloud_tasks_server: CloudTasksServer) -> None:
    """A channel may ping each second without a call under way; grpc's own limit is two pings in five minutes."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    ping = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"keep-me!"  # RFC 9113 §6.7
    answer = sent(cloud_tasks_server, preface + ping * 20, grpc=True)
    assert (answer.count(b"keep-me!"), b"too_many_pings" in answer) == (20, False)
