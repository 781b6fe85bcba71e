"""The assertions about one task: its attempts, the waits between them, and how it ended."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

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


def test_backoffs_are_the_waits_in_the_timeline(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
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


def test_a_pause_is_not_part_of_the_backoff(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Time that a paused queue, a limit or a slow handler adds between attempts is not counted."""
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
        ([timedelta(hours=1, seconds=0.000001), "1d"], "[1 h 0.000001 s, 1 d]"),
    ],
)
def test_other_backoffs_fail(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, delays: list[Any], told: str) -> None:
    """A missing, an additional or another wait fails; both lists are shown as the timeline shows durations."""
    cloud_tasks.route(MAILER).returns(503, 500, 200)
    enqueue("one")
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_backoff, cloud_tasks.assert_enqueued(), delays) == (
        f"Retry delays of receipts/one differ:\n  expected {told}\n       got [10 s, 20 s]"
    )


A_TASK = "a TaskRecord, a Task message, or a task's ID or full name"


def test_delays_are_durations(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A number is rejected, and so are other things than a list, and what is no task."""
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    with pytest.raises(TypeError) as number:
        cloud_tasks.assert_backoff(task, [10])
    with pytest.raises(TypeError) as single:
        cloud_tasks.assert_backoff(task, timedelta(seconds=10))  # type: ignore[arg-type]
    with pytest.raises(TypeError) as listed:
        cloud_tasks.assert_backoff([task], [])  # type: ignore[arg-type]

    takes = (
        f"assert_backoff() takes {A_TASK}, and a list such as [timedelta(seconds=10), timedelta(seconds=20)], but got "
    )
    assert str(number.value) == "assert_backoff() takes a duration such as timedelta(seconds=30) or '30s', but got 10."
    assert str(single.value) == f"{takes}{task!r} and datetime.timedelta(seconds=10)."
    assert str(listed.value) == f"{takes}[{task!r}] and []."


def test_attempts_are_a_list_of_a_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """assert_attempts rejects a single status, and another of Google's messages for the task."""
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    queue = tasks_v2.Queue(name="one")
    takes = f"assert_attempts() takes {A_TASK}, and a list such as [503, 200], but got "
    with pytest.raises(TypeError) as single:
        cloud_tasks.assert_attempts(task, 200)  # type: ignore[arg-type]
    with pytest.raises(TypeError) as message:
        cloud_tasks.assert_attempts(queue, [200])  # type: ignore[arg-type]
    assert str(single.value) == f"{takes}{task!r} and 200."
    assert str(message.value) == f"{takes}{queue!r} and [200]."


# --- which task --------------------------------------------------------------------------------------------------


VERBS: dict[str, tuple[object, ...]] = {
    "assert_attempts": ([503, 500, 503],),
    "assert_backoff": (seconds(10, 20),),
    "assert_exhausted": (),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "kind", [tasks_v2.Task, tasks_v2beta3.Task, tasks_v2beta2.Task, str], ids=lambda kind: kind.__module__
)
def test_a_task_is_its_message_or_its_name(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, kind: Any, verb: str) -> None:
    """A message of any version works, and so does the name, for a removed task."""
    cloud_tasks.route(MAILER).returns(503, 500, 503)
    name = enqueue("one")
    cloud_tasks.drain()
    task = name if kind is str else kind(name=name)
    for given in (task, getattr(task, "_pb", task)):
        getattr(cloud_tasks, verb)(given, *VERBS[verb])
        assert first_part(cloud_tasks.assert_expired, given) == (
            "Expected receipts/one to have expired, but it had no retry left after 3 attempts."
        )


def test_what_create_task_gives_back_is_a_task(cloud_tasks: FakeCloudTasks) -> None:
    """The message is a picture of the task when it was created; the assertion is about the task as it is now."""
    cloud_tasks.route(MAILER).returns(503, 200)
    client, parent = tasks_v2.CloudTasksClient(), cloud_tasks.queue_path("receipts")
    created = client.create_task(parent=parent, task={"http_request": {"url": MAILER}})
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(created, [503, 200])
    cloud_tasks.assert_backoff(created, seconds(10))


@pytest.mark.cloud_tasks(service={"task_tombstone_ttl": timedelta(hours=1)})
def test_a_name_that_was_used_again_is_that_of_the_latest_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """As it is for dispatch()."""
    cloud_tasks.route(MAILER).returns(200, 503)
    enqueue("one")
    cloud_tasks.drain()
    cloud_tasks.advance(hours=2)
    name = enqueue("one")
    cloud_tasks.assert_attempts(name, [])
    cloud_tasks.drain()
    cloud_tasks.assert_exhausted(name)
    assert [len(task.attempts) for task in cloud_tasks.assert_enqueued(count=2)] == [1, 3]


@pytest.mark.parametrize("verb", VERBS)
def test_a_task_that_is_reported_by_its_name_has_been_looked_at(enqueue: Enqueue, verb: str) -> None:
    """The error of its handler is seen thereby, as by a record: a strict fake has nothing to complain of."""

    def handler(request: object) -> int:
        raise ZeroDivisionError

    with FakeCloudTasks(queues=["receipts"], strict=True) as cloud_tasks:
        cloud_tasks.create_queue("once", retry_config={"max_attempts": 1})
        cloud_tasks.route(MAILER, handler=handler, on_exception="500")
        name = enqueue("one", queue="once")
        cloud_tasks.drain()
        expected = {"assert_attempts": ([500],), "assert_backoff": ([],)}.get(verb, ())
        getattr(cloud_tasks, verb)(name, *expected)
        assert cloud_tasks.tasks() == []


@pytest.mark.parametrize("verb", [*VERBS, "assert_expired"])
@pytest.mark.parametrize("given", ["two", "", tasks_v2.Task(), tasks_v2.Task(name="two")], ids=repr)
def test_a_name_that_no_task_has_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str, given: Any
) -> None:
    """In the words of dispatch(); a message that no service has seen has no name."""
    enqueue("one")
    with pytest.raises(LookupError) as asserted:
        getattr(cloud_tasks, verb)(given, *VERBS.get(verb, ()))
    name = given if isinstance(given, str) else given.name
    with pytest.raises(LookupError) as dispatched:
        cloud_tasks.dispatch(name)
    assert str(asserted.value) == str(dispatched.value)
    assert str(asserted.value) == (
        f"This test has no task named {name!r}. Pass a task's ID or full name, or the TaskRecord that assert_enqueued()"
        " returns."
    )


