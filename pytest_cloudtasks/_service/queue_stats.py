"""A queue's statistics, which the beta versions of the API show on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .events import Event, EventKind
from .queue import Queue
from .units import MINUTE


class QueueStats(NamedTuple):
    """Queue.stats as it is at one instant. The service calls its numbers estimations; these are exact."""

    tasks_count: int
    """Tasks that are there, dispatched and leased ones included. Evidence: documented."""
    oldest_estimated_arrival_time: int | None
    """The nearest instant, from now on, at which a task that waits is scheduled. Evidence: documented."""
    executed_last_minute_count: int
    """Answers of the last minute, whatever they were. Evidence: documented."""
    concurrent_dispatches_count: int
    """Attempts under way. Evidence: documented."""
    effective_execution_rate: float
    """The rate that the system allows, which is the queue's own without a throttle. Evidence: documented."""


def stats_of(queue: Queue, events: Sequence[Event], now: int) -> QueueStats:
    """The statistics of ``queue`` at ``now``, out of all that has happened."""
    if queue.is_pull:
        arrival = min((task.schedule_time for task in queue.tasks.values()), default=None)
    else:
        head = queue.head()
        arrival = None if head is None else head.goes_at
    return QueueStats(
        len(queue.tasks),
        None if arrival is None else max(arrival, now),
        _answers_since(queue, events, now - MINUTE),
        queue.in_flight,
        float(queue.config.rate_limits.max_dispatches_per_second * queue.throttle),
    )


def _answers_since(queue: Queue, events: Sequence[Event], instant: int) -> int:
    count = 0
    for event in reversed(events):
        if event.at <= instant:
            break
        count += event.kind is EventKind.TASK_ANSWERED and event.queue_name == queue.name
    return count
