"""The machine's invariants: what holds for every queue and every task, whatever an example does.

They use what a user can see: the timeline, the records of tasks, and the settings of queues. `Observer` reads the new
lines of the timeline after each step and keeps what the invariants need.

- `LINE_INVARIANTS` are checked for each line, before the observer updates its state.
- `STEP_INVARIANTS` are checked for the tasks in the queues after the step.

Each returns a sentence if it doesn't hold. Attempts that RunTask or ``dispatch()`` forced ignore schedules, limits and
the state of a queue. Instants and durations are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from hypothesis.stateful import invariant, precondition

from .._api.fake import FakeCloudTasks, simulation_of
from .._diagnostics.timeline import lines_of
from .._diagnostics.timeline_json import line_data
from .._messages.proto import nanoseconds, proto_of
from .._service.validation import id_of
from .._simulation.records import TaskRecord
from .._time.instants import from_datetime, from_timedelta, to_datetime
from .._units import SECOND

MICROSECOND = 1_000
"""Instants on the timeline are truncated to it."""
SUCCESSES = range(200, 300)
NOT_MODIFIED = 304
PURGED = "was purged"
Line = Mapping[str, Any]
"""An object of ``timeline(format="json")``."""


@dataclass
class ObservedAttempt:
    """An attempt in the timeline."""

    number: int
    at: int
    deadline: int
    forced: bool
    has_ended: bool = False


@dataclass
class ObservedTask:
    """A task in the timeline."""

    name: str
    queue: str
    due: int
    """The instant of the next attempt: its schedule time, or that of the retry."""
    retry_config: Any = None
    """Its own RetryConfig message."""
    attempts: list[ObservedAttempt] = field(default_factory=list)
    end: str = ""
    """How it ended, as the predicate of a sentence."""
    may_vanish: bool = False
    """Whether it was purged, and is removed within a minute."""

    def __str__(self) -> str:
        return f"{id_of(self.queue)}/{id_of(self.name)}"


@dataclass
class ObservedQueue:
    """An existing queue."""

    state: str = "running"
    settings: Any = None
    """Its Queue message; None after a change until the end of the step."""
    dispatches: list[int] = field(default_factory=list)
    """The instants of its dispatches under these settings."""
    under_way: set[tuple[str, int]] = field(default_factory=set)
    """Running attempts, by the task's name and their number."""


class Observer:
    """Reads a fake's timeline, checks the invariants, and keeps a sentence for each that doesn't hold."""

    def __init__(self, cloud_tasks: FakeCloudTasks, *, purges_take_time: bool) -> None:
        self.queues: dict[str, ObservedQueue] = {}
        """Those that are there, by their full names."""
        self.tasks: dict[str, ObservedTask] = {}
        """The latest task of each name."""
        self.broken: dict[str, str] = {}
        self._cloud_tasks = cloud_tasks
        self._purges_take_time = purges_take_time
        self.touched: set[str] = set()
        """The tasks of which the timeline had new lines."""
        self._lines = self._attempts = 0
        """How many were read."""
        self._checked: set[str] = set()
        self.look()

    def is_broken(self, name: str) -> bool:
        """Return whether an invariant is broken.

        Hypothesis asks once a step for each, so a repetition means a new step.
        """
        if name in self._checked:
            self._checked.clear()
            self.look()
        self._checked.add(name)
        return name in self.broken

    def look(self) -> None:
        """Read the new lines."""
        live = self._cloud_tasks.tasks()  # also makes due purges and expirations take effect
        # the lines of timeline(format="json") from here on, without the text of all earlier ones
        entries = simulation_of(self._cloud_tasks).history.entries()
        new = [line_data(line) for line in islice(lines_of(entries), self._lines, None)]
        self.touched = {line["task"] for line in new if "task" in line}
        attempts = self._cloud_tasks.attempts() if new else []
        for line in new:
            for check_line in LINE_INVARIANTS:
                self._note(check_line, check_line(self, line))
            if line["event"] == "task_dispatched":
                self._read_dispatch(line, attempts[self._attempts].task)
                self._attempts += 1
            else:
                self._read(line)
        self._lines += len(new)
        for check_step in STEP_INVARIANTS:
            self._note(check_step, check_step(self, live))
        for name, queue in self.queues.items():
            if queue.settings is None:
                queue.settings = proto_of(self._cloud_tasks.queue(name).message)
                queue.dispatches.clear()

    def retry_config_of(self, task: ObservedTask) -> Any:
        """Return the current RetryConfig message of a task; None while it isn't known."""
        queue = self.queues.get(task.queue)
        return task.retry_config or (queue and queue.settings and queue.settings.retry_config)

    def _note(self, check: Callable[..., Any], sentence: str | None) -> None:
        if sentence is not None:
            self.broken.setdefault(check.__name__, sentence)

    def _read(self, line: Line) -> None:
        event, name = line["event"], line.get("queue", "")
        if event == "queue_created":
            self.queues[name] = ObservedQueue()
        elif event == "queue_deleted":
            del self.queues[name]
            self._end_all(name, "was deleted with its queue")
        elif event == "queue_purged":
            self._end_all(name, PURGED)
        elif event in ("queue_paused", "queue_resumed", "queue_disabled"):
            self.queues[name].state = event.removeprefix("queue_").replace("resumed", "running")
        elif event == "queue_updated":
            self.queues[name].settings = None
        elif event == "task_created":
            self.tasks[line["task"]] = ObservedTask(line["task"], name, instant(line["schedule_time"]))
        elif event == "task_answered":
            self._read_answer(line)
        elif event in ("task_deleted", "task_expired", "task_acknowledged", "task_leases_exhausted"):
            self.tasks[line["task"]].end = f"was {event.removeprefix('task_')}".replace("_", " ")

    def _read_dispatch(self, line: Line, record: TaskRecord) -> None:
        at, number, forced = instant(line["at"]), line["attempt"], line["forced"]
        task, queue = self.tasks[line["task"]], self.queues[line["queue"]]
        message = proto_of(record.message)
        if "retry_config" in message.DESCRIPTOR.fields_by_name and message.HasField("retry_config"):
            task.retry_config = message.retry_config
        task.attempts.append(ObservedAttempt(number, at, at + from_timedelta(record.dispatch_deadline), forced))
        queue.under_way.add((task.name, number))
        if not forced:
            queue.dispatches.append(at)

    def _read_answer(self, line: Line) -> None:
        task, queue = self.tasks[line["task"]], self.queues.get(line["queue"])
        attempts = [attempt for attempt in task.attempts if attempt.number == line["attempt"]]
        if not attempts:
            return  # of an earlier task of that name
        attempts[0].has_ended = True
        if queue is not None:
            queue.under_way.discard((task.name, line["attempt"]))
        if line["dropped"]:
            return
        if "exhausted" in line:
            task.end = "had no retry left"
        elif "retry_at" in line:
            task.due = instant(line["retry_at"])
        elif line["result"] in SUCCESSES or (
            line["result"] == NOT_MODIFIED and all(attempt.has_ended for attempt in task.attempts)
        ):  # a 304 is a success by a service option
            task.end = "had succeeded"

    def _end_all(self, queue: str, how: str) -> None:
        for task in self.tasks.values():
            if task.queue == queue and not task.end:
                if how == PURGED and self._purges_take_time:
                    task.may_vanish = True
                else:
                    task.end = how


