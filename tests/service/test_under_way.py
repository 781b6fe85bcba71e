"""Attempts under way: what holds a slot, who decides of several, and what becomes of answers nobody waits for."""

from __future__ import annotations

from itertools import permutations

import pytest

from pytest_cloudtasks._service.events import Event, EventKind
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.retry import GiveUp, Retry
from pytest_cloudtasks._service.task import Attempt, Outcome, TaskState, response
from pytest_cloudtasks._units import DAY, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, Driver, add, always, dispatched_at, driver_with

OK, BUSY = response(200), response(503)
EVERY_SECOND = {"retry_config": {"min_backoff": SECOND, "max_backoff": SECOND}}


def answers(driver: Driver) -> list[Event]:
    return [event for event in driver.service.events if event.kind is EventKind.TASK_ANSWERED]


def running(driver: Driver, **spec: int) -> tuple[str, Attempt]:
    """A task whose first attempt has just begun."""
    task = add(driver, **spec)
    driver.advance(0)
    return task.name, task.attempts[0]


# --- several attempts of one task --------------------------------------------------------------------------------


@each("order", list(permutations(range(3))))
@each("winner", [None, 0, 1, 2])
def test_three_attempts_in_flight_end_in_any_order(order: tuple[int, ...], winner: int | None) -> None:
    """The first success ends the task and the rest is dropped; without one the last failure decides, and it alone."""
    takes = {number: (order.index(number) + 1) * SECOND for number in range(3)}

    def handler(attempt: Attempt) -> tuple[Outcome, int]:
        index = attempt.number - 1
        return (OK if index == winner else BUSY), takes.get(index, 0)

    driver = driver_with(handler, EVERY_SECOND)
    name, _ = running(driver)
    for _ in range(2):
        driver.service.run_task(driver.now, name)
        driver.advance(0)
    assert driver.service.queues[QUEUE].in_flight == 3
    driver.advance(3 * SECOND - 1)
    told = answers(driver)
    driver.advance(1)
    if winner is None:
        assert [event.verdict for event in told] == [None, None]
        assert isinstance(answers(driver)[2].verdict, Retry)
        assert not any(event.dropped for event in answers(driver))
    else:
        place = order.index(winner)
        assert [event.dropped for event in answers(driver)[:3]] == [index > place for index in range(3)]
        assert driver.service.accepted[0].ended_at == START + (place + 1) * SECOND
        assert driver.service.queues[QUEUE].in_flight == 0


@pytest.mark.parametrize(("takes", "retry_at"), [((5, 12), 13), ((9, 5), 10)], ids=["RunTask's last", "its own last"])
def test_the_instant_of_the_retry_is_that_of_the_last_failure(takes: tuple[int, int], retry_at: int) -> None:
    """The retry is due one backoff after the end of the attempt that failed last, RunTask's or the queue's own."""
    driver = driver_with(lambda attempt: (BUSY, takes[attempt.forced] * SECOND), EVERY_SECOND)
    name, _ = running(driver)
    driver.service.run_task(driver.now, name)
    driver.service.pause_queue(driver.now, QUEUE)
    driver.advance(20 * SECOND)
    task = driver.service.accepted[0]
    assert (task.failures, task.schedule_time) == (2, START + retry_at * SECOND)


def test_a_limit_reached_by_one_of_two_waits_for_the_other() -> None:
    """With no retry left, the attempt under way may still succeed; if it fails, that is the end."""
    for last, state in ((OK, TaskState.SUCCEEDED), (BUSY, TaskState.EXHAUSTED)):
        driver = driver_with(
            lambda attempt, last=last: (last, 9 * SECOND) if attempt.forced else (BUSY, 5 * SECOND),
            {"retry_config": {"max_attempts": 1}},
        )
        name, _ = running(driver)
        driver.service.run_task(driver.now, name)
        driver.advance(6 * SECOND)
        assert (answers(driver)[0].verdict, driver.service.accepted[0].state) == (None, TaskState.DISPATCHED)
        driver.drain()
        assert driver.service.accepted[0].state is state
    assert isinstance(answers(driver)[1].verdict, GiveUp)


# --- slots -------------------------------------------------------------------------------------------------------


