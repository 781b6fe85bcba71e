"""The scheduler: which attempt begins when, and what follows from its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.events import Event, EventKind
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue import WaitingTasks
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget
from pytest_cloudtasks._service.retry import GiveUp, Retry
from pytest_cloudtasks._service.scheduler import DispatchOrder, Step, Timetable
from pytest_cloudtasks._service.task import (
    DEADLINE_EXCEEDED,
    NO_RESPONSE,
    Attempt,
    Outcome,
    Task,
    TaskSpec,
    TaskState,
    response,
)
from pytest_cloudtasks._service.validation import id_of
from pytest_cloudtasks._units import DAY, MILLISECOND, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, URL, Driver, add, always, dispatched_at, driver_with, ids, scripted

# --- dispatching ---


OK = response(200)
OTHER = f"{LOCATION}/queues/other"
EVERY_SECOND = {"retry_config": {"min_backoff": SECOND, "max_backoff": SECOND}}


def order_of_dispatches(driver: Driver) -> list[str]:
    """The IDs of the tasks that went out, in that order."""
    return ids(
        [event.task for event in driver.service.events if event.kind is EventKind.TASK_DISPATCHED and event.task]
    )


# --- what comes next ---------------------------------------------------------------------------------------------


def test_nothing_is_to_come_in_an_empty_service() -> None:
    """Without tasks there is no next step."""
    assert driver_with().service.scheduler.upcoming() is None


def test_the_next_dispatch_is_upcoming() -> None:
    """It is the first waiting task, at its schedule time, and asking changes nothing."""
    driver = driver_with()
    add(driver, schedule_time=START + 2 * SECOND)
    head = add(driver, schedule_time=START + SECOND)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at, upcoming.task) == (Step.DISPATCH, START + SECOND, head)
    assert upcoming.needs_target
    assert driver.service.scheduler.upcoming() == upcoming
    assert head.dispatch_count == 0


def test_an_awaited_answer_is_upcoming() -> None:
    """Between dispatch and answer the answer is the next step, and needs no target."""
    driver = driver_with(always(OK, takes=3 * SECOND))
    task = add(driver)
    driver.advance(SECOND)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at, upcoming.task) == (Step.ANSWER, START + 3 * SECOND, task)
    assert not upcoming.needs_target


def test_tasks_go_by_schedule_time_and_then_in_the_order_of_creation() -> None:
    """This holds within a queue, and over queues at one instant."""
    driver = driver_with()
    driver.service.create_queue(START, LOCATION, OTHER, {})
    for task_id, after in [("c", 2), ("b", 1), ("d", 2), ("a", 0)]:
        add(driver, task_id, schedule_time=START + after * SECOND)
        spec = TaskSpec(HttpTarget(URL), name=f"{OTHER}/tasks/{task_id * 2}", schedule_time=START + after * SECOND)
        driver.service.create_task(START, OTHER, spec)
    driver.drain()
    assert order_of_dispatches(driver) == ["a", "aa", "b", "bb", "c", "cc", "d", "dd"]


def test_overdue_tasks_of_several_queues_go_by_their_schedule_times() -> None:
    """When a token came for a task that could not be dispatched no longer matters."""
    driver = driver_with(
        settings={"rate_limits": {"max_dispatches_per_second": 1}}, options=ServiceOptions(burst_size=3)
    )
    other = f"{LOCATION}/queues/other"
    driver.service.create_queue(START, LOCATION, other, {})
    for name in (QUEUE, other):
        driver.service.pause_queue(START, name)
    for name, task_id, seconds in ((QUEUE, "a", 0), (QUEUE, "b", 1), (other, "c", 50)):
        spec = TaskSpec(HttpTarget(URL), name=f"{name}/tasks/{task_id}", schedule_time=START + seconds * SECOND)
        driver.service.create_task(START, name, spec)
    driver.advance(100 * SECOND)
    for name in (QUEUE, other):
        driver.service.resume_queue(driver.now, name)
    driver.advance(0)
    dispatched = [event.task for event in driver.service.events if event.kind is EventKind.TASK_DISPATCHED]
    assert ids([task for task in dispatched if task is not None]) == ["a", "b", "c"]


def test_an_answer_comes_before_a_dispatch_of_the_same_instant() -> None:
    """The answer frees its slot first, also where the other task has been waiting for it."""
    driver = driver_with(always(OK, takes=SECOND), {"rate_limits": {"max_concurrent_dispatches": 2}})
    for task_id in "abcd":
        add(driver, task_id)
    driver.drain()
    told = [(event.at - START, event.kind, ids([event.task])) for event in driver.service.events[5:] if event.task]
    assert told == [
        (0, EventKind.TASK_DISPATCHED, ["a"]),
        (0, EventKind.TASK_DISPATCHED, ["b"]),
        (SECOND, EventKind.TASK_ANSWERED, ["a"]),
        (SECOND, EventKind.TASK_ANSWERED, ["b"]),
        (SECOND, EventKind.TASK_DISPATCHED, ["c"]),
        (SECOND, EventKind.TASK_DISPATCHED, ["d"]),
        (2 * SECOND, EventKind.TASK_ANSWERED, ["c"]),
        (2 * SECOND, EventKind.TASK_ANSWERED, ["d"]),
    ]


def test_dispatches_can_be_limited_to_some_tasks() -> None:
    """Dispatches of other tasks don't count then; answers under way do."""
    driver = driver_with(always(OK, takes=5 * SECOND))
    service = driver.service
    mine = add(driver)
    service.scheduler.select(service.queues.values(), lambda task: task is not mine)
    assert service.scheduler.upcoming() is None
    service.scheduler.select_all()
    driver.advance(SECOND)
    service.scheduler.select(service.queues.values(), lambda task: task is not mine)
    answer = service.scheduler.upcoming()
    assert answer is not None
    assert (answer.step, answer.task) == (Step.ANSWER, mine)


