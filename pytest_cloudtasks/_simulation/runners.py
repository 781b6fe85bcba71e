"""Runners of driving methods: sync, asyncio, and eager dispatch, which runs without a method.

The driver is a generator of deliveries. A sync runner calls sync targets in its thread, and async ones in the
simulation's own event loop. An async runner awaits async targets in the caller's loop.
"""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Coroutine, Generator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .._service.scheduler import Timetable
from .._service.task import Task
from .._targets.asgi import in_a_loop
from .._targets.registry import Targets
from .._text import encodable
from .delivery import Deliveries, Delivery, Result, working
from .driver import Driver
from .exceptions import NoTarget, ends_the_run
from .formatting import short_name

if TYPE_CHECKING:
    from .simulation import Simulation


class OwnLoop:
    """A loop that runs only while a thread waits for it. Several threads may: the first runs it, until all are done."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._turn = threading.Lock()
        """Held by the thread that runs the loop."""
        self._gate = threading.Lock()
        self._is_hosted = False
        self._guests = 0
        self._guest_left = asyncio.Event()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of ``coroutine``. If the loop already runs, this thread waits for it as a guest.

        The loop itself may wait for a guest: a framework's thread that runs a sync handler.
        """
        with self._gate:
            is_guest = self._is_hosted
            self._guests += is_guest
            self._is_hosted = True
        if is_guest:
            return asyncio.run_coroutine_threadsafe(self._as_guest(coroutine), self.loop).result()
        with self._turn:
            host = self.loop.create_task(self._as_host(coroutine))
            try:
                return self.loop.run_until_complete(host)
            finally:
                if not host.done():  # Ctrl-C, or a SystemExit in a task of the application, has stopped the loop
                    self._end(host)

    def _end(self, host: asyncio.Task[Any]) -> None:
        """End the running of a stopped loop, so that no thread waits for it."""
        host.cancel()
        self.loop.run_until_complete(asyncio.wait([host]))
        with self._gate:
            self._is_hosted = False

    async def _as_guest(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await coroutine
        finally:
            with self._gate:
                self._guests -= 1
            self._guest_left.set()

    async def _as_host(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await coroutine
        finally:
            while not self._may_leave():
                self._guest_left.clear()
                await self._guest_left.wait()

    def _may_leave(self) -> bool:
        with self._gate:
            self._is_hosted = self._guests > 0
            return not self._is_hosted


class Driving:
    """The activities in a simulation: a driving method, sleeping handlers, the event loop of async targets."""

    def __init__(self, lock: Any) -> None:
        self.method: str | None = None
        """The name of the driving method that is under way."""
        self.sleepers: Timetable[Delivery] = Timetable()
        """Async handlers that wait for their instant."""
        self._lock = lock
        self._loop: OwnLoop | None = None

    @property
    def own_loop(self) -> OwnLoop:
        """The event loop in which sync driving methods run async targets, created on first use."""
        with self._lock:
            if self._loop is None:
                self._loop = OwnLoop()
            return self._loop

    def end(self, targets: Targets) -> None:
        """End everything. Handlers that are still asleep never wake; applications get their shutdown."""
        asleep = []
        while (sleeper := self.sleepers.first()) is not None:
            self.sleepers.remove(sleeper[1])
            sleeper[1].abandon()
            asleep.append(sleeper[1])
        if self._loop is None or not in_a_loop():
            self._end_loop(asleep, targets)
        else:  # a thread can run only one loop, and this one runs its own
            thread = threading.Thread(target=self._end_loop, args=(asleep, targets))
            thread.start()
            thread.join()

    def _end_loop(self, asleep: Sequence[Delivery], targets: Targets) -> None:
        if self._loop is not None:
            for delivery in asleep:
                self._loop.run(delivery.ended())
        targets.close()
        if self._loop is not None:
            _close(self._loop.loop)
            self._loop = None


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in ``loop`` and close it, as asyncio.run() does."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def run_method(simulation: Simulation, name: str, deliveries: Deliveries[Result]) -> Result:
    """Run the sync driving method ``name``; raise RuntimeError in a running event loop.

    Within a handler the driver raises, because the awaitable method would not be allowed either.
    """
    __tracebackhide__ = True
    if in_a_loop() and working.get() is None:
        deliveries.close()
        raise RuntimeError(
            f"cloud_tasks.{name}() was called in a running event loop and would block it. Write `await"
            f" cloud_tasks.aio.{name}()` instead."
        )
    return run_sync(simulation, deliveries)


def run_sync(simulation: Simulation, deliveries: Deliveries[Result]) -> Result:
    """Run a driving method, with async targets in the simulation's own loop."""
    __tracebackhide__ = True
    try:
        delivery = next(deliveries)
        while True:
            if not delivery.is_async:
                delivery.start()
            if delivery.is_async:
                simulation.driving.own_loop.run(delivery.run_on(simulation.clock.now))
            delivery = deliveries.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        deliveries.close()  # at once: a caller that keeps the exception would keep the method under way


async def run_async(simulation: Simulation, deliveries: Deliveries[Result]) -> Result:
    """Run a driving method, with async targets in the running event loop."""
    __tracebackhide__ = True
    try:
        delivery = next(deliveries)
        while True:
            if delivery.target.is_async and not in_a_loop():
                raise RuntimeError(
                    "Async targets run on asyncio, but the driving method of cloud_tasks.aio was awaited in another"
                    " library's loop, such as trio's. Run this test on asyncio, or call the sync method."
                )
            if not delivery.is_async:
                delivery.start()
            if delivery.is_async:
                await delivery.run_on(simulation.clock.now)
            delivery = deliveries.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        deliveries.close()


DEPTH = 20
"""The maximum number of tasks created within each other's handlers."""
_depth: ContextVar[int] = ContextVar("depth", default=0)
"""The number of eager deliveries around this code. Frameworks copy it into their threads."""


def dispatch_created(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the sync client has just created, if it is due."""
    if in_a_loop() and Driver(simulation).is_due(task):
        target = simulation.targets.find_for(task, simulation.service.target_of(task))
        if target is not None and target.is_async:
            simulation.failures.append(
                f"Eager dispatch could not deliver {short_name(task)}: {target.describe()} is async, and the sync"
                " client was called in a running event loop, which it blocks. Create the task with"
                " CloudTasksAsyncClient there, or create it without eager dispatch and drive the queue with `await"
                " cloud_tasks.aio.drain()`."
            )
            return
    run_sync(simulation, _eager_deliveries(simulation, task))


async def dispatch_created_async(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the async client has just created, if it is due."""
    await run_async(simulation, _eager_deliveries(simulation, task))


def _eager_deliveries(simulation: Simulation, task: Task) -> Generator[Delivery, None, None]:
    """Deliver one attempt through the full request path. A failure fails the test at its end, not the caller."""
    driver, depth = Driver(simulation), _depth.get()
    if depth >= DEPTH:
        if driver.is_due(task):
            simulation.failures.append(
                f"Eager dispatch stopped after {DEPTH} tasks within each other's handlers, and left {short_name(task)}"
                " in its queue. Stop the handlers from enqueueing for ever, or create the tasks without eager dispatch"
                " and drive the queue."
            )
        return
    within = _depth.set(depth + 1)
    try:
        yield from driver.deliver_at_once(task)
    except NoTarget as error:
        simulation.failures.append(str(error))
    except Exception as error:
        if ends_the_run(error):  # pytest.exit(), whose exception an application may take for an error of the client
            simulation.ending = error
            raise
        simulation.failures.append(
            f"The handler of {short_name(task)}, which was dispatched eagerly, raised:\n{traceback_text(error)}"
        )
    finally:
        _depth.reset(within)


def traceback_text(error: BaseException) -> str:
    """Return the traceback of a handler's error, for a failure at the end of the test."""
    return encodable("".join(traceback.format_exception(type(error), error, error.__traceback__)))
