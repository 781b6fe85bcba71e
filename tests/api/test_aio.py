"""The awaitable driving methods, and sleeping in the queue's time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest, TaskState

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])

VERBS: dict[str, Callable[[FakeCloudTasks], Awaitable[object]]] = {
    "step": lambda fake: fake.aio.step(),
    "dispatch_due": lambda fake: fake.aio.dispatch_due(),
    "advance": lambda fake: fake.aio.advance(seconds=1),
    "drain": lambda fake: fake.aio.drain(),
    "dispatch": lambda fake: fake.aio.dispatch(fake.assert_enqueued(count=None)[0]),
}


def seconds(cloud_tasks: FakeCloudTasks) -> float:
    return cloud_tasks.clock.elapsed.total_seconds()


def sleeping(cloud_tasks: FakeCloudTasks, **durations: float) -> Callable[[TargetRequest], Coroutine[Any, Any, int]]:
    """A handler that sleeps for as many seconds as its task's name says."""

    async def handler(request: TargetRequest) -> int:
        await cloud_tasks.aio.sleep(timedelta(seconds=durations[request.headers["X-CloudTasks-TaskName"]]))
        return 200

    return handler


# --- the verbs ---------------------------------------------------------------------------------------------------


def test_step_does_the_next_thing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each step is a dispatch or an answer, at its own instant; None when nothing can happen by itself."""

    async def story() -> list[tuple[float, int, object]]:
        moves = []
        while (attempt := await cloud_tasks.aio.step()) is not None:
            moves.append((seconds(cloud_tasks), attempt.number, attempt.result))
        return moves

    cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=5))
    enqueue("one", schedule_time=START + timedelta(seconds=30))
    assert asyncio.run(story()) == [(30, 1, None), (35, 1, 200)]


def test_an_assertion_is_no_method_of_aio(cloud_tasks: FakeCloudTasks) -> None:
    """The message says that it is a plain call."""
    with pytest.raises(AttributeError) as missing:
        cloud_tasks.aio.assert_enqueued()  # type: ignore[attr-defined]
    assert str(missing.value) == (
        "cloud_tasks.aio has no attribute 'assert_enqueued'. Only driving methods are awaited: call"
        " cloud_tasks.assert_enqueued without `await`."
    )


def test_dispatch_due_moves_no_clock(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What is due in the queue goes out; later tasks, other queues and sleepers wait."""
    route = cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=5, two=0))
    enqueue("one")
    enqueue("two")
    enqueue("later", schedule_time=START + timedelta(seconds=1))
    enqueue("elsewhere", queue="reports")
    summary = asyncio.run(cloud_tasks.aio.dispatch_due("receipts"))
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["one", "two"]
    assert (summary.attempts, summary.succeeded, seconds(cloud_tasks)) == (2, 1, 0)


@pytest.mark.parametrize(
    "advance",
    [
        lambda fake: fake.aio.advance(seconds=7),
        lambda fake: fake.aio.advance(timedelta(seconds=7)),
        lambda fake: fake.aio.advance(to=START + timedelta(seconds=7)),
        lambda fake: fake.aio.drain(until=timedelta(seconds=7)),
        lambda fake: fake.aio.drain(until=START + timedelta(seconds=7)),
    ],
    ids=["keyword", "timedelta", "to", "drain for", "drain until"],
)
def test_passing_time_wakes_sleepers(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, advance: Callable[[FakeCloudTasks], Any]
) -> None:
    """Handlers whose instant has come continue, the others sleep, and the clock stops at the requested instant."""

    async def story() -> tuple[int, int]:
        summary = await advance(cloud_tasks)
        assert seconds(cloud_tasks) == 7
        return summary.attempts, summary.succeeded

    cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=5, two=10))
    enqueue("one")
    enqueue("two")
    assert asyncio.run(story()) == (2, 1)


