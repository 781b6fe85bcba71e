"""A second model of the queues, naive on purpose, for the real one to be held against.

Every question is answered anew from plain lists: what comes next by looking at everything, a delay by summing it up,
a reservation by looking for the one who left it. It imports nothing from the package, so that no mistake is shared.

Instants and durations are whole nanoseconds; tokens are exact fractions. The real model rounds the nanoseconds of one
token up to a whole number. Held against this one it must be given rates at which there is nothing to round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MICROSECOND = 1000

SUCCESSFUL = range(200, 300)
SERVER_ERROR = range(500, 600)


class Refused(Exception):
    """A command is refused; ``code`` is the name of the gRPC status."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Rates:
    """What limits a queue's dispatches."""

    rate: Fraction
    burst: int
    concurrency: int


@dataclass(frozen=True)
class Retries:
    """When a queue or a task tries again."""

    max_attempts: int
    max_retry_duration: int
    min_backoff: int
    max_backoff: int
    max_doublings: int

    def delay_after(self, failures: int) -> int:
        """The wait after the n-th failure, walked up to from the first."""
        delay = self.min_backoff
        for doublings_so_far in range(failures - 1):
            if doublings_so_far < self.max_doublings:
                delay = delay * 2
            else:
                delay = delay + self.min_backoff * 2**self.max_doublings
        return min(delay, self.max_backoff)

    def gives_up(self, attempts: int, age: int) -> bool:
        """Whether every limit that is set is used up; one must be set."""
        set_limits = []
        if self.max_attempts != -1:
            set_limits.append(attempts >= self.max_attempts)
        if self.max_retry_duration != 0:
            set_limits.append(age >= self.max_retry_duration)
        return bool(set_limits) and all(set_limits)


@dataclass(frozen=True)
class Answer:
    """What a handler will do: an HTTP status, or None for no response at all, after a while."""

    status: int | None
    takes: int


Script = Callable[[int], Answer]
"""A task's handler: its answer to the attempt of that number."""


@dataclass(eq=False)
class Attempt:
    """One dispatch."""

    number: int
    schedule_time: int
    dispatch_time: int
    forced: bool
    retry_count: int
    execution_count: int
    previous: str
    answer_at: int
    answer: str
    answer_status: int | None
    response_time: int | None = None


@dataclass(eq=False)
class Task:
    """A task, from its creation on for ever."""

    name: str
    sequence: int
    created: int
    schedule_time: int
    deadline: int
    script: Script
    retries: Retries | None
    state: str = "SCHEDULED"
    ended: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    responses: list[int] = field(default_factory=list)
    """The HTTP statuses that came in while the service had the task."""
    failures: int = 0
    last_answer: str = ""

    @property
    def is_live(self) -> bool:
        return self.ended is None

    @property
    def under_way(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.response_time is None]


@dataclass(eq=False)
class Queue:
    """A queue, from its creation on for ever."""

    name: str
    created: int
    rates: Rates
    retries: Retries
    tokens: Fraction
    counted: int
    """The instant at which ``tokens`` were there."""
    state: str = "RUNNING"
    purged: int | None = None
    deleted: int | None = None
    tasks: list[Task] = field(default_factory=list)
    """Every task it ever had."""
    history: list[tuple[object, ...]] = field(default_factory=list)

    @property
    def live_tasks(self) -> list[Task]:
        return [task for task in self.tasks if task.is_live]

    @property
    def under_way(self) -> list[Attempt]:
        return [attempt for task in self.tasks for attempt in task.under_way]

    def tokens_at(self, instant: int) -> Fraction:
        return min(Fraction(self.rates.burst), self.tokens + (instant - self.counted) * self.rates.rate / SECOND)

    def first_instant_with_token(self, now: int) -> int:
        missing = 1 - self.tokens_at(now)
        return now if missing <= 0 else now + math.ceil(missing / self.rates.rate * SECOND)

    def next_dispatch(self, now: int) -> tuple[int, Task] | None:
        waiting = sorted(
            (task for task in self.live_tasks if task.state == "SCHEDULED"),
            key=lambda task: (task.schedule_time, task.sequence),
        )
        if not waiting or self.state != "RUNNING" or len(self.under_way) >= self.rates.concurrency:
            return None
        return max(now, waiting[0].schedule_time, self.first_instant_with_token(now)), waiting[0]


