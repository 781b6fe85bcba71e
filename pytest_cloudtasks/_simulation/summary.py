"""Summaries of driving methods: what happened, and which tasks are blocked and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from .._attributes import NamesAttributes
from .._service.events import Event, EventKind
from .._service.pull_queues import leasable
from .._service.queue import QueueState
from .._service.retry import GiveUp
from .records import TaskRecord, records

if TYPE_CHECKING:
    from .._service.service import Service
    from .._service.task import Task
    from .history import History


class BlockedReason(Enum):
    """Why a task is not dispatched."""

    PAUSED = "the queue is paused"
    DISABLED = "the queue is disabled"
    RATE = "max_dispatches_per_second is used up"
    CONCURRENCY = "max_concurrent_dispatches is reached"
    PULL = "it waits in a pull queue to be leased"
    NOT_ASKED = "the driving method was limited to other tasks"
    REMOVED_FIRST = "it is removed, too old or purged, before it can go out"


@dataclass(frozen=True)
class Blocked(NamesAttributes):
    """A task that cannot be dispatched now, and why."""

    task: TaskRecord
    """The task."""
    reason: BlockedReason
    """Why it is not dispatched."""


@dataclass(frozen=True)
class Summary(NamesAttributes):
    """What happened during a driving method, and the tasks that are blocked now."""

    attempts: int
    """The number of attempts that were delivered to a target."""
    succeeded: int
    """The number of tasks that succeeded."""
    failed: int
    """The number of attempts that failed."""
    exhausted: int
    """The number of tasks that failed and have no retry left."""
    expired: int
    """The number of tasks that were deleted at the end of their retention."""
    blocked: tuple[Blocked, ...]
    """Due tasks that cannot be dispatched, tasks of queues that don't run, and tasks that will be removed first."""


@dataclass
class Results:
    """How many tasks and attempts have ended in each way, counted event by event."""

    succeeded: int = 0
    """The number of tasks that succeeded."""
    failed: int = 0
    """The number of attempts that failed."""
    exhausted: int = 0
    """The number of tasks that failed and have no retry left."""
    expired: int = 0
    """The number of tasks that were deleted at the end of their retention."""

    def count(self, event: Event) -> None:
        """Count what ``event`` ends."""
        if event.kind is EventKind.TASK_EXPIRED:
            self.expired += 1
        elif event.kind is EventKind.TASK_ANSWERED and not event.dropped and event.attempt and event.attempt.outcome:
            self.succeeded += event.attempt.outcome.succeeded
            self.failed += not event.attempt.outcome.succeeded
            self.exhausted += isinstance(event.verdict, GiveUp)

    def since(self, earlier: Results) -> Results:
        """Return the difference to ``earlier`` counts."""
        return Results(
            self.succeeded - earlier.succeeded,
            self.failed - earlier.failed,
            self.exhausted - earlier.exhausted,
            self.expired - earlier.expired,
        )


class Beginning(NamedTuple):
    """The length of the history when a driving method began."""

    position: int
    deliveries: int
    """Deliveries so far. An attempt of RunTask is delivered by a later driving method."""


def beginning(history: History) -> Beginning:
    """Return the current length of the history."""
    return Beginning(len(history), len(history.requests))


def summary_since(history: History, begin: Beginning, blocked: Sequence[Blocked]) -> Summary:
    """Return the summary of everything since ``begin``. ``blocked`` are the tasks that are blocked now."""
    attempts = len(history.requests) - begin.deliveries
    results = Results()
    for event in history.events(begin.position):
        results.count(event)
    return Summary(
        attempts, results.succeeded, results.failed, results.exhausted, results.expired, blocked=tuple(blocked)
    )


def live_tasks(service: Service, history: History) -> list[Task]:
    """Return the tasks that are in the queues now, queue by queue."""
    with history.lock:  # other threads may enqueue meanwhile
        return [task for queue in service.queues.values() for task in queue.tasks.values()]


def due_tasks(service: Service, now: int) -> tuple[list[Task], list[Task]]:
    """Return the tasks that a driving method would dispatch at ``now``, and those that wait for their time."""
    due: list[Task] = []
    waiting: list[Task] = []
    for queue in service.queues.values():
        if queue.is_pull or queue.state is not QueueState.RUNNING:
            continue
        plan = queue.next_dispatch()
        can_go = queue.has_slot and plan is not None and plan[0] <= now
        due += queue.waiting.due(now) if can_go else []
        waiting += [task for task in queue.waiting if task.eligible_at > now]
    return due, sorted(waiting, key=lambda task: (task.eligible_at, task.sequence))


def blocked(
    service: Service, now: int, history: History, counts: Callable[[Task], bool] | None = None
) -> list[Blocked]:
    """Return the tasks that can't be dispatched at ``now``.

    ``counts`` selects the tasks of a limited driving method.
    """
    with history.lock:  # other threads may enqueue meanwhile
        return _blocked(service, now, history, counts)


def _blocked(service: Service, now: int, history: History, counts: Callable[[Task], bool] | None) -> list[Blocked]:
    blocked_tasks = []
    for queue in service.queues.values():
        if queue.is_pull:
            tasks, reason = leasable(queue, now), BlockedReason.PULL
        elif queue.state is QueueState.RUNNING:
            tasks = queue.waiting.due(now)
            if counts is not None and queue.has_slot:
                others = [task for task in tasks if not counts(task)]
                blocked_tasks += [Blocked(record, BlockedReason.NOT_ASKED) for record in records(others, history)]
                left = set(tasks).difference(others)
                tasks = [task for task in tasks if task in left]
            if not queue.has_slot:
                reason = BlockedReason.CONCURRENCY
            elif (plan := queue.next_dispatch()) is None:
                # the queue runs and has a slot, but no task of it can be dispatched
                blocked_tasks += [Blocked(record, BlockedReason.RATE) for record in records(tasks, history)]
                tasks, reason = [task for task in queue.waiting if task.eligible_at > now], BlockedReason.REMOVED_FIRST
            elif plan[0] > now:
                reason = BlockedReason.RATE
            else:
                continue  # the next driving method dispatches them
        else:
            tasks = sorted(queue.waiting, key=lambda task: task.sequence)
            reason = BlockedReason.PAUSED if queue.state is QueueState.PAUSED else BlockedReason.DISABLED
        blocked_tasks += [Blocked(record, reason) for record in records(tasks, history)]
    return blocked_tasks
