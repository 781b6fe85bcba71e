"""A server of this machine that keeps what it is sent, byte for byte, and sessions of each library."""

from __future__ import annotations

import http.client
import socketserver
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httplib2
import httpx
import requests
import urllib3

Post = Callable[[str, bytes], Awaitable[str]]
"""Sends a body to a URL, and returns that of the response."""


class Server(socketserver.ThreadingTCPServer):
    """Answers each request with "real"."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[bytes] = []
        self.connections = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        while head := self._head():
            length = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
            body = self.rfile.read(int(length[0].split(b":")[1])) if length else b""
            self.server.received.append(head + b"\r\n" + body)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal")

    def _head(self) -> bytes:
        """The lines before the body; empty once the client has closed the connection, where every line is empty."""
        lines = list[bytes]()
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return b"".join(lines)


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@asynccontextmanager
async def http_client_session(base: str) -> AsyncIterator[Post]:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=5)

    async def post(url: str, body: bytes) -> str:
        connection.request("POST", url.removeprefix(base), body)
        return connection.getresponse().read().decode()

    yield post
    connection.close()


@asynccontextmanager
async def urllib3_session(base: str) -> AsyncIterator[Post]:
    with urllib3.PoolManager() as pool:

        async def post(url: str, body: bytes) -> str:
            return str(pool.request("POST", url, body=body).data.decode())

        yield post


@asynccontextmanager
async def requests_session(base: str) -> AsyncIterator[Post]:
    with requests.Session() as session:

        async def post(url: str, body: bytes) -> str:
            return session.post(url, body).text

        yield post


@asynccontextmanager
async def httplib2_session(base: str) -> AsyncIterator[Post]:
    http = httplib2.Http()

    async def post(url: str, body: bytes) -> str:
        return str(http.request(url, "POST", body)[1].decode())

    yield post
    http.close()


@asynccontextmanager
async def httpx_session(base: str) -> AsyncIterator[Post]:
    with httpx.Client() as client:

        async def post(url: str, body: bytes) -> str:
            return client.post(url, content=body).text

        yield post


@asynccontextmanager
async def httpx_async_session(base: str) -> AsyncIterator[Post]:
    async with httpx.AsyncClient() as client:

        async def post(url: str, body: bytes) -> str:
            return (await client.post(url, content=body)).text

        yield post


@asynccontextmanager
async def aiohttp_session(base: str) -> AsyncIterator[Post]:
    async with aiohttp.ClientSession() as session:

        async def post(url: str, body: bytes) -> str:
            async with session.post(url, data=body) as response:
                return await response.text()

        yield post


SESSIONS: list[Any] = [
    http_client_session,
    urllib3_session,
    requests_session,
    httplib2_session,
    httpx_session,
    httpx_async_session,
    aiohttp_session,
]
