"""``cloud_tasks.aio``: the driving methods for async tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._service.task import Attempt as ModelAttempt
from .._simulation.driving.delivery import current_delivery
from .._simulation.driving.driver import Driver
from .._simulation.driving.runners import run_async
from .._simulation.lookup import find_task
from .._simulation.matching.match import Match, MatchArguments
from .._simulation.records import Attempt
from .._simulation.simulation import Simulation
from .._simulation.summary import Summary
from .._time.instants import Duration, duration_of
from .clock import length_of_advance

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .assertions import AnyTask


class AwaitableMethods(NamesAttributes):
    """The driving methods for async tests. Async targets run in the caller's event loop."""

    _shown_as = "cloud_tasks.aio"

    def __init__(self, active: Callable[[], Simulation]) -> None:
        self._active = active

    def _instead_of(self, name: str) -> str:
        from .fake import FakeCloudTasks  # imports this module

        if not hasattr(FakeCloudTasks, name):
            return ""
        return f"Only driving methods are awaited: call cloud_tasks.{name} without `await`."

    @checked_call
    async def step(self) -> Attempt | None:
        """Move the clock to the next dispatch or answer, and do it. See `FakeCloudTasks.step`."""
        __tracebackhide__ = True
        simulation = self._active()
        return _record(await run_async(simulation, Driver(simulation).step()), simulation)

    @checked_call
    async def dispatch_due(self, queue: str | None = None) -> Summary:
        """Dispatch the tasks that are due now. See `FakeCloudTasks.dispatch_due`."""
        __tracebackhide__ = True
        simulation = self._active()
        return await run_async(simulation, Driver(simulation).dispatch_due(queue))

    @checked_call
    async def advance(
        self,
        by: Duration | None = None,
        *,
        to: datetime | None = None,
        days: float | None = None,
        hours: float | None = None,
        minutes: float | None = None,
        seconds: float | None = None,
        milliseconds: float | None = None,
        limit: int = 10_000,
    ) -> Summary:
        """Pass time and dispatch on the way. See `FakeCloudTasks.advance`."""
        __tracebackhide__ = True
        length = length_of_advance(
            by, to, days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
        )
        simulation = self._active()
        return await run_async(simulation, Driver(simulation).advance(*length, limit))

    @checked_call
    async def drain(
        self, until: datetime | Duration | None = None, *, limit: int = 10_000, **match: Unpack[MatchArguments]
    ) -> Summary:
        """Jump from event to event until nothing more can happen. See `FakeCloudTasks.drain`."""
        __tracebackhide__ = True
        simulation = self._active()
        return await run_async(simulation, Driver(simulation).drain(until, Match(**match), limit))

    @checked_call
    async def dispatch(self, task: AnyTask) -> Attempt:
        """Deliver this task now. See `FakeCloudTasks.dispatch`."""
        __tracebackhide__ = True
        simulation = self._active()
        meant = find_task(simulation.service, simulation.history, task, "dispatch")
        return Attempt(await run_async(simulation, Driver(simulation).dispatch(meant)), simulation.history)

    @checked_call
    async def sleep(self, duration: Duration) -> None:
        """Suspend the async handler that awaits this, in the queue's time. No real time passes.

        Other attempts go on meanwhile, as concurrency allows.

        Args:
            duration: A timedelta, or a text such as ``"90s"``.

        Raises:
            RuntimeError: It is awaited outside a handler.
            ValueError: The duration ends after the year 9999.
        """
        handler = current_delivery.get()
        if handler is None:
            raise RuntimeError(
                "cloud_tasks.aio.sleep() works only in an async handler that the queue has called. In a test, pass time"
                " with `await cloud_tasks.aio.advance(…)`."
            )
        nanoseconds = duration_of(duration, what="aio.sleep()")
        clock = self._active().clock
        clock.check_within(nanoseconds, what="aio.sleep()")
        await handler.sleep_until(clock.now + nanoseconds)


def _record(attempt: ModelAttempt | None, simulation: Simulation) -> Attempt | None:
    return None if attempt is None else Attempt(attempt, simulation.history)
