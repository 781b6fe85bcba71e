"""The payload of a task: a request to send or a message to lease, with URL, headers and their limits.

`DROPPED_HEADERS` and the tables after it list the headers of a task that the service drops, replaces when it stores the
task, or replaces when it sends the task. `_cleaned` applies the rules for values. Every other header is stored
unchanged, its case included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Union
from urllib.parse import quote

from .._units import MINUTE, SECOND

if TYPE_CHECKING:
    from .task import Attempt

_URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
_NOT_IN_URLS = re.compile(rf"[^A-Za-z0-9._\-{re.escape(_URL_CHARACTERS)}]")


def encoded_url(part: str) -> str:
    """Return a URL, a path or a query as it is sent, with only the characters that a URL may have (RFC 3986).

    Other characters are percent-encoded as UTF-8. Existing escapes stay, as does a per cent sign that starts none.
    """
    return quote(part, safe=_URL_CHARACTERS) if _NOT_IN_URLS.search(part) else part


HTTP_DEADLINE = 10 * MINUTE
"""The default dispatch deadline of an HTTP task, stored with it. Ledger: `create-task/answer`."""
APP_ENGINE_DEADLINE = 10 * MINUTE
"""The default dispatch deadline of an App Engine task (automatic scaling), not stored with it.

Ledger: `create-task/dispatch-deadline-24-h-15-s-app`.
"""
DEADLINE_MIN = 15 * SECOND
HTTP_DEADLINE_MAX = 30 * MINUTE
APP_ENGINE_DEADLINE_MAX = 24 * 60 * MINUTE + 15 * SECOND
HTTP_METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
"""The methods that a task may have, in the order of the API's enum."""
HTTP_BODY_METHODS = ("POST", "PUT", "PATCH")
"""The methods of HTTP tasks that may have a body. Ledger: `create-task/body-with-get-head-delete-options-http`."""
MAX_TAG = 500
"""A tag must have fewer characters. Ledger: `create-task/tag-of-500-characters-or-more`."""
MAX_HEADER_BYTES = 80 * 1024
"""All headers of an HTTP task must have fewer bytes. Ledger: `create-task/headers-80-kb-or-more-http`."""

HeaderPairs = tuple[tuple[str, str], ...]


class HeaderChange(NamedTuple):
    """The service's change of a header that a task was given."""

    name: str
    what: str
    """The predicate of a sentence about the header: ``is dropped: …``."""


class OidcToken(NamedTuple):
    """The settings of an OIDC token. An empty audience means the target's URL."""

    service_account_email: str
    audience: str = ""


class OAuthToken(NamedTuple):
    """The settings of an OAuth token."""

    service_account_email: str
    scope: str = ""


class HttpTarget:
    """An HTTP request to send (HttpRequest)."""

    __slots__ = ("body", "header_changes", "headers", "method", "oauth", "oidc", "url")

    def __init__(
        self,
        url: str,
        method: str = "POST",
        headers: HeaderPairs = (),
        body: bytes = b"",
        oidc: OidcToken | None = None,
        oauth: OAuthToken | None = None,
        header_changes: Sequence[HeaderChange] = (),
    ) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.oidc = oidc
        self.oauth = oauth
        self.header_changes = header_changes
        """What the service did to the headers that the task was given."""

    @property
    def can_be_sent(self) -> bool:
        """Whether its method can have a body, if it has one. A queue's override of the method may break this."""
        return not self.body or self.method in HTTP_BODY_METHODS

    @property
    def token(self) -> OidcToken | OAuthToken | None:
        """The token of the request, of either kind."""
        return self.oidc or self.oauth


DEFAULT_SERVICE = "default"
"""App Engine's default service, by its documentation."""


class Routing(NamedTuple):
    """The part of an App Engine application that receives a task. The server fills in ``host``."""

    service: str = ""
    version: str = ""
    instance: str = ""
    host: str = ""

    @property
    def named(self) -> dict[str, str]:
        """Return service, version and instance, with App Engine's default service if the task names none."""
        return {"service": self.service or DEFAULT_SERVICE, "version": self.version, "instance": self.instance}