# --- for each line of the timeline -------------------------------------------------------------------------------


def never_before_its_time(observer: Observer, line: Line) -> str | None:
    """Check that a task is sent at its schedule time or later, and a retry after its backoff."""
    task = _dispatched(observer, line)
    if task is None or instant(line["at"]) >= task.due:
        return None
    return f"{task} was dispatched at {shown(instant(line['at']))}, before its time, {shown(task.due)}."


def never_dispatched_once_gone(observer: Observer, line: Line) -> str | None:
    """Check that a task that has ended in any way is not dispatched again."""
    task = observer.tasks.get(line.get("task", ""))
    if line["event"] != "task_dispatched" or task is None or not task.end:
        return None
    return f"{task} was dispatched at {shown(instant(line['at']))}, although it {task.end}."


def nothing_leaves_a_paused_queue(observer: Observer, line: Line) -> str | None:
    """Check that a paused or disabled queue dispatches nothing."""
    task = _dispatched(observer, line)
    if task is None or observer.queues[task.queue].state == "running":
        return None
    state = observer.queues[task.queue].state
    return f"{task} was dispatched at {shown(instant(line['at']))}, although its queue was {state}."


def never_above_the_concurrency(observer: Observer, line: Line) -> str | None:
    """Check that nothing is dispatched while max_concurrent_dispatches attempts are under way."""
    task = _dispatched(observer, line)
    queue = None if task is None else observer.queues[task.queue]
    if queue is None or queue.settings is None:
        return None
    limit = queue.settings.rate_limits.max_concurrent_dispatches
    if len(queue.under_way) < limit:
        return None
    return (
        f"{task} was dispatched at {shown(instant(line['at']))}, while {len(queue.under_way)} attempts of the queue"
        f" were under way and its max_concurrent_dispatches is {limit}."
    )


def never_above_the_rate(observer: Observer, line: Line) -> str | None:
    """Check that any t seconds have at most max_burst_size + max_dispatches_per_second · t dispatches."""
    task = _dispatched(observer, line)
    queue = None if task is None else observer.queues[task.queue]
    if queue is None or queue.settings is None:
        return None
    limits, at = queue.settings.rate_limits, instant(line["at"])
    rate, burst = limits.max_dispatches_per_second, limits.max_burst_size
    for count, begin in enumerate(reversed([*queue.dispatches, at]), 1):
        seconds = (at - begin + 2 * MICROSECOND) / SECOND
        if count > burst + rate * seconds:
            return (
                f"{task} was dispatched at {shown(at)}, as number {count} since {shown(begin)}, although a burst of"
                f" {burst} and {rate:g} dispatches a second allow fewer."
            )
    return None


