"""Pull queues and their leases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import Rejection, ServiceError
from pytest_cloudtasks._service.events import EventKind
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.pull_queues import MAX_RESPONSE, leasable, tag_of
from pytest_cloudtasks._service.queue_settings import QueueType
from pytest_cloudtasks._service.request import HttpTarget, PullMessage
from pytest_cloudtasks._service.task import Task, TaskSpec, TaskState
from pytest_cloudtasks._units import DAY, MINUTE, SECOND
from tests.each import each
from tests.service.driving import LOCATION, QUEUE, START, URL, RecordedService, numbered_ids

NAME = f"{QUEUE}/tasks/t"


def pull_service(options: ServiceOptions | None = None, **settings: Any) -> RecordedService:
    service = RecordedService(numbered_ids(), options)
    service.create_queue(START, LOCATION, QUEUE, {"type": QueueType.PULL, **settings})
    return service


def put(service: RecordedService, task_id: str = "t", tag: str = "", at: int | None = None, now: int = START) -> Task:
    spec = TaskSpec(PullMessage(b"x", tag), f"{QUEUE}/tasks/{task_id}", schedule_time=at)
    return service.create_task(now, QUEUE, spec)


def lease(service: RecordedService, now: int = START, max_tasks: int = 10, **fields: Any) -> list[str]:
    asked: dict[str, Any] = {"duration": MINUTE, "filter": "", "size_of": lambda task: 1, **fields}
    tasks = service.lease_tasks(now, QUEUE, max_tasks=max_tasks, **asked)
    return [task.name.rpartition("/")[2] for task in tasks]


def state(service: RecordedService) -> object:
    queue = service.queues[QUEUE]
    tasks = [(task.name, task.schedule_time, task.dispatch_count, task.state) for task in service.accepted]
    return queue.state, list(queue.tasks), tasks, len(service.events)


def refused(service: RecordedService, refusal: Rejection, call: Callable[[], object], **values: object) -> None:
    """``call`` is rejected so, and has changed nothing."""
    before = state(service)
    with pytest.raises(ServiceError) as caught:
        call()
    expected = refusal.error(**values)
    assert (caught.value.code, caught.value.message) == (expected.code, expected.message)
    assert state(service) == before


def test_a_lease_ends_at_its_schedule_time() -> None:
    """Until that instant nobody else gets the task, and afterwards anybody can."""
    service = pull_service()
    task = put(service)
    assert lease(service) == ["t"]
    assert task.schedule_time == START + MINUTE
    assert lease(service, START + MINUTE - 1) == []
    assert leasable(service.queues[QUEUE], START + MINUTE) == [task]
    assert lease(service, START + MINUTE) == ["t"]
    assert task.dispatch_count == 2


def test_a_lease_is_cut_to_the_second() -> None:
    """Fractions of a lease's duration are cut off; a lease of less than a second ends at once."""
    service = pull_service()
    task = put(service)
    lease(service, duration=2 * SECOND - 1)
    assert task.schedule_time == START + SECOND
    service.renew_lease(START, NAME, START + SECOND, SECOND - 1)
    assert task.schedule_time == START


