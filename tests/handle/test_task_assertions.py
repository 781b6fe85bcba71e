"""The assertions about one task: its attempts, the waits between them, and how it ended."""

from __future__ import annotations

import asyncio
import re
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
RETRIES = {"min_backoff": "10s", "max_doublings": 3, "max_attempts": 3}
pytestmark = pytest.mark.cloud_tasks(start=START, queues={"receipts": {"retry_config": RETRIES}})


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


def first_part(call: Callable[..., object], *args: Any) -> str:
    """What the message says before the timeline."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        call(*args)
    message, _, timeline = str(caught.value).partition("\n\nTimeline:\n")
    assert timeline
    return message


# --- assert_backoff ----------------------------------------------------------------------------------------------


def test_backoffs_are_the_waits_that_the_timeline_tells(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each failed attempt that is retried has one; the last attempt has none."""
    cloud_tasks.route(MAILER).returns(503, 500, 200)
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_backoff(task, [])
    cloud_tasks.drain()

    cloud_tasks.assert_backoff(task, seconds(10, 20))
    cloud_tasks.assert_backoff(task, [timedelta(seconds=10), lambda delay: delay > timedelta(seconds=15)])
    cloud_tasks.assert_backoff(task, [mock.ANY, mock.ANY])


def test_a_retry_to_come_counts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The wait is known once the attempt has failed."""
    cloud_tasks.route(MAILER).returns(503)
    enqueue("one")
    cloud_tasks.dispatch_due()
    cloud_tasks.assert_backoff(cloud_tasks.assert_enqueued(), seconds(10))


def test_a_pause_is_no_backoff(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What a paused queue, a limit or a slow handler adds to the time between attempts is not counted."""
    cloud_tasks.route(MAILER).returns(503, 200).takes(timedelta(seconds=7))
    enqueue("one")
    cloud_tasks.step()
    client = tasks_v2.CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    cloud_tasks.advance(hours=1)
    client.resume_queue(name=cloud_tasks.queue_path("receipts"))
    cloud_tasks.drain()
    task = cloud_tasks.assert_dispatched()

    assert task.attempts[1].dispatch_time - task.attempts[0].dispatch_time == timedelta(hours=1)
    cloud_tasks.assert_backoff(task, seconds(10))


@pytest.mark.parametrize(
    ("delays", "told"),
    [
        ([], "[]"),
        (seconds(10), "[10 s]"),
        (seconds(10, 40), "[10 s, 40 s]"),
        (seconds(10, 20, 40), "[10 s, 20 s, 40 s]"),
        ([timedelta(milliseconds=100), None], "[0.1 s, None]"),
        ([timedelta(hours=1, seconds=0.000001), timedelta(days=-1)], "[1 h 0.000001 s, -1 d]"),
    ],
)
def test_other_backoffs_fail(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, delays: list[Any], told: str) -> None:
    """A missing, an additional or another wait fails; both lists are shown as the timeline shows durations."""
    cloud_tasks.route(MAILER).returns(503, 500, 200)
    enqueue("one")
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_backoff, cloud_tasks.assert_enqueued(), delays) == (
        f"The retries of receipts/one were put off otherwise.\n  expected {told}\n       got [10 s, 20 s]"
    )


def test_delays_are_timedeltas(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Numbers and texts are refused, and so are other things than a list, and other tasks than a record."""
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    with pytest.raises(TypeError) as number:
        cloud_tasks.assert_backoff(task, [10])
    with pytest.raises(TypeError) as text:
        cloud_tasks.assert_backoff(task, ["10s"])
    with pytest.raises(TypeError) as single:
        cloud_tasks.assert_backoff(task, timedelta(seconds=10))  # type: ignore[arg-type]
    with pytest.raises(TypeError) as name:
        cloud_tasks.assert_backoff("one", [])  # type: ignore[arg-type]

    takes = (
        "assert_backoff() takes a TaskRecord, as assert_enqueued() gives it, and a list such as [timedelta(seconds=10),"
        " timedelta(seconds=20)]; it got "
    )
    assert str(number.value) == "assert_backoff() takes delays as timedeltas, such as timedelta(seconds=10), not 10."
    assert str(text.value) == "assert_backoff() takes delays as timedeltas, such as timedelta(seconds=10), not '10s'."
    assert str(single.value) == f"{takes}{task!r} and datetime.timedelta(seconds=10)."
    assert str(name.value) == f"{takes}'one' and []."


def test_attempts_are_a_list_of_a_record(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """assert_attempts refuses a single status, and a name for the task."""
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    takes = (
        "assert_attempts() takes a TaskRecord, as assert_enqueued() gives it, and a list such as [503, 200]; it got "
    )
    with pytest.raises(TypeError) as single:
        cloud_tasks.assert_attempts(task, 200)  # type: ignore[arg-type]
    with pytest.raises(TypeError) as name:
        cloud_tasks.assert_attempts("one", [200])  # type: ignore[arg-type]
    assert str(single.value) == f"{takes}{task!r} and 200."
    assert str(name.value) == f"{takes}'one' and [200]."


# --- assert_exhausted, assert_expired ----------------------------------------------------------------------------


def test_assert_exhausted(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task is exhausted once its last attempt has failed, and says until then where it stands."""
    cloud_tasks.route(MAILER).returns(503)
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "receipts/one was to have no retry left, and is there still, scheduled for +0:00:00, never dispatched."
    )
    cloud_tasks.step()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "receipts/one was to have no retry left, and is there still, scheduled for +0:00:10, after 1 attempt."
    )
    cloud_tasks.drain()
    cloud_tasks.assert_exhausted(task)
    assert first_part(cloud_tasks.assert_expired, task) == (
        "receipts/one was to have expired, and had no retry left, after 3 attempts."
    )


