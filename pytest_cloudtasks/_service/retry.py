"""Retries: the wait after a failure, the limits, and the resulting schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .._units import HOUR, LATEST, MILLISECOND, SECOND
from . import errors

UNLIMITED = -1
"""``max_attempts`` of -1: no limit on attempts."""


class RetryConfig(NamedTuple):
    """A queue's or a task's RetryConfig with all defaults. Durations are nanoseconds.

    Defaults: 100 attempts, 0.1 s to 3600 s, 16 doublings, no limit on duration. Ledger: `create-queue/defaults`.
    """

    max_attempts: int = 100
    max_retry_duration: int = 0
    min_backoff: int = 100 * MILLISECOND
    max_backoff: int = HOUR
    max_doublings: int = 16


def retry_config_from(fields: Mapping[str, int]) -> RetryConfig:
    """Return the config with defaults for fields that are unset or 0; raise ServiceError out of range."""
    default = RetryConfig()
    config = RetryConfig(
        max_attempts=fields.get("max_attempts") or default.max_attempts,
        max_retry_duration=fields.get("max_retry_duration") or default.max_retry_duration,
        min_backoff=fields.get("min_backoff") or default.min_backoff,
        max_backoff=fields.get("max_backoff") or default.max_backoff,
        max_doublings=fields.get("max_doublings") or default.max_doublings,
    )
    _check_config(config)
    return config


def _check_config(config: RetryConfig) -> None:
    if config.max_attempts < UNLIMITED:
        raise errors.MAX_ATTEMPTS_TOO_LOW.error()
    if config.max_doublings < 0:
        raise errors.MAX_DOUBLINGS_NEGATIVE.error()
    if config.min_backoff < 0:
        raise errors.MIN_BACKOFF_NEGATIVE.error()
    if config.max_backoff < 0:
        raise errors.MAX_BACKOFF_NEGATIVE.error()
    if config.max_retry_duration <= -SECOND:
        raise errors.MAX_RETRY_DURATION_NEGATIVE.error()
    if config.max_retry_duration % SECOND:
        raise errors.MAX_RETRY_DURATION_NANOS.error()
    if config.min_backoff > config.max_backoff:
        raise errors.BACKOFF_ORDER.error()


def delay_after(config: RetryConfig, failures: int) -> int:
    """Return the wait after the n-th failure (``failures`` ≥ 1), in nanoseconds.

    It doubles ``max_doublings`` times from ``min_backoff``, then grows by min_backoff·2^max_doublings, and never
    passes ``max_backoff``: with 10 s, 300 s and 3 doublings it is 10, 20, 40, 80, 160, 240, 300, 300, … s.
    No jitter. Ledger: `retry/proto-doc-example`.
    """
    doublings = min(failures - 1, config.max_doublings)
    # Past some 60 doublings only the cap matters, and the shift would build enormous integers.
    if doublings > 62:
        return config.max_backoff
    return min((config.min_backoff << doublings) * (failures - doublings), config.max_backoff)


class Retry(NamedTuple):
    """A verdict: try again at this instant."""

    at: int


class GiveUp(NamedTuple):
    """A verdict: no retry is left. ``reason`` names the limits that were used up."""

    reason: str


def verdict_on_failure(
    config: RetryConfig,
    *,
    attempts: int,
    failures: int,
    first_dispatch: int,
    ended: int,
) -> Retry | GiveUp:
    """Return the verdict on a failed attempt that ended at ``ended``.

    The service gives up when both limits are used up. If one is not set (-1 attempts, duration 0), the other decides
    alone; if none is set, only the task's retention ends it. The age counts from the first dispatch, and an age equal
    to the limit uses it up. Ledger: `retry/stop-both-limits-crossed-at-the-same-attempt`.
    """
    at = ended + delay_after(config, failures)
    has_age_limit = config.max_retry_duration > 0
    unlimited = config.max_attempts == UNLIMITED
    attempts_left = not has_age_limit if unlimited else attempts < config.max_attempts
    age_left = has_age_limit and ended - first_dispatch < config.max_retry_duration
    if attempts_left or age_left:
        return Retry(min(at, LATEST))
    return GiveUp(_limits_used_up(config))


def _limits_used_up(config: RetryConfig) -> str:
    limits = []
    if config.max_attempts != UNLIMITED:
        limits.append(f"max_attempts {config.max_attempts}")
    if config.max_retry_duration > 0:
        limits.append(f"max_retry_duration {config.max_retry_duration / SECOND:g} s")
    return " and ".join(limits)


RETENTION = "retention"


class RetrySchedule(NamedTuple):
    """All dispatches of a task that always fails, counted from the first one. Durations are nanoseconds."""

    dispatches: tuple[int, ...]
    end: int
    """The end of the last attempt or of the task's retention."""
    reason: str | None
    """Why the service gives up the task; None if it does not within ``limit``."""


def schedule_of(config: RetryConfig, *, takes: int, retention: int, limit: int) -> RetrySchedule:
    """Return all attempts of a task that is due at once and whose target fails after ``takes``, up to ``limit``.

    Ledger: `retry/exhausted`.
    """
    dispatches: list[int] = []
    at = 0
    while len(dispatches) < limit:
        dispatches.append(at)
        count, ended = len(dispatches), at + takes
        verdict = verdict_on_failure(config, attempts=count, failures=count, first_dispatch=0, ended=ended)
        if isinstance(verdict, GiveUp):
            return RetrySchedule(tuple(dispatches), ended, verdict.reason)
        if verdict.at >= retention:
            return RetrySchedule(tuple(dispatches), retention, RETENTION)
        at = verdict.at
    return RetrySchedule(tuple(dispatches), dispatches[-1] + takes, None)
