"""What happened in a test: one list of events, calls, faults and clock changes, in order.

Theory of operation. `History.record` and, for calls, `History.record_call` append to the list, and everything is
recorded when it happens: the service records its events, the simulation the calls that clients make, faults where they
are injected, and the clock where its time begins or is reset. So the order of the list is the order of the test, and
nothing is ever sorted. Everything that reports on a test reads this list: the timeline, the report, summaries,
assertions, hints, the state machine and the emulator's log. Beside it, the steps keep what belongs to an attempt and is
no record: the request that the target received, its answer, and what the test has looked at.

A record has an instant, but people read offsets. So `History.entries` walks the list and counts from the current time
base: a `TimeBase` begins the list, and a reset of the clock adds another. A call is placed where it came in, before the
events that it caused. If these already show it, `IncomingCall.has_effect` is set.

Events are kept for the whole test. Of calls only the latest are kept, since each takes some 0.9 KB; an older one leaves
an empty place, so that positions in the list don't change. A position is a number of records, such as `len(history)`
before a block of code; `History.since` returns the records after it. The emulator, which may run for weeks, forgets old
records of every kind (`History.forget_all_but`); positions and offsets still count from the beginning.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.task import Attempt, Task
from .fork_safety import forks
from .inspected import Inspected

if TYPE_CHECKING:
    from .._targets.answers import Answer
    from .._targets.request import TargetRequest

CALLS_KEPT = 100_000
"""The number of calls that are kept, the latest ones."""


class TimeBase(NamedTuple):
    """The start of offsets: ``instant`` has the offset 0. The clock was at the offset ``elapsed`` (nanoseconds)."""

    instant: int
    elapsed: int

    @property
    def at(self) -> int:
        """When the clock had this offset: at the beginning of time, or at a reset."""
        return self.instant + self.elapsed


class InjectedFault(NamedTuple):
    """A planned fault that has happened. A lost handler response is an outcome of its attempt instead."""

    at: int
    text: str
    task: Task | None
    """The task whose name precedes the text."""


Record = Event | IncomingCall | InjectedFault | TimeBase


class Entry(NamedTuple):
    """A record, ``offset`` nanoseconds after its time base."""

    offset: int
    record: Record
    answer: Answer | None = None
    """The target's answer, for an attempt that has ended."""

    @property
    def instant(self) -> int:
        """When it happened."""
        return self.record.at

    @property
    def base(self) -> int:
        """The instant from which offsets count."""
        return self.record.at - self.offset


