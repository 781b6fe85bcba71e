"""Queues and settings with exactly one mistake, and the error for each."""

from __future__ import annotations

import math
import sys
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .._service import errors
from .._service.errors import Rejection, ServiceError
from .._service.queue_settings import MAX_BURST, MAX_CONCURRENCY, MAX_RATE
from .._service.request import MAX_HEADER_BYTES
from .field_defaults import durations, nearest_first
from .names import MAX_QUEUE_ID
from .queues import DEFAULT_MAX_BACKOFF, DEFAULT_MIN_BACKOFF, LOCATION, LONGEST_BACKOFF, TASK_TTLS, TOMBSTONE_TTLS
from .sizes import RepeatedText
from .validity import checked_location
from .versions import Version, has_field, in_words_of, message, messages_of

InvalidVariant = tuple[dict[str, Any], ServiceError]
_LARGEST_INT32 = 2**31 - 1
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)
_negative = nearest_first(-1, st.integers(1, 1000).map(lambda count: -count))
_negative_seconds = _negative.map(lambda count: timedelta(seconds=count))
_part_seconds = st.sampled_from(
    [_MICROSECOND, -_MICROSECOND, timedelta(seconds=1) - _MICROSECOND, timedelta(seconds=30, milliseconds=900)]
)
_below_zero = nearest_first(-_MICROSECOND, durations(_MILLISECOND, timedelta(days=1)).map(lambda length: -length))
BEYOND = st.sampled_from((1, 2, 10, 100))
"""Amounts beyond a limit."""


def pair_of(version: Version, kind: str, variant: InvalidVariant, as_dict: bool) -> tuple[Any, Exception]:
    """Return a message or a dict, and the exception, with a version's names."""
    fields, error = variant
    own = in_words_of(version, kind, fields)
    wrong = ServiceError(error.code, messages_of(version).in_own_words(error.message), error.details)
    from .._messages.grpc_errors import exception_for  # loads grpc, which importing strategies does without

    return own if as_dict else message(version, kind, own), exception_for(wrong)


def invalid_settings(kind: str, version: Version, only: str = "") -> SearchStrategy[InvalidVariant]:
    """Return a message's fields with a rejected ``rate_limits`` or ``retry_config``, and its error.

    ``only`` names the field with the mistake.
    """
    variants = _invalid_rates(version) if kind == "rate_limits" else _invalid_retries(version)
    return st.one_of(
        [_field(kind, name, values, rejection) for name, values, rejection in variants if only in ("", name)]
    )


def _field(kind: str, name: str, values: SearchStrategy[Any], rejection: Rejection) -> SearchStrategy[InvalidVariant]:
    return values.map(lambda value: ({kind: {name: value}}, rejection.error()))


def _invalid_rates(version: Version) -> list[tuple[str, SearchStrategy[Any], Rejection]]:
    variants: list[tuple[str, SearchStrategy[Any], Rejection]] = [
        ("max_dispatches_per_second", _negative.map(float), errors.RATE_NEGATIVE),
        ("max_dispatches_per_second", _too_fast, errors.RATE_TOO_HIGH),
        ("max_concurrent_dispatches", _negative, errors.CONCURRENCY_NEGATIVE),
        ("max_concurrent_dispatches", _above(MAX_CONCURRENCY), errors.CONCURRENCY_TOO_HIGH),
    ]
    if version != "v2":  # where the burst is output only
        variants.append(("max_burst_size", _negative, errors.BURST_NEGATIVE))
        variants.append(("max_burst_size", _above(MAX_BURST), errors.BURST_TOO_HIGH))
    return variants


