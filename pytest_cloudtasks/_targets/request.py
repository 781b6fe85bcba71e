"""The request that a target receives for an attempt."""

from __future__ import annotations

import copy
from typing import Any

from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._messages.json_text import read_json
from .._service.request import HTTP_BODY_METHODS, AppEngineTarget, HttpTarget, PushTarget, headers_of_attempt
from .._service.task import Attempt
from .._time.instants import Duration, duration_of
from .headers import Headers
from .urls import wire_url

LOOPBACK = "127.0.0.1"
APP_ENGINE_CLIENT = "0.1.0.2"
"""The address that App Engine tasks come from. Evidence: documented."""


class TargetRequest(NamesAttributes):
    """The request of one attempt, as a handler receives it.

    ``method`` and ``url`` are texts, ``body`` is in bytes. They are the task's, changed by its queue's ``http_target``.
    """

    __slots__ = ("_attempt", "_authorization", "_duration", "_headers", "body", "method", "url")

    def __init__(self, attempt: Attempt, authorization: str | None = None) -> None:
        """``authorization`` is the header that the service adds for the task's token."""
        target = attempt.target
        self._attempt = attempt
        self.method = target.method
        self.url = url_of(target)
        self.body = target.body
        self._authorization = authorization
        self._headers: Headers | None = None
        self._duration: int | None = None

    @property
    def headers(self) -> Headers:
        """The task's own headers, and the service's: ``X-CloudTasks-…``, or ``X-AppEngine-…`` for App Engine tasks."""
        if self._headers is None:
            self._headers = Headers(_headers(self._attempt, url_of(self._attempt.target), self._authorization))
        return self._headers

    @property
    def attempt_number(self) -> int:
        """The number of the attempt; 1 is the first. The service doesn't send it."""
        return self._attempt.number

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body read as JSON. ValueError if it isn't JSON."""
        return read_json(self.body)

    @property
    def client_address(self) -> str:
        """The address it comes from: 0.1.0.2 for App Engine tasks, otherwise 127.0.0.1.

        Ledger: `request/app-engine-address`.
        """
        return APP_ENGINE_CLIENT if is_for_app_engine(self) else LOOPBACK

    @checked_call
    def takes(self, duration: Duration) -> None:
        """Delay the answer to this request, in the queue's time. No real time passes.

        The attempt occupies its concurrency slot meanwhile. After the dispatch deadline it ends as DEADLINE_EXCEEDED.

        Args:
            duration: A timedelta, or a text such as ``"90s"``.

        Raises:
            ValueError: The duration is negative or malformed.
            TypeError: It is a bare number or another type.
        """
        self._duration = duration_of(duration, what="request.takes()")

    def __repr__(self) -> str:
        return f"<{self.method} {self.url} (attempt {self._attempt.number}, {len(self.body)} bytes)>"


def is_for_app_engine(request: TargetRequest) -> bool:
    """Return whether it is the request of an App Engine task."""
    return isinstance(request._attempt.target, AppEngineTarget)


def own_duration(request: TargetRequest) -> int | None:
    """Return what `TargetRequest.takes` was given, in nanoseconds; None if nothing."""
    return request._duration


def request_at(request: TargetRequest, url: str, *, keeps_method: bool) -> TargetRequest:
    """Return the request that follows a redirect to ``url``, unchanged or as a GET without a body.

    A token, or another Authorization header, is not sent to another origin. Evidence: our choice, as HTTP clients do.
    """
    following = copy.copy(request)
    following.url, following._duration = url, None
    dropped = {"host"}
    if not keeps_method:
        following.method, following.body = "GET", b""
        dropped |= {"content-length", "content-type"}
    if wire_url(url).origin != wire_url(request.url).origin:
        dropped.add("authorization")
    kept = [(name, value) for name, value in request.headers.pairs() if name.lower() not in dropped]
    following._headers = Headers([("Host", wire_url(url).authority), *kept])
    return following


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
