"""The headers of a task as the service stores them.

`RULES` says which names the service drops, replaces, or replaces when it sends the task; `_cleaned_value` says what
becomes of a value. Every other header is stored as it is, its case included. HTTP tasks are recorded; App Engine tasks
follow the same rules by inference.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .request import HeaderChange, Headers

HTTP_USER_AGENT = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
MAX_HEADER = 8_188
"""Characters of a header's name and value together; a longer header is dropped."""
SENT_BY_SERVICE = (
    "QueueName",
    "TaskName",
    "TaskRetryCount",
    "TaskExecutionCount",
    "TaskETA",
    "TaskPreviousResponse",
    "TaskRetryReason",
)
"""The headers that the service sends, after ``X-CloudTasks-`` or ``X-AppEngine-``."""

_ITS_OWN = "the service sends its own"
_CONNECTION = "it is about a connection, and the service makes that itself"
_NOT_SENT = "the service does not pass it on"
RULES: dict[str, str] = {
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
"""The names, in lower case, of headers that the service drops, and why."""
PREFIXES: dict[str, str] = {
    "proxy-": _CONNECTION,
    "x-google": "names that begin with X-Google are reserved",
    "x-appengine-": "names that begin with X-AppEngine- are reserved",
}
"""The same for the beginnings of names."""
_COUNTERS = frozenset(f"x-cloudtasks-{name.lower()}" for name in SENT_BY_SERVICE)
_REPLACED_AGENT = f"is replaced by {HTTP_USER_AGENT}"
_REPLACED_LATER = f"is stored, but {_ITS_OWN} in its place"
_NAME = re.compile(r"[!-9;-~]+")
_FORBIDDEN = re.compile(r"[^\t -~]")


class StoredHeaders(NamedTuple):
    """A task's headers at rest, and what was changed about those that it was given."""

    headers: Headers
    changes: tuple[HeaderChange, ...] = ()


@lru_cache(maxsize=64)
def cleaned(given: Headers) -> Headers:
    """Return the headers of ``given`` that an HTTP request can have, with their values as they are sent."""
    return tuple(_cleaned(given, of_http_task=True)[0])


@lru_cache(maxsize=64)
def of_http_task(given: Headers) -> StoredHeaders:
    """Return the stored headers of an HTTP task: the cleaned ones, and User-Agent in place of the task's own.

    No Content-Type is added. The tasks of one test mostly have the same few headers, and share the result.
    """
    kept, changes = _cleaned(given, of_http_task=True)
    kept.append(("User-Agent", HTTP_USER_AGENT))
    kept.sort()
    return StoredHeaders(tuple(kept), tuple(sorted(changes)))


def of_app_engine_task(given: Headers, body: bytes) -> StoredHeaders:
    """Return the stored headers of an App Engine task.

    User-Agent is appended to; with a body come its length and a default type. Evidence: recorded, documented.
    """
    pairs, changes = _cleaned(given, of_http_task=False)
    kept = dict(pairs)
    agent = next((name for name in kept if name.lower() == "user-agent"), "User-Agent")
    kept[agent] = f"{kept[agent]} {APP_ENGINE_USER_AGENT}" if agent in kept else APP_ENGINE_USER_AGENT
    if body:
        kept["Content-Length"] = str(len(body))
        if not any(name.lower() == "content-type" for name in kept):
            kept["Content-Type"] = "application/octet-stream"
    return StoredHeaders(tuple(sorted(kept.items())), tuple(sorted(changes)))


def _cleaned(given: Headers, *, of_http_task: bool) -> tuple[list[tuple[str, str]], list[HeaderChange]]:
    kept: list[tuple[str, str]] = []
    changes: list[HeaderChange] = []
    for name, value in given:
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
    """Return whether nothing happens to a header because of its name."""
    return not _reason_to_drop(name, "-") and not _replaced(name)


def _replaced(name: str) -> str:
    """Return what becomes of a kept header of an HTTP task because of its name; "" if it arrives as it is."""
    lower = name.lower()
    return _REPLACED_AGENT if lower == "user-agent" else _REPLACED_LATER if lower in _COUNTERS else ""


def _reason_to_drop(name: str, value: str) -> str:
    """Return why a header of that name, with that value as it is stored, is dropped; "" if it is kept."""
    lower = name.lower()
    if lower in RULES:
        return RULES[lower]
    for prefix, reason in PREFIXES.items():
        if lower.startswith(prefix):
            return reason
    if not _NAME.fullmatch(name):
        return "a name has to be ASCII, without spaces, control characters and colons"
    if not value:
        return "its value is empty"
    if _FORBIDDEN.search(value):
        return "a value has to be ASCII, without control characters"
    if len(name) + len(value) > MAX_HEADER:
        return f"name and value together have {len(name) + len(value):,} characters, and {MAX_HEADER:,} is the limit"
    return ""


def _cut_or_replaced(value: str) -> str:
    return "a value ends at NUL" if "\0" in value else "each CR and LF becomes an underscore"
