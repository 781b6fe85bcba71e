"""Tests of the data of a report's page."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._report import data as report_data
from pytest_cloudtasks._report import limits
from pytest_cloudtasks._report.limits import middle_of, share

from .stories import START, Enqueue, a_story, data_of


def texts_of(data: dict[str, Any]) -> list[str]:
    """Return the sentences of the events."""
    return [event["text"] for event in data["timeline"]["events"]]


def test_data_is_the_timelines_json_without_dates(enqueue: Enqueue) -> None:
    """The viewer gets the objects of timeline(format="json"), with offsets for instants."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/")
        enqueue("one", "https://a.test/", schedule_time=START + timedelta(seconds=5))
        cloud_tasks.drain()
        data = data_of(cloud_tasks)
        timeline = json.loads(cloud_tasks.timeline(format="json"))

    dated = {"at", "schedule_time", "deadline", "retry_at", "until"}
    events = [{key: value for key, value in event.items() if key not in dated} for event in timeline]
    for event in events:
        for pair in event.get("request", {}).get("headers", ()):
            if pair[0] == "X-CloudTasks-TaskETA":
                pair[1] = "+0:00:05"
    assert data["timeline"] == {"now": 5.0, "events": events}
    assert "2030" not in json.dumps(data)


def test_counts_are_of_every_class(enqueue: Enqueue) -> None:
    """Attempts are counted by the classes that the page distinguishes."""
    assert a_story(enqueue)["counts"] == {
        "tasks": 5,
        "attempts": 10,
        "classes": {
            "2xx": 3,
            "3xx": 1,
            "429": 1,
            "4xx": 1,
            "5xx": 2,
            "deadline exceeded": 1,
            "no response": 1,
        },
    }


def test_an_attempt_under_way_is_counted(enqueue: Enqueue) -> None:
    """A test may end before its handlers do."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/").takes(timedelta(minutes=1))
        enqueue("one", "https://a.test/")
        cloud_tasks.dispatch_due()
        assert data_of(cloud_tasks)["counts"]["classes"] == {"under way": 1}


def test_the_same_test_has_the_same_data(enqueue: Enqueue) -> None:
    """Another start time changes nothing: tokens, ETAs and messages contain no date."""

    def data(start: datetime) -> dict[str, Any]:
        with FakeCloudTasks(start=start, queues=["receipts"], show_secrets=True) as cloud_tasks:
            cloud_tasks.route("https://a.test/").returns(503, 200)
            token = {"service_account_email": "tasks@shop.test"}
            enqueue("one", "https://a.test/", oidc_token=token, schedule_time=start + timedelta(hours=1))
            cloud_tasks.drain()
            return data_of(cloud_tasks)

    assert data(START) == data(START + timedelta(days=1, seconds=7))


def test_of_too_many_attempts_the_middle_is_left_out(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has the first and the last attempts, and counts the others by their results."""
    monkeypatch.setattr(report_data, "ATTEMPTS", 4)
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(*[500] * 7, 429, 500, 200)
        enqueue("one", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    events = data["timeline"]["events"]
    kept = [event["attempt"] for event in events if event["event"] == "task_answered"]
    left_out = [(at, event["text"]) for at, event in enumerate(events) if event["event"] == "left_out"]
    assert kept == [1, 2, 9, 10]
    assert left_out == [(6, "6 attempts left out: 5 × 500 and 1 × 429")]
    assert data["counts"]["attempts"] == 10


def test_of_too_many_tasks_the_uneventful_are_left_out(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that simply succeeded are dropped first, and are counted."""
    monkeypatch.setattr(limits, "TASKS", 2)
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(200, 200, 500, 200, 200)
        for number in range(4):
            enqueue(f"task-{number}", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    assert {event["task"][-6:] for event in data["timeline"]["events"] if "task" in event} == {"task-0", "task-2"}
    assert texts_of(data).count("2 tasks left out: 2 succeeded; attempts: 2 × 200") == 1
    assert "task-1" in data["text"]


def test_a_task_that_is_left_out_is_not_blocked(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocked reasons are shown only for the tasks on the page."""
    monkeypatch.setattr(limits, "TASKS", 1)
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.client().pause_queue(name=cloud_tasks.queue_path("receipts"))
        enqueue("one")
        enqueue("two")
        data = data_of(cloud_tasks)

    assert texts_of(data)[2:] == [
        "receipts/one created: POST https://mailer.test/send",
        "1 task left out: 1 scheduled",
        "receipts/one blocked: the queue is paused",
    ]


def test_of_too_many_calls_the_middle_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count stands at the place of the calls that are left out."""
    monkeypatch.setattr(report_data, "CALLS", 2)
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        for _ in range(5):
            cloud_tasks.client().get_queue(name=cloud_tasks.queue_path("receipts"))
        data = data_of(cloud_tasks)

    assert texts_of(data)[1:] == ["get_queue receipts", "3 calls left out", "get_queue receipts"]


def test_a_long_timeline_is_cut_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without scripts shows the first and the last lines."""
    monkeypatch.setattr(report_data, "LINES", 3)
    with FakeCloudTasks(start=START) as cloud_tasks:
        for name in "abcde":
            cloud_tasks.create_queue(name)
        text = data_of(cloud_tasks)["text"]

    assert text.splitlines() == [
        "+0:00:00  queue a created",
        "+0:00:00  queue b created",
        "… 2 lines left out …",
        "+0:00:00  queue e created",
    ]


@pytest.mark.parametrize(
    ("counts", "total", "expected"),
    [([1, 1, 1], 10, 1), ([10, 1, 1], 8, 6), ([10, 10], 8, 4), ([], 5, 2), ([9] * 10, 5, 2)],
)
def test_a_share_leaves_small_tasks_whole(counts: list[int], total: int, expected: int) -> None:
    """Large tasks get what small tasks don't need, and each task keeps its first and last attempt."""
    assert share(counts, total) == max(2, expected)


def test_the_middle_is_what_is_left_out() -> None:
    """Nothing is left out if there is room for all."""
    assert middle_of([1, 2, 3], 3) == ()
    assert middle_of([1, 2, 3, 4, 5], 3) == [3, 4]


def test_an_unused_fake_has_an_empty_timeline() -> None:
    """The page's data has no events and no attempts."""
    with FakeCloudTasks() as cloud_tasks:
        data = data_of(cloud_tasks)

    assert data["timeline"] == {"now": 0, "events": []}
    assert data["counts"] == {"tasks": 0, "attempts": 0, "classes": {}}
