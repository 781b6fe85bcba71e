"""When an async handler is at work, and when it sleeps in the queue's time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import anyio
import anyio.to_thread
import pytest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._simulation.driving.delivery import TURNS

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


async def _by_to_thread(work: Callable[[], object]) -> None:
    await asyncio.to_thread(work)


async def _by_executor(work: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, work)


async def _by_anyio(work: Callable[[], object]) -> None:
    await anyio.to_thread.run_sync(work)


async def _by_a_task(work: Callable[[], object]) -> None:
    await asyncio.create_task(_by_to_thread(work))


async def _by_gather(work: Callable[[], object]) -> None:
    await asyncio.gather(_by_anyio(work), asyncio.sleep(0))


async def _by_a_group(work: Callable[[], object]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_by_to_thread, work)


THREADS = [_by_to_thread, _by_executor, _by_anyio, _by_a_task, _by_gather, _by_a_group]


@pytest.mark.parametrize("in_a_thread", THREADS)
def test_the_clock_does_not_move_while_a_handler_waits_for_a_thread(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, in_a_thread: Callable[[Callable[[], object]], Awaitable[None]]
) -> None:
    """The clock waits for the thread, although another task of the handler has set an alarm, which wakes it after the
    answer.
    """
    seen: list[tuple[str, timedelta]] = []
    go = threading.Event()

    async def beside() -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        seen.append(("beside", cloud_tasks.clock.elapsed))

    async def let_it_go() -> None:
        for _ in range(10 * TURNS):
            await asyncio.sleep(0)
        go.set()

    async def handler(request: TargetRequest) -> None:
        tasks = [asyncio.create_task(beside()), asyncio.create_task(let_it_go())]
        await in_a_thread(go.wait)
        seen.append(("handler", cloud_tasks.clock.elapsed))
        assert len(tasks) == 2

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.drain()
    assert seen == [("handler", timedelta(0)), ("beside", timedelta(seconds=5))]
    assert cloud_tasks.attempts()[0].response_time == START
    assert cloud_tasks.clock.elapsed == timedelta(seconds=5)


def test_a_thread_and_a_sleep_that_the_handler_awaits(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With both gathered, the clock does not move until the thread is done."""
    seen: list[tuple[str, timedelta]] = []
    go = threading.Event()

    async def sleeping() -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        seen.append(("sleeping", cloud_tasks.clock.elapsed))

    async def working() -> None:
        await asyncio.to_thread(go.wait)
        seen.append(("working", cloud_tasks.clock.elapsed))

    async def let_it_go() -> None:
        for _ in range(10 * TURNS):
            await asyncio.sleep(0)
        go.set()

    async def handler(request: TargetRequest) -> None:
        await asyncio.gather(sleeping(), working(), let_it_go())

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    cloud_tasks.drain()
    assert seen == [("working", timedelta(0)), ("sleeping", timedelta(seconds=5))]


class Waits:
    """Ways in which a handler waits for a task of its own that sleeps."""

    def __init__(self, nap: Callable[[], Any]) -> None:
        self.nap = nap

    async def awaited(self) -> None:
        await self.nap()

    async def task(self) -> None:
        await asyncio.create_task(self.nap())

    async def task_of_a_task(self) -> None:
        await asyncio.create_task(self.task())

    async def gather(self) -> None:
        await asyncio.gather(self.nap(), asyncio.sleep(0))

    async def wait(self) -> None:
        await asyncio.wait([asyncio.create_task(self.nap())])

    async def wait_for(self) -> None:
        await asyncio.wait_for(self.nap(), 3_600)

    async def as_completed(self) -> None:
        for one in asyncio.as_completed([self.nap()]):
            await one

    async def shield(self) -> None:
        await asyncio.shield(self.nap())

    async def group(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self.nap)

    async def event(self) -> None:
        event = asyncio.Event()

        async def setting() -> None:
            await self.nap()
            event.set()

        task = asyncio.create_task(setting())
        await event.wait()
        await task

    async def queue(self) -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def putting() -> None:
            await self.nap()
            await queue.put(1)

        task = asyncio.create_task(putting())
        assert await queue.get() == 1
        await task

    async def lock(self) -> None:
        lock = asyncio.Lock()

        async def holding() -> None:
            async with lock:
                await self.nap()

        task = asyncio.create_task(holding())
        await asyncio.sleep(0)
        async with lock:
            await task


@pytest.mark.parametrize("way", [name for name in vars(Waits) if not name.startswith("_")])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_handler_that_waits_for_a_sleeper_sleeps(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, way: str, asynchronous: bool
) -> None:
    """In whatever way it waits, time goes on to the alarm, and the answer comes then."""

    async def nap() -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))

    async def handler(request: TargetRequest) -> None:
        await getattr(Waits(nap), way)()

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    if asynchronous:
        asyncio.run(_drain(cloud_tasks))
    else:
        cloud_tasks.drain()
    assert cloud_tasks.attempts()[0].response_time == START + timedelta(seconds=5)


