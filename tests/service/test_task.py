"""Tasks, their attempts and outcomes."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget
from pytest_cloudtasks._service.task import (
    DEADLINE_EXCEEDED,
    NO_RESPONSE,
    AcceptedTasks,
    Outcome,
    OutcomeKind,
    RpcStatus,
    Task,
    TaskSpec,
    TaskState,
    response,
)
from pytest_cloudtasks._units import DAY, MINUTE, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, URL, add, always, driver_with, ids, scripted

# --- task ---


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
    """It is dispatched while an answer is awaited; between attempts it waits again."""
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
    """The next attempt's headers have it."""
    driver = driver_with(always(response(418)), {"retry_config": {"max_attempts": 1}})
    task = add(driver)
    driver.drain()
    assert (task.last_outcome, task.state) == (response(418), TaskState.EXHAUSTED)


# --- attempt ---


@each(
    ("http_status", "succeeded"),
    [(199, False), (200, True), (204, True), (299, True), (300, False), (304, False), (404, False), (500, False)],
)
def test_only_200_to_299_is_success(http_status: int, succeeded: bool) -> None:
    """Every other status is a failure, redirects included."""
    assert response(http_status).succeeded is succeeded


@pytest.mark.parametrize("outcome", [DEADLINE_EXCEEDED, NO_RESPONSE, Outcome(OutcomeKind.DEADLINE_EXCEEDED, 200)])
def test_no_response_is_a_failure(outcome: Outcome) -> None:
    """An attempt without a response in time has failed."""
    assert not outcome.succeeded


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (response(200), 200),
        (response(503), 503),
        (DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (NO_RESPONSE, "UNKNOWN"),
        (Outcome(OutcomeKind.NO_RESPONSE, lost_status=200), "UNKNOWN"),
    ],
    ids=["success", "failure", "deadline", "no response", "lost answer"],
)
def test_a_result_is_a_status_or_the_name_of_a_code(outcome: Outcome, result: int | str) -> None:
    """The status of a response, and the code's name where none came, even one that was given and got lost."""
    assert outcome.result == result


@each(
    ("http_status", "status"),
    [
        (200, RpcStatus.OK),
        (299, RpcStatus.OK),
        (302, RpcStatus.UNKNOWN),
        (400, RpcStatus.INVALID_ARGUMENT),
        (401, RpcStatus.UNAUTHENTICATED),
        (403, RpcStatus.PERMISSION_DENIED),
        (404, RpcStatus.NOT_FOUND),
        (405, RpcStatus.FAILED_PRECONDITION),
        (409, RpcStatus.ABORTED),
        (418, RpcStatus.FAILED_PRECONDITION),
        (429, RpcStatus.RESOURCE_EXHAUSTED),
        (499, RpcStatus.CANCELLED),
        (500, RpcStatus.INTERNAL),
        (501, RpcStatus.UNIMPLEMENTED),
        (502, RpcStatus.INTERNAL),
        (503, RpcStatus.UNAVAILABLE),
        (504, RpcStatus.DEADLINE_EXCEEDED),
        (600, RpcStatus.UNKNOWN),
    ],
)
def test_an_http_status_has_its_rpc_status(http_status: int, status: RpcStatus) -> None:
    """response_status.code follows from the HTTP status by one table."""
    assert response(http_status).rpc_status is status


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (response(405), "FAILED_PRECONDITION(9): HTTP status code 405"),
        (response(500), "INTERNAL(13): HTTP status code 500"),
        (NO_RESPONSE, "UNKNOWN(2): HTTP status code 0"),
        (DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED(4): HTTP status code 504"),
    ],
)
def test_the_message_of_a_status_names_the_code_and_the_http_status(outcome: Outcome, message: str) -> None:
    """response_status.message has the service's form."""
    assert outcome.message == message


def test_an_attempt_carries_the_counters_as_they_stood_when_it_began() -> None:
    """Retry count, execution count and previous outcome are those of the headers, and stay."""
    driver = driver_with(scripted(response(503), response(404), NO_RESPONSE, response(200)))
    task = add(driver)
    driver.drain()
    attempts = task.attempts
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4]
    assert [attempt.retry_count for attempt in attempts] == [0, 1, 2, 3]
    assert [attempt.execution_count for attempt in attempts] == [0, 0, 1, 1]
    assert [attempt.previous for attempt in attempts] == [None, response(503), response(404), NO_RESPONSE]


