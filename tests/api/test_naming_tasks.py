"""Naming tasks: everything that takes a task takes a record, a Task message, an ID or a full name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud import tasks_v2, tasks_v2beta3

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, TaskRecord, current

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
RETRY = {"min_backoff": "10s", "max_attempts": 2}
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues={"receipts": {"retry_config": RETRY}, "reports": {}})

WAYS: dict[str, Callable[[TaskRecord], Any]] = {
    "a record": lambda record: record,
    "a message": lambda record: record.message,
    "a message of its own": lambda record: tasks_v2.Task(name=record.name),
    "a message of v2beta3": lambda record: tasks_v2beta3.Task(name=record.name),
    "an ID": lambda record: record.id,
    "a full name": lambda record: record.name,
}
USES: dict[str, Callable[[FakeCloudTasks, Any], object]] = {
    "assert_attempts": lambda fake, task: fake.assert_attempts(task, [503, 503]),
    "assert_backoff": lambda fake, task: fake.assert_backoff(task, ["10s"]),
    "assert_exhausted": lambda fake, task: fake.assert_exhausted(task),
    "assert_enqueued(name=…)": lambda fake, task: fake.assert_enqueued(name=task),
    "assert_dispatched(task=…)": lambda fake, task: fake.assert_dispatched(task=task),
    "drain(task=…)": lambda fake, task: fake.drain(task=task),
    "tasks(name=…)": lambda fake, task: fake.tasks(name=task),
}


@pytest.fixture
def record(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> TaskRecord:
    """A task that has failed twice, and another one."""
    cloud_tasks.route(MAILER).returns(503)
    enqueue("one")
    enqueue("two", "https://other.test/", schedule_time=START + timedelta(days=1))
    cloud_tasks.drain(timedelta(hours=1))
    return cloud_tasks.assert_enqueued(name="one")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("use", USES)
def test_a_task_is_given_in_any_way(cloud_tasks: FakeCloudTasks, record: TaskRecord, use: str, way: str) -> None:
    """Each method finds the same task by each of them."""
    USES[use](cloud_tasks, WAYS[way](record))


@pytest.mark.parametrize("way", WAYS)
def test_dispatch_and_routes_take_them(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, way: str) -> None:
    """A task is dispatched, has a route of its own, and is what a fault happens to, by each of them."""
    enqueue("one", schedule_time=START + timedelta(hours=1))
    enqueue("two")
    task = WAYS[way](cloud_tasks.assert_enqueued(name="one"))
    route = cloud_tasks.route(MAILER, name=task)
    faults = [cloud_tasks.deliver_twice(task=task), cloud_tasks.lose_handler_response(name=task)]
    assert cloud_tasks.dispatch(task).task.id == "one"
    assert len(route.calls) == 2
    assert [fault.hits for fault in faults] == [1, 1]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "an ID"])
def test_tasks_with_the_same_id_are_ambiguous(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, way: str) -> None:
    """Anything but the ID identifies them."""
    enqueue("one")
    enqueue("one", queue="reports")
    record = cloud_tasks.assert_enqueued(queue="reports")
    assert cloud_tasks.tasks(task=WAYS[way](record)) == [record]


def test_an_id_of_several_queues_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The error has the full names to choose from; a match means them all."""
    names = [enqueue("one"), enqueue("one", queue="reports")]
    with pytest.raises(LookupError) as caught:
        cloud_tasks.assert_exhausted("one")
    assert str(caught.value) == (
        f"The ID 'one' is ambiguous: this test has 2 tasks of that ID, {names[0]} and {names[1]}. Pass the full name."
    )
    assert [task.name for task in cloud_tasks.tasks(task="one")] == names


def test_of_one_name_it_is_the_latest(enqueue: Enqueue) -> None:
    """A reused name means the latest task with it."""
    with FakeCloudTasks(queues={"receipts": {}}, service={"ghost_recreate": True}, start=START) as cloud_tasks:
        cloud_tasks.route(MAILER).returns(200, 200)
        enqueue("one")
        cloud_tasks.drain()
        cloud_tasks.advance(days=10)
        enqueue("one")
        cloud_tasks.assert_attempts("one", [])


def test_a_record_of_another_fake_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its history is not this fake's, so assertions would be about nothing."""
    with FakeCloudTasks(queues=["receipts"]):
        enqueue("one")
        theirs = current().assert_enqueued()
    with pytest.raises(ValueError) as caught:
        cloud_tasks.assert_attempts(theirs, [])
    assert str(caught.value) == (
        "assert_attempts() got the task receipts/one of another fake. Call assert_attempts() of that fake, within its"
        " test."
    )


def test_a_predicate_has_the_whole_record(cloud_tasks: FakeCloudTasks, record: TaskRecord) -> None:
    """It sees what no other argument says; one that raises matches nothing."""
    assert cloud_tasks.assert_enqueued(task=lambda task: task.dispatch_count == 2) == record
    cloud_tasks.assert_not_enqueued(task=lambda task: task.dispatch_count == 3)
    cloud_tasks.assert_not_enqueued(task=lambda task: task.json["order"] == 42)
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(task="three")
    assert "Expected:\n  task: 'three'\n" in str(caught.value)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (42, "task=… takes a function of a TaskRecord, or a task, but got 42."),
        (None, "task=None matches no task. Leave it out to match any."),
    ],
)
def test_a_value_that_can_not_be_a_task_is_rejected(cloud_tasks: FakeCloudTasks, task: Any, text: str) -> None:
    """A value that can't be a task would never match."""
    with pytest.raises((TypeError, ValueError)) as caught:
        cloud_tasks.assert_not_enqueued(task=task)
    assert str(caught.value) == text
