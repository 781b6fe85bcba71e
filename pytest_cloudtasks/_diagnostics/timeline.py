"""The timeline: everything that happened, as offsets of the queue's time. Byte for byte the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from .._service.events import Event, EventKind
from .._simulation.duration_text import offset_text
from .._simulation.records import model_task, short_name
from .._simulation.state import State
from .._simulation.summary import blocked
from .._text import counted, shortened
from .event_text import entry_text
from .history import Entry, entries, folded

HEAD, TAIL = 12, 28
"""Of a long timeline a message shows the beginning and the end, in so many lines."""
WIDTH = 300
"""And of each line so much."""
NAMED = 3
"""How many of the tasks that a queue holds back are named."""


def timeline_text(simulation: State) -> str:
    """One line an event: the offset from where time is held, the queue or task, and what happened to it."""
    return "\n".join(_aligned(simulation)) or "nothing has happened yet"


def timeline_excerpt(simulation: State) -> str:
    """The same in a message: not too long, with a count of the lines that were left out."""
    lines = [shortened(line, WIDTH) for line in _aligned(simulation)]
    left_out = len(lines) - HEAD - TAIL
    if left_out > 1:
        told = f"… {left_out} lines left out; cloud_tasks.timeline() has them all …"
        lines[HEAD : HEAD + left_out] = [told]
    return "\n".join(lines) or "nothing has happened yet"


def indented_excerpt(simulation: State) -> str:
    """The same as part of a message, every line two columns in."""
    return "\n".join(f"  {line}" for line in timeline_excerpt(simulation).splitlines())


def _aligned(simulation: State) -> list[str]:
    lines = [(offset_text(entry.offset), entry_text(entry)) for entry in folded(_told(simulation))]
    lines += [(offset_text(simulation.clock.elapsed), text) for text in _held_back(simulation)]
    width = max((len(offset) for offset, _ in lines), default=0)
    return [f"{offset:<{width}}  {text}" for offset, text in lines]


def _told(simulation: State) -> Iterator[Entry]:
    return (entry for entry in entries(simulation) if not _is_told_by_its_answer(entry.what))


def _is_told_by_its_answer(what: object) -> bool:
    """A dispatch that was answered at once needs no line of its own."""
    if not isinstance(what, Event) or what.kind is not EventKind.TASK_DISPATCHED or what.attempt is None:
        return False
    return what.attempt.response_time == what.attempt.dispatch_time


def _held_back(simulation: State) -> Iterator[str]:
    """What cannot go out now, and why; the tasks of a queue in one line."""
    if not simulation.service.has_live_tasks:
        return
    tasks = [(model_task(one.task), one.reason) for one in blocked(simulation)]
    for (_, reason), group in groupby(tasks, key=lambda pair: (pair[0].queue_name, pair[1])):
        held = [short_name(task) for task, _ in group]
        if len(held) == 1:
            yield f"{held[0]} blocked: {reason.value}"
            continue
        more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
        yield f"{counted(len(held), 'task')} blocked: {reason.value} ({', '.join(held[:NAMED])}{more})"
