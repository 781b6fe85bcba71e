"""What `reference` is made of: instants, laws, answers, attempts, tasks and queues, each as plain as can be.

Instants and durations are whole nanoseconds. A token takes whole nanoseconds to come, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .reference_requests import Request

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MICROSECOND = 1000
TASK_TTL = 31 * DAY
FARTHEST_SCHEDULE = 720 * HOUR

SUCCESSFUL = range(200, 300)
SERVER_ERROR = range(500, 600)


QUEUE_MISSING = (
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
)
ENTITY_MISSING = "Requested entity was not found."
TASK_GONE = (
    "The task no longer exists, though a task with this name existed recently. The task either successfully completed"
    " or was deleted."
)
TASK_TOMBSTONE = (
    "The task cannot be created because a task with this name existed too recently. For more information about task"
    " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task."
)
QUEUE_TOMBSTONE = "The queue cannot be created because a queue with this name existed too recently."
OLD_QUEUE_MISSING = "Queue does not exist."
OLD_QUEUE_GONE = "The queue no longer exists, though a queue with this name existed recently."


class Refused(Exception):
    """A command is rejected; ``code`` is the name of the gRPC status."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Laws:
    """What the sources disagree about; by default as the model has it by default."""

    queue_tombstone_ttl: int = 7 * DAY
    task_tombstone_ttl: int = 24 * HOUR
    purge_delay: int = 0
    queue_init_delay: int = 0
    ghosts: bool = False
    """CreateQueue in the time of a tombstone answers, and creates nothing."""
    old_errors: bool = False
    throttles: bool = False
    honours_retry_after: bool = False
    takes_304: bool = False


@dataclass(frozen=True)
class Rates:
    """What limits a queue's dispatches."""

    rate: Fraction
    burst: int
    concurrency: int

    @property
    def interval(self) -> int:
        """How long a token takes."""
        return math.ceil(SECOND / self.rate)

    def at(self, part: Fraction) -> Rates:
        """What is left of them when a queue has but a part of its rate."""
        return Rates(self.rate * part, max(1, math.floor(self.burst * part)), self.concurrency)


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
    takes: int = 0
    retry_after: int | None = None
    location: str | None = None
    """Where a redirect leads."""


Script = Callable[[int], Answer]
"""A task's handler: its answer to the attempt of that number."""


@dataclass(eq=False)
class Attempt:
    """One dispatch."""

    number: int
    schedule_time: int
    dispatch_time: int
    forced: bool
    sent: Request
    retry_count: int
    execution_count: int
    previous: str
    answer_at: int | None = None
    """None until it is delivered."""
    answer: str = ""
    answer_status: int | None = None
    retry_after: int | None = None
    response_time: int | None = None


@dataclass(eq=False)
class Task:
    """A task, from its creation on for ever."""

    name: str
    sequence: int
    created: int
    schedule_time: int
    deadline: int
    """The one in force."""
    script: Script
    retries: Retries | None
    request: Request
    stored_deadline: int | None = None
    state: str = "SCHEDULED"
    ended: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    responses: list[int] = field(default_factory=list)
    """The HTTP statuses that came in while the service had the task, and that it counts."""
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
    other: dict[str, Any]
    """Settings that are kept as they are: http_target among them."""
    part: Fraction = Fraction(1)
    """How much of its rate the system lets it have."""
    purges: list[tuple[int, int]] = field(default_factory=list)
    """When a purge takes effect, and on tasks before which number."""
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

    @property
    def allowed(self) -> Rates:
        """The rates in force."""
        return self.rates.at(self.part)

    def tokens_at(self, instant: int) -> Fraction:
        came = Fraction(instant - self.counted, self.allowed.interval)
        return min(Fraction(self.allowed.burst), self.tokens + came)

    def change(self, rates: Rates, part: Fraction, now: int) -> None:
        """Other rates from now on: tokens stay, up to the new burst. What is missing takes whole nanoseconds."""
        tokens = self.tokens_at(now)
        self.rates, self.part, self.counted = rates, part, now
        burst, interval = self.allowed.burst, self.allowed.interval
        self.tokens = burst - Fraction(math.ceil((burst - min(tokens, burst)) * interval), interval)

    def first_instant_with_token(self, now: int) -> int:
        missing = 1 - self.tokens_at(now)
        return now if missing <= 0 else now + math.ceil(missing * self.allowed.interval)

    def removed_at(self, task: Task) -> int:
        """When the task is not there any more, whatever happens to it."""
        purged = [at for at, before in self.purges if task.sequence < before]
        return min([task.created + TASK_TTL, *purged])

    def next_dispatch(self, now: int) -> tuple[int, Task] | None:
        """The task that goes next, unless something happens, and when."""
        if self.state != "RUNNING" or len(self.under_way) >= self.rates.concurrency:
            return None
        for task in self.in_line:
            at = max(now, task.schedule_time, self.first_instant_with_token(now))
            if at < self.removed_at(task):
                return at, task
        return None

    @property
    def in_line(self) -> list[Task]:
        waiting = [task for task in self.live_tasks if task.state == "SCHEDULED"]
        return sorted(waiting, key=lambda task: (task.schedule_time, task.sequence))


@dataclass(eq=False)
class Operation:
    """A batch that was done."""

    kind: str
    queue: str
    request_id: str
    at: int
    done: dict[int, Any] = field(default_factory=dict)
    failed: dict[int, Refused] = field(default_factory=dict)


def whole_microseconds(instant: int) -> int:
    """The service keeps schedule times to the microsecond."""
    return instant // MICROSECOND * MICROSECOND


def whole_seconds(duration: int) -> int:
    return duration // SECOND * SECOND
