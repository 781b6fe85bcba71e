from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import flask
import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, TaskState

PARENT = "projects/test-project/locations/us-central1"


def enqueue(queue_id: str, url: str, payload: object = None, **fields: object) -> str:
    """As application code does it."""
    client = CloudTasksClient()
    request = {"url": url, "body": json.dumps(payload).encode(), "headers": {"Content-Type": "application/json"}}
    task = client.create_task(parent=f"{PARENT}/queues/{queue_id}", task={"http_request": request, **fields})
    return str(task.name)


def shop() -> flask.Flask:
    """A worker that mails receipts, and chases them up by a second task three hours later."""
    app = flask.Flask("shop")
    app.sent = []  # type: ignore[attr-defined]

    @app.post("/mail")
    def mail() -> tuple[str, int]:
        order = flask.request.get_json()["order"]
        app.sent.append((order, datetime.now(timezone.utc)))  # type: ignore[attr-defined]
        if len(app.sent) < 3:  # type: ignore[attr-defined]
            return "the mail server is down", 503
        later = datetime.now(timezone.utc) + timedelta(hours=3)
        enqueue("mails", "https://shop.test/feedback", {"order": order}, schedule_time=later)
        return "sent", 200

    @app.post("/feedback")
    def feedback() -> str:
        retries = flask.request.headers["X-CloudTasks-TaskRetryCount"]
        return f"asked for feedback, after {retries} retries"

    return app


def test_a_flask_application_lives_through_virtual_hours(cloud_tasks: FakeCloudTasks) -> None:
    """A real application is retried, sees each instant as its own now, and enqueues follow-ups that go out in turn."""
    app = shop()
    app.testing = True
    cloud_tasks.create_queue("mails", retry_config={"min_backoff": "10s", "max_doublings": 3})
    mount = cloud_tasks.mount("https://shop.test", app)
    begin = cloud_tasks.clock.now()
    enqueue("mails", "https://shop.test/mail", {"order": 42})
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.succeeded, summary.failed, summary.blocked) == (4, 2, 2, ())
    assert [at - begin for _, at in app.sent] == [timedelta(seconds=s) for s in (0, 10, 30)]  # type: ignore[attr-defined]
    assert [request.url for request in mount.calls] == ["https://shop.test/mail"] * 3 + ["https://shop.test/feedback"]
    assert cloud_tasks.clock.elapsed == timedelta(hours=3, seconds=30)
    cloud_tasks.assert_empty()


def test_the_published_attempt_of_2019(cloud_tasks: FakeCloudTasks) -> None:
    """After the ninth failure under default settings the next attempt is 25.6 s after the answer, as published."""
    cloud_tasks.create_queue("work")
    cloud_tasks.route("https://a.test/").returns(405)
    name = enqueue("work", "https://a.test/")
    for _ in range(9):
        cloud_tasks.step()
    task = CloudTasksClient().get_task(name=name)
    assert task.schedule_time - task.last_attempt.response_time == timedelta(seconds=25.6)
    assert task.last_attempt.response_status.code == 9
    assert task.last_attempt.response_status.message == "FAILED_PRECONDITION(9): HTTP status code 405"
    assert (task.dispatch_count, task.response_count) == (9, 9)
    assert "response_time" not in task.first_attempt


def test_a_default_queue_gives_up_after_a_hundred_attempts(cloud_tasks: FakeCloudTasks) -> None:
    """With the service's defaults a task that always fails is tried 100 times, for 84.8 hours."""
    cloud_tasks.create_queue("work")
    cloud_tasks.route("https://a.test/").returns(500)
    enqueue("work", "https://a.test/")
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.exhausted) == (100, 1)
    assert cloud_tasks.clock.elapsed == timedelta(seconds=305353.5)


def test_a_task_is_kept_for_31_days(cloud_tasks: FakeCloudTasks) -> None:
    """A task in a paused queue is removed 31 days after its creation; drain() does not jump there."""
    cloud_tasks.create_queue("work")
    client = CloudTasksClient()
    client.pause_queue(name=f"{PARENT}/queues/work")
    enqueue("work", "https://a.test/")
    (task,) = cloud_tasks.tasks()
    summary = cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(0)
    assert [(one.task, one.reason.value) for one in summary.blocked] == [(task, "the queue is paused")]
    cloud_tasks.advance(days=30, hours=23)
    assert task.state is TaskState.SCHEDULED
    assert cloud_tasks.advance(hours=1).expired == 1
    assert task.state is TaskState.EXPIRED


