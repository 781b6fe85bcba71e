"""The request that a target receives for an attempt."""

from __future__ import annotations

import copy
from typing import Any

from .._arguments import checked_call
from .._messages.json_text import read_json
from .._service.request import HTTP_BODY_METHODS, AppEngineTarget, HttpTarget, PushTarget, headers_of_attempt
from .._service.task import Attempt
from .._time.instants import Duration, duration_of
from .headers import Headers
from .urls import wire_url

LOOPBACK = "127.0.0.1"
APP_ENGINE_CLIENT = "0.1.0.2"
"""The address that App Engine tasks come from. Evidence: documented."""


class TargetRequest:
    """One delivery of a task: what the handler gets.

    ``method``, ``url`` and ``body`` (bytes) are the task's, under the overrides of its queue's ``http_target``;
    ``headers`` are what the service sends: the task's own and ``X-CloudTasks-…`` (``X-AppEngine-…`` for App Engine
    tasks).
    """

    __slots__ = ("_authorization", "_duration", "_headers", "attempt", "body", "method", "url")

    def __init__(self, attempt: Attempt, authorization: str | None = None) -> None:
        """``authorization`` is the header that the service adds for the task's token."""
        target = attempt.target
        self.attempt = attempt
        self.method = target.method
        self.url = url_of(target)
        self.body = target.body
        self._authorization = authorization
        self._headers: Headers | None = None
        self._duration: int | None = None

    def sent_on(self, url: str, *, keeps_method: bool) -> TargetRequest:
        """Return the request that follows a redirect to ``url``, as it was or by GET without a body.

        A token, or another Authorization header, is not sent to another origin. Evidence: our choice, as HTTP clients
        do.
        """
        request = copy.copy(self)
        request.url, request._duration = url, None
        dropped = {"host"}
        if not keeps_method:
            request.method, request.body = "GET", b""
            dropped |= {"content-length", "content-type"}
        if wire_url(url).origin != wire_url(self.url).origin:
            dropped.add("authorization")
        kept = [(name, value) for name, value in self.headers.pairs() if name.lower() not in dropped]
        request.headers = Headers([("Host", wire_url(url).authority), *kept])
        return request

    @property
    def headers(self) -> Headers:
        """The headers that the service sends; made when they are first read, which many handlers never do."""
        if self._headers is None:
            self._headers = Headers(_headers(self.attempt, url_of(self.attempt.target), self._authorization))
        return self._headers

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self._headers = headers

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body read as JSON; raises ValueError if it is none."""
        return read_json(self.body)

    @property
    def client_address(self) -> str:
        """Where it comes from: 0.1.0.2 for App Engine tasks (documented), 127.0.0.1 for others (our choice)."""
        return APP_ENGINE_CLIENT if isinstance(self.attempt.target, AppEngineTarget) else LOOPBACK

    @checked_call
    def takes(self, duration: Duration) -> None:
        """Delay the answer to this request by ``duration`` of the queue's time; no real time passes.

        The attempt holds its concurrency slot meanwhile, and past the dispatch deadline it is DEADLINE_EXCEEDED.
        """
        self._duration = duration_of(duration, what="request.takes()")

    @property
    def duration(self) -> int | None:
        """What `takes` was told, in nanoseconds."""
        return self._duration

    def __repr__(self) -> str:
        return f"<{self.method} {self.url} (attempt {self.attempt.number}, {len(self.body)} bytes)>"


def url_of(target: PushTarget) -> str:
    """Return the absolute URL of a task; App Engine tasks come over plain HTTP. Evidence: documented."""
    if isinstance(target, HttpTarget):
        return target.url
    return f"http://{target.routing.host if target.routing else ''}{target.relative_uri}"


def _headers(attempt: Attempt, url: str, authorization: str | None) -> list[tuple[str, str]]:
    """Return the task's own headers between those of the service, which replace the task's of the same names."""
    target = attempt.target
    host = ("Host", wire_url(url).authority)
    added = [] if authorization is None else [("Authorization", authorization)]
    if target.body or target.method in HTTP_BODY_METHODS:
        added.append(("Content-Length", str(len(target.body))))
    if isinstance(target, HttpTarget):
        added.append(("Accept-Encoding", "gzip"))  # Evidence: reported, from one dump of an HTTP target
    added += headers_of_attempt(attempt)
    replaced = {"content-length", *(name.lower() for name, _ in added)}
    return [host, *((name, value) for name, value in target.headers if name.lower() not in replaced), *added]
