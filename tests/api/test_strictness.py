"""`strict` outside pytest's plugin: what a block that passes may not leave behind, and the whole of what it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
Block = Callable[[FakeCloudTasks], object]
OFF = (
    "strict=False turns this off: @pytest.mark.cloud_tasks(strict=False) for a test, FakeCloudTasks(strict=False) for a"
    " block."
)
ASSERT_OR_DISPATCH = (
    "Assert on them with cloud_tasks.assert_enqueued() or a similar method, or dispatch them with drain() or another"
    " driving method."
)
DRIVE = "Run them with cloud_tasks.drain() or advance(), or delete them."
LOOK = "Check the attempts with cloud_tasks.assert_attempts(), or read attempt.exception."


def run(block: Block, strict: Any = True, **options: Any) -> None:
    with FakeCloudTasks(queues=["receipts", "reports"], start=START, strict=strict, **options) as cloud_tasks:
        block(cloud_tasks)


def told_of(block: Block, strict: Any = True, **options: Any) -> str:
    """What a strict block says in its end, before the timeline."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        run(block, strict, **options)
    message, _, timeline = str(caught.value).partition("\n\nTimeline:\n")
    assert timeline
    return message


def failing(error: type[Exception]) -> Callable[[object], None]:
    def handler(request: object) -> None:
        raise error("the mailer\nis down")

    return handler


# --- tasks -------------------------------------------------------------------------------------------------------


def test_nothing_is_nothing_to_complain_of(enqueue: Enqueue) -> None:
    """A block without a task passes in both forms, and one with tasks passes where strict is off."""
    run(lambda fake: None)
    run(lambda fake: None, "drained")
    run(lambda fake: enqueue("one"), strict=False)


def test_a_neglected_task_fails(enqueue: Enqueue) -> None:
    """A task that was neither dispatched nor matched fails a block that passes; the timeline follows."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        run(lambda fake: enqueue("one"))
    assert str(caught.value) == (
        f"""\
strict=True fails a test that passes and leaves something behind.

Neither dispatched nor matched by an assertion: 1 task
  receipts/one  POST https://mailer.test/send  due
{ASSERT_OR_DISPATCH}

{OFF}

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send"""
    )


def test_each_neglected_task_is_shown_with_its_state(enqueue: Enqueue) -> None:
    """The line shows its time, what blocks it, or how it ended: deleted and expired tasks count as neglected, too."""

    def block(fake: FakeCloudTasks) -> None:
        client = tasks_v2.CloudTasksClient()
        client.pause_queue(name=fake.queue_path("reports"))
        enqueue("old", queue="reports")
        fake.advance(days=31)
        enqueue("later", schedule_time=START + timedelta(days=31, hours=2))
        enqueue("held", queue="reports")
        client.delete_task(name=enqueue("gone"))

    assert told_of(block) == (
        f"""\
strict=True fails a test that passes and leaves something behind.

Neither dispatched nor matched by an assertion: 4 tasks
  reports/old  POST https://mailer.test/send  expired
  receipts/later  POST https://mailer.test/send  goes at +31d 2:00:00, in 2 h
  reports/held  POST https://mailer.test/send  due, but the queue is paused
  receipts/gone  POST https://mailer.test/send  deleted
{ASSERT_OR_DISPATCH}

{OFF}"""
    )


def expecting(fake: FakeCloudTasks) -> None:
    with fake.expect_enqueued(name="two", count=1):
        tasks_v2.CloudTasksClient().create_task(
            parent=fake.queue_path("receipts"),
            task={"name": f"{fake.queue_path('receipts')}/tasks/two", "http_request": {"url": MAILER}},
        )
    fake.assert_enqueued(name="one")


SATISFYING: dict[str, Block] = {
    "assert_enqueued": lambda fake: fake.assert_enqueued(),
    "assert_enqueued, of all": lambda fake: fake.assert_enqueued(count=None),
    "expect_enqueued": expecting,
    "assert_attempts": lambda fake: fake.assert_attempts(fake.tasks()[0], []),
    "assert_backoff": lambda fake: fake.assert_backoff(fake.tasks()[0], []),
    "step": lambda fake: fake.step(),
    "dispatch": lambda fake: fake.dispatch(fake.tasks()[0]),
    "drain": lambda fake: fake.drain(),
}
NOT_SATISFYING: dict[str, Block] = {
    "nothing": lambda fake: None,
    "tasks": lambda fake: fake.tasks()[0].url,
    "assert_not_enqueued": lambda fake: fake.assert_not_enqueued(queue="reports"),
    "assert_enqueued of others": lambda fake: fake.assert_enqueued(queue="reports", count=0),
    "advancing": lambda fake: fake.advance(to=START),
    "purging": lambda fake: tasks_v2.CloudTasksClient().purge_queue(name=fake.queue_path("receipts")),
}


@pytest.mark.parametrize("way", SATISFYING)
def test_ways_to_look_at_a_task(enqueue: Enqueue, way: str) -> None:
    """An assertion that has matched it, and a dispatch of any kind, is enough."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER)
        enqueue("one", **({} if way in ("step", "drain") else {"schedule_time": START + timedelta(hours=1)}))
        SATISFYING[way](fake)

    run(block)


