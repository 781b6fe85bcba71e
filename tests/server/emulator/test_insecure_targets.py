"""Tests of a developer's own https servers with self-signed certificates."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pytest_cloudtasks._server.emulator.destinations import Destinations, Forwarding, Route
from pytest_cloudtasks._server.emulator.sender import Sender, Sent
from pytest_cloudtasks._service.task import NO_RESPONSE
from tests.each import each

from .test_parts import request_to


def certificate(folder: Path) -> ssl.SSLContext:
    """Return the context of a server with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(day)
        .not_valid_after(day + dt.timedelta(days=100_000))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class Accepts(BaseHTTPRequestHandler):
    """Answers every POST with 204."""

    def do_POST(self) -> None:
        """Answer."""
        self.send_response_only(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Yield the port of a server with a self-signed certificate."""
    with HTTPServer(("127.0.0.1", 0), Accepts) as server:
        server.socket = certificate(tmp_path).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def sent_by(destinations: Destinations, url: str) -> Sent:
    """Return the outcome of a request for ``url``."""
    request = request_to(url)

    async def send() -> Sent:
        async with Sender(destinations) as sender:
            return await sender.send(request, 60)

    return asyncio.run(send())


def test_a_certificate_is_not_verified_where_an_option_says_so(port: int) -> None:
    """The option is for this host only; others are verified, and the diagnostic names the option."""
    url = f"https://localhost:{port}/send"
    assert sent_by(Destinations(insecure={"localhost"}), url).outcome.http_status == 204
    rejected = sent_by(Destinations(insecure={"other.test"}), url)
    assert (rejected.outcome, rejected.diagnostic) == (
        NO_RESPONSE,
        f"{url} sent no response: its certificate is not trusted (self-signed certificate). Name its authority's file"
        " in SSL_CERT_FILE, or start this server with --insecure-target and the host",
    )


@each(
    ("url", "route"),
    [
        ("https://LOCALHOST.:1/", Route("https://LOCALHOST.:1/", False, False)),
        ("https://127.0.0.1:1/", Route("https://127.0.0.1:1/", False, True)),
        ("https://[::1]:1/", Route("https://[::1]:1/", False, False)),
        ("https://worker.test/a", Route("https://localhost:8443/a", True, False)),
    ],
)
def test_the_host_that_is_called_counts(url: str, route: Route) -> None:
    """The option compares the host of the forwarding rather than of the task, in any spelling."""
    forwardings = [Forwarding("https://worker.test=https://localhost:8443")]
    assert Destinations(forwardings, insecure={"localhost", "::1"}).route(url, is_app_engine=False) == route