def test_rate_and_concurrency_are_kept_in_virtual_time(cloud_tasks: FakeCloudTasks) -> None:
    """A burst of ten, then one a second, and never more than two at once."""
    cloud_tasks.create_queue("work", rate_limits={"max_dispatches_per_second": 1, "max_concurrent_dispatches": 2})
    route = cloud_tasks.route("https://a.test/").takes(timedelta(milliseconds=100))
    for _ in range(13):
        enqueue("work", "https://a.test/")
    cloud_tasks.drain()
    assert len(route.calls) == 13
    begin = cloud_tasks.attempts()[0].dispatch_time
    offsets = [(attempt.dispatch_time - begin).total_seconds() for attempt in cloud_tasks.attempts()]
    assert offsets == [0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 1, 2, 3]


def test_a_deadline_that_passes_is_a_failure_of_its_own(cloud_tasks: FakeCloudTasks) -> None:
    """A handler slower than the dispatch deadline fails with DEADLINE_EXCEEDED at the deadline, and is retried."""
    cloud_tasks.create_queue("work")
    route = cloud_tasks.route("https://a.test/").raises(TimeoutError).raises(ConnectionError).returns(200)
    enqueue("work", "https://a.test/", dispatch_deadline="15s")
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", "UNKNOWN", 200])
    assert cloud_tasks.clock.elapsed == timedelta(seconds=15 + 0.1 + 0.2)
    previous = [call.headers.get("X-CloudTasks-TaskPreviousResponse") for call in route.calls]
    assert previous == [None, "504", "0"]


def test_a_handler_may_cancel_and_pause(cloud_tasks: FakeCloudTasks) -> None:
    """A handler that deletes a later task and pauses the queue has its way at once."""
    client = CloudTasksClient()
    cloud_tasks.create_queue("work")
    names = [enqueue("work", f"https://a.test/{n}") for n in range(3)]

    def handler(request: object) -> int:
        client.delete_task(name=names[1])
        client.pause_queue(name=f"{PARENT}/queues/work")
        return 200

    cloud_tasks.route("https://a.test/*", handler=handler)
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.succeeded) == (1, 1)
    assert [one.task.name for one in summary.blocked] == [names[2]]
    assert [task.state for task in cloud_tasks.assert_enqueued(count=3)] == [
        TaskState.SUCCEEDED,
        TaskState.DELETED,
        TaskState.SCHEDULED,
    ]


def test_an_exception_in_the_application_fails_the_test_after_the_attempt_was_recorded(
    cloud_tasks: FakeCloudTasks,
) -> None:
    """What a WSGI application lets escape comes out of the method; with on_exception="500" it is retried instead."""

    def broken(environ: object, start_response: object) -> list[bytes]:
        raise ZeroDivisionError("in the handler")

    cloud_tasks.create_queue("work", retry_config={"max_attempts": 2})
    cloud_tasks.mount("https://a.test", broken)
    enqueue("work", "https://a.test/x")
    with pytest.raises(ZeroDivisionError, match="in the handler"):
        cloud_tasks.drain()
    task = cloud_tasks.assert_dispatched()
    cloud_tasks.assert_attempts(task, [500])
    assert isinstance(task.attempts[0].exception, ZeroDivisionError)
    cloud_tasks.mount("https://a.test/x", broken, on_exception="500")
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [500, 500])
    assert task.state is TaskState.EXHAUSTED


def broken_shop() -> flask.Flask:
    """A worker that fails the first time, as it would be deployed: Flask turns its exceptions into a 500."""
    app, errors = flask.Flask("shop"), [KeyError("order")]

    @app.post("/mail")
    def mail() -> str:
        if errors:
            raise errors.pop()
        return "sent"

    return app


def test_an_exception_that_flask_turns_into_a_500_fails_the_test(cloud_tasks: FakeCloudTasks) -> None:
    """Flask announces it: the exception itself comes out of the method, with the attempt recorded as the 500 it was."""
    cloud_tasks.create_queue("mails")
    cloud_tasks.mount("https://shop.test", broken_shop())
    enqueue("mails", "https://shop.test/mail")
    with pytest.raises(KeyError, match="order") as raised:
        cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500])
    assert task.attempts[0].exception is raised.value


def test_an_exception_of_flask_may_be_retried(cloud_tasks: FakeCloudTasks) -> None:
    """With on_exception="500" it is an answer like any other."""
    cloud_tasks.create_queue("mails")
    cloud_tasks.mount("https://shop.test", broken_shop(), on_exception="500")
    enqueue("mails", "https://shop.test/mail")
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 200])