def test_drain_ends_when_nothing_can_follow(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It jumps from waking to waking and stops at the last answer."""
    cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=5, two=10))
    enqueue("one")
    enqueue("two")
    summary = asyncio.run(cloud_tasks.aio.drain())
    assert (summary.attempts, summary.succeeded, summary.blocked, seconds(cloud_tasks)) == (2, 2, (), 10)
    cloud_tasks.assert_empty()


@pytest.mark.parametrize("by_name", [False, True])
def test_dispatch_delivers_one_task_now(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, by_name: bool) -> None:
    """A record or a name will do; its schedule time does not matter, and a handler that sleeps has not answered."""
    cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=5))
    name = enqueue("one", schedule_time=START + timedelta(days=1))
    record = cloud_tasks.assert_enqueued()

    async def story() -> None:
        attempt = await cloud_tasks.aio.dispatch(name if by_name else record)
        assert (attempt.number, attempt.result, attempt.dispatch_time) == (1, None, START)
        await cloud_tasks.aio.drain()

    asyncio.run(story())
    assert (record.state, seconds(cloud_tasks)) == (TaskState.SUCCEEDED, 5)


def test_sync_targets_are_driven_as_well(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Routes without a handler and plain functions need no loop, and work in one."""
    cloud_tasks.route(MAILER).returns(503, 200)
    enqueue("one")
    summary = asyncio.run(cloud_tasks.aio.drain())
    assert (summary.attempts, summary.failed, summary.succeeded) == (2, 1, 1)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda fake: fake.aio.advance(seconds=-1),
            ValueError,
            "advance() takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86399).",
        ),
        (
            lambda fake: fake.aio.advance(to=START - timedelta(seconds=1)),
            ValueError,
            "Time can't go backwards: it is 2030-01-01T00:00:00+00:00, but advance() got 2029-12-31T23:59:59+00:00."
            " Advance to a later instant.",
        ),
        (
            lambda fake: fake.aio.advance(timedelta(seconds=1), seconds=1),
            TypeError,
            "advance() takes one of a duration, keywords such as hours=2, and to=instant, but got more than one of"
            " them.",
        ),
    ],
    ids=["backwards by", "backwards to", "both"],
)
def test_errors_are_those_of_the_sync_driving_methods(
    cloud_tasks: FakeCloudTasks,
    enqueue: Enqueue,
    call: Callable[[FakeCloudTasks], Any],
    kind: type[Exception],
    message: str,
) -> None:
    """What a sync method rejects its awaitable twin rejects in the same words; no time passes and nothing goes out."""
    enqueue("one")
    before = cloud_tasks.timeline()

    async def story() -> None:
        await call(cloud_tasks)

    with pytest.raises(kind) as refused:
        asyncio.run(story())
    assert str(refused.value) == message
    assert (cloud_tasks.timeline(), cloud_tasks.attempts(), seconds(cloud_tasks)) == (before, [], 0)


