"""The scheduler: when each attempt begins, and what follows from its outcome.

Theory of operation
    Two kinds of things happen without a call. A *step* is one that the driver stops at: the dispatch of a queue's next
    task, or the answer to an attempt under way. A *removal* takes effect as soon as time has passed it: a task is
    purged, or its retention ends. Each kind has one heap (`Timetable`), ordered by instant.

    The driver asks for the `upcoming` step and passes it to `resolve`: if several tasks are ready at that instant, the
    dispatch order may pick another one. Then it moves its clock to the step, calls `remove_due`, and `proceed`, which
    returns an attempt. The attempt has an outcome if the step was its answer or if its request can't be sent.
    Otherwise the driver delivers it, and passes its outcome to `record_outcome`, for this or for a later instant.

    Attempts also begin outside of the steps: at once (`begin`), or, for RunTask, so that the driver delivers them as
    its next step (`begin_later`).

    A queue has at most one dispatch among the steps, that of `Queue.next_dispatch`. `plan` updates it after everything
    that may change it: a task begins to wait, begins an attempt, or is removed; a slot is freed; the queue's state or
    settings change. Heaps are cleaned lazily: an entry that was replaced or removed is dropped when it reaches the top,
    or together with others when they are the larger part.

    While a driving method is limited to some tasks, a `Selection` provides the dispatches. The steps are kept up to
    date meanwhile, and all other steps go on as usual.

    Steps happen in the order of their instants. A dispatch that could have happened earlier has the instant at which it
    was planned. At one instant answers come before dispatches, and dispatches in the order in which their tasks became
    eligible. Attempts of RunTask are delivered before anything else.

    Removals are planned as checks of a queue's tasks: `_plan_check` enters the next instant at which a task may have to
    be removed, and `_remove_from` removes the tasks that are due and plans the next check.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from itertools import takewhile
from typing import Generic, TypeVar

from .._units import LATEST, MICROSECOND, truncated
from .events import Event, EventKind
from .options import ServiceOptions, SystemThrottle
from .queue import Queue, Selection
from .request import HttpTarget
from .retry import Retry, verdict_on_failure
from .task import NO_RESPONSE, Attempt, Outcome, OutcomeKind, Task, TaskCause

_RECOVERY = Fraction(1, 10)
"""The part of its full rate that a throttled queue regains by a success."""

End = Callable[[Task, TaskCause, int], None]
"""Removes a task from the service, for a cause, at an instant."""


class DispatchOrder:
    """The default dispatch order: first come, first served, and no task is held back.

    The service promises neither. A simulation passes a subclass for another order.
    """

    is_shuffled = False
    """Whether `rank_in_listings` differs from the order of creation."""
    picks = False
    """Whether `pick` may return another index than 0."""

    def delay(self, task: Task) -> int:
        """Return how long (nanoseconds) ``task``, which begins to wait, is held back after its schedule time."""
        return 0

    def rank(self, task: Task) -> int:
        """Return the rank of ``task``, which begins to wait. Among tasks of one instant the smaller rank goes first."""
        return 0

    def pick(self, ready: Sequence[Task]) -> int:
        """Return the index of the task to dispatch, out of two or more ready tasks."""
        return 0

    def rank_in_listings(self, task: Task) -> int:
        """Return the fixed rank of ``task`` in ListTasks. Among equal ranks the older task comes first."""
        return 0


_SPARE = 64
"""The number of invalid entries that a timetable may have in any case."""
Key = TypeVar("Key", bound=Hashable)
TimetableEntry = tuple[int, tuple[int, ...], int, Key]
"""An instant, the order among entries of one instant, a unique number, and the entry's key."""


class Timetable(Generic[Key]):
    """A heap of instants, with at most one valid entry for each key."""

    __slots__ = ("_count", "_heap", "entries")

    def __init__(self) -> None:
        self._heap: list[TimetableEntry[Key]] = []
        self.entries: dict[Key, TimetableEntry[Key]] = {}
        """The entries in force; others in the heap were replaced or removed."""
        self._count = 0

    def put(self, key: Key, at: int, order: tuple[int, ...]) -> None:
        """Enter ``key`` at ``at``, instead of its earlier entry."""
        current = self.entries.get(key)
        if current is not None and current[0] == at and current[1] == order:
            return
        self._count += 1
        entry = (at, order, self._count, key)
        self.entries[key] = entry
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self.entries) + _SPARE:
            self._heap = list(self.entries.values())
            heapq.heapify(self._heap)

    def remove(self, key: Key) -> None:
        """Remove the entry of ``key``, if it has one."""
        self.entries.pop(key, None)

    def first(self, counts: Callable[[Key], bool] | None = None) -> tuple[int, Key] | None:
        """Return the earliest instant and its key, among the keys that count."""
        heap, entries = self._heap, self.entries
        passed_over, first = [], None
        while heap:
            entry = heap[0]
            if entries.get(entry[3]) is not entry:
                heapq.heappop(heap)
            elif counts is not None and not counts(entry[3]):
                passed_over.append(heapq.heappop(heap))
            else:
                first = entry[0], entry[3]
                break
        for entry in passed_over:
            heapq.heappush(heap, entry)
        return first


