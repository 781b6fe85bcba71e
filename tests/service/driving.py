"""What the tests of the model share: names, a service to begin with, and a driver that plays clock and handlers."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.events import Event
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue import DispatchRate, Queue
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Attempt, Outcome, Task, TaskSpec, response
from pytest_cloudtasks._units import SECOND

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
URL = "https://worker.test/run"
START = 1_700_000_000 * SECOND

Handler = Callable[[Attempt], tuple[Outcome, int]]
"""Plays a target: the outcome of an attempt, and how long its answer takes."""


class RanAway(AssertionError):
    """The model went on and on."""


def numbered_ids() -> Callable[[], str]:
    """IDs for unnamed tasks: "auto-1", "auto-2", …"""
    given = 0

    def new_id() -> str:
        nonlocal given
        given += 1
        return f"auto-{given}"

    return new_id


def always(outcome: Outcome, takes: int = 0) -> Handler:
    """A handler that does the same every time."""
    return lambda attempt: (outcome, takes)


def scripted(*outcomes: Outcome) -> Handler:
    """A handler that answers at once, by the number of the attempt; the last outcome repeats."""
    return lambda attempt: (outcomes[min(attempt.number, len(outcomes)) - 1], 0)


class RecordedService(Service):
    """A service whose events are kept in a list."""

    def __init__(self, new_task_id: Callable[[], str], options: ServiceOptions | None = None) -> None:
        self.events: list[Event] = []
        super().__init__(new_task_id, options, record=self._keep)

    def _keep(self, event: Event) -> None:
        self.events.append(event)


class Driver:
    """Moves a service through time, from event to event, as the plugin's own drivers do."""

    def __init__(self, service: Any, handler: Callable[[Any], tuple[Any, int]], now: int = START) -> None:
        self.service = service
        self.handler = handler
        self.now = now
        self.moves_left = 5000

    def advance(self, by: int) -> None:
        """Pass time, doing on the way what is to be done."""
        to = self.now + by
        self._run(to)
        self.now = to
        self.service.scheduler.remove_due(to)

    def drain(self) -> None:
        """Go on until nothing more happens by itself."""
        self._run(None)

    def _run(self, to: int | None) -> None:
        scheduler = self.service.scheduler
        while (upcoming := scheduler.upcoming()) is not None and (to is None or upcoming.at <= to):
            self.moves_left -= 1
            if self.moves_left < 0:
                raise RanAway(f"the model is still busy at {self.now}: {upcoming}")
            first, upcoming = upcoming, scheduler.resolve(upcoming, self.now)
            if upcoming.at > self.now:
                self.now = upcoming.at
                scheduler.remove_due(self.now)
                if scheduler.upcoming() != first:
                    continue  # its task has just expired
            attempt = scheduler.proceed(upcoming, self.now)
            if attempt.outcome is None:
                outcome, takes = self.handler(attempt)
                scheduler.record_outcome(attempt, outcome, self.now + takes, self.now)


def service_with(settings: dict[str, Any] | None = None, options: ServiceOptions | None = None) -> RecordedService:
    """A service with the one queue `QUEUE`."""
    service = RecordedService(numbered_ids(), options)
    service.create_queue(START, LOCATION, QUEUE, settings or {})
    return service


def driver_with(
    handler: Handler | None = None, settings: dict[str, Any] | None = None, options: ServiceOptions | None = None
) -> Driver:
    """A driver of a service with the one queue `QUEUE`; its handler succeeds at once unless told otherwise."""
    return Driver(service_with(settings, options), handler or always(response(200)))


def add(driver: Driver, task_id: str = "", **spec: Any) -> Task:
    """Create an HTTP task in `QUEUE`, now."""
    name = f"{QUEUE}/tasks/{task_id}" if task_id else ""
    task: Task = driver.service.create_task(driver.now, QUEUE, TaskSpec(HttpTarget(URL), name=name, **spec))
    return task


def ids(tasks: list[Task]) -> list[str]:
    """The IDs of tasks, in their order."""
    return [task.name.rpartition("/")[2] for task in tasks]


def dispatched_at(task: Task) -> list[int]:
    """The instants of a task's attempts, counted from `START`."""
    return [attempt.dispatch_time - START for attempt in task.attempts]


def tokens_in(rate: DispatchRate, now: int) -> int:
    """How many tokens could be taken at ``now``; they are left where they are."""
    bucket, number = copy(rate), 0
    while (ready := bucket.ready_at()) is None or ready <= now:
        bucket.take(now)
        number += 1
    return number


def _state_of_queue(queue: Queue) -> tuple[object, ...]:
    tasks = [
        (task.name, task.state, task.schedule_time, task.dispatch_count, task.in_flight)
        for task in queue.tasks.values()
    ]
    return (
        queue.config,
        queue.state,
        queue.purge_time,
        queue.policy,
        queue.in_flight,
        queue.rate.ready_at(),
        queue.next_dispatch(),
        tasks,
    )


def state_of(service: RecordedService) -> object:
    """All that a command could change, as a value to compare."""
    return (
        {name: _state_of_queue(queue) for name, queue in service.queues.items()},
        list(service.accepted),
        list(service.events),
        service.scheduler.upcoming(),
    )


def assert_refused(service: RecordedService, code: Code, message: str, command: Callable[[], object]) -> None:
    """The command is rejected with that code and that text, and has changed nothing."""
    before = state_of(service)
    with pytest.raises(ServiceError) as caught:
        command()
    assert caught.value.code is code
    assert caught.value.message == message
    assert state_of(service) == before
