"""The public surface as type checkers see it: mypy (strict) and pyright check this file, and pytest runs it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import (
    Attempt,
    Blocked,
    BlockedReason,
    CloudTasksAssertionError,
    FakeCloudTasks,
    Headers,
    Mount,
    Route,
    RpcCall,
    Summary,
    TargetRequest,
    TaskRecord,
    TaskState,
    current,
    exactly,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        return value


URL = "https://worker.test/do"


def answer_busy(request: TargetRequest) -> int:
    """A handler as users write it."""
    return 503 if request.attempt.number == 1 else 200


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application as users write it."""
    start_response("204 No Content", [])
    return [b""]


def enqueue(cloud_tasks: FakeCloudTasks) -> None:
    """One task in the queue "work"."""
    task = tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=URL, body=b'{"n": 1}'))
    cloud_tasks.client().create_task(parent=cloud_tasks.queue_path("work"), task=task)


@pytest.mark.cloud_tasks(queues=["work"])
def test_assertions_give_a_record_or_a_list(cloud_tasks: FakeCloudTasks) -> None:
    """A count of 1, given or not, gives a TaskRecord; any other count, and None, gives a list of them."""
    cloud_tasks.route(URL)
    enqueue(cloud_tasks)

    one = assert_type(cloud_tasks.assert_enqueued(queue="work"), TaskRecord)
    assert_type(cloud_tasks.assert_enqueued(queue="work", count=1), TaskRecord)
    some = assert_type(cloud_tasks.assert_enqueued(json=exactly({"n": 1}), count=None), list[TaskRecord])
    none = assert_type(cloud_tasks.assert_enqueued(url=re.compile("nowhere"), count=0), list[TaskRecord])
    cloud_tasks.dispatch_due()
    gone = assert_type(cloud_tasks.assert_dispatched(method="POST"), TaskRecord)
    all_gone = assert_type(cloud_tasks.assert_dispatched(name=lambda name: bool(name), count=None), list[TaskRecord])

    assert [one] == some == [gone] == all_gone
    assert none == []


@pytest.mark.cloud_tasks(queues=["work"])
def test_verbs_give_attempts_and_summaries(cloud_tasks: FakeCloudTasks) -> None:
    """step() may find nothing to do, dispatch() always gives an attempt, and the other verbs give a summary."""
    route = assert_type(cloud_tasks.route(URL, method="POST", handler=answer_busy), Route)
    enqueue(cloud_tasks)

    first = assert_type(cloud_tasks.step(), "Attempt | None")
    second = assert_type(cloud_tasks.dispatch(cloud_tasks.tasks()[0]), Attempt)
    summaries = [
        assert_type(cloud_tasks.dispatch_due("work"), Summary),
        assert_type(cloud_tasks.advance(timedelta(seconds=1)), Summary),
        assert_type(cloud_tasks.advance(hours=1.5), Summary),
        assert_type(cloud_tasks.advance_to(datetime(2500, 1, 1, tzinfo=timezone.utc)), Summary),
        assert_type(cloud_tasks.drain(timedelta(days=1), queue="work", limit=10), Summary),
    ]

    assert first is not None
    assert (first.result, second.result) == (503, 200)
    assert [summary.attempts for summary in summaries] == [0, 0, 0, 0, 0]
    assert len(assert_type(route.calls, list[TargetRequest])) == 2


@pytest.mark.cloud_tasks(queues=["work"])
def test_records_carry_their_types(cloud_tasks: FakeCloudTasks) -> None:
    """The fields of tasks, attempts, requests and summaries are typed as the reference says."""
    route = cloud_tasks.route(re.compile("do$")).returns(503).raises(TimeoutError).takes(timedelta(seconds=1))
    mount = assert_type(cloud_tasks.mount("https://other.test", wsgi_app).takes(timedelta(seconds=1)), Mount)
    enqueue(cloud_tasks)
    (task,) = assert_type(cloud_tasks.tasks(), list[TaskRecord])

    assert_type(task.name, str)
    assert_type(task.headers, Headers)
    assert_type(task.body, bytes)
    assert_type(task.oidc, "dict[str, str] | None")
    assert_type(task.schedule_time, datetime)
    assert_type(task.dispatch_deadline, timedelta)
    assert assert_type(task.state, TaskState) is TaskState.SCHEDULED

    cloud_tasks.drain(timedelta(seconds=1))
    attempt = assert_type(task.attempts, list[Attempt])[0]
    assert_type(attempt.response_time, "datetime | None")
    assert_type(attempt.result, "int | str | None")
    assert_type(attempt.request, "TargetRequest | None")
    assert assert_type(attempt.status, "int | None") == 503
    assert assert_type(route.calls[0].headers.getlist("x-cloudtasks-taskretrycount"), list[str]) == ["0"]
    assert mount.calls == []


@pytest.mark.cloud_tasks(queues=["work"])
def test_what_the_handle_tells_is_typed(cloud_tasks: FakeCloudTasks) -> None:
    """Clock, timeline, calls and blocked tasks are typed as the reference says."""
    enqueue(cloud_tasks)
    client = cloud_tasks.client()
    client.pause_queue(name=cloud_tasks.queue_path("work"))

    blocked = assert_type(cloud_tasks.drain().blocked, tuple[Blocked, ...])

    assert assert_type(blocked[0].reason, BlockedReason) is BlockedReason.PAUSED
    assert assert_type(cloud_tasks.clock.now(), datetime).tzinfo is timezone.utc
    assert assert_type(cloud_tasks.clock.elapsed, timedelta) == timedelta(0)
    assert assert_type(cloud_tasks.timeline(), str).endswith("queue work paused")
    assert [call.method for call in assert_type(cloud_tasks.rpcs, Sequence[RpcCall])] == ["create_task", "pause_queue"]


def test_context_manager_gives_the_handle() -> None:
    """FakeCloudTasks is its own context manager, and current() gives the same object."""
    with FakeCloudTasks(queues={"work": {}}, time="virtual", service={"burst_size": 1}) as entered:
        cloud_tasks = assert_type(entered, FakeCloudTasks)

        with cloud_tasks.expect_enqueued(queue="work") as tasks:
            enqueue(cloud_tasks)
        with pytest.raises(CloudTasksAssertionError):
            cloud_tasks.assert_nothing_enqueued()

        assert assert_type(current(), FakeCloudTasks) is cloud_tasks
        assert len(assert_type(tasks, list[TaskRecord])) == 1
