"""``strict``: what a passing test has neither driven nor inspected; and lists of the remaining tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._service.service import Service
from .._service.task import Task
from .._simulation.formatting import contents, duration_text, offset_text, short_name
from .._simulation.history import History
from .._simulation.records import model_task
from .._simulation.summary import BlockedReason, blocked, live_tasks
from .._targets.registry import Targets
from .._text import counted
from .._time.clock import Clock
from .timeline import with_timeline

SHOWN = 10
"""The number of tasks that a message lists."""


def listing(tasks: Sequence[Task], history: History, service: Service, clock: Clock) -> str:
    """Return a line for each of the first tasks: its time, what blocks it, or how it ended; count the rest."""
    reasons = {model_task(entry.task): entry.reason for entry in blocked(service, clock.now, history)}
    return lines(tasks, [_line(task, clock, reasons.get(task)) for task in tasks[:SHOWN]])


def lines(all: Sequence[object], shown: Sequence[str]) -> str:
    """Return ``shown``, indented by two, and the number of other lines in ``all``."""
    more = [f"  … and {len(all) - len(shown)} more"] if len(all) > len(shown) else []
    return "\n".join([*(f"  {line}" for line in shown), *more])


def _line(task: Task, clock: Clock, reason: BlockedReason | None) -> str:
    now = clock.now
    if not task.is_live:
        when = task.state.value
    elif task.in_flight:
        when = "under way"
    elif task.eligible_at > now:
        when = f"goes at {offset_text(task.eligible_at - clock.time_base)}"
        when += f", in {duration_text(task.eligible_at - now)}"
    else:
        when = "due"
    but = f", but {reason.value}" if reason else ""
    return f"{short_name(task)}  {contents(task)}  {when}{but}"


DRAINED = "drained"
_HOW_TO_TURN_OFF = (
    "strict=False turns this off: @pytest.mark.cloud_tasks(strict=False) for a test, FakeCloudTasks(strict=False) for a"
    " block."
)


def passed_over(strict: bool | str, history: History, service: Service, clock: Clock, targets: Targets) -> str:
    """Return the message of ``strict`` at the end of a passing test; "" if there is none."""
    if not strict:
        return ""
    parts = (*_tasks(strict, history, service, clock), _errors(history, service), _scripts(targets))
    paragraphs = [part for part in parts if part]
    if not paragraphs:
        return ""
    headline = f"strict={strict!r} fails a test that passes and leaves something behind."
    return "\n\n".join([headline, *paragraphs, _HOW_TO_TURN_OFF])


def check_strictness(strict: bool | str, history: History, service: Service, clock: Clock, targets: Targets) -> None:
    """Fail if a passing block or example leaves something behind."""
    __tracebackhide__ = True
    message = passed_over(strict, history, service, clock, targets)
    if message:
        raise with_timeline(message, history, service, clock)


def _tasks(strict: bool | str, history: History, service: Service, clock: Clock) -> Iterator[str]:
    left = set()
    if strict == DRAINED and (tasks := live_tasks(service, history)):
        left = set(tasks)
        yield (
            f"Left in the queues: {counted(len(tasks), 'task')}\n{listing(tasks, history, service, clock)}\nRun them"
            " with cloud_tasks.drain() or advance(), or delete them."
        )
    neglected = [
        task
        for task in service.accepted
        if not task.dispatch_count and task not in left and not history.inspected.has_matched(task)
    ]
    if neglected:
        yield (
            "Neither dispatched nor matched by an assertion:"
            f" {counted(len(neglected), 'task')}\n{listing(neglected, history, service, clock)}\nAssert on them with"
            " cloud_tasks.assert_enqueued() or a similar method, or dispatch them with drain() or another driving"
            " method."
        )


def _errors(history: History, service: Service) -> str:
    errors = list(history.inspected.unseen_errors())
    if not errors:
        return ""
    shown = [
        f"{short_name(task)} attempt {number}: {text}"
        for sequence, number, text in errors[:SHOWN]
        if (task := service.accepted.get(sequence)) is not None
    ]
    return (
        "Exceptions of handlers, answered with 500, that the test did not check:"
        f" {counted(len(errors), 'error')}\n{lines(errors, shown)}\nCheck the attempts with"
        " cloud_tasks.assert_attempts(), or read attempt.exception."
    )


def _scripts(targets: Targets) -> str:
    unused = targets.unused_scripts()
    if not unused:
        return ""
    return (
        f"Routes with unused answers: {counted(len(unused), 'route')}\n{lines(unused, unused[:SHOWN])}\nDrive the queue"
        " until every answer has been used, or remove answers from the script."
    )
