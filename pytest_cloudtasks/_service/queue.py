"""A queue: its state, its waiting tasks, its dispatch rate and its statistics.

`Queue.next_dispatch` returns the next task and its instant, provided that nothing else happens. Three things decide it:
the first of the waiting tasks (a heap), the instant at which the token bucket has a token, and whether the queue runs
and has a free slot. None of them depends on the current instant, so the scheduler asks again only when one of them
changes.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from .._units import MINUTE, SECOND
from .iam import Policy
from .queue_settings import QueueConfig, QueueType, RateLimits
from .task import Task, WaitingEntry


class DispatchRate:
    """A token bucket: at most ``burst`` tokens, refilled at ``rate`` a second, one token a dispatch.

    It starts full, and refills whether or not the queue runs. Ledger: `dispatch/rate`.

    The bucket stores only the instant at which it will be full again, in whole nanoseconds, so that no rounding
    accumulates. Each token taken moves that instant by one interval; a token is available while the instant is less
    than ``burst`` intervals away.
    """

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at: int | None = None

    def ready_at(self) -> int | None:
        """Return the instant from which a token is available; None if no token was ever taken."""
        if self._full_at is None:
            return None
        return self._full_at - (self._burst - 1) * self._interval

    def take(self, now: int) -> None:
        """Take one token at ``now``. The caller has checked that one is available."""
        self._full_at = (now if self._full_at is None else max(self._full_at, now)) + self._interval

    def change(self, rate: float | Fraction, burst: int, now: int) -> None:
        """Apply new settings. Existing tokens stay, up to the new burst. Ledger: `update-queue/burst-anew`."""
        kept = min(self._there(now), Fraction(burst))
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at = now + math.ceil((burst - kept) * self._interval)

    def shift(self, by: int) -> None:
        """Shift the bucket when the clock is reset."""
        if self._full_at is not None:
            self._full_at += by

    def _there(self, now: int) -> Fraction:
        """Return the tokens at ``now``, including the partial one."""
        missing = 0 if self._full_at is None else max(self._full_at - now, 0)
        return self._burst - Fraction(missing, self._interval)


_SMALL = 64
"""The length up to which a heap of waiting tasks may keep invalid entries."""


class WaitingTasks:
    """The waiting tasks of a queue: a heap by instant, rank and creation.

    A task has one valid entry, `Task.waiting`. A task leaves the heap by losing that entry or getting another one.
    Invalid entries are dropped when they reach the top, and all together each time the heap has doubled.
    """

    __slots__ = ("_cleaned_at", "_heap")

    def __init__(self) -> None:
        self._heap: list[WaitingEntry] = []
        self._cleaned_at = _SMALL
        """The length above which all invalid entries are dropped next."""

    def add(self, task: Task, rank: int) -> None:
        """Add ``task``. Among tasks of one instant the smaller rank goes first, then the older task."""
        task.waiting = (task.eligible_at, rank, task.sequence, task)
        self.share(task.waiting)

    def share(self, entry: WaitingEntry) -> None:
        """Add an entry that another heap has as well, so that its task leaves both at once."""
        heapq.heappush(self._heap, entry)
        if len(self._heap) > self._cleaned_at:
            self._heap = [entry for entry in self._heap if entry[3].waiting is entry]
            heapq.heapify(self._heap)
            self._cleaned_at = max(_SMALL, 2 * len(self._heap))

    def first(self) -> Task | None:
        """Return the next task, due or not."""
        heap = self._heap
        while heap:
            entry = heap[0]
            if entry[3].waiting is entry:
                return entry[3]
            heapq.heappop(heap)
        return None

    def due(self, at: int) -> list[Task]:
        """Return the tasks that are eligible at ``at``, in dispatch order."""
        heap, found, indices = self._heap, [], [0]
        while indices:
            i = indices.pop()
            if i < len(heap) and heap[i][0] <= at:  # a later task has only later ones below it in the heap
                found.append(heap[i])
                indices += (2 * i + 1, 2 * i + 2)
        return _in_order(found)

    def __iter__(self) -> Iterator[Task]:
        """Iterate over all tasks in dispatch order."""
        return iter(_in_order(self._heap))


def _in_order(entries: Iterable[WaitingEntry]) -> list[Task]:
    return [entry[3] for entry in sorted(entries) if entry[3].waiting is entry]


LEAST_RATE = Fraction(1, 64)
"""The smallest part of its rate that a throttled queue keeps. Ledger: `dispatch/throttle`."""


class QueueState(Enum):
    """The state of a queue (Queue.State)."""

    RUNNING = 1
    PAUSED = 2
    DISABLED = 3


class QueueCause(Enum):
    """The causes of a queue's change of state."""

    PAUSE = "PauseQueue"
    RESUME = "ResumeQueue"
    UPLOADED = "queue.yaml with it"
    LEFT_OUT = "queue.yaml without it"