class AppEngineTarget:
    """A request to an App Engine application (AppEngineHttpRequest)."""

    __slots__ = ("body", "header_changes", "headers", "method", "relative_uri", "routing")

    def __init__(
        self,
        relative_uri: str = "/",
        method: str = "POST",
        headers: HeaderPairs = (),
        body: bytes = b"",
        routing: Routing | None = None,
        header_changes: Sequence[HeaderChange] = (),
    ) -> None:
        self.relative_uri = relative_uri
        self.method = method
        self.headers = headers
        self.body = body
        self.routing = routing
        self.header_changes = header_changes

    can_be_sent = True


PushTarget = Union[HttpTarget, AppEngineTarget]
"""The payload of a push task."""


class PullMessage:
    """A message that waits in a pull queue for a worker that leases it."""

    __slots__ = ("body", "tag")

    url = method = ""
    headers: HeaderPairs = ()

    def __init__(self, body: bytes = b"", tag: str = "") -> None:
        self.body = body
        """PullMessage.payload."""
        self.tag = tag


Payload = Union[HttpTarget, AppEngineTarget, PullMessage]
"""The payload of a task (Task.payload_type)."""


HTTP_USER_AGENT = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
MAX_HEADER = 8_188
"""Characters of a header's name and value together. A longer header is dropped."""


def _id(name: str) -> str:
    return name.rpartition("/")[2]


