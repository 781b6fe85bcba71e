from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._simulation.driving.own_loop import OwnLoop
from pytest_cloudtasks._targets.request import TargetRequest


@pytest.fixture(name="own")
def _own() -> Any:
    own = OwnLoop()
    yield own
    own.loop.close()


def test_a_coroutine_runs_in_the_thread_that_waits(own: OwnLoop) -> None:
    """Alone, a caller runs the loop itself, as often as it likes."""

    async def here() -> int:
        return threading.get_ident()

    assert own.run(here()) == own.run(here()) == threading.get_ident()
    assert not own.loop.is_running()


def test_a_guest_that_comes_while_the_loop_runs_is_seen_to_its_end(own: OwnLoop) -> None:
    """The thread that runs the loop stays until those are done that came meanwhile."""
    order: list[str] = []
    guest_has_begun, host_is_done = asyncio.Event(), threading.Event()

    async def guest() -> None:
        guest_has_begun.set()
        await asyncio.to_thread(host_is_done.wait)
        order.append("guest")

    async def host() -> None:
        thread.start()
        await guest_has_begun.wait()
        order.append("host")
        host_is_done.set()

    thread = threading.Thread(target=lambda: own.run(guest()))
    own.run(host())
    assert order == ["host", "guest"]
    thread.join()


def test_an_exception_is_its_own_callers(own: OwnLoop) -> None:
    """The caller of the coroutine gets it, and the loop can be used again."""

    async def fails() -> None:
        raise ValueError("no")

    async def works() -> str:
        return "yes"

    with pytest.raises(ValueError, match="no"):
        own.run(fails())
    assert own.run(works()) == "yes"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_loop_that_was_stopped_can_be_used_again(own: OwnLoop, kind: type[BaseException]) -> None:
    """What stops the loop comes out, the coroutine that it ran is ended, and the next caller is the loop's host."""
    ended: list[str] = []

    async def stops() -> None:
        raise kind

    async def waits() -> None:
        stopper = asyncio.ensure_future(stops())
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")
            assert stopper.done()

    async def works() -> str:
        return "yes"

    with pytest.raises(kind):
        own.run(waits())
    assert ended == ["waits"]
    assert own.run(works()) == "yes"


def test_eager_async_targets_for_clients_in_many_threads() -> None:
    """Tasks that threads create at the same time are all delivered, whichever thread runs the loop."""

    async def worker(request: TargetRequest) -> int:
        await asyncio.sleep(0)
        return 200

    def create() -> None:
        client = cloud_tasks.client()
        for _ in range(5):
            client.create_task(parent=cloud_tasks.queue_path("q"), task={"http_request": {"url": "https://a.test/"}})

    start = datetime(2030, 1, 1, tzinfo=timezone.utc)
    with FakeCloudTasks(eager=True, queues=["q"], start=start) as cloud_tasks:
        route = cloud_tasks.route("*", handler=worker)
        threads = [threading.Thread(target=create) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(route.calls) == 30
        cloud_tasks.assert_empty()
