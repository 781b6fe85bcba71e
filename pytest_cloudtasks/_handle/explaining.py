"""The texts of failed assertions: what was expected, what is there, nearest first, and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

from .matching import Difference, Match
from .on_commit import hint
from .records import TaskRecord, contents, model_task, short_name
from .suggestions import counted
from .timeline import timeline_text
from .world import World

SHOWN = 5
"""How many tasks a message shows."""
WIDTH = 200
"""How many characters of a value a message shows."""


def count_text(count: int | None) -> str:
    """``1 task``, ``3 tasks``, ``at least 1 task``."""
    return "at least 1 task" if count is None else counted(count, "task")


def explained(
    headline: str, match: Match, found: Sequence[TaskRecord], others: Sequence[TaskRecord], none: str, world: World
) -> str:
    """A whole message: the headline, what was expected, the tasks that match and those that don't, the timeline.

    ``none`` is what it says where there are no tasks at all.
    """
    parts = [headline]
    expected = match.expected()
    if expected:
        parts.append("Expected:\n" + "\n".join(_field(name, value) for name, value in expected.items()))
    if found:
        parts.append(f"{'Matching' if expected else 'There are'}:\n{_tasks(found)}")
    if others:
        ranked = sorted(((match.differences(task), task) for task in others), key=lambda pair: len(pair[0]))
        shown = "\n".join(_near(task, differences) for differences, task in ranked[:SHOWN])
        parts.append(f"Not matching, nearest first:\n{shown}{_left_out(len(ranked))}")
    elif not found:
        parts.append(none)
    told = hint()
    if told:
        parts.append(told)
    parts.append(f"Timeline:\n{indented(timeline_text(world))}")
    return "\n\n".join(parts)


def with_timeline(message: str, world: World) -> str:
    """A message about one task, followed by the timeline."""
    return f"{message}\n\nTimeline:\n{indented(timeline_text(world))}"


def indented(text: str) -> str:
    """Every line two columns in."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def _tasks(tasks: Sequence[TaskRecord]) -> str:
    return "\n".join(f"  {_title(task)}" for task in tasks[:SHOWN]) + _left_out(len(tasks))


def _near(task: TaskRecord, differences: Sequence[Difference]) -> str:
    lines = [f"  {_title(task)}"]
    for one in differences:
        lines.append(f"    {one.field}: expected {shown(one.expected)}")
        lines.append(f"    {' ' * len(one.field)}       got {shown(one.actual)}")
    return "\n".join(lines)


def _title(task: TaskRecord) -> str:
    return f"{short_name(model_task(task))}  {contents(model_task(task))}  ({task.state.value})"


def _left_out(total: int) -> str:
    return f"\n  … and {total - SHOWN} more" if total > SHOWN else ""


def _field(name: str, value: Any) -> str:
    return f"  {name}: {shown(value)}"


def shown(value: Any) -> str:
    """A value as a message shows it: in one line, and not too long."""
    text = f"a predicate, {value.__qualname__}" if isinstance(value, FunctionType) else repr(value)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"
