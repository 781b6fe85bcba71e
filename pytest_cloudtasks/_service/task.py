"""A task, its attempts and their outcomes, and the collection of all tasks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import TYPE_CHECKING

from .request import APP_ENGINE_DEADLINE, HTTP_DEADLINE, HttpTarget, Payload

if TYPE_CHECKING:
    from .queue import Queue
    from .retry import RetryConfig


class RpcStatus(Enum):
    """The google.rpc codes that an attempt's response_status can carry."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


_STATUS_OF_HTTP = {
    400: RpcStatus.INVALID_ARGUMENT,
    401: RpcStatus.UNAUTHENTICATED,
    403: RpcStatus.PERMISSION_DENIED,
    404: RpcStatus.NOT_FOUND,
    409: RpcStatus.ABORTED,
    429: RpcStatus.RESOURCE_EXHAUSTED,
    499: RpcStatus.CANCELLED,
    501: RpcStatus.UNIMPLEMENTED,
    503: RpcStatus.UNAVAILABLE,
    504: RpcStatus.DEADLINE_EXCEEDED,
}


class OutcomeKind(Enum):
    """How an attempt can end."""

    RESPONSE = "response"
    DEADLINE_EXCEEDED = "deadline exceeded"
    NO_RESPONSE = "no response"


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt: an HTTP response, the dispatch deadline, or no response at all."""

    kind: OutcomeKind
    http_status: int = 0
    retry_at: int | None = None
    """The earliest instant of a retry by Retry-After, if the service honours that."""
    counts_as_success: bool = False
    """Whether the service treats it as a success despite its status."""
    lost_status: int = 0
    """The HTTP status of an answer that was sent and did not arrive."""

    @cached_property
    def succeeded(self) -> bool:
        """Whether the task is done: 200 to 299, see ``treat_304_as_success``. Ledger: `dispatch/304`."""
        is_success = self.counts_as_success or 200 <= self.http_status <= 299
        return self.kind is OutcomeKind.RESPONSE and is_success

    @property
    def is_5xx(self) -> bool:
        """Whether the target answered with a server error."""
        return 500 <= self.http_status <= 599

    def is_counted(self, target: Payload) -> bool:
        """Return whether response_count counts it: any response, except a 5xx to an HTTP task."""
        return self.kind is OutcomeKind.RESPONSE and not (self.is_5xx and isinstance(target, HttpTarget))

    @property
    def rpc_status(self) -> RpcStatus:
        """The google.rpc code of response_status.

        Ledger: `dispatch/failures-and-their-status`.
        """
        if self.kind is OutcomeKind.DEADLINE_EXCEEDED:
            return RpcStatus.DEADLINE_EXCEEDED
        if self.kind is OutcomeKind.NO_RESPONSE:
            return RpcStatus.UNKNOWN
        status = self.http_status
        if status in _STATUS_OF_HTTP:
            return _STATUS_OF_HTTP[status]
        if 200 <= status <= 299:
            return RpcStatus.OK
        if 400 <= status <= 499:
            return RpcStatus.FAILED_PRECONDITION
        return RpcStatus.INTERNAL if 500 <= status <= 599 else RpcStatus.UNKNOWN

    @property
    def result(self) -> int | str:
        """The HTTP status, or the name of the code if there was no response."""
        return self.http_status if self.kind is OutcomeKind.RESPONSE else self.rpc_status.name

    @property
    def message(self) -> str:
        """The text of response_status: ``INTERNAL(13): HTTP status code 500``.

        Ledger: `dispatch/failures-and-their-status`.
        """
        status = self.rpc_status
        shown = 504 if self.kind is OutcomeKind.DEADLINE_EXCEEDED else self.http_status
        return f"{status.name}({status.value}): HTTP status code {shown}"


DEADLINE_EXCEEDED = Outcome(OutcomeKind.DEADLINE_EXCEEDED)
NO_RESPONSE = Outcome(OutcomeKind.NO_RESPONSE)


@cache
def response(http_status: int) -> Outcome:
    """Return the outcome of an answer with this HTTP status."""
    return Outcome(OutcomeKind.RESPONSE, http_status)


class Attempt:
    """One dispatch of a task. Instants are nanoseconds.

    ``retry_count``, ``execution_count`` and ``previous`` appear in the request's headers. They are the task's counters
    when the attempt began.
    """

    __slots__ = (
        "dispatch_time",
        "execution_count",
        "forced",
        "number",
        "outcome",
        "previous",
        "queue",
        "reached_target",
        "response_time",
        "retry_count",
        "schedule_time",
        "target",
        "task",
    )

    def __init__(
        self,
        task: Task,
        queue: Queue,
        *,
        number: int,
        schedule_time: int,
        dispatch_time: int,
        forced: bool,
        execution_count: int,
    ) -> None:
        self.task: Task = task
        self.target = queue.config.sent(task.target)
        """What is sent: the task's target under the overrides that the queue had when the attempt began."""
        self.queue: Queue = queue
        self.number = number
        """Its place among the attempts of the task, from 1."""
        self.schedule_time: int = schedule_time
        self.dispatch_time = dispatch_time
        self.forced = forced
        """Whether RunTask or the test asked for it, past the queue's limits."""
        self.retry_count: int = task.failures
        self.execution_count: int = execution_count
        self.reached_target = True
        """Whether the request has gone out; RunTask answers before it does."""
        self.previous = task.last_outcome
        self.response_time: int | None = None
        self.outcome: Outcome | None = None

    @property
    def deadline(self) -> int:
        """The instant at which the service stops waiting for the answer."""
        return self.dispatch_time + self.task.deadline_in_force

    @property
    def previous_response(self) -> str | None:
        """The HTTP status in the header TaskPreviousResponse; None if no attempt came before.

        Ledger: `request/headers-http-timeout`, `request/headers-appengine-timeout`.
        """
        previous = self.previous
        if previous is None or previous.kind is OutcomeKind.RESPONSE:
            return None if previous is None else str(previous.http_status)
        is_late = previous.kind is OutcomeKind.DEADLINE_EXCEEDED
        return "504" if is_late and isinstance(self.target, HttpTarget) else "0"

    @property
    def retry_reason(self) -> str | None:
        """The text of the header TaskRetryReason, empty for HTTP tasks; None if no attempt came before."""
        if self.previous is None or isinstance(self.target, HttpTarget):
            return None if self.previous is None else ""
        return "Instance Unavailable" if self.previous.kind is OutcomeKind.DEADLINE_EXCEEDED else "App Error"


