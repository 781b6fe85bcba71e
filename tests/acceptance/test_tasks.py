from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2 import CloudTasksClient, HttpMethod, Task
from google.protobuf import duration_pb2, timestamp_pb2

from pytest_cloudtasks import FakeCloudTasks, TaskState

URL = "https://worker.test/"


def test_a_created_task_has_what_the_server_adds(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str
) -> None:
    """An unnamed task gets a name of digits, now for its times, ten minutes for its deadline, and no body in BASIC."""
    task = client.create_task(parent=queue, task={"http_request": {"url": URL, "body": b"x", "headers": {"a": "b"}}})
    assert task.name.startswith(f"{queue}/tasks/")
    assert task.name.rpartition("/")[2].isdigit()
    assert task.schedule_time == task.create_time == cloud_tasks.clock.now()
    assert task.dispatch_deadline == timedelta(minutes=10)
    assert task.view == Task.View.BASIC
    assert task.http_request.body == b""
    assert dict(task.http_request.headers) == {"a": "b", "User-Agent": "Google-Cloud-Tasks"}
    assert task.http_request.http_method == HttpMethod.POST
    assert (task.dispatch_count, task.response_count) == (0, 0)


def test_views(client: CloudTasksClient, queue: str) -> None:
    """FULL shows the body, BASIC and an unset view don't, in CreateTask, GetTask and ListTasks."""
    full, basic = Task.View.FULL, Task.View.BASIC
    created = client.create_task(
        request={"parent": queue, "task": {"http_request": {"url": URL, "body": b"x"}}, "response_view": full}
    )
    assert (created.http_request.body, created.view) == (b"x", full)
    for view, body in ((full, b"x"), (basic, b""), (Task.View.VIEW_UNSPECIFIED, b"")):
        assert client.get_task(request={"name": created.name, "response_view": view}).http_request.body == body
        (listed,) = client.list_tasks(request={"parent": queue, "response_view": view})
        assert listed.http_request.body == body
        assert listed.view == (full if view == full else basic)


def shapes(queue: str) -> dict[str, Any]:
    task = {"http_request": {"http_method": "POST", "url": URL, "body": b"{}"}}
    typed = Task(http_request=tasks_v2.HttpRequest(http_method=HttpMethod.POST, url=URL, body=b"{}"))
    return {
        "a request dict": lambda client: client.create_task({"parent": queue, "task": task}),
        "request=dict": lambda client: client.create_task(request={"parent": queue, "task": task}),
        "flattened dicts": lambda client: client.create_task(parent=queue, task=task),
        "flattened messages": lambda client: client.create_task(parent=queue, task=typed),
        "a typed request": lambda client: client.create_task(tasks_v2.CreateTaskRequest(parent=queue, task=typed)),
        "request=typed": lambda client: client.create_task(
            request=tasks_v2.CreateTaskRequest(parent=queue, task=typed)
        ),
        "headers as pairs": lambda client: client.create_task(
            parent=queue, task={"http_request": {"url": URL, "body": b"{}", "headers": [("a", "b")]}}
        ),
        "policies": lambda client: client.create_task(
            parent=queue, task=task, retry=None, timeout=4.0, metadata=[("a", "b")]
        ),
    }


@pytest.mark.parametrize("shape", shapes(""))
def test_every_shape_of_a_call(cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str, shape: str) -> None:
    """Dicts, messages, request objects and flattened arguments all make the same task."""
    task = shapes(queue)[shape](client)
    record = cloud_tasks.assert_enqueued(queue="work", url=URL, method="POST", json={})
    assert record.name == task.name


def test_googles_own_argument_checks_are_in_play(cloud_tasks: FakeCloudTasks, client: CloudTasksClient) -> None:
    """A request together with flattened arguments, and a misspelt field, are rejected by Google's code."""
    with pytest.raises(ValueError, match="If the `request` argument is set"):
        client.create_task(request={"parent": "x"}, parent="y")
    with pytest.raises(ValueError, match="ulr"):
        client.create_task(parent="x", task={"http_request": {"ulr": URL}})
    assert cloud_tasks.rpcs == []


