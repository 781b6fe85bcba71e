"""The driving methods: `step`, `drain` and so on, which move a simulation from step to step.

Theory of operation. A driving method is written once, for sync and async tests: as a generator that yields each
`Delivery` to run and returns the method's result. A runner (`runners.py`) executes the generator and runs the
deliveries: `Delivery.start` calls the target. It sends nothing back, because the delivery has its own result.

All methods repeat `Steps.run_next`. What differs is where they end and which tasks they dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..._arguments import is_whole
from ..._service.request import PullMessage
from ..._service.task import Attempt, Task
from ..._text import safe_repr
from ..._time.instants import Duration, duration_of, from_datetime, to_datetime
from ..formatting import ENDED, short_name
from ..matching.match import Match
from ..records import TaskRecord
from ..summary import Beginning, Summary, beginning, blocked, summary_since
from .delivery import Deliveries, current_delivery
from .steps import Steps

if TYPE_CHECKING:
    from ..simulation import Simulation

_FIRST = from_datetime(datetime.min.replace(tzinfo=timezone.utc), what="the first instant")


class Driver:
    """The driving methods, as generators. Only one of a simulation runs at a time, and none within a handler."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._steps = Steps(simulation)

    # --- driving methods ----------------------------------------------------------------------------------------------

    def step(self) -> Deliveries[Attempt | None]:
        """Move to the next dispatch or answer and do it."""
        __tracebackhide__ = True
        with guarded(self.simulation, "step"):
            moved = yield from self._steps.run_next(None)
            if moved is None:
                return None
            attempt, _ = moved
            return attempt

    def dispatch_due(self, queue: str | None) -> Deliveries[Summary]:
        """Dispatch what is due at this instant."""
        __tracebackhide__ = True
        with guarded(self.simulation, "dispatch_due") as begin:
            if queue is not None:
                self.simulation.queue_named(queue)
            with self._selected(Match() if queue is None else Match(queue=queue)) as counts:
                while (yield from self._steps.run_next(self.simulation.clock.now)) is not None:
                    pass
                return self._summary(begin, counts)

    def advance(self, by: int | None, to: int | None, limit: int) -> Deliveries[Summary]:
        """Pass the duration ``by``, or time up to ``to``, doing every step on the way."""
        __tracebackhide__ = True
        with guarded(self.simulation, "advance") as begin:
            now = self.simulation.clock.now
            end = now + (by or 0) if to is None else to
            _check_is_ahead(end, now, "advance() got ", "Advance to")
            self.simulation.clock.check_reachable(end)
            yield from self._go_on(end, limit)
            self._steps.pass_time(end)
            return self._summary(begin)

    def _go_on(self, end: int | None, limit: int) -> Deliveries[None]:
        """Do step after step up to ``end``, with at most ``limit`` attempts."""
        __tracebackhide__ = True
        if not is_whole(limit) or limit < 1:
            raise ValueError(
                f"{self.simulation.activities.method}(limit=…) takes a number of attempts of 1 or more, but got"
                f" {safe_repr(limit)}."
            )
        left = limit
        while (moved := (yield from self._steps.run_next(end, left, limit))) is not None:
            _, was_delivered = moved
            left -= was_delivered

    def drain(self, until: datetime | Duration | None, match: Match, limit: int) -> Deliveries[Summary]:
        """Jump from step to step until there is none, or until ``until``, dispatching tasks that match."""
        __tracebackhide__ = True
        with guarded(self.simulation, "drain") as begin, self._selected(match) as counts:
            end = self._end_of(until)
            yield from self._go_on(end, limit)
            with self.simulation.lock:
                if end is not None and self._steps.peek() is not None:
                    self._steps.pass_time(end)
            return self._summary(begin, counts)

    def dispatch(self, task: Task) -> Deliveries[Attempt]:
        """Deliver ``task`` now."""
        __tracebackhide__ = True
        with guarded(self.simulation, "dispatch"):
            if isinstance(task.target, PullMessage):
                raise ValueError(
                    f"The task {short_name(task)} can't be dispatched: it waits in a pull queue. Lease it with a"
                    " v2beta2 client, as the application's workers do."
                )
            with self.simulation.lock:
                if not task.is_live:
                    raise ValueError(
                        f"The task {short_name(task)} can't be dispatched: the service no longer has it, because it"
                        f" {ENDED[task.state]}."
                    )
                target = self._steps.target_for(task)
                attempt = self.simulation.service.begin(self.simulation.clock.now, task, forced=True)
            if target is not None:
                yield from self._steps.deliver(attempt, target)
            return attempt

    # --- helpers -------------------------------------------------------------------------------------------------

    def _summary(self, begin: Beginning, counts: Callable[[Task], bool] | None = None) -> Summary:
        simulation = self.simulation
        left = blocked(simulation.service, simulation.clock.now, simulation.history, counts)
        return summary_since(simulation.history, begin, left)

    @contextmanager
    def _selected(self, match: Match) -> Iterator[Callable[[Task], bool] | None]:
        """Limit dispatches to matching tasks. Yield a function that says whether a task matches; None if all do."""
        __tracebackhide__ = True
        if not match.expected():
            yield None
            return
        simulation = self.simulation
        match = match.checked(simulation.queue_named)
        if isinstance(match.queue, str) and simulation.queue_named(match.queue) not in simulation.service.queues:
            raise LookupError(
                f"The queue {safe_repr(match.queue)} was deleted in this test, so none of its tasks can be dispatched."
                " Drive another queue, or leave out queue=… to drive all queues."
            )

        def counts(task: Task) -> bool:
            return not match.differences(TaskRecord(task, simulation.history))

        service = simulation.service
        with simulation.lock:
            service.scheduler.select(service.queues.values(), counts)
        try:
            yield counts
        finally:
            service.scheduler.select_all()

    def _end_of(self, until: datetime | Duration | None) -> int | None:
        if until is None:
            return None
        now = self.simulation.clock.now
        if isinstance(until, datetime):
            end = from_datetime(until, what="drain(until=…)")
        else:
            end = now + duration_of(until, what="drain(until=…)", or_else="an aware datetime, or ")
        _check_is_ahead(end, now, "drain() got until=", "Drain until")
        return end


