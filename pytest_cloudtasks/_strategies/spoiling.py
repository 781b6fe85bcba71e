"""Rate limits and retry configs with exactly one thing wrong, and the refusal of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._model import refusals
from .._model.queue import MAX_BURST, MAX_CONCURRENCY, MAX_RATE
from .._model.refusals import Refusal, ServiceError
from .choosing import durations
from .settings import DEFAULT_MAX_BACKOFF, LONGEST_BACKOFF
from .versions import Version

Spoilt = tuple[dict[str, Any], ServiceError]
_LARGEST_INT32 = 2**31 - 1
_MILLISECOND = timedelta(milliseconds=1)
_negative = st.integers(1, 1000).map(lambda count: -count)
_below_zero = durations(_MILLISECOND, timedelta(days=1)).map(lambda length: -length)


def spoilt_settings(kind: str, version: Version) -> SearchStrategy[Spoilt]:
    """A message's fields with a ``rate_limits`` or ``retry_config`` that is refused, and its refusal."""
    found = _spoilt_rates(version) if kind == "rate_limits" else _spoilt_retries(version)
    return st.one_of([_field(kind, name, values, refusal) for name, values, refusal in found])


def _field(kind: str, name: str, values: SearchStrategy[Any], refusal: Refusal) -> SearchStrategy[Spoilt]:
    return values.map(lambda value: ({kind: {name: value}}, refusal.error()))


def _spoilt_rates(version: Version) -> list[tuple[str, SearchStrategy[Any], Refusal]]:
    found: list[tuple[str, SearchStrategy[Any], Refusal]] = [
        ("max_dispatches_per_second", _negative.map(float), refusals.RATE_NEGATIVE),
        ("max_dispatches_per_second", st.floats(MAX_RATE, 1e6, exclude_min=True), refusals.RATE_TOO_HIGH),
        ("max_concurrent_dispatches", _negative, refusals.CONCURRENCY_NEGATIVE),
        ("max_concurrent_dispatches", st.integers(MAX_CONCURRENCY + 1, _LARGEST_INT32), refusals.CONCURRENCY_TOO_HIGH),
    ]
    if version != "v2":  # where the burst is output only
        found.append(("max_burst_size", _negative, refusals.BURST_NEGATIVE))
        found.append(("max_burst_size", st.integers(MAX_BURST + 1, _LARGEST_INT32), refusals.BURST_TOO_HIGH))
    return found


def _spoilt_retries(version: Version) -> list[tuple[str, SearchStrategy[Any], Refusal]]:
    attempts = (_negative.map(lambda count: count - 1), refusals.MAX_ATTEMPTS_TOO_LOW)
    if version == "v2beta2":  # which has a field of its own for attempts without a limit
        attempts = (_negative.map(lambda count: count - 1), refusals.ATTEMPTS_NOT_POSITIVE)
    return [
        ("max_attempts", *attempts),
        ("max_doublings", _negative, refusals.MAX_DOUBLINGS_NEGATIVE),
        ("min_backoff", _below_zero, refusals.MIN_BACKOFF_NEGATIVE),
        ("max_backoff", _below_zero, refusals.MAX_BACKOFF_NEGATIVE),
        ("max_retry_duration", _below_zero, refusals.MAX_RETRY_DURATION_NEGATIVE),
        ("min_backoff", durations(DEFAULT_MAX_BACKOFF + _MILLISECOND, LONGEST_BACKOFF), refusals.BACKOFF_ORDER),
    ]