@pytest.mark.parametrize("form", ["datetime", "timestamp", "text"])
def test_schedule_times_in_every_form(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str, form: str
) -> None:
    """A schedule time may be a datetime, a Timestamp or RFC 3339 text; the task waits for it."""
    at = datetime.now(timezone.utc) + timedelta(hours=2)
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(at)
    schedule_time = {"datetime": at, "timestamp": stamp, "text": at.isoformat()}[form]
    task = client.create_task(parent=queue, task={"http_request": {"url": URL}, "schedule_time": schedule_time})
    assert task.schedule_time == at
    cloud_tasks.assert_enqueued(at=at, delay=timedelta(hours=2))


@pytest.mark.parametrize("deadline", [timedelta(minutes=5), duration_pb2.Duration(seconds=300), "300s"])
def test_dispatch_deadlines_in_every_form(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str, deadline: Any
) -> None:
    """A dispatch deadline may be a timedelta, a Duration or text."""
    client.create_task(parent=queue, task={"http_request": {"url": URL}, "dispatch_deadline": deadline})
    cloud_tasks.assert_enqueued(deadline=timedelta(minutes=5))


def test_names_are_unique_while_alive_and_for_a_day_after(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str
) -> None:
    """A live duplicate and a recent name are both ALREADY_EXISTS, with different texts; then the name is free."""
    cloud_tasks.route(URL)
    task = {"name": f"{queue}/tasks/receipt-42", "http_request": {"url": URL}}
    client.create_task(parent=queue, task=task)
    with pytest.raises(exceptions.Conflict) as live:
        client.create_task(parent=queue, task=task)
    assert live.value.message.endswith("Requested entity already exists")
    cloud_tasks.drain()
    with pytest.raises(exceptions.Conflict) as recent:
        client.create_task(parent=queue, task=task)
    assert "a task with this name existed too recently" in recent.value.message
    cloud_tasks.advance(hours=24)
    assert client.create_task(parent=queue, task=task).name == task["name"]


def test_a_task_that_is_gone(cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str) -> None:
    """GetTask has different errors for a recent task and for one that never existed; DeleteTask and RunTask have the
    same.
    """
    name = client.create_task(parent=queue, task={"http_request": {"url": URL}}).name
    client.delete_task(name=name)
    with pytest.raises(exceptions.NotFound) as recent:
        client.get_task(name=name)
    assert recent.value.message.endswith(
        "The task no longer exists, though a task with this name existed recently. The task either successfully"
        " completed or was deleted."
    )
    for call in (client.get_task, client.delete_task, client.run_task):
        with pytest.raises(exceptions.NotFound) as never:
            call(name=f"{queue}/tasks/never")
        assert never.value.message.endswith("Requested entity was not found.")
    cloud_tasks.assert_empty()


def test_list_tasks_pages(client: CloudTasksClient, queue: str) -> None:
    """Tasks come in pages through Google's pager, and a token stays right while tasks go."""
    names = [client.create_task(parent=queue, task={"http_request": {"url": URL}}).name for _ in range(5)]
    assert [task.name for task in client.list_tasks(request={"parent": queue, "page_size": 2})] == names
    first = next(iter(client.list_tasks(request={"parent": queue, "page_size": 2}).pages))
    client.delete_task(name=names[0])
    rest = client.list_tasks(request={"parent": queue, "page_token": first.next_page_token})
    assert [task.name for task in rest] == names[2:]


def test_run_task_runs_past_pause_and_schedule(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str
) -> None:
    """RunTask begins an attempt at once; its answer shows the schedule time alone, and success ends the task."""
    route = cloud_tasks.route(URL)
    task = client.create_task(
        parent=queue,
        task={"http_request": {"url": URL}, "schedule_time": datetime.now(timezone.utc) + timedelta(days=1)},
    )
    client.pause_queue(name=queue)
    running = client.run_task(name=task.name)
    assert running.dispatch_count == 1
    assert "first_attempt" not in running
    assert "dispatch_time" not in running.last_attempt
    assert running.last_attempt.schedule_time == running.schedule_time == task.schedule_time
    assert route.calls == []
    cloud_tasks.dispatch_due()
    assert len(route.calls) == 1
    assert cloud_tasks.clock.elapsed == timedelta(0)
    cloud_tasks.assert_empty()


