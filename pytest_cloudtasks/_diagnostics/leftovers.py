"""Tasks that are left in the queues, as messages list them."""

from __future__ import annotations

from collections.abc import Sequence

from .._service.task import Task
from .._simulation.duration_text import duration_text, offset_text
from .._simulation.records import contents, model_task, short_name
from .._simulation.state import State
from .._simulation.summary import BlockedReason, blocked

SHOWN = 10
"""How many tasks a message lists."""


def listing(tasks: Sequence[Task], simulation: State) -> str:
    """A line for each of the first tasks: when it goes, what holds it up, or how it ended; the rest is counted."""
    reasons = {model_task(one.task): one.reason for one in blocked(simulation)}
    return lines(tasks, [_line(task, simulation, reasons.get(task)) for task in tasks[:SHOWN]])


def lines(all: Sequence[object], shown: Sequence[str]) -> str:
    """``shown``, two columns in, and how many of ``all`` were left out."""
    more = [f"  … and {len(all) - len(shown)} more"] if len(all) > len(shown) else []
    return "\n".join([*(f"  {line}" for line in shown), *more])


def _line(task: Task, simulation: State, reason: BlockedReason | None) -> str:
    now = simulation.clock.now
    if not task.is_live:
        when = task.state.value
    elif task.in_flight:
        when = "under way"
    elif task.goes_at > now:
        when = f"goes at {offset_text(task.goes_at - simulation.clock.origin)}"
        when += f", in {duration_text(task.goes_at - now)}"
    else:
        when = "due"
    but = f", but {reason.value}" if reason else ""
    return f"{short_name(task)}  {contents(task)}  {when}{but}"
