"""A queue: its state, the tasks that wait in it, its dispatch rate and its statistics."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from .._units import MINUTE, SECOND
from .iam import Policy
from .queue_settings import QueueConfig, QueueType, RateLimits
from .task import Task, TaskState


class DispatchRate:
    """A token bucket: at most ``burst`` tokens, refilled at ``rate`` a second, one token a dispatch.

    It starts full, and refills whether or not the queue runs. Evidence: documented (bucket); full at the start and
    refilling while paused are our choice.

    Kept as the instant at which the bucket will be full again, in whole nanoseconds, so that nothing drifts: each
    token taken moves that instant by one interval, and a token is there while it is less than ``burst`` intervals off.
    """

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at: int | None = None

    def ready_at(self) -> int | None:
        """From when on a token is there; None for always (nothing was ever taken)."""
        if self._full_at is None:
            return None
        return self._full_at - (self._burst - 1) * self._interval

    def take(self, now: int) -> None:
        """Take one token at ``now``; the caller has seen that one is there."""
        self._full_at = (now if self._full_at is None else max(self._full_at, now)) + self._interval

    def change(self, rate: float | Fraction, burst: int, now: int) -> None:
        """New settings: the tokens that are there stay, up to the new burst. Evidence: our choice."""
        kept = min(self._there(now), Fraction(burst))
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at = now + math.ceil((burst - kept) * self._interval)

    def shift(self, by: int) -> None:
        """Move with a clock that was set anew."""
        if self._full_at is not None:
            self._full_at += by

    def _there(self, now: int) -> Fraction:
        """The tokens at ``now``, the one that is growing included."""
        missing = 0 if self._full_at is None else max(self._full_at - now, 0)
        return self._burst - Fraction(missing, self._interval)


Entry = tuple[int, int, int, int, Task]
"""When it goes, its rank, its number, how often it had been dispatched when it lined up, and the task.

A task that goes out of turn, or lines up again, leaves its earlier entries in the line; `still_waits` tells them apart.
"""


def still_waits(entry: Entry) -> bool:
    """Whether an entry is its task's latest."""
    at, rank, _, dispatch_count, task = entry
    return (
        task.state is TaskState.SCHEDULED
        and task.dispatch_count == dispatch_count
        and task.rank == rank
        and task.schedule_time + task.delay == at
    )


class Line:
    """Who comes last in order goes to the end, which takes no time; who has to go before others waits in a heap.

    Most tasks come in order. With a heap alone each would cost the more, the more are waiting.
    """

    __slots__ = ("_heap", "_run")

    def __init__(self) -> None:
        self._run: deque[Entry] = deque()
        self._heap: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """``entry`` lines up."""
        run = self._run
        while run and run[-1] > entry and not still_waits(run[-1]):
            run.pop()  # nobody has to go before one that is gone
        if not run or run[-1] < entry:
            run.append(entry)
        else:
            heapq.heappush(self._heap, entry)

    def first(self) -> Task | None:
        """The task that is next in line, due or not."""
        run, heap = self._run, self._heap
        while run or heap:
            is_in_heap = not run or (bool(heap) and heap[0] < run[0])
            entry = heap[0] if is_in_heap else run[0]
            if still_waits(entry):
                return entry[-1]
            if is_in_heap:  # dispatched out of turn, held back since, or gone
                heapq.heappop(heap)
            else:
                run.popleft()
        return None

    def up_to(self, at: int) -> list[Task]:
        """The tasks whose instant has come by ``at``, in line."""
        return _in_line(self._due(at))

    def __iter__(self) -> Iterator[Task]:
        """All tasks, in line."""
        return iter(_in_line([*self._run, *self._heap]))

    def _due(self, at: int) -> Iterator[Entry]:
        for entry in self._run:
            if entry[0] > at:
                break
            yield entry
        heap, index = self._heap, [0]
        while index:
            i = index.pop()
            if i >= len(heap) or heap[i][0] > at:
                continue  # what lies below in the heap is later still
            yield heap[i]
            index += (2 * i + 1, 2 * i + 2)


def _in_line(entries: Iterable[Entry]) -> list[Task]:
    """The tasks that still wait, each once: one that is held back by nothing lines up again where it stood."""
    line = sorted(entries, key=lambda entry: entry[:3])
    return list(dict.fromkeys(entry[-1] for entry in line if still_waits(entry)))


class Place(NamedTuple):
    """A task's place among the tasks that wait for their dispatch."""

    rank: int = 0
    """Among tasks of one instant the smaller goes first, of equal ones the older. Evidence: our choice."""
    delay: int = 0
    """How long (nanoseconds) after its schedule time it goes. Evidence: documented (dispatches may be late)."""


FIRST_COME = Place()


LEAST_RATE = Fraction(1, 64)
"""The part of its rate that a throttled queue always has. Evidence: our choice."""


class QueueState(Enum):
    """Queue.State."""

    RUNNING = 1
    PAUSED = 2
    DISABLED = 3


