"""The assertions about one task: how its attempts ended, how long the queue waited between them, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Union

from .._diagnostics.timeline import with_timeline
from .._service.events import EventKind
from .._service.retry import Retry
from .._service.task import Task, TaskState
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import lists_apart, offset_text, shown
from .._simulation.matching import matches
from .._simulation.records import TaskRecord, is_task, model_task, record_meant, short_name
from .._simulation.simulation import Simulation
from .._text import counted, safe_repr
from .._time.instants import Duration, duration_of, to_timedelta

if TYPE_CHECKING:
    from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

    TaskMessage = Union[tasks_v2.Task, tasks_v2beta3.Task, tasks_v2beta2.Task]

_A_TASK = "a TaskRecord, as assert_enqueued() gives it, a Task message or a task's full name"


class TaskAssertions:
    """Assert on one task, alive or not.

    ``task`` is the record that `assert_enqueued` and its kin have given, the Task message that a client's
    ``create_task()`` gave back, or a task's full name; of several of one name, one after the other, it is the latest.
    A name that no task of this test has is refused by LookupError, as by `dispatch`.
    """

    @property
    def _simulation(self) -> Simulation:
        raise NotImplementedError

    def assert_attempts(self, task: TaskRecord | TaskMessage | str, expected: Sequence[Any]) -> None:
        """Assert how the attempts of ``task`` ended, in order: ``[500, "DEADLINE_EXCEEDED", 200]``.

        An attempt with a response is its HTTP status, one without is the name of its google.rpc code
        ("DEADLINE_EXCEEDED", or "UNKNOWN" where there was no response at all), one under way is None.
        """
        __tracebackhide__ = True
        if not is_task(task) or not _is_list(expected):
            raise TypeError(
                f"assert_attempts() takes {_A_TASK}, and a list such as [503, 200]; it got"
                f" {safe_repr(task)} and {safe_repr(expected)}."
            )
        simulation = self._simulation
        record = record_meant(simulation.service, simulation.history, task)
        results = [attempt.result for attempt in record.attempts]
        if not _all_match(expected, results):
            raise _failed(simulation, record, "The attempts of {task} ended otherwise.", expected, results)
        simulation.history.inspected.asserted(model_task(record))

    def assert_backoff(self, task: TaskRecord | TaskMessage | str, delays: Sequence[Duration | Any]) -> None:
        """Assert how long the queue put off each retry of ``task``, in order: ``["10s", "20s"]``.

        A delay is that from the end of a failed attempt to the schedule time of the next, which the timeline tells as
        ``retry in 10 s``; a retry that is still to come counts. What a queue's limits or a pause add is no backoff.
        """
        __tracebackhide__ = True
        if not is_task(task) or not _is_list(delays):
            raise TypeError(
                f"assert_backoff() takes {_A_TASK}, and a list such as [timedelta(seconds=10), timedelta(seconds=20)];"
                f" it got {safe_repr(task)} and {safe_repr(delays)}."
            )
        delays = [
            to_timedelta(duration_of(delay, what="assert_backoff()"))
            if isinstance(delay, (int, float, str, timedelta))
            else delay
            for delay in delays
        ]
        simulation = self._simulation
        record = record_meant(simulation.service, simulation.history, task)
        backoffs = _backoffs(simulation, model_task(record))
        if not _all_match(delays, backoffs):
            raise _failed(simulation, record, "The retries of {task} were put off otherwise.", delays, backoffs)
        simulation.history.inspected.asserted(model_task(record))

    def assert_exhausted(self, task: TaskRecord | TaskMessage | str) -> None:
        """Assert that ``task`` was given up after its last attempt: no retry was left."""
        __tracebackhide__ = True
        _assert_state(self._simulation, task, TaskState.EXHAUSTED, "assert_exhausted", "was to have no retry left")

    def assert_expired(self, task: TaskRecord | TaskMessage | str) -> None:
        """Assert that ``task`` went past its retention (31 days, where the queue has no other) and was dropped.

        A task expires when time passes over that instant; `drain` does not go there for its sake.
        """
        __tracebackhide__ = True
        _assert_state(self._simulation, task, TaskState.EXPIRED, "assert_expired", "was to have expired")


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _backoffs(simulation: Simulation, task: Task) -> list[timedelta]:
    """The waits that verdicts have put before retries."""
    return [
        to_timedelta(max(0, event.verdict.at - event.at))
        for event in simulation.history.events()
        if event.task is task and event.kind is EventKind.TASK_ANSWERED and isinstance(event.verdict, Retry)
    ]


def _all_match(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    return len(expected) == len(actual) and all(matches(one, got) for one, got in zip(expected, actual, strict=True))


def _failed(
    simulation: Simulation, record: TaskRecord, headline: str, expected: Sequence[Any], got: Sequence[Any]
) -> CloudTasksAssertionError:
    """What fails an assertion on a list; both are shown from before the place where they part, if they are long."""
    pairs = enumerate(zip(expected, got, strict=False))
    same = next((at for at, pair in pairs if not matches(*pair)), min(len(expected), len(got)))
    left, right = lists_apart([shown(one) for one in expected], [shown(one) for one in got], same)
    first = headline.format(task=short_name(model_task(record)))
    return with_timeline(
        f"{first}\n  expected {left}\n       got {right}", simulation.history, simulation.service, simulation.clock
    )


def _assert_state(simulation: Simulation, given: object, state: TaskState, verb: str, was_to: str) -> None:
    __tracebackhide__ = True
    if not is_task(given):
        raise TypeError(f"{verb}() takes {_A_TASK}, and got {safe_repr(given)}.")
    task = model_task(record_meant(simulation.service, simulation.history, given))
    if task.state is not state:
        message = f"{short_name(task)} {was_to}, and {_state_text(simulation, task)}."
        raise with_timeline(message, simulation.history, simulation.service, simulation.clock)
    simulation.history.inspected.asserted(task)


def _state_text(simulation: Simulation, task: Task) -> str:
    """``has succeeded, after 2 attempts``, ``is scheduled for +0:00:10``."""
    after = f", after {counted(task.dispatch_count, 'attempt')}" if task.dispatch_count else ", never dispatched"
    if task.state is TaskState.SCHEDULED:
        return f"is there still, scheduled for {offset_text(task.schedule_time - simulation.clock.origin)}{after}"
    if task.state is TaskState.DISPATCHED:
        return "is there still, with an attempt under way"
    ended = {
        TaskState.SUCCEEDED: "has succeeded",
        TaskState.EXHAUSTED: "had no retry left",
        TaskState.EXPIRED: "has expired",
        TaskState.DELETED: "was deleted",
    }
    return f"{ended[task.state]}{after}"
