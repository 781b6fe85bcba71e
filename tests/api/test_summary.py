"""Summaries: what a driving method did, and what keeps the rest from going on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import Blocked, BlockedReason, FakeCloudTasks, Summary, TargetRequest

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def reasons(summary: Summary) -> list[tuple[str, BlockedReason]]:
    return [(one.task.id, one.reason) for one in summary.blocked]


def test_a_summary_counts_by_its_own_words(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Attempts, tasks done, attempts failed and tasks given up, in one value that compares as such."""
    cloud_tasks.create_queue("twice", retry_config={"max_attempts": 2})
    cloud_tasks.route(MAILER, queue="twice").returns(500)
    cloud_tasks.route(MAILER).returns(503, 200)
    enqueue("given-up", queue="twice")
    enqueue("done")
    assert cloud_tasks.drain() == Summary(attempts=4, succeeded=1, failed=3, exhausted=1, expired=0, blocked=())


def test_a_summary_is_that_of_its_driving_method(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A dispatch counts where it was made, its answer where it came in."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("one")
    assert cloud_tasks.advance(seconds=4) == Summary(1, 0, 0, 0, 0, ())
    assert cloud_tasks.advance(seconds=4) == Summary(0, 1, 0, 0, 0, ())
    assert cloud_tasks.advance(seconds=4) == Summary(0, 0, 0, 0, 0, ())


def test_a_forced_attempt_counts_where_it_is_delivered(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """RunTask begins an attempt between two driving methods; the driving method that delivers it counts it."""
    cloud_tasks.route(MAILER)
    tasks_v2.CloudTasksClient().run_task(name=enqueue("one", schedule_time=START + timedelta(hours=1)))
    assert cloud_tasks.dispatch_due() == Summary(1, 1, 0, 0, 0, ())


def test_expired_tasks_are_counted(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A waiting task is removed after 31 days."""
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("one")
    (blocked,) = cloud_tasks.advance(days=31, milliseconds=-1).blocked
    assert blocked == Blocked(cloud_tasks.assert_enqueued(), BlockedReason.PAUSED)
    assert cloud_tasks.advance(milliseconds=1) == Summary(0, 0, 0, 0, expired=1, blocked=())


def test_a_task_that_is_too_old_before_it_is_due_is_blocked(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """drain() doesn't go to the end of a retention, and its summary and the timeline say that the task waits for it."""
    cloud_tasks.route(MAILER)
    cloud_tasks.delay_dispatch("40d")
    enqueue("late")
    assert reasons(cloud_tasks.dispatch_due()) == [("late", BlockedReason.REMOVED_FIRST)]
    enqueue("soon", schedule_time=START + timedelta(hours=1))
    summary = cloud_tasks.drain()
    assert (summary.attempts, reasons(summary)) == (1, [("late", BlockedReason.REMOVED_FIRST)])
    assert cloud_tasks.clock.elapsed == timedelta(hours=1)
    assert cloud_tasks.timeline().splitlines()[-1] == (
        "+1:00:00  receipts/late blocked: it is removed, too old or purged, before it can go out"
    )
    assert cloud_tasks.advance(days=31) == Summary(0, 0, 0, 0, expired=1, blocked=())


def test_a_paused_queue_blocks_all_its_tasks(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Those for later, too, in the order of creation; those under way are not held up."""
    cloud_tasks.route(MAILER).takes(timedelta(minutes=1))
    enqueue("away")
    cloud_tasks.dispatch_due()
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("later", schedule_time=START + timedelta(hours=1))
    enqueue("due")
    expected = [("later", BlockedReason.PAUSED), ("due", BlockedReason.PAUSED)]
    assert reasons(cloud_tasks.dispatch_due()) == expected


def test_the_rate_blocks_what_is_due(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Once the burst is used up the rest waits for the next token; with time it goes."""
    cloud_tasks.create_queue("rare", rate_limits={"max_dispatches_per_second": 1})
    cloud_tasks.route(MAILER)
    for index in range(12):
        enqueue(f"t{index}", queue="rare")
    summary = cloud_tasks.dispatch_due()
    assert (summary.attempts, reasons(summary)) == (10, [("t10", BlockedReason.RATE), ("t11", BlockedReason.RATE)])
    summary = cloud_tasks.advance(seconds=1)
    assert (summary.attempts, reasons(summary)) == (1, [("t11", BlockedReason.RATE)])


def test_concurrency_blocks_what_is_due(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """While all slots are held a due task waits, and one for later is not in the way of anything."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 2})
    cloud_tasks.route(MAILER).takes(timedelta(minutes=1))
    for index in range(3):
        enqueue(f"t{index}", queue="narrow")
    enqueue("later", queue="narrow", schedule_time=START + timedelta(hours=1))
    assert reasons(cloud_tasks.dispatch_due()) == [("t2", BlockedReason.CONCURRENCY)]


def test_what_was_not_asked_for_is_said_to_be_so(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A driving method for one queue leaves the due tasks of others, unless a pause holds them anyway."""
    cloud_tasks.create_queue("held")
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("held"))
    cloud_tasks.route(MAILER)
    for queue in ("receipts", "reports", "held"):
        enqueue(queue, queue=queue)
    assert reasons(cloud_tasks.drain(queue="receipts")) == [
        ("reports", BlockedReason.NOT_ASKED),
        ("held", BlockedReason.PAUSED),
    ]


def test_what_is_enqueued_last_blocks_nothing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A driving method leaves nothing that could still go out, whatever handlers have enqueued."""

    def handler(request: TargetRequest) -> None:
        if len(cloud_tasks.rpcs) < 5:
            enqueue()

    cloud_tasks.route(MAILER, handler=handler)
    enqueue()
    assert cloud_tasks.dispatch_due() == Summary(5, 5, 0, 0, 0, ())


def test_reasons_read_as_sentences() -> None:
    """Messages put them after "but": each says which of the queue's settings it is."""
    assert [reason.value for reason in BlockedReason] == [
        "the queue is paused",
        "the queue is disabled",
        "max_dispatches_per_second is used up",
        "max_concurrent_dispatches is reached",
        "it waits in a pull queue to be leased",
        "the driving method was limited to other tasks",
        "it is removed, too old or purged, before it can go out",
    ]