def test_a_handlers_exception_comes_out_of_the_await(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The exception itself is raised where the method is awaited, and the attempt is a 500 that will be retried."""

    async def handler(request: TargetRequest) -> int:
        await cloud_tasks.aio.sleep(timedelta(seconds=3))
        raise KeyError("order")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    with pytest.raises(KeyError) as raised:
        asyncio.run(cloud_tasks.aio.drain())
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500])
    assert task.attempts[0].exception is raised.value
    assert seconds(cloud_tasks) == 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("in_a_loop", [True, False], ids=["aio", "sync"])
def test_what_stops_a_loop_comes_out_of_the_driving_method(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, kind: type[BaseException], in_a_loop: bool
) -> None:
    """An async handler that exits fails as a sync one does: a 500 first, then the exception; the queue goes on."""

    async def handler(request: TargetRequest) -> None:
        if request.headers["X-CloudTasks-TaskRetryCount"] == "0":
            raise kind("bye")

    async def story() -> None:
        with pytest.raises(kind):
            await cloud_tasks.aio.drain()
        await cloud_tasks.aio.drain()

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    if in_a_loop:
        asyncio.run(story())
    else:
        with pytest.raises(kind):
            cloud_tasks.drain()
        cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 200])


# --- sleeping ----------------------------------------------------------------------------------------------------


def test_a_nap_is_over_at_its_instant(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Several sleeps follow each other, a sleep of no time included, and the application's clock agrees."""
    woken = []

    async def handler(request: TargetRequest) -> None:
        for duration in (5, 0, 2.5):
            await cloud_tasks.aio.sleep(timedelta(seconds=duration))
            woken.append((datetime.now(timezone.utc) - START).total_seconds())

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.drain()
    assert woken == [5, 5, 7.5]


def test_sleeps_within_one_handler_overlap(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Coroutines that a handler gathers each wake at their own instant; the answer comes with the last."""
    woken = []

    async def nap(duration: int) -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=duration))
        woken.append((duration, seconds(cloud_tasks)))

    async def handler(request: TargetRequest) -> None:
        await asyncio.gather(nap(9), nap(2), nap(2), nap(4))

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.drain()
    assert woken == [(2, 2), (2, 2), (4, 4), (9, 9)]
    assert cloud_tasks.attempts()[0].response_time == START + timedelta(seconds=9)


def test_a_sleeper_and_a_dispatch_of_the_same_instant(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """At one instant the sleeper goes on first, for its slot may be what the next task waits for."""
    seen = []

    async def handler(request: TargetRequest) -> None:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append(f"{name} begins")
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        seen.append(f"{name} ends")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    enqueue("two", schedule_time=START + timedelta(seconds=5))
    cloud_tasks.drain()
    assert seen == ["one begins", "one ends", "two begins", "two ends"]
    assert seconds(cloud_tasks) == 10


def test_an_answer_after_the_deadline_is_dropped(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The service gives up at the dispatch deadline and retries; the late answer changes nothing."""
    ended = []

    async def handler(request: TargetRequest) -> int:
        if request.headers["X-CloudTasks-TaskRetryCount"] == "0":
            await cloud_tasks.aio.sleep(timedelta(seconds=40))
            ended.append(seconds(cloud_tasks))
        return 200

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one", dispatch_deadline="15s")
    summary = cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", 200])
    assert [attempt.response_time for attempt in task.attempts] == [
        START + timedelta(seconds=15),
        START + timedelta(seconds=15.1),
    ]
    assert ended == [40]
    assert (summary.attempts, summary.succeeded, summary.failed) == (2, 1, 1)


def test_a_deadline_frees_the_slot(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The service counts an attempt as over at its deadline, though the handler goes on."""
    cloud_tasks.create_queue("single", rate_limits={"max_concurrent_dispatches": 1}, retry_config={"max_attempts": 1})
    route = cloud_tasks.route(MAILER, handler=sleeping(cloud_tasks, one=60, two=0))
    enqueue("one", queue="single", dispatch_deadline="15s")
    enqueue("two", queue="single")
    cloud_tasks.drain()
    assert route.call_count == 2
    first, second = cloud_tasks.attempts()
    assert second.dispatch_time - first.dispatch_time == timedelta(seconds=15)


def test_sleep_outside_a_handler_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """In a test there is nothing to suspend; the error names the driving method to use."""
    with pytest.raises(RuntimeError) as refused:
        asyncio.run(cloud_tasks.aio.sleep(timedelta(seconds=1)))
    assert str(refused.value) == (
        "cloud_tasks.aio.sleep() works only in an async handler that the queue has called. In a test, pass time with"
        " `await cloud_tasks.aio.advance(…)`."
    )
    assert seconds(cloud_tasks) == 0


@pytest.mark.parametrize(
    ("duration", "kind", "message"),
    [
        (
            timedelta(seconds=-1),
            ValueError,
            "aio.sleep() takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86399).",
        ),
        (
            5,
            TypeError,
            "aio.sleep() takes a duration such as timedelta(seconds=30) or '30s', but got 5.",
        ),
        (
            timedelta.max,
            ValueError,
            "aio.sleep() leads beyond the year 9999, where Python's datetime ends. Pass a shorter duration.",
        ),
    ],
    ids=["negative", "a number", "beyond the calendar"],
)
def test_a_sleep_that_cannot_be_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, duration: Any, kind: type[Exception], message: str
) -> None:
    """It raises in the handler, and no time passes."""

    async def handler(request: TargetRequest) -> None:
        await cloud_tasks.aio.sleep(duration)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    with pytest.raises(kind) as refused:
        cloud_tasks.drain()
    assert str(refused.value) == message
    assert seconds(cloud_tasks) == 0


# --- one at a time -----------------------------------------------------------------------------------------------


def test_two_driving_methods_at_once_are_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """While one coroutine drives the queue another one can't; the first goes on undisturbed."""
    going = asyncio.Event()

    async def handler(request: TargetRequest) -> None:
        await going.wait()

    async def story() -> str:
        first = asyncio.ensure_future(cloud_tasks.aio.drain())
        while not route.calls:
            await asyncio.sleep(0)
        before = cloud_tasks.timeline()
        with pytest.raises(RuntimeError) as refused:
            await cloud_tasks.aio.advance(seconds=1)
        assert cloud_tasks.timeline() == before
        going.set()
        assert (await first).succeeded == 1
        await cloud_tasks.aio.advance(seconds=1)
        return str(refused.value)

    route = cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    assert asyncio.run(story()) == (
        "cloud_tasks.advance() was called while cloud_tasks.drain() is under way elsewhere. Drive the queue from one"
        " place at a time."
    )
    assert seconds(cloud_tasks) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_an_awaitable_driving_method_inside_a_handler_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str
) -> None:
    """It is raised past the application's ``except Exception``, and once more when the test ends."""

    async def handler(request: TargetRequest) -> int:
        try:
            await VERBS[verb](cloud_tasks)
        except Exception:
            return 200
        return 200

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    with pytest.raises(pytest.fail.Exception) as caught:
        asyncio.run(cloud_tasks.aio.drain())
    message = (
        f"cloud_tasks.{verb}() was called while the handler of receipts/one was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    )
    assert str(caught.value) == message
    assert cloud_tasks._active.failures.messages == [message]
    cloud_tasks._active.failures.messages.clear()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])


def test_without_a_fake_the_driving_methods_say_so() -> None:
    """A fake that is not active drives nothing."""
    with pytest.raises(RuntimeError) as refused:
        asyncio.run(FakeCloudTasks().aio.drain())
    assert str(refused.value) == (
        "This FakeCloudTasks is not active: no test that asked for it is running. Use it inside the test, or as `with"
        " FakeCloudTasks() as cloud_tasks:`."
    )