class TaskState(Enum):
    """The state of a task. Google's API has no such field: it says NOT_FOUND for a task that is removed."""

    SCHEDULED = "scheduled"
    """It waits for its next attempt."""
    DISPATCHED = "dispatched"
    """An attempt is running."""
    SUCCEEDED = "succeeded"
    """It was answered with a 2xx."""
    EXHAUSTED = "exhausted"
    """It failed and has no retry left."""
    EXPIRED = "expired"
    """It was deleted at the end of its retention."""
    DELETED = "deleted"
    """It was deleted by a call, with its queue, or by a purge."""


class TaskCause(Enum):
    """The causes of a task's change of state."""

    DISPATCH = "dispatch"
    RUN = "RunTask"
    SUCCESS = "2xx"
    RETRY = "failed, retry"
    GIVE_UP = "failed, no retry left"
    DELETE = "DeleteTask"
    PURGE = "PurgeQueue"
    QUEUE_DELETED = "DeleteQueue"
    EXPIRY = "31 days"
    ACKNOWLEDGE = "AcknowledgeTask"
    LEASES_USED_UP = "LeaseTasks, no lease left"


_DELETED = {TaskState.SCHEDULED: TaskState.DELETED, TaskState.DISPATCHED: TaskState.DELETED}
TRANSITIONS: Mapping[TaskCause, Mapping[TaskState, TaskState]] = {
    TaskCause.DISPATCH: {TaskState.SCHEDULED: TaskState.DISPATCHED},
    TaskCause.RUN: {TaskState.SCHEDULED: TaskState.DISPATCHED, TaskState.DISPATCHED: TaskState.DISPATCHED},
    TaskCause.SUCCESS: {TaskState.DISPATCHED: TaskState.SUCCEEDED},
    TaskCause.RETRY: {TaskState.DISPATCHED: TaskState.SCHEDULED},
    TaskCause.GIVE_UP: {TaskState.DISPATCHED: TaskState.EXHAUSTED},
    TaskCause.DELETE: _DELETED,
    TaskCause.PURGE: _DELETED,
    TaskCause.QUEUE_DELETED: _DELETED,
    TaskCause.EXPIRY: {TaskState.SCHEDULED: TaskState.EXPIRED, TaskState.DISPATCHED: TaskState.EXPIRED},
    TaskCause.ACKNOWLEDGE: {TaskState.SCHEDULED: TaskState.SUCCEEDED},
    TaskCause.LEASES_USED_UP: {TaskState.SCHEDULED: TaskState.EXHAUSTED},
}
"""The state that a cause leads to from each state. A new task is SCHEDULED.

A task of a pull queue is never DISPATCHED: a lease only changes its schedule time.
"""


@dataclass(slots=True)
class TaskSpec:
    """The request of a CreateTask. Instants and durations are nanoseconds."""

    target: Payload | None
    name: str = ""
    schedule_time: int | None = None
    dispatch_deadline: int | None = None
    retry_config: Mapping[str, int] | None = None