@pytest.mark.parametrize("way", NOT_SATISFYING)
def test_ways_to_pass_over_a_task(enqueue: Enqueue, way: str) -> None:
    """A negative assertion, a look at the queues, and a purge are not."""

    def block(fake: FakeCloudTasks) -> None:
        enqueue("one", schedule_time=START + timedelta(hours=1))
        NOT_SATISFYING[way](fake)

    assert "Neither dispatched nor matched by an assertion: 1 task\n  receipts/one  " in told_of(block)


def test_an_assertion_that_failed_has_matched_nothing(enqueue: Enqueue) -> None:
    """A failure that the test has caught leaves the task as it was."""

    def block(fake: FakeCloudTasks) -> None:
        enqueue("one", schedule_time=START + timedelta(hours=1))
        with pytest.raises(CloudTasksAssertionError):
            fake.assert_enqueued(name="one", count=2)

    assert "Neither dispatched nor matched by an assertion: 1 task\n" in told_of(block)


def test_ten_tasks_are_listed(enqueue: Enqueue) -> None:
    """A long list is cut, and its rest counted."""
    message = told_of(lambda fake: [enqueue(f"t{index:02}") for index in range(12)])
    assert message.split("\n\n")[1].splitlines() == [
        "Neither dispatched nor matched by an assertion: 12 tasks",
        *(f"  receipts/t{index:02}  POST https://mailer.test/send  due" for index in range(10)),
        "  … and 2 more",
        ASSERT_OR_DISPATCH,
    ]


# --- drained -----------------------------------------------------------------------------------------------------


def test_drained_wants_every_task_at_its_end(enqueue: Enqueue) -> None:
    """A task that was matched and dispatched but still exists is left; it is listed once."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).returns(503)
        enqueue("retried")
        fake.dispatch_due()
        tasks_v2.CloudTasksClient().pause_queue(name=fake.queue_path("reports"))
        enqueue("held", queue="reports")
        fake.assert_enqueued(count=2)
        enqueue("new", schedule_time=START + timedelta(minutes=2))

    assert told_of(block, "drained") == (
        f"""\
strict='drained' fails a test that passes and leaves something behind.

Left in the queues: 3 tasks
  receipts/retried  POST https://mailer.test/send  goes at +0:00:00.100, in 0.1 s
  receipts/new  POST https://mailer.test/send  goes at +0:02:00, in 2 min
  reports/held  POST https://mailer.test/send  due, but the queue is paused
{DRIVE}

{OFF}"""
    )


def test_drained_tasks_pass(enqueue: Enqueue) -> None:
    """Tasks that have succeeded or had no retry left are at their end."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).returns(200)
        fake.route("https://broken.test/").returns(500)
        enqueue("one")
        enqueue("two", "https://broken.test/")
        fake.drain()

    run(block, "drained")


def test_drained_asks_for_the_rest_as_well(enqueue: Enqueue) -> None:
    """A task that was deleted unseen, and an error that was not checked, are listed after the tasks that are left."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER, handler=failing(ValueError), on_exception="500")
        tasks_v2.CloudTasksClient().delete_task(name=enqueue("gone"))
        enqueue("one")
        fake.dispatch_due()

    assert told_of(block, "drained") == (
        f"""\
strict='drained' fails a test that passes and leaves something behind.

Left in the queues: 1 task
  receipts/one  POST https://mailer.test/send  goes at +0:00:00.100, in 0.1 s
{DRIVE}

Neither dispatched nor matched by an assertion: 1 task
  receipts/gone  POST https://mailer.test/send  deleted
{ASSERT_OR_DISPATCH}

Exceptions of handlers, answered with 500, that the test did not check: 1 error
  receipts/one attempt 1: ValueError: the mailer …
{LOOK}

{OFF}"""
    )


# --- errors of handlers ------------------------------------------------------------------------------------------


def with_errors(enqueue: Enqueue, then: Block) -> Block:
    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER, handler=failing(KeyError))
        enqueue("one")
        fake.step()
        fake.step()
        then(fake)

    return block


def test_errors_that_were_not_checked_fail(enqueue: Enqueue) -> None:
    """Each attempt whose handler raised is listed, with the exception as Python prints it."""
    assert told_of(with_errors(enqueue, lambda fake: None), on_exception="500") == (
        f"""\
strict=True fails a test that passes and leaves something behind.

Exceptions of handlers, answered with 500, that the test did not check: 2 errors
  receipts/one attempt 1: KeyError: 'the mailer\\nis down'
  receipts/one attempt 2: KeyError: 'the mailer\\nis down'
{LOOK}

