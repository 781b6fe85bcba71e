"""``strict``: what a test that passes has neither driven nor looked at."""

from __future__ import annotations

from collections.abc import Iterator

from .._simulation.records import short_name
from .._simulation.state import State
from .._text import counted
from .leftovers import SHOWN, lines, listing
from .with_timeline import with_timeline

DRAINED = "drained"
_HOW_TO_TURN_OFF = (
    "strict=False turns this off: @pytest.mark.cloud_tasks(strict=False) for a test, FakeCloudTasks(strict=False) for a"
    " block."
)


def passed_over(simulation: State) -> str:
    """What ``strict`` has to say at the end of a test that has passed; "" if there is nothing."""
    if not simulation.settings.strict:
        return ""
    told = [part for part in (*_tasks(simulation), _errors(simulation)) if part]
    if not told:
        return ""
    headline = f"strict={simulation.settings.strict!r} fails a test that passes and leaves something behind."
    return "\n\n".join([headline, *told, _HOW_TO_TURN_OFF])


def check_strictness(simulation: State) -> None:
    """Fail where a block or an example that has passed leaves something behind."""
    __tracebackhide__ = True
    told = passed_over(simulation)
    if told:
        raise with_timeline(told, simulation)


def _tasks(simulation: State) -> Iterator[str]:
    left = set()
    if simulation.settings.strict == DRAINED and (tasks := simulation.live_tasks()):
        left = set(tasks)
        yield (
            f"Left in the queues: {counted(len(tasks), 'task')}\n{listing(tasks, simulation)}\n"
            "Drive them to their end, by cloud_tasks.drain() or advance(), or delete them."
        )
    neglected = [
        task
        for task in simulation.service.accepted
        if not task.dispatch_count and task not in left and not simulation.attention.has_matched(task)
    ]
    if neglected:
        yield (
            f"Neither dispatched nor matched by an assertion: {counted(len(neglected), 'task')}\n"
            f"{listing(neglected, simulation)}\n"
            "Assert on them, by cloud_tasks.assert_enqueued() and its kin, or dispatch them, by drain() and its kin."
        )


def _errors(simulation: State) -> str:
    errors = list(simulation.attention.unseen_errors())
    if not errors:
        return ""
    shown = [
        f"{short_name(simulation.service.accepted[sequence])} attempt {number}: {text}"
        for sequence, number, text in errors[:SHOWN]
    ]
    return (
        f"Raised by handlers, answered with 500, and seen by nobody: {counted(len(errors), 'error')}\n"
        f"{lines(errors, shown)}\n"
        "Assert on the attempts, by cloud_tasks.assert_attempts() and its kin, or read attempt.exception."
    )