def _invalid_retries(version: Version) -> list[tuple[str, SearchStrategy[Any], Rejection]]:
    too_few = _negative.map(lambda count: count - 1)
    attempts = (too_few, errors.ATTEMPTS_NOT_POSITIVE if version == "v2beta2" else errors.MAX_ATTEMPTS_TOO_LOW)
    return [
        ("max_attempts", *attempts),
        ("max_doublings", _negative, errors.MAX_DOUBLINGS_NEGATIVE),
        ("min_backoff", _below_zero, errors.MIN_BACKOFF_NEGATIVE),
        ("max_backoff", _below_zero, errors.MAX_BACKOFF_NEGATIVE),
        ("max_retry_duration", _negative_seconds, errors.MAX_RETRY_DURATION_NEGATIVE),
        ("max_retry_duration", _part_seconds, errors.MAX_RETRY_DURATION_NANOS),
        ("min_backoff", _above_default, errors.BACKOFF_ORDER),
        ("max_backoff", _below_default, errors.BACKOFF_ORDER),
    ]


def invalid_queue_settings(version: Version) -> SearchStrategy[InvalidVariant]:
    """Return a queue's fields with one mistake, and its error."""
    kinds = [invalid_settings("rate_limits", version), invalid_settings("retry_config", version), _backwards]
    for field, outside, rejection in (
        ("task_ttl", outside_of(*TASK_TTLS), errors.TASK_TTL_RANGE),
        ("tombstone_ttl", outside_of(*TOMBSTONE_TTLS), errors.TOMBSTONE_TTL_RANGE),
    ):
        if has_field(version, "Queue", field):
            kinds.append(_rejected(field, outside, rejection.error()))
    if has_field(version, "Queue", "stackdriver_logging_config"):
        ratios = _ratios.map(lambda ratio: {"sampling_ratio": ratio})
        kinds.append(_rejected("stackdriver_logging_config", ratios, errors.SAMPLING_RATIO.error()))
    if has_field(version, "Queue", "http_target"):
        kinds += [_uris, _headers, _large, _tokens]
    if has_field(version, "Queue", "pull_target"):
        attempts = invalid_settings("retry_config", version, "max_attempts")
        kinds.append(attempts.map(lambda pair: ({"pull_target": {}, **pair[0]}, pair[1])))
    return st.one_of(kinds)


def outside_of(shortest: timedelta, longest: timedelta) -> SearchStrategy[timedelta]:
    """Draw durations that are too short or too long, next to the limits and far from them; never negative."""
    short = nearest_first(shortest - _MICROSECOND, durations(_MILLISECOND, shortest - _MILLISECOND))
    return short | nearest_first(longest + _MICROSECOND, durations(longest + _MILLISECOND, longest * 2))


def _above(limit: int) -> SearchStrategy[int]:
    return nearest_first(limit + 1, st.integers(limit + 1, _LARGEST_INT32))


def _rejected(field: str, values: SearchStrategy[Any], error: ServiceError) -> SearchStrategy[InvalidVariant]:
    return values.map(lambda value: ({field: value}, error))


def _target(values: SearchStrategy[Any], error: ServiceError) -> SearchStrategy[InvalidVariant]:
    return _rejected("http_target", values, error)


def _large_headers(beyond: int) -> dict[str, Any]:
    value = RepeatedText("a", MAX_HEADER_BYTES - 1 - len("X-Large") + beyond)
    return {"header_overrides": [{"header": {"key": "X-Large", "value": value}}]}


def _invalid(targets: list[dict[str, Any]], reason: str) -> SearchStrategy[InvalidVariant]:
    return _target(st.sampled_from(targets), errors.HTTP_TARGET_INVALID.error(reason=reason))


def _wrong_headers(names: list[str]) -> InvalidVariant:
    overrides = [{"header": {"key": name, "value": "a"}} for name in names]
    wrong = errors.HTTP_TARGET_HEADERS.error(names=", ".join(names))
    return {"http_target": {"header_overrides": overrides}}, wrong


