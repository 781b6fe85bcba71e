"""Dispatching: which attempt begins when, and what follows."""

from __future__ import annotations

from pytest_cloudtasks._service.events import EventKind
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget
from pytest_cloudtasks._service.retry import Retry
from pytest_cloudtasks._service.scheduler import Step
from pytest_cloudtasks._service.task import (
    DEADLINE_EXCEEDED,
    NO_RESPONSE,
    Attempt,
    Outcome,
    TaskSpec,
    TaskState,
    response,
)
from pytest_cloudtasks._units import DAY, SECOND

from .driving import LOCATION, QUEUE, START, URL, Driver, add, always, dispatched_at, driver_with, ids, scripted

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
    """Without tasks there is no next thing."""
    assert driver_with().service.scheduler.upcoming() is None


def test_the_next_dispatch_is_foretold() -> None:
    """It is the head of the line, at its schedule time, and asking does nothing."""
    driver = driver_with()
    add(driver, schedule_time=START + 2 * SECOND)
    head = add(driver, schedule_time=START + SECOND)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at, upcoming.task) == (Step.DISPATCH, START + SECOND, head)
    assert upcoming.needs_target
    assert driver.service.scheduler.upcoming() == upcoming
    assert head.dispatch_count == 0


def test_an_answer_that_is_awaited_is_foretold() -> None:
    """Between dispatch and answer the answer is the next thing, and needs no target."""
    driver = driver_with(always(OK, takes=3 * SECOND))
    task = add(driver)
    driver.advance(SECOND)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at, upcoming.task) == (Step.ANSWER, START + 3 * SECOND, task)
    assert not upcoming.needs_target


def test_tasks_go_by_schedule_time_and_then_in_the_order_of_creation() -> None:
    """So it is within a queue, and over queues at one instant too."""
    driver = driver_with()
    driver.service.create_queue(START, LOCATION, OTHER, {})
    for task_id, after in [("c", 2), ("b", 1), ("d", 2), ("a", 0)]:
        add(driver, task_id, schedule_time=START + after * SECOND)
        spec = TaskSpec(HttpTarget(URL), name=f"{OTHER}/tasks/{task_id * 2}", schedule_time=START + after * SECOND)
        driver.service.create_task(START, OTHER, spec)
    driver.drain()
    assert order_of_dispatches(driver) == ["a", "aa", "b", "bb", "c", "cc", "d", "dd"]


def test_overdue_tasks_of_several_queues_go_by_their_schedule_times() -> None:
    """When a token came for a task that could not go is of no matter any more."""
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


def test_one_queue_s_dispatches_can_be_asked_for() -> None:
    """Other queues' dispatches don't count then; answers under way do."""
    driver = driver_with(always(OK, takes=5 * SECOND))
    service = driver.service
    other = service.create_queue(START, LOCATION, OTHER, {})
    mine = add(driver)
    assert service.scheduler.upcoming(other) is None
    driver.advance(SECOND)
    answer = service.scheduler.upcoming(other)
    assert answer is not None
    assert (answer.step, answer.task) == (Step.ANSWER, mine)


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


def test_the_answer_to_a_task_that_is_gone_is_dropped() -> None:
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
    """A deleted queue's attempts end in their own time, and disturb no one."""
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


def test_run_task_goes_past_state_and_limits() -> None:
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
    attempt = driver.service.force(START, task)
    assert (attempt.forced, attempt.number, attempt.outcome) == (True, 1, None)
    assert driver.service.scheduler.upcoming() is None
    driver.service.scheduler.answer(attempt, OK, START, START)
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
    service.scheduler.answer(attempts[0], response(500), START + 3 * SECOND, START + 3 * SECOND)
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
    """At the instant of its expiry a task is gone."""
    settings = {"retry_config": {"max_attempts": -1, "min_backoff": 31 * DAY, "max_backoff": 31 * DAY}}
    driver = driver_with(always(response(503)), settings)
    task = add(driver)
    driver.advance(40 * DAY)
    assert (task.state, dispatched_at(task)) == (TaskState.EXPIRED, [0])


def test_a_task_expires_though_the_clock_was_set_back_before_it_was_created() -> None:
    """What earlier tasks have left behind does not keep later ones alive."""
    driver = driver_with()
    add(driver)
    driver.drain()
    driver.service.clock_reset(-1000 * DAY)
    driver.now -= 1000 * DAY
    driver.service.pause_queue(driver.now, QUEUE)
    task = add(driver)
    driver.advance(31 * DAY)
    assert task.state is TaskState.EXPIRED
