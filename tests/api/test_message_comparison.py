"""What a failing comparison of Google's messages says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._diagnostics.diff import compared
from pytest_cloudtasks._messages.proto import proto_of
from pytest_cloudtasks._pytest.assertrepr import is_explained
from pytest_cloudtasks._simulation.records import Attempt, TaskRecord
from tests.each import each

QUEUE = "projects/p/locations/l/queues/receipts"
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]


def task(task_id: str = "one", **fields: Any) -> tasks_v2.Task:
    return tasks_v2.Task(name=f"{QUEUE}/tasks/{task_id}", **fields)


def test_only_what_differs_is_shown() -> None:
    """Fields of messages within by their path, names short, enums by name, times as such, JSON bodies by value."""
    one = {"url": "https://a.test/", "headers": {"X-A": "1", "X-B": "2"}, "body": b'{"order": 42, "items": [1]}'}
    other = {
        "url": "https://b.test/",
        "headers": {"X-A": "2"},
        "body": b'{"order": 42, "items": [2]}',
        "http_method": "PUT",
    }
    assert compared(
        task(http_request=one, schedule_time=START, dispatch_deadline=timedelta(seconds=90), dispatch_count=1),
        task("two", http_request=other, schedule_time=START + timedelta(hours=1), dispatch_count=1),
    ) == [
        "Task == Task",
        "                             left                       right",
        "name                         receipts/one               receipts/two",
        "http_request.url             'https://a.test/'          'https://b.test/'",
        "http_request.http_method     HTTP_METHOD_UNSPECIFIED    PUT",
        "http_request.headers['X-A']  '1'                        '2'",
        "http_request.headers['X-B']  '2'                        (not there)",
        "http_request.body.items[0]   1                          2",
        "schedule_time                2030-01-01 00:00:00+00:00  2030-01-01 01:00:00+00:00",
        "dispatch_deadline            1 min 30 s                 (not set)",
    ]


@pytest.fixture(autouse=True)
def _a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide enough for two instants next to a path."""
    monkeypatch.setenv("COLUMNS", "120")


def test_targets_of_two_kinds() -> None:
    """What one side lacks is not set there, and is shown in a line on the other."""
    assert compared(
        task(http_request={"url": "https://a.test/", "headers": {"A": "1"}, "body": b"\xff" * 100}),
        task(app_engine_http_request={"relative_uri": "/a", "http_method": "GET"}),
    ) == [
        "Task == Task",
        "                         left       right",
        "app_engine_http_request  (not set)  {http_method: GET, relative_uri: '/a'}",
        "http_request",
        "   left  {url: 'https://a.test/', headers: {'A': '1'}, body: b'" + r"\xff" * 32 + "'… (100 bytes)}",
        "  right  (not set)",
    ]


def test_bodies_that_are_no_json() -> None:
    """They are shown as they are, and so are two that are the same JSON."""
    assert compared(tasks_v2.HttpRequest(body=b"order"), tasks_v2.HttpRequest(body=b'"order"')) == [
        "HttpRequest == HttpRequest",
        "      left      right",
        "body  b'order'  b'\"order\"'",
    ]
    assert compared(tasks_v2.HttpRequest(body=b"[1]"), tasks_v2.HttpRequest(body=b"[1 ]")) == [
        "HttpRequest == HttpRequest",
        "      left    right",
        "body  b'[1]'  b'[1 ]'",
    ]


def test_names_of_two_projects_are_whole() -> None:
    """Short, they would be the same."""
    one, other = tasks_v2.Queue(name=QUEUE), tasks_v2.Queue(name=QUEUE.replace("/p/", "/q/"))
    assert compared(one, other) == [
        "Queue == Queue",
        "      left                                      right",
        f"name  '{QUEUE}'  'projects/q/locations/l/queues/receipts'",
    ]