def test_a_selected_task_goes_before_older_ones() -> None:
    """The first selected task of a queue is next, at its own instant; one that is created meanwhile counts."""
    driver = driver_with()
    scheduler = driver.service.scheduler
    first, second = add(driver), add(driver)
    scheduler.select(driver.service.queues.values(), lambda task: task is not first)
    upcoming = scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.at, upcoming.task) == (START, second)

    driver.service.delete_task(START, second.name)
    assert scheduler.upcoming() is None
    third = add(driver)
    upcoming = scheduler.upcoming()
    assert upcoming is not None
    assert upcoming.task is third
    scheduler.select_all()
    upcoming = scheduler.upcoming()
    assert upcoming is not None
    assert upcoming.task is first


# --- limits ------------------------------------------------------------------------------------------------------


def test_dispatches_keep_to_the_rate_after_the_burst() -> None:
    """A full bucket goes out at once, the rest one an interval, retries included."""
    driver = driver_with(
        settings={"rate_limits": {"max_dispatches_per_second": 2}}, options=ServiceOptions(burst_size=3)
    )
    tasks = [add(driver) for _ in range(6)]
    driver.drain()
    assert [dispatched_at(task) for task in tasks] == [
        [0],
        [0],
        [0],
        [SECOND // 2],
        [SECOND],
        [3 * SECOND // 2],
    ]


def test_no_more_attempts_are_under_way_than_allowed() -> None:
    """The next task goes out when an answer has come in."""
    driver = driver_with(always(OK, takes=4 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 2}})
    tasks = [add(driver) for _ in range(5)]
    driver.drain()
    assert [dispatched_at(task) for task in tasks] == [[0], [0], [4 * SECOND], [4 * SECOND], [8 * SECOND]]


def test_a_paused_queue_dispatches_nothing_until_it_is_resumed() -> None:
    """What became due meanwhile goes out, late, at the instant of the resumption."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    task = add(driver)
    driver.advance(60 * SECOND)
    assert task.state is TaskState.SCHEDULED
    driver.service.resume_queue(driver.now, QUEUE)
    driver.advance(0)
    assert dispatched_at(task) == [60 * SECOND]


def test_an_attempt_under_way_ends_in_a_paused_queue_and_its_retry_waits() -> None:
    """Pausing stops dispatches, not answers."""
    driver = driver_with(always(response(503), takes=2 * SECOND), EVERY_SECOND)
    task = add(driver)
    driver.advance(SECOND)
    driver.service.pause_queue(driver.now, QUEUE)
    driver.advance(60 * SECOND)
    assert (task.failures, task.state, task.schedule_time) == (1, TaskState.SCHEDULED, START + 3 * SECOND)


def test_new_limits_take_effect_at_once() -> None:
    """An update that allows more lets out what has been waiting, and one that allows less holds it back."""
    driver = driver_with(always(OK, takes=60 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 1}})
    tasks = [add(driver) for _ in range(4)]
    driver.advance(SECOND)
    mask = ["rate_limits.max_concurrent_dispatches"]
    driver.service.update_queue(driver.now, QUEUE, {"rate_limits": {"max_concurrent_dispatches": 3}}, mask)
    driver.service.update_queue(driver.now, QUEUE, {"rate_limits": {"max_concurrent_dispatches": 2}}, mask)
    driver.advance(SECOND)
    assert [dispatched_at(task) for task in tasks] == [[0], [SECOND], [], []]


# --- answers -----------------------------------------------------------------------------------------------------


def test_a_success_ends_a_task() -> None:
    """It leaves the queue at the instant of the answer."""
    driver = driver_with(always(OK, takes=SECOND))
    task = add(driver)
    driver.drain()
    assert (task.state, task.ended_at) == (TaskState.SUCCEEDED, START + SECOND)
    assert driver.service.queues[QUEUE].tasks == {}


def test_the_delay_runs_from_the_end_of_the_attempt() -> None:
    """A slow failure is retried its delay after the answer."""
    driver = driver_with(always(response(503), takes=7 * SECOND), EVERY_SECOND)
    task = add(driver)
    driver.advance(20 * SECOND)
    assert dispatched_at(task) == [0, 8 * SECOND, 16 * SECOND]
    assert [attempt.schedule_time - START for attempt in task.attempts] == [0, 8 * SECOND, 16 * SECOND]


def test_an_answer_at_the_deadline_is_in_time() -> None:
    """Only what comes later is not awaited."""
    driver = driver_with(always(OK, takes=15 * SECOND))
    task = add(driver, dispatch_deadline=15 * SECOND)
    driver.drain()
    assert task.state is TaskState.SUCCEEDED


def test_an_answer_past_the_deadline_is_not_awaited() -> None:
    """The attempt fails at its deadline, and counts as no response."""
    driver = driver_with(always(OK, takes=15 * SECOND + 1), {"retry_config": {"max_attempts": 1}})
    task = add(driver, dispatch_deadline=15 * SECOND)
    driver.drain()
    assert [(attempt.outcome, attempt.response_time) for attempt in task.attempts] == [
        (DEADLINE_EXCEEDED, START + 15 * SECOND)
    ]
    assert (task.state, task.response_count, task.failures) == (TaskState.EXHAUSTED, 0, 1)


def test_no_response_is_a_failure_without_a_response() -> None:
    """The retry comes, and no counter of responses moves."""
    driver = driver_with(scripted(NO_RESPONSE, OK))
    task = add(driver)
    driver.drain()
    assert (task.dispatch_count, task.failures, task.response_count) == (2, 1, 1)


def test_the_answer_to_a_removed_task_is_dropped() -> None:
    """It changes nothing but the slot that it frees."""
    driver = driver_with(always(response(503), takes=5 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 1}})
    gone, waiting = add(driver), add(driver)
    driver.advance(SECOND)
    driver.service.delete_task(driver.now, gone.name)
    assert driver.service.queues[QUEUE].in_flight == 1
    driver.advance(4 * SECOND)
    assert (gone.state, gone.failures, gone.ended_at) == (TaskState.DELETED, 0, START + SECOND)
    assert dispatched_at(waiting) == [5 * SECOND]
    assert [event.dropped for event in driver.service.events if event.kind is EventKind.TASK_ANSWERED] == [True]


def test_an_answer_outlives_its_queue() -> None:
    """A deleted queue's attempts end at their own time, and affect nothing else."""
    driver = driver_with(always(OK, takes=5 * SECOND))
    task = add(driver)
    driver.advance(SECOND)
    driver.service.delete_queue(driver.now, QUEUE)
    driver.drain()
    assert task.state is TaskState.DELETED
    assert [attempt.response_time for attempt in task.attempts] == [START + 5 * SECOND]
    assert driver.service.scheduler.upcoming() is None


# --- the execution count -----------------------------------------------------------------------------------------

FAILURES = scripted(*map(response, (503, 404, 429, 500, 302, 200)))


def execution_counts(target: HttpTarget | AppEngineTarget, options: ServiceOptions | None = None) -> list[int]:
    driver = driver_with(FAILURES, EVERY_SECOND, options)
    task = driver.service.create_task(START, QUEUE, TaskSpec(target))
    driver.drain()
    return [attempt.execution_count for attempt in task.attempts]


def test_execution_counts_are_the_recorded_ones() -> None:
    """For these very answers the service was seen to count so: HTTP without 5xx, App Engine with."""
    assert execution_counts(HttpTarget(URL)) == [0, 0, 1, 2, 2, 3]
    assert execution_counts(AppEngineTarget()) == [0, 1, 2, 3, 4, 5]


# --- RunTask -----------------------------------------------------------------------------------------------------


def test_run_task_ignores_state_and_limits() -> None:
    """A paused queue, no slot, no token and a later schedule time don't hold it back, and no token is taken."""
    driver = driver_with(always(OK, takes=5 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 1}})
    add(driver)
    driver.advance(0)
    ready_at = driver.service.queues[QUEUE].rate.ready_at()
    driver.service.pause_queue(driver.now, QUEUE)
    task = add(driver, schedule_time=START + 3600 * SECOND)
    driver.service.run_task(driver.now, task.name)
    driver.advance(SECOND)
    assert dispatched_at(task) == [0]
    assert [(attempt.forced, attempt.schedule_time) for attempt in task.attempts] == [(True, START + 3600 * SECOND)]
    assert driver.service.queues[QUEUE].rate.ready_at() == ready_at
    assert driver.service.queues[QUEUE].in_flight == 2


