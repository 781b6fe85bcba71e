"""The edges of the diagrams of states: those of the model's tables, and those that the model is seen to have.

A queue and a task have a table of transitions each. A walk starts with a new service, gives it every command there is,
and goes on from each state that it has not seen: so a test holds the tables against what the model does, and so the
diagram of pull queues is made, where a lease is no state of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from pytest_cloudtasks._service import queue as queue_module
from pytest_cloudtasks._service import task as task_module
from pytest_cloudtasks._service.errors import ServiceError
from pytest_cloudtasks._service.events import Event
from pytest_cloudtasks._service.pull_queues import leasable
from pytest_cloudtasks._service.queue import QueueCause, QueueState
from pytest_cloudtasks._service.queue_settings import QueueType, UploadedQueue
from pytest_cloudtasks._service.request import HttpTarget, PullMessage
from pytest_cloudtasks._service.retry import GiveUp, Retry
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Attempt, Task, TaskCause, TaskSpec, response
from pytest_cloudtasks._units import DAY, MINUTE, SECOND

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"
START = ""
"""Not there, not yet or no more."""


@dataclass(frozen=True, order=True)
class Edge:
    """From ``source`` a command leads to ``target``."""

    source: str
    label: str
    target: str


@dataclass
class Walker:
    """A service with one queue, at an instant."""

    is_pull: bool = False
    now: int = 365 * DAY
    told: str = ""
    """What a command has to say of itself beyond its name."""
    task: Task | None = None
    under_way: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.events: list[Event] = []
        self.service = Service(lambda: str(next(numbers)), record=self.events.append)

    def queue_state(self) -> str:
        """Where the queue stands."""
        if QUEUE in self.service.queues:
            return self.service.queues[QUEUE].state.name
        return "name reserved" if self.service.is_reserved(self.now, QUEUE) else START

    def task_state(self) -> str:
        """Where the task stands; one of a pull queue is with a worker or is not."""
        if self.task is None:
            return START
        if not self.is_pull or not self.task.is_live:
            return self.task.state.name
        return "SCHEDULED" if self.task in leasable(self.service.queues[QUEUE], self.now) else "leased"

    def everything(self) -> tuple[object, ...]:
        """What decides on how things go on, as far as a walk tells states apart."""
        task = self.task
        counts = () if task is None else (min(task.dispatch_count, 2), min(task.failures, 2), min(task.in_flight, 2))
        return (self.queue_state(), self.task_state(), *counts)

    # --- commands ------------------------------------------------------------------------------------------------

    def create_queue(self) -> None:
        """CreateQueue, with a second attempt and no third."""
        settings = {"type": QueueType.PULL} if self.is_pull else {}
        self.service.create_queue(self.now, LOCATION, QUEUE, {**settings, "retry_config": {"max_attempts": 2}})

    def upload(self, *, named: bool) -> None:
        """UploadQueueYaml, of a file that has the queue or has none."""
        self.service.upload_queue_yaml(self.now, LOCATION, {"q": UploadedQueue({})} if named else {})

    def pass_time(self, duration: int) -> None:
        """Let time pass, and what only takes time happen."""
        self.now += duration
        self.service.scheduler.remove_due(self.now)

    def create_task(self) -> None:
        """CreateTask, once."""
        payload = PullMessage(b"") if self.is_pull else HttpTarget("https://worker.test/")
        if self.task is None:
            self.task = self.service.create_task(self.now, QUEUE, TaskSpec(payload, TASK))

    def dispatch(self) -> None:
        """Let the next attempt begin, at its instant."""
        upcoming = self.service.scheduler.upcoming()
        if upcoming is not None:
            self.now = max(self.now, upcoming.at)
            self.under_way.append(self.service.scheduler.proceed(upcoming, self.now))

    def run_task(self) -> None:
        """RunTask, and the delivery that it has begun."""
        self.service.run_task(self.now, TASK)
        self.dispatch()

    def answer(self, status: int) -> None:
        """Answer the attempt that is longest under way."""
        if self.under_way:
            attempt = self.under_way.pop(0)
            self.service.scheduler.record_outcome(attempt, response(status), self.now, self.now)
            verdict = self.events[-1].verdict
            self.told = {Retry: ", retry", GiveUp: ", no retry left"}.get(type(verdict), "")

    def lease(self) -> None:
        """LeaseTasks."""
        service = self.service
        service.lease_tasks(self.now, QUEUE, max_tasks=1, duration=MINUTE, filter="", size_of=lambda _: 1)
        if self.task is not None and not self.task.is_live:
            self.told = ", no lease left"
        self.now += SECOND  # a lease and the next are not of one instant

    def with_lease(self, do: Callable[..., object], *more: int) -> None:
        """Do what takes the end of a lease to do."""
        if self.task is not None:
            do(self.now, TASK, self.task.schedule_time, *more)


def edges_of_queue() -> list[Edge]:
    """The table of a queue's transitions, with its creation and its deletion."""
    states = [state.name for state in QueueState]
    table = [
        Edge(source.name, cause.value, target.name)
        for cause, moves in queue_module.TRANSITIONS.items()
        for source, target in moves.items()
    ]
    return sorted(
        [
            *table,
            Edge(START, "CreateQueue", "RUNNING"),
            Edge(START, QueueCause.UPLOADED.value, "RUNNING"),
            *(Edge(state, "DeleteQueue", "name reserved") for state in states),
            Edge("name reserved", "7 days", START),
        ]
    )


