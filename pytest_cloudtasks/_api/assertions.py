"""The assertions of the handle."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, overload

from .._diagnostics.hints import warn_of_waiting_callbacks
from .._diagnostics.strict import listing
from .._diagnostics.timeline import with_timeline
from .._service.task import Task
from .._simulation.matching import Match, MatchArguments
from .._simulation.records import TaskRecord, model_task, records
from .._simulation.simulation import Simulation
from .._text import counted, safe_repr
from .arguments import takes_match
from .task_assertions import TaskAssertions

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Assertions(TaskAssertions):
    """Asserts on every task accepted in this test, finished and deleted ones included, refused ones never.

    What they take to say which tasks they mean is in `MatchArguments`.
    """

    @property
    def _simulation(self) -> Simulation:
        raise NotImplementedError

    @overload
    def assert_enqueued(  # type: ignore[overload-overlap]  # count=1 is the first, whatever the type of the 1
        self, *, count: Literal[1] = 1, **match: Unpack[MatchArguments]
    ) -> TaskRecord: ...

    @overload
    def assert_enqueued(self, *, count: int | None, **match: Unpack[MatchArguments]) -> list[TaskRecord]: ...

    @takes_match
    def assert_enqueued(
        self, *, count: int | None = 1, **match: Unpack[MatchArguments]
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` tasks (None: at least one) were enqueued that match, and give them.

        ``assert_enqueued(queue="receipts", json={"order": 42})``: `MatchArguments` has all that may be said of a task.
        Gives the task, or for another count than 1 the list, in the order of creation. Raises AssertionError with
        what is there instead.
        """
        __tracebackhide__ = True
        return _one_or_all(
            _expect(self._simulation, Match(**match), count, self._simulation.service.accepted, "enqueued"), count
        )

    @takes_match
    def assert_not_enqueued(self, **match: Unpack[MatchArguments]) -> None:
        """Assert that no task that matches was enqueued; arguments as for `assert_enqueued`."""
        __tracebackhide__ = True
        _expect(self._simulation, Match(**match), 0, self._simulation.service.accepted, "enqueued")

    def assert_nothing_enqueued(self) -> None:
        """Assert that no task was enqueued at all."""
        __tracebackhide__ = True
        _expect(self._simulation, Match(), 0, self._simulation.service.accepted, "enqueued")
        warn_of_waiting_callbacks()

    @overload
    def assert_dispatched(  # type: ignore[overload-overlap]  # count=1 is the first, whatever the type of the 1
        self, *, count: Literal[1] = 1, **match: Unpack[MatchArguments]
    ) -> TaskRecord: ...

    @overload
    def assert_dispatched(self, *, count: int | None, **match: Unpack[MatchArguments]) -> list[TaskRecord]: ...

    @takes_match
    def assert_dispatched(
        self, *, count: int | None = 1, **match: Unpack[MatchArguments]
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` tasks that match were dispatched at least once, and give them.

        Arguments and result as for `assert_enqueued`.
        """
        __tracebackhide__ = True
        return _one_or_all(
            _expect(self._simulation, Match(**match), count, _dispatched(self._simulation), "dispatched"), count
        )

    @takes_match
    def assert_not_dispatched(self, **match: Unpack[MatchArguments]) -> None:
        """Assert that no task that matches was dispatched; arguments as for `assert_enqueued`."""
        __tracebackhide__ = True
        _expect(self._simulation, Match(**match), 0, _dispatched(self._simulation), "dispatched")

    @takes_match
    @contextmanager
    def expect_enqueued(self, *, count: int | None = 1, **match: Unpack[MatchArguments]) -> Iterator[list[TaskRecord]]:
        """Assert on what the block enqueues; the list it gives is filled when the block ends.

        Arguments as for `assert_enqueued`. An exception in the block goes through, unasserted.
        """
        __tracebackhide__ = True
        simulation = self._simulation
        before, since = len(simulation.service.accepted), len(simulation.history)
        tasks: list[TaskRecord] = []
        yield tasks
        tasks += _expect(
            simulation, Match(**match), count, simulation.service.accepted[before:], "enqueued", " in this block", since
        )

    def assert_empty(self) -> None:
        """Assert that no queue holds a task; one whose attempt is under way is there still."""
        __tracebackhide__ = True
        simulation = self._simulation
        left = simulation.live_tasks()
        if not left:
            return
        history, service, clock = simulation.history, simulation.service, simulation.clock
        tasks = listing(left, history, service, clock)
        raise with_timeline(
            f"The queues are not empty: {counted(len(left), 'task')} left.\n{tasks}", history, service, clock
        )


def _dispatched(simulation: Simulation) -> list[Task]:
    return [task for task in simulation.service.accepted if task.dispatch_count]


def _one_or_all(tasks: list[TaskRecord], count: int | None) -> TaskRecord | list[TaskRecord]:
    return tasks[0] if count == 1 else tasks


def _expect(
    simulation: Simulation,
    match: Match,
    count: int | None,
    tasks: Sequence[Task],
    what: str,
    where: str = "",
    since: int = 0,
) -> list[TaskRecord]:
    """The tasks that match, if there are as many as expected; ``what`` and ``where`` tell in a message which count.

    The message tells of refused calls too, from position ``since`` of the history on.
    """
    __tracebackhide__ = True
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= sys.maxsize):
        raise ValueError(f"count takes a number of tasks, or None for at least one, and got {safe_repr(count)}.")
    match = match.checked(simulation)
    candidates = records(tasks, simulation.history)
    found = [task for task in candidates if not match.differences(task)]
    if len(found) == count or (count is None and found):
        simulation.history.inspected.matched(model_task(task) for task in found)
        return found
    others = [task for task in candidates if task not in found]
    from .._diagnostics.failure_message import unmet  # not before a test fails: most don't

    raise unmet(
        match,
        count,
        found,
        others,
        what=what,
        where=where,
        since=since,
        history=simulation.history,
        service=simulation.service,
        clock=simulation.clock,
    )