def test_run_task_returns_with_the_attempt_begun() -> None:
    """The counters have risen; the delivery is the next thing that comes."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    driver.service.run_task(START, task.name)
    assert (task.state, task.dispatch_count, task.in_flight) == (TaskState.DISPATCHED, 1, 1)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at, upcoming.task) == (Step.DELIVERY, START, task)
    assert upcoming.needs_target


def test_run_task_takes_the_place_of_the_dispatch_to_come() -> None:
    """A task that was run and succeeded does not go out again at its schedule time."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    driver.service.run_task(START, task.name)
    driver.drain()
    assert dispatched_at(task) == [0]


def test_the_delay_after_run_task_runs_from_the_answer() -> None:
    """The retry of a task that was due later comes one backoff after the response, as after any attempt."""
    driver = driver_with(always(response(503), takes=7 * SECOND), {"retry_config": {"min_backoff": 10 * SECOND}})
    task = add(driver, schedule_time=START + 60 * SECOND)
    driver.service.run_task(START, task.name)
    driver.advance(7 * SECOND)
    assert task.schedule_time == START + 17 * SECOND


def test_of_two_attempts_under_way_the_last_to_end_decides() -> None:
    """The first failure brings no verdict; the second is followed by one retry."""

    def handler(attempt: Attempt) -> tuple[Outcome, int]:
        return response(503), (10 if attempt.forced else 4) * SECOND

    driver = driver_with(handler, EVERY_SECOND)
    task = add(driver)
    driver.advance(SECOND)
    driver.service.run_task(driver.now, task.name)
    driver.advance(3 * SECOND)
    assert (task.state, task.failures, task.in_flight) == (TaskState.DISPATCHED, 1, 1)
    driver.advance(8 * SECOND)
    answers = [event for event in driver.service.events if event.kind is EventKind.TASK_ANSWERED]
    assert [(event.at - START, event.verdict) for event in answers] == [
        (4 * SECOND, None),
        (11 * SECOND, Retry(START + 12 * SECOND)),
    ]
    assert dispatched_at(task) == [0, SECOND, 12 * SECOND]