_too_fast = nearest_first(MAX_RATE + 1, st.floats(MAX_RATE, 1e6, exclude_min=True))
_above_default = nearest_first(
    DEFAULT_MAX_BACKOFF + _MICROSECOND, durations(DEFAULT_MAX_BACKOFF + _MILLISECOND, LONGEST_BACKOFF)
)
_below_default = nearest_first(
    DEFAULT_MIN_BACKOFF - _MICROSECOND, durations(_MILLISECOND, DEFAULT_MIN_BACKOFF - _MILLISECOND)
)
_backwards: SearchStrategy[InvalidVariant] = durations(_MILLISECOND, LONGEST_BACKOFF).map(
    lambda most: (
        {"retry_config": {"min_backoff": most + _MICROSECOND, "max_backoff": most}},
        errors.BACKOFF_ORDER.error(),
    )
)
_ratios = nearest_first(math.nextafter(1, 2), st.floats(1, 1e6, exclude_min=True)) | nearest_first(
    -sys.float_info.min, st.floats(-1e6, 0, exclude_max=True, allow_subnormal=False)
)
_uris = (
    _invalid(
        [
            {"uri_override": {"host": host}}
            for host in ("", "https://example.com", "example.com:443", "example.com/path", ":", "/")
        ],
        "Invalid Host.",
    )
    | _invalid(
        [{"uri_override": {"port": port}} for port in (-1, -(2**63))], "Port number should be a positive integer."
    )
    | _invalid([{"uri_override": {}}], "Invalid uri_override.")
    | _invalid(
        [
            {"uri_override": {"scheme": 99}},
            {"uri_override": {"host": "example.com", "uri_override_enforce_mode": 99}},
            {"http_method": 99},
        ],
        "",
    )
)
_RESERVED = ("Host", "user-agent", "Content-Length", "CONNECTION", "Transfer-Encoding", "X-Forwarded-For")
_RESERVED_PREFIXES = ("X-Google-", "x-appengine-a", "X-CloudTasks-TaskName")
_headers = st.sampled_from([[""], ["X:Queue"], *([name] for name in (*_RESERVED, *_RESERVED_PREFIXES))]).map(
    _wrong_headers
)
_large = _target(BEYOND.map(_large_headers), errors.HTTP_TARGET_HEADERS_TOO_LARGE.error())
NO_EMAILS = ("worker", "worker@", "@test-project.iam", "worker@test-project@iam")
"""Accounts that are not of the form NAME@DOMAIN."""
WRONG_ACCOUNTS: list[tuple[dict[str, Any], ServiceError]] = [
    *((settings, errors.TOKEN_ACCOUNT_MISSING.error()) for settings in ({}, {"service_account_email": ""})),
    *(({"service_account_email": email}, errors.ARGUMENT_INVALID.error()) for email in NO_EMAILS),
]
"""Settings of a token, and the error that they get."""
_tokens = st.one_of(
    [
        _target(st.just({token: settings}), error)
        for token in ("oidc_token", "oauth_token")
        for settings, error in WRONG_ACCOUNTS
    ]
)


@st.composite
def _queue_name(draw: DrawFn, parent: str) -> InvalidVariant:
    what = draw(st.sampled_from(["format", "id", "length", "parent"]))
    if what == "format":
        return {"name": draw(st.sampled_from(["", "0", "queues/0", f"{parent}/0"]))}, errors.QUEUE_NAME_FORMAT.error()
    if what == "parent":
        name = f"{parent}-other/queues/0"
        return {"name": name}, errors.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)
    bad = draw(st.sampled_from(["", "a_b", "a b", "é"])) if what == "id" else "0" * (MAX_QUEUE_ID + draw(BEYOND))
    return {"name": f"{parent}/queues/{bad}"}, errors.QUEUE_ID_FORMAT.error(id=bad)


@st.composite
def invalid_queues(
    draw: DrawFn, *, parent: str = LOCATION, version: Version = "v2", as_dict: bool = False
) -> tuple[Any, Exception]:
    """Draw pairs of a queue with one mistake, and the exception that CreateQueue raises for it over gRPC.

    Shrinks to a queue with a negative rate.

    Args:
        parent: The full name of the location in which the queue is created.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    where = checked_location("invalid_queues", parent)
    fields, wrong = draw(invalid_queue_settings(version) | _queue_name(where))
    return pair_of(version, "Queue", ({"name": f"{where}/queues/0", **fields}, wrong), as_dict)