def test_a_forced_attempt_holds_a_slot() -> None:
    """RunTask asks for none, and takes one: the queue's own dispatches wait for it."""
    driver = driver_with(always(OK, takes=5 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 1}})
    driver.service.pause_queue(START, QUEUE)
    first, second = add(driver), add(driver)
    driver.service.run_task(START, first.name)
    driver.service.resume_queue(START, QUEUE)
    driver.drain()
    assert (dispatched_at(first), dispatched_at(second)) == ([0], [5 * SECOND])


def test_a_queue_made_anew_has_no_slots_taken() -> None:
    """Attempts of a deleted queue of the same name are none of its own."""
    limits = {"rate_limits": {"max_concurrent_dispatches": 1}}
    driver = driver_with(always(OK, takes=5 * SECOND), limits, ServiceOptions(queue_tombstone_ttl=0))
    running(driver)
    driver.service.delete_queue(driver.now, QUEUE)
    driver.service.create_queue(driver.now, LOCATION, QUEUE, limits)
    task = add(driver)
    driver.advance(0)
    assert (dispatched_at(task), driver.service.queues[QUEUE].in_flight) == ([0], 1)
    driver.drain()
    assert (driver.service.queues[QUEUE].in_flight, task.state) == (0, TaskState.SUCCEEDED)
    assert [event.dropped for event in answers(driver)] == [True, False]


# --- tasks that go -----------------------------------------------------------------------------------------------


def test_a_task_made_anew_is_not_answered_by_its_namesake() -> None:
    """The answer to a deleted task says nothing about another one of the same name."""
    driver = driver_with(
        lambda attempt: (OK if attempt.task.sequence == 0 else BUSY, 5 * SECOND),
        None,
        ServiceOptions(task_tombstone_ttl=0),
    )
    first = add(driver, "same")
    driver.advance(0)
    driver.service.delete_task(driver.now, first.name)
    second = add(driver, "same")
    driver.advance(5 * SECOND)
    assert (first.state, second.state, second.failures) == (TaskState.DELETED, TaskState.SCHEDULED, 1)


def test_a_run_that_is_not_delivered_yet_goes_out_though_its_task_is_gone() -> None:
    """RunTask has returned, so the attempt has begun; its outcome is dropped."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    driver.service.run_task(START, task.name)
    driver.service.delete_task(START, task.name)
    driver.drain()
    assert (dispatched_at(task), task.state) == ([0], TaskState.DELETED)
    assert [event.dropped for event in answers(driver)] == [True]


def test_a_task_can_expire_while_it_is_running() -> None:
    """The answer that comes after the 31 days is dropped, and frees its slot."""
    driver = driver_with(always(OK, takes=20 * SECOND))
    task = add(driver, schedule_time=START + 30 * DAY)
    driver.service.pause_queue(START, QUEUE)
    driver.advance(31 * DAY - 10 * SECOND)
    driver.service.resume_queue(driver.now, QUEUE)
    driver.advance(0)
    driver.drain()
    assert (task.state, task.ended_at) == (TaskState.EXPIRED, START + 31 * DAY)
    assert [(event.at - START, event.dropped) for event in answers(driver)] == [(31 * DAY + 10 * SECOND, True)]
    assert driver.service.queues[QUEUE].in_flight == 0


# --- retry limits and long attempts ------------------------------------------------------------------------------


@each(("takes", "attempts"), [(0, 7), (10, 5), (20, 3), (30, 2), (60, 1), (59, 2)])
def test_the_age_counts_what_attempts_take(takes: int, attempts: int) -> None:
    """max_retry_duration runs from the first dispatch; an attempt that ends when it is over is the last."""
    limits = {"max_attempts": 1, "max_retry_duration": 60 * SECOND, "min_backoff": SECOND}
    driver = driver_with(always(BUSY, takes=takes * SECOND), {"retry_config": limits})
    task = add(driver)
    driver.drain()
    assert (task.state, task.dispatch_count) == (TaskState.EXHAUSTED, attempts)


# --- whether anything is under way -------------------------------------------------------------------------------


def test_the_dispatcher_knows_whether_answers_are_awaited() -> None:
    """From the dispatch, or RunTask's call, to the answer; also where the task is gone meanwhile."""
    driver = driver_with(always(OK, takes=5 * SECOND))
    scheduler = driver.service.scheduler
    task = add(driver, schedule_time=START + SECOND)
    assert not scheduler.awaits_answers
    driver.service.run_task(START, task.name)
    assert scheduler.awaits_answers
    driver.advance(0)
    driver.service.delete_task(START, task.name)
    assert scheduler.awaits_answers
    driver.drain()
    assert not scheduler.awaits_answers