def _seconds(instant: int) -> str:
    """Return seconds since 1970, with up to six decimals and without trailing zeros."""
    sign, microseconds = ("-", -instant // 1_000) if instant < 0 else ("", instant // 1_000)
    return f"{sign}{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}".rstrip("0").rstrip(".")


SENT_BY_SERVICE: dict[str, Callable[[Attempt], str | None]] = {
    "QueueName": lambda attempt: _id(attempt.queue.name),
    "TaskName": lambda attempt: _id(attempt.task.name),
    "TaskRetryCount": lambda attempt: str(attempt.retry_count),
    "TaskExecutionCount": lambda attempt: str(attempt.execution_count),
    "TaskETA": lambda attempt: _seconds(attempt.schedule_time),
    "TaskPreviousResponse": lambda attempt: attempt.previous_response,
    "TaskRetryReason": lambda attempt: attempt.retry_reason,
}
"""The headers that the service sends with an attempt, without ``X-CloudTasks-`` or ``X-AppEngine-``, and their values.

A header whose value is None is not sent. Ledger: `request/headers-http`, `request/headers-appengine`.
"""


def headers_of_attempt(attempt: Attempt) -> HeaderPairs:
    """Return the headers that the service adds to ``attempt``, in order."""
    prefix = "X-CloudTasks-" if isinstance(attempt.target, HttpTarget) else "X-AppEngine-"
    values = ((name, value_of(attempt)) for name, value_of in SENT_BY_SERVICE.items())
    return tuple((prefix + name, value) for name, value in values if value is not None)


_ITS_OWN = "the service sends its own"
_CONNECTION = "it is about a connection, and the service makes that itself"
_NOT_SENT = "the service does not pass it on"
DROPPED_HEADERS: dict[str, str] = {
    "host": _ITS_OWN,
    "content-length": _ITS_OWN,
    "accept-encoding": _ITS_OWN,
    "connection": _CONNECTION,
    "keep-alive": _CONNECTION,
    "te": _CONNECTION,
    "transfer-encoding": _CONNECTION,
    "upgrade": _CONNECTION,
    "from": _NOT_SENT,
    "via": _NOT_SENT,
    "x-forwarded-for": _NOT_SENT,
}
"""Names of headers (in lower case) that the service drops, and why."""
DROPPED_PREFIXES: dict[str, str] = {
    "proxy-": _CONNECTION,
    "x-google": "names that begin with X-Google are reserved",
    "x-appengine-": "names that begin with X-AppEngine- are reserved",
}
"""Prefixes of names of headers that the service drops, and why."""
_COUNTERS = frozenset(f"x-cloudtasks-{name.lower()}" for name in SENT_BY_SERVICE)
_REPLACED_AGENT = f"is replaced by {HTTP_USER_AGENT}"
_REPLACED_LATER = f"is stored, but {_ITS_OWN} in its place"
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_NOT_IN_VALUES = re.compile(r"[^\t -~]")


class StoredHeaders(NamedTuple):
    """A task's stored headers, and the changes from those that it was given."""

    headers: HeaderPairs
    changes: tuple[HeaderChange, ...] = ()


@lru_cache(maxsize=64)
def cleaned_headers(headers: HeaderPairs) -> HeaderPairs:
    """Return those of ``headers`` that an HTTP request can have, with their values as they are sent."""
    return tuple(_cleaned(headers, of_http_task=True)[0])


@lru_cache(maxsize=64)
def http_task_headers(headers: HeaderPairs) -> StoredHeaders:
    """Return the stored headers of an HTTP task: the cleaned ones, with the service's User-Agent.

    No Content-Type is added. Most tasks of a test have the same few headers, so results are cached.
    """
    kept, changes = _cleaned(headers, of_http_task=True)
    kept.append(("User-Agent", HTTP_USER_AGENT))
    kept.sort()
    return StoredHeaders(tuple(kept), tuple(sorted(changes)))


def app_engine_task_headers(headers: HeaderPairs, body: bytes) -> StoredHeaders:
    """Return the stored headers of an App Engine task.

    The service appends to User-Agent. A body adds its length and a default type. Ledger:
    `create-task/app-engine-user-agent`.
    """
    pairs, changes = _cleaned(headers, of_http_task=False)
    kept = dict(pairs)
    agent = next((name for name in kept if name.lower() == "user-agent"), "User-Agent")
    kept[agent] = f"{kept[agent]} {APP_ENGINE_USER_AGENT}" if agent in kept else APP_ENGINE_USER_AGENT
    if body:
        kept["Content-Length"] = str(len(body))
        if not any(name.lower() == "content-type" for name in kept):
            kept["Content-Type"] = "application/octet-stream"
    return StoredHeaders(tuple(sorted(kept.items())), tuple(sorted(changes)))


def _cleaned(headers: HeaderPairs, *, of_http_task: bool) -> tuple[list[tuple[str, str]], list[HeaderChange]]:
    kept: list[tuple[str, str]] = []
    changes: list[HeaderChange] = []
    for name, value in headers:
        if _is_ordinary(name) and value.isascii() and value.isprintable() and 0 < len(value) <= MAX_HEADER - len(name):
            kept.append((name, value))
            continue
        stored = value.partition("\0")[0].replace("\r", "_").replace("\n", "_")
        reason = _reason_to_drop(name, stored)
        if reason:
            changes.append(HeaderChange(name, f"is dropped: {reason}"))
            continue
        replaced = _replaced(name) if of_http_task else ""
        if replaced:
            changes.append(HeaderChange(name, replaced))
        if replaced is _REPLACED_AGENT:
            continue
        kept.append((name, stored))
        if stored != value:
            changes.append(HeaderChange(name, f"is stored as {stored!r}: {_cut_or_replaced(value)}"))
    return kept, changes


@lru_cache(maxsize=1024)
def _is_ordinary(name: str) -> bool:
    """Return whether the service leaves a header of this name alone."""
    return not _reason_to_drop(name, "-") and not _replaced(name)


def _replaced(name: str) -> str:
    """Return how the service changes a kept header of an HTTP task because of its name; "" if it doesn't."""
    lower = name.lower()
    return _REPLACED_AGENT if lower == "user-agent" else _REPLACED_LATER if lower in _COUNTERS else ""


def _reason_to_drop(name: str, value: str) -> str:
    """Return why a header with that name and stored value is dropped; "" if it is kept."""
    lower = name.lower()
    if lower in DROPPED_HEADERS:
        return DROPPED_HEADERS[lower]
    for prefix, reason in DROPPED_PREFIXES.items():
        if lower.startswith(prefix):
            return reason
    if not _HEADER_NAME.fullmatch(name):
        return "a name has to be ASCII, without spaces, control characters and colons"
    if not value:
        return "its value is empty"
    if _NOT_IN_VALUES.search(value):
        return "a value has to be ASCII, without control characters"
    if len(name) + len(value) > MAX_HEADER:
        return f"name and value together have {len(name) + len(value):,} characters, and {MAX_HEADER:,} is the limit"
    return ""


def _cut_or_replaced(value: str) -> str:
    return "a value ends at NUL" if "\0" in value else "each CR and LF becomes an underscore"