# --- long lists --------------------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues={"receipts": {"retry_config": {"min_backoff": "1s", "max_attempts": 100}}})
@pytest.mark.parametrize(
    ("expected", "told", "got"),
    [
        ([500] * 99 + [200], "[… 96 that match, 500, 500, 500, 200]", "[… 96 that match, 500, 500, 500, 500]"),
        ([500] * 99, "[… 96 that match, 500, 500, 500]", "[… 96 that match, 500, 500, 500, 500]"),
        ([500] * 3, "[500, 500, 500]", f"[{'500, ' * 10}… 90 more]"),
        ([503] * 100, f"[{'503, ' * 10}… 90 more]", f"[{'500, ' * 10}… 90 more]"),
        ([503] * 21, f"[{'503, ' * 10}… 11 more]", f"[{'500, ' * 10}… 90 more]"),
        (
            [500] * 50 + [200] * 50,
            f"[… 47 that match, {'500, ' * 3}{'200, ' * 7}… 43 more]",
            f"[… 47 that match, {'500, ' * 10}… 43 more]",
        ),
        (
            [mock.ANY] * 99 + ["500"],
            "[… 96 that match, <ANY>, <ANY>, <ANY>, '500']",
            "[… 96 that match, 500, 500, 500, 500]",
        ),
    ],
)
def test_long_lists_are_shown_where_they_part(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, expected: list[Any], told: str, got: str
) -> None:
    """Of many attempts those are left out that match at the beginning, but for three, so the difference is seen."""
    cloud_tasks.route(MAILER).returns(500)
    enqueue("one")
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_attempts, cloud_tasks.assert_enqueued(), expected) == (
        f"Attempts of receipts/one differ:\n  expected {told}\n       got {got}"
    )


