"""Driving some of the tasks: `drain(**match)` and `tasks(**match)` take what assertions take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import BlockedReason, DrainLimitReached, FakeCloudTasks, TargetRequest

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
OTHER = "https://other.test/do"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def ids(cloud_tasks: FakeCloudTasks, **match: Any) -> list[str]:
    return [task.id for task in cloud_tasks.tasks(**match)]


def dispatched(cloud_tasks: FakeCloudTasks) -> list[tuple[str, timedelta]]:
    return [(attempt.task.id, attempt.dispatch_time - START) for attempt in cloud_tasks.attempts()]


def test_tasks_that_match(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """All arguments of assertions count, those that are there no more are left out."""
    enqueue("a", body=b'{"order": 42}')
    enqueue("b", http_method="GET")
    enqueue("c", queue="reports", body=b'{"order": 42}')
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("gone", body=b'{"order": 42}'))

    assert ids(cloud_tasks) == ["a", "b", "c"]
    assert ids(cloud_tasks, json={"order": 42}) == ["a", "c"]
    assert ids(cloud_tasks, queue="receipts", method="POST") == ["a"]
    assert ids(cloud_tasks, queue=lambda queue: queue.startswith("rep")) == ["c"]
    assert ids(cloud_tasks, url="https://nowhere.test/") == []


def test_drain_dispatches_what_matches(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Retries are included; the clock moves for these tasks alone, and others that are due meanwhile wait."""
    cloud_tasks.route(MAILER).returns(503, 200)
    cloud_tasks.route(OTHER)
    enqueue("due", OTHER)
    enqueue("one")
    enqueue("soon", OTHER, schedule_time=START + timedelta(milliseconds=50))
    enqueue("later", OTHER, schedule_time=START + timedelta(hours=1))

    summary = cloud_tasks.drain(url=MAILER)
    assert dispatched(cloud_tasks) == [("one", timedelta(0)), ("one", timedelta(milliseconds=100))]
    assert (summary.attempts, summary.succeeded, summary.failed) == (2, 1, 1)
    assert [(blocked.task.id, blocked.reason) for blocked in summary.blocked] == [
        ("due", BlockedReason.NOT_ASKED),
        ("soon", BlockedReason.NOT_ASKED),
    ]
    assert cloud_tasks.clock.elapsed == timedelta(milliseconds=100)

    assert cloud_tasks.drain().attempts == 3
    assert [task for task, _ in dispatched(cloud_tasks)] == ["one", "one", "due", "soon", "later"]