class History:
    """Everything that happened in a test, in order."""

    def __init__(self, calls_kept: int = CALLS_KEPT, *, show_secrets: bool = False) -> None:
        self.calls_kept = calls_kept
        self.show_secrets = show_secrets
        """Whether reports show the values of headers that hold secrets."""
        self.lock = forks.lock()
        """Held while records are added or read together."""
        self._generation = forks.generation
        self.requests: dict[Attempt, TargetRequest] = {}
        """What targets have received; after redirects, the last one."""
        self.answers: dict[Attempt, Answer] = {}
        """What targets have answered, or raised."""
        self.inspected = Inspected()
        """What the test has looked at."""
        self.has_inner_calls = False
        """Whether a fake that was opened within this one, and has ended, received calls."""
        self.forgotten = 0
        """The number of records at the beginning that `forget_all_but` has forgotten."""
        self._records: list[Record | None] = []
        self._removed = 0
        """The number of forgotten records that have no place in the list any more."""
        self._base = 0
        """The instant of the latest forgotten time base."""
        self._grown = threading.Condition(self.lock)
        self._waiting = 0
        """How many threads wait for the history to grow."""
        self._calls = 0
        self._oldest = 0
        """The position before which no call is kept."""

    def record(self, record: Record) -> None:
        """Append a record."""
        self._records.append(record)
        if self._waiting:
            with self._grown:
                self._grown.notify_all()

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until ``holds`` returns true, at most this much real time, while other threads add to the history.

        It is called with the lock held, at first and after each record but a call, which is recorded unanswered.
        """
        from .._time.real import monotonic  # imports time-machine, which most tests of the model don't need

        end = monotonic() + seconds
        with self._grown:
            self._waiting += 1
            try:
                while not holds() and (left := end - monotonic()) > 0:
                    self._grown.wait(left)
            finally:
                self._waiting -= 1

    def record_call(self, call: IncomingCall) -> None:
        """Append a call that has come in, and drop the oldest one if there are too many."""
        self._records.append(call)
        self._calls += 1
        if self._calls > self.calls_kept:
            self._forget_oldest_call()

    def _forget_oldest_call(self) -> None:
        while not isinstance(self._records[self._oldest - self._removed], IncomingCall):
            self._oldest += 1
        self._forget(self._oldest)

    def forget_all_but(self, most: int) -> None:
        """Forget all records but the latest ``most``. Positions and offsets stay as they are."""
        end = len(self) - most
        for position in range(self.forgotten, end):
            self._forget(position)
        self.forgotten = max(self.forgotten, end)
        self._oldest = max(self._oldest, self.forgotten)
        empty = self.forgotten - self._removed
        if empty > most:  # so that moving the others to the front is rare
            del self._records[:empty]
            self._removed = self.forgotten

    def _forget(self, position: int) -> None:
        record = self._records[position - self._removed]
        if isinstance(record, IncomingCall):
            self._calls -= 1
        elif isinstance(record, TimeBase):
            self._base = record.instant
        self._records[position - self._removed] = None

    def __len__(self) -> int:
        """The number of records so far, forgotten ones included."""
        return self._removed + len(self._records)

    def since(self, position: int) -> Iterator[Record]:
        """Return the kept records from a position on."""
        return (record for record in self._places(position) if record is not None)

    def _places(self, position: int) -> list[Record | None]:
        first = max(0, position - self._removed)
        return self._records[first:] if first else self._records

    def events(self, position: int = 0) -> Iterator[Event]:
        """Return the kept events of the service, from a position on."""
        return (record for record in self._places(position) if isinstance(record, Event))

    def calls(self, position: int = 0) -> list[IncomingCall]:
        """Return the kept calls of clients, oldest first, from a position on."""
        return [record for record in self._places(position) if isinstance(record, IncomingCall)]

    @property
    def has_begun(self) -> bool:
        """Whether there is a time base yet."""
        return len(self) > 0

    @property
    def is_forked_copy(self) -> bool:
        """Whether this process was forked from the test's, so that the test never sees what is recorded here."""
        return self._generation != forks.generation

    @property
    def is_empty(self) -> bool:
        """Whether nothing is recorded except the beginning of time."""
        return not self.forgotten and all(isinstance(record, TimeBase) for record in self.since(0))

    def entries(self) -> Iterator[Entry]:
        """Return all kept records with their offsets, except calls that are under way.

        A reset of the clock is an entry only if something happens after it. The first time base is no entry.
        """
        base, is_first, resets = self._base, not self.forgotten, list[TimeBase]()
        for record in self.since(0):
            if isinstance(record, TimeBase):
                resets += [] if is_first else [record]
                base = record.instant
                continue
            if isinstance(record, IncomingCall) and record.is_under_way:
                continue
            for reset in resets:
                yield Entry(reset.elapsed, reset)
            resets.clear()
            is_first = False
            yield Entry(record.at - base, record, self._answer_behind(record))

    def _answer_behind(self, record: Record) -> Answer | None:
        if not isinstance(record, Event) or record.kind is not EventKind.TASK_ANSWERED or record.attempt is None:
            return None
        return self.answers.get(record.attempt)

    def __deepcopy__(self, memo: dict[int, Any]) -> History:
        """Copy the history with its tasks, for a simulation that goes on from here; calls never change."""
        copied = History(self.calls_kept, show_secrets=self.show_secrets)
        memo[id(self)] = copied
        for record in self._records:
            keeps = record is None or isinstance(record, IncomingCall)
            copied._records.append(record if keeps else copy.deepcopy(record, memo))
        for attempt, request in self.requests.items():
            copied.requests[copy.deepcopy(attempt, memo)] = request
        for attempt, answer in self.answers.items():
            copied.answers[copy.deepcopy(attempt, memo)] = answer
        copied.inspected = self.inspected.copy()
        copied._calls, copied._oldest, copied._base = self._calls, self._oldest, self._base
        copied.forgotten, copied._removed = self.forgotten, self._removed
        return copied
