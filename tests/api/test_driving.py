"""Driving: every driving method visits events at their own instants, and rejects in words what it can't do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import tasks_v2

from pytest_cloudtasks import BlockedReason, DrainLimitReached, FakeCloudTasks, NoTarget, TargetRequest, TaskState
from pytest_cloudtasks._clients.router import router

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def seconds(cloud_tasks: FakeCloudTasks) -> float:
    return cloud_tasks.clock.elapsed.total_seconds()


def untouched(cloud_tasks: FakeCloudTasks) -> tuple[object, ...]:
    """All that a rejected driving method has to leave alone."""
    tasks = [(task.name, task.state, task.schedule_time, task.dispatch_count) for task in cloud_tasks.tasks()]
    return cloud_tasks.clock.now(), tasks, cloud_tasks.attempts(), cloud_tasks.timeline(), len(cloud_tasks.rpcs)


def refused(cloud_tasks: FakeCloudTasks, kind: type[BaseException], call: Callable[[], object]) -> str:
    """The whole text of an error that has changed nothing."""
    before = untouched(cloud_tasks)
    with pytest.raises(kind) as caught:
        call()
    assert untouched(cloud_tasks) == before
    return str(caught.value)


# --- step --------------------------------------------------------------------------------------------------------


def test_step_does_the_next_thing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each step is one dispatch or one answer, at its own instant; None when there is nothing to come."""
    assert cloud_tasks.step() is None
    cloud_tasks.route(MAILER).returns(503, 200).takes(timedelta(seconds=5))
    enqueue("one", schedule_time=START + timedelta(seconds=30))

    moves = []
    while (attempt := cloud_tasks.step()) is not None:
        moves.append((seconds(cloud_tasks), attempt.number, attempt.result))
    assert moves == [(30, 1, None), (35, 1, 503), (35.1, 2, None), (40.1, 2, 200)]


def test_a_late_task_goes_out_now(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A step never moves the clock back: an overdue task is dispatched at the current instant."""
    cloud_tasks.route(MAILER)
    client = tasks_v2.CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("one")
    cloud_tasks.advance(minutes=1)
    client.resume_queue(name=cloud_tasks.queue_path("receipts"))
    attempt = cloud_tasks.step()
    assert attempt is not None
    assert (attempt.schedule_time, attempt.dispatch_time) == (START, START + timedelta(minutes=1))


# --- dispatch_due ------------------------------------------------------------------------------------------------


def test_dispatch_due_moves_no_clock(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What is due goes out, what its handler enqueues meanwhile, too; the rest and all retries wait."""

    def handler(request: TargetRequest) -> int:
        if request.headers["X-CloudTasks-TaskName"] == "one":
            enqueue("three", schedule_time=START)
            enqueue("four", schedule_time=START + timedelta(seconds=1))
            return 200
        return 503

    route = cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    enqueue("two", schedule_time=START + timedelta(microseconds=1))
    summary = cloud_tasks.dispatch_due()

    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["one", "three"]
    assert (summary.attempts, summary.succeeded, summary.failed, summary.blocked) == (2, 1, 1, ())
    assert seconds(cloud_tasks) == 0
    assert cloud_tasks.dispatch_due().attempts == 0


def test_dispatch_due_of_one_queue(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Tasks of other queues are not dispatched, and the summary says why."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    enqueue("two", queue="reports")

    summary = cloud_tasks.dispatch_due(queue="receipts")
    assert (summary.attempts, [(one.task.id, one.reason) for one in summary.blocked]) == (
        1,
        [("two", BlockedReason.NOT_ASKED)],
    )
    assert cloud_tasks.dispatch_due(cloud_tasks.queue_path("reports")).succeeded == 1


# --- advance -----------------------------------------------------------------------------------------------------


def test_advance_visits_every_event_on_its_way(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Handlers see the instants of their own dispatches, those of new events among them, and it ends where asked."""
    seen = []

    def handler(request: TargetRequest) -> int:
        seen.append((request.headers["X-CloudTasks-TaskName"], datetime.now(timezone.utc) - START))
        if len(seen) == 1:
            enqueue("new", schedule_time=START + timedelta(minutes=2))
        return 200

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("three", schedule_time=START + timedelta(minutes=3))
    enqueue("one", schedule_time=START + timedelta(minutes=1))
    enqueue("ten", schedule_time=START + timedelta(minutes=10))
    summary = cloud_tasks.advance(minutes=3)

    assert seen == [("one", timedelta(minutes=1)), ("new", timedelta(minutes=2)), ("three", timedelta(minutes=3))]
    assert (summary.attempts, summary.succeeded, cloud_tasks.clock.elapsed) == (3, 3, timedelta(minutes=3))
    assert datetime.now(timezone.utc) == START + timedelta(minutes=3)


@pytest.mark.parametrize(
    ("args", "named", "elapsed"),
    [
        ((timedelta(hours=2),), {}, timedelta(hours=2)),
        ((), {"days": 1, "hours": 2, "minutes": 3}, timedelta(days=1, hours=2, minutes=3)),
        ((), {"seconds": 0.5, "milliseconds": 250}, timedelta(milliseconds=750)),
        (("2h",), {}, timedelta(hours=2)),
        ((timedelta(0),), {}, timedelta(0)),
    ],
)
def test_advance_by(cloud_tasks: FakeCloudTasks, args: tuple[Any], named: dict[str, float], elapsed: timedelta) -> None:
    """A timedelta, a text, or keywords that add up."""
    cloud_tasks.advance(*args, **named)
    assert cloud_tasks.clock.elapsed == elapsed


def test_advance_to_an_instant_of_any_zone(cloud_tasks: FakeCloudTasks) -> None:
    """advance(to=…) takes an aware datetime, the present one included."""
    cloud_tasks.advance(to=START)
    assert seconds(cloud_tasks) == 0
    cloud_tasks.advance(to=datetime(2030, 1, 1, 10, tzinfo=timezone(timedelta(hours=9))))
    assert seconds(cloud_tasks) == 3600


def test_advance_rejects_wrong_and_past_times(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Backwards, naive or without a unit: each is rejected in words, and nothing moves."""
    cloud_tasks.route(MAILER)
    enqueue("one", schedule_time=START + timedelta(seconds=30))
    cloud_tasks.advance(seconds=10)

    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(seconds=-1)) == (
        "advance() takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86399)."
    )
    assert refused(cloud_tasks, TypeError, lambda: cloud_tasks.advance(30)) == (  # type: ignore[arg-type]
        "advance() takes a duration such as timedelta(seconds=30) or '30s', but got 30."
    )
    assert refused(cloud_tasks, TypeError, lambda: cloud_tasks.advance(timedelta(1), hours=1)) == (
        "advance() takes one of a duration, keywords such as hours=2, and to=instant, but got more than one of them."
    )
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(to=START)) == (
        "Time can't go backwards: it is 2030-01-01T00:00:10+00:00, but advance() got 2030-01-01T00:00:00+00:00. Advance"
        " to a later instant."
    )
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(to=datetime(2031, 1, 1))) == (
        "advance(to=…) takes an aware datetime, but datetime.datetime(2031, 1, 1, 0, 0) is naive. Give it a tzinfo,"
        " such as datetime.datetime(2031, 1, 1, 0, 0).replace(tzinfo=timezone.utc)."
    )
    assert refused(cloud_tasks, TypeError, lambda: cloud_tasks.advance(to=60)) == (  # type: ignore[arg-type]
        "advance(to=…) takes an aware datetime, but got 60. Pass a datetime with a tzinfo, such as"
        " datetime(2030, 1, 1, tzinfo=timezone.utc)."
    )


