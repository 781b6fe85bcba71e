"""Many threads and many coroutines enqueue at once, while the test drives the queue."""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from tests.patience import PATIENCE

THREADS = 16
EACH = 1_000
FAST = {"max_dispatches_per_second": 500, "max_concurrent_dispatches": 5_000}


@pytest.fixture(autouse=True)
def _traces_of_a_deadlock(pytestconfig: pytest.Config) -> Iterator[None]:
    """As `faulthandler_timeout` does for a suite: show the threads that wait for ever, and end the run."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return str(cloud_tasks.create_queue("work", rate_limits=FAST).name)


def url(number: int, index: int) -> str:
    return f"https://app.test/{number}/{index}"


def task(number: int, index: int) -> dict[str, object]:
    return {"http_request": {"url": url(number, index)}}


def in_threads(work: Callable[[int], list[str]], meanwhile: Callable[[], object]) -> list[str]:
    """Return the results of ``work`` in every thread; they start together, with ``meanwhile`` repeated next to them."""
    barrier = Barrier(THREADS + 1)

    def begin(number: int) -> list[str]:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        running: list[Future[list[str]]] = [pool.submit(begin, number) for number in range(THREADS)]
        barrier.wait()
        while not all(one.done() for one in running):
            meanwhile()
    return [name for one in running for name in one.result()]


def test_sixteen_threads_create_a_thousand_tasks_each(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Every call makes its own task, and each is delivered once, whichever thread drives meanwhile."""
    route = cloud_tasks.route("https://app.test/*")
    client = tasks_v2.CloudTasksClient()

    def work(number: int) -> list[str]:
        return [client.create_task(parent=queue, task=task(number, index)).name for index in range(EACH)]

    names = in_threads(work, lambda: cloud_tasks.advance(seconds=1))
    cloud_tasks.drain(limit=THREADS * EACH)
    assert len(set(names)) == THREADS * EACH
    assert sorted(call.url for call in route.calls) == sorted(
        url(number, index) for number in range(THREADS) for index in range(EACH)
    )
    assert len(cloud_tasks.rpcs) == THREADS * EACH
    cloud_tasks.assert_empty()


def test_a_test_looks_while_threads_change_the_queue(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Tasks come, go and are listed in threads, while the test asks the fake about them."""
    route = cloud_tasks.route("https://app.test/*")
    paused = cloud_tasks.create_queue("paused").name
    tasks_v2.CloudTasksClient().pause_queue(name=paused)

    def work(number: int) -> list[str]:
        client = tasks_v2.CloudTasksClient()
        kept = []
        for index in range(20):
            name = client.create_task(parent=paused, task=task(number, index)).name
            client.create_task(parent=queue, task=task(number, index))
            if index % 2:
                client.delete_task(name=name)
            else:
                kept.append(name)
        return [name for name in kept if name in {one.name for one in client.list_tasks(parent=paused)}]

    def look() -> None:
        cloud_tasks.advance(seconds=1)
        assert len(cloud_tasks.attempts()) <= THREADS * 20
        assert {one.state.value for one in cloud_tasks.tasks(queue="paused")} <= {"scheduled", "deleted"}
        with pytest.raises(AssertionError, match="The queues are not empty"):
            cloud_tasks.assert_empty()

    tasks_v2.CloudTasksClient().create_task(parent=paused, task=task(THREADS, 0))
    names = in_threads(work, look)
    assert len(names) == THREADS * 10
    assert {one.name for one in cloud_tasks.tasks(queue="paused")} > set(names)
    cloud_tasks.drain()
    assert len({call.url for call in route.calls}) == len(route.calls) == THREADS * 20


@pytest.mark.needs("clients of 2.x")
def test_a_thousand_coroutines_create_at_once(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """The asyncio client takes a thousand calls at once, while driving methods are awaited."""
    route = cloud_tasks.route("https://app.test/*")

    async def main() -> list[str]:
        client = tasks_v2.CloudTasksAsyncClient()
        creating = asyncio.gather(*(client.create_task(parent=queue, task=task(0, index)) for index in range(EACH)))
        while not creating.done():
            await cloud_tasks.aio.advance(seconds=1)
            await asyncio.sleep(0)
        created = await creating
        await cloud_tasks.aio.drain()
        return [one.name for one in created]

    assert len(set(asyncio.run(main()))) == EACH
    assert len({call.url for call in route.calls}) == len(route.calls) == EACH
    cloud_tasks.assert_empty()