def test_repeated_fields() -> None:
    """Item by item, with those that one side lacks."""
    one = tasks_v2.ListQueuesResponse(queues=[{"name": QUEUE}, {"name": f"{QUEUE}-2"}], next_page_token="a")
    other = tasks_v2.ListQueuesResponse(queues=[{"name": f"{QUEUE}-1"}])
    assert compared(one, other) == [
        "ListQueuesResponse == ListQueuesResponse",
        "                 left                right",
        "queues[0].name   receipts            receipts-1",
        "queues[1]        {name: receipts-2}  (not there)",
        "next_page_token  'a'                 ''",
    ]


def test_a_message_and_a_dict() -> None:
    """The dict is read as a message of the same type, on either side."""
    fields = {"name": f"{QUEUE}/tasks/two", "dispatch_deadline": timedelta(seconds=30)}
    table = ["                   left          right", "name               receipts/one  receipts/two"]
    assert compared(task(), fields) == ["Task == dict", *table, "dispatch_deadline  (not set)     30 s"]
    assert compared({"name": "x"}, task()) == ["dict == Task", "      left  right", "name  x     receipts/one"]


@each("other", [{"nmae": "x"}, {"name": 7}, "x", None, 7, [task()]])
def test_what_cannot_be_compared(other: object) -> None:
    """A dict with other fields, or another value, is left to pytest."""
    assert compared(task(), other) is None
    assert compared(other, task()) is None


def test_messages_of_protobuf() -> None:
    """They are compared in the same way."""
    assert compared(proto_of(task()), proto_of(task("two"))) == [
        "Task == Task",
        "      left          right",
        "name  receipts/one  receipts/two",
    ]


def test_messages_of_two_types() -> None:
    """No field of theirs is compared."""
    assert compared(task(), tasks_v2.Queue(name=QUEUE)) == [
        "Task == Queue",
        "Messages of different types are never equal: v2.Task and v2.Queue.",
    ]


@pytest.mark.cloud_tasks(start=START, queues=["receipts"])
def test_records(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A record is compared with another and with a message by its message, and the rule of its equality is shown."""
    enqueue("one")
    enqueue("two")
    one, two = cloud_tasks.tasks()
    table = ["      left          right", "name  receipts/one  receipts/two"]
    rule = "A record equals records of the same task and its own as_dict(). Compare its .message with a message."
    assert compared(one, two) == [
        "task receipts/one == task receipts/two",
        *table,
        "Records are equal only if they are of the same task; these are of two tasks. Compare their fields, or their"
        " .message.",
    ]
    assert compared(one, two.message) == ["task receipts/one == Task", *table, rule]
    assert compared(one.message, two) == ["Task == task receipts/two", *table, rule]
    assert compared(one, one.message) == ["task receipts/one == Task", "They have the same fields.", rule]


@pytest.mark.cloud_tasks(start=START, queues=["receipts"])
def test_records_and_dicts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A record is compared with a dict by its plain data, key by key."""
    cloud_tasks.route("*")
    enqueue("one")
    cloud_tasks.drain()
    record = cloud_tasks.assert_dispatched()
    (attempt,) = record.attempts
    assert record == record.as_dict()
    assert attempt.as_dict() == attempt
    assert compared(record, {**record.as_dict(), "state": "scheduled"}) == [
        "task receipts/one == dict",
        "       left         right",
        "state  'succeeded'  'scheduled'",
    ]
    assert compared({**attempt.as_dict(), "status": 503}, attempt) == [
        "dict == attempt 1 of receipts/one",
        "        left  right",
        "status  503   200",
    ]


def test_what_is_explained(cloud_tasks: FakeCloudTasks) -> None:
    """Google's messages for tasks and records of tasks, and nothing that only looks like them."""
    assert all(map(is_explained, (task(), proto_of(task()), tasks_v2.Queue(), tasks_v2.HttpRequest())))
    assert all(map(is_explained, (TaskRecord.__new__(TaskRecord), Attempt.__new__(Attempt))))
    assert not any(
        map(is_explained, (mock.MagicMock(), mock.MagicMock(spec=task()), tasks_v2.Task, {}, "", cloud_tasks))
    )