# --- drain -------------------------------------------------------------------------------------------------------


def test_drain_jumps_until_nothing_is_to_come(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The clock stops at the last event."""
    cloud_tasks.create_queue("slow", retry_config={"min_backoff": "10s", "max_doublings": 3})
    cloud_tasks.route(MAILER).returns(503, 503, 200)
    enqueue("one", queue="slow")
    summary = cloud_tasks.drain()

    assert (summary.attempts, summary.succeeded, summary.failed, summary.exhausted) == (3, 1, 2, 0)
    assert seconds(cloud_tasks) == 30
    assert cloud_tasks.drain().attempts == 0
    assert seconds(cloud_tasks) == 30


def test_the_clock_ends_with_the_year_9999(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Where datetimes end, so does time: the method is rejected, and the clock stays in the last instant it reached."""
    cloud_tasks.advance(to=datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone.utc))
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(seconds=1)) == (
        "The clock can't go beyond the year 9999, where Python's datetime ends. Advance by less, or give drain() an"
        " instant in until=…."
    )
    cloud_tasks.route(MAILER)
    enqueue("one")
    assert cloud_tasks.drain().succeeded == 1


@pytest.mark.parametrize("limit", [0, -1, "5", 2.5, True, None])
def test_a_limit_is_a_number(cloud_tasks: FakeCloudTasks, limit: Any) -> None:
    """Anything but a whole number of 1 or more is rejected in words."""
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.drain(limit=limit)) == (
        f"drain(limit=…) takes a number of attempts of 1 or more, but got {limit!r}."
    )


@pytest.mark.parametrize("limit", [0, -1, "5", 2.5, True, None])
def test_a_limit_of_advance_is_a_number(cloud_tasks: FakeCloudTasks, limit: Any) -> None:
    """It is that of drain, in each form."""
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(hours=1, limit=limit)) == (
        f"advance(limit=…) takes a number of attempts of 1 or more, but got {limit!r}."
    )
    at = START + timedelta(hours=1)
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.advance(to=at, limit=limit)) == (
        f"advance(limit=…) takes a number of attempts of 1 or more, but got {limit!r}."
    )


