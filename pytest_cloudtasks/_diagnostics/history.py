"""What happened in a test, put in order: events of the service, calls of clients, planned faults, clocks set anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from .._messages.rpc_call import RpcCall
from .._service.events import Event
from .._simulation.calls import Call, call_of
from .._simulation.notes import Note, Origin
from .._simulation.state import State


class Entry(NamedTuple):
    """One thing that happened at ``offset`` nanoseconds from where time is held, and at ``instant``."""

    offset: int
    instant: int
    what: Event | Note | Call | Origin


_Place = tuple[int, int, int]
"""Before which event, before or after which note, and which of the two."""
_LAST_OF_ALL = 1 << 62
_T = TypeVar("_T")


def entries(simulation: State) -> Iterator[Entry]:
    """Everything, in the order in which it happened; a call that became an event or a fault is not told twice.

    The offsets of events count from the origin that was in force; those of all else were noted as they happened.
    """
    origin = 0
    begun = False
    set_anew: list[Entry] = []
    for what in _in_order(simulation):
        if isinstance(what, Origin):
            origin = what.instant
            set_anew += [Entry(what.elapsed, origin + what.elapsed, what)] if begun else []
            continue
        yield from set_anew  # a clock is told as set anew once something happens by it
        set_anew = []
        begun = True
        offset = what.at - origin if isinstance(what, Event) else what.offset
        yield Entry(offset, origin + offset, call_of(what) if isinstance(what, RpcCall) else what)


def _in_order(simulation: State) -> Iterator[Event | Note | RpcCall | Origin]:
    placed: list[tuple[_Place, Event | Note | RpcCall | Origin]] = []
    placed += [((one.event, -1, 0), one) for one in simulation.origins]
    placed += [((one.event, one.note, 0), one) for one in simulation.log.answered if not one.is_told]
    placed += [((one.event, index, 1), one) for index, one in enumerate(simulation.notes)]
    placed += [((index, _LAST_OF_ALL, 0), one) for index, one in enumerate(simulation.service.events)]
    placed.sort(key=lambda pair: pair[0])  # it is stable: what has one place is in the order of its list
    return (what for _, what in placed)


def folded(told: Iterator[Entry]) -> Iterator[Entry]:
    """The same, with calls that follow each other directly in one entry; those that ended alike are counted."""
    held: Entry | None = None
    for entry in told:
        if held is not None and isinstance(held.what, Call) and isinstance(entry.what, Call):
            joined = held.what.joined(entry.what, entry.offset)
            if joined is not None:
                held = held._replace(what=joined)
                continue
        if held is not None:
            yield held
        held = entry
    if held is not None:
        yield held
