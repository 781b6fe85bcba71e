"""What a retry config comes to: all attempts of a task that keeps failing."""

from __future__ import annotations

from typing import NamedTuple

from .retry import GiveUp, RetryConfig, verdict_on_failure

RETENTION = "retention"


class Course(NamedTuple):
    """The dispatches of a task that always fails, counted from the first. Durations are nanoseconds."""

    dispatches: tuple[int, ...]
    end: int
    """When the last attempt has ended, or the task's retention has."""
    reason: str | None
    """What the task is given up for; None if it is not, as far as was looked."""


def course_of(config: RetryConfig, *, takes: int, retention: int, limit: int) -> Course:
    """Every attempt of a task that is due at once and whose target fails after ``takes``, up to ``limit`` attempts.

    Evidence: as for `verdict_on_failure` and for the retention of 31 days.
    """
    dispatches: list[int] = []
    at = 0
    while len(dispatches) < limit:
        dispatches.append(at)
        count, ended = len(dispatches), at + takes
        verdict = verdict_on_failure(config, attempts=count, failures=count, first_dispatch=0, ended=ended)
        if isinstance(verdict, GiveUp):
            return Course(tuple(dispatches), ended, verdict.reason)
        if verdict.at >= retention:
            return Course(tuple(dispatches), retention, RETENTION)
        at = verdict.at
    return Course(tuple(dispatches), dispatches[-1] + takes, None)
