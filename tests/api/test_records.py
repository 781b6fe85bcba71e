"""Records: live views of tasks and attempts, under Google's field names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks, TargetRequest, TaskState

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def test_a_record_of_an_http_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Every field of a task that waits, as it was stored."""
    name = enqueue(
        "order-42",
        http_method="PUT",
        body=b'{"order": 42}',
        headers={"Content-Type": "application/json"},
        oidc_token={"service_account_email": "robot@acme.test", "audience": "mailer"},
        schedule_time=START + timedelta(minutes=5),
        dispatch_deadline=timedelta(seconds=20),
    )
    task = cloud_tasks.assert_enqueued()

    assert (task.name, task.id, task.queue) == (name, "order-42", "receipts")
    assert (task.method, task.url) == ("PUT", MAILER)
    assert task.headers == {"content-type": "application/json", "user-agent": "Google-Cloud-Tasks"}
    assert (task.body, task.json) == (b'{"order": 42}', {"order": 42})
    assert task.oidc == {"service_account_email": "robot@acme.test", "audience": "mailer"}
    assert task.state is TaskState.SCHEDULED
    assert (task.create_time, task.schedule_time) == (START, START + timedelta(minutes=5))
    assert task.dispatch_deadline == timedelta(seconds=20)
    assert (task.dispatch_count, task.response_count, task.attempts) == (0, 0, [])
    assert repr(task) == "<task receipts/order-42 PUT https://mailer.test/send scheduled>"


def test_a_record_of_an_app_engine_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The URL is the relative URI, there is no token, and the deadline in force is ten minutes."""
    enqueue("work", "/jobs", body=b"not JSON")
    task = cloud_tasks.assert_enqueued()

    assert (task.url, task.method, task.oidc) == ("/jobs", "POST", None)
    assert task.dispatch_deadline == timedelta(minutes=10)
    assert (task.service, task.version, task.instance) == ("default", "", "")
    assert task.app_engine_http_request.relative_uri == "/jobs"
    assert task.app_engine_http_request.app_engine_routing.host == "test-project.uc.r.appspot.com"
    with pytest.raises(ValueError):
        _ = task.json


def test_the_routing_of_a_record(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Service, version and instance are those that an App Engine task names; an HTTP task has none."""
    enqueue("work", "/jobs", app_engine_routing={"service": "mailer", "version": "v2", "instance": "0"})
    enqueue("http")
    work, http = cloud_tasks.tasks()
    assert (work.service, work.version, work.instance) == ("mailer", "v2", "0")
    assert (http.service, http.version, http.instance) == ("", "", "")