def test_of_two_attempts_under_way_a_success_ends_the_task() -> None:
    """The other's answer is dropped."""
    driver = driver_with(lambda attempt: (OK, (2 if attempt.forced else 5) * SECOND))
    task = add(driver)
    driver.advance(0)
    driver.service.run_task(driver.now, task.name)
    driver.drain()
    assert (task.state, task.ended_at) == (TaskState.SUCCEEDED, START + 2 * SECOND)
    assert [event.dropped for event in driver.service.events if event.kind is EventKind.TASK_ANSWERED] == [False, True]


def test_an_attempt_can_be_forced_for_delivery_by_the_caller() -> None:
    """It begins as RunTask's does, and is not brought up again."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    attempt = driver.service.begin(START, task, forced=True)
    assert (attempt.forced, attempt.number, attempt.outcome) == (True, 1, None)
    assert driver.service.scheduler.upcoming() is None
    driver.service.scheduler.record_outcome(attempt, OK, START, START)
    assert task.state is TaskState.SUCCEEDED


# --- expiry ------------------------------------------------------------------------------------------------------


def test_an_attempt_can_be_begun_past_the_limits_as_the_queue_s_own() -> None:
    """It carries the task's schedule time, and its retry counts from its end."""
    driver = driver_with(settings={"rate_limits": {"max_concurrent_dispatches": 1}, **EVERY_SECOND})
    first, second = add(driver, "a"), add(driver, "b")
    service = driver.service
    attempts = [service.begin(START + SECOND, task) for task in (first, second)]
    assert [(one.schedule_time, one.dispatch_time, one.forced) for one in attempts] == [
        (START, START + SECOND, False)
    ] * 2
    assert service.queues[QUEUE].in_flight == 2
    service.scheduler.record_outcome(attempts[0], response(500), START + 3 * SECOND, START + 3 * SECOND)
    assert first.schedule_time == START + 4 * SECOND


def test_a_task_expires_31_days_after_its_creation() -> None:
    """To the nanosecond, whatever it waits for; its name stays reserved from then on."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    task = add(driver, "t")
    driver.advance(31 * DAY - 1)
    assert task.state is TaskState.SCHEDULED
    driver.advance(1)
    assert (task.state, task.ended_at) == (TaskState.EXPIRED, START + 31 * DAY)


def test_expiry_is_dated_at_its_instant_though_it_is_seen_later() -> None:
    """Time that passes in one leap leaves every expiry where it belongs."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    first = add(driver)
    driver.advance(DAY)
    second = add(driver)
    driver.advance(100 * DAY)
    assert (first.ended_at, second.ended_at) == (START + 31 * DAY, START + 32 * DAY)


def test_a_retry_that_is_due_at_the_expiry_is_not_dispatched() -> None:
    """A task does not exist any more at the instant of its expiry."""
    settings = {"retry_config": {"max_attempts": -1, "min_backoff": 31 * DAY, "max_backoff": 31 * DAY}}
    driver = driver_with(always(response(503)), settings)
    task = add(driver)
    driver.advance(40 * DAY)
    assert (task.state, dispatched_at(task)) == (TaskState.EXPIRED, [0])


def test_a_task_expires_though_the_clock_was_set_back_before_it_was_created() -> None:
    """State of earlier tasks does not keep later ones alive."""
    driver = driver_with()
    add(driver)
    driver.drain()
    driver.service.clock_reset(-1000 * DAY)
    driver.now -= 1000 * DAY
    driver.service.pause_queue(driver.now, QUEUE)
    task = add(driver)
    driver.advance(31 * DAY)
    assert task.state is TaskState.EXPIRED


# --- under way ---


IN_TIME, BUSY = response(200), response(503)


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
        return (IN_TIME if index == winner else BUSY), takes.get(index, 0)

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
        assert [task.ended_at for task in driver.service.accepted] == [START + (place + 1) * SECOND]
        assert driver.service.queues[QUEUE].in_flight == 0


