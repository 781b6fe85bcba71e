"""Tasks."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.request import AppEngineTarget
from pytest_cloudtasks._service.task import TaskSpec, TaskState, response
from pytest_cloudtasks._units import SECOND

from .driving import QUEUE, START, add, always, driver_with


def test_a_task_is_live_while_it_is_scheduled_or_dispatched() -> None:
    """All other states are ends."""
    task, live = add(driver_with()), set()
    for task.state in TaskState:
        live.update({task.state} if task.is_live else ())
    assert live == {TaskState.SCHEDULED, TaskState.DISPATCHED}


def test_a_new_task_has_nothing_behind_it() -> None:
    """Its counters are zero, and it waits."""
    task = add(driver_with())
    assert (task.state, task.is_live, task.ended_at) == (TaskState.SCHEDULED, True, None)
    assert (task.dispatch_count, task.response_count, task.failures, task.in_flight) == (0, 0, 0, 0)
    assert (task.attempts, task.last_outcome) == ((), None)


def test_a_task_goes_from_scheduled_through_dispatched_to_its_end() -> None:
    """While an answer is awaited it is dispatched; between attempts it waits again."""
    driver = driver_with(lambda attempt: (response(500 if attempt.number == 1 else 200), 2 * SECOND))
    task = add(driver)
    states = []
    for _ in range(6):
        driver.advance(SECOND)
        states.append(task.state)
    waits, runs, done = TaskState.SCHEDULED, TaskState.DISPATCHED, TaskState.SUCCEEDED
    # under way from 0 s to 2 s, and again, 0.1 s later, from 2.1 s to 4.1 s
    assert states == [runs, waits, runs, runs, done, done]
    assert task.ended_at == START + 4_100_000_000
    assert not task.is_live


@pytest.mark.parametrize(
    ("statuses", "of_http", "of_app_engine"),
    [((503, 404, 200), 2, 3), ((500, 599, 200), 1, 3), ((302, 429, 499), 3, 3)],
)
def test_responses_are_counted_but_for_the_5xx_of_http_tasks(
    statuses: tuple[int, ...], of_http: int, of_app_engine: int
) -> None:
    """response_count takes every response of an App Engine task, and those of an HTTP task outside 5xx."""
    driver = driver_with(
        lambda attempt: (response(statuses[attempt.number - 1]), 0), {"retry_config": {"max_attempts": 3}}
    )
    tasks = [add(driver), driver.service.create_task(START, QUEUE, TaskSpec(AppEngineTarget()))]
    driver.drain()
    assert [(task.dispatch_count, task.response_count) for task in tasks] == [(3, of_http), (3, of_app_engine)]


def test_the_last_outcome_is_remembered() -> None:
    """The next attempt's headers tell of it."""
    driver = driver_with(always(response(418)), {"retry_config": {"max_attempts": 1}})
    task = add(driver)
    driver.drain()
    assert (task.last_outcome, task.state) == (response(418), TaskState.EXHAUSTED)