class Queue:
    """A live queue. Tasks are kept in the order of their creation."""

    __slots__ = (
        "_line",
        "config",
        "in_flight",
        "initialized_at",
        "is_pull",
        "name",
        "policy",
        "policy_version",
        "purge_time",
        "purges",
        "rate",
        "recent_answers",
        "state",
        "tasks",
        "throttle",
    )

    def __init__(self, name: str, config: QueueConfig, initialized_at: int = 0) -> None:
        self.name = name
        self.config = config
        self.is_pull = config.type is QueueType.PULL
        """Whether its tasks are leased rather than sent, which never changes."""
        self.initialized_at = initialized_at
        """From when on CreateTask finds it."""
        self.state = QueueState.RUNNING
        self.purge_time: int | None = None
        self.purges: list[tuple[int, int]] = []
        """Purges to come: their instant, and the sequence number before which tasks go."""
        self.policy: Policy | None = None
        self.policy_version = 0
        self.tasks: dict[str, Task] = {}
        self.in_flight = 0
        limits = config.rate_limits
        self.rate = DispatchRate(limits.max_dispatches_per_second, limits.max_burst_size)
        self.throttle = Fraction(1)
        """The part of its rate that the system allows it; the settings stay as they are."""
        self.recent_answers: deque[int] = deque()
        """When attempts ended in the minute before the latest end."""
        self._line = Line()

    def count_answer(self, now: int) -> None:
        """Count an attempt that has ended, for the statistics."""
        answers = self.recent_answers
        answers.append(now)
        while answers[0] <= now - MINUTE:
            answers.popleft()

    def reconfigure(self, config: QueueConfig, now: int) -> None:
        """Take new settings; attempts under way and computed schedule times stay. Evidence: our choice."""
        if config.rate_limits != self.config.rate_limits:
            self._change_rate(config.rate_limits, now)
        self.config = config

    def allow(self, part: Fraction, now: int) -> None:
        """Let it have this part of its rate, between `LEAST_RATE` and all of it. Evidence: our choice."""
        part = min(max(part, LEAST_RATE), Fraction(1))
        if part != self.throttle:
            self.throttle = part
            self._change_rate(self.config.rate_limits, now)

    def _change_rate(self, limits: RateLimits, now: int) -> None:
        burst = max(1, int(limits.max_burst_size * self.throttle))
        self.rate.change(Fraction(limits.max_dispatches_per_second) * self.throttle, burst, now)

    def wait(self, task: Task, place: Place = FIRST_COME) -> None:
        """Line ``task`` up, by instant, rank and creation. Evidence: our choice; the service promises no order."""
        rank, delay = place
        task.rank, task.delay = rank, delay
        self._line.add((task.schedule_time + delay, rank, task.sequence, task.dispatch_count, task))

    def head(self) -> Task | None:
        """The task that is next in line, due or not."""
        return self._line.first()

    def waiting(self) -> list[Task]:
        """The tasks that wait to be sent, due or not, in the order of creation."""
        if self.is_pull:
            return []
        return [task for task in self.tasks.values() if task.state is TaskState.SCHEDULED]

    def due(self, now: int) -> list[Task]:
        """The tasks that wait although their instant has come, in line."""
        return self._line.up_to(now)

    @property
    def has_slot(self) -> bool:
        """Whether max_concurrent_dispatches allows another dispatch."""
        return self.in_flight < self.config.rate_limits.max_concurrent_dispatches

    def removed_at(self, task: Task) -> int:
        """The instant from which on ``task`` is not there, whatever happens to it: purged, or too old."""
        too_old = task.create_time + self.config.task_ttl
        if not self.purges:
            return too_old
        return min([too_old, *(at for at, before in self.purges if task.sequence < before)])

    def next_dispatch(self) -> tuple[int, Task] | None:
        """The earliest instant at which a task may go out, if nothing else happens, and which; None if none may.

        Tasks that will be gone by their instant are passed over, so that nobody waits for it.
        """
        if self.state is not QueueState.RUNNING or not self.has_slot:
            return None
        task = self._line.first()
        if task is None:
            return None
        at, ready_at = task.eligible_at, self.rate.ready_at()
        if ready_at is not None and ready_at > at:
            at = ready_at
        if at < self.removed_at(task):
            return at, task
        for task in self._line:
            at = max(at, task.eligible_at)
            if at < self.removed_at(task):
                return at, task
        return None


class QueueStats(NamedTuple):
    """Queue.stats as it is at one instant. The service calls its numbers estimations; these are exact."""

    tasks_count: int
    """Tasks that are there, dispatched and leased ones included. Evidence: documented."""
    oldest_estimated_arrival_time: int | None
    """The nearest instant, from now on, at which a task that waits is scheduled. Evidence: documented."""
    executed_last_minute_count: int
    """Answers of the last minute, whatever they were. Evidence: documented."""
    concurrent_dispatches_count: int
    """Attempts under way. Evidence: documented."""
    effective_execution_rate: float
    """The rate that the system allows, which is the queue's own without a throttle. Evidence: documented."""


def stats_of(queue: Queue, now: int) -> QueueStats:
    """Return the statistics of ``queue`` at ``now``."""
    if queue.is_pull:
        arrival = min((task.schedule_time for task in queue.tasks.values()), default=None)
    else:
        head = queue.head()
        arrival = None if head is None else head.eligible_at
    return QueueStats(
        len(queue.tasks),
        None if arrival is None else max(arrival, now),
        sum(at > now - MINUTE for at in queue.recent_answers),
        queue.in_flight,
        float(queue.config.rate_limits.max_dispatches_per_second * queue.throttle),
    )