@each(
    ("asked", "order"),
    [
        ({}, ["b", "c", "a"]),
        ({"max_tasks": 2}, ["b", "c"]),
        ({"filter": "tag="}, ["c"]),
        ({"filter": "tag=x"}, ["b", "a"]),
        ({"filter": "tag=tag=x"}, []),
        ({"filter": "tag_function=oldest_tag()"}, ["b", "a"]),
        ({"size_of": lambda task: MAX_RESPONSE + 1}, ["b"]),
        ({"size_of": lambda task: MAX_RESPONSE // 2}, ["b", "c"]),
    ],
)
def test_which_tasks_are_leased(asked: dict[str, Any], order: list[str]) -> None:
    """The oldest schedule time first, then by name; as many as were asked for, have the tag, and fit."""
    service = pull_service()
    put(service, "a", "x", START + 1_000)
    put(service, "c")
    put(service, "b", "x")
    put(service, "later", "x", START + MINUTE)
    assert lease(service, START + 1_000, **asked) == order


def test_oldest_tag_of_an_empty_queue_leases_nothing() -> None:
    """oldest_tag() of an empty queue leases nothing."""
    assert lease(pull_service(), filter="tag_function=oldest_tag()") == []


def test_a_lease_is_known_by_its_instant() -> None:
    """Ack, renew and cancel take the current schedule time alone; a task that was never leased has no lease."""
    service = pull_service()
    put(service, at=START + MINUTE)
    calls = [
        lambda at: service.acknowledge_task(START, NAME, at),
        lambda at: service.renew_lease(START, NAME, at, MINUTE),
        lambda at: service.cancel_lease(START, NAME, at),
    ]
    for call in calls:
        refused(service, errors.LEASE_NOT_HELD, lambda call=call: call(START + MINUTE))
        refused(service, errors.LEASE_SCHEDULE_TIME_MISSING, lambda call=call: call(None))
    lease(service, START + MINUTE)
    for call in calls:
        for other in (START + MINUTE, START + 2 * MINUTE - 1_000, START + 2 * MINUTE + 1):
            refused(service, errors.LEASE_NOT_HELD, lambda call=call, other=other: call(other))


@pytest.mark.parametrize("after", [MINUTE, 2 * MINUTE])
def test_an_ended_lease_can_not_be_used(after: int) -> None:
    """From its end on it can't be used, even if nobody else has leased the task since."""
    service = pull_service()
    put(service)
    lease(service)
    now, at = START + after, START + MINUTE
    refused(service, errors.LEASE_EXPIRED, lambda: service.acknowledge_task(now, NAME, at))
    refused(service, errors.LEASE_EXPIRED, lambda: service.renew_lease(now, NAME, at, MINUTE))
    refused(service, errors.LEASE_EXPIRED, lambda: service.cancel_lease(now, NAME, at))
    assert service.acknowledge_task(at - 1, NAME, at) is None


def test_an_acknowledged_task_has_succeeded() -> None:
    """It is deleted, its name is reserved, and there is one event."""
    service = pull_service()
    task = put(service)
    lease(service)
    service.acknowledge_task(START + 1, NAME, START + MINUTE)
    assert (task.state, task.ended_at) == (TaskState.SUCCEEDED, START + 1)
    refused(service, errors.ENTITY_MISSING, lambda: service.acknowledge_task(START, NAME, START))
    refused(service, errors.TASK_EXISTED_TOO_RECENTLY, lambda: put(service, now=START + 2))
    kinds = [EventKind.TASK_CREATED, EventKind.TASK_LEASED, EventKind.TASK_ACKNOWLEDGED]
    assert [event.kind for event in service.events if event.task is task] == kinds


def test_a_renewed_lease_counts_from_the_call() -> None:
    """The new end is the call's instant plus the duration, earlier or later than before; it stays the same lease."""
    service = pull_service()
    task = put(service)
    lease(service)
    service.renew_lease(START + SECOND, NAME, START + MINUTE, 7 * DAY)
    assert task.schedule_time == START + SECOND + 7 * DAY
    service.renew_lease(START + SECOND, NAME, task.schedule_time, SECOND)
    assert (task.schedule_time, task.dispatch_count) == (START + 2 * SECOND, 1)


@pytest.mark.parametrize("stop", ["pause_queue", "disable_queue"])
def test_no_lease_is_renewed_in_a_queue_that_does_not_run(stop: str) -> None:
    """The lease does not change: the task can still be acknowledged."""
    service = pull_service()
    task = put(service)
    lease(service)
    held = task.schedule_time
    getattr(service, stop)(START, QUEUE)
    refused(
        service,
        errors.RENEW_IN_STOPPED_QUEUE,
        lambda: service.renew_lease(START, NAME, held, MINUTE),
        state=service.queues[QUEUE].state.name,
    )
    service.acknowledge_task(START, NAME, held)
    assert task.state is TaskState.SUCCEEDED


def test_a_cancelled_lease_frees_the_task() -> None:
    """It can be leased at the same instant, and the old lease can't be used."""
    service = pull_service()
    put(service)
    lease(service)
    service.cancel_lease(START + SECOND, NAME, START + MINUTE)
    refused(
        service,
        errors.LEASE_EXPIRED,
        lambda: service.cancel_lease(START + SECOND, NAME, START + SECOND),
    )
    assert lease(service, START + SECOND) == ["t"]


@pytest.mark.parametrize("limit", [1, 2])
def test_leases_are_limited(limit: int) -> None:
    """After max_attempts leases the next LeaseTasks deletes the task instead, without a place in the batch."""
    service = pull_service(retry_config={"max_attempts": limit})
    task = put(service)
    for _ in range(limit):
        assert lease(service, duration=0) == ["t"]
    put(service, "u")
    assert lease(service, max_tasks=1) == ["u"]
    assert (task.state, task.name in service.queues[QUEUE].tasks) == (TaskState.EXHAUSTED, False)
    assert service.events[-2].kind is EventKind.TASK_LEASES_EXHAUSTED


def test_a_full_batch_deletes_nothing() -> None:
    """A task without a lease left stays while the batch has no place for it."""
    service = pull_service(retry_config={"max_attempts": 1})
    put(service, "b")
    assert lease(service, duration=0) == ["b"]
    put(service, "a")
    assert lease(service, max_tasks=1) == ["a"]
    assert list(service.queues[QUEUE].tasks) == [f"{QUEUE}/tasks/b", f"{QUEUE}/tasks/a"]


def test_what_lease_tasks_rejects() -> None:
    """Numbers, durations and filters out of range; and other states than RUNNING."""
    service = pull_service()
    put(service, tag="a")
    for number in (0, -1, 1001):
        refused(
            service, errors.LEASE_MAX_TASKS, lambda number=number: lease(service, max_tasks=number), max_tasks=number
        )
    for duration in (-1, 7 * DAY + 1):
        refused(service, errors.LEASE_DURATION, lambda duration=duration: lease(service, duration=duration))
    refused(service, errors.LEASE_DURATION_MISSING, lambda: lease(service, duration=None))
    for filter in ("tag", "tag =a", "TAG=a", "tag_function=oldest_tag", " tag=a"):
        refused(service, errors.LEASE_FILTER, lambda filter=filter: lease(service, filter=filter), filter=filter)
    service.pause_queue(START, QUEUE)
    refused(service, errors.LEASE_IN_STOPPED_QUEUE, lambda: lease(service), state="PAUSED")
    service.disable_queue(START, QUEUE)
    refused(service, errors.LEASE_IN_STOPPED_QUEUE, lambda: lease(service), state="DISABLED")
    service.resume_queue(START, QUEUE)
    assert lease(service, max_tasks=1000, duration=7 * DAY, filter=f"tag={'b' * 499}") == []


def test_push_queues_have_no_leases() -> None:
    """LeaseTasks is rejected there, and so is each call on one of their tasks."""
    service = RecordedService(numbered_ids())
    service.create_queue(START, LOCATION, QUEUE, {})
    service.create_task(START, QUEUE, TaskSpec(HttpTarget(URL), NAME))
    refused(service, errors.LEASE_IN_PUSH_QUEUE, lambda: lease(service))
    refused(service, errors.NOT_A_PULL_TASK, lambda: service.acknowledge_task(START, NAME, START))
    refused(service, errors.MESSAGE_IN_PUSH_QUEUE, lambda: put(service, "u"))


def test_pull_queues_send_nothing() -> None:
    """Requests are rejected there, RunTask is, and no step is upcoming."""
    service = pull_service()
    task = put(service)
    refused(
        service,
        errors.REQUEST_IN_PULL_QUEUE,
        lambda: service.create_task(START, QUEUE, TaskSpec(HttpTarget(URL))),
    )
    refused(service, errors.RUN_PULL_TASK, lambda: service.run_task(START, NAME))
    assert service.scheduler.upcoming() is None
    assert list(service.queues[QUEUE].waiting) == []
    service.scheduler.remove_due(START + 31 * DAY)
    assert task.state is TaskState.EXPIRED


@pytest.mark.parametrize(("length", "is_allowed"), [(499, True), (500, False)])
def test_a_tag_has_fewer_than_500_characters(length: int, is_allowed: bool) -> None:
    """Characters are counted, not bytes."""
    service = pull_service()
    if is_allowed:
        assert tag_of(put(service, tag="ä" * length)) == "ä" * length
    else:
        refused(service, errors.TAG_TOO_LONG, lambda: put(service, tag="ä" * length))


def test_ten_calls_a_second() -> None:
    """The eleventh within a second is rejected and does not count; another queue has its own count."""
    service = pull_service()
    other = f"{LOCATION}/queues/other"
    service.create_queue(START, LOCATION, other, {"type": QueueType.PULL})
    for call in range(10):
        lease(service, START + call)
    refused(service, errors.LEASE_RATE, lambda: lease(service, START + SECOND - 1), limit=10)
    service.lease_tasks(START + SECOND - 1, other, max_tasks=1, duration=0, filter="", size_of=lambda task: 0)
    lease(service, START + SECOND)
    refused(service, errors.LEASE_RATE, lambda: lease(service, START + SECOND), limit=10)
    lease(service, START + SECOND + 1)


def test_a_rejected_call_is_not_counted() -> None:
    """A call that was rejected for another reason doesn't count."""
    service = pull_service()
    for _ in range(20):
        refused(service, errors.LEASE_MAX_TASKS, lambda: lease(service, max_tasks=0), max_tasks=0)
    for _ in range(10):
        lease(service)


def test_calls_move_with_a_clock_that_is_reset() -> None:
    """Ten calls at an instant still fill their second when the clock is set back."""
    service = pull_service()
    for _ in range(10):
        lease(service)
    service.clock_reset(-DAY)
    refused(service, errors.LEASE_RATE, lambda: lease(service, START - DAY), limit=10)
    lease(service, START - DAY + SECOND)


def test_a_new_queue_of_the_name_has_all_its_calls() -> None:
    """The calls on a deleted queue are forgotten with it."""
    service = pull_service(ServiceOptions(queue_tombstone_ttl=0))
    for _ in range(10):
        lease(service)
    service.delete_queue(START, QUEUE)
    service.create_queue(START, LOCATION, QUEUE, {"type": QueueType.PULL})
    lease(service)


def test_the_limit_of_calls_can_be_turned_off() -> None:
    """By the service option enforce_lease_rate."""
    service = pull_service(ServiceOptions(enforce_lease_rate=False))
    for _ in range(11):
        assert lease(service) == []
