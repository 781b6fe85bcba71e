"""A queue: its state, and the tasks that wait in it."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

from .iam import Policy
from .ordering import FIRST_COME, Place
from .queue_settings import QueueConfig, QueueType, RateLimits
from .task import Task, TaskState
from .token_bucket import DispatchRate
from .waiting_line import Line

LEAST_RATE = Fraction(1, 64)
"""The part of its rate that a throttled queue always has. Evidence: our choice."""


class QueueState(Enum):
    """Queue.State."""

    RUNNING = 1
    PAUSED = 2
    DISABLED = 3


class Queue:
    """A live queue. Tasks are kept in the order of their creation."""

    __slots__ = (
        "_line",
        "config",
        "in_flight",
        "initialized_at",
        "is_pull",
        "name",
        "policy",
        "policy_version",
        "purge_time",
        "purges",
        "rate",
        "state",
        "tasks",
        "throttle",
    )

    def __init__(self, name: str, config: QueueConfig, initialized_at: int = 0) -> None:
        self.name = name
        self.config = config
        self.is_pull = config.type is QueueType.PULL
        """Whether its tasks are leased rather than sent, which never changes."""
        self.initialized_at = initialized_at
        """From when on CreateTask finds it."""
        self.state = QueueState.RUNNING
        self.purge_time: int | None = None
        self.purges: list[tuple[int, int]] = []
        """Purges to come: their instant, and the sequence number before which tasks go."""
        self.policy: Policy | None = None
        self.policy_version = 0
        self.tasks: dict[str, Task] = {}
        self.in_flight = 0
        limits = config.rate_limits
        self.rate = DispatchRate(limits.max_dispatches_per_second, limits.max_burst_size)
        self.throttle = Fraction(1)
        """The part of its rate that the system allows it; the settings stay as they are."""
        self._line = Line()

    def reconfigure(self, config: QueueConfig, now: int) -> None:
        """Take new settings; attempts under way and computed schedule times stay. Evidence: our choice."""
        if config.rate_limits != self.config.rate_limits:
            self._change_rate(config.rate_limits, now)
        self.config = config

    def allow(self, part: Fraction, now: int) -> None:
        """Let it have this part of its rate, between `LEAST_RATE` and all of it. Evidence: our choice."""
        part = min(max(part, LEAST_RATE), Fraction(1))
        if part != self.throttle:
            self.throttle = part
            self._change_rate(self.config.rate_limits, now)

    def _change_rate(self, limits: RateLimits, now: int) -> None:
        burst = max(1, int(limits.max_burst_size * self.throttle))
        self.rate.change(Fraction(limits.max_dispatches_per_second) * self.throttle, burst, now)

    def wait(self, task: Task, place: Place = FIRST_COME) -> None:
        """Line ``task`` up, by instant, rank and creation. Evidence: our choice; the service promises no order."""
        rank, delay = place
        task.rank, task.delay = rank, delay
        self._line.add((task.schedule_time + delay, rank, task.sequence, task.dispatch_count, task))

    def head(self) -> Task | None:
        """The task that is next in line, due or not."""
        return self._line.first()

    def waiting(self) -> list[Task]:
        """The tasks that wait to be sent, due or not, in the order of creation."""
        if self.is_pull:
            return []
        return [task for task in self.tasks.values() if task.state is TaskState.SCHEDULED]

    def due(self, now: int) -> list[Task]:
        """The tasks that wait although their instant has come, in line."""
        return self._line.up_to(now)

    @property
    def has_slot(self) -> bool:
        """Whether max_concurrent_dispatches allows another dispatch."""
        return self.in_flight < self.config.rate_limits.max_concurrent_dispatches

    def gone_by(self, task: Task) -> int:
        """The instant from which on ``task`` is not there, whatever happens to it: purged, or too old."""
        too_old = task.create_time + self.config.task_ttl
        if not self.purges:
            return too_old
        return min([too_old, *(at for at, before in self.purges if task.sequence < before)])

    def next_dispatch(self) -> tuple[int, Task] | None:
        """The earliest instant at which a task may go out, if nothing else happens, and which; None if none may.

        Tasks that will be gone by their instant are passed over, so that nobody waits for it.
        """
        if self.state is not QueueState.RUNNING or not self.has_slot:
            return None
        task = self._line.first()
        if task is None:
            return None
        at, ready_at = task.goes_at, self.rate.ready_at()
        if ready_at is not None and ready_at > at:
            at = ready_at
        if at < self.gone_by(task):
            return at, task
        for task in self._line:
            at = max(at, task.goes_at)
            if at < self.gone_by(task):
                return at, task
        return None
