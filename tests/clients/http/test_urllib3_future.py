"""What urllib3-future asks of a connection, which niquests installs in urllib3's place and which isn't `http.client`'s.

The library itself can't be installed beside urllib3: docs/compatibility.md says what was tried by hand.
"""

from __future__ import annotations

import socket
from types import ModuleType
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.http.exchange import Origin
from pytest_cloudtasks._clients.http.http_client import InProcessSocket
from pytest_cloudtasks._clients.http.seams import SEAMS
from pytest_cloudtasks._clients.patching import Patch
from tests.ways.http_libraries import HOST, QUEUE


@pytest.mark.cloud_tasks(queues=["work"])
def test_a_response_is_received_in_pieces(cloud_tasks: FakeCloudTasks) -> None:
    """As from a socket of TCP that has been closed after it."""
    sock = InProcessSocket(Origin("https", HOST, 443))
    assert (sock.type, sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == (socket.SOCK_STREAM, 0)
    sock.sendall(f"GET /v2/{QUEUE} HTTP/1.1\r\n\r\n".encode())
    assert sock.recv(15) == b"HTTP/1.1 200 OK"
    rest = b"".join(iter(lambda: sock.recv(100), b""))
    assert (rest[:2], rest.endswith(b"}\n"), sock.recv(1)) == (b"\r\n", True, b"")
    assert len(cloud_tasks.rpcs) == 1


@pytest.mark.cloud_tasks
def test_its_own_method_decides_on_a_request(cloud_tasks: FakeCloudTasks) -> None:
    """A connection that is meant for another service of the same host gets a real socket before anything is sent."""
    log: list[str] = []

    class HTTPConnection:
        host, default_port, port, _tunnel_host, auto_open = "www.googleapis.com", 443, None, None, 1
        sock: Any = None

        def connect(self) -> None:
            log.append("connected")

        def putrequest(self, method: str, url: str) -> None:
            log.append(f"{method} {url} {type(self.sock).__name__}")

    HTTPConnection.__module__ = "urllib3.connection"
    module = ModuleType("urllib3.connection")
    module.HTTPConnection = HTTPConnection  # type: ignore[attr-defined]
    SEAMS["urllib3.connection"](module, Patch())
    connection = HTTPConnection()
    connection.connect()
    connection.putrequest("GET", "/drive/v3/files")
    connection.connect()
    connection.putrequest("GET", "/oauth2/v3/certs")
    assert log == ["connected", "GET /drive/v3/files NoneType", "GET /oauth2/v3/certs InProcessSocket"]