async def _drain(cloud_tasks: FakeCloudTasks) -> None:
    await cloud_tasks.aio.drain()


@pytest.mark.parametrize("turns", [0, 1, 2 * TURNS])
def test_a_task_that_outlives_its_handler_wakes(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, turns: int) -> None:
    """At each of its instants, in order with what else happens, also where it goes to sleep after the answer."""
    seen, tasks = [], []

    async def beside(name: str) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(2):
            await cloud_tasks.aio.sleep(timedelta(seconds=10))
            seen.append((name, cloud_tasks.clock.elapsed.total_seconds()))

    async def handler(request: TargetRequest) -> None:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append((f"{name} delivered", cloud_tasks.clock.elapsed.total_seconds()))
        tasks.append(asyncio.create_task(beside(name)))
        if turns > TURNS:  # without a word for the queue it would not get to its sleep before the drain is over
            for _ in range(2 * turns):
                await asyncio.sleep(0)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    enqueue("two", schedule_time=START + timedelta(seconds=15))
    cloud_tasks.drain()
    assert seen == [
        ("one delivered", 0),
        ("one", 10),
        ("two delivered", 15),
        ("one", 20),
        ("two", 25),
        ("two", 35),
    ]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name="one"), [200])


def test_a_task_whose_loop_has_ended_holds_nothing_up(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """asyncio.run() cancels it with all the others; the next drain goes on without it."""
    tasks = []

    async def handler(request: TargetRequest) -> None:
        tasks.append(asyncio.create_task(cloud_tasks.aio.sleep(timedelta(seconds=10))))

    async def step() -> None:
        await cloud_tasks.aio.step()

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    asyncio.run(step())
    assert tasks[0].cancelled()
    enqueue("two", schedule_time=START + timedelta(seconds=30))
    cloud_tasks.route(MAILER)
    cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(seconds=30)


def test_a_cancelled_sleep_moves_no_time(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Of two tasks that a handler has begun one is cancelled; what is due before the other wakes still comes before."""
    tasks: list[asyncio.Task[None]] = []
    seen = []

    async def handler(request: TargetRequest) -> None:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append((name, cloud_tasks.clock.elapsed.total_seconds()))
        if name == "one":
            tasks.extend(asyncio.create_task(cloud_tasks.aio.sleep(timedelta(seconds=wait))) for wait in (10, 60))
            await asyncio.sleep(0)
        if name == "two":
            tasks[0].cancel()
            await asyncio.sleep(0)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    enqueue("two", schedule_time=START + timedelta(seconds=5))
    enqueue("three", schedule_time=START + timedelta(seconds=30))
    cloud_tasks.drain()
    assert seen == [("one", 0), ("two", 5), ("three", 30)]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=60)


@pytest.mark.parametrize("policy", ["raise", "500"])
def test_a_handler_of_trio_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, policy: Any) -> None:
    """In one sentence and what to do, however exceptions of handlers are taken."""
    trio = pytest.importorskip("trio")

    async def handler(request: TargetRequest) -> None:
        await trio.sleep(1)

    async def drive() -> None:
        cloud_tasks.drain()

    cloud_tasks.route(MAILER, handler=handler, on_exception=policy)
    for name in ("one", "two"):
        enqueue(name)
        with pytest.raises(RuntimeError) as caught:
            cloud_tasks.step() if name == "one" else trio.run(drive)
        assert str(caught.value) == (
            "An async handler awaited something that is not asyncio's, such as trio.sleep(). Async targets run on"
            " asyncio: await functions of asyncio or anyio, or use a sync handler that calls trio.run()."
        )


def test_an_awaited_driving_method_needs_asyncio_for_async_targets(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue
) -> None:
    """In trio's loop it says so, and a sync target is delivered there as well."""
    trio = pytest.importorskip("trio")

    async def handler(request: TargetRequest) -> None:
        raise AssertionError("never begins")

    cloud_tasks.route(MAILER)
    enqueue("one")
    trio.run(_drain, cloud_tasks)
    cloud_tasks.assert_empty()
    cloud_tasks.route(MAILER, handler=handler)
    enqueue("two")
    with pytest.raises(RuntimeError) as caught:
        trio.run(_drain, cloud_tasks)
    assert str(caught.value) == (
        "Async targets run on asyncio, but the driving method of cloud_tasks.aio was awaited in another library's loop,"
        " such as trio's. Run this test on asyncio, or call the sync method."
    )