@pytest.mark.parametrize(("takes", "retry_at"), [((5, 12), 13), ((9, 5), 10)], ids=["RunTask's last", "its own last"])
def test_the_instant_of_the_retry_is_that_of_the_last_failure(takes: tuple[int, int], retry_at: int) -> None:
    """The retry is due one backoff after the end of the attempt that failed last, RunTask's or the queue's own."""
    driver = driver_with(lambda attempt: (BUSY, takes[attempt.forced] * SECOND), EVERY_SECOND)
    name, _ = running(driver)
    driver.service.run_task(driver.now, name)
    driver.service.pause_queue(driver.now, QUEUE)
    driver.advance(20 * SECOND)
    (task,) = driver.service.accepted
    assert (task.failures, task.schedule_time) == (2, START + retry_at * SECOND)


def test_a_limit_reached_by_one_of_two_waits_for_the_other() -> None:
    """With no retry left, the attempt under way may still succeed; if it fails, that is the end."""
    for last, state in ((IN_TIME, TaskState.SUCCEEDED), (BUSY, TaskState.EXHAUSTED)):
        driver = driver_with(
            lambda attempt, last=last: (last, 9 * SECOND) if attempt.forced else (BUSY, 5 * SECOND),
            {"retry_config": {"max_attempts": 1}},
        )
        name, _ = running(driver)
        driver.service.run_task(driver.now, name)
        driver.advance(6 * SECOND)
        (task,) = driver.service.accepted
        assert (answers(driver)[0].verdict, task.state) == (None, TaskState.DISPATCHED)
        driver.drain()
        assert task.state is state
    assert isinstance(answers(driver)[1].verdict, GiveUp)


# --- slots -------------------------------------------------------------------------------------------------------


def test_a_forced_attempt_holds_a_slot() -> None:
    """RunTask asks for none, and takes one: the queue's own dispatches wait for it."""
    driver = driver_with(always(IN_TIME, takes=5 * SECOND), {"rate_limits": {"max_concurrent_dispatches": 1}})
    driver.service.pause_queue(START, QUEUE)
    first, second = add(driver), add(driver)
    driver.service.run_task(START, first.name)
    driver.service.resume_queue(START, QUEUE)
    driver.drain()
    assert (dispatched_at(first), dispatched_at(second)) == ([0], [5 * SECOND])


def test_a_queue_made_again_has_no_slots_taken() -> None:
    """Attempts of a deleted queue of the same name don't count."""
    limits = {"rate_limits": {"max_concurrent_dispatches": 1}}
    driver = driver_with(always(IN_TIME, takes=5 * SECOND), limits, ServiceOptions(queue_tombstone_ttl=0))
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


def test_a_task_made_again_is_not_answered_by_its_namesake() -> None:
    """The answer to a deleted task says nothing about another one of the same name."""
    driver = driver_with(
        lambda attempt: (IN_TIME if attempt.task.sequence == 0 else BUSY, 5 * SECOND),
        None,
        ServiceOptions(task_tombstone_ttl=0),
    )
    first = add(driver, "same")
    driver.advance(0)
    driver.service.delete_task(driver.now, first.name)
    second = add(driver, "same")
    driver.advance(5 * SECOND)
    assert (first.state, second.state, second.failures) == (TaskState.DELETED, TaskState.SCHEDULED, 1)


def test_a_run_is_delivered_though_its_task_was_removed() -> None:
    """RunTask has returned, so the attempt has begun; its outcome is ignored."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    driver.service.run_task(START, task.name)
    driver.service.delete_task(START, task.name)
    driver.drain()
    assert (dispatched_at(task), task.state) == ([0], TaskState.DELETED)
    assert [event.dropped for event in answers(driver)] == [True]


def test_a_task_can_expire_while_it_is_running() -> None:
    """The answer that comes after the 31 days is dropped, and frees its slot."""
    driver = driver_with(always(IN_TIME, takes=20 * SECOND))
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


def test_the_scheduler_reports_whether_answers_are_awaited() -> None:
    """From the dispatch, or RunTask's call, to the answer; also for removed tasks."""
    driver = driver_with(always(IN_TIME, takes=5 * SECOND))
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


# --- dispatch order ---


class Given(DispatchOrder):
    """Ranks, delays and listing ranks by the IDs of tasks."""

    is_shuffled = True

    def __init__(
        self,
        ranks: Mapping[str, int] | None = None,
        delays: Mapping[str, int] | None = None,
        listed: Mapping[str, int] | None = None,
    ) -> None:
        self.ranks = ranks or {}
        self.delays = delays or {}
        self.listed = listed or {}

    def rank(self, task: Task) -> int:
        return self.ranks.get(id_of(task.name), 0)

    def delay(self, task: Task) -> int:
        return self.delays.get(id_of(task.name), 0)

    def rank_in_listings(self, task: Task) -> int:
        return self.listed.get(id_of(task.name), 0)


def went(driver: Driver) -> list[str]:
    """The IDs of the tasks that were dispatched, in their order."""
    found = [(one.dispatch_time, number, one.task) for number, one in enumerate(attempts(driver))]
    return ids([task for _, _, task in found])


