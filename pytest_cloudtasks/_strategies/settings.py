"""What queues, and tasks, are set to: rate limits and retry configs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .._service.queue_settings import MAX_BURST, MAX_CONCURRENCY, MAX_RATE
from .._service.retry import UNLIMITED
from .fields_or_strategy import Given, chosen, durations, is_callers
from .validity import check_queue
from .versions import Version, in_words_of, message

Fields = dict[str, Any]
DEFAULT_MIN_BACKOFF, DEFAULT_MAX_BACKOFF = timedelta(milliseconds=100), timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)
LONGEST_BACKOFF = timedelta(hours=10)
LOCATION = "projects/test-project/locations/us-central1"
_AN_END = timedelta(hours=1)
"""Attempts without any end are what a lint warns of; whoever wants them says so."""
NAME = f"{LOCATION}/queues/0"

_rates = st.none() | st.integers(1, int(MAX_RATE)).map(float) | st.floats(0.01, MAX_RATE) | st.just(MAX_RATE)
_concurrency = st.none() | st.integers(1, MAX_CONCURRENCY) | st.just(MAX_CONCURRENCY)
_bursts = st.none() | st.integers(1, MAX_BURST) | st.just(MAX_BURST)
_attempts = st.none() | st.integers(1, 100) | st.just(UNLIMITED)
_doublings = st.none() | st.integers(1, 20)
_retry_durations = st.none() | st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds))
"""Whole seconds alone."""
_least_backoffs = st.none() | durations(timedelta(0), DEFAULT_MAX_BACKOFF)
_most_backoffs = st.none() | durations(DEFAULT_MIN_BACKOFF, LONGEST_BACKOFF)


@st.composite
def rate_limit_fields(
    draw: DrawFn, rate: Given[float] = ..., concurrency: Given[int] = ..., burst: Given[int] = None
) -> Fields:
    """The fields of RateLimits, by v2's names."""
    fields = {
        "max_dispatches_per_second": chosen(draw, rate, _rates),
        "max_concurrent_dispatches": chosen(draw, concurrency, _concurrency),
        "max_burst_size": chosen(draw, burst, _bursts),
    }
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def retry_config_fields(
    draw: DrawFn,
    max_attempts: Given[int] = ...,
    max_retry_duration: Given[timedelta] = ...,
    min_backoff: Given[timedelta] = ...,
    max_backoff: Given[timedelta] = ...,
    max_doublings: Given[int] = ...,
) -> Fields:
    """The fields of a RetryConfig."""
    least, most = _backoffs(draw, min_backoff, max_backoff)
    fields = {
        "max_attempts": chosen(draw, max_attempts, _attempts),
        "max_retry_duration": chosen(draw, max_retry_duration, _retry_durations),
        "min_backoff": least,
        "max_backoff": most,
        "max_doublings": chosen(draw, max_doublings, _doublings),
    }
    if fields["max_attempts"] == UNLIMITED and max_attempts is max_retry_duration is ...:
        fields["max_retry_duration"] = fields["max_retry_duration"] or _AN_END
    return {name: value for name, value in fields.items() if value is not None}


def _backoffs(draw: DrawFn, least: Any, most: Any) -> tuple[Any, Any]:
    """The two backoffs in order; where one is the caller's, the other is drawn to go with it."""
    if least is ... and most is ...:
        pair = draw(_least_backoffs), draw(_most_backoffs)
        return (min(pair), max(pair)) if None not in pair else pair  # type: ignore[type-var]
    if most is ...:
        least = chosen(draw, least, st.none())
        shortest = _or(least, DEFAULT_MIN_BACKOFF) or DEFAULT_MIN_BACKOFF
        found = durations(shortest, max(shortest, LONGEST_BACKOFF))
        return least, draw(found if shortest > DEFAULT_MAX_BACKOFF else st.none() | found)
    most = chosen(draw, most, st.none())
    if least is not ...:
        return chosen(draw, least, st.none()), most
    longest = max(_or(most, DEFAULT_MAX_BACKOFF) or DEFAULT_MAX_BACKOFF, _MILLISECOND)
    if longest < DEFAULT_MIN_BACKOFF:  # 0 would mean the default
        return draw(durations(_MILLISECOND, longest)), most
    return draw(st.none() | durations(timedelta(0), longest)), most


def _or(given: Any, default: timedelta) -> timedelta:
    """``given`` where it is a length of time; anything else is refused later, as a whole."""
    return given if isinstance(given, timedelta) else default


@st.composite
def rate_limits(
    draw: DrawFn,
    *,
    max_dispatches_per_second: Given[float] = ...,
    max_concurrent_dispatches: Given[int] = ...,
    max_burst_size: Given[int] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """RateLimits messages that the service accepts, or dicts of their fields; up to 500/s, 5000 at once.

    The names are v2's in every version; ``max_burst_size`` is output only in v2, and set in the others alone.
    Shrinks to no limits of its own, the service's defaults. Evidence: recorded.
    """
    burst = None if version == "v2" and max_burst_size is ... else max_burst_size
    fields = draw(rate_limit_fields(max_dispatches_per_second, max_concurrent_dispatches, burst))
    is_to_check = is_callers(max_dispatches_per_second, max_concurrent_dispatches, max_burst_size)
    return _setting(version, "RateLimits", "rate_limits", fields, is_to_check, as_dict)


@st.composite
def retry_configs(
    draw: DrawFn,
    *,
    max_attempts: Given[int] = ...,
    max_retry_duration: Given[timedelta] = ...,
    min_backoff: Given[timedelta] = ...,
    max_backoff: Given[timedelta] = ...,
    max_doublings: Given[int] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """RetryConfig messages that the service accepts, or dicts of their fields.

    ``max_attempts=-1`` means no limit in every version; it is drawn together with a ``max_retry_duration``.
    Shrinks to one that sets nothing. Evidence: recorded.
    """
    fields = draw(retry_config_fields(max_attempts, max_retry_duration, min_backoff, max_backoff, max_doublings))
    is_to_check = is_callers(max_attempts, max_retry_duration, min_backoff, max_backoff, max_doublings)
    return _setting(version, "RetryConfig", "retry_config", fields, is_to_check, as_dict)


def _setting(
    version: Version, kind: str, field: str, fields: Mapping[str, Any], is_to_check: bool, as_dict: bool
) -> Any:
    """A part of a queue in the version's words, which the service has to accept in the queue's ``field``."""
    own = in_words_of(version, kind, fields)
    if is_to_check:
        check_queue(version, {"name": NAME, field: own})
    return own if as_dict else message(version, kind, own)