@pytest.mark.cloud_tasks(
    queues={"receipts": {"retry_config": {"min_backoff": "10s", "max_backoff": "10s", "max_attempts": 102}}}
)
def test_long_lists_of_backoffs_are_shown_where_they_part(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """As those of attempts."""
    cloud_tasks.route(MAILER).returns(500)
    enqueue("one")
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_backoff, cloud_tasks.assert_enqueued(), seconds(*[10] * 100, 20)) == (
        "Retry delays of receipts/one differ:\n  expected [… 97 that match, 10 s, 10 s, 10 s, 20 s]\n       got [… 97"
        " that match, 10 s, 10 s, 10 s, 10 s]"
    )


# --- assert_exhausted, assert_expired ----------------------------------------------------------------------------


def test_assert_exhausted(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task is exhausted once its last attempt has failed; before that, the error shows its state."""
    cloud_tasks.route(MAILER).returns(503)
    enqueue("one")
    task = cloud_tasks.assert_enqueued()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "Expected receipts/one to have no retry left, but it is still scheduled for +0:00:00, after no attempt."
    )
    cloud_tasks.step()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "Expected receipts/one to have no retry left, but it is still scheduled for +0:00:10, after 1 attempt."
    )
    cloud_tasks.drain()
    cloud_tasks.assert_exhausted(task)
    assert first_part(cloud_tasks.assert_expired, task) == (
        "Expected receipts/one to have expired, but it had no retry left after 3 attempts."
    )


def test_assert_exhausted_of_tasks_that_ended_otherwise(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """One that has succeeded, was deleted, or has an attempt under way is not exhausted."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=5))
    enqueue("done")
    cloud_tasks.step()
    task = cloud_tasks.assert_enqueued()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "Expected receipts/done to have no retry left, but it still has an attempt under way."
    )
    cloud_tasks.drain()
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "Expected receipts/done to have no retry left, but it succeeded after 1 attempt."
    )
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("gone"))
    assert first_part(cloud_tasks.assert_exhausted, cloud_tasks.assert_enqueued(name="gone")) == (
        "Expected receipts/gone to have no retry left, but it was deleted after no attempt."
    )


def test_assert_expired(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task expires when time passes over the end of its retention, not before."""
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("old")
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.advance(days=30)
    assert first_part(cloud_tasks.assert_expired, task) == (
        "Expected receipts/old to have expired, but it is still scheduled for +0:00:00, after no attempt."
    )
    cloud_tasks.advance(days=1)
    cloud_tasks.assert_expired(task)
    assert first_part(cloud_tasks.assert_exhausted, task) == (
        "Expected receipts/old to have no retry left, but it expired after no attempt."
    )


@pytest.mark.parametrize("verb", ["assert_exhausted", "assert_expired"])
def test_a_state_is_that_of_a_task(cloud_tasks: FakeCloudTasks, verb: str) -> None:
    """What is no task is rejected as a mistake of the test."""
    with pytest.raises(TypeError) as caught:
        getattr(cloud_tasks, verb)(42)
    assert str(caught.value) == f"{verb}() takes {A_TASK}, but got 42."


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


@pytest.mark.parametrize("values", [range(10**12), {200}, {200: 1}, "200", 200, None], ids=repr)
def test_a_list_or_a_tuple_is_expected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, values: Any) -> None:
    """What else can be counted through may have no order, or no end."""
    name = enqueue("one", MAILER)
    a_task = "a TaskRecord, a Task message, or a task's ID or full name"
    with pytest.raises(TypeError) as attempts:
        cloud_tasks.assert_attempts(name, values)
    assert str(attempts.value) == (
        f"assert_attempts() takes {a_task}, and a list such as [503, 200], but got {name!r} and {values!r}."
    )
    with pytest.raises(TypeError) as backoff:
        cloud_tasks.assert_backoff(name, values)
    assert str(backoff.value) == (
        f"assert_backoff() takes {a_task}, and a list such as [timedelta(seconds=10), timedelta(seconds=20)], but got"
        f" {name!r} and {values!r}."
    )
    cloud_tasks.assert_attempts(name, ())
    cloud_tasks.assert_backoff(name, ())
