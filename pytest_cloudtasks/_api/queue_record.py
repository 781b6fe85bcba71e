"""``cloud_tasks.queue(id)``: the record of a queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .._arguments import checked_call
from .._messages import api_versions
from .._service.events import Event, EventKind
from .._service.validation import id_of
from .._simulation.records import Attempt, NamesQueue
from .._simulation.simulation import Simulation
from .._time.instants import Duration, duration_of, to_timedelta


class QueueRecord(NamesQueue):
    """A queue of this test, deleted or not, and its attempts so far.

    Attempts by RunTask and ``dispatch()`` count like all others.
    """

    __slots__ = ("_name", "_simulation")

    def __init__(self, name: str, simulation: Simulation) -> None:
        self._name = name
        self._simulation = simulation

    @property
    def name(self) -> str:
        """The full name."""
        return self._name

    @property
    def id(self) -> str:
        """The last part of the name."""
        return id_of(self._name)

    @property
    def message(self) -> Any:
        """The stored Queue message of v2. LookupError if the queue is deleted."""
        queue = self._simulation.service.queues.get(self._name)
        if queue is None:
            raise LookupError(
                f"The queue {self.id!r} was deleted, so it has no settings. Read them before it is deleted."
            )
        return api_versions.v2().messages.queue(queue)

    @property
    def attempts(self) -> list[Attempt]:
        """Every attempt at a task of this queue, in the order of dispatch."""
        return [
            Attempt(event.attempt, self._simulation.history)
            for event in self._dispatches()
            if event.attempt is not None
        ]

    @property
    def peak_concurrency(self) -> int:
        """The highest number of attempts that ran at once.

        RunTask counts, so it can exceed ``max_concurrent_dispatches``.
        """
        under_way = peak = 0
        for event in self._events():
            if event.kind is EventKind.TASK_DISPATCHED:
                under_way += 1
                peak = max(peak, under_way)
            elif event.kind is EventKind.TASK_ANSWERED:
                under_way -= 1
        return peak

    @checked_call
    def peak_rate(self, per: Duration = timedelta(seconds=1)) -> int:
        """Return the highest number of dispatches within any ``per``.

        A burst counts, so it can exceed ``max_dispatches_per_second``.

        Args:
            per: The length of time, whose end is excluded: a timedelta, or a text such as ``"1m"``.

        Raises:
            ValueError: The duration isn't above zero.
            TypeError: It is a bare number or another type.
        """
        window = duration_of(per, what="peak_rate()", above_zero=True)
        instants = [event.at for event in self._dispatches()]
        first = peak = 0
        for index, at in enumerate(instants):
            while instants[first] <= at - window:
                first += 1
            peak = max(peak, index + 1 - first)
        return peak

    @property
    def span(self) -> timedelta:
        """The time from the first dispatch to the end of the last attempt, as a timedelta.

        It is a lower bound: the real service has latencies of its own, and starts a queue slowly.
        """
        events = self._events()
        return to_timedelta(events[-1].at - events[0].at) if events else timedelta(0)

    def _dispatches(self) -> list[Event]:
        return [event for event in self._events() if event.kind is EventKind.TASK_DISPATCHED]

    def _events(self) -> list[Event]:
        """Yield the queue's dispatches and their ends."""
        kinds = (EventKind.TASK_DISPATCHED, EventKind.TASK_ANSWERED)
        return [
            event
            for event in self._simulation.history.events()
            if event.queue_name == self._name and event.kind in kinds
        ]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QueueRecord) and (self._simulation, self._name) == (other._simulation, other._name)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"<queue {self.id}, {len(self._dispatches())} attempts>"


class QueueRecords:
    """Give records of queues."""

    def _synced(self) -> Simulation:
        raise NotImplementedError

    @checked_call
    def queue(self, queue: str) -> QueueRecord:
        """Return the record of a queue, also of a deleted one.

        ``cloud_tasks.queue("receipts").peak_concurrency``

        Args:
            queue: The queue's ID or full name.

        Raises:
            LookupError: This test has never had the queue.
        """
        simulation = self._synced()
        return QueueRecord(simulation.queue_named(queue), simulation)
