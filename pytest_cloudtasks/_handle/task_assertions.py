"""The assertions about one task: how its attempts ended, how long the queue waited between them, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from .._model.backoff import Retry
from .._model.events import EventKind
from .._model.suggestions import counted
from .._model.task import Task, TaskState
from .._time.instants import to_timedelta
from .durations import duration_text, offset_text
from .failed import with_timeline
from .failing import CloudTasksAssertionError
from .matching import matches
from .records import TaskRecord, model_task, short_name
from .shortened import shown
from .state import State


class TaskAssertions:
    """Assert on a task that `assert_enqueued` and its kin have given, alive or not."""

    @property
    def _world(self) -> State:
        raise NotImplementedError

    def assert_attempts(self, task: TaskRecord, expected: Sequence[Any]) -> None:
        """Assert how the attempts of ``task`` ended, in order: ``[500, "DEADLINE_EXCEEDED", 200]``.

        An attempt with a response is its HTTP status, one without is the name of its google.rpc code
        ("DEADLINE_EXCEEDED", or "UNKNOWN" where there was no response at all), one under way is None.
        """
        __tracebackhide__ = True
        if not isinstance(task, TaskRecord) or isinstance(expected, (str, bytes, int)):
            raise TypeError(
                "assert_attempts() takes a TaskRecord, as assert_enqueued() gives it, and a list such as [503, 200]; it"
                f" got {task!r} and {expected!r}."
            )
        results = [attempt.result for attempt in task.attempts]
        if not _all_match(expected, results):
            raise _failed(self._world, task, "The attempts of {task} ended otherwise.", list(expected), results)
        self._world.attention.asserted(model_task(task))

    def assert_backoff(self, task: TaskRecord, delays: Sequence[timedelta | Any]) -> None:
        """Assert how long the queue put off each retry of ``task``, in order: ``[timedelta(seconds=10), …]``.

        A delay is that from the end of a failed attempt to the schedule time of the next, which the timeline tells as
        ``retry in 10 s``; a retry that is still to come counts. What a queue's limits or a pause add is no backoff.
        """
        __tracebackhide__ = True
        if not isinstance(task, TaskRecord) or isinstance(delays, (str, bytes, timedelta, int, float)):
            raise TypeError(
                "assert_backoff() takes a TaskRecord, as assert_enqueued() gives it, and a list such as"
                f" [timedelta(seconds=10), timedelta(seconds=20)]; it got {task!r} and {delays!r}."
            )
        for one in delays:
            if isinstance(one, (int, float, str)):
                raise TypeError(
                    f"assert_backoff() takes delays as timedeltas, such as timedelta(seconds=10), not {one!r}."
                )
        world = self._world
        backoffs = _backoffs(world, model_task(task))
        if not _all_match(delays, backoffs):
            expected = [_delay_text(one) for one in delays]
            got = [_delay_text(one) for one in backoffs]
            raise _failed(world, task, "The retries of {task} were put off otherwise.", _Listed(expected), _Listed(got))
        world.attention.asserted(model_task(task))

    def assert_exhausted(self, task: TaskRecord) -> None:
        """Assert that ``task`` was given up after its last attempt: no retry was left."""
        __tracebackhide__ = True
        _assert_state(self._world, task, TaskState.EXHAUSTED, "assert_exhausted", "was to have no retry left")

    def assert_expired(self, task: TaskRecord) -> None:
        """Assert that ``task`` went past its retention (31 days, where the queue has no other) and was dropped.

        A task expires when time passes over that instant; `drain` does not go there for its sake.
        """
        __tracebackhide__ = True
        _assert_state(self._world, task, TaskState.EXPIRED, "assert_expired", "was to have expired")


class _Listed:
    """A list of texts, shown without their quotes."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __repr__(self) -> str:
        return f"[{', '.join(self.texts)}]"


def _delay_text(delay: Any) -> str:
    if not isinstance(delay, timedelta):
        return shown(delay)
    return duration_text((delay // timedelta(microseconds=1)) * 1_000)


def _backoffs(world: State, task: Task) -> list[timedelta]:
    """The waits that verdicts have put before retries."""
    return [
        to_timedelta(max(0, event.verdict.at - event.at))
        for event in world.service.events
        if event.task is task and event.kind is EventKind.TASK_ANSWERED and isinstance(event.verdict, Retry)
    ]


def _all_match(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    return len(expected) == len(actual) and all(matches(one, got) for one, got in zip(expected, actual, strict=True))


def _failed(world: State, task: TaskRecord, headline: str, expected: Any, got: Any) -> CloudTasksAssertionError:
    first = headline.format(task=short_name(model_task(task)))
    return with_timeline(f"{first}\n  expected {shown(expected)}\n       got {shown(got)}", world)


def _assert_state(world: State, record: TaskRecord, state: TaskState, verb: str, was_to: str) -> None:
    __tracebackhide__ = True
    if not isinstance(record, TaskRecord):
        raise TypeError(f"{verb}() takes a TaskRecord, as assert_enqueued() gives it, and got {record!r}.")
    task = model_task(record)
    if task.state is not state:
        message = f"{short_name(task)} {was_to}, and {_state_text(world, task)}."
        raise with_timeline(message, world)
    world.attention.asserted(task)


def _state_text(world: State, task: Task) -> str:
    """``has succeeded, after 2 attempts``, ``is scheduled for +0:00:10``."""
    after = f", after {counted(task.dispatch_count, 'attempt')}" if task.dispatch_count else ", never dispatched"
    if task.state is TaskState.SCHEDULED:
        return f"is there still, scheduled for {offset_text(task.schedule_time - world.clock.origin)}{after}"
    if task.state is TaskState.DISPATCHED:
        return "is there still, with an attempt under way"
    ended = {
        TaskState.SUCCEEDED: "has succeeded",
        TaskState.EXHAUSTED: "had no retry left",
        TaskState.EXPIRED: "has expired",
        TaskState.DELETED: "was deleted",
    }
    return f"{ended[task.state]}{after}"
