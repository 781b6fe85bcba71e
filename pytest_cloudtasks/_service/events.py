"""Events of queues and tasks. The timeline is written from them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .retry import GiveUp, Retry
from .task import Attempt, Task


class EventKind(Enum):
    """What can happen to a queue or a task."""

    QUEUE_CREATED = "queue created"
    QUEUE_UPDATED = "queue updated"
    QUEUE_PAUSED = "queue paused"
    QUEUE_RESUMED = "queue resumed"
    QUEUE_DISABLED = "queue disabled"
    QUEUE_PURGED = "queue purged"
    QUEUE_DELETED = "queue deleted"
    TASK_CREATED = "task created"
    TASK_DISPATCHED = "task dispatched"
    TASK_ANSWERED = "task answered"
    TASK_DELETED = "task deleted"
    TASK_EXPIRED = "task expired"
    TASK_LEASED = "task leased"
    TASK_ACKNOWLEDGED = "task acknowledged"
    TASK_LEASES_EXHAUSTED = "task had no lease left"
    LEASE_RENEWED = "lease renewed"
    LEASE_CANCELLED = "lease cancelled"


class Event(NamedTuple):
    """One thing that happened, at the instant ``at`` (nanoseconds)."""

    at: int
    kind: EventKind
    queue_name: str
    task: Task | None = None
    attempt: Attempt | None = None
    verdict: Retry | GiveUp | None = None
    """What the service decided after a failed attempt, unless another attempt of the task is under way."""
    dropped: bool = False
    """Whether the answer was ignored because the task was already gone."""
    until: int | None = None
    """When a lease or a retention ends (nanoseconds)."""