_RUNNING = {QueueState.PAUSED: QueueState.RUNNING, QueueState.DISABLED: QueueState.RUNNING}
TRANSITIONS: Mapping[QueueCause, Mapping[QueueState, QueueState]] = {
    QueueCause.PAUSE: {QueueState.RUNNING: QueueState.PAUSED, QueueState.DISABLED: QueueState.PAUSED},
    QueueCause.RESUME: _RUNNING,
    QueueCause.UPLOADED: _RUNNING,
    QueueCause.LEFT_OUT: {QueueState.RUNNING: QueueState.DISABLED, QueueState.PAUSED: QueueState.DISABLED},
}
"""The state that a cause leads to from each state; other states don't change. A new queue is RUNNING.

An upload pauses a queue whose rate is 0, by `QueueCause.PAUSE`.
"""


class Queue:
    """A live queue. Tasks are kept in order of creation."""

    __slots__ = (
        "config",
        "in_flight",
        "initialized_at",
        "is_pull",
        "lease_calls",
        "name",
        "next_task",
        "policy",
        "policy_version",
        "purge_time",
        "purges",
        "rate",
        "recent_answers",
        "state",
        "tasks",
        "throttle",
        "waiting",
    )

    def __init__(self, name: str, config: QueueConfig, initialized_at: int = 0) -> None:
        self.name: str = name
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
        self.lease_calls: deque[int] = deque()
        """When LeaseTasks was called in the second before the latest call."""
        self.waiting = WaitingTasks()
        """The tasks that wait to be sent; none in a pull queue."""
        self.next_task: Task | None = None
        """The task of the next dispatch, for the scheduler."""

    def count_answer(self, now: int) -> None:
        """Count an ended attempt for the statistics."""
        answers = self.recent_answers
        answers.append(now)
        while answers[0] <= now - MINUTE:
            answers.popleft()

    def clock_reset(self, by: int) -> None:
        """Shift the queue's instants by ``by`` when the clock is reset."""
        self.rate.shift(by)
        self.initialized_at += by
        self.lease_calls = deque(at + by for at in self.lease_calls)

    def reconfigure(self, config: QueueConfig, now: int) -> None:
        """Apply new settings. Attempts under way and computed schedule times stay. Ledger: `retry/updated-config`."""
        if config.rate_limits != self.config.rate_limits:
            self._change_rate(config.rate_limits, now)
        self.config = config

    def allow(self, part: Fraction, now: int) -> None:
        """Allow this part of its rate, between `LEAST_RATE` and all of it. Ledger: `dispatch/throttle`."""
        part = min(max(part, LEAST_RATE), Fraction(1))
        if part != self.throttle:
            self.throttle = part
            self._change_rate(self.config.rate_limits, now)

    def _change_rate(self, limits: RateLimits, now: int) -> None:
        burst = max(1, int(limits.max_burst_size * self.throttle))
        self.rate.change(Fraction(limits.max_dispatches_per_second) * self.throttle, burst, now)

    @property
    def has_slot(self) -> bool:
        """Whether max_concurrent_dispatches allows another dispatch."""
        return self.in_flight < self.config.rate_limits.max_concurrent_dispatches

    def removed_at(self, task: Task) -> int:
        """Return the instant by which ``task`` is removed at the latest, because it is purged or too old."""
        too_old = task.create_time + self.config.task_ttl
        if not self.purges:
            return too_old
        return min([too_old, *(at for at, end in self.purges if task.sequence < end)])

    def next_dispatch(self, among: WaitingTasks | None = None) -> tuple[int, Task] | None:
        """Return the earliest instant of a dispatch and its task, provided that nothing else happens; None without one.

        Skip tasks that will be removed before their dispatch. ``among`` limits the tasks; by default all count.
        """
        if self.state is not QueueState.RUNNING or not self.has_slot:
            return None
        waiting = self.waiting if among is None else among
        task = waiting.first()
        if task is None:
            return None
        at, ready_at = task.eligible_at, self.rate.ready_at()
        if ready_at is not None and ready_at > at:
            at = ready_at
        if at < self.removed_at(task):
            return at, task
        for task in waiting:
            at = max(at, task.eligible_at)
            if at < self.removed_at(task):
                return at, task
        return None


