"""The class `Sender`, which sends the real HTTP requests of attempts."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from multidict import CIMultiDict
from yarl import URL

from ..._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, response
from ..._targets.answers import Answer
from ..._targets.forwards import end_to_end_headers, headers_behind_a_proxy
from ..._targets.headers import Headers
from ..._targets.redirects import MAX_REDIRECTS, redirected
from ..._targets.request import TargetRequest, is_for_app_engine
from ..._targets.urls import wire_url
from .destinations import Destinations, NotSent, Route

_PIECE = 65536
_SHOWN = 10_000
"""Most bytes of a body that the page shows."""
_LONGEST_LINE = 65536
"""Most bytes of the status line and of each header of a response."""
_KEPT = 1.0
"""Seconds for which an idle connection is kept. Common servers wait longer before they close one."""
_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Sent(NamedTuple):
    """The outcome of a request."""

    outcome: Outcome
    headers: Headers = Headers()
    body: bytes = b""
    """Its beginning."""
    diagnostic: str = ""
    """The reason why there is no response, and what to do."""


class Sender:
    """Sends requests within an ``async with`` block, over connections that are kept for later requests.

    A worker may close a kept connection at the moment at which a request is sent. Then the attempt gets no response,
    and the queue retries it: it is not possible to find out whether the request reached its target.
    """

    def __init__(self, destinations: Destinations, *, follows_redirects: bool = True) -> None:
        self._destinations = destinations
        self._follows_redirects = follows_redirects
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Sender:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT),  # queues have limits of their own
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._session is not None, "the block has begun"
        await self._session.close()

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Send ``request``, and return its response or that there was none within ``seconds``."""
        try:
            return await asyncio.wait_for(self._followed(request), seconds)
        except asyncio.TimeoutError:
            return Sent(DEADLINE_EXCEEDED, diagnostic=f"{request.url} did not answer within {seconds:g} s")

    async def _followed(self, request: TargetRequest) -> Sent:
        """Return the response after all redirects; redirects of App Engine tasks are not followed."""
        sent = await self._sent(request)
        if not self._follows_redirects or is_for_app_engine(request):
            return sent
        for _ in range(MAX_REDIRECTS):
            following = redirected(request, Answer(sent.outcome, sent.headers))
            if following is None:
                break
            request = following
            sent = await self._sent(request)
        return sent

    async def _sent(self, request: TargetRequest) -> Sent:
        is_app_engine = is_for_app_engine(request)
        route = self._destinations.route(request.url, is_app_engine=is_app_engine)
        if isinstance(route, NotSent):
            return Sent(route, diagnostic=route.sentence)
        try:
            return await self._exchange(request, route)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Sent(NO_RESPONSE, diagnostic=f"{route.url} sent no response: {_reason(error)}")

    async def _exchange(self, request: TargetRequest, route: Route) -> Sent:
        if route.is_forwarded:
            headers = headers_behind_a_proxy(request, wire_url(request.url).scheme)
        else:
            headers = end_to_end_headers(request)
        assert self._session is not None, "requests are sent within the block"
        async with self._session.request(
            request.method,
            URL(route.url, encoded=True),
            headers=CIMultiDict(headers),
            data=request.body or None,
            allow_redirects=False,
            ssl=route.is_verified,
        ) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):  # to its end: an incomplete response counts as none
                body += piece[: max(0, _SHOWN - len(body))]
            return Sent(response(answer.status), Headers(answer.headers.items()), bytes(body))


def _reason(error: Exception) -> str:
    """Return the reason for a missing response, without aiohttp's internal wording."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({cause.verify_message}). Name its authority's file in SSL_CERT_FILE, or"
            " start this server with --insecure-target and the host"
        )
    if isinstance(cause, ssl.SSLError):
        return f"the TLS handshake failed ({cause.reason or cause})"
    if isinstance(cause, socket.gaierror):
        return "its host name doesn't resolve to an address"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection broke in the middle of the response"
    if isinstance(error, aiohttp.ClientResponseError):
        if any(isinstance(cause, LineTooLong) for cause in _causes(error)):
            return f"a header or its status line is longer than {_LONGEST_LINE:,} bytes. Send shorter headers"
        return "what it sent is not an HTTP response"
    return str(cause) or type(cause).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
