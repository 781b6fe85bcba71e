"""``retry_schedule()``: the attempts of a task that keeps failing, and when it is given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._messages import api_versions as frontends
from .._service.errors import ServiceError
from .._service.options import ServiceOptions
from .._service.queue_settings import TASK_TTL
from .._service.retry import RETENTION, UNLIMITED, RetryConfig, schedule_of
from .._service.retry import RetrySchedule as ModelSchedule
from .._service.service import Service
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import duration_text, offset_text
from .._simulation.settings.options import OPTIONS
from .._text import safe_str, shortened
from .._time.instants import Duration, duration_of, from_timedelta, to_timedelta

ATTEMPTS = 10_000
"""How far a schedule looks: a task that is never given up for its attempts may have millions of them."""
_ROWS = 12
"""A table shows the first half of these rows and the last."""
_QUEUE = "projects/p/locations/l/queues/q"


@dataclass(frozen=True)
class RetrySchedule(NamesAttributes):
    """The attempts of a task whose target always fails, from its first dispatch.

    A queue that is busy, paused or throttled can only make them later.
    """

    attempts: Sequence[timedelta]
    """When each attempt is dispatched, as a timedelta from the first one. The first 10,000 are included."""
    gives_up_after: timedelta | None
    """When the task has no retry left: at the end of its last attempt, or of its retention of 31 days. None if
    that lies beyond the 10,000 attempts.
    """
    reason: str | None
    """What stops the retries: ``max_attempts 5``, ``max_attempts 5 and max_retry_duration 60 s``, or ``retention``."""
    _config: RetryConfig = field(repr=False)
    _takes: int = field(repr=False)

    @property
    def span(self) -> timedelta:
        """The time from the first dispatch to the last, as a timedelta."""
        return self.attempts[-1]

    @checked_call
    def assert_gives_up_within(self, duration: Duration) -> None:
        """Assert that the retries stop no later than ``duration`` after the first dispatch.

        Args:
            duration: A timedelta, or a text such as ``"1h"``.

        Raises:
            CloudTasksAssertionError: They stop later.
        """
        limit = duration_of(duration, what="assert_gives_up_within()")
        if self.gives_up_after is not None and from_timedelta(self.gives_up_after) <= limit:
            return
        raise CloudTasksAssertionError(
            f"A task that keeps failing is not given up within {duration_text(limit)}: {self._end()}.\n\n{self}"
        )

    @checked_call
    def assert_survives_outage(self, duration: Duration) -> None:
        """Assert that there is an attempt after an outage that begins with the first dispatch.

        Args:
            duration: How long the target is down: a timedelta, or a text such as ``"1h"``.

        Raises:
            CloudTasksAssertionError: All attempts come before that.
        """
        outage = duration_of(duration, what="assert_survives_outage()")
        if any(from_timedelta(at) >= outage for at in reversed(self.attempts)):
            return
        raise CloudTasksAssertionError(
            f"The task does not survive an outage of {duration_text(outage)} from its first dispatch on: the last"
            f" attempt comes after {_text(self.span)}, and {self._end()}.{self._advice(outage)}\n\n{self}"
        )

    def _advice(self, outage: int) -> str:
        """Return a sentence with the smallest max_attempts that is enough, if attempts are the limit."""
        if self._config.max_attempts == UNLIMITED or self.reason in (None, RETENTION):
            return ""
        patient = self._config._replace(max_attempts=UNLIMITED, max_retry_duration=0)
        schedule = _schedule(patient, self._takes)
        enough = next((n for n, at in enumerate(schedule.dispatches, 1) if at >= outage), None)
        return f" max_attempts={enough} would be enough." if enough else ""

    def _end(self) -> str:
        if self.gives_up_after is None:
            return f"after {len(self.attempts):,} attempts in {_text(self.span)} it is not given up yet"
        why = "at the end of its retention" if self.reason == RETENTION else f"by {self.reason}"
        return f"it is given up after {_text(self.gives_up_after)}, {why}"

    def __str__(self) -> str:
        width = len(str(len(self.attempts)))
        rows = [
            f"{number:>{width}}  {_offset(at):<15}  {'' if last is None else f'{_text(at - last)} later'}".rstrip()
            for number, (at, last) in enumerate(zip(self.attempts, [None, *self.attempts], strict=False), 1)
        ]
        if len(rows) > _ROWS:
            left_out = len(rows) - _ROWS
            rows[_ROWS // 2 : -_ROWS // 2] = [f"{'':>{width}}  … {left_out:,} attempts more …"]
        end = self._end()
        return "\n".join([*rows, f"{end[0].upper()}{end[1:]}."])


@checked_call
def retry_schedule(
    retry_config: Mapping[str, Any] | Any = None,
    *,
    attempt_takes: Duration = timedelta(0),
    service: Mapping[str, Any] | None = None,
) -> RetrySchedule:
    """Return when a task that always fails is attempted, and when it has no retry left.

    Ledger: `retry/proto-doc-example`, `retry/exhausted`.

    Args:
        retry_config: A dict of fields, Google's RetryConfig, or a Queue or Task message that has one. Missing fields
            have the service's defaults.
        attempt_takes: How long the target takes to fail: a timedelta, or a text such as ``"30s"``.
        service: Service options, as in the marker.

    Raises:
        ValueError: The service rejects the retry config.
        TypeError: A value has the wrong type.
    """
    options = OPTIONS["service"].check({} if service is None else service)
    config = _config(retry_config, options)
    takes = duration_of(attempt_takes, what="retry_schedule(attempt_takes=…)")
    schedule = _schedule(config, takes)
    return RetrySchedule(
        attempts=tuple(map(to_timedelta, schedule.dispatches)),
        gives_up_after=None if schedule.reason is None else to_timedelta(schedule.end),
        reason=schedule.reason,
        _config=config,
        _takes=takes,
    )


def _config(config_or_queue: Any, options: ServiceOptions) -> RetryConfig:
    fields = getattr(config_or_queue, "retry_config", config_or_queue)
    trial = Service(lambda: "0", options)
    try:
        queue = frontends.v2().configure(trial, 0, _QUEUE, {"retry_config": {} if fields is None else fields})
    except ServiceError as rejection:
        raise ValueError(f"The service rejects this retry config: {rejection.message}") from None
    except (ValueError, TypeError, RecursionError, SystemError) as error:  # the last is protobuf's
        text = shortened(safe_str(error)).removeprefix("retry_config.")  # its fields are given as they are
        raise ValueError(f"This retry config is not valid: {text}") from None
    return queue.config.retry_config


def _schedule(config: RetryConfig, takes: int) -> ModelSchedule:
    return schedule_of(config, takes=takes, retention=TASK_TTL, limit=ATTEMPTS)


def _text(duration: timedelta) -> str:
    return duration_text(from_timedelta(duration))


def _offset(duration: timedelta) -> str:
    return offset_text(from_timedelta(duration))
