"""An attempt: one delivery of a task to its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outcome import Outcome

if TYPE_CHECKING:
    from .queue import Queue
    from .task import Task


class Attempt:
    """One dispatch of a task. Instants are nanoseconds.

    ``retry_count``, ``execution_count`` and ``previous`` are what the request's headers say; they are the task's
    counters as they stood when the attempt began.
    """

    __slots__ = (
        "dispatch_time",
        "execution_count",
        "forced",
        "number",
        "outcome",
        "previous",
        "queue",
        "reached_target",
        "response_time",
        "retry_count",
        "schedule_time",
        "target",
        "task",
    )

    def __init__(
        self,
        task: Task,
        queue: Queue,
        *,
        schedule_time: int,
        dispatch_time: int,
        forced: bool,
        execution_count: int,
    ) -> None:
        self.task = task
        self.target = queue.config.sent(task.target)
        """What is sent: the task's target under the queue's overrides as they stood when the attempt began."""
        self.queue = queue
        self.number = task.dispatch_count
        self.schedule_time = schedule_time
        self.dispatch_time = dispatch_time
        self.forced = forced
        """Whether RunTask or the test asked for it, past the queue's limits."""
        self.retry_count = task.failures
        self.execution_count = execution_count
        self.reached_target = True
        """Whether the request has gone out; RunTask answers before it does."""
        self.previous = task.last_outcome
        self.response_time: int | None = None
        self.outcome: Outcome | None = None

    @property
    def deadline(self) -> int:
        """The instant at which the service stops waiting for the answer."""
        return self.dispatch_time + self.task.deadline_in_force
