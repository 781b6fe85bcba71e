"""Planned faults: what each does, how often, to which tasks, what it leaves on the timeline, and what is rejected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2, tasks_v2beta2

from pytest_cloudtasks import BlockedReason, CloudTasksWarning, FakeCloudTasks, FaultPlan, TargetRequest
from pytest_cloudtasks._service.validation import RPCS
from pytest_cloudtasks._units import LATEST

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def dispatched(cloud_tasks: FakeCloudTasks) -> list[tuple[str, float]]:
    """Each attempt's task, and its seconds since the start."""
    return [(one.task.id, (one.dispatch_time - START).total_seconds()) for one in cloud_tasks.attempts()]


def story(cloud_tasks: FakeCloudTasks) -> list[str]:
    """The timeline without the creation of the queues."""
    return cloud_tasks.timeline().splitlines()[2:]


def received(requests: list[TargetRequest]) -> list[tuple[str, str]]:
    """Task and retry count of each request."""
    return [(one.headers["X-CloudTasks-TaskName"], one.headers["X-CloudTasks-TaskRetryCount"]) for one in requests]


# --- how often ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("occasions", "fails"),
    [
        ({}, [0]),
        ({"times": 2}, [0, 1]),
        ({"times": None}, [0, 1, 2, 3, 4]),
        ({"after": 2}, [2]),
        ({"after": 1, "times": 2}, [1, 2]),
        ({"rate": 1.0}, [0, 1, 2, 3, 4]),
        ({"rate": 1.0, "times": 2, "after": 2}, [2, 3]),
        ({"rate": 0.0}, []),
        ({"rate": 0.5}, [1, 2, 4]),
        ({"rate": 0.5, "times": 1}, [1]),
    ],
)
def test_occasions(enqueue: Enqueue, occasions: dict[str, Any], fails: list[int]) -> None:
    """Once, a number of times or every time; from the first matching call on or later; surely or at a rate."""
    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        plan = cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", **occasions)
        failed = []
        for number in range(5):
            try:
                enqueue()
            except exceptions.ServiceUnavailable:
                failed.append(number)

    assert failed == fails
    assert plan.hits == len(fails)


def test_plans_are_asked_in_their_order(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A call that one plan takes is not seen by the later ones, so that plans make a script."""
    cloud_tasks.fail_rpc("create_task", exceptions.ServiceUnavailable)
    cloud_tasks.fail_rpc("create_task", exceptions.ResourceExhausted, after=1)

    with pytest.raises(exceptions.ServiceUnavailable):
        enqueue("a")
    enqueue("b")
    with pytest.raises(exceptions.ResourceExhausted):
        enqueue("c")
    enqueue("d")

    assert [task.id for task in cloud_tasks.tasks()] == ["b", "d"]


def test_only_matching_calls_count(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Calls of other methods, and those that the predicate does not want, pass and are not counted."""
    plan = cloud_tasks.fail_rpc("create_task", "ABORTED", after=1, when=lambda request: "reports" in request.parent)

    enqueue("a")
    tasks_v2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("reports"))
    enqueue("b", queue="reports")
    enqueue("c")
    assert plan.hits == 0
    with pytest.raises(exceptions.Aborted):
        enqueue("d", queue="reports")


