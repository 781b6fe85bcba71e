"""A real HTTP server on loopback, for as long as a block lasts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    """One request as it came in."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


Reply = tuple[int, list[tuple[str, str]], bytes]


class Server:
    """What the test sees of it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.received: list[Received] = []


def replying(*statuses: int) -> Callable[[Received], Reply]:
    """Answers with these statuses, one a request."""
    left = iter(statuses)
    return lambda received: (next(left), [], b"")


@contextmanager
def serving(reply: Callable[[Received], Reply]) -> Iterator[Server]:
    """Serve in a thread, on a port of the system's choice; when the block ends all of it has ended."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received = Received(self.command, self.path, list(self.headers.items()), body)
            server.received.append(received)
            status, headers, content = reply(received)
            try:
                self.send_response_only(status)
                for name, value in [*headers, ("Content-Length", str(len(content)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # whoever asked waits no longer

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._any
            raise AttributeError(name)

    with HTTPServer(("127.0.0.1", 0), Handler) as http_server:
        server = Server(http_server.server_port)
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http_server.shutdown()
            thread.join()


@contextmanager
def answering_raw(answer: bytes) -> Iterator[str]:
    """A server that reads one request, says these bytes, and hangs up; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@contextmanager
def talking_for_ever(released: threading.Event) -> Iterator[str]:
    """A server whose answer has no end until nobody listens any more, or the event is set; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    while not released.wait(0.001):
                        connection.sendall(b"and on")
                except OSError:
                    pass  # whoever asked has gone

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def closed_port() -> str:
    """The URL of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"