class Task:
    """A task that the service has accepted, live or removed. Instants are nanoseconds."""

    __slots__ = (
        "attempts",
        "create_time",
        "delay",
        "dispatch_count",
        "dispatch_deadline",
        "ended_at",
        "failures",
        "in_flight",
        "initial_schedule_time",
        "last_outcome",
        "listed",
        "name",
        "queue_name",
        "response_count",
        "retry_config",
        "schedule_time",
        "sequence",
        "state",
        "target",
        "waiting",
    )

    def __init__(
        self,
        name: str,
        queue_name: str,
        sequence: int,
        target: Payload,
        create_time: int,
        schedule_time: int,
        dispatch_deadline: int | None,
        retry_config: RetryConfig | None,
    ) -> None:
        self.name: str = name
        self.queue_name = queue_name
        self.sequence = sequence
        self.target = target
        self.create_time = create_time
        self.schedule_time = schedule_time
        self.initial_schedule_time = schedule_time
        self.delay = 0
        """How long after its schedule time it becomes eligible."""
        self.waiting: WaitingEntry | None = None
        """Its entry among the waiting tasks of its queue, while it waits."""
        self.listed: int | None = None
        """Its rank in listings, once a listing has needed it."""
        self.dispatch_deadline = dispatch_deadline
        self.retry_config = retry_config
        self.state = TaskState.SCHEDULED
        self.attempts: tuple[Attempt, ...] = ()
        """The attempts so far, oldest first."""
        self.dispatch_count = 0
        self.response_count = 0
        """Responses so far; those that `Scheduler` counts."""
        self.failures = 0
        self.in_flight = 0
        self.last_outcome: Outcome | None = None
        self.ended_at: int | None = None

    def forget_attempts(self, most: int) -> None:
        """Forget attempts except the first and the latest ``most``."""
        if len(self.attempts) > most + 1:
            self.attempts = (self.attempts[0], *self.attempts[-most:])

    def move(self, cause: TaskCause) -> None:
        """Change to the state that ``cause`` leads to."""
        self.state = TRANSITIONS[cause][self.state]

    @property
    def is_live(self) -> bool:
        """Whether the service still has the task."""
        return self.state is TaskState.SCHEDULED or self.state is TaskState.DISPATCHED

    @property
    def eligible_at(self) -> int:
        """The earliest instant of the next attempt: the schedule time, plus a delay if the task is held back."""
        return self.schedule_time + self.delay

    @property
    def deadline_in_force(self) -> int:
        """How long the service waits for an answer."""
        if self.dispatch_deadline is not None:
            return self.dispatch_deadline
        return HTTP_DEADLINE if isinstance(self.target, HttpTarget) else APP_ENGINE_DEADLINE


WaitingEntry = tuple[int, int, int, Task]
"""When a waiting task is eligible, its rank, its sequence number, and the task."""


class AcceptedTasks:
    """The tasks that the service has accepted, live and finished ones, in the order of creation.

    `forget_finished` limits the memory of a service that runs for long.
    """

    __slots__ = ("_by_sequence", "_finished", "forgotten", "total")

    def __init__(self) -> None:
        self.total = 0
        """The number of tasks ever accepted, which is the sequence number of the next one."""
        self.forgotten: Counter[tuple[str, TaskState]] = Counter()
        """The number of forgotten tasks, by the name of their queue and their state."""
        self._by_sequence: dict[int, Task] = {}
        self._finished: deque[Task] = deque()
        """The finished tasks, the one that finished first at the beginning."""

    def __iter__(self) -> Iterator[Task]:
        return iter(list(self._by_sequence.values()))  # other threads may create tasks meanwhile

    def __len__(self) -> int:
        """The number of tasks that are not forgotten."""
        return len(self._by_sequence)

    def get(self, sequence: int) -> Task | None:
        """Return the task with this sequence number; None if it is forgotten."""
        return self._by_sequence.get(sequence)

    def since(self, count: int) -> list[Task]:
        """Return the tasks that were accepted after the first ``count``."""
        return [task for sequence in range(count, self.total) if (task := self._by_sequence.get(sequence)) is not None]

    def add(self, task: Task) -> None:
        """Add a task, whose sequence number is `total`."""
        assert task.sequence == self.total, "no other task was accepted since this one was made"
        self._by_sequence[task.sequence] = task
        self.total += 1

    def finish(self, task: Task) -> None:
        """Record that ``task`` has finished."""
        self._finished.append(task)

    def forget_finished(self, most: int) -> None:
        """Forget finished tasks, those that finished first, until ``most`` are left. Live tasks stay."""
        while len(self._finished) > most:
            task = self._finished.popleft()
            del self._by_sequence[task.sequence]
            self.forgotten[task.queue_name, task.state] += 1