class Selection:
    """A limit of dispatches to some tasks, for as long as one driving method runs.

    It has the next dispatch of each queue among the selected tasks. Whether a task is selected is checked when it
    begins to wait, and again for each retry. Its entry is the one in its queue's own heap.
    """

    def __init__(self, counts: Callable[[Task], bool]) -> None:
        self.counts = counts
        self._waiting: dict[Queue, WaitingTasks] = {}
        self._dispatches: dict[Queue, tuple[int, Task]] = {}

    def add(self, queue: Queue, task: Task) -> None:
        """Add ``task``, which waits in ``queue``, if it is selected."""
        if self.counts(task):
            assert task.waiting is not None, "only a task that waits is selected"
            self._waiting.setdefault(queue, WaitingTasks()).share(task.waiting)

    def plan(self, queue: Queue, earliest: int) -> None:
        """Update the next dispatch of ``queue``, not before ``earliest``."""
        self._dispatches.pop(queue, None)
        among = self._waiting.get(queue)
        dispatch = None if among is None else queue.next_dispatch(among)
        if dispatch is not None:
            self._dispatches[queue] = max(dispatch[0], earliest), dispatch[1]

    def first(self) -> tuple[int, Task, Queue] | None:
        """Return the first dispatch of all queues: its instant, the task and its queue."""
        dispatches = ((at, task, queue) for queue, (at, task) in self._dispatches.items())
        return min(dispatches, key=lambda dispatch: (dispatch[0], dispatch[1].waiting), default=None)

    def ready(self, at: int) -> list[tuple[Task, Queue]]:
        """Return the tasks that could be dispatched at ``at`` from queues whose next dispatch is due."""
        queues = [queue for queue, (planned, _) in self._dispatches.items() if planned <= at]
        return [(task, queue) for queue in queues for task in self._waiting[queue].due(at)]


class QueueStats(NamedTuple):
    """Queue.stats at one instant. The service calls its numbers estimations; these are exact."""

    tasks_count: int
    """All tasks of the queue, dispatched and leased ones included. Ledger: `beta-queue/stats`."""
    oldest_estimated_arrival_time: int | None
    """The earliest schedule time of a waiting task, but not before now."""
    executed_last_minute_count: int
    """Answers within the last minute, successful or not."""
    concurrent_dispatches_count: int
    """Attempts under way."""
    effective_execution_rate: float
    """The current rate: the queue's own, or less if it is throttled."""


def stats_of(queue: Queue, now: int) -> QueueStats:
    """Return the statistics of ``queue`` at ``now``."""
    if queue.is_pull:
        arrival = min((task.schedule_time for task in queue.tasks.values()), default=None)
    else:
        first = queue.waiting.first()
        arrival = None if first is None else first.eligible_at
    return QueueStats(
        len(queue.tasks),
        None if arrival is None else max(arrival, now),
        sum(at > now - MINUTE for at in queue.recent_answers),
        queue.in_flight,
        float(queue.config.rate_limits.max_dispatches_per_second * queue.throttle),
    )