def test_a_failed_run_is_retried_one_backoff_after_the_response(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, parent: str
) -> None:
    """After RunTask the retry delay counts from the end of the attempt, as after any other."""
    queue = cloud_tasks.create_queue("slow", retry_config={"min_backoff": "60s"}).name
    cloud_tasks.route(URL).returns(500).takes(timedelta(seconds=10))
    task = client.create_task(parent=queue, task={"http_request": {"url": URL}})
    client.pause_queue(name=queue)
    called_at = cloud_tasks.clock.now()
    client.run_task(name=task.name)
    cloud_tasks.advance(seconds=20)
    assert client.get_task(name=task.name).schedule_time == called_at + timedelta(seconds=70)


def test_run_task_during_an_attempt(cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str) -> None:
    """RunTask on a running task gives two attempts in flight; the first success ends it, the other is dropped."""
    route = cloud_tasks.route(URL).takes(timedelta(seconds=10))
    task = client.create_task(parent=queue, task={"http_request": {"url": URL}})
    cloud_tasks.dispatch_due()
    cloud_tasks.advance(seconds=5)
    client.run_task(name=task.name)
    cloud_tasks.dispatch_due()
    (record,) = cloud_tasks.tasks()
    assert [attempt.code for attempt in record.attempts] == [None, None]
    cloud_tasks.drain()
    assert len(route.calls) == 2
    assert record.state is TaskState.SUCCEEDED
    assert (
        cloud_tasks.timeline()
        .splitlines()[-1]
        .endswith("attempt 2 (forced) → 200 after 10 s, dropped: the task had succeeded")
    )


def test_app_engine_tasks_are_stored_with_their_host_and_headers(client: CloudTasksClient, queue: str) -> None:
    """An App Engine task gains the recorded headers and a host, and no deadline of its own."""
    task = client.create_task(
        parent=queue, task={"app_engine_http_request": {"relative_uri": "/work", "body": b"{}", "headers": {"a": "b"}}}
    )
    request = task.app_engine_http_request
    assert dict(request.headers) == {
        "a": "b",
        "Content-Length": "2",
        "Content-Type": "application/octet-stream",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
    }
    assert request.app_engine_routing.host == "test-project.uc.r.appspot.com"
    assert "dispatch_deadline" not in task


def test_a_tasks_own_retry_config_wins(cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str) -> None:
    """Where the installed library has Task.retry_config, it replaces the queue's."""
    if "retry_config" not in Task.pb(None).DESCRIPTOR.fields_by_name:
        return
    cloud_tasks.route(URL).returns(500)
    client.create_task(
        parent=queue,
        task={"http_request": {"url": URL}, "retry_config": {"max_attempts": 2, "min_backoff": "5s"}},
    )
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.exhausted) == (2, 1)
    assert cloud_tasks.clock.elapsed == timedelta(seconds=5)


def test_rejected_calls_change_nothing(cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str) -> None:
    """A rejected CreateTask leaves no task and no name behind; timeline and log have the call and its error."""
    before = cloud_tasks.timeline()
    with pytest.raises(exceptions.BadRequest):
        client.create_task(parent=queue, task={"http_request": {"url": "ftp://a.test/"}})
    cloud_tasks.assert_nothing_enqueued()
    assert cloud_tasks.timeline().removeprefix(before).split("  ")[1:] == ["create_task work → INVALID_ARGUMENT"]
    assert cloud_tasks.rpcs[-1].method == "create_task"
    assert cloud_tasks.rpcs[-1].error is not None
    assert cloud_tasks.rpcs[-1].result is None
