"""A queue's statistics."""

from __future__ import annotations

from fractions import Fraction

from pytest_cloudtasks._service.queue import QueueStats, stats_of
from pytest_cloudtasks._service.queue_settings import QueueType
from pytest_cloudtasks._service.request import HttpTarget, PullMessage
from pytest_cloudtasks._service.task import TaskSpec, response
from pytest_cloudtasks._units import HOUR, MINUTE, SECOND

from .driving import LOCATION, QUEUE, START, URL, Driver, RecordedService, add, always, driver_with, numbered_ids

OTHER = f"{LOCATION}/queues/other"


def stats(driver: Driver) -> QueueStats:
    return stats_of(driver.service.queues[QUEUE], driver.now)


def test_an_empty_queue_has_a_rate_and_nothing_else() -> None:
    """Its rate is what its settings allow."""
    settings = {"rate_limits": {"max_dispatches_per_second": 5}}
    assert stats(driver_with(settings=settings)) == QueueStats(0, None, 0, 0, 5.0)


def test_a_throttled_queue_tells_the_rate_that_is_left() -> None:
    """The system's part of it is taken into account."""
    driver = driver_with(settings={"rate_limits": {"max_dispatches_per_second": 5}})
    driver.service.queues[QUEUE].allow(Fraction(1, 2), START)
    assert stats(driver).effective_execution_rate == 2.5


def test_tasks_and_attempts_under_way_are_counted() -> None:
    """A task whose attempt is under way is there, and no longer waits."""
    driver = driver_with(always(response(200), takes=HOUR))
    add(driver)
    add(driver, schedule_time=START + MINUTE)
    driver.advance(SECOND)
    found = stats(driver)
    assert (found.tasks_count, found.concurrent_dispatches_count) == (2, 1)
    assert found.oldest_estimated_arrival_time == START + MINUTE


def test_a_task_that_is_overdue_is_estimated_to_come_now() -> None:
    """The estimation is never in the past."""
    driver = driver_with()
    add(driver)
    driver.service.pause_queue(START, QUEUE)
    driver.advance(MINUTE)
    assert stats(driver).oldest_estimated_arrival_time == START + MINUTE


def test_the_nearest_message_of_a_pull_queue_is_told() -> None:
    """Whatever the order in which messages were put there."""
    service = RecordedService(numbered_ids())
    service.create_queue(START, LOCATION, QUEUE, {"type": QueueType.PULL})
    for after in (HOUR, MINUTE, 2 * HOUR):
        service.create_task(START, QUEUE, TaskSpec(PullMessage(b"x", ""), schedule_time=START + after))
    assert stats_of(service.queues[QUEUE], START).oldest_estimated_arrival_time == START + MINUTE
    service.purge_queue(START, QUEUE)
    assert stats_of(service.queues[QUEUE], START).oldest_estimated_arrival_time is None


def test_answers_of_the_last_minute_are_counted() -> None:
    """All of the queue's, whatever they were; those of a minute ago and of other queues are not."""
    driver = driver_with(settings={"retry_config": {"max_attempts": 1}})
    driver.service.create_queue(START, LOCATION, OTHER, {})
    add(driver)
    driver.service.create_task(START, OTHER, TaskSpec(HttpTarget(URL)))
    driver.drain()
    assert stats(driver).executed_last_minute_count == 1

    driver.advance(SECOND)
    driver.handler = always(response(500))
    add(driver)
    driver.drain()
    assert stats(driver).executed_last_minute_count == 2

    driver.advance(59 * SECOND)
    assert stats(driver).executed_last_minute_count == 1
    driver.advance(SECOND)
    assert stats(driver).executed_last_minute_count == 0
