"""Pull queues: workers lease, renew, release and acknowledge tasks. The service sends nothing.

A lease is a schedule time in the future: until then no other worker gets the task, and afterwards any worker can. The
caller proves its lease by that instant. Only v2beta2 has these calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .._units import DAY, MICROSECOND, SECOND, truncated
from . import errors
from .events import EventKind
from .queue import Queue, QueueState
from .request import MAX_TAG, Payload, PullMessage
from .task import Task, TaskCause

if TYPE_CHECKING:
    from .service import Service

MAX_TASKS = 1000
"""Tasks in one LeaseTasks. Ledger: `lease-tasks/max-tasks-1000-or-0`."""
MAX_CALLS = 10
"""LeaseTasks calls a second, for each queue. Ledger: `lease-tasks/over-10-calls-s-per-queue-or`."""
MAX_LEASE = 7 * DAY
"""The longest lease. Ledger: `lease-tasks/lease-duration-1-week-or-negative`."""
MAX_RESPONSE = 32 * 1024 * 1024
"""Bytes of tasks in one LeaseTasks response."""
_TAG = "tag="
_OLDEST_TAG = "tag_function=oldest_tag()"


def check_fits(payload: Payload, queue: Queue) -> None:
    """Raise ServiceError for a pull message in a push queue, or for a request in a pull queue.

    Ledger: `create-task/http-request-task-in-a-pull-queue`.
    """
    if isinstance(payload, PullMessage) is not queue.is_pull:
        raise (errors.REQUEST_IN_PULL_QUEUE if queue.is_pull else errors.MESSAGE_IN_PUSH_QUEUE).error()


def leasable(queue: Queue, now: int) -> list[Task]:
    """Return the tasks of a pull queue that can be leased, in the order of leasing.

    Ledger: `pull-task/order`.
    """
    due = [task for task in queue.tasks.values() if task.schedule_time <= now]
    return sorted(due, key=lambda task: (task.schedule_time, task.name))


def lease(
    service: Service,
    now: int,
    parent: str,
    max_tasks: int,
    duration: int | None,
    filter: str,
    size_of: Callable[[Task], int],
) -> list[Task]:
    """Run LeaseTasks. ``size_of`` measures a task as it is returned; a response has at least one task.

    A task that was already leased max_attempts times is deleted instead.
    """
    queue = service.existing_queue("lease_tasks", parent)
    if not queue.is_pull:
        raise errors.LEASE_IN_PUSH_QUEUE.error()
    if queue.state is not QueueState.RUNNING:
        raise errors.LEASE_IN_STOPPED_QUEUE.error(state=queue.state.name)
    if not 0 < max_tasks <= MAX_TASKS:
        raise errors.LEASE_MAX_TASKS.error(max_tasks=max_tasks)
    until = now + _checked(duration)
    chosen = _filtered(leasable(queue, now), filter)
    if service.options.enforce_lease_rate:
        _count_call(queue, now)
    leased: list[Task] = []
    room = MAX_RESPONSE
    for task in chosen:
        if len(leased) == max_tasks:
            break
        if _is_used_up(task, queue):
            service.end_pulled(task, TaskCause.LEASES_USED_UP, EventKind.TASK_LEASES_EXHAUSTED, now)
            continue
        room -= size_of(task)
        if leased and room < 0:
            break
        task.dispatch_count += 1
        task.schedule_time = truncated(until, MICROSECOND)
        leased.append(task)
        service.pulled(task, EventKind.TASK_LEASED, now, until=task.schedule_time)
    return leased


def renew(service: Service, now: int, name: str, schedule_time: int | None, duration: int | None) -> Task:
    """Run RenewLease: the lease starts again now. The queue must be running."""
    task = held_task(service, now, "renew_lease", name, schedule_time)
    queue = service.queues[task.queue_name]
    if queue.state is not QueueState.RUNNING:
        raise errors.RENEW_IN_STOPPED_QUEUE.error(state=queue.state.name)
    task.schedule_time = truncated(now + _checked(duration), MICROSECOND)
    service.pulled(task, EventKind.LEASE_RENEWED, now, until=task.schedule_time)
    return task


def cancel(service: Service, now: int, name: str, schedule_time: int | None) -> Task:
    """Run CancelLease: the task can be leased at once."""
    task = held_task(service, now, "cancel_lease", name, schedule_time)
    task.schedule_time = truncated(now, MICROSECOND)
    service.pulled(task, EventKind.LEASE_CANCELLED, now)
    return task


def _count_call(queue: Queue, now: int) -> None:
    """Count a call of LeaseTasks; raise ServiceError for too many within a second."""
    calls = queue.lease_calls
    while calls and calls[0] <= now - SECOND:
        calls.popleft()
    if len(calls) >= MAX_CALLS:
        raise errors.LEASE_RATE.error(limit=MAX_CALLS)
    calls.append(now)


def _checked(duration: int | None) -> int:
    """Return a lease's duration, truncated to seconds. Ledger: `pull-task/lease`."""
    if duration is None:
        raise errors.LEASE_DURATION_MISSING.error()
    if not 0 <= duration <= MAX_LEASE:
        raise errors.LEASE_DURATION.error()
    return truncated(duration, SECOND)


def _filtered(tasks: Iterable[Task], filter: str) -> list[Task]:
    """Return the tasks with the tag that ``filter`` names, or with the tag of the oldest task.

    If the oldest task has no tag, return the tasks without one. Ledger: `pull-task/filter`.
    """
    tasks = list(tasks)
    if not filter:
        return tasks
    if filter == _OLDEST_TAG:
        return [task for task in tasks if tag_of(task) == tag_of(tasks[0])]
    tag = filter.removeprefix(_TAG)
    if not filter.startswith(_TAG) or len(tag) >= MAX_TAG:
        raise errors.LEASE_FILTER.error(filter=filter if len(filter) < MAX_TAG else f"{filter[:40]}…")
    return [task for task in tasks if tag_of(task) == tag]


def tag_of(task: Task) -> str:
    """Return the tag of a pull task, "" without one."""
    return task.target.tag if isinstance(task.target, PullMessage) else ""


def _is_used_up(task: Task, queue: Queue) -> bool:
    limit = queue.config.retry_config.max_attempts
    return 0 < limit <= task.dispatch_count


def held_task(service: Service, now: int, rpc: str, name: str, schedule_time: int | None) -> Task:
    """Return the task that is leased until ``schedule_time``; raise ServiceError for a caller with another instant."""
    task = service.existing_task(rpc, name)
    if not isinstance(task.target, PullMessage):
        raise errors.NOT_A_PULL_TASK.error()
    if schedule_time is None:
        raise errors.LEASE_SCHEDULE_TIME_MISSING.error()
    if not task.dispatch_count or schedule_time != task.schedule_time:
        raise errors.LEASE_NOT_HELD.error()
    if now >= task.schedule_time:
        raise errors.LEASE_EXPIRED.error()
    return task
