"""One delivery at work: until it has answered, or sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._simulation.driving.delivery import Delivery, current_delivery
from pytest_cloudtasks._simulation.records import model_task
from pytest_cloudtasks._targets.routes import RouteTarget

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
NOW = int(START.timestamp()) * 10**9
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


@pytest.fixture
def handler_of(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> Callable[..., Delivery]:
    """Makes the delivery of a task to a route with this handler."""

    def make(handle: Callable[[TargetRequest], object]) -> Delivery:
        route = RouteTarget(MAILER, method=None, queue=None, handler=handle, on_exception=None)
        enqueue("one")
        task = model_task(cloud_tasks.assert_enqueued())
        attempt = cloud_tasks._active.service.begin(NOW, task, forced=True)
        return Delivery(attempt, route, TargetRequest(attempt))

    return make


def test_a_sync_target_has_answered_when_it_has_started(handler_of: Callable[..., Delivery]) -> None:
    """The delivery is current while the target runs, and not afterwards."""
    seen: list[Delivery | None] = []
    handler = handler_of(lambda request: seen.append(current_delivery.get()))
    handler.start()
    assert handler.answer is not None
    assert (handler.answer.status, handler.is_async, handler.wakes_at) == (200, False, None)
    assert seen == [handler]
    assert current_delivery.get() is None
    assert handler.target.calls == [handler.request]


def test_what_a_target_raises_is_a_server_error(handler_of: Callable[..., Delivery]) -> None:
    """The answer carries the exception, pytest's own included."""
    error = pytest.fail.Exception("no")

    def fail(request: TargetRequest) -> None:
        raise error

    handler = handler_of(fail)
    handler.start()
    assert handler.answer is not None
    assert (handler.answer.status, handler.answer.exception) == (500, error)


def test_an_async_target_runs_in_run_on(handler_of: Callable[..., Delivery]) -> None:
    """Starting makes the coroutine, running on lets it answer."""
    seen: list[Delivery | None] = []

    async def handle(request: TargetRequest) -> int:
        await asyncio.sleep(0)
        seen.append(current_delivery.get())
        return 202

    handler = handler_of(handle)
    handler.start()
    assert (handler.is_async, handler.answer, seen) == (True, None, [])
    asyncio.run(handler.resume(NOW))
    assert handler.answer is not None
    assert (handler.answer.status, seen) == (202, [handler])


def test_a_sleeper_goes_on_from_its_instant(handler_of: Callable[..., Delivery]) -> None:
    """It wakes at its own instant and no sooner."""

    async def handle(request: TargetRequest) -> None:
        handler = current_delivery.get()
        assert handler is not None
        await handler.sleep_until(NOW + 5)
        await handler.sleep_until(NOW + 9)

    async def story() -> list[tuple[int | None, bool]]:
        seen = []
        for now in (NOW, NOW + 4, NOW + 5, NOW + 9):
            await handler.resume(now)
            seen.append((handler.wakes_at, handler.answer is not None))
        return seen

    handler = handler_of(handle)
    handler.start()
    assert asyncio.run(story()) == [(NOW + 5, False), (NOW + 5, False), (NOW + 9, False), (None, True)]


def test_a_sleeper_in_another_loop_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler belongs to the loop it started in: a test that changes loops gets an error."""

    async def handle(request: TargetRequest) -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))

    cloud_tasks.route(MAILER, handler=handle)
    enqueue("one")
    asyncio.run(cloud_tasks.aio.dispatch_due())
    with pytest.raises(RuntimeError) as refused:
        asyncio.run(cloud_tasks.aio.drain())
    assert str(refused.value) == (
        "An async handler that sleeps can't continue: it started in another event loop. Drive the queue from the same"
        " loop until its handlers are done."
    )
    cloud_tasks.drain(until=timedelta(minutes=10))
    assert cloud_tasks.attempts()[0].result == "DEADLINE_EXCEEDED"


def test_a_handler_that_is_cancelled_has_failed(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler that cancels itself is a server error, and the driving method raises its cancellation."""

    async def handle(request: TargetRequest) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    cloud_tasks.route(MAILER, handler=handle)
    enqueue("one")
    with pytest.raises(asyncio.CancelledError) as raised:
        cloud_tasks.drain()
    assert str(raised.value) == "The handler was cancelled."
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])


def test_an_abandoned_sleeper_ends(handler_of: Callable[..., Delivery]) -> None:
    """When the test is over a sleeper is cancelled, once, and gets to tidy up."""
    ended: list[str] = []

    async def handle(request: TargetRequest) -> None:
        handler = current_delivery.get()
        assert handler is not None
        try:
            await handler.sleep_until(NOW + 5)
        finally:
            await asyncio.sleep(0)
            ended.append("tidy")

    async def story() -> None:
        await handler.resume(NOW)
        handler.abandon()
        await handler.ended()

    handler = handler_of(handle)
    handler.abandon()
    handler.start()
    asyncio.run(story())
    handler.abandon()
    assert (ended, handler.answer) == (["tidy"], None)


def test_a_cancelled_sleep_wakes_no_handler(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler may cancel its own sleep and then answer."""

    async def handle(request: TargetRequest) -> int:
        nap = asyncio.ensure_future(cloud_tasks.aio.sleep(timedelta(seconds=5)))
        await asyncio.sleep(0)
        nap.cancel()
        return 204

    cloud_tasks.route(MAILER, handler=handle)
    enqueue("one")
    assert cloud_tasks.drain().succeeded == 1
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [204])