class Step(Enum):
    """The kinds of steps."""

    DISPATCH = "a queue's next task goes out"
    DELIVERY = "an attempt that RunTask has begun reaches its target"
    ANSWER = "the answer to an attempt comes in"


@dataclass(slots=True)
class Upcoming:
    """The next step, at the instant ``at``, which may have passed already."""

    step: Step
    at: int
    task: Task
    queue: Queue | None = None
    attempt: Attempt | None = None

    @property
    def needs_target(self) -> bool:
        """Whether the step is the delivery of an attempt, rather than its answer."""
        return self.step is not Step.ANSWER


class Scheduler:
    """The steps and removals of all queues. The head of the module explains them."""

    def __init__(self, options: ServiceOptions, record: Callable[[Event], None], end: End) -> None:
        self._options = options
        self._record = record
        self._end = end
        self.dispatch_order = DispatchOrder()
        self._steps: Timetable[Queue | Attempt] = Timetable()
        """The next dispatch of each queue, and the answers to come."""
        self._outcomes: dict[Attempt, Outcome] = {}
        """The outcomes of the attempts whose answers are to come."""
        self._begun_by_run_task: deque[Attempt] = deque()
        self._selection: Selection | None = None
        self._removals: Timetable[Queue] = Timetable()
        """When to look at each queue for tasks that are purged or too old."""

    # --- changes of queues ---------------------------------------------------------------------------------------

    def add(self, queue: Queue, task: Task) -> None:
        """Schedule ``task``, which is new in ``queue``."""
        self._plan_check(queue, task.create_time + queue.config.task_ttl, task.sequence)
        if not queue.is_pull:
            self._wait(queue, task, task.create_time)

    def plan(self, queue: Queue, now: int) -> None:
        """Update the next dispatch of ``queue``."""
        if self._selection is not None:
            self._selection.plan(queue, now)
        dispatch = queue.next_dispatch()
        if dispatch is None:
            queue.next_task = None
            self._steps.remove(queue)
            return
        at, task = dispatch
        queue.next_task = task
        assert task.waiting is not None, "only a task that waits is dispatched"
        self._steps.put(queue, max(at, now), (1, *task.waiting[:3]))

    def reconfigured(self, queue: Queue, now: int) -> None:
        """Apply new settings of ``queue``. A shorter retention may remove tasks at once."""
        oldest = next(iter(queue.tasks.values()), None)
        if oldest is not None:
            self._removals.remove(queue)
            self._plan_next_check(queue, now)
        self.plan(queue, now)

    def hold_back(self, queue: Queue, task: Task, delay: int, now: int) -> None:
        """Delay ``task``, which waits in ``queue``, until that long (nanoseconds) after its schedule time."""
        assert task.waiting is not None, "only a task that waits is held back"
        task.delay = delay
        self._enter(queue, task, task.waiting[1])
        self.plan(queue, now)

    def purge_later(self, queue: Queue, end: int, at: int, now: int) -> None:
        """Remove the tasks of ``queue`` with a sequence number below ``end`` at ``at``."""
        if any(earlier <= at and number == end for earlier, number in queue.purges):
            return  # no task was created since the earlier purge, so both remove the same tasks
        queue.purges.append((at, end))
        self._plan_check(queue, at, end)
        self.plan(queue, now)

    def queue_deleted(self, queue: Queue, now: int) -> None:
        """Forget ``queue``, which was deleted. Attempts under way still end at their own time."""
        self._removals.remove(queue)
        self.plan(queue, now)

    # --- the driver's calls --------------------------------------------------------------------------------------

    def select(self, queues: Iterable[Queue], counts: Callable[[Task], bool]) -> None:
        """Limit dispatches to tasks that count, until `select_all`. Answers and RunTask's deliveries are not affected.

        ``queues`` are all queues of the service.
        """
        selection = self._selection = Selection(counts)
        for queue in queues:
            for task in queue.waiting:
                selection.add(queue, task)
            step = self._steps.entries.get(queue)
            if step is not None:
                selection.plan(queue, step[0])

    def select_all(self) -> None:
        """End the limit of `select`."""
        self._selection = None

    def upcoming(self) -> Upcoming | None:
        """Return the next step, or None."""
        if self._begun_by_run_task:
            attempt = self._begun_by_run_task[0]
            return Upcoming(Step.DELIVERY, attempt.dispatch_time, attempt.task, attempt=attempt)
        selection = self._selection
        first = self._steps.first(None if selection is None else lambda key: isinstance(key, Attempt))
        selected = None if selection is None else selection.first()
        if selected is not None and (first is None or selected[0] < first[0]):
            return Upcoming(Step.DISPATCH, *selected)
        if first is None:
            return None
        at, key = first
        if isinstance(key, Attempt):
            return Upcoming(Step.ANSWER, at, key.task, attempt=key)
        assert key.next_task is not None, "a queue that is among the steps has a next task"
        return Upcoming(Step.DISPATCH, at, key.next_task, key)

    def resolve(self, upcoming: Upcoming, now: int) -> Upcoming:
        """Return ``upcoming``, or the dispatch that the dispatch order picks among all ready tasks."""
        if upcoming.queue is None or not self.dispatch_order.picks:
            return upcoming
        at = max(upcoming.at, now)
        ready = self._ready(at)
        ready.sort(key=lambda pair: (pair[0] is not upcoming.task, pair[0].waiting))
        if len(ready) < 2:
            return upcoming
        task, queue = ready[self.dispatch_order.pick([task for task, _ in ready])]
        return replace(upcoming, task=task, queue=queue)

    @property
    def awaits_answers(self) -> bool:
        """Whether attempts are under way, including those of removed tasks."""
        return bool(self._begun_by_run_task or self._outcomes)

    def proceed(self, upcoming: Upcoming, now: int) -> Attempt:
        """Do the step that `upcoming` returned. The caller delivers an attempt without an outcome."""
        if upcoming.queue is not None:
            upcoming.queue.rate.take(now)
            return self.begin(upcoming.queue, upcoming.task, now)
        if upcoming.step is Step.DELIVERY:
            begun = self._begun_by_run_task.popleft()
            begun.reached_target = True
            return self._failed_if_unsendable(begun, now)
        attempt = upcoming.attempt
        assert attempt is not None, "an answer is one to an attempt"
        self._conclude(attempt, self._outcomes[attempt], now)
        return attempt

    def begin(self, queue: Queue, task: Task, now: int, *, forced: bool = False) -> Attempt:
        """Begin an attempt regardless of rate and concurrency. If it is ``forced``, ignore the queue's state, too.

        The caller delivers an attempt without an outcome.
        """
        return self._failed_if_unsendable(self._new_attempt(queue, task, now, forced=forced), now)

    def begin_later(self, queue: Queue, task: Task, now: int) -> Attempt:
        """Begin a forced attempt that the driver's next `proceed` returns for delivery."""
        attempt = self._new_attempt(queue, task, now, forced=True)
        attempt.reached_target = False
        self._begun_by_run_task.append(attempt)
        return attempt

    def record_outcome(self, attempt: Attempt, outcome: Outcome, at: int, now: int) -> None:
        """Record the outcome of ``attempt`` at the instant ``at``, or at its deadline if that is earlier."""
        deadline = attempt.deadline
        if at > deadline:
            at, outcome = deadline, Outcome(OutcomeKind.DEADLINE_EXCEEDED)
        if self._options.treat_304_as_success and outcome.http_status == 304:
            outcome = replace(outcome, counts_as_success=True)
        if at <= now:
            self._conclude(attempt, outcome, now)
        else:
            self._outcomes[attempt] = outcome
            self._steps.put(attempt, at, (0, attempt.task.sequence, attempt.number))

    def remove_due(self, now: int) -> bool:
        """Remove the tasks that are purged or too old by ``now``. Return True if a removal was due."""
        has_removed = False
        while (first := self._removals.first()) is not None and first[0] <= now:
            self._remove_from(first[1], first[0])
            self.plan(first[1], now)
            has_removed = True
        return has_removed

    # --- attempts ------------------------------------------------------------------------------------------------

    def _wait(self, queue: Queue, task: Task, now: int) -> None:
        task.delay = self.dispatch_order.delay(task)
        self._enter(queue, task, self.dispatch_order.rank(task))
        next_task = queue.next_task
        if next_task is None or task.waiting < next_task.waiting:  # type: ignore[operator]  # both wait
            self.plan(queue, now)
        elif self._selection is not None:
            self._selection.plan(queue, now)

    def _enter(self, queue: Queue, task: Task, rank: int) -> None:
        queue.waiting.add(task, rank)
        if self._selection is not None:
            self._selection.add(queue, task)

    def _ready(self, at: int) -> list[tuple[Task, Queue]]:
        """Return the tasks that could be dispatched at ``at``."""
        if self._selection is not None:
            ready = self._selection.ready(at)
        else:
            steps = self._steps.entries.items()
            queues = [key for key, entry in steps if isinstance(key, Queue) and entry[0] <= at]
            ready = [(task, queue) for queue in queues for task in queue.waiting.due(at)]
        return [(task, queue) for task, queue in ready if at < queue.removed_at(task)]

    def _new_attempt(self, queue: Queue, task: Task, now: int, *, forced: bool) -> Attempt:
        task.dispatch_count += 1
        task.in_flight += 1
        task.move(TaskCause.RUN if forced else TaskCause.DISPATCH)
        task.waiting = None
        queue.in_flight += 1
        attempt = Attempt(
            task,
            queue,
            number=task.dispatch_count,
            schedule_time=task.schedule_time,
            dispatch_time=now,
            forced=forced,
            execution_count=task.response_count,
        )
        task.attempts += (attempt,)
        self._record(Event(now, EventKind.TASK_DISPATCHED, queue.name, task, attempt))
        self.plan(queue, now)
        return attempt

    def _failed_if_unsendable(self, attempt: Attempt, now: int) -> Attempt:
        """Return ``attempt``, failed without a response if its request can't be sent."""
        if not attempt.target.can_be_sent:
            self._conclude(attempt, NO_RESPONSE, now)
        return attempt

    def _conclude(self, attempt: Attempt, outcome: Outcome, now: int) -> None:
        if self._outcomes.pop(attempt, None) is not None:
            self._steps.remove(attempt)
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
        if queue.next_task is None:  # the task may have waited for a free slot
            self.plan(queue, now)

    def _apply(self, attempt: Attempt, outcome: Outcome, now: int) -> None:
        task, queue = attempt.task, attempt.queue
        task.last_outcome = outcome
        if self._options.system_throttle is SystemThrottle.SIMPLE:
            _throttle(queue, task, outcome, now)
            self.plan(queue, now)
        task.response_count += outcome.is_counted(task.target)
        if outcome.succeeded:
            self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt))
            self._end(task, TaskCause.SUCCESS, now)
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
            if self._options.honour_retry_after and outcome.retry_at is not None:
                verdict = Retry(min(max(verdict.at, outcome.retry_at), LATEST))
            task.schedule_time = truncated(verdict.at, MICROSECOND)
        if task.in_flight:
            # another attempt of the task is under way and decides
            self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt))
            return
        self._record(Event(now, EventKind.TASK_ANSWERED, queue.name, task, attempt, verdict))
        if isinstance(verdict, Retry):
            task.move(TaskCause.RETRY)
            self._wait(queue, task, now)
        else:
            self._end(task, TaskCause.GIVE_UP, now)

    # --- removals ------------------------------------------------------------------------------------------------

    def _plan_check(self, queue: Queue, at: int, order: int) -> None:
        """Check the tasks of ``queue`` for removal at ``at``, unless an earlier check is planned."""
        planned = self._removals.entries.get(queue)
        if planned is None or at < planned[0]:
            self._removals.put(queue, at, (order,))

    def _plan_next_check(self, queue: Queue, now: int) -> None:
        """Plan the next check when the oldest task of ``queue`` expires or a purge is due, but not before ``now``."""
        oldest = next(iter(queue.tasks.values()), None)
        if oldest is not None:
            self._plan_check(queue, max(oldest.create_time + queue.config.task_ttl, now), oldest.sequence)
        for at, end in queue.purges:
            self._plan_check(queue, at, end)

    def _remove_from(self, queue: Queue, now: int) -> None:
        """Remove the tasks of ``queue`` that are too old or purged."""
        ttl = queue.config.task_ttl
        too_old = list(takewhile(lambda task: task.create_time + ttl <= now, queue.tasks.values()))
        for task in too_old:
            until = task.create_time + ttl
            self._record(Event(now, EventKind.TASK_EXPIRED, queue.name, task, until=until))
            self._end(task, TaskCause.EXPIRY, now)
        end = max((number for at, number in queue.purges if at <= now), default=0)
        for task in [task for task in queue.tasks.values() if task.sequence < end]:
            self._end(task, TaskCause.PURGE, now)
        queue.purges = [purge for purge in queue.purges if purge[0] > now]
        self._removals.remove(queue)
        self._plan_next_check(queue, now)


def _throttle(queue: Queue, task: Task, outcome: Outcome, now: int) -> None:
    """Halve the queue's rate after 429 and 503. After a success, restore a tenth of its full rate.

    Ledger: `dispatch/throttle`.
    """
    statuses = (429, 503) if isinstance(task.target, HttpTarget) else (503,)
    if outcome.http_status in statuses:
        queue.allow(queue.throttle / 2, now)
    elif outcome.succeeded:
        queue.allow(queue.throttle + _RECOVERY, now)
