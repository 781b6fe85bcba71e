"""The runners: which one runs a handler, in which loop, and when a sync driving method has to give way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])

VERBS: dict[str, Callable[[FakeCloudTasks], object]] = {
    "step": lambda fake: fake.step(),
    "dispatch_due": lambda fake: fake.dispatch_due(),
    "advance": lambda fake: fake.advance(seconds=1),
    "drain": lambda fake: fake.drain(),
    "dispatch": lambda fake: fake.dispatch(fake.assert_enqueued(count=None)[0]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_sync_driving_method_in_a_running_loop_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str
) -> None:
    """It would block the loop; the error names the driving method to await, and nothing has happened."""

    async def story() -> str:
        with pytest.raises(RuntimeError) as refused:
            VERBS[verb](cloud_tasks)
        return str(refused.value)

    route = cloud_tasks.route(MAILER)
    enqueue("one")
    before = cloud_tasks.timeline()
    assert asyncio.run(story()) == (
        f"cloud_tasks.{verb}() was called in a running event loop and would block it. Write `await"
        f" cloud_tasks.aio.{verb}()` instead."
    )
    assert (cloud_tasks.timeline(), route.calls, cloud_tasks.clock.elapsed) == (before, [], timedelta(0))


@pytest.mark.parametrize("verb", VERBS)
def test_a_sync_driving_method_in_an_async_handler_is_rejected_as_in_any(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str
) -> None:
    """A handler hears that no driving method is for handlers, rather than that it should await one."""

    async def handler(request: TargetRequest) -> None:
        VERBS[verb](cloud_tasks)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    with pytest.raises(pytest.fail.Exception) as caught:
        cloud_tasks.drain()
    assert str(caught.value) == (
        f"cloud_tasks.{verb}() was called while the handler of receipts/one was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    )
    cloud_tasks._active.failures.messages.clear()


def test_another_thread_than_that_of_a_running_loop_may_use_the_sync_driving_methods(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue
) -> None:
    """Only the loop's own thread gets the error."""
    cloud_tasks.route(MAILER)
    enqueue("one")

    async def story() -> int:
        return (await asyncio.to_thread(cloud_tasks.drain)).succeeded

    assert asyncio.run(story()) == 1


def test_the_sync_shell_has_one_loop_for_the_whole_test(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Driving method after method runs async handlers in the same loop, so that what one has opened serves the next."""
    loops = []

    async def handler(request: TargetRequest) -> None:
        loops.append((asyncio.get_running_loop(), threading.current_thread()))

    cloud_tasks.route(MAILER, handler=handler)
    for number in range(2):
        enqueue(f"t{number}")
        cloud_tasks.drain()
    assert loops == [(cloud_tasks._active.activities.own_loop.loop, threading.current_thread())] * 2


def test_the_loop_of_the_sync_shell_is_closed_with_the_fake(enqueue: Enqueue) -> None:
    """Nothing of it is left, and async generators in it are finalised."""
    ended = []

    async def generator() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append("finalised")

    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        kept = generator()

        async def handler(request: TargetRequest) -> None:
            await anext(kept)

        cloud_tasks.route(MAILER, handler=handler)
        enqueue("one")
        cloud_tasks.drain()
        loop = cloud_tasks._active.activities.own_loop.loop
        assert ended == []
    assert ended == ["finalised"]
    assert loop.is_closed()


def test_a_handler_that_raises_ends_the_driving_method(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """While the exception is still at hand, another driving method may follow."""

    async def handler(request: TargetRequest) -> None:
        raise KeyError("order")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    for number in (1, 2):
        with pytest.raises(KeyError) as kept:
            cloud_tasks.drain()
        assert kept.value is cloud_tasks.attempts()[-1].exception
        assert len(cloud_tasks.attempts()) == number


def test_a_fake_may_end_in_a_running_loop(enqueue: Enqueue) -> None:
    """Within a coroutine too, the loop of the sync driving methods is closed, applications in it see their shutdown."""
    seen: list[str] = []

    async def app(
        scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                seen.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        seen.append("request")
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def story() -> None:
        with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
            cloud_tasks.mount("https://mailer.test", app)
            enqueue("one")
            await asyncio.to_thread(cloud_tasks.drain)
            loop = cloud_tasks._active.activities.own_loop.loop
        assert loop.is_closed()

    asyncio.run(story())
    assert seen == ["startup", "request", "shutdown"]
