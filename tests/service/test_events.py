"""Events: what the service writes down."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.events import EventKind
from pytest_cloudtasks._service.retry import GiveUp, Retry
from pytest_cloudtasks._service.task import response
from pytest_cloudtasks._units import DAY, SECOND

from .driving import QUEUE, START, add, driver_with, scripted


def test_every_change_of_a_queue_is_an_event() -> None:
    """Every change of a queue is an event of its instant."""
    driver = driver_with()
    service = driver.service
    service.update_queue(START + 1, QUEUE, {})
    service.pause_queue(START + 2, QUEUE)
    service.resume_queue(START + 3, QUEUE)
    service.purge_queue(START + 4, QUEUE)
    service.delete_queue(START + 5, QUEUE)
    assert [(event.at - START, event.kind, event.queue_name) for event in service.events] == [
        (0, EventKind.QUEUE_CREATED, QUEUE),
        (1, EventKind.QUEUE_UPDATED, QUEUE),
        (2, EventKind.QUEUE_PAUSED, QUEUE),
        (3, EventKind.QUEUE_RESUMED, QUEUE),
        (4, EventKind.QUEUE_PURGED, QUEUE),
        (5, EventKind.QUEUE_DELETED, QUEUE),
    ]


def test_the_life_of_a_task_is_reported_with_the_verdicts_on_its_failures() -> None:
    """Creation, dispatches and answers follow each other; a failure says what was decided."""
    settings = {"retry_config": {"max_attempts": 2, "min_backoff": SECOND}}
    driver = driver_with(scripted(response(503), response(500)), settings)
    task = add(driver)
    driver.drain()
    first, second = task.attempts
    assert [
        (event.at - START, event.kind, event.task, event.attempt, event.verdict) for event in driver.service.events[1:]
    ] == [
        (0, EventKind.TASK_CREATED, task, None, None),
        (0, EventKind.TASK_DISPATCHED, task, first, None),
        (0, EventKind.TASK_ANSWERED, task, first, Retry(START + SECOND)),
        (SECOND, EventKind.TASK_DISPATCHED, task, second, None),
        (SECOND, EventKind.TASK_ANSWERED, task, second, GiveUp("max_attempts 2")),
    ]


def test_deletion_and_expiry_are_events() -> None:
    """A task that goes without an attempt has its event too, the expiry at the instant it was due."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    deleted, expired = add(driver), add(driver)
    driver.service.delete_task(START, deleted.name)
    driver.advance(40 * DAY)
    assert [(event.at - START, event.kind, event.task) for event in driver.service.events[4:]] == [
        (0, EventKind.TASK_DELETED, deleted),
        (31 * DAY, EventKind.TASK_EXPIRED, expired),
    ]


def test_an_event_can_not_be_altered() -> None:
    """What has happened stays as it was."""
    event = driver_with().service.events[0]
    with pytest.raises(AttributeError):
        event.at = 0