def _check_is_ahead(end: int, now: int, got: str, advice: str) -> None:
    """Raise ValueError if ``end`` is earlier than ``now``. ``got`` precedes ``end`` in the message."""
    if end < now:
        raise ValueError(
            f"Time can't go backwards: it is {to_datetime(now).isoformat()}, but {got}{_instant_text(end)}. {advice} a"
            " later instant."
        )


@contextmanager
def guarded(simulation: Simulation, name: str) -> Iterator[Beginning]:
    """Guard a driving method. Yield where the history and its summary begin."""
    __tracebackhide__ = True
    delivery = current_delivery.get()
    if delivery is not None:
        raise simulation.failures.fail(
            f"cloud_tasks.{name}() was called while the handler of {short_name(delivery.attempt.task)} was running."
            " A handler may call the Cloud Tasks client, but only the test may drive the queue, after the handler"
            " has returned."
        )
    if simulation.activities.is_background:
        raise RuntimeError(
            f"cloud_tasks.{name}() was called in a block of cloud_tasks.background(), which lets time pass and"
            " dispatches due tasks by itself. Wait for a task with assert_dispatched(…, timeout=…), or call"
            f" {name}() after the block."
        )
    if simulation.activities.method is not None:
        raise RuntimeError(
            f"cloud_tasks.{name}() was called while cloud_tasks.{simulation.activities.method}() is under way"
            " elsewhere. Drive the queue from one place at a time."
        )
    with simulation.lock:
        begin = beginning(simulation.history)
        simulation.catch_up()
    simulation.activities.method = name
    try:
        yield begin
    finally:
        simulation.activities.method = None


def _instant_text(at: int) -> str:
    return to_datetime(at).isoformat() if at >= _FIRST else "one before the year 1"