def test_the_message_is_the_stored_one_in_the_full_view(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """message is what GetTask gives in the FULL view, and a fresh one each time."""
    name = enqueue("order-42", body=b"x")
    task = cloud_tasks.assert_enqueued()

    stored = tasks_v2.CloudTasksClient().get_task(request={"name": name, "response_view": "FULL"})
    assert task.message == stored
    assert task.http_request.body == b"x"
    task.message.http_request.body = b"y"
    assert task.http_request.body == b"x"


def test_a_record_is_live(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its fields are those of the moment at which they are read."""
    cloud_tasks.route(MAILER).returns(503, 200).takes(timedelta(seconds=2))
    enqueue("one")
    task = cloud_tasks.assert_enqueued()

    cloud_tasks.step()
    assert (task.state, task.dispatch_count, task.response_count) == (TaskState.DISPATCHED, 1, 0)
    cloud_tasks.step()
    assert (task.state, task.dispatch_count, task.response_count) == (TaskState.SCHEDULED, 1, 0)
    assert task.schedule_time == START + timedelta(seconds=2.1)
    cloud_tasks.drain()
    assert (task.state, task.dispatch_count, task.response_count) == (TaskState.SUCCEEDED, 2, 1)
    assert task.first_attempt.dispatch_time == START
    assert task.last_attempt.dispatch_time == START + timedelta(seconds=2.1)
    assert task.last_attempt.response_time == START + timedelta(seconds=4.1)
    assert repr(task) == "<task receipts/one POST https://mailer.test/send succeeded>"


def test_attempts_of_every_kind(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An attempt has its schedule, dispatch and response times, and its outcome."""
    error = ConnectionError("reset")
    route = cloud_tasks.route(MAILER).returns(404).raises(error).raises(TimeoutError).returns(204)
    enqueue("one", dispatch_deadline=timedelta(seconds=15))
    cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    first, second, third, last = task.attempts

    assert [attempt.number for attempt in task.attempts] == [1, 2, 3, 4]
    assert (first.schedule_time, first.dispatch_time, first.response_time) == (START, START, START)
    assert (first.status, first.code, first.result, first.succeeded) == (404, "NOT_FOUND", 404, False)
    assert (second.status, second.code, second.result, second.exception) == (None, "UNKNOWN", "UNKNOWN", error)
    assert (third.status, third.code, third.result) == (None, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert third.response_time == third.dispatch_time + timedelta(seconds=15)
    assert (last.status, last.code, last.result, last.succeeded) == (204, "OK", 204, True)
    assert (first.exception, last.exception) == (None, None)
    assert [attempt.request for attempt in task.attempts] == route.calls
    assert cloud_tasks.attempts() == task.attempts
    assert first.task == task
    assert [repr(attempt) for attempt in task.attempts] == [
        "<attempt 1 of receipts/one: 404>",
        "<attempt 2 of receipts/one: UNKNOWN>",
        "<attempt 3 of receipts/one: DEADLINE_EXCEEDED>",
        "<attempt 4 of receipts/one: 204>",
    ]


def test_an_attempt_under_way(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Until it ends it has a request, and no result."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=2))
    enqueue("one")
    attempt = cloud_tasks.step()

    assert attempt is not None
    assert (attempt.status, attempt.code, attempt.result, attempt.response_time) == (None, None, None, None)
    assert attempt.succeeded is False
    assert isinstance(attempt.request, TargetRequest)
    assert repr(attempt) == "<attempt 1 of receipts/one: under way>"


def test_an_attempt_before_its_delivery(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """RunTask has begun an attempt that its target has not seen yet."""
    client = tasks_v2.CloudTasksClient()
    client.run_task(name=enqueue("one"))
    (attempt,) = cloud_tasks.assert_enqueued().attempts
    assert (attempt.request, attempt.exception, attempt.result) == (None, None, None)


def test_records_of_one_thing_are_one(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Two records of the same task or attempt are equal and have the same hash; other records are not equal."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    enqueue("two")
    cloud_tasks.drain()
    one, two = cloud_tasks.assert_enqueued(count=2)
    again = cloud_tasks.assert_enqueued(name="one")

    assert one == again
    assert one is not again
    assert {one, again, two} == {one, two}
    assert one != two
    assert one != one.name
    assert {*one.attempts, *again.attempts} == {cloud_tasks.attempts()[0]}
    assert one.attempts[0] != two.attempts[0]
    assert one.attempts[0] != 1
    assert hash(one) == hash(again)


def test_a_name_used_twice_is_two_tasks(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Equality is that of tasks, not of names: a name may come again once its reservation has passed."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    cloud_tasks.drain()
    cloud_tasks.advance(days=2)
    name = enqueue("one")
    first, second = cloud_tasks.assert_enqueued(name="one", count=2)
    assert first.name == second.name == name
    assert first != second
    assert (first.state, second.state) == (TaskState.SUCCEEDED, TaskState.SCHEDULED)


def test_a_body_that_no_reader_can_take(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """JSON that is nested too deep is enqueued normally, but doesn't count as JSON in assertions."""
    enqueue("one", body=b"[" * 90_000)
    with pytest.raises(ValueError, match=r"^The body is nested too deep to be read as JSON\.$"):
        _ = cloud_tasks.assert_enqueued().json
    cloud_tasks.assert_not_enqueued(json=[])