def edges_of_task() -> list[Edge]:
    """The table of a task's transitions in a push queue, with its creation."""
    of_pull_queues = {TaskCause.ACKNOWLEDGE, TaskCause.LEASES_USED_UP}
    return sorted(
        [
            Edge(START, "CreateTask", "SCHEDULED"),
            *(
                Edge(source.name, cause.value, target.name)
                for cause, moves in task_module.TRANSITIONS.items()
                for source, target in moves.items()
                if cause not in of_pull_queues and source is not target
            ),
        ]
    )


Commands = Mapping[str, Callable[[Walker], None]]

QUEUE_COMMANDS: Commands = {
    "CreateQueue": Walker.create_queue,
    "PauseQueue": lambda walker: void(walker.service.pause_queue(walker.now, QUEUE)),
    "ResumeQueue": lambda walker: void(walker.service.resume_queue(walker.now, QUEUE)),
    "DeleteQueue": lambda walker: walker.service.delete_queue(walker.now, QUEUE),
    "queue.yaml with it": lambda walker: walker.upload(named=True),
    "queue.yaml without it": lambda walker: walker.upload(named=False),
    "7 days": lambda walker: walker.pass_time(7 * DAY),
}
_ENDS: Commands = {
    "CreateTask": Walker.create_task,
    "DeleteTask": lambda walker: walker.service.delete_task(walker.now, TASK),
    "PurgeQueue": lambda walker: void(walker.service.purge_queue(walker.now, QUEUE)),
    "DeleteQueue": lambda walker: walker.service.delete_queue(walker.now, QUEUE),
    "31 days": lambda walker: walker.pass_time(31 * DAY),
}
PUSH_COMMANDS: Commands = {
    **_ENDS,
    "dispatch": Walker.dispatch,
    "RunTask": Walker.run_task,
    "2xx": lambda walker: walker.answer(200),
    "failed": lambda walker: walker.answer(500),
}
PULL_COMMANDS: Commands = {
    **_ENDS,
    "LeaseTasks": Walker.lease,
    "RenewLease": lambda walker: walker.with_lease(walker.service.renew_lease, MINUTE),
    "CancelLease": lambda walker: walker.with_lease(walker.service.cancel_lease),
    "AcknowledgeTask": lambda walker: walker.with_lease(walker.service.acknowledge_task),
    "the lease ends": lambda walker: walker.pass_time(2 * MINUTE),
}


def void(_: object) -> None:
    """Drop what a command gives."""


def walk(new: Callable[[], Walker], commands: Commands, state: Callable[[Walker], str]) -> list[Edge]:
    """Every change of ``state`` that ``commands`` bring about, however one gets there."""
    paths: list[tuple[str, ...]] = [()]
    seen = {new().everything()}
    edges: set[Edge] = set()
    while paths:
        path = paths.pop(0)
        for name in commands:
            walker = new()
            for earlier in path:
                commands[earlier](walker)
            before, walker.told = state(walker), ""
            try:
                commands[name](walker)
            except ServiceError:
                continue  # which changes nothing
            if state(walker) != before:
                edges.add(Edge(before, name + walker.told, state(walker)))
            if walker.everything() not in seen:
                seen.add(walker.everything())
                paths.append((*path, name))
    return sorted(edges)


def with_queue(*, is_pull: bool) -> Walker:
    """A walker whose queue is there."""
    walker = Walker(is_pull)
    walker.create_queue()
    return walker