{OFF}"""
    )


SEEING: dict[str, Block] = {
    "assert_attempts": lambda fake: fake.assert_attempts(fake.tasks()[0], [500, 500]),
    "assert_backoff": lambda fake: fake.assert_backoff(fake.tasks()[0], [mock.ANY, mock.ANY]),
    "exceptions": lambda fake: [attempt.exception for attempt in fake.attempts()],
    "results": lambda fake: [attempt.result for attempt in fake.attempts()],
    "statuses": lambda fake: [attempt.status for attempt in fake.tasks()[0].attempts],
    "codes": lambda fake: [attempt.code for attempt in fake.queue("receipts").attempts],
    "whether they succeeded": lambda fake: [attempt.succeeded for attempt in fake.attempts()],
}


@pytest.mark.parametrize("way", SEEING)
def test_ways_to_see_an_error(enqueue: Enqueue, way: str) -> None:
    """An assertion about the attempts of the task, or a look at how they ended, is enough."""
    run(with_errors(enqueue, SEEING[way]), on_exception="500")


def test_a_look_at_one_attempt_is_a_look_at_one(enqueue: Enqueue) -> None:
    """Each error wants to be seen; a repr, and an assertion on the task alone, say nothing about its errors."""

    def then(fake: FakeCloudTasks) -> None:
        assert isinstance(fake.attempts()[0].exception, KeyError)
        assert repr(fake.attempts()[1]) == "<attempt 2 of receipts/one: 500>"
        fake.assert_dispatched()

    message = told_of(with_errors(enqueue, then), on_exception="500")
    assert "that the test did not check: 1 error\n  receipts/one attempt 2: KeyError: " in message


def test_errors_of_second_deliveries_count(enqueue: Enqueue) -> None:
    """A second delivery whose handler raises is an error of its attempt."""

    def handler(request: object) -> None:
        if route.calls[1:]:
            raise KeyError("twice")

    def block(fake: FakeCloudTasks) -> None:
        nonlocal route
        route = fake.route(MAILER, handler=handler)
        fake.deliver_twice()
        enqueue("one")
        fake.drain()

    route: Any = None
    message = told_of(block, on_exception="500")
    assert "that the test did not check: 1 error\n  receipts/one attempt 1: KeyError: 'twice'\n" in message


def test_scripted_errors_are_no_errors(enqueue: Enqueue) -> None:
    """What a route raises by script the test has asked for."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).raises(ValueError("as planned")).returns(200)
        enqueue("one")
        fake.drain()

    run(block)


def test_an_error_that_was_raised_was_seen(enqueue: Enqueue) -> None:
    """With on_exception="raise" it came out of the driving method."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER, handler=failing(ValueError))
        enqueue("one")
        with pytest.raises(ValueError):
            fake.step()

    run(block)


# --- never in the way --------------------------------------------------------------------------------------------


def test_an_exception_of_the_block_is_raised_instead(enqueue: Enqueue) -> None:
    """Only the exception of a failing block is raised."""

    def block(fake: FakeCloudTasks) -> None:
        enqueue("one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(block)


def test_time_runs_again_before_the_failure(enqueue: Enqueue) -> None:
    """The fake has ended when strict fails: another one begins as if nothing had happened."""
    for _ in range(2):
        assert told_of(lambda fake: enqueue("one"))
    run(lambda fake: fake.assert_nothing_enqueued())


# --- scripts -----------------------------------------------------------------------------------------------------


def test_a_script_that_is_not_used_up_fails(enqueue: Enqueue) -> None:
    """Each such route is listed with its next answer, whether it has answered or not."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).returns(503, 429, 200)
        fake.route("https://other.test/*", method="PUT").raises(TimeoutError).raises(ValueError).then_pass_through()
        enqueue("one")
        fake.step()

    assert told_of(block) == (
        f"""\
strict=True fails a test that passes and leaves something behind.

Routes with unused answers: 2 routes
  https://mailer.test/send: 1 of 3 answers given, next is 429
  https://other.test/* (PUT): 0 of 2 answers given, next is TimeoutError
Drive the queue until every answer has been used, or remove answers from the script.

{OFF}"""
    )


def test_a_single_answer_that_must_come_fails(enqueue: Enqueue) -> None:
    """One answer before then_pass_through() is given once, and so it has to be."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).returns(503).then_pass_through()

    assert "  https://mailer.test/send: 0 of 1 answer given, next is 503\n" in told_of(block)


def test_scripts_that_are_used_up_pass(enqueue: Enqueue) -> None:
    """So do a single answer, which repeats, routes without a script, and any script where strict is off."""

    def block(fake: FakeCloudTasks) -> None:
        fake.route(MAILER).returns(503, 200)
        fake.route("https://other.test/one").returns(204)
        fake.route("https://other.test/two")
        enqueue("one")
        fake.drain()

    run(block)
    run(lambda fake: fake.route(MAILER).returns(503, 200), strict=False)