@pytest.mark.parametrize("length", [{"by": timedelta(days=1)}, {"to": START + timedelta(days=1)}], ids=["by", "to"])
@pytest.mark.parametrize("is_awaited", [False, True])
def test_advance_has_a_limit(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, length: dict[str, Any], is_awaited: bool
) -> None:
    """What is retried for ever is stopped where it is, in one sentence."""
    cloud_tasks.create_queue("endless", retry_config={"max_attempts": -1, "min_backoff": "1s", "max_backoff": "1s"})
    cloud_tasks.route(MAILER).returns(500)
    enqueue("one", queue="endless")

    async def awaited() -> None:
        await cloud_tasks.aio.advance(**length, limit=3)

    with pytest.raises(DrainLimitReached) as caught:
        if is_awaited:
            asyncio.run(awaited())
        else:
            cloud_tasks.advance(**length, limit=3)

    assert str(caught.value) == (
        "advance() stopped after 3 attempts, its limit. Next would be attempt 4 of endless/one. Limit the queue's"
        " retries (max_attempts, max_retry_duration), stop the handler from enqueueing for ever, or advance by less or"
        " with a higher limit=…."
    )
    assert seconds(cloud_tasks) == 2


def test_advance_makes_10_000_attempts_by_itself(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """That is the limit where none is given, as of drain."""
    cloud_tasks.create_queue("endless", retry_config={"max_attempts": -1, "min_backoff": "1s", "max_backoff": "1s"})
    cloud_tasks.route(MAILER).returns(500)
    enqueue("one", queue="endless")
    with pytest.raises(DrainLimitReached):
        cloud_tasks.advance(days=1)
    assert seconds(cloud_tasks) == 9_999


@pytest.mark.parametrize("until", [timedelta(seconds=15), START + timedelta(seconds=15)])
def test_drain_until(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, until: Any) -> None:
    """With more to come the clock stops at ``until``, which is included; with nothing to come, at the last event."""
    cloud_tasks.route(MAILER)
    enqueue("one", schedule_time=START + timedelta(seconds=10))
    assert cloud_tasks.drain(until=until).succeeded == 1
    assert seconds(cloud_tasks) == 10

    enqueue("two", schedule_time=START + timedelta(seconds=15))
    enqueue("three", schedule_time=START + timedelta(seconds=15, microseconds=1))
    if isinstance(until, timedelta):
        until = timedelta(seconds=5)
    assert cloud_tasks.drain(until=until).succeeded == 1
    assert seconds(cloud_tasks) == 15


def test_drain_of_one_queue(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Other queues' tasks stay, though their time passes, and go out late by the next driving method."""
    cloud_tasks.route(MAILER)
    enqueue("one", schedule_time=START + timedelta(minutes=2))
    enqueue("two", queue="reports", schedule_time=START + timedelta(minutes=1))
    enqueue("three", queue="reports", schedule_time=START + timedelta(hours=1))
    summary = cloud_tasks.drain(queue="receipts")

    assert [(one.task.id, one.reason) for one in summary.blocked] == [("two", BlockedReason.NOT_ASKED)]
    assert seconds(cloud_tasks) == 120
    assert cloud_tasks.dispatch_due().attempts == 1
    assert cloud_tasks.attempts()[-1].dispatch_time == START + timedelta(minutes=2)


def test_draining_does_not_jump_for_a_paused_queue(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The expiry of a task that can't be dispatched is no step; once time has passed it, the task is removed."""
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("one")
    summary = cloud_tasks.drain()
    assert (seconds(cloud_tasks), summary.attempts) == (0, 0)
    assert [(one.task.id, one.reason) for one in summary.blocked] == [("one", BlockedReason.PAUSED)]

    assert cloud_tasks.advance(days=31).expired == 1
    assert cloud_tasks.assert_enqueued().state is TaskState.EXPIRED


def test_a_retry_after_the_tasks_expiry_never_comes(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task whose backoff is longer than its retention of 31 days is removed before: nothing is sent or waited for."""
    cloud_tasks.create_queue("patient", retry_config={"min_backoff": "2000000s", "max_backoff": "2000000s"})
    route = cloud_tasks.route(MAILER).returns(500)
    enqueue("one", queue="patient")
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.failed, summary.expired, len(route.calls)) == (2, 2, 0, 2)
    assert cloud_tasks.clock.elapsed == timedelta(seconds=2_000_000)
    summary = cloud_tasks.advance(days=31)
    assert (summary.attempts, summary.expired, len(route.calls)) == (0, 1, 2)
    assert cloud_tasks.assert_enqueued().state is TaskState.EXPIRED


def test_an_endless_retry_reaches_the_limit(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The limit counts attempts, and the error names the task that goes on and on."""
    cloud_tasks.create_queue("endless", retry_config={"max_attempts": -1})
    cloud_tasks.route(MAILER).returns(500)
    enqueue("one", queue="endless")
    with pytest.raises(DrainLimitReached) as caught:
        cloud_tasks.drain(limit=3)

    assert str(caught.value) == (
        "drain() stopped after 3 attempts, its limit. Next would be attempt 4 of endless/one. Limit the queue's retries"
        " (max_attempts, max_retry_duration), stop the handler from enqueueing for ever, or drain with a higher limit=…"
        " or with until=…."
    )
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 500, 500])
    assert seconds(cloud_tasks) == 0.3


def test_an_endless_chain_reaches_the_limit(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler that enqueues the next task for ever is stopped, too; one attempt is one attempt."""
    cloud_tasks.route(MAILER, handler=lambda request: enqueue(f"t{len(cloud_tasks.rpcs)}") and None)
    enqueue("first")
    with pytest.raises(DrainLimitReached) as caught:
        cloud_tasks.drain(limit=1)
    assert str(caught.value).startswith(
        "drain() stopped after 1 attempt, its limit. Next would be attempt 1 of receipts/t1."
    )


def test_a_limit_that_is_just_enough(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Answers are no attempts, and the last allowed attempt is no error."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=1))
    enqueue("one")
    enqueue("two")
    assert cloud_tasks.drain(limit=2).succeeded == 2


def test_drain_rejects_wrong_and_past_times(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Backwards, naive or without a unit: each is rejected in words, and nothing moves."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.drain(START - timedelta(seconds=1))) == (
        "Time can't go backwards: it is 2030-01-01T00:00:00+00:00, but drain() got until=2029-12-31T23:59:59+00:00."
        " Drain until a later instant."
    )
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.drain(datetime(2031, 1, 1))) == (
        "drain(until=…) takes an aware datetime, but datetime.datetime(2031, 1, 1, 0, 0) is naive. Give it a tzinfo,"
        " such as datetime.datetime(2031, 1, 1, 0, 0).replace(tzinfo=timezone.utc)."
    )
    assert refused(cloud_tasks, TypeError, lambda: cloud_tasks.drain(60)) == (  # type: ignore[arg-type]
        "drain(until=…) takes an aware datetime, or a duration such as timedelta(seconds=30) or '30s', but got 60."
    )


# --- queues that are not there -----------------------------------------------------------------------------------


def test_an_unknown_queue_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A misspelt queue would drive nothing: the error names the nearest one and those that there are."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    for call in (
        cloud_tasks.dispatch_due,
        lambda queue: cloud_tasks.drain(queue=queue),
        lambda queue: cloud_tasks.tasks(queue=queue),
    ):
        assert refused(cloud_tasks, LookupError, lambda call=call: call("receits")) == (
            "There is no queue 'receits'. Did you mean 'receipts'? The queues of this test are receipts and reports."
            " Create it with cloud_tasks.create_queue('receits'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or"
            " in the ini option cloud_tasks_queues."
        )


def test_a_deleted_queue_drives_nothing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A queue that was deleted is known, but can't be driven; other queues are not driven in its stead."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    tasks_v2.CloudTasksClient().delete_queue(name=cloud_tasks.queue_path("reports"))
    for call in (cloud_tasks.dispatch_due, lambda queue: cloud_tasks.drain(queue=queue)):
        assert refused(cloud_tasks, LookupError, lambda call=call: call("reports")) == (
            "The queue 'reports' was deleted in this test, so none of its tasks can be dispatched. Drive another queue,"
            " or leave out queue=… to drive all queues."
        )
    assert cloud_tasks.tasks(queue="reports") == []


# --- dispatch ----------------------------------------------------------------------------------------------------


def test_dispatch_delivers_one_task_now(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It goes out before its schedule time, which stays, and from a paused queue; other tasks and the clock stay."""
    route = cloud_tasks.route(MAILER)
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("other")
    name = enqueue("one", schedule_time=START + timedelta(hours=1))

    attempt = cloud_tasks.dispatch(cloud_tasks.assert_enqueued(name="one"))
    assert (attempt.task.name, attempt.result, len(route.calls)) == (name, 200, 1)
    assert (attempt.schedule_time, seconds(cloud_tasks)) == (START + timedelta(hours=1), 0)
    assert [task.id for task in cloud_tasks.tasks()] == ["other"]


def test_dispatch_by_name_and_past_the_limits(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A full name will do, and a queue at its limits lets it through."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 1})
    cloud_tasks.route(MAILER).takes(timedelta(minutes=1))
    enqueue("one", queue="narrow")
    two = enqueue("two", queue="narrow")
    assert cloud_tasks.dispatch_due().attempts == 1
    assert cloud_tasks.dispatch(two).result is None
    assert cloud_tasks.dispatch(two).number == 2
    assert cloud_tasks.drain().succeeded == 2


def test_dispatch_rejects_what_the_service_does_not_have(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A finished task and a name that never was are rejected in words."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.dispatch(task)) == (
        "The task receipts/one can't be dispatched: the service no longer has it, because it succeeded."
    )
    assert refused(cloud_tasks, LookupError, lambda: cloud_tasks.dispatch("on")) == (
        "This test has no task named 'on'. Did you mean 'one'? Pass a task's ID or full name, or the TaskRecord that"
        " assert_enqueued() returns."
    )


class LockAfterAnotherThread:
    """A lock that lets another thread go first, which is done here in the same thread: ``change`` runs before it."""

    def __init__(self, lock: Any, is_wanted: Callable[[], bool], change: Callable[[], object]) -> None:
        self._lock = lock
        self._is_wanted = is_wanted
        self._change: Callable[[], object] | None = change

    def __enter__(self) -> None:
        if self._is_wanted() and self._change is not None:
            change, self._change = self._change, None
            change()
        self._lock.__enter__()

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(*error)


def test_dispatch_of_a_task_that_another_thread_deletes_meanwhile(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task is checked under the lock under which its attempt begins, so the deletion comes before both."""
    cloud_tasks.route(MAILER)
    name = enqueue("one")
    client = tasks_v2.CloudTasksClient()
    simulation: Any = router.backends[-1]
    lock = LockAfterAnotherThread(
        simulation.lock, lambda: simulation.activities.method == "dispatch", lambda: client.delete_task(name=name)
    )
    monkeypatch.setattr(simulation, "lock", lock)

    with pytest.raises(ValueError) as caught:
        cloud_tasks.dispatch("one")
    assert str(caught.value) == (
        "The task receipts/one can't be dispatched: the service no longer has it, because it was deleted."
    )
    assert cloud_tasks.attempts() == []


def test_dispatch_rejects_what_names_no_task_of_this_fake(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Another fake's record and what is no task are rejected in words, and nothing begins in either fake."""
    cloud_tasks.route(MAILER)
    with FakeCloudTasks(queues=["receipts"]) as other:
        enqueue("two")
        theirs = other.assert_enqueued()
        assert refused(cloud_tasks, ValueError, lambda: cloud_tasks.dispatch(theirs)) == (
            "dispatch() got the task receipts/two of another fake. Call dispatch() of that fake, within its test."
        )
        assert theirs.attempts == []
    wrong: Any = 42
    assert refused(cloud_tasks, TypeError, lambda: cloud_tasks.dispatch(wrong)) == (
        "dispatch() takes a TaskRecord, a Task message, or a task's ID or full name, but got 42."
    )


def test_a_queue_is_given_by_its_name(cloud_tasks: FakeCloudTasks) -> None:
    """Google's message, which create_queue() returns, is rejected in words wherever a queue's name is due."""
    message: Any = cloud_tasks.create_queue("narrow")
    for call in (cloud_tasks.create_queue, cloud_tasks.queue, cloud_tasks.dispatch_due):
        assert refused(cloud_tasks, TypeError, lambda call=call: call(message)) == (
            "A queue is given by its ID, such as 'receipts', or its full name, but got an object of the class Queue."
            " For a Queue message, pass queue.name."
        )


# --- targets that take their time --------------------------------------------------------------------------------


def test_an_answer_that_takes_time_holds_its_slot(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With one slot, tasks go one after the other; the summary says that the second waits for it."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 1})
    cloud_tasks.route(MAILER).takes(timedelta(seconds=10))
    enqueue("one", queue="narrow")
    enqueue("two", queue="narrow")

    summary = cloud_tasks.dispatch_due()
    assert [(one.task.id, one.reason) for one in summary.blocked] == [("two", BlockedReason.CONCURRENCY)]
    assert (summary.attempts, summary.succeeded) == (1, 0)
    cloud_tasks.drain()
    assert [attempt.dispatch_time - START for attempt in cloud_tasks.attempts()] == [
        timedelta(0),
        timedelta(seconds=10),
    ]
    assert seconds(cloud_tasks) == 20


def test_a_request_can_take_its_own_time(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """request.takes wins over the route's own duration, and is for this request alone."""

    def handler(request: TargetRequest) -> int:
        if request.attempt_number == 1:
            request.takes(timedelta(seconds=7))
            return 503
        return 200

    cloud_tasks.route(MAILER, handler=handler).takes(timedelta(seconds=2))
    enqueue("one")
    cloud_tasks.drain()
    first, second = cloud_tasks.attempts()
    assert first.response_time == START + timedelta(seconds=7)
    assert second.response_time == second.dispatch_time + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("takes", "result"), [(timedelta(seconds=15), 200), (timedelta(seconds=15, microseconds=1), "DEADLINE_EXCEEDED")]
)
def test_an_answer_past_the_deadline_does_not_count(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, takes: timedelta, result: object
) -> None:
    """An answer at the deadline itself counts; a later one ends the attempt at the deadline."""
    cloud_tasks.route(MAILER).takes(takes)
    enqueue("one", dispatch_deadline=timedelta(seconds=15))
    cloud_tasks.step()
    attempt = cloud_tasks.step()
    assert attempt is not None
    assert (attempt.result, attempt.response_time) == (result, START + timedelta(seconds=15))


def test_a_scripted_timeout_ends_at_the_deadline(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """raises(TimeoutError) takes as long as the service waits."""
    cloud_tasks.route(MAILER).raises(TimeoutError).returns(200)
    enqueue("one", dispatch_deadline=timedelta(minutes=30))
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), ["DEADLINE_EXCEEDED", 200])
    assert seconds(cloud_tasks) == 1800.1


# --- handlers that fail ------------------------------------------------------------------------------------------


def failing(request: TargetRequest) -> None:
    raise ZeroDivisionError("no such order")


def test_a_handlers_exception_comes_out_of_the_driving_method(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The exception itself is raised, after the attempt was recorded as a 500 that is retried."""
    cloud_tasks.route(MAILER, handler=failing)
    enqueue("one")
    with pytest.raises(ZeroDivisionError, match="no such order") as caught:
        cloud_tasks.drain()

    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500])
    assert task.attempts[0].exception is caught.value
    assert (task.state, task.schedule_time) == (TaskState.SCHEDULED, START + timedelta(seconds=0.1))
    assert cloud_tasks.timeline().splitlines()[-1] == "+0:00:00  receipts/one attempt 1 → 500, retry in 0.1 s"


def test_a_route_turns_exceptions_into_500s(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """on_exception="500" on the route: recorded, retried, never raised."""
    cloud_tasks.route(MAILER, handler=failing, on_exception="500")
    cloud_tasks.create_queue("twice", retry_config={"max_attempts": 2})
    enqueue("one", queue="twice")
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.failed, summary.exhausted) == (2, 2, 1)
    first, second = cloud_tasks.attempts()
    assert isinstance(first.exception, ZeroDivisionError)
    assert first.exception is not second.exception


@pytest.mark.cloud_tasks(on_exception="500")
def test_the_settings_turn_exceptions_into_500s_and_a_route_wins(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """on_exception="500" as a setting holds for all targets but one that says "raise" itself."""
    cloud_tasks.route(MAILER, handler=failing)
    cloud_tasks.route("https://strict.test/", handler=failing, on_exception="raise")
    enqueue("one")
    assert cloud_tasks.dispatch_due().failed == 1
    enqueue("two", "https://strict.test/")
    with pytest.raises(ZeroDivisionError):
        cloud_tasks.dispatch_due()


@pytest.mark.cloud_tasks(on_exception="500")
def test_pytests_own_failures_come_through(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler that calls pytest.fail() means it, whatever on_exception says; the attempt is recorded all the same."""
    cloud_tasks.route(MAILER, handler=lambda request: pytest.fail("wrong order"))
    enqueue("one")
    with pytest.raises(pytest.fail.Exception, match="wrong order"):
        cloud_tasks.dispatch_due()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])


def test_a_scripted_exception_never_fails_the_test(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What the test asked for by raises() is an outcome like any other."""
    cloud_tasks.route(MAILER).raises(ZeroDivisionError).returns(200)
    enqueue("one")
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 200])


def test_a_slow_handlers_exception_comes_at_once(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The exception comes out at the dispatch, and the attempt stays under way for as long as the route takes."""
    cloud_tasks.route(MAILER, handler=failing).takes(timedelta(seconds=3))
    enqueue("one")
    with pytest.raises(ZeroDivisionError):
        cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    assert (task.state, seconds(cloud_tasks)) == (TaskState.DISPATCHED, 0)
    cloud_tasks.step()
    cloud_tasks.assert_attempts(task, [500])


# --- tasks without a target --------------------------------------------------------------------------------------


def test_a_url_without_a_target_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The message names the URL, the nearest target and all of them; the task is where it was."""

    def mailer(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError("never called")

    cloud_tasks.route("https://mailer.test/sent", method="GET", queue="reports")
    cloud_tasks.route("https://*.test/bill")
    cloud_tasks.mount("https://app.test", mailer)
    enqueue("one", schedule_time=START + timedelta(seconds=30))
    for call in (cloud_tasks.step, cloud_tasks.drain, lambda: cloud_tasks.advance(hours=1)):
        assert refused(cloud_tasks, NoTarget, call) == (
            "The task receipts/one is due, but its URL has no target: POST https://mailer.test/send. Did you mean"
            " 'https://mailer.test/sent'?\nTargets of this test:\n  https://mailer.test/sent (GET, queue"
            " reports)\n  https://*.test/bill\n  https://app.test (mounted mailer)\nAdd one with"
            " cloud_tasks.route('https://mailer.test/send'), or mount the application that serves it with"
            " cloud_tasks.mount(base_url, app). Nothing was sent."
        )


def test_a_route_for_the_host_alone(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The message has the pattern that matches."""
    cloud_tasks.route("https://mailer.test/")
    enqueue("one")
    assert (
        "POST https://mailer.test/send. A route matches whole URLs: one for 'https://mailer.test/*' matches all below."
        "\nTargets of this test:\n  https://mailer.test/\n"
    ) in refused(cloud_tasks, NoTarget, cloud_tasks.drain)


def test_a_test_without_any_target(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """dispatch() also raises, and says that there are no targets."""
    name = enqueue("one", "/jobs")
    assert refused(cloud_tasks, NoTarget, lambda: cloud_tasks.dispatch(name)) == (
        "The task receipts/one is due, but its URL has no target: POST"
        " http://test-project.uc.r.appspot.com/jobs.\nTargets of this test: none\nAdd one with"
        " cloud_tasks.route('/jobs'), or mount the App Engine application that serves it with"
        " cloud_tasks.mount_app_engine(app). Nothing was sent."
    )


# --- verbs inside handlers ---------------------------------------------------------------------------------------

VERBS: dict[str, Callable[[FakeCloudTasks], object]] = {
    "step": lambda fake: fake.step(),
    "dispatch_due": lambda fake: fake.dispatch_due(),
    "advance": lambda fake: fake.advance(seconds=1),
    "drain": lambda fake: fake.drain(),
    "dispatch": lambda fake: fake.dispatch(fake.assert_enqueued()),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_driving_method_inside_a_handler_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str
) -> None:
    """It is raised past the application's ``except Exception``, and once more when the test ends."""

    def handler(request: TargetRequest) -> int:
        try:
            VERBS[verb](cloud_tasks)
        except Exception:
            return 200
        return 200

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    with pytest.raises(pytest.fail.Exception) as caught:
        cloud_tasks.dispatch_due()

    message = (
        f"cloud_tasks.{verb}() was called while the handler of receipts/one was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    )
    assert str(caught.value) == message
    assert cloud_tasks._active.failures.messages == [message]
    cloud_tasks._active.failures.messages.clear()
    assert (seconds(cloud_tasks), len(cloud_tasks.attempts())) == (0, 1)
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])


def test_a_handler_may_call_the_client(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It creates, lists, deletes and pauses as it likes, and what follows is driven by the driving method that runs."""
    client = tasks_v2.CloudTasksClient()
    receipts = cloud_tasks.queue_path("receipts")

    def handler(request: TargetRequest) -> None:
        if request.headers["X-CloudTasks-TaskName"] == "first":
            client.delete_task(name=f"{receipts}/tasks/second")
            enqueue("third")
            assert [task.name for task in client.list_tasks(parent=receipts)] == [
                f"{receipts}/tasks/first",
                f"{receipts}/tasks/third",
            ]
            client.pause_queue(name=receipts)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("first")
    enqueue("second")
    summary = cloud_tasks.drain()
    assert (summary.attempts, [(one.task.id, one.reason) for one in summary.blocked]) == (
        1,
        [("third", BlockedReason.PAUSED)],
    )


# --- RunTask -----------------------------------------------------------------------------------------------------


def test_run_task_in_a_paused_queue(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """RunTask is delivered by the next driving method, before all else, without asking the queue."""
    route = cloud_tasks.route(MAILER)
    client = tasks_v2.CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    name = enqueue("one", schedule_time=START + timedelta(hours=1))
    enqueue("two", queue="reports")

    answer = client.run_task(name=name)
    assert (answer.dispatch_count, len(route.calls)) == (1, 0)
    assert cloud_tasks.dispatch_due().attempts == 2
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["one", "two"]
    assert cloud_tasks.assert_dispatched(name="one").state is TaskState.SUCCEEDED
    assert seconds(cloud_tasks) == 0


def test_run_task_at_the_queues_limits(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Neither concurrency nor rate keeps it, and it takes no token from those who wait."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 1, "max_dispatches_per_second": 500})
    cloud_tasks.route(MAILER).takes(timedelta(seconds=10))
    client = tasks_v2.CloudTasksClient()
    enqueue("one", queue="narrow")
    two = enqueue("two", queue="narrow")
    cloud_tasks.dispatch_due()
    client.run_task(name=two)
    cloud_tasks.dispatch_due()
    assert [task.state for task in cloud_tasks.tasks(queue="narrow")] == [TaskState.DISPATCHED, TaskState.DISPATCHED]


def test_run_task_during_an_attempt(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Two attempts of one task can run at the same time: the one that succeeds ends it, and the other's outcome is
    dropped.
    """

    def handler(request: TargetRequest) -> int:
        request.takes(timedelta(seconds=10 if request.attempt_number == 1 else 2))
        return 503 if request.attempt_number == 1 else 200

    cloud_tasks.route(MAILER, handler=handler)
    name = enqueue("one")
    cloud_tasks.dispatch_due()
    tasks_v2.CloudTasksClient().run_task(name=name)
    cloud_tasks.drain()

    task = cloud_tasks.assert_enqueued()
    assert task.state is TaskState.SUCCEEDED
    cloud_tasks.assert_attempts(task, [503, 200])
    assert cloud_tasks.timeline().splitlines()[2:] == [
        "+0:00:00  receipts/one created: POST https://mailer.test/send",
        "+0:00:00  receipts/one attempt 1 dispatched",
        "+0:00:00  receipts/one attempt 2 (forced) dispatched",
        "+0:00:02  receipts/one attempt 2 (forced) → 200 after 2 s",
        "+0:00:10  receipts/one attempt 1 → 503 after 10 s, dropped: the task had succeeded",
    ]


def test_two_failures_in_flight_are_retried_once(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """While another attempt is under way a failure decides nothing; the last one to end does."""

    def handler(request: TargetRequest) -> int:
        request.takes(timedelta(seconds=10 * request.attempt_number))
        return 503 if request.attempt_number < 3 else 200

    cloud_tasks.route(MAILER, handler=handler)
    name = enqueue("one")
    cloud_tasks.dispatch_due()
    tasks_v2.CloudTasksClient().run_task(name=name)
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.failed, summary.succeeded) == (2, 2, 1)
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [503, 503, 200])
    assert cloud_tasks.timeline().splitlines()[5:7] == [
        "+0:00:10      receipts/one attempt 1 → 503 after 10 s",
        "+0:00:20      receipts/one attempt 2 (forced) → 503 after 20 s, retry in 0.2 s",
    ]


def test_deleting_a_task_under_way(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its attempt goes on, and the outcome is dropped: no retry, and the client finds no task."""
    cloud_tasks.route(MAILER).returns(503).takes(timedelta(seconds=5))
    client = tasks_v2.CloudTasksClient()
    name = enqueue("one")
    cloud_tasks.dispatch_due()
    client.delete_task(name=name)
    with pytest.raises(NotFound):
        client.get_task(name=name)

    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.failed, summary.succeeded, seconds(cloud_tasks)) == (0, 0, 0, 5)
    assert cloud_tasks.assert_enqueued().state is TaskState.DELETED
    assert cloud_tasks.timeline().splitlines()[-1] == (
        "+0:00:05  receipts/one attempt 1 → 503 after 5 s, dropped: the task was deleted"
    )


def test_deleting_a_queue_with_a_task_under_way(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The queue's end does not keep an answer from coming in."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("one")
    cloud_tasks.dispatch_due()
    tasks_v2.CloudTasksClient().delete_queue(name=cloud_tasks.queue_path("receipts"))
    assert cloud_tasks.drain().attempts == 0
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [200])
    cloud_tasks.assert_empty()


@pytest.mark.parametrize(
    ("limit", "only"),
    [
        ({"method": "PUT"}, "method PUT"),
        ({"queue": "another"}, "queue another"),
        ({"name": "two", "method": "get"}, "method GET and task two"),
    ],
)
def test_a_route_that_is_for_others_is_reported(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, limit: dict[str, str], only: str
) -> None:
    """Its URL is right, so that it would be no help to propose that."""
    cloud_tasks.route(MAILER, **limit)  # type: ignore[arg-type]
    enqueue("one")
    with pytest.raises(NoTarget) as missing:
        cloud_tasks.drain()
    assert f" A route matches https://mailer.test/send, but only for {only}.\n" in str(missing.value)


def test_a_route_for_a_path_is_reported(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It is for App Engine tasks."""
    cloud_tasks.route("/send")
    enqueue("one")
    with pytest.raises(NoTarget) as missing:
        cloud_tasks.drain()
    assert " A route for '/send' answers App Engine tasks only; pass the whole URL to route().\n" in str(missing.value)


def test_a_route_whose_script_has_ended_is_reported(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It passes on what comes after its script, and there is nothing behind it."""
    cloud_tasks.route(MAILER).then_pass_through()
    enqueue("one")
    with pytest.raises(NoTarget) as missing:
        cloud_tasks.drain()
    assert " The script of a route for that URL has ended with then_pass_through().\n" in str(missing.value)
