"""The driving methods: they pass time and dispatch tasks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from .._arguments import checked_call
from .._simulation.driving.background import Background
from .._simulation.driving.driver import Driver
from .._simulation.driving.runners import run_method
from .._simulation.lookup import find_task
from .._simulation.matching.match import Match, MatchArguments
from .._simulation.records import Attempt
from .._simulation.simulation import Simulation
from .._simulation.summary import Summary
from .._time.instants import Duration
from .blocks import block
from .clock import length_of_advance

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .assertions import AnyTask


class DrivingMethods:
    """The methods of a fake that pass time and dispatch tasks; `AwaitableMethods` has those for async tests."""

    @property
    def _active(self) -> Simulation:
        raise NotImplementedError

    @checked_call
    def step(self) -> Attempt | None:
        """Move the clock to the next dispatch or answer, and do it.

        Returns:
            The attempt; None if nothing can happen by itself.
        """
        __tracebackhide__ = True
        simulation = self._active
        attempt = run_method(simulation, "step", Driver(simulation).step())
        return None if attempt is None else Attempt(attempt, simulation.history)

    @checked_call
    def dispatch_due(self, queue: str | None = None) -> Summary:
        """Dispatch the tasks that are due now, as far as rate and concurrency allow. The clock doesn't move.

        Tasks that handlers enqueue meanwhile are included. Ledger: `dispatch/order`, `dispatch/rate`.

        Args:
            queue: Dispatch only tasks of this queue, given by its ID or full name.

        Returns:
            What happened, and which tasks are blocked.

        Raises:
            LookupError: This test has never had the queue.
        """
        __tracebackhide__ = True
        simulation = self._active
        return run_method(simulation, "dispatch_due", Driver(simulation).dispatch_due(queue))

    @checked_call
    def advance(
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
        """Pass time and dispatch on the way, every event at its own instant.

        ``advance(timedelta(hours=2))``, ``advance("2h")``, ``advance(hours=2)`` or ``advance(to=instant)``

        Args:
            by: How much time passes: a timedelta, or a text such as ``"90s"``.
            to: The instant at which to stop, as an aware datetime.
            days: A part of the duration. Parts add up.
            hours: A part of the duration.
            minutes: A part of the duration.
            seconds: A part of the duration.
            milliseconds: A part of the duration.
            limit: The highest number of attempts.

        Returns:
            What happened, and which tasks are blocked.

        Raises:
            TypeError: There is no duration and no instant, or more than one of them.
            ValueError: The instant lies in the past, or after the year 9999.
            DrainLimitReached: There are more attempts than ``limit``.
        """
        __tracebackhide__ = True
        length = length_of_advance(
            by, to, days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
        )
        simulation = self._active
        return run_method(simulation, "advance", Driver(simulation).advance(*length, limit))

    @checked_call
    def drain(
        self, until: datetime | Duration | None = None, *, limit: int = 10_000, **match: Unpack[MatchArguments]
    ) -> Summary:
        """Jump from event to event until nothing more can happen by itself, or until ``until``.

        The clock stops at the last event, or at ``until`` if more would follow.

        With ``match`` only matching tasks are dispatched, new ones and retries included. The clock moves only for them,
        and for answers to running attempts. Other tasks stay, even due ones. They use up neither the limits of their
        queue nor ``limit``.

        Args:
            until: The last instant: an aware datetime, or a duration from now.
            limit: The highest number of attempts.
            match: Which tasks to dispatch; see `MatchArguments`.

        Returns:
            What happened, and which tasks are blocked.

        Raises:
            DrainLimitReached: There are more attempts than ``limit``, because a task is retried for ever.
            LookupError: This test has never had the queue.
            TypeError: A value can't match any task.
            ValueError: ``until`` lies in the past, ``limit`` is below 1, or a value can't match any task.
        """
        __tracebackhide__ = True
        simulation = self._active
        return run_method(simulation, "drain", Driver(simulation).drain(until, Match(**match), limit))

    @checked_call
    def dispatch(self, task: AnyTask) -> Attempt:
        """Deliver this task now, whatever its schedule time and its queue's state and limits. RunTask does the same.

        Ledger: `run-task/ignores-pause-and-schedule`.

        Args:
            task: A `TaskRecord`, a Task message, or a task's ID or full name. If several have the name, the latest.

        Returns:
            The attempt.

        Raises:
            ValueError: The service no longer has the task.
            LookupError: This test has never had a task of that name, or several queues have a task of that ID.
        """
        __tracebackhide__ = True
        simulation = self._active
        meant = find_task(simulation.service, simulation.history, task, "dispatch")
        return Attempt(run_method(simulation, "dispatch", Driver(simulation).dispatch(meant)), simulation.history)

    @checked_call
    @block
    def eager(self) -> Iterator[None]:
        """Dispatch due tasks before the call that creates them returns, while the block lasts.

        It is the option ``eager`` for a part of a test, for sync and asyncio clients.
        """
        simulation = self._active
        was_eager, simulation.activities.is_eager = simulation.activities.is_eager, True
        try:
            yield
        finally:
            simulation.activities.is_eager = was_eager

    @checked_call
    @block
    def background(self) -> Iterator[None]:
        """Let time run with the wall clock and dispatch due tasks from a thread, while the block lasts.

        It is for browser tests against a live server. Time runs on from the instant at which the test holds it, and is
        held again where it is at the end. The block ends when all handlers have returned. Two runs of the test may
        differ.

        Raises:
            RuntimeError: Another block or a driving method is under way.
            Exception: What ended the dispatching, at the end of the block: a handler's exception, or a task without a
                target.
        """
        with Background(self._active).running():
            yield
