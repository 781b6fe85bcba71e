"""Dispatching: which attempt begins when, and what follows from its outcome."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from .._units import LATEST, MICROSECOND, truncated
from .events import Event, EventKind
from .options import Knobs, SystemThrottle
from .queue import FIRST_COME, Place, Queue
from .request import HttpTarget
from .retry import Retry, verdict_on_failure
from .task import NO_RESPONSE, Attempt, Outcome, OutcomeKind, Task, TaskState


class DispatchOrder:
    """First come, first served, and nothing is held back.

    The service promises neither: whoever wants it otherwise gives the scheduler another line-up. Evidence: documented.
    """

    is_shuffled = False
    """Whether `rank_in_listings` is anything but the order of creation."""
    picks = False
    """Whether `pick` is anything but the first in line."""

    def place(self, task: Task) -> Place:
        """The place of ``task``, which begins to wait for its next attempt."""
        return FIRST_COME

    def pick(self, line: Sequence[Task]) -> int:
        """Which of ``line`` goes out, two tasks or more that all could at this instant."""
        return 0

    def rank_in_listings(self, task: Task) -> int:
        """Where ListTasks has ``task``, until it is gone; of equal ranks the older comes first."""
        return 0

    def in_listings(self, tasks: Collection[Task]) -> Iterable[Task]:
        """``tasks``, which are in the order of creation, as ListTasks has them."""
        if not self.is_shuffled or len(tasks) < 2:
            return tasks
        for task in tasks:
            if task.listed is None:
                task.listed = self.rank_in_listings(task)
        return sorted(tasks, key=place_in_listings)


def place_in_listings(task: Task) -> str:
    """What sorts ``task`` among those that ListTasks has."""
    return f"{task.listed or 0:010d}{task.sequence:012d}"


def contenders(queues: Iterable[Queue], at: int, first: Task) -> list[tuple[Task, Queue]]:
    """The tasks whose instant has come by ``at``, of queues that may send one then; ``first`` is the first in line.

    Evidence: documented (no order among tasks).
    """
    found = [(task, queue) for queue in queues for task in queue.due(at) if at < queue.removed_at(task)]
    return sorted(found, key=lambda one: (one[0] is not first, one[0].eligible_at, one[0].rank, one[0].sequence))


Key = TypeVar("Key", bound=Hashable)


class Agenda(Generic[Key]):
    """At most one entry a key; the earliest comes first, entries of one instant by their rank.

    A changed or removed entry stays in the heap until it surfaces, and is passed over then.
    """

    __slots__ = ("_heap", "_sequence", "entries")

    def __init__(self) -> None:
        self._heap: list[tuple[int, tuple[int, ...], int, Key]] = []
        self.entries: dict[Key, tuple[int, tuple[int, ...], int, Key]] = {}
        """What is entered, for whoever asks whether anything is."""
        self._sequence = 0

    def put(self, key: Key, at: int, rank: tuple[int, ...]) -> None:
        """Enter ``key`` at ``at``, replacing its earlier entry."""
        current = self.entries.get(key)
        if current is not None and current[0] == at and current[1] == rank:
            return
        self._sequence += 1
        entry = (at, rank, self._sequence, key)
        self.entries[key] = entry
        heapq.heappush(self._heap, entry)

    def remove(self, key: Key) -> None:
        """Take ``key`` off; one that is not there is no error."""
        self.entries.pop(key, None)

    def at(self, key: Key) -> int | None:
        """The instant ``key`` is entered at."""
        entry = self.entries.get(key)
        return None if entry is None else entry[0]

    def up_to(self, at: int) -> list[Key]:
        """What is entered at ``at`` or before, in no particular order."""
        return [key for key, entry in self.entries.items() if entry[0] <= at]

    def first(self) -> tuple[int, Key] | None:
        """The earliest entry, which stays."""
        heap, current = self._heap, self.entries
        while heap:
            entry = heap[0]
            if current.get(entry[3]) is entry:
                return entry[0], entry[3]
            heapq.heappop(heap)
        return None


_RECOVERY = Fraction(1, 10)
"""The part of its rate that a throttled queue gets back by a success. Evidence: our choice."""

End = Callable[[Task, TaskState, int], None]
"""Takes a task out of the service, in its last state, at an instant."""


class Purge(NamedTuple):
    """A PurgeQueue that is to take effect: tasks with a smaller sequence number go."""

    queue: Queue
    before: int


class Step(Enum):
    """What the next thing can be."""

    DISPATCH = "a queue's next task goes out"
    DELIVERY = "an attempt that RunTask has begun reaches its target"
    ANSWER = "the answer to an attempt comes in"


@dataclass(slots=True)
class Upcoming:
    """What comes next, at the instant ``at``, which may be past already."""

    step: Step
    at: int
    task: Task
    queue: Queue | None = None
    attempt: Attempt | None = None

    @property
    def needs_target(self) -> bool:
        """Whether an attempt is made."""
        return self.step is not Step.ANSWER


class Scheduler:
    """The queues' motion.

    The driver asks what is `upcoming`, moves its clock there and calls `proceed`: an attempt that comes back without
    an outcome is to be delivered to its target, and its answer handed in with `answer`, now or for a later instant.
    """

    def __init__(self, knobs: Knobs, record: Callable[[Event], None], end: End) -> None:
        self._knobs = knobs
        self._record = record
        self._end = end
        self.dispatch_order = DispatchOrder()
        """Decides where tasks stand in line."""
        self._dispatches: Agenda[Queue] = Agenda()
        self._next_tasks: dict[Queue, Task] = {}
        """Which task the entry of a queue on the agenda of dispatches is about."""
        self._changed: dict[Queue, None] = {}
        """Queues whose entry may be another one now; it is made when it is asked for, or when time goes on."""
        self._answers: Agenda[Attempt] = Agenda()
        self._pending: dict[Attempt, Outcome] = {}
        """Answers that targets will give at a later instant, which is on the agenda."""
        self._expiries: Agenda[Queue] = Agenda()
        self._purges: Agenda[Purge] = Agenda()
        self._forced: deque[Attempt] = deque()
        self._observed = 0
        self._effective: int | None = None
        """The instant up to which everything that only takes time has taken effect."""

    # --- what the service tells it -------------------------------------------------------------------------------

    def added(self, queue: Queue, task: Task) -> None:
        """``task`` is new in ``queue``."""
        if not queue.is_pull:
            queue.wait(task, self.dispatch_order.place(task))
        expiry, entry = task.create_time + queue.config.task_ttl, self._expiries.entries.get(queue)
        # An entry that is later was left by a task that is gone, before the clock was set back.
        if entry is None or expiry < entry[0]:
            self._expiries.put(queue, expiry, (task.sequence,))
        self._changed[queue] = None

    def changed(self, queue: Queue) -> None:
        """Something that decides on the next dispatch of ``queue`` may be different now."""
        self._changed[queue] = None

    def reconfigured(self, queue: Queue, now: int) -> None:
        """The settings of ``queue`` are different now; with a shorter retention, tasks may have to go at once."""
        oldest = next(iter(queue.tasks.values()), None)
        if oldest is not None:
            self._expiries.put(queue, max(oldest.create_time + queue.config.task_ttl, now), (oldest.sequence,))
            self._effective = None
        self.changed(queue)

    def hold_back(self, queue: Queue, task: Task, delay: int) -> None:
        """Let ``task``, which waits in ``queue``, go that long (nanoseconds) after its schedule time."""
        queue.wait(task, Place(task.rank, delay))
        self.changed(queue)

    def purge_later(self, queue: Queue, before: int, at: int) -> None:
        """At ``at``, let the tasks of ``queue`` go that have a smaller sequence number than ``before``."""
        purge = Purge(queue, before)
        earlier = self._purges.at(purge)
        if earlier is not None and earlier <= at:
            return  # nothing was created since: the same tasks go then
        queue.purges.append((at, before))
        self._purges.put(purge, at, (before,))
        self.changed(queue)

    def removed(self, queue: Queue) -> None:
        """``queue`` is gone; attempts under way end in their own time."""
        self.changed(queue)
        self._expiries.remove(queue)

    # --- what the driver asks ------------------------------------------------------------------------------------

    def upcoming(self, only: Queue | None = None) -> Upcoming | None:
        """The next thing that happens by itself; None if nothing is to come.

        With ``only``, other queues' dispatches don't count; answers under way always do. Of an answer and a dispatch
        of one instant the answer comes first; a dispatch that is overdue is one of the instant last observed.
        """
        if self._forced:
            attempt = self._forced[0]
            return Upcoming(Step.DELIVERY, attempt.dispatch_time, attempt.task, attempt=attempt)
        if self._changed:
            self._plan()
        answer = self._answers.first() if self._answers.entries else None
        dispatch = self._next_dispatch(only)
        if answer is not None and (dispatch is None or answer[0] <= max(dispatch[0], self._observed)):
            return Upcoming(Step.ANSWER, answer[0], answer[1].task, attempt=answer[1])
        if dispatch is None:
            return None
        at, queue = dispatch
        return Upcoming(Step.DISPATCH, at, self._next_tasks[queue], queue)

    def resolve(self, upcoming: Upcoming, only: Queue | None = None) -> Upcoming:
        """``upcoming``, or the dispatch of another task that could go in its place, as the line-up has it."""
        if upcoming.queue is None or not self.dispatch_order.picks:
            return upcoming
        at = max(upcoming.at, self._observed)
        line = contenders(self._dispatches.up_to(at) if only is None else [only], at, upcoming.task)
        if len(line) < 2:
            return upcoming
        task, queue = line[self.dispatch_order.pick([task for task, _ in line])]
        return replace(upcoming, task=task, queue=queue)

    @property
    def awaits_answers(self) -> bool:
        """Whether attempts are under way, of tasks that are gone, too."""
        return bool(self._forced or self._pending)

    def proceed(self, upcoming: Upcoming, now: int) -> Attempt:
        """Do what `upcoming` told, at ``now``; an attempt without an outcome is to be delivered."""
        if upcoming.queue is not None:
            upcoming.queue.rate.take(now)
            return self.begin(upcoming.queue, upcoming.task, now)
        if upcoming.step is Step.DELIVERY:
            forced = self._forced.popleft()
            forced.reached_target = True
            return self._sent(forced, now)
        attempt = upcoming.attempt
        assert attempt is not None, "an answer is one to an attempt"
        self._conclude(attempt, self._pending[attempt], now)
        return attempt

    def force(self, queue: Queue, task: Task, now: int) -> Attempt:
        """Begin an attempt past the queue's state and limits; without an outcome it is the caller's to deliver."""
        return self._sent(self._begin(queue, task, now, forced=True), now)

    def begin(self, queue: Queue, task: Task, now: int) -> Attempt:
        """Begin an attempt that counts as scheduled, without a look at rate and concurrency."""
        return self._sent(self._begin(queue, task, now, forced=False), now)

    def force_later(self, queue: Queue, task: Task, now: int) -> Attempt:
        """Begin an attempt like `force`; the driver's next `proceed` brings it up for delivery."""
        attempt = self._begin(queue, task, now, forced=True)
        attempt.reached_target = False
        self._forced.append(attempt)
        return attempt

    def answer(self, attempt: Attempt, outcome: Outcome, at: int, now: int) -> None:
        """The target's answer to ``attempt`` comes at the instant ``at``; past its deadline it is not awaited.

        Evidence: documented (no answer by the deadline is a failure).
        """
        deadline = attempt.deadline
        if at > deadline:
            at, outcome = deadline, Outcome(OutcomeKind.DEADLINE_EXCEEDED)
        if self._knobs.treat_304_as_success and outcome.http_status == 304:
            outcome = replace(outcome, counts_as_success=True)
        if at <= now:
            self._conclude(attempt, outcome, now)
        else:
            self._pending[attempt] = outcome
            self._answers.put(attempt, at, (attempt.task.sequence, attempt.number))

    def remove_due(self, now: int) -> bool:
        """Let what only takes time take effect: purged tasks go, and those past their retention. Whether any went."""
        if now == self._effective:
            return False
        if self._changed and now != self._observed:
            self._plan()
        self._observed = self._effective = now
        took_effect = False
        while self._purges.entries and (purge := self._purges.first()) is not None and purge[0] <= now:
            self._expire_up_to(purge[0])
            self._purge(purge[1], purge[0])
            took_effect = True
        return self._expire_up_to(now) or took_effect

    # --- inside --------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Enter the next dispatch of every queue that has changed."""
        for queue in self._changed:
            plan = queue.next_dispatch()
            if plan is None:
                self._dispatches.remove(queue)
                self._next_tasks.pop(queue, None)
                continue
            at, task = plan
            eligible_at = task.eligible_at
            # What could go by now goes in the order of the lines, whenever it could have gone.
            self._dispatches.put(
                queue, at if at > self._observed else eligible_at, (eligible_at, task.rank, task.sequence)
            )
            self._next_tasks[queue] = task
        self._changed.clear()

    def _next_dispatch(self, only: Queue | None) -> tuple[int, Queue] | None:
        if only is None:
            return self._dispatches.first()
        at = self._dispatches.at(only)
        return None if at is None else (at, only)

    def _begin(self, queue: Queue, task: Task, now: int, *, forced: bool) -> Attempt:
        task.dispatch_count += 1
        task.in_flight += 1
        task.state = TaskState.DISPATCHED
        queue.in_flight += 1
        attempt = Attempt(
            task,
            queue,
            schedule_time=task.schedule_time,
            dispatch_time=now,
            forced=forced,
            execution_count=task.response_count,
        )
        task.attempts += (attempt,)
        self._record(Event(now, EventKind.TASK_DISPATCHED, queue.name, task, attempt))
        self.changed(queue)
        return attempt

    def _sent(self, attempt: Attempt, now: int) -> Attempt:
        """Return ``attempt``, which has failed without a response if its request can't be sent."""
        if not attempt.target.can_be_sent:
            self._conclude(attempt, NO_RESPONSE, now)
        return attempt

    def _conclude(self, attempt: Attempt, outcome: Outcome, now: int) -> None:
        if self._pending.pop(attempt, None) is not None:
            self._answers.remove(attempt)
        task, queue = attempt.task, attempt.queue
        attempt.outcome = outcome
        attempt.response_time = now
        task.in_flight -= 1
        queue.in_flight -= 1
        queue.count_answer(now)
        if not task.is_live:
            self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt, dropped=True))
        else:
            self._apply(attempt, outcome, now)
        self.changed(queue)

    def _apply(self, attempt: Attempt, outcome: Outcome, now: int) -> None:
        task, queue = attempt.task, attempt.queue
        task.last_outcome = outcome
        if self._knobs.system_throttle is SystemThrottle.SIMPLE:
            _throttle(queue, task, outcome, now)
        if outcome.kind is OutcomeKind.RESPONSE and not (outcome.is_5xx and isinstance(task.target, HttpTarget)):
            task.response_count += 1  # App Engine tasks count a 5xx, too
        if outcome.succeeded:
            self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt))
            self._end(task, TaskState.SUCCEEDED, now)
            return
        task.failures += 1
        verdict = verdict_on_failure(
            task.retry_config or queue.config.retry_config,
            attempts=task.dispatch_count,
            failures=task.failures,
            first_dispatch=task.attempts[0].dispatch_time,
            ended=now,
        )
        if isinstance(verdict, Retry):
            if self._knobs.honour_retry_after and outcome.retry_at is not None:
                verdict = Retry(min(max(verdict.at, outcome.retry_at), LATEST))
            task.schedule_time = truncated(verdict.at, MICROSECOND)
        if task.in_flight:
            # Another attempt is under way: it decides. Evidence: our choice.
            self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt))
            return
        self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt, verdict))
        if isinstance(verdict, Retry):
            task.state = TaskState.SCHEDULED
            queue.wait(task, self.dispatch_order.place(task))
        else:
            self._end(task, TaskState.EXHAUSTED, now)

    def _expire_up_to(self, now: int) -> bool:
        has_expired = False
        while True:
            first = self._expiries.first()
            if first is None or first[0] > now:
                return has_expired
            self._expire(first[1], first[0])
            has_expired = True

    def _purge(self, purge: Purge, now: int) -> None:
        self._purges.remove(purge)
        purge.queue.purges.remove((now, purge.before))
        for task in [task for task in purge.queue.tasks.values() if task.sequence < purge.before]:
            self._end(task, TaskState.DELETED, now)
        self.changed(purge.queue)

    def _expire(self, queue: Queue, now: int) -> None:
        self._expiries.remove(queue)
        expired = []
        for task in queue.tasks.values():
            expiry = task.create_time + queue.config.task_ttl
            if expiry > now:
                self._expiries.put(queue, expiry, (task.sequence,))
                break
            expired.append(task)
        for task in expired:
            until = task.create_time + queue.config.task_ttl
            self._record(Event(now, EventKind.TASK_EXPIRED, queue.name, task, until=until))
            self._end(task, TaskState.EXPIRED, now)
        self.changed(queue)


def _throttle(queue: Queue, task: Task, outcome: Outcome, now: int) -> None:
    """429 and 503 halve the rate that the queue has, a success gives back a tenth of its full rate.

    Evidence: documented (429 and 503, of App Engine 503 alone, lead to a higher backoff rate); the numbers are
    fictional.
    """
    statuses = (429, 503) if isinstance(task.target, HttpTarget) else (503,)
    if outcome.http_status in statuses:
        queue.allow(queue.throttle / 2, now)
    elif outcome.succeeded:
        queue.allow(queue.throttle + _RECOVERY, now)
