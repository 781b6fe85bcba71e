"""Driving many tasks: attempts a second, linear growth, a year of virtual time, memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from statistics import median

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import TaskSpec

from .calls import PARENT, creating, floor
from .measuring import Row, seconds_each, seconds_of

URL = "https://app.test/work"
SECOND = 1_000_000_000
BEGIN = 1_900_000_000 * SECOND


def rows() -> Iterator[Row]:
    """Everything about many tasks."""
    yield from _attempts()
    yield from _growth()
    yield _year()
    yield from _memory()


def filled(cloud_tasks: FakeCloudTasks, number: int, body: bytes = b"") -> None:
    """Put so many tasks into the queue, past the client: it is the driving that is measured."""
    simulation = cloud_tasks._synced()
    spec = TaskSpec(HttpTarget(URL, body=body))
    for _ in range(number):
        simulation.service.create_task(simulation.clock.now, PARENT, spec)


def drained(number: int) -> float:
    """Seconds that it takes to drain so many tasks with a callable that does nothing."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        cloud_tasks.route(URL, handler=lambda request: None)
        filled(cloud_tasks, number)
        took = seconds_of(lambda: cloud_tasks.drain(limit=number))
        assert not cloud_tasks.tasks()
    return took


def _attempts() -> Iterator[Row]:
    number = 20_000
    with FakeCloudTasks() as cloud_tasks:
        assert cloud_tasks.clock.elapsed == timedelta(0)  # time is held, as it is for the attempts
        bare = seconds_each({"floor": creating(floor())}, count=300)["floor"]
    each = median(drained(number) for _ in range(7)) / number
    yield Row("drain: attempts a second", 1 / each, "/s", note=f"{each * 1e6:.1f} µs each")
    yield Row("drain: an attempt against the floor of create_task", each / bare, "×", 0.8)


def _growth() -> Iterator[Row]:
    few, many = median(drained(100_000) for _ in range(3)), drained(1_000_000)
    yield Row("drain: 1,000,000 tasks against 100,000", many / few, "×", 12, note=f"{few:.1f} s, {many:.1f} s")


def _year() -> Row:
    number = 10_000
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        route = cloud_tasks.route(URL, handler=lambda request: None)
        simulation = cloud_tasks._synced()
        step = timedelta(days=365) / number

        def a_year() -> None:
            for _ in range(number):
                at = simulation.clock.now + 3600 * SECOND
                simulation.service.create_task(
                    simulation.clock.now, PARENT, TaskSpec(HttpTarget(URL), schedule_time=at)
                )
                cloud_tasks.advance(step)

        took = seconds_of(a_year)
        assert len(route.calls) >= number - 2
    return Row("a year of virtual time, 10,000 scheduled tasks", took, "s", note="one advance a task")


def _memory() -> Iterator[Row]:
    number = 100_000
    ids = (f"{one:020d}" for one in count())
    service = Service(lambda: next(ids))
    service.create_queue(BEGIN, PARENT.rpartition("/queues/")[0], PARENT, {})
    gc.collect()
    tracemalloc.start()
    for one in range(number):
        body = f"{one:0100d}".encode()
        headers = (("Content-Type", "application/json"),)
        service.create_task(BEGIN, PARENT, TaskSpec(HttpTarget(URL, headers=headers, body=body)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    yield Row("memory of a waiting task with a body of 100 bytes", peak / number, "bytes", 1229)