def attempts(driver: Driver) -> list[object]:
    return [one.attempt for one in driver.service.events if one.kind.value == "task dispatched"]


def test_by_default_it_is_first_come_first_served() -> None:
    """Nothing has a rank or a delay."""
    driver = driver_with()
    task = add(driver, "a")
    assert (task.waiting, task.delay, task.listed) == ((START, 0, 0, task), 0, None)
    assert task.eligible_at == task.schedule_time == START


def test_ranks_decide_among_tasks_of_one_instant() -> None:
    """The smaller goes first, of equal ones the older; an earlier instant wins over any rank."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given({"a": 9, "b": 2, "c": 2, "early": 99})
    for task_id in "abc":
        add(driver, task_id, schedule_time=START + SECOND)
    add(driver, "early")
    driver.drain()
    assert went(driver) == ["early", "b", "c", "a"]


def test_a_delayed_task_keeps_its_schedule_time() -> None:
    """Others overtake it; the attempt has the schedule time, and its dispatch the delay."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given(delays={"a": 5 * SECOND})
    a, b = add(driver, "a"), add(driver, "b")
    queue = driver.service.queues[QUEUE]

    assert queue.next_dispatch() == (START, b)
    assert [ids(queue.waiting.due(START + after * SECOND)) for after in (0, 4, 5)] == [["b"], ["b"], ["b", "a"]]
    driver.drain()

    assert went(driver) == ["b", "a"]
    assert dispatched_at(a) == [5 * SECOND]
    assert (a.attempts[0].schedule_time, a.schedule_time) == (START, START)


def test_each_retry_is_ordered_again() -> None:
    """A delay is asked for with every attempt, and a delay adds to the backoff."""
    driver = driver_with(scripted(response(500), response(200)))
    delays = {"a": SECOND}
    driver.service.scheduler.dispatch_order = Given(delays=delays)
    task = add(driver, "a")
    delays["a"] = 2 * SECOND
    driver.drain()
    assert dispatched_at(task) == [SECOND, SECOND + 100 * MILLISECOND + 2 * SECOND]


def test_a_waiting_task_can_be_held_back() -> None:
    """It keeps its rank, waits at its new instant alone."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given({"a": 3, "b": 2})
    a, b = add(driver, "a"), add(driver, "b")
    queue = driver.service.queues[QUEUE]

    driver.service.scheduler.hold_back(queue, b, 5 * SECOND, START)

    assert b.waiting == (START + 5 * SECOND, 2, 1, b)
    assert b.eligible_at == START + 5 * SECOND
    assert queue.next_dispatch() == (START, a)
    assert ids(queue.waiting.due(START + 5 * SECOND)) == ["a", "b"]
    driver.drain()
    assert went(driver) == ["a", "b"]


def test_holding_back_the_only_task_moves_what_is_upcoming() -> None:
    """The next step is at the new instant at once."""
    driver = driver_with()
    task = add(driver, "a")
    driver.service.scheduler.hold_back(driver.service.queues[QUEUE], task, SECOND, START)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at) == (Step.DISPATCH, START + SECOND)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_listings_go_by_their_own_rank(size: int) -> None:
    """Whole or by pages, tasks come by listing rank, of equal ranks the older first."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given(listed={"a": 7, "b": 2**32 - 1, "c": 7, "d": 0})
    for task_id in "abcd":
        add(driver, task_id)

    found, token = [], ""
    while True:
        tasks, token = driver.service.list_tasks(START, QUEUE, size, token)
        found += ids(tasks)
        if not token:
            break

    assert found == ["d", "a", "c", "b"]


def test_the_order_of_listings_is_asked_for_where_there_is_one() -> None:
    """A single task has no rank; with a second one both get theirs, once."""
    driver = driver_with()
    order = Given(listed={"a": 7, "b": 5})
    driver.service.scheduler.dispatch_order = order
    a = add(driver, "a")
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["a"]
    assert a.listed is None

    b = add(driver, "b")
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["b", "a"]
    order.listed = {"a": 0, "b": 9}
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["b", "a"]
    assert (a.listed, b.listed) == (7, 5)


class Last(DispatchOrder):
    """Picks the last of the ready tasks, and keeps what it was asked."""

    picks = True

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def pick(self, ready: Sequence[Task]) -> int:
        self.asked.append(ids(list(ready)))
        return len(ready) - 1


def picking(settings: dict[str, Any] | None = None) -> tuple[Driver, Last]:
    """A driver whose scheduler picks the last of the ready tasks."""
    driver = driver_with(settings=settings)
    order = Last()
    driver.service.scheduler.dispatch_order = order
    return driver, order


def test_an_order_picks_among_the_tasks_that_are_due() -> None:
    """Those of all queues whose instant has come, first in order first; nothing is asked where there is one."""
    driver, order = picking()
    other = f"{LOCATION}/queues/other"
    driver.service.create_queue(START, LOCATION, other, {})
    for task_id in "ab":
        add(driver, task_id)
    driver.service.create_task(START, other, TaskSpec(HttpTarget(URL), name=f"{other}/tasks/c"))
    add(driver, "later", schedule_time=START + SECOND)
    driver.drain()

    assert order.asked == [["a", "b", "c"], ["a", "b"]]
    assert went(driver) == ["c", "b", "a", "later"]


