"""Boundary values: tasks and queues at a limit, or one step inside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .._service.options import MAX_TASK_SIZE
from .._service.queue_settings import MAX_BURST, MAX_CONCURRENCY, MAX_RATE
from .._service.request import MAX_HEADER, MAX_HEADER_BYTES, MAX_TAG
from .._service.retry import UNLIMITED
from .._service.validation import MAX_URL
from .names import MAX_QUEUE_ID, MAX_TASK_ID
from .queues import LOCATION, TASK_TTLS, TOMBSTONE_TTLS
from .requests import SIMPLEST_URL, Fields, header_of_size, headers_of_size
from .sizes import RepeatedText, with_size
from .tasks import APP_ENGINE_DEADLINES, HTTP_DEADLINES, LONGEST_AHEAD
from .validity import check_pulls, checked_location, checked_now, checked_parent
from .versions import Version, has_field, in_words_of, message

Make = Callable[[], Fields]
_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def _http(**fields: Any) -> Fields:
    return {"http_request": {"url": SIMPLEST_URL, "http_method": "POST", **fields}}


def _app_engine(**fields: Any) -> Fields:
    return {"app_engine_http_request": {"relative_uri": "/", "http_method": "POST", **fields}}


def _pull(**fields: Any) -> Fields:
    return {"pull_message": fields}


def _ends(allowed: tuple[timedelta, timedelta]) -> list[timedelta]:
    shortest, longest = allowed
    return [shortest, shortest + _MILLISECOND, longest - _MILLISECOND, longest]


def _retries() -> list[Fields]:
    second = timedelta(seconds=1)
    return [
        {"max_attempts": 1},
        {"max_attempts": UNLIMITED, "max_retry_duration": timedelta(hours=1)},
        {"min_backoff": second, "max_backoff": second},
        {"min_backoff": second, "max_backoff": second + _MILLISECOND},
    ]


def _request_limits(version: Version) -> Iterable[Make]:
    """Return the boundary values of push tasks that depend on neither the instant nor the queue."""
    if has_field(version, "Task", "dispatch_deadline"):
        yield from (
            partial(lambda at: {**_http(), "dispatch_deadline": at}, deadline) for deadline in _ends(HTTP_DEADLINES)
        )
        for one in _ends(APP_ENGINE_DEADLINES):
            yield partial(lambda at: {**_app_engine(), "dispatch_deadline": at}, one)
    if has_field(version, "Task", "retry_config"):
        yield from (partial(lambda config: {**_http(), "retry_config": config}, retry) for retry in _retries())
    for less in (1, 0):
        yield partial(lambda less: _http(url=SIMPLEST_URL.ljust(MAX_URL - less, "a")), less)
        yield partial(lambda less: _http(url=_encoded_to(MAX_URL - less)), less)
        yield partial(lambda less: _app_engine(relative_uri="/".ljust(MAX_URL - less, "a")), less)
        yield partial(lambda less: _http(headers=headers_of_size(MAX_HEADER_BYTES - 1 - less)), less)
        yield partial(lambda less: _http(headers=header_of_size(MAX_HEADER - less)), less)


def _encoded_to(length: int) -> str:
    """Return a URL with this encoded length, which contains one character that takes six."""
    return f"{SIMPLEST_URL}é".ljust(length - 5, "a")


def _headers_of(size: int) -> dict[str, str]:
    return {"X-Large": RepeatedText("a", size - len("X-Large"))}


def _placed_limits(
    version: Version, simplest: Fields, payload: str, now: datetime | None, parent: str | None
) -> Iterable[Make]:
    """Return the boundary values that depend on the instant or on the queue."""
    if now is not None:
        for ahead in (LONGEST_AHEAD - _MICROSECOND, LONGEST_AHEAD):
            yield partial(lambda ahead: {**simplest, "schedule_time": now + ahead}, ahead)
    if parent is not None:
        for length in (1, MAX_TASK_ID - 1, MAX_TASK_ID):
            yield partial(lambda length: {"name": f"{parent}/tasks/{'0' * length}", **simplest}, length)
    if now is not None and parent is not None:
        for less in (1, 0):
            yield partial(
                lambda less: with_size(version, simplest, payload, MAX_TASK_SIZE - less, now, parent),
                less,
            )


@st.composite
def boundary_tasks(
    draw: DrawFn,
    *,
    now: datetime | None = None,
    parent: str | None = None,
    in_pull_queue: bool = False,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw tasks that the service just accepts: one thing is at a documented limit, or one step inside it.

    `invalid_tasks` has the other side of each limit. Shrinks to the shortest deadline, or to a long URL or tag.

    Args:
        now: An aware datetime. With it the latest schedule time is drawn, too.
        parent: The queue's full name. With it the shortest and longest names are drawn, too; with both arguments also
            the largest tasks.
        in_pull_queue: Draw tasks for a pull queue.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    where = None if parent is None else checked_parent("boundary_tasks", parent)
    at = None if now is None else checked_now("boundary_tasks", now).astimezone(timezone.utc)
    if in_pull_queue:
        check_pulls("boundary_tasks", version)
        makes: list[Make] = [partial(lambda less: _pull(tag="0" * (MAX_TAG - less)), less) for less in (2, 1)]
        makes += _placed_limits(version, _pull(), "pull_message", at, where)
    else:
        makes = [*_request_limits(version), *_placed_limits(version, _http(), "http_request", at, where)]
    own = in_words_of(version, "Task", draw(st.sampled_from(makes))())
    return own if as_dict else message(version, "Task", own)


def _queue_limits(version: Version) -> Iterable[Fields]:
    yield from ({"retry_config": config} for config in _retries())
    for rate in (MAX_RATE, math.nextafter(MAX_RATE, 0), 0.001):
        yield {"rate_limits": {"max_dispatches_per_second": rate}}
    for count in (1, MAX_CONCURRENCY - 1, MAX_CONCURRENCY):
        yield {"rate_limits": {"max_concurrent_dispatches": count}}
    if version != "v2":
        yield from ({"rate_limits": {"max_burst_size": count}} for count in (1, MAX_BURST - 1, MAX_BURST))
    for field, allowed in (("task_ttl", TASK_TTLS), ("tombstone_ttl", TOMBSTONE_TTLS)):
        if has_field(version, "Queue", field):
            yield from ({field: end} for end in _ends(allowed))
    if has_field(version, "Queue", "stackdriver_logging_config"):
        yield from ({"stackdriver_logging_config": {"sampling_ratio": ratio}} for ratio in (0.0, 1.0))
    if has_field(version, "Queue", "http_target"):
        yield from ({"http_target": {"uri_override": {"port": port}}} for port in (0, 1, 65536))
        for less in (1, 0):
            (header,) = _headers_of(MAX_HEADER_BYTES - 1 - less).items()
            override = {"header": dict(zip(("key", "value"), header, strict=True))}
            yield {"http_target": {"header_overrides": [override]}}


@st.composite
def boundary_queues(draw: DrawFn, *, parent: str = LOCATION, version: Version = "v2", as_dict: bool = False) -> Any:
    """Draw queues that the service just accepts: one thing is at a documented limit, or one step inside it.

    `invalid_queues` has the other side of each limit. Shrinks to a queue with an ID of 99 characters.

    Args:
        parent: The location's full name.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    location = checked_location("boundary_queues", parent)
    found = [{"name": f"{location}/queues/{'0' * length}"} for length in (MAX_QUEUE_ID - 1, MAX_QUEUE_ID, 1)]
    found += [{"name": f"{location}/queues/0", **fields} for fields in _queue_limits(version)]
    own = in_words_of(version, "Queue", found[draw(st.integers(0, len(found) - 1))])
    return own if as_dict else message(version, "Queue", own)