def test_assert_exhausted_of_tasks_that_ended_otherwise(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """One that has succeeded, was deleted, or has an attempt under way is not exhausted."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("done")
    cloud_tasks.step()
    task = cloud_tasks.assert_enqueued()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "receipts/done was to have no retry left, and is there still, with an attempt under way."
    )
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "receipts/done was to have no retry left, and has succeeded, after 1 attempt."
    )
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("gone"))
    assert first_part(cloud_tasks.assert_exhausted, cloud_tasks.assert_enqueued(name="gone")) == (
        "receipts/gone was to have no retry left, and was deleted, never dispatched."
    )


def test_assert_expired(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task expires when time passes over the end of its retention, not before."""
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("old")
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.advance(days=30)
    assert first_part(cloud_tasks.assert_expired, task) == (
        "receipts/old was to have expired, and is there still, scheduled for +0:00:00, never dispatched."
    )
    cloud_tasks.advance(days=1)
    cloud_tasks.assert_expired(task)
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "receipts/old was to have no retry left, and has expired, never dispatched."
    )


@pytest.mark.parametrize("verb", ["assert_exhausted", "assert_expired"])
def test_a_state_is_that_of_a_record(cloud_tasks: FakeCloudTasks, verb: str) -> None:
    """A name is refused as a mistake of the test."""
    with pytest.raises(TypeError) as caught:
        getattr(cloud_tasks, verb)("one")
    assert str(caught.value) == f"{verb}() takes a TaskRecord, as assert_enqueued() gives it, and got 'one'."


# --- the vocabulary as a whole -----------------------------------------------------------------------------------


def test_the_vocabulary_in_an_async_test(cloud_tasks: FakeCloudTasks) -> None:
    """Assertions and queries are plain calls in a coroutine as well; only what drives is awaited."""
    cloud_tasks.route(MAILER).returns(503, 200)
    parent = cloud_tasks.queue_path("receipts")

    async def test() -> None:
        client = tasks_v2.CloudTasksAsyncClient()
        with cloud_tasks.expect_enqueued(queue="receipts") as tasks:
            await client.create_task(parent=parent, task={"http_request": {"url": MAILER, "body": b"[1]"}})
        cloud_tasks.assert_not_dispatched()
        await cloud_tasks.aio.drain()
        assert cloud_tasks.assert_dispatched(url=re.compile("send$"), json=[1]) == tasks[0]
        cloud_tasks.assert_attempts(tasks[0], [503, 200])
        cloud_tasks.assert_backoff(tasks[0], seconds(10))
        cloud_tasks.assert_idle()
        cloud_tasks.assert_empty()
        assert (cloud_tasks.tasks(), len(cloud_tasks.attempts())) == ([], 2)
        assert [call.method for call in cloud_tasks.rpcs] == ["create_task"]

    asyncio.run(test())


class Near:
    """As matchers of other libraries are: it says by its own __eq__ what it takes for equal."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (int, float)) and abs(other - self.value) < 1

    def __repr__(self) -> str:
        return f"Near({self.value})"


class HasDigits:
    """A predicate that is an object, and has no __eq__ of its own."""

    def __call__(self, text: str) -> bool:
        return any(letter.isdigit() for letter in text)


FOREIGN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an __eq__ of its own": ({"json": {"order": Near(41.5)}}, {"json": {"order": Near(50)}}),
    "an __eq__ of its own, in a list": ({"json": {"items": [Near(1), Near(2)]}}, {"json": {"items": [Near(1)]}}),
    "approx": ({"json": {"order": pytest.approx(42.0)}}, {"json": {"order": pytest.approx(43.0)}}),
    "ANY": ({"json": {"order": mock.ANY}}, {"json": {"price": mock.ANY}}),
    "an object that is a predicate": ({"name": HasDigits()}, {"queue": HasDigits()}),
    "a method of a built-in type": ({"method": str.isupper}, {"method": str.islower}),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_matchers(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, case: str) -> None:
    """Matchers of other libraries and callables of all kinds match, and differ, in every assertion."""
    matching, differing = FOREIGN[case]
    enqueue("order-42", body=b'{"order": 42, "items": [1, 2]}')

    cloud_tasks.assert_enqueued(**matching)
    cloud_tasks.assert_not_enqueued(**differing)
    with pytest.raises(CloudTasksAssertionError):
        cloud_tasks.assert_not_enqueued(**matching)


def test_records_of_every_state_answer_the_same_questions(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A record's fields are there for live, finished and deleted tasks, under Google's names."""
    cloud_tasks.route(MAILER)
    enqueue("done", body=b"{}")
    cloud_tasks.drain()
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("deleted", body=b"{}"))
    enqueue("live", body=b"{}")

    for record in cloud_tasks.assert_enqueued(count=3):
        assert record.http_request.url == record.url == MAILER
        assert record.message.name == record.name
        assert (record.queue, record.method, record.json, record.oidc) == ("receipts", "POST", {}, None)
        assert (record.schedule_time, record.create_time) == (START, START)
        assert record.dispatch_deadline == timedelta(minutes=10)
    assert [one.state.value for one in cloud_tasks.assert_enqueued(count=3)] == ["succeeded", "deleted", "scheduled"]