def test_overdue_tasks_are_picked_from_whatever_their_schedule_time() -> None:
    """What waited for a slot is among what has come meanwhile."""
    driver, order = picking({"rate_limits": {"max_concurrent_dispatches": 1}})
    driver.handler = always(response(200), takes=10 * SECOND)
    for number, task_id in enumerate("abc"):
        add(driver, task_id, schedule_time=START + number * SECOND)
    driver.drain()

    assert order.asked == [["b", "c"]]
    assert went(driver) == ["a", "c", "b"]


def test_nothing_is_picked_that_may_not_go() -> None:
    """A task of a paused or full queue is not picked, nor is a removed one."""
    driver, order = picking()
    for name, settings in (("paused", {}), ("full", {"rate_limits": {"max_concurrent_dispatches": 1}})):
        queue = f"{LOCATION}/queues/{name}"
        driver.service.create_queue(START, LOCATION, queue, settings)
        for number in range(2):
            spec = TaskSpec(HttpTarget(URL), name=f"{queue}/tasks/{name}-{number}")
            task = driver.service.create_task(START, queue, spec)
            if name == "full" and number == 0:
                driver.service.scheduler.begin(driver.service.queues[queue], task, START)
    driver.service.pause_queue(START, f"{LOCATION}/queues/paused")
    for task_id in "ab":
        add(driver, task_id)
    driver.service.delete_task(START, add(driver, "deleted").name)
    driver.drain()

    assert order.asked == [["a", "b"]]
    assert went(driver)[1:] == ["b", "a"]


def test_an_order_that_only_says_that_it_decides_changes_nothing() -> None:
    """Dispatches and listings alike are first come, first served until an order has another answer."""

    class Indifferent(DispatchOrder):
        is_shuffled = True
        picks = True

    driver = driver_with()
    driver.service.scheduler.dispatch_order = Indifferent()
    tasks = [add(driver, task_id) for task_id in "cab"]
    assert driver.service.list_tasks(START, QUEUE, 0, "")[0] == tasks
    driver.drain()
    assert went(driver) == ["c", "a", "b"]


def test_only_selected_tasks_are_picked_from() -> None:
    """The others' tasks are not ready."""
    driver, order = picking()
    other = f"{LOCATION}/queues/other"
    driver.service.create_queue(START, LOCATION, other, {})
    add(driver, "a")
    driver.service.create_task(START, other, TaskSpec(HttpTarget(URL), name=f"{other}/tasks/b"))
    scheduler = driver.service.scheduler
    scheduler.select(driver.service.queues.values(), lambda task: task.queue_name == QUEUE)
    upcoming = scheduler.upcoming()
    assert upcoming is not None

    assert scheduler.resolve(upcoming, START) == upcoming
    assert order.asked == []
    scheduler.select_all()
    assert id_of(scheduler.resolve(upcoming, START).task.name) == "b"


def test_a_lost_answer_counts_as_no_response() -> None:
    """The outcome has the lost status, and counts and retries like one without a response."""
    driver = driver_with(always(Outcome(NO_RESPONSE.kind, lost_status=200)), {"retry_config": {"max_attempts": 2}})
    task = add(driver, "a")
    driver.drain()
    assert task.last_outcome is not None
    assert (task.last_outcome.message, task.last_outcome.lost_status) == ("UNKNOWN(2): HTTP status code 0", 200)
    assert (task.dispatch_count, task.response_count, task.failures) == (2, 0, 2)


# --- the heap of waiting tasks -----------------------------------------------------------------------------------


def waiting_task(number: int, at: int) -> Task:
    """A task that is to go at ``at``."""
    return Task(f"{QUEUE}/tasks/t{number}", QUEUE, number, HttpTarget(URL), 0, at, None, None)


instants_and_ranks = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=12)


@given(instants_and_ranks, st.integers(-1, 6))
def test_tasks_go_by_instant_rank_and_number_however_they_came(places: list[tuple[int, int]], now: int) -> None:
    """The heap is a sorted list: seen whole, up to an instant, and one by one as tasks go."""
    waiting, tasks = WaitingTasks(), []
    for number, (at, rank) in enumerate(places):
        tasks.append(waiting_task(number, at))
        waiting.add(tasks[-1], rank)
    tasks.sort(key=lambda task: (task.schedule_time, places[task.sequence][1], task.sequence))
    assert list(waiting) == tasks
    assert waiting.due(now) == [task for task in tasks if task.schedule_time <= now]
    gone = []
    while (task := waiting.first()) is not None:
        task.waiting = None
        gone.append(task)
    assert gone == tasks
    assert list(waiting) == []


