"""The assertions of the handle."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from re import Pattern
from typing import Any, Literal, Union, overload

from .._diagnostics.hints import warn_of_waiting_callbacks
from .._diagnostics.strict import listing
from .._diagnostics.timeline import with_timeline
from .._service.task import Task
from .._simulation.matching import UNSET, WITHIN, Match, exactly
from .._simulation.records import TaskRecord, model_task, records
from .._simulation.simulation import Simulation
from .._text import counted, safe_repr
from .._time.instants import Duration
from .task_assertions import TaskAssertions

Text = Union[str, Pattern[str], Callable[[str], object], Any]
Fields = Union[Mapping[str, Any], exactly, Callable[[Any], object], Any]


class Assertions(TaskAssertions):
    """Asserts on every task accepted in this test, finished and deleted ones included, refused ones never.

    Every expected value may also be a predicate, a regular expression (searched for), or anything with an ``__eq__``
    of its own, such as ``mock.ANY`` or ``pytest.approx``.
    """

    @property
    def _simulation(self) -> Simulation:
        raise NotImplementedError

    @overload
    def assert_enqueued(  # type: ignore[overload-overlap]  # count=1 is the first, whatever the type of the 1
        self,
        *,
        queue: Text = ...,
        url: Text = ...,
        method: Text = ...,
        json: Any = ...,
        body: bytes | str | Any = ...,
        headers: Fields = ...,
        name: Text = ...,
        at: datetime | Any = ...,
        delay: Duration | Any = ...,
        within: Duration = ...,
        deadline: Duration | Any = ...,
        oidc: Fields | None = ...,
        count: Literal[1] = 1,
    ) -> TaskRecord: ...

    @overload
    def assert_enqueued(
        self,
        *,
        queue: Text = ...,
        url: Text = ...,
        method: Text = ...,
        json: Any = ...,
        body: bytes | str | Any = ...,
        headers: Fields = ...,
        name: Text = ...,
        at: datetime | Any = ...,
        delay: Duration | Any = ...,
        within: Duration = ...,
        deadline: Duration | Any = ...,
        oidc: Fields | None = ...,
        count: int | None,
    ) -> list[TaskRecord]: ...

    def assert_enqueued(
        self,
        *,
        queue: Text = UNSET,
        url: Text = UNSET,
        method: Text = UNSET,
        json: Any = UNSET,
        body: bytes | str | Any = UNSET,
        headers: Fields = UNSET,
        name: Text = UNSET,
        at: datetime | Any = UNSET,
        delay: Duration | Any = UNSET,
        within: Duration = WITHIN,
        deadline: Duration | Any = UNSET,
        oidc: Fields | None = UNSET,
        count: int | None = 1,
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` tasks (None: at least one) were enqueued that match, and give them.

        ``queue`` and ``name`` are IDs or full names; ``url`` is the relative URI for App Engine tasks; ``json``,
        ``headers`` and ``oidc`` match partially, lists exactly, and wholly with `exactly`; ``at`` is the schedule time
        the task was created with (an aware datetime), ``delay`` the same from its creation (a timedelta), both within
        ``within``; ``deadline`` is the dispatch deadline in force (a timedelta).

        Gives the task, or for another count than 1 the list, in the order of creation. Raises AssertionError with
        what is there instead.
        """
        __tracebackhide__ = True
        match = Match(queue, url, method, json, body, headers, name, at, delay, within, deadline, oidc)
        return _one_or_all(
            _expect(self._simulation, match, count, self._simulation.service.accepted, "enqueued"), count
        )

    def assert_not_enqueued(
        self,
        *,
        queue: Text = UNSET,
        url: Text = UNSET,
        method: Text = UNSET,
        json: Any = UNSET,
        body: bytes | str | Any = UNSET,
        headers: Fields = UNSET,
        name: Text = UNSET,
        at: datetime | Any = UNSET,
        delay: Duration | Any = UNSET,
        within: Duration = WITHIN,
        deadline: Duration | Any = UNSET,
        oidc: Fields | None = UNSET,
    ) -> None:
        """Assert that no task that matches was enqueued; arguments as for `assert_enqueued`."""
        __tracebackhide__ = True
        match = Match(queue, url, method, json, body, headers, name, at, delay, within, deadline, oidc)
        _expect(self._simulation, match, 0, self._simulation.service.accepted, "enqueued")

    def assert_nothing_enqueued(self) -> None:
        """Assert that no task was enqueued at all."""
        __tracebackhide__ = True
        _expect(self._simulation, Match(), 0, self._simulation.service.accepted, "enqueued")
        warn_of_waiting_callbacks()

    @overload
    def assert_dispatched(  # type: ignore[overload-overlap]
        self,
        *,
        queue: Text = ...,
        url: Text = ...,
        method: Text = ...,
        json: Any = ...,
        body: bytes | str | Any = ...,
        headers: Fields = ...,
        name: Text = ...,
        at: datetime | Any = ...,
        delay: Duration | Any = ...,
        within: Duration = ...,
        deadline: Duration | Any = ...,
        oidc: Fields | None = ...,
        count: Literal[1] = 1,
    ) -> TaskRecord: ...

    @overload
    def assert_dispatched(
        self,
        *,
        queue: Text = ...,
        url: Text = ...,
        method: Text = ...,
        json: Any = ...,
        body: bytes | str | Any = ...,
        headers: Fields = ...,
        name: Text = ...,
        at: datetime | Any = ...,
        delay: Duration | Any = ...,
        within: Duration = ...,
        deadline: Duration | Any = ...,
        oidc: Fields | None = ...,
        count: int | None,
    ) -> list[TaskRecord]: ...

    def assert_dispatched(
        self,
        *,
        queue: Text = UNSET,
        url: Text = UNSET,
        method: Text = UNSET,
        json: Any = UNSET,
        body: bytes | str | Any = UNSET,
        headers: Fields = UNSET,
        name: Text = UNSET,
        at: datetime | Any = UNSET,
        delay: Duration | Any = UNSET,
        within: Duration = WITHIN,
        deadline: Duration | Any = UNSET,
        oidc: Fields | None = UNSET,
        count: int | None = 1,
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` tasks that match were dispatched at least once, and give them.

        Arguments and result as for `assert_enqueued`.
        """
        __tracebackhide__ = True
        match = Match(queue, url, method, json, body, headers, name, at, delay, within, deadline, oidc)
        return _one_or_all(_expect(self._simulation, match, count, _dispatched(self._simulation), "dispatched"), count)

    def assert_not_dispatched(
        self,
        *,
        queue: Text = UNSET,
        url: Text = UNSET,
        method: Text = UNSET,
        json: Any = UNSET,
        body: bytes | str | Any = UNSET,
        headers: Fields = UNSET,
        name: Text = UNSET,
        at: datetime | Any = UNSET,
        delay: Duration | Any = UNSET,
        within: Duration = WITHIN,
        deadline: Duration | Any = UNSET,
        oidc: Fields | None = UNSET,
    ) -> None:
        """Assert that no task that matches was dispatched; arguments as for `assert_enqueued`."""
        __tracebackhide__ = True
        match = Match(queue, url, method, json, body, headers, name, at, delay, within, deadline, oidc)
        _expect(self._simulation, match, 0, _dispatched(self._simulation), "dispatched")

    @contextmanager
    def expect_enqueued(
        self,
        *,
        queue: Text = UNSET,
        url: Text = UNSET,
        method: Text = UNSET,
        json: Any = UNSET,
        body: bytes | str | Any = UNSET,
        headers: Fields = UNSET,
        name: Text = UNSET,
        at: datetime | Any = UNSET,
        delay: Duration | Any = UNSET,
        within: Duration = WITHIN,
        deadline: Duration | Any = UNSET,
        oidc: Fields | None = UNSET,
        count: int | None = 1,
    ) -> Iterator[list[TaskRecord]]:
        """Assert on what the block enqueues; the list it gives is filled when the block ends.

        Arguments as for `assert_enqueued`. An exception in the block goes through, unasserted.
        """
        __tracebackhide__ = True
        match = Match(queue, url, method, json, body, headers, name, at, delay, within, deadline, oidc)
        simulation = self._simulation
        before, since = len(simulation.service.accepted), len(simulation.history)
        tasks: list[TaskRecord] = []
        yield tasks
        tasks += _expect(
            simulation, match, count, simulation.service.accepted[before:], "enqueued", " in this block", since
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