class Reference:
    """All queues, and the instant it is."""

    TASK_TTL = 31 * DAY
    TASK_TOMBSTONE_TTL = 24 * HOUR
    QUEUE_TOMBSTONE_TTL = 7 * DAY
    FARTHEST_SCHEDULE = 720 * HOUR

    def __init__(self, now: int) -> None:
        self.now = now
        self.queues: list[Queue] = []
        self.created_tasks = 0

    @property
    def all_tasks(self) -> list[Task]:
        return sorted((task for queue in self.queues for task in queue.tasks), key=lambda task: task.sequence)

    # --- commands ------------------------------------------------------------------------------------------------

    def create_queue(self, name: str, rates: Rates, retries: Retries) -> None:
        for queue in self.queues:
            if queue.name != name:
                continue
            if queue.deleted is None:
                raise Refused("ALREADY_EXISTS")
            if self.now < queue.deleted + self.QUEUE_TOMBSTONE_TTL:
                raise Refused("FAILED_PRECONDITION")
        queue = Queue(name, self.now, rates, retries, Fraction(rates.burst), self.now)
        self.queues.append(queue)
        queue.history.append((self.now, "QUEUE_CREATED"))

    def update_rates(self, name: str, rates: Rates) -> None:
        queue = self._queue(name)
        queue.tokens, queue.counted = min(queue.tokens_at(self.now), Fraction(rates.burst)), self.now
        queue.rates = rates
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def update_retries(self, name: str, retries: Retries) -> None:
        queue = self._queue(name)
        queue.retries = retries
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def delete_queue(self, name: str) -> None:
        queue = self._queue(name)
        queue.deleted = self.now
        for task in queue.live_tasks:
            self._end(task, "DELETED", self.now)
        queue.history.append((self.now, "QUEUE_DELETED"))

    def purge_queue(self, name: str) -> None:
        queue = self._queue(name)
        queue.purged = self.now
        for task in queue.live_tasks:
            self._end(task, "DELETED", self.now)
        queue.history.append((self.now, "QUEUE_PURGED"))

    def pause_queue(self, name: str) -> None:
        queue = self._queue(name)
        if queue.state != "PAUSED":
            queue.state = "PAUSED"
            queue.history.append((self.now, "QUEUE_PAUSED"))

    def resume_queue(self, name: str) -> None:
        queue = self._queue(name)
        if queue.state != "RUNNING":
            queue.state = "RUNNING"
            queue.history.append((self.now, "QUEUE_RESUMED"))

    def create_task(
        self,
        queue_name: str,
        new_name: Callable[[], str],
        schedule_time: int | None,
        deadline: int,
        retries: Retries | None,
        script: Script,
    ) -> None:
        if schedule_time is not None and schedule_time > self.now + self.FARTHEST_SCHEDULE:
            raise Refused("INVALID_ARGUMENT")
        queue = self._queue(queue_name)
        name = new_name()
        for task in queue.tasks:
            if task.name == name and (task.ended is None or self.now < task.ended + self.TASK_TOMBSTONE_TTL):
                raise Refused("ALREADY_EXISTS")
        at = self.now if schedule_time is None else max(self.now, schedule_time)
        task = Task(name, self.created_tasks, self.now, whole_microseconds(at), deadline, script, retries)
        self.created_tasks += 1
        queue.tasks.append(task)
        queue.history.append((self.now, "TASK_CREATED", name))

    def get_task(self, queue_name: str, name: str) -> None:
        self._task(queue_name, name)

    def delete_task(self, queue_name: str, name: str) -> None:
        queue, task = self._task(queue_name, name)
        self._end(task, "DELETED", self.now)
        queue.history.append((self.now, "TASK_DELETED", name))

    def run_task(self, queue_name: str, name: str) -> None:
        queue, task = self._task(queue_name, name)
        self._dispatch(queue, task, forced=True)

    def _queue(self, name: str) -> Queue:
        for queue in self.queues:
            if queue.name == name and queue.deleted is None:
                return queue
        raise Refused("NOT_FOUND")

    def _task(self, queue_name: str, name: str) -> tuple[Queue, Task]:
        queue = self._queue(queue_name)
        for task in queue.live_tasks:
            if task.name == name:
                return queue, task
        raise Refused("NOT_FOUND")

    # --- time ----------------------------------------------------------------------------------------------------

    def advance(self, by: int) -> None:
        """Pass time: again and again the first of all things that could happen."""
        to = self.now + by
        while things := [thing for queue in self.queues for thing in self._things(queue) if thing[0] <= to]:
            at, _, _, _, do = min(things, key=lambda thing: thing[:4])
            self.now = at
            do()
        self.now = to

    def _things(self, queue: Queue) -> list[tuple[int, int, int, int, Callable[[], None]]]:
        """What could happen to a queue: an instant, a rank among the things of that instant, and the deed."""
        things: list[tuple[int, int, int, int, Callable[[], None]]] = []
        for task in queue.tasks:
            if task.is_live:
                things.append((task.created + self.TASK_TTL, 0, task.sequence, 0, self._expiry(task)))
            for attempt in task.under_way:
                things.append(
                    (attempt.answer_at, 1, task.sequence, attempt.number, self._conclusion(queue, task, attempt))
                )
        plan = queue.next_dispatch(self.now)
        if plan is not None:
            at, task = plan
            things.append((at, 2, task.schedule_time, task.sequence, self._departure(queue, task)))
        return things

    def _expiry(self, task: Task) -> Callable[[], None]:
        return lambda: self._end(task, "EXPIRED", self.now)

    def _conclusion(self, queue: Queue, task: Task, attempt: Attempt) -> Callable[[], None]:
        return lambda: self._conclude(queue, task, attempt)

    def _departure(self, queue: Queue, task: Task) -> Callable[[], None]:
        def depart() -> None:
            queue.tokens, queue.counted = queue.tokens_at(self.now) - 1, self.now
            self._dispatch(queue, task, forced=False)

        return depart

    def _dispatch(self, queue: Queue, task: Task, *, forced: bool) -> None:
        number = len(task.attempts) + 1
        answer = task.script(number)
        is_late = answer.takes > task.deadline
        attempt = Attempt(
            number,
            self.now if forced else task.schedule_time,
            self.now,
            forced,
            retry_count=task.failures,
            execution_count=len([status for status in task.responses if status not in SERVER_ERROR]),
            previous=task.last_answer,
            answer_at=self.now + min(answer.takes, task.deadline),
            answer="DEADLINE_EXCEEDED" if is_late else "NO_RESPONSE" if answer.status is None else str(answer.status),
            answer_status=None if is_late else answer.status,
        )
        task.state = "DISPATCHED"
        task.attempts.append(attempt)
        queue.history.append((self.now, "TASK_DISPATCHED", task.name, number))
        if answer.takes == 0:
            self._conclude(queue, task, attempt)

    def _conclude(self, queue: Queue, task: Task, attempt: Attempt) -> None:
        attempt.response_time = self.now
        decision = self._decide(queue, task, attempt)
        queue.history.append((self.now, "TASK_ANSWERED", task.name, attempt.number, attempt.answer, decision))

    def _decide(self, queue: Queue, task: Task, attempt: Attempt) -> str:
        if not task.is_live:
            return "dropped"
        task.last_answer = attempt.answer
        if attempt.answer_status is not None:
            task.responses.append(attempt.answer_status)
        if attempt.answer_status in SUCCESSFUL:
            self._end(task, "SUCCEEDED", self.now)
            return ""
        task.failures += 1
        retries = task.retries or queue.retries
        gives_up = retries.gives_up(len(task.attempts), self.now - task.attempts[0].dispatch_time)
        retry_at = (attempt.dispatch_time if attempt.forced else self.now) + retries.delay_after(task.failures)
        if not gives_up:
            task.schedule_time = whole_microseconds(retry_at)
        if task.under_way:
            return ""  # the other attempt decides
        if gives_up:
            self._end(task, "EXHAUSTED", self.now)
            return "give up"
        task.state = "SCHEDULED"
        return f"retry at {retry_at}"

    def _end(self, task: Task, state: str, at: int) -> None:
        task.state, task.ended = state, at


def whole_microseconds(instant: int) -> int:
    """The service keeps schedule times to the microsecond."""
    return instant // MICROSECOND * MICROSECOND