def test_the_deadline_of_an_attempt_counts_from_its_dispatch() -> None:
    """The service waits for the task's dispatch deadline, stored or by default."""
    driver = driver_with()
    short = add(driver, dispatch_deadline=15 * SECOND)
    spec = TaskSpec(AppEngineTarget())
    app_engine = driver.service.create_task(START, QUEUE, spec)
    driver.drain()
    assert [attempt.deadline for attempt in short.attempts] == [START + 15 * SECOND]
    assert [attempt.deadline for attempt in app_engine.attempts] == [START + 10 * MINUTE]


def test_attempts_in_the_middle_can_be_forgotten() -> None:
    """The first one stays, because a limit of the retries' duration counts from it."""
    driver = driver_with(scripted(*[response(503)] * 5, response(200)))
    task = add(driver)
    driver.drain()
    task.forget_attempts(5)
    assert [attempt.number for attempt in task.attempts] == [1, 2, 3, 4, 5, 6]
    task.forget_attempts(2)
    assert [attempt.number for attempt in task.attempts] == [1, 5, 6]
    assert task.dispatch_count == 6


# --- accepted tasks ---


def accepted_tasks(many: int) -> AcceptedTasks:
    """Tasks ``t0``, ``t1`` and so on, which wait."""
    accepted = AcceptedTasks()
    for number in range(many):
        accepted.add(Task(f"{QUEUE}/tasks/t{number}", QUEUE, accepted.total, HttpTarget(URL), START, START, None, None))
    return accepted


def finish(accepted: AcceptedTasks, *sequences: int, state: TaskState = TaskState.SUCCEEDED) -> None:
    """Let the tasks with these numbers finish, in this order."""
    for sequence in sequences:
        task = accepted.get(sequence)
        assert task is not None
        task.state = state
        accepted.finish(task)


def test_a_service_keeps_every_task_until_it_is_asked_to_forget() -> None:
    """Tests look at finished tasks as well, in the order of creation."""
    driver = driver_with()
    for number in range(4):
        add(driver, f"t{number}")
    driver.drain()
    accepted = driver.service.accepted
    assert (accepted.total, len(accepted), ids(list(accepted))) == (4, 4, ["t0", "t1", "t2", "t3"])
    assert ids(accepted.since(2)) == ["t2", "t3"]
    assert accepted.since(4) == []
    assert not accepted.forgotten


def test_the_tasks_that_finished_first_are_forgotten_first() -> None:
    """Live tasks stay however old they are; numbers go on as if nothing had been forgotten."""
    accepted = accepted_tasks(6)
    finish(accepted, 4, 1)
    finish(accepted, 0, state=TaskState.DELETED)
    accepted.forget_finished(3)
    assert len(accepted) == 6
    accepted.forget_finished(1)
    assert ids(list(accepted)) == ["t0", "t2", "t3", "t5"]
    assert ids(accepted.since(1)) == ["t2", "t3", "t5"]
    assert (accepted.total, len(accepted), accepted.get(4)) == (6, 4, None)
    assert accepted.forgotten == {(QUEUE, TaskState.SUCCEEDED): 2}


def test_forgotten_tasks_are_counted_by_queue_and_state() -> None:
    """The counts of a queue stay complete."""
    accepted = accepted_tasks(3)
    other = f"{LOCATION}/queues/other"
    accepted.add(Task(f"{other}/tasks/t", other, 3, HttpTarget(URL), START, START, None, None))
    finish(accepted, 0, 3)
    finish(accepted, 1, 2, state=TaskState.EXPIRED)
    accepted.forget_finished(0)
    assert list(accepted) == []
    assert accepted.forgotten == {
        (QUEUE, TaskState.SUCCEEDED): 1,
        (QUEUE, TaskState.EXPIRED): 2,
        (other, TaskState.SUCCEEDED): 1,
    }


def test_whatever_ends_a_task_makes_it_one_that_can_be_forgotten() -> None:
    """Success, deletion, a purge, the end of its queue and of its retention."""
    driver = driver_with()
    service = driver.service
    add(driver, "succeeds")
    driver.drain()
    service.pause_queue(driver.now, QUEUE)
    service.delete_task(driver.now, add(driver, "is-deleted").name)
    add(driver, "is-purged")
    service.purge_queue(driver.now, QUEUE)
    add(driver, "expires")
    driver.advance(32 * DAY)
    add(driver, "goes-with-its-queue")
    service.delete_queue(driver.now, QUEUE)
    service.accepted.forget_finished(0)
    assert len(service.accepted) == 0
    assert service.accepted.forgotten == {
        (QUEUE, TaskState.SUCCEEDED): 1,
        (QUEUE, TaskState.DELETED): 3,
        (QUEUE, TaskState.EXPIRED): 1,
    }
