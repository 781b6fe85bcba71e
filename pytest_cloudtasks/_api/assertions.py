"""The assertions of `FakeCloudTasks`: on tasks by a match, and on one task: its attempts, its waits, its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Union, overload

from .._arguments import checked_call, is_whole
from .._diagnostics.django_database import warn_of_waiting_callbacks
from .._diagnostics.strict import listing
from .._service.events import EventKind
from .._service.retry import Retry
from .._service.task import Task, TaskState
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import ENDED, lists_apart, offset_text, short_name, shown
from .._simulation.lookup import A_TASK, find_task, is_task
from .._simulation.matching.match import Match, MatchArguments
from .._simulation.matching.values import matches
from .._simulation.records import TaskRecord, model_task, records
from .._simulation.simulation import Simulation
from .._simulation.summary import live_tasks
from .._text import counted, safe_repr
from .._time.instants import Duration, duration_of, to_timedelta
from .blocks import block

if TYPE_CHECKING:
    from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

    from .._diagnostics.hints import Situation

    AnyTask = Union[TaskRecord, tasks_v2.Task, tasks_v2beta3.Task, tasks_v2beta2.Task, str]
    from typing_extensions import Unpack


class Assertions:
    """Assertions on every task that was accepted in this test, finished and deleted ones included.

    `MatchArguments` lists what they compare. Assertions on one task take its `TaskRecord`, Google's Task message, its
    ID, or its full name.
    """

    def _synced(self) -> Simulation:
        raise NotImplementedError

    @overload
    def assert_enqueued(  # type: ignore[overload-overlap]  # count=1 is the first, whatever the type of the 1
        self, *, count: Literal[1] = 1, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> TaskRecord: ...

    @overload
    def assert_enqueued(
        self, *, count: int | None, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> list[TaskRecord]: ...

    @checked_call
    def assert_enqueued(
        self, *, count: int | None = 1, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` matching tasks were enqueued.

        ``assert_enqueued(queue="receipts", json={"order": 42})``

        Args:
            count: How many tasks must match; None for at least one.
            timeout: The number of seconds of real time to wait for other threads and processes. It returns as soon as
                enough tasks match.
            match: What the tasks look like; see `MatchArguments`.

        Returns:
            The task, or for another count than 1 a list in the order of creation.

        Raises:
            CloudTasksAssertionError: Another number of tasks matches.
            TypeError: A value can't match any task.
            ValueError: A value can't match any task, or ``count`` or ``timeout`` is impossible.
        """
        __tracebackhide__ = True
        return _one_or_all(
            _expect(self._synced(), Match(**match), count, _accepted, "enqueued", timeout=timeout), count
        )

    @checked_call
    def assert_not_enqueued(self, **match: Unpack[MatchArguments]) -> None:
        """Assert that no matching task was enqueued.

        Args:
            match: What the tasks look like; see `MatchArguments`.

        Raises:
            CloudTasksAssertionError: A task matches.
        """
        __tracebackhide__ = True
        _expect(self._synced(), Match(**match), 0, _accepted, "enqueued")

    @checked_call
    def assert_nothing_enqueued(self) -> None:
        """Assert that no task was enqueued at all.

        Raises:
            CloudTasksAssertionError: There is a task.
        """
        __tracebackhide__ = True
        _expect(self._synced(), Match(), 0, _accepted, "enqueued")
        warn_of_waiting_callbacks()

    @overload
    def assert_dispatched(  # type: ignore[overload-overlap]  # count=1 is the first, whatever the type of the 1
        self, *, count: Literal[1] = 1, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> TaskRecord: ...

    @overload
    def assert_dispatched(
        self, *, count: int | None, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> list[TaskRecord]: ...

    @checked_call
    def assert_dispatched(
        self, *, count: int | None = 1, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> TaskRecord | list[TaskRecord]:
        """Assert that exactly ``count`` matching tasks were dispatched at least once.

        Args:
            count: How many tasks must match; None for at least one.
            timeout: The number of seconds of real time to wait.
            match: What the tasks look like; see `MatchArguments`.

        Returns:
            The task, or for another count than 1 a list in the order of creation.

        Raises:
            CloudTasksAssertionError: Another number of tasks matches.
        """
        __tracebackhide__ = True
        return _one_or_all(
            _expect(self._synced(), Match(**match), count, _dispatched, "dispatched", timeout=timeout), count
        )

    @checked_call
    def assert_not_dispatched(self, **match: Unpack[MatchArguments]) -> None:
        """Assert that no matching task was dispatched.

        Args:
            match: What the tasks look like; see `MatchArguments`.

        Raises:
            CloudTasksAssertionError: A task matches that was dispatched.
        """
        __tracebackhide__ = True
        _expect(self._synced(), Match(**match), 0, _dispatched, "dispatched")

    @checked_call
    @block
    def expect_enqueued(
        self, *, count: int | None = 1, timeout: float | None = None, **match: Unpack[MatchArguments]
    ) -> Iterator[list[TaskRecord]]:
        """Assert on the tasks that a ``with`` block enqueues. The list it gives is filled when the block ends.

        An exception in the block goes through, and nothing is asserted.

        Args:
            count: How many tasks must match; None for at least one.
            timeout: The number of seconds of real time to wait after the block.
            match: What the tasks look like; see `MatchArguments`.

        Raises:
            CloudTasksAssertionError: Another number of tasks matches.
        """
        __tracebackhide__ = True
        simulation = self._synced()
        accepted, since = simulation.service.accepted.total, len(simulation.history)
        tasks: list[TaskRecord] = []
        yield tasks
        tasks += _expect(
            simulation,
            Match(**match),
            count,
            lambda simulation: simulation.service.accepted.since(accepted),
            "enqueued",
            " in this block",
            since,
            timeout,
        )

    @checked_call
    def assert_attempts(self, task: AnyTask, expected: Sequence[Any]) -> None:
        """Assert how the attempts of ``task`` ended, in order: ``[500, "DEADLINE_EXCEEDED", 200]``.

        Args:
            task: A `TaskRecord`, a Task message, or a task's ID or full name.
            expected: For each attempt its HTTP status (int), the name of its google.rpc code if there was no response
                (``"DEADLINE_EXCEEDED"`` or ``"UNKNOWN"``), or None if it is still running.

        Raises:
            CloudTasksAssertionError: The attempts differ.
            LookupError: This test has never had the task, or several queues have a task of that ID.
        """
        __tracebackhide__ = True
        _check_task_and_list("assert_attempts", task, expected, "[503, 200]")
        simulation = self._synced()
        meant = find_task(simulation.service, simulation.history, task, "assert_attempts")
        results = [attempt.result for attempt in TaskRecord(meant, simulation.history).attempts]
        if not _all_match(expected, results):
            raise _failed(simulation, meant, "Attempts of {task} differ:", expected, results)
        simulation.history.inspected.asserted(meant)

    @checked_call
    def assert_backoff(self, task: AnyTask, delays: Sequence[Duration | Any]) -> None:
        """Assert by how much the queue delayed each retry of ``task``, in order: ``["10s", "20s"]``.

        A delay goes from the end of a failed attempt to the schedule time of the next, which the timeline shows as
        ``retry in 10 s``. A retry that is still to come counts. Limits and pauses of a queue are no backoff.
        Ledger: `retry/from-the-end`.

        Args:
            task: A `TaskRecord`, a Task message, or a task's ID or full name.
            delays: Timedeltas, texts such as ``"90s"``, or predicates.

        Raises:
            CloudTasksAssertionError: The delays differ.
            LookupError: This test has never had the task, or several queues have a task of that ID.
        """
        __tracebackhide__ = True
        _check_task_and_list("assert_backoff", task, delays, "[timedelta(seconds=10), timedelta(seconds=20)]")
        delays = [
            to_timedelta(duration_of(delay, what="assert_backoff()"))
            if isinstance(delay, (int, float, str, timedelta))
            else delay
            for delay in delays
        ]
        simulation = self._synced()
        meant = find_task(simulation.service, simulation.history, task, "assert_backoff")
        backoffs = _backoffs(simulation, meant)
        if not _all_match(delays, backoffs):
            raise _failed(simulation, meant, "Retry delays of {task} differ:", delays, backoffs)
        simulation.history.inspected.asserted(meant)

    @checked_call
    def assert_exhausted(self, task: AnyTask) -> None:
        """Assert that ``task`` failed and has no retry left. Ledger: `retry/exhausted`.

        Args:
            task: A `TaskRecord`, a Task message, or a task's ID or full name.

        Raises:
            CloudTasksAssertionError: It has another state.
        """
        __tracebackhide__ = True
        _assert_state(self._synced(), task, TaskState.EXHAUSTED, "assert_exhausted", "no retry left")

    @checked_call
    def assert_expired(self, task: AnyTask) -> None:
        """Assert that ``task`` was deleted at the end of its retention, by default 31 days after its creation.

        A task expires when time passes that instant. `drain` doesn't move the clock there.
        Ledger: `task/expires`.

        Args:
            task: A `TaskRecord`, a Task message, or a task's ID or full name.

        Raises:
            CloudTasksAssertionError: It has another state.
        """
        __tracebackhide__ = True
        _assert_state(self._synced(), task, TaskState.EXPIRED, "assert_expired", "expired")

    @checked_call
    def assert_empty(self) -> None:
        """Assert that no queue holds a task. A task with a running attempt is still in its queue.

        Raises:
            CloudTasksAssertionError: A task is left.
        """
        __tracebackhide__ = True
        simulation = self._synced()
        left = live_tasks(simulation.service, simulation.history)
        if not left:
            return
        tasks = listing(left, simulation.history, simulation.service, simulation.clock)
        message = f"The queues are not empty: {counted(len(left), 'task')} left.\n{tasks}"
        raise _unmet_of_tasks(simulation, left, message)


def _accepted(simulation: Simulation) -> Iterable[Task]:
    return simulation.service.accepted


def _dispatched(simulation: Simulation) -> list[Task]:
    return [task for task in simulation.service.accepted if task.dispatch_count]


def _one_or_all(tasks: list[TaskRecord], count: int | None) -> TaskRecord | list[TaskRecord]:
    return tasks[0] if count == 1 else tasks


def _expect(
    simulation: Simulation,
    match: Match,
    count: int | None,
    tasks: Callable[[Simulation], Iterable[Task]],
    asserted: str,
    where: str = "",
    since: int = 0,
    timeout: float | None = None,
) -> list[TaskRecord]:
    """Return the matching tasks if there are as many as expected, and raise otherwise.

    ``asserted`` and ``where`` say in the message which tasks count. The message also has rejected calls, from position
    ``since`` of the history on.
    """
    __tracebackhide__ = True
    if count is not None and (not is_whole(count) or not 0 <= count <= sys.maxsize):
        raise ValueError(f"count takes a number of tasks, or None for at least one, but got {safe_repr(count)}.")
    match = match.checked(simulation.queue_named)

    def candidates() -> list[TaskRecord]:
        return records(tasks(simulation), simulation.history)

    def matching() -> list[TaskRecord]:
        return [task for task in candidates() if not match.differences(task)]

    if timeout is not None:
        _check_timeout(timeout)
        least = 1 if count is None else count
        simulation.history.wait_until(lambda: len(matching()) >= least, timeout)
        where += f" within {timeout:g} s"
    matching_tasks = matching()
    if len(matching_tasks) == count or (count is None and matching_tasks):
        simulation.history.inspected.matched(model_task(task) for task in matching_tasks)
        return matching_tasks
    others = [task for task in candidates() if task not in matching_tasks]
    from .._diagnostics.failure_message import unmet  # only an assertion that fails needs it

    situation = _situation(simulation, asserted)._replace(
        match=match, expected=count, matches=matching_tasks, others=others
    )
    raise unmet(situation, where=where, since=since)


def _check_timeout(timeout: object) -> None:
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not is_number or not 0 <= timeout <= threading.TIMEOUT_MAX:  # type: ignore[operator]  # it is a number
        raise (ValueError if is_number else TypeError)(
            f"timeout takes a number of seconds of real time, such as 5, but got {safe_repr(timeout)}."
        )


def _situation(simulation: Simulation, asserted: str) -> Situation:
    from .._diagnostics.hints import Situation  # only an assertion that fails needs it

    parts = simulation.history, simulation.service, simulation.clock, simulation.targets
    activities = simulation.activities
    return Situation(
        *parts,
        asserted,
        failures=simulation.failures.messages,
        is_background=activities.is_background,
        background_failure=activities.failure,
    )


def _unmet_of_tasks(
    simulation: Simulation, tasks: Sequence[Task], message: str, is_early: bool = True
) -> CloudTasksAssertionError:
    """Return the error of an assertion on the attempts or the state of these tasks.

    ``is_early`` says that it may hold once the queue is driven.
    """
    from .._diagnostics.failure_message import failed  # only an assertion that fails needs it

    situation = _situation(simulation, "attempts" if is_early else "")
    return failed(message, situation._replace(about=tasks))


def _check_task_and_list(method: str, task: object, values: object, example: str) -> None:
    if not is_task(task) or not isinstance(values, (list, tuple)):
        raise TypeError(
            f"{method}() takes {A_TASK}, and a list such as {example}, but got {safe_repr(task)} and"
            f" {safe_repr(values)}."
        )


def _backoffs(simulation: Simulation, task: Task) -> list[timedelta]:
    """Return the delays of the task's retries."""
    return [
        to_timedelta(max(0, event.verdict.at - event.at))
        for event in simulation.history.events()
        if event.task is task and event.kind is EventKind.TASK_ANSWERED and isinstance(event.verdict, Retry)
    ]


def _all_match(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    return len(expected) == len(actual) and all(
        matches(result, got) for result, got in zip(expected, actual, strict=True)
    )


def _failed(
    simulation: Simulation, task: Task, headline: str, expected: Sequence[Any], got: Sequence[Any]
) -> CloudTasksAssertionError:
    """Return the error of an assertion on a list. Long lists are shown from shortly before their first difference."""
    pairs = enumerate(zip(expected, got, strict=False))
    same = next((at for at, pair in pairs if not matches(*pair)), min(len(expected), len(got)))
    left, right = lists_apart([shown(result) for result in expected], [shown(result) for result in got], same)
    first = headline.format(task=short_name(task))
    return _unmet_of_tasks(
        simulation, [task], f"{first}\n  expected {left}\n       got {right}", len(got) < len(expected)
    )


def _assert_state(simulation: Simulation, task_or_name: object, state: TaskState, method: str, expected: str) -> None:
    __tracebackhide__ = True
    task = find_task(simulation.service, simulation.history, task_or_name, method)
    if task.state is not state:
        message = f"Expected {short_name(task)} to have {expected}, but it {_state_text(simulation, task)}."
        raise _unmet_of_tasks(simulation, [task], message, is_early=task.is_live)
    simulation.history.inspected.asserted(task)


def _state_text(simulation: Simulation, task: Task) -> str:
    """Return ``succeeded after 2 attempts`` or ``is still scheduled for +0:00:10, after no attempt``."""
    after = f" after {counted(task.dispatch_count, 'attempt') if task.dispatch_count else 'no attempt'}"
    if task.state is TaskState.SCHEDULED:
        return f"is still scheduled for {offset_text(task.schedule_time - simulation.clock.time_base)},{after}"
    if task.state is TaskState.DISPATCHED:
        return "still has an attempt under way"
    return f"{ENDED[task.state]}{after}"
