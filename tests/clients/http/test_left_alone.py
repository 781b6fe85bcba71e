"""Requests that are the library's to send: outside a fake, to other hosts, and on sockets that a test has made."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httplib2
import httpx
import pytest
import requests
import urllib3

from pytest_cloudtasks import FakeCloudTasks
from tests.ways.http_libraries import AIOHTTP, BODY, HOST, HTTPX, PATH, SYNC, Answer, by_gcloud_aio, name_of

from .servers import Server, serving


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts whose addresses were asked for; none has one."""
    hosts: list[str] = []

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        hosts.append(host.decode() if isinstance(host, bytes) else host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return hosts


@pytest.mark.parametrize("way", [way for way in SYNC + HTTPX + AIOHTTP if way is not by_gcloud_aio], ids=name_of)
def test_outside_a_fake_the_library_sends_a_request(looked_up: list[str], way: Callable[[], Answer]) -> None:
    """It looks up Google's address, and raises its own error if there is none."""
    with pytest.raises(Exception, match=r"Name or service not known|Unable to find the server|Cannot connect"):
        way()
    assert set(looked_up) == {HOST}


def get_by_http_client(url: str) -> None:
    connection = http.client.HTTPSConnection("www.googleapis.com")
    connection.request("GET", url.removeprefix("https://www.googleapis.com"))
    connection.getresponse().read()


def get_by_aiohttp(url: str) -> None:
    async def get() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(url)

    asyncio.run(get())


@pytest.mark.parametrize(
    "get",
    [
        get_by_http_client,
        requests.get,
        lambda url: urllib3.PoolManager().request("GET", url, retries=False),
        lambda url: httplib2.Http().request(url),
        httpx.get,
        get_by_aiohttp,
    ],
    ids=["http.client", "requests", "urllib3", "httplib2", "httpx", "aiohttp"],
)
def test_a_host_that_is_shared_with_other_services(
    cloud_tasks: FakeCloudTasks, looked_up: list[str], get: Callable[[str], Any]
) -> None:
    """The fake answers for the keys at www.googleapis.com, and the library asks for anything else."""
    get("https://www.googleapis.com/oauth2/v3/certs")
    assert looked_up == []
    with pytest.raises(Exception, match=r"Name or service not known|Unable to find the server|Cannot connect"):
        get("https://www.googleapis.com/storage/v1/b")
    assert set(looked_up) == {"www.googleapis.com"}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this machine."""
    with serving() as server:
        yield server


def test_a_connection_that_was_made_for_a_fake_that_has_ended(server: Server) -> None:
    """It connects to the server when it is used."""
    connection = http.client.HTTPConnection(server.address, timeout=5)
    with FakeCloudTasks(redirect_endpoints=[server.address]):
        connection.connect()
        assert connection.sock.getpeername() == ("127.0.0.1", server.server_address[1])
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock.shutdown(socket.SHUT_RDWR)
        assert (connection.sock.gettimeout(), connection.sock.fileno()) == (None, -1)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"real"
    connection.close()


def test_a_request_that_the_fake_does_not_live_to_answer(server: Server) -> None:
    """The library sees an aborted connection."""
    connection = http.client.HTTPConnection(server.address, timeout=5)
    with FakeCloudTasks(redirect_endpoints=[server.address]):
        connection.request("GET", "/")
    with pytest.raises(ConnectionAbortedError) as raised:
        connection.getresponse()
    assert str(raised.value) == f"The fake ended while a request to {server.url} was under way."


class Sock:
    """A socket that a test has made."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def makefile(self, *args: Any) -> io.BytesIO:
        return io.BytesIO(b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        pass


def test_a_socket_that_a_test_has_made(cloud_tasks: FakeCloudTasks) -> None:
    """The request is written to it."""
    connection = http.client.HTTPSConnection(HOST)
    connection.sock = sock = Sock()  # type: ignore[assignment]
    connection.request("GET", PATH)
    assert (connection.getresponse().status, sock.sent[:20]) == (418, f"GET {PATH}".encode()[:20])
    assert cloud_tasks.rpcs == []


class Connection(http.client.HTTPSConnection):
    """Connections that open their sockets in a manner of their own."""

    def connect(self) -> None:
        raise AssertionError("A connection was opened.")


@pytest.mark.cloud_tasks(queues=["work"])
def test_a_connection_of_the_users_own(cloud_tasks: FakeCloudTasks) -> None:
    """A subclass that opens connections otherwise opens none for a request to Cloud Tasks."""
    connection = Connection(HOST)
    connection.request("POST", PATH, BODY)
    assert json.load(connection.getresponse())["name"] == cloud_tasks.assert_enqueued().name
