"""What happened in a test, in order: events of the service, calls of clients, planned faults, clocks set anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .._messages.rpc_call import RpcCall
from .._service.events import Event
from .._service.task import Task
from .._service.validation import id_of, is_queue, queue_of

if TYPE_CHECKING:
    from .._messages.rpc_call import RpcCall
    from .simulation import Simulation


class Origin(NamedTuple):
    """From event number ``event`` on the timeline counts from ``instant``; ``elapsed`` had passed by then."""

    event: int
    instant: int
    elapsed: int


class Note(NamedTuple):
    """A planned fault that has happened, before event number ``event``; ``offset`` from where time is held."""

    event: int
    offset: int
    text: str
    task: Task | None
    """Whose name comes before the text."""


CALLS_KEPT = 100_000
"""How many of the latest calls are kept; one takes some 0.9 KB."""


class CallLog:
    """The latest calls, oldest first."""

    def __init__(self, limit: int) -> None:
        self.rpcs: list[RpcCall] = []
        self.made = 0
        """How many calls were made in all."""
        self._limit = limit

    def add(self, call: RpcCall) -> None:
        """``call`` has come in."""
        self.made += 1
        self.rpcs.append(call)
        if len(self.rpcs) > self._limit:
            del self.rpcs[0]

    @property
    def answered(self) -> Sequence[RpcCall]:
        """Those whose answer is out: a predicate of the test's may look while one is under way."""
        return [call for call in self.rpcs if call.message is None]

    def since(self, made: int) -> Sequence[RpcCall]:
        """Those of the calls that are kept which came after the first ``made``."""
        forgotten = self.made - len(self.rpcs)
        return self.rpcs[max(made - forgotten, 0) :]

    def copy(self) -> CallLog:
        """The same, to go its own way."""
        copied = CallLog(self._limit)
        copied.rpcs, copied.made = list(self.rpcs), self.made
        return copied


@dataclass(frozen=True)
class Call:
    """Calls of one RPC about one resource that ended alike; ``also`` are those of other RPCs in the same breath."""

    method: str
    name: str
    """The full name of the task or queue; "" where the calls were about several, or about something else."""
    code: str
    """The name of the code that a refused one got."""
    last: int
    """The offset of the last one."""
    count: int = 1
    also: tuple[Call, ...] = ()

    def joined(self, other: Call, at: int) -> Call | None:
        """Itself with ``other``, a single call that came next, in it; None if that is a matter of its own."""
        if self.code or other.code:
            alike = (self.method, self.name, self.code) == (other.method, other.name, other.code) and not self.also
            return replace(self, count=self.count + 1, last=at) if alike else None
        parts = [self, *self.also]
        for index, one in enumerate(parts):
            if one.method == other.method:
                name = one.name if one.name == other.name else ""
                parts[index] = replace(one, count=one.count + 1, name=name)
                break
        else:
            parts.append(other)
        return replace(parts[0], last=at, also=tuple(parts[1:]))

    @property
    def text(self) -> str:
        """``get_task receipts/one ×12, list_tasks receipts``, ``create_task receipts → NOT_FOUND``."""
        return ", ".join(one._text for one in (self, *self.also))

    @property
    def _text(self) -> str:
        subject = f" {short_resource(self.name)}" if self.name else ""
        ended = f" → {self.code}" if self.code else ""
        return f"{self.method}{subject}{ended}{f' ×{self.count}' if self.count > 1 else ''}"


def call_of(call: RpcCall) -> Call:
    """``call``, by itself."""
    return Call(call.method, name_in(call), code_of(call), call.offset)


def code_of(call: RpcCall) -> str:
    """The name of the code that a refused call got; "" for any other."""
    error: Any = call.error
    return error.code().name if hasattr(error, "code") else ""


def name_in(call: RpcCall) -> str:
    """The task or the queue that a call is about; "" if it is about neither."""
    for path in (("task", "name"), ("queue", "name"), ("name",), ("parent",), ("resource",)):
        found = call.request
        for part in path:
            found = getattr(found, part, "")
        if isinstance(found, str) and is_queue(queue_of(found) or found):
            return found
    return ""


def short_resource(name: str) -> str:
    """``queue/task`` or ``queue`` for a full name."""
    queue = queue_of(name)
    return f"{id_of(queue)}/{id_of(name)}" if queue else id_of(name)


class Entry(NamedTuple):
    """One thing that happened at ``offset`` nanoseconds from where time is held, and at ``instant``."""

    offset: int
    instant: int
    what: Event | Note | Call | Origin


_Place = tuple[int, int, int]
"""Before which event, before or after which note, and which of the two."""
_LAST_OF_ALL = 1 << 62
_T = TypeVar("_T")


def entries(simulation: Simulation) -> Iterator[Entry]:
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


def _in_order(simulation: Simulation) -> Iterator[Event | Note | RpcCall | Origin]:
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