def test_a_predicate_of_another_shape_says_no(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With "*" it may meet requests that lack the field it looks at; those calls pass."""
    cloud_tasks.fail_rpc("*", "ABORTED", when=lambda request: request.parent.endswith("receipts"))

    tasks_v2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("reports"))
    with pytest.raises(exceptions.Aborted):
        enqueue()


def test_a_plan_can_be_ended(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """By stop(), or with its block; what it has done stays done."""
    with cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", times=None) as plan:
        for _ in range(2):
            with pytest.raises(exceptions.ServiceUnavailable):
                enqueue("a")
    enqueue("a")
    assert (plan.hits, plan.is_over) == (2, True)

    held = cloud_tasks.delay_dispatch(timedelta(seconds=5), times=None)
    held.stop()
    enqueue("b")
    cloud_tasks.route(MAILER)
    cloud_tasks.drain()
    assert dispatched(cloud_tasks) == [("b", 0.0), ("a", 5.0)]


def test_a_delay_beyond_the_calendar_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task that waits already is not held back."""
    enqueue("a")
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.delay_dispatch(timedelta.max)
    assert str(refusal.value) == (
        "delay_dispatch() leads beyond the year 9999, where Python's datetime ends. Pass a shorter duration."
    )
    cloud_tasks.route(MAILER)
    cloud_tasks.drain()
    assert dispatched(cloud_tasks) == [("a", 0.0)]


def test_a_delay_ends_with_the_calendar(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Where the schedule time and the delay lead beyond it together."""
    end = datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone.utc)
    cloud_tasks.delay_dispatch(end - cloud_tasks.clock.now())
    enqueue("a", schedule_time=cloud_tasks.clock.now() + timedelta(hours=1))
    queue = cloud_tasks._active.service.queues[cloud_tasks.queue_path("receipts")]
    assert [task.schedule_time + task.delay for task in queue.waiting] == [LATEST]


def test_a_plan_shows_what_it_does(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its repr is the call that made it, and what came of it."""

    def is_mine(request: Any) -> bool:
        return True

    never = cloud_tasks.lose_handler_response(json={"order": 42}, rate=0.25)
    once = cloud_tasks.fail_rpc("create_task", exceptions.ServiceUnavailable)
    often = cloud_tasks.lose_rpc_response("*", times=None, after=1, when=is_mine)
    late = cloud_tasks.delay_dispatch(timedelta(seconds=5), times=3, queue="receipts")
    for error in (exceptions.ServiceUnavailable, None, exceptions.DeadlineExceeded, exceptions.DeadlineExceeded):
        with pytest.raises(error) if error else nullcontext():
            enqueue()

    assert repr(never) == "<lose_handler_response(rate=0.25, json={'order': 42}) has not happened>"
    assert repr(once) == "<fail_rpc('create_task', UNAVAILABLE) has happened 1 time and is over>"
    assert repr(often).startswith("<lose_rpc_response('*', times=None, after=1, when=a predicate, ")
    assert repr(often).endswith("is_mine) has happened 2 times>")
    assert repr(late) == (
        "<delay_dispatch(datetime.timedelta(seconds=5), times=3, queue='receipts') has happened 3 times and is over>"
    )


# --- second deliveries -------------------------------------------------------------------------------------------


def test_a_second_delivery(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The same request comes right after the first; its answer changes nothing, and both are on record."""
    route = cloud_tasks.route(MAILER).returns(200, 503)
    task_id = enqueue("one", oidc_token={"service_account_email": "robot@acme.test"}).rpartition("/")[2]
    plan = cloud_tasks.deliver_twice(queue="receipts")

    summary = cloud_tasks.drain()

    first, second = route.calls
    assert first is not second
    assert first.headers == second.headers
    assert (first.url, first.method, first.body) == (second.url, second.method, second.body)
    assert (summary.attempts, summary.succeeded, summary.failed) == (1, 1, 0)
    cloud_tasks.assert_attempts(cloud_tasks.assert_dispatched(name=task_id), [200])
    assert cloud_tasks.attempts()[0].request is first
    assert plan.hits == 1
    assert story(cloud_tasks) == [
        "+0:00:00  receipts/one created: POST https://mailer.test/send",
        "+0:00:00  receipts/one attempt 1 → 200",
        "+0:00:00  receipts/one attempt 1 delivered a second time → 503",
    ]


def test_a_second_delivery_of_what_failed(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Success in the second delivery doesn't save the attempt: the task comes again, and is delivered once then."""
    route = cloud_tasks.route(MAILER).returns(500, 200)
    enqueue("one")
    cloud_tasks.deliver_twice()

    cloud_tasks.drain()

    assert received(route.calls) == [("one", "0"), ("one", "0"), ("one", "1")]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 200])


@pytest.mark.parametrize(
    ("match", "twice"),
    [
        ({}, ["a", "b"]),
        ({"name": "b"}, ["b"]),
        ({"queue": "reports"}, ["b"]),
        ({"url": re.compile("/send$")}, ["a"]),
        ({"json": {"order": 1}}, ["a"]),
        ({"headers": {"x-tenant": "acme"}}, ["b"]),
        ({"method": "PUT"}, ["b"]),
        ({"body": lambda body: not body}, ["b"]),
        ({"delay": timedelta(minutes=1)}, ["b"]),
        ({"at": START}, ["a"]),
        ({"deadline": timedelta(seconds=15), "oidc": None}, ["a"]),
    ],
)
def test_tasks_are_matched_as_by_the_assertions(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, match: dict[str, Any], twice: list[str]
) -> None:
    """Plans for deliveries take what assert_enqueued takes, and every field counts."""
    route = cloud_tasks.route("*")
    plan = cloud_tasks.deliver_twice(times=None, **match)
    enqueue("a", body=b'{"order": 1}', dispatch_deadline=timedelta(seconds=15))
    enqueue(
        "b",
        "https://worker.test/",
        queue="reports",
        http_method="PUT",
        headers={"X-Tenant": "acme"},
        schedule_time=START + timedelta(minutes=1),
    )

    cloud_tasks.drain()

    names = [name for name, _ in received(route.calls)]
    assert sorted(names) == sorted(["a", "b", *twice])
    assert plan.hits == len(twice)


def test_an_exception_in_the_second_delivery_fails_the_test(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A worker that breaks when its work is done already is what the plan is to find."""
    done = set()

    def handler(request: TargetRequest) -> None:
        if request.headers["X-CloudTasks-TaskName"] in done:
            raise KeyError("done before")
        done.add(request.headers["X-CloudTasks-TaskName"])

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.deliver_twice()

    with pytest.raises(KeyError, match="done before"):
        cloud_tasks.drain()
    cloud_tasks.assert_empty()
    assert story(cloud_tasks)[-1] == "+0:00:00  receipts/one attempt 1 delivered a second time → 500"


@pytest.mark.cloud_tasks(on_exception="500")
def test_an_exception_in_the_second_delivery_may_be_an_answer(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With on_exception="500" it is an answer as any, and changes nothing."""
    route = cloud_tasks.route(MAILER, handler=mock.Mock(side_effect=[None, KeyError]))
    enqueue("one")
    cloud_tasks.deliver_twice()

    cloud_tasks.drain()

    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [200])
    assert len(route.calls) == 2


def test_a_second_delivery_comes_before_a_slow_answer(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It does not wait for the first answer to be in, and takes none of the queue's time."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("one")
    cloud_tasks.deliver_twice()

    cloud_tasks.drain()

    assert story(cloud_tasks)[1:] == [
        "+0:00:00  receipts/one attempt 1 dispatched",
        "+0:00:00  receipts/one attempt 1 delivered a second time → 200",
        "+0:00:05  receipts/one attempt 1 → 200 after 5 s",
    ]


def test_a_second_delivery_goes_to_the_current_target(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A route whose script is over lets it through to the next, as it would any request."""
    below = cloud_tasks.route("https://mailer.test/*")
    first = cloud_tasks.route(MAILER).returns(200).then_pass_through()
    enqueue("one")
    cloud_tasks.deliver_twice()

    cloud_tasks.drain()

    assert (len(first.calls), len(below.calls)) == (1, 1)


@pytest.mark.parametrize("how", ["run_task", "dispatch"])
def test_forced_deliveries_can_be_doubled_too(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, how: str) -> None:
    """Plans count for RunTask and for dispatch() as for the queue's own dispatches."""
    route = cloud_tasks.route(MAILER)
    name = enqueue("one", schedule_time=START + timedelta(hours=1))
    cloud_tasks.deliver_twice()

    if how == "dispatch":
        cloud_tasks.dispatch(name)
    else:
        tasks_v2.CloudTasksClient().run_task(name=name)
        cloud_tasks.dispatch_due()

    assert received(route.calls) == [("one", "0"), ("one", "0")]


# --- lost answers ------------------------------------------------------------------------------------------------


def test_a_lost_answer(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The handler has done its work, the attempt has no response, and the task comes again."""
    route = cloud_tasks.route(MAILER)
    enqueue("one")
    plan = cloud_tasks.lose_handler_response(queue="receipts")

    summary = cloud_tasks.drain()

    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, ["UNKNOWN", 200])
    assert (task.response_count, summary.failed, summary.succeeded, plan.hits) == (1, 1, 1, 1)
    assert received(route.calls) == [("one", "0"), ("one", "1")]
    assert route.calls[1].headers["X-CloudTasks-TaskPreviousResponse"] == "0"
    assert story(cloud_tasks)[1:] == [
        "+0:00:00      receipts/one attempt 1 → UNKNOWN by lose_handler_response() in place of 200, retry in 0.1 s",
        "+0:00:00.100  receipts/one attempt 2 → 200",
    ]


def test_a_slow_answer_is_lost_when_it_comes(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The connection ends at the instant of the answer, and the retry counts from there."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("one")
    cloud_tasks.lose_handler_response()

    cloud_tasks.drain()

    assert story(cloud_tasks)[2] == (
        "+0:00:05      receipts/one attempt 1 → UNKNOWN by lose_handler_response() in place of 200 after 5 s,"
        " retry in 0.1 s"
    )


def test_a_missing_answer_can_not_be_lost(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An attempt without a response, or with one after the deadline, does not use up the plan."""
    cloud_tasks.route(MAILER).raises(ConnectionError).raises(TimeoutError).returns(200)
    cloud_tasks.route("https://slow.test/", handler=lambda request: request.takes(timedelta(hours=1)), queue="reports")
    enqueue("one")
    enqueue("slow", "https://slow.test/", queue="reports")
    plan = cloud_tasks.lose_handler_response(queue="receipts")
    late = cloud_tasks.lose_handler_response(queue="reports", rate=1.0)

    cloud_tasks.drain(timedelta(minutes=25))

    cloud_tasks.assert_attempts(
        cloud_tasks.assert_enqueued(queue="receipts"), ["UNKNOWN", "DEADLINE_EXCEEDED", "UNKNOWN", 200]
    )
    assert (plan.hits, late.hits) == (1, 0)


def test_answers_that_are_lost_exhaust_the_retries(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A lost answer is a failed attempt, for max_attempts as for everything else."""
    cloud_tasks.create_queue("few", retry_config={"max_attempts": 2})
    cloud_tasks.route(MAILER)
    enqueue("one", queue="few")
    cloud_tasks.lose_handler_response(times=None)

    assert cloud_tasks.drain().exhausted == 1
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), ["UNKNOWN", "UNKNOWN"])


def test_an_exception_is_raised_although_its_answer_is_lost(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The handler's own exception fails the test, and is recorded with the attempt."""
    cloud_tasks.route(MAILER, handler=mock.Mock(side_effect=ZeroDivisionError))
    enqueue("one")
    cloud_tasks.lose_handler_response()

    with pytest.raises(ZeroDivisionError):
        cloud_tasks.drain()
    (attempt,) = cloud_tasks.attempts()
    assert (attempt.result, type(attempt.exception)) == ("UNKNOWN", ZeroDivisionError)


def test_delivered_twice_and_lost(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Faults of different kinds may happen to one delivery."""
    route = cloud_tasks.route(MAILER)
    enqueue("one")
    cloud_tasks.deliver_twice()
    cloud_tasks.lose_handler_response()

    cloud_tasks.drain()

    assert received(route.calls) == [("one", "0"), ("one", "0"), ("one", "1")]


# --- delayed dispatches ------------------------------------------------------------------------------------------


def test_a_dispatch_that_is_late(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The task goes later, its schedule time and the ETA header stay, and nothing is due meanwhile."""
    route = cloud_tasks.route(MAILER)
    plan = cloud_tasks.delay_dispatch(timedelta(seconds=5), queue="receipts")
    enqueue("late")
    enqueue("other", queue="reports")

    assert cloud_tasks.dispatch_due().attempts == 1
    assert cloud_tasks.dispatch_due().blocked == ()
    (task,) = cloud_tasks.tasks()
    assert task.schedule_time == START
    with pytest.raises(AssertionError, match=re.escape("goes at +0:00:05, in 5 s")):
        cloud_tasks.assert_empty()
    cloud_tasks.drain()

    assert dispatched(cloud_tasks) == [("other", 0.0), ("late", 5.0)]
    assert {call.headers["X-CloudTasks-TaskETA"] for call in route.calls} == {f"{START.timestamp():.0f}"}
    assert plan.hits == 1
    assert story(cloud_tasks)[:2] == [
        "+0:00:00  receipts/late created: POST https://mailer.test/send",
        "+0:00:00  receipts/late held back by 5 s",
    ]


def test_tasks_that_wait_already_are_held_back(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A new plan takes them in the order of their creation; what is overdue counts from now."""
    cloud_tasks.route(MAILER)
    client = tasks_v2.CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("overdue")
    enqueue("b", queue="reports", schedule_time=START + timedelta(seconds=30))
    enqueue("c")
    cloud_tasks.advance(seconds=20)

    plan = cloud_tasks.delay_dispatch(timedelta(seconds=5), times=2)
    client.resume_queue(name=cloud_tasks.queue_path("receipts"))
    cloud_tasks.drain()

    assert dispatched(cloud_tasks) == [("c", 20.0), ("overdue", 25.0), ("b", 35.0)]
    assert plan.hits == 2


def test_a_task_is_held_back_once(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A second plan leaves a task alone that another one holds back already, and takes its retry."""
    cloud_tasks.route(MAILER).returns(500, 200)
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    enqueue("one")
    second = cloud_tasks.delay_dispatch(timedelta(seconds=60))
    assert second.hits == 0

    cloud_tasks.drain()

    assert dispatched(cloud_tasks) == [("one", 5.0), ("one", 65.1)]


def test_a_paused_queue_holds_back_no_less(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task that is held back in a paused queue is held up by the pause, before its time has come and after it."""
    enqueue("one")
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    for summary in (cloud_tasks.dispatch_due(), cloud_tasks.advance(seconds=5)):
        assert [(held.task.name.rpartition("/")[2], held.reason) for held in summary.blocked] == [
            ("one", BlockedReason.PAUSED)
        ]
        assert summary.attempts == 0


def test_limits_come_on_top_of_a_delay(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Others pass a task that is held back, and when its time has come it waits for the queue's rate as any."""
    cloud_tasks.create_queue("slow", rate_limits={"max_dispatches_per_second": 0.1})
    cloud_tasks.route(MAILER)
    for number in range(12):
        enqueue(str(number), queue="slow")
    cloud_tasks.delay_dispatch(timedelta(seconds=5))

    cloud_tasks.drain()

    assert dispatched(cloud_tasks)[-2:] == [("11", 10.0), ("0", 20.0)]


def test_a_delayed_task_can_be_forced(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """dispatch() and RunTask ask for an attempt now, and get it."""
    cloud_tasks.route(MAILER)
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    enqueue("one")

    cloud_tasks.dispatch(cloud_tasks.assert_enqueued())

    assert dispatched(cloud_tasks) == [("one", 0.0)]
    cloud_tasks.assert_empty()


@pytest.mark.cloud_tasks(eager=True)
def test_eager_leaves_a_delayed_task_to_the_driver(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What is held back is not due when the creating call returns."""
    route = cloud_tasks.route(MAILER)
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    enqueue("one")
    assert route.calls == []

    cloud_tasks.drain()
    assert dispatched(cloud_tasks) == [("one", 5.0)]


# --- eager dispatch and asyncio ----------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(eager=True)
def test_eager_deliveries_have_their_faults(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Within the creating call the request comes twice, and its answer is lost."""
    route = cloud_tasks.route(MAILER)
    cloud_tasks.deliver_twice()
    cloud_tasks.lose_handler_response()

    enqueue("one")

    assert received(route.calls) == [("one", "0"), ("one", "0")]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), ["UNKNOWN"])


def test_async_handlers_have_them_too(cloud_tasks: FakeCloudTasks) -> None:
    """Awaited driving methods deliver twice, lose answers and hold tasks back as the others do."""
    seen = []

    async def handler(request: TargetRequest) -> None:
        seen.append((request.attempt_number, cloud_tasks.clock.elapsed.total_seconds()))

    cloud_tasks.route(MAILER, handler=handler)
    cloud_tasks.deliver_twice()
    cloud_tasks.lose_handler_response()
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    parent = cloud_tasks.queue_path("receipts")

    async def story() -> None:
        await tasks_v2.CloudTasksAsyncClient().create_task(parent=parent, task={"http_request": {"url": MAILER}})
        await cloud_tasks.aio.drain()

    asyncio.run(story())

    assert seen == [(1, 5.0), (1, 5.0), (2, 5.1)]


def test_a_second_delivery_while_the_first_sleeps(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Both run at once, each in its own time, and the first one's answer is the attempt's."""
    sleeps = iter([timedelta(seconds=3), timedelta(seconds=1)])
    ends = []

    async def handler(request: TargetRequest) -> int:
        duration = next(sleeps)
        await cloud_tasks.aio.sleep(duration)
        await cloud_tasks.aio.sleep(timedelta(seconds=1))
        ends.append(duration.total_seconds())
        return 200 + int(duration.total_seconds())

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.deliver_twice()

    asyncio.run(cloud_tasks.aio.drain())

    assert ends == [1.0, 3.0]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [203])
    assert story(cloud_tasks)[1:] == [
        "+0:00:00  receipts/one attempt 1 dispatched",
        "+0:00:00  receipts/one attempt 1 delivered a second time",
        "+0:00:02  receipts/one attempt 1 delivered a second time → 201",
        "+0:00:04  receipts/one attempt 1 → 203 after 4 s",
    ]


# --- order -------------------------------------------------------------------------------------------------------


LETTERS = "abcdefgh"


def order_of(enqueue: Enqueue, order: Any = "shuffle", **options: Any) -> tuple[str, str, str]:
    """The order of dispatches, that of a listing, and that of a listing by pages of three."""
    with FakeCloudTasks(queues=["receipts"], order=order, start=START, **options) as cloud_tasks:
        cloud_tasks.route(MAILER)
        for letter in LETTERS:
            enqueue(letter)
        parent = cloud_tasks.queue_path("receipts")
        client = tasks_v2.CloudTasksClient()
        whole = client.list_tasks(parent=parent)
        paged = client.list_tasks(request={"parent": parent, "page_size": 3})
        listed, listed_by_pages = ("".join(task.name[-1] for task in pager) for pager in (whole, paged))
        cloud_tasks.drain()
        return "".join(attempt.task.id for attempt in cloud_tasks.attempts()), listed, listed_by_pages


def test_shuffled_order(enqueue: Enqueue) -> None:
    """Tasks of one instant are dispatched in an order from the seed, listings have another, and pages agree with each
    other.
    """
    dispatches, listed, paged = order_of(enqueue)

    assert sorted(dispatches) == sorted(listed) == list(LETTERS)
    assert len({dispatches, listed, LETTERS}) == 3
    assert paged == listed
    assert order_of(enqueue) == (dispatches, listed, paged)
    assert order_of(enqueue, seed=1) != (dispatches, listed, paged)
    assert order_of(enqueue, order="fifo") == (LETTERS, LETTERS, LETTERS)


@pytest.mark.cloud_tasks(order="shuffle")
def test_pages_stay_consistent_while_tasks_come_and_go(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task that is there all the time is on exactly one page, whatever is created and deleted between pages."""
    client = tasks_v2.CloudTasksClient()
    kept = {enqueue(f"kept-{number}") for number in range(10)}
    goes = [enqueue(f"goes-{number}") for number in range(10)]
    pager = client.list_tasks(request={"parent": cloud_tasks.queue_path("receipts"), "page_size": 3})

    seen = []
    for number, page in enumerate(pager.pages):
        seen += [task.name for task in page.tasks]
        if number < 5:
            client.delete_task(name=goes[number])
            enqueue(f"new-{number}")

    assert len(set(seen)) == len(seen)
    assert kept <= set(seen)


@pytest.mark.cloud_tasks(order="shuffle")
def test_shuffling_mixes_queues_and_keeps_instants(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Queues of one instant are mixed; earlier tasks are still dispatched earlier."""
    cloud_tasks.route(MAILER)
    for number in range(6):
        enqueue(f"later-{number}", schedule_time=START + timedelta(seconds=1))
        enqueue(f"one-{number}", queue="receipts")
        enqueue(f"two-{number}", queue="reports")

    cloud_tasks.drain()

    queues = [attempt.task.queue for attempt in cloud_tasks.attempts()]
    ids = [attempt.task.id for attempt in cloud_tasks.attempts()]
    assert {one[:5] for one in ids[12:]} == {"later"}
    assert queues[:12] not in (["receipts", "reports"] * 6, ["receipts"] * 6 + ["reports"] * 6)


def test_queues_are_listed_by_name_all_the_same(enqueue: Enqueue) -> None:
    """The service promises that order, so that it is never shuffled."""
    with FakeCloudTasks(order="shuffle", queues=list("edcba")) as cloud_tasks:
        parent = cloud_tasks.queue_path("a").rpartition("/queues/")[0]
        listed = [queue.name[-1] for queue in tasks_v2.CloudTasksClient().list_queues(parent=parent)]
    assert listed == list("abcde")


def test_calls_at_a_rate_leave_deliveries_alone(enqueue: Enqueue) -> None:
    """Each question has its own random numbers: failing calls of one RPC don't change the order of dispatches."""
    quiet = order_of(enqueue)[0]
    with FakeCloudTasks(queues=["receipts"], order="shuffle", start=START) as cloud_tasks:
        cloud_tasks.fail_rpc("get_queue", "INTERNAL", rate=0.5)
        cloud_tasks.deliver_twice(rate=0.5)
        cloud_tasks.route(MAILER)
        for letter in LETTERS:
            enqueue(letter)
            try:
                tasks_v2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("receipts"))
            except exceptions.InternalServerError:
                continue
        cloud_tasks.drain()
        loud = "".join(attempt.task.id for attempt in cloud_tasks.attempts())
    assert loud == quiet


# --- plans that never happen -------------------------------------------------------------------------------------


def test_a_plan_that_never_happens_is_warned_of(enqueue: Enqueue) -> None:
    """At the end of a fake that went well, each such plan has a sentence; those at a rate may stay unused."""
    cloud_tasks = FakeCloudTasks(queues=["receipts"]).__enter__()
    cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", after=1)
    cloud_tasks.deliver_twice(queue="reciepts")
    cloud_tasks.deliver_twice(rate=0.5)
    cloud_tasks.lose_rpc_response("create_task")
    with pytest.raises(exceptions.DeadlineExceeded):
        enqueue()

    with pytest.warns(CloudTasksWarning) as caught:
        cloud_tasks.__exit__(None, None, None)

    assert [str(one.message) for one in caught] == [
        "fail_rpc('create_task', UNAVAILABLE, after=1) was planned but never happened: no call matched, or too few did."
        " Correct the plan or remove it.",
        "deliver_twice(queue='reciepts') was planned but never happened: no task matched, or too few did. Correct the"
        " plan or remove it. There is no queue 'reciepts'. Did you mean 'receipts'? The only queue of this test is"
        " receipts. Create it with cloud_tasks.create_queue('reciepts'), or list it in"
        " @pytest.mark.cloud_tasks(queues=[…]) or in the ini option cloud_tasks_queues.",
    ]


def test_a_predicate_that_raises_is_in_the_warning(enqueue: Enqueue) -> None:
    """A call for which when=… raises does not count, and the warning names the exception."""
    cloud_tasks = FakeCloudTasks(queues=["receipts"]).__enter__()
    cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", when=lambda request: {"a": 1}[request.parent])
    enqueue()

    with pytest.warns(CloudTasksWarning) as caught:
        cloud_tasks.__exit__(None, None, None)

    (text,) = [str(one.message) for one in caught]
    assert text.endswith(
        "was planned but never happened: no call matched, or too few did. Correct the plan or remove it. Its function"
        " when=… raised KeyError: 'projects/test-project/locations/us-central1/queues/receipts'"
    )


def test_a_fake_that_fails_warns_of_nothing() -> None:
    """Where the block fails, its plans are no matter."""
    with pytest.raises(ZeroDivisionError), FakeCloudTasks() as cloud_tasks:
        cloud_tasks.deliver_twice()
        raise ZeroDivisionError


# --- what is refused ---------------------------------------------------------------------------------------------

CODES = (
    "CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,"
    " RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS"
    " or UNAUTHENTICATED"
)
Call = Callable[[FakeCloudTasks], FaultPlan]
REFUSED: list[tuple[str, Call, type[Exception], str]] = [
    (
        "a misspelt code",
        lambda fake: fake.fail_rpc("create_task", "UNAVAILABEL"),
        ValueError,
        f"fail_rpc() does not accept the code 'UNAVAILABEL'. Did you mean 'UNAVAILABLE'? The codes are {CODES}.",
    ),
    (
        "an exception without a code",
        lambda fake: fake.fail_rpc("create_task", exceptions.BadGateway),
        TypeError,
        "fail_rpc() takes an exception of google.api_core.exceptions that stands for a gRPC code, such as"
        " ServiceUnavailable, or a code, such as 'UNAVAILABLE', but got <class"
        f" 'google.api_core.exceptions.BadGateway'>. The codes are {CODES}.",
    ),
    (
        "an HTTP status",
        lambda fake: fake.fail_rpc("create_task", 503),  # type: ignore[arg-type]
        TypeError,
        "fail_rpc() takes an exception of google.api_core.exceptions that stands for a gRPC code, such as"
        f" ServiceUnavailable, or a code, such as 'UNAVAILABLE', but got 503. The codes are {CODES}.",
    ),
    (
        "a predicate that is none",
        lambda fake: fake.lose_rpc_response("create_task", when="receipts"),  # type: ignore[arg-type]
        TypeError,
        "lose_rpc_response(when=…) takes a function of the request message, but got 'receipts'. Pass one, such as"
        " lambda request: request.parent.endswith('/receipts').",
    ),
    (
        "no times at all",
        lambda fake: fake.deliver_twice(times=0),
        ValueError,
        "deliver_twice(times=…) takes a number of 1 or more, or None for every time, but got 0.",
    ),
    (
        "times as a flag",
        lambda fake: fake.lose_handler_response(times=True),
        ValueError,
        "lose_handler_response(times=…) takes a number of 1 or more, or None for every time, but got True.",
    ),
    (
        "a negative number to pass",
        lambda fake: fake.lose_handler_response(after=-1),
        ValueError,
        "lose_handler_response(after=…) takes a number of 0 or more, but got -1.",
    ),
    (
        "a rate in per cent",
        lambda fake: fake.deliver_twice(rate=10),
        ValueError,
        "deliver_twice(rate=…) takes a probability from 0 to 1, such as 0.1, but got 10.",
    ),
    (
        "a delay in seconds",
        lambda fake: fake.delay_dispatch(5),  # type: ignore[arg-type]
        TypeError,
        "delay_dispatch() takes a duration such as timedelta(seconds=30) or '30s', but got 5.",
    ),
    (
        "no delay",
        lambda fake: fake.delay_dispatch(timedelta(0)),
        ValueError,
        "delay_dispatch() takes a duration of more than zero, but got datetime.timedelta(0).",
    ),
    (
        "a method that no task has",
        lambda fake: fake.deliver_twice(method="SEND"),
        ValueError,
        "method='SEND' is not a method of tasks. They are POST, GET, HEAD, PUT, DELETE, PATCH and OPTIONS.",
    ),
    (
        "a naive schedule time",
        lambda fake: fake.delay_dispatch(timedelta(seconds=1), at=datetime(2030, 1, 1)),
        ValueError,
        "at=… takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
        " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc).",
    ),
]


@pytest.mark.parametrize(
    ("make", "kind", "message"), [row[1:] for row in REFUSED], ids=[row[0].replace(" ", "-") for row in REFUSED]
)
def test_wrong_arguments(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, make: Call, kind: type[Exception], message: str
) -> None:
    """They are rejected at the call, in a sentence, and no plan is left."""
    enqueue("one")
    with pytest.raises(kind) as caught:
        make(cloud_tasks)

    assert str(caught.value) == message
    assert list(cloud_tasks._active.faults) == []
    assert cloud_tasks.timeline().endswith("created: POST https://mailer.test/send")


def test_an_rpc_that_only_some_versions_have_fails(cloud_tasks: FakeCloudTasks) -> None:
    """A plan names LeaseTasks of v2beta2, too, although v2's client lacks it."""
    parent = cloud_tasks.create_queue("pull", pull_target={}).name
    cloud_tasks.fail_rpc("lease_tasks", "UNAVAILABLE")
    client = tasks_v2beta2.CloudTasksClient()
    request = {"parent": parent, "max_tasks": 1, "lease_duration": timedelta(seconds=1)}
    with pytest.raises(exceptions.ServiceUnavailable):
        client.lease_tasks(request, retry=None)
    assert list(client.lease_tasks(request).tasks) == []


@pytest.mark.parametrize("method", ["fail_rpc", "lose_rpc_response"])
def test_an_rpc_that_there_is_not(cloud_tasks: FakeCloudTasks, method: str) -> None:
    """It is rejected with the nearest one and all that there are, and no plan is left."""
    error = ("INTERNAL",) if method == "fail_rpc" else ()
    known = sorted(RPCS)
    with pytest.raises(ValueError) as caught:
        getattr(cloud_tasks, method)("create_tasks", *error)

    assert str(caught.value) == (
        f"{method}() does not accept the RPC 'create_tasks'. Did you mean 'create_task'? Pass '*' for all RPCs, or one"
        f" of {', '.join(known[:-1])} and {known[-1]}."
    )
    assert list(cloud_tasks._active.faults) == []