@given(instants_and_ranks, st.data())
def test_a_task_waits_where_it_was_added_last(places: list[tuple[int, int]], data: st.DataObject) -> None:
    """Tasks that are added again or removed leave no entry behind."""
    waiting = WaitingTasks()
    tasks: list[Task] = []
    ranks: dict[Task, int] = {}
    for number, (at, rank) in enumerate(places):
        task = waiting_task(number, at)
        tasks.append(task)
        waiting.add(task, rank)
        ranks[task] = rank
        moved = data.draw(st.sampled_from([None, *tasks]))
        if moved is None:
            task.waiting = None
        else:
            moved.delay = data.draw(st.integers(0, 3))
            ranks[moved] = data.draw(st.integers(0, 2))
            waiting.add(moved, ranks[moved])
    left = [task for task in tasks if task.waiting is not None]
    left.sort(key=lambda task: (task.eligible_at, ranks[task], task.sequence))
    assert list(waiting) == waiting.due(10) == left
    assert waiting.first() is (left[0] if left else None)


def test_tasks_that_have_left_are_not_kept_until_their_instants() -> None:
    """Of many reminders that were deleted long before their time, the heap keeps a few, in the right order."""
    waiting = WaitingTasks()
    stays = [waiting_task(number, DAY - number) for number in range(3)]
    for task in stays:
        waiting.add(task, 0)
    for number in range(3, 1000):
        task = waiting_task(number, DAY)
        waiting.add(task, 0)
        task.waiting = None
    assert len(waiting._heap) <= 64
    assert list(waiting) == stays[::-1]


# --- timetable ---


def drained(timetable: Timetable[str]) -> list[tuple[int, str]]:
    """All entries, taken off in their order."""
    entries = []
    while (first := timetable.first()) is not None:
        entries.append(first)
        timetable.remove(first[1])
    return entries


def test_an_empty_timetable_has_no_first_entry() -> None:
    """Nothing is to come where nothing was entered."""
    timetable: Timetable[str] = Timetable()
    assert timetable.first() is None


def test_the_earliest_entry_comes_first() -> None:
    """Instants decide the order, however they were entered."""
    timetable: Timetable[str] = Timetable()
    for at, key in [(30, "c"), (10, "a"), (20, "b")]:
        timetable.put(key, at, (0,))
    assert drained(timetable) == [(10, "a"), (20, "b"), (30, "c")]


def test_keys_that_do_not_count_are_passed_over_and_stay() -> None:
    """The first of some keys leaves the others where they are."""
    timetable: Timetable[str] = Timetable()
    for at, key in [(30, "c"), (10, "a"), (20, "b")]:
        timetable.put(key, at, (0,))
    timetable.remove("b")
    assert timetable.first(lambda key: key == "c") == (30, "c")
    assert timetable.first(lambda key: key == "b") is None
    assert drained(timetable) == [(10, "a"), (30, "c")]


def test_entries_of_one_instant_come_by_rank_and_then_in_the_order_they_were_entered() -> None:
    """The rank breaks ties, and what was entered first breaks the ties of ranks."""
    timetable: Timetable[str] = Timetable()
    for rank, key in [((2, 0), "late"), ((1, 5), "second"), ((1, 4), "first"), ((2, 0), "last")]:
        timetable.put(key, 10, rank)
    assert [key for _, key in drained(timetable)] == ["first", "second", "late", "last"]


def test_looking_at_the_first_entry_leaves_it() -> None:
    """The first entry can be asked for again and again."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    assert timetable.first() == timetable.first() == (10, "a")


def test_a_key_that_is_entered_again_has_moved() -> None:
    """A key has at most one entry: the last, be it earlier or later than the one before."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.put("b", 20, (0,))
    timetable.put("a", 30, (0,))
    timetable.put("b", 5, (0,))
    assert drained(timetable) == [(5, "b"), (30, "a")]


def test_a_key_that_is_entered_as_it_is_keeps_its_place() -> None:
    """An entry that changes nothing does not go behind others of its instant and rank."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.put("b", 10, (0,))
    timetable.put("a", 10, (0,))
    assert [key for _, key in drained(timetable)] == ["a", "b"]


def test_a_removed_key_can_be_added_again() -> None:
    """Removal takes an entry off; removing a missing key is no error."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.remove("a")
    timetable.remove("a")
    assert timetable.first() is None
    timetable.put("a", 10, (0,))
    assert timetable.first() == (10, "a")


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.integers(0, 9))))
def test_a_timetable_is_a_sorted_table(deeds: list[tuple[str, int | None]]) -> None:
    """After any entering and removing (None) it is what a plain table would be, sorted."""
    timetable: Timetable[str] = Timetable()
    table: dict[str, int] = {}
    for key, at in deeds:
        if at is None:
            timetable.remove(key)
            table.pop(key, None)
        else:
            timetable.put(key, at, (ord(key),))
            table[key] = at
        assert timetable.first() == min(((at, key) for key, at in table.items()), default=None)
    assert drained(timetable) == sorted((at, key) for key, at in table.items())


def test_replaced_entries_are_not_kept_until_their_instants() -> None:
    """A queue whose next task alternates between one of today and one of next month leaves only a few entries."""
    timetable: Timetable[str] = Timetable()
    timetable.put("other", 5 * DAY, (0,))
    for number in range(1000):
        timetable.put("queue", 30 * DAY, (0,))
        timetable.put("queue", number, (0,))
    assert len(timetable._heap) <= 2 * 2 + 64
    assert drained(timetable) == [(999, "queue"), (5 * DAY, "other")]