def test_new_tasks_that_match_are_dispatched(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task that a handler creates is asked for as it begins to wait."""

    def handler(request: TargetRequest) -> None:
        if request.headers["X-CloudTasks-TaskName"] == "one":
            enqueue("two", schedule_time=START + timedelta(minutes=1))
            enqueue("other", OTHER)

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    assert cloud_tasks.drain(url=MAILER).attempts == 2
    assert dispatched(cloud_tasks) == [("one", timedelta(0)), ("two", timedelta(minutes=1))]
    assert ids(cloud_tasks) == ["other"]


def test_a_task_without_a_target_may_wait(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task that doesn't match needs no target."""
    cloud_tasks.route(MAILER)
    enqueue("nowhere", OTHER)
    enqueue("one")
    assert cloud_tasks.drain(name="one").succeeded == 1
    assert ids(cloud_tasks) == ["nowhere"]


@pytest.mark.cloud_tasks(service={"burst_size": 1})
def test_other_tasks_use_up_no_rate(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The tokens of a queue go to the tasks that match."""
    cloud_tasks.create_queue("slow", rate_limits={"max_dispatches_per_second": 1})
    cloud_tasks.route("*")
    for name in ("a", "b", "c"):
        enqueue(name, OTHER, queue="slow")
    for name in ("x", "y"):
        enqueue(name, queue="slow")
    assert cloud_tasks.drain(url=MAILER).attempts == 2
    assert dispatched(cloud_tasks) == [("x", timedelta(0)), ("y", timedelta(seconds=1))]


def test_answers_under_way_come_in(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An attempt of another task that is under way ends, and its slot is free for a task that matches."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 1})
    cloud_tasks.route(OTHER).takes(timedelta(seconds=10))
    cloud_tasks.route(MAILER)
    enqueue("other", OTHER, queue="narrow")
    enqueue("one", queue="narrow")
    cloud_tasks.step()
    assert cloud_tasks.drain(url=MAILER).succeeded == 2
    assert dispatched(cloud_tasks) == [("other", timedelta(0)), ("one", timedelta(seconds=10))]


def test_until_is_that_of_the_tasks_that_match(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The clock goes to ``until`` where more of them is to come, and stays where only others are."""
    cloud_tasks.route("*")
    enqueue("one", schedule_time=START + timedelta(hours=2))
    enqueue("other", OTHER, schedule_time=START + timedelta(minutes=1))
    assert cloud_tasks.drain(timedelta(hours=1), url=OTHER, method="PUT").attempts == 0
    assert cloud_tasks.clock.elapsed == timedelta(0)
    assert cloud_tasks.drain(timedelta(hours=1), url=MAILER).attempts == 0
    assert cloud_tasks.clock.elapsed == timedelta(hours=1)


def test_the_limit_counts_the_tasks_that_match(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The error names the next one of them."""
    cloud_tasks.route("*")
    for name in ("a", "b"):
        enqueue(f"other-{name}", OTHER)
        enqueue(name)
    with pytest.raises(DrainLimitReached) as caught:
        cloud_tasks.drain(url=MAILER, limit=1)
    assert str(caught.value).startswith(
        "drain() stopped after 1 attempt, its limit. Next would be attempt 1 of receipts/b."
    )
    assert cloud_tasks.drain(url=MAILER, limit=1).attempts == 1
    assert cloud_tasks.drain(limit=2).attempts == 2


def test_all_tasks_are_driven_again_after_an_error(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A handler's exception ends the driving method, and its limitation with it."""
    cloud_tasks.route(MAILER).raises(ZeroDivisionError)
    cloud_tasks.route(OTHER)

    def handler(request: TargetRequest) -> None:
        raise ZeroDivisionError

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    enqueue("other", OTHER)
    with pytest.raises(ZeroDivisionError):
        cloud_tasks.drain(url=MAILER)
    assert cloud_tasks.dispatch_due().attempts == 1


@pytest.mark.parametrize(
    ("match", "kind", "text"),
    [
        (
            {"queue": "receits"},
            LookupError,
            "There is no queue 'receits'. Did you mean 'receipts'? The queues of this test are receipts and reports."
            " Create it with cloud_tasks.create_queue('receits'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or"
            " in the ini option cloud_tasks_queues.",
        ),
        ({"name": None}, ValueError, "name=None matches no task. Leave it out to match any."),
        ({"url": 5}, TypeError, "url=… takes a URL as a text, but got 5."),
    ],
)
def test_what_matches_nothing_is_rejected(
    cloud_tasks: FakeCloudTasks, match: Any, kind: type[Exception], text: str
) -> None:
    """A value that no task can have is an error of the test, in both methods."""
    for call in (cloud_tasks.drain, cloud_tasks.tasks):
        with pytest.raises(kind) as caught:
            call(**match)
        assert str(caught.value) == text


@pytest.mark.cloud_tasks(order="shuffle", start=START, queues=["receipts"])
def test_shuffled_tasks_that_match(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """In a shuffled order only tasks that match are dispatched."""
    cloud_tasks.route("*")
    for index in range(8):
        enqueue(f"t{index}", MAILER if index % 2 else OTHER)
    cloud_tasks.drain(url=MAILER)
    assert sorted(task for task, _ in dispatched(cloud_tasks)) == ["t1", "t3", "t5", "t7"]


def test_aio_drain_takes_a_match(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The awaitable method is limited in the same way."""
    cloud_tasks.route(MAILER)
    enqueue("other", OTHER)
    enqueue("one")
    assert asyncio.run(cloud_tasks.aio.drain(url=MAILER)).succeeded == 1
    assert ids(cloud_tasks) == ["other"]