def retry_limits_are_kept(observer: Observer, line: Line) -> str | None:
    """Check that a failing task is retried while max_attempts or max_retry_duration allows it, and then given up."""
    task = observer.tasks.get(line.get("task", ""))
    config = None if task is None else observer.retry_config_of(task)
    if task is None or config is None or not task.attempts or not ("retry_at" in line or "exhausted" in line):
        return None
    age, longest = instant(line["at"]) - task.attempts[0].at, nanoseconds(config.max_retry_duration)
    if longest and abs(age - longest) <= MICROSECOND:
        return None  # both are allowed
    is_young, attempts = age < longest, len(task.attempts)
    may_retry = (is_young or not longest) if config.max_attempts == -1 else is_young or attempts < config.max_attempts
    if "retry_at" in line and not may_retry:
        return f"{task} is to be retried after attempt {attempts}, although its retry limits are used up."
    if "exhausted" in line and may_retry:
        return f"{task} was given up after attempt {attempts}, although its limits allow a retry."
    return None


def never_awaited_past_its_deadline(observer: Observer, line: Line) -> str | None:
    """Check that an attempt ends by its dispatch deadline."""
    task = observer.tasks.get(line.get("task", ""))
    if line["event"] != "task_answered" or task is None:
        return None
    for attempt in task.attempts:
        if attempt.number == line["attempt"] and instant(line["at"]) > attempt.deadline + MICROSECOND:
            return (
                f"Attempt {attempt.number} of {task} ended at {shown(instant(line['at']))}, and its dispatch deadline"
                f" was {shown(attempt.deadline)}."
            )
    return None


# --- after each step ---------------------------------------------------------------------------------------------


def nothing_is_lost(observer: Observer, live: Sequence[TaskRecord]) -> str | None:
    """Check that an accepted task is in its queue until it has ended, and not afterwards."""
    listed = {record.name for record in live}
    for task in observer.tasks.values():
        if not task.end and not task.may_vanish and task.name not in listed:
            return f"{task} is in no queue, although nothing has ended it."
        if task.end and task.name in listed:
            return f"{task} is still in its queue, although it {task.end}."
    return None


def attempts_are_counted(observer: Observer, live: Sequence[TaskRecord]) -> str | None:
    """Check the counters of tasks, and that first_attempt and last_attempt are the first and the last."""
    for record in live:
        if record.name not in observer.touched:
            continue
        attempts = observer.tasks[record.name].attempts
        numbers = [attempt.number for attempt in attempts]
        if record.method and numbers != list(range(1, record.dispatch_count + 1)):
            return (
                f"{record!r} has the attempts {numbers}, and its dispatch_count is {record.dispatch_count}: they should"
                " be counted from 1 on."
            )
        if record.response_count > record.dispatch_count:
            return (
                f"{record!r} has a response_count of {record.response_count}, more than its dispatch_count of"
                f" {record.dispatch_count}."
            )
        message = proto_of(record.message)
        for name, attempt in zip(("first_attempt", "last_attempt"), (*attempts[:1], *attempts[-1:]), strict=False):
            at = nanoseconds(getattr(message, name).dispatch_time)
            # RunTask answers before the request is sent: the message has no instant yet
            if at != attempt.at and (at or not attempt.forced or attempt.has_ended):
                return f"{record!r} was dispatched at {shown(attempt.at)}, and its {name} says {shown(at)}."
    return None


LINE_INVARIANTS: tuple[Callable[[Observer, Line], str | None], ...] = (
    never_before_its_time,
    never_dispatched_once_gone,
    nothing_leaves_a_paused_queue,
    never_above_the_concurrency,
    never_above_the_rate,
    retry_limits_are_kept,
    never_awaited_past_its_deadline,
)
STEP_INVARIANTS: tuple[Callable[[Observer, Sequence[TaskRecord]], str | None], ...] = (
    nothing_is_lost,
    attempts_are_counted,
)


def as_invariant(check: Callable[..., Any]) -> Callable[[Any], None]:
    """Return an invariant of a machine that fails with the sentence of ``check``.

    While it holds, the invariant's precondition isn't met. So the steps that Hypothesis prints have a line for the
    broken invariant only.
    """
    name = check.__name__

    def fail(machine: Any) -> None:
        __tracebackhide__ = True
        raise AssertionError(machine._observer.broken[name])

    def is_broken(machine: Any) -> bool:
        return bool(machine._observer.is_broken(name))

    fail.__name__ = fail.__qualname__ = name
    fail.__doc__ = check.__doc__
    decorated: Callable[[Any], None] = invariant()(precondition(is_broken)(fail))
    return decorated


def instant(text: str) -> int:
    """Return the nanoseconds of an ISO 8601 instant."""
    return from_datetime(datetime.fromisoformat(text), what="an instant of the timeline")


def shown(at: int) -> str:
    """Return an instant for a sentence."""
    moment = to_datetime(at)
    return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{moment.microsecond:06d}" if moment.microsecond else "")


def _dispatched(observer: Observer, line: Line) -> ObservedTask | None:
    """Return the task that the queue itself dispatches in ``line``; None for another event."""
    if line["event"] != "task_dispatched" or line["forced"] or line["queue"] not in observer.queues:
        return None
    return observer.tasks.get(line["task"])
