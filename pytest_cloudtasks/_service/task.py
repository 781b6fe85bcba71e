"""A task, and its way from creation to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .outcome import Outcome
from .request import APP_ENGINE_DEADLINE, HTTP_DEADLINE, HttpTarget, Payload

if TYPE_CHECKING:
    from .attempt import Attempt
    from .retry import RetryConfig


class TaskState(Enum):
    """Where a task stands. The API has no such field: a task that is gone is simply not found."""

    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    DELETED = "deleted"


@dataclass(slots=True)
class TaskSpec:
    """What a CreateTask asks for. Instants and durations are nanoseconds."""

    target: Payload | None
    name: str = ""
    schedule_time: int | None = None
    dispatch_deadline: int | None = None
    retry_config: Mapping[str, int] | None = None


class Task:
    """A task the service has accepted, alive or not. Instants are nanoseconds."""

    __slots__ = (
        "attempts",
        "create_time",
        "delay",
        "dispatch_count",
        "dispatch_deadline",
        "ended_at",
        "failures",
        "in_flight",
        "initial_schedule_time",
        "last_outcome",
        "listed",
        "name",
        "queue_name",
        "rank",
        "response_count",
        "retry_config",
        "schedule_time",
        "sequence",
        "state",
        "target",
    )

    def __init__(
        self,
        name: str,
        queue_name: str,
        sequence: int,
        target: Payload,
        create_time: int,
        schedule_time: int,
        dispatch_deadline: int | None,
        retry_config: RetryConfig | None,
    ) -> None:
        self.name = name
        self.queue_name = queue_name
        self.sequence = sequence
        self.target = target
        self.create_time = create_time
        self.schedule_time = schedule_time
        self.initial_schedule_time = schedule_time
        self.delay = 0
        """How long after its schedule time it goes; see `lineup`."""
        self.rank = 0
        """Its place among the tasks that go at the same instant."""
        self.listed: int | None = None
        """Its place in listings; see `lineup`."""
        self.dispatch_deadline = dispatch_deadline
        self.retry_config = retry_config
        self.state = TaskState.SCHEDULED
        self.attempts: tuple[Attempt, ...] = ()
        """The attempts so far, oldest first."""
        self.dispatch_count = 0
        self.response_count = 0
        """Responses so far; those that `Dispatcher` counts."""
        self.failures = 0
        self.in_flight = 0
        self.last_outcome: Outcome | None = None
        self.ended_at: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the service still has it."""
        return self.state is TaskState.SCHEDULED or self.state is TaskState.DISPATCHED

    @property
    def goes_at(self) -> int:
        """When the next attempt may go: its schedule time, unless it is held back."""
        return self.schedule_time + self.delay

    @property
    def deadline_in_force(self) -> int:
        """How long the service waits for an answer."""
        if self.dispatch_deadline is not None:
            return self.dispatch_deadline
        return HTTP_DEADLINE if isinstance(self.target, HttpTarget) else APP_ENGINE_DEADLINE
