"""What a report shows of a test, as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._report import limits as report_folding
from pytest_cloudtasks._report.data import report_data
from pytest_cloudtasks._report.limits import ends_of, share

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
RETRIES = {"retry_config": {"min_backoff": "10s", "max_attempts": 3}}
Enqueue = Callable[..., str]


def data_of(cloud_tasks: FakeCloudTasks) -> dict[str, Any]:
    simulation = cloud_tasks._resting
    data = report_data(simulation.history, simulation.service, simulation.clock, simulation.choices.replay)
    assert json.loads(json.dumps(data)) == data
    return data


def items_of(data: dict[str, Any], *kinds: str, queue: int = 0, task: int = 0) -> list[dict[str, Any]]:
    return [one for one in data["queues"][queue]["tasks"][task]["items"] if one["is"] in kinds]


def panel_of(data: dict[str, Any], number: int) -> dict[str, Any]:
    return {data["parts"][part][0]: data["parts"][part][1:] for part in data["panels"][number]["parts"]}


def test_every_class_of_attempt_has_a_kind_and_a_label(enqueue: Enqueue) -> None:
    """Status classes, deadline and no response are told apart by kind and by what the mark says."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        route = cloud_tasks.route("https://a.test/").returns(302, 404, 429, 503)
        route.raises(TimeoutError).raises(ConnectionError).returns(204)
        enqueue("one", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    shown = [(one["kind"], one["label"]) for one in items_of(data, "attempt")]
    assert shown == [
        ("other", "302"),
        ("client", "404"),
        ("throttled", "429"),
        ("server", "503"),
        ("deadline", "late"),
        ("none", "none"),
        ("ok", "204"),
    ]
    assert data["counts"]["attempts"] == 7
    assert data["counts"]["kinds"] == {kind: 1 for kind, _ in sorted(shown)}


def test_waits_lead_from_attempt_to_attempt_and_to_the_end(enqueue: Enqueue) -> None:
    """A delay, two backoffs and the last failure, at their offsets."""
    with FakeCloudTasks(start=START, queues={"receipts": RETRIES}) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(500)
        enqueue("one", "https://a.test/", schedule_time=START + timedelta(seconds=60))
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    second = 1_000_000_000
    assert [(one["at"] // second, one["until"] // second, one["name"]) for one in items_of(data, "line")] == [
        (0, 60, "scheduled 1 min ahead"),
        (60, 70, "retry in 10 s"),
        (70, 90, "retry in 20 s"),
    ]
    assert [(one["at"] // second, one["name"]) for one in items_of(data, "mark")] == [(90, "exhausted: max_attempts 3")]
    assert data["queues"][0]["tasks"][0]["state"] == "exhausted"


def test_a_paused_queue_has_a_span_and_says_why_its_task_waits(enqueue: Enqueue) -> None:
    """One span ended, one goes on; the task that is due is held back to the end of the test."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        client, queue = cloud_tasks.client(), cloud_tasks.queue_path("receipts")
        cloud_tasks.advance(seconds=10)
        client.pause_queue(name=queue)
        cloud_tasks.advance(days=3)
        client.resume_queue(name=queue)
        client.pause_queue(name=queue)
        enqueue("one")
        client.purge_queue(name=queue)
        enqueue("two")
        cloud_tasks.advance(seconds=5)
        data = data_of(cloud_tasks)

    queue_data = data["queues"][0]
    assert queue_data["state"] == "paused"
    assert [(one["name"], one["open"]) for one in queue_data["spans"]] == [
        ("paused from +0:00:10 to +3d 0:00:10", False),
        ("paused from +3d 0:00:10 to +3d 0:00:15", True),
    ]
    assert [one["label"] for one in queue_data["items"]] == ["created", "paused", "resumed", "paused", "purged"]
    assert [one["name"] for one in items_of(data, "line", task=1)] == ["blocked: the queue is paused"]
    assert [one["name"] for one in items_of(data, "mark")] == ["gone with its queue's tasks at +3d 0:00:10"]


def test_a_task_that_is_to_come_has_its_instant(enqueue: Enqueue) -> None:
    """What is scheduled past the end of the test stands on the axis, too."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        enqueue("one", schedule_time=START + timedelta(hours=2))
        data = data_of(cloud_tasks)

    assert [one["name"] for one in items_of(data, "due")] == ["due at +2:00:00"]
    assert data["now"] == 0


def test_details_have_request_and_answer(enqueue: Enqueue) -> None:
    """The panel of an attempt: its course, what was sent, what came back; a body that is sent twice is kept once."""
    with FakeCloudTasks(start=START, queues={"receipts": RETRIES}) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(503, 200).takes(timedelta(seconds=2))
        enqueue("one", "https://a.test/", body=b'{"order": 42}', headers={"Content-Type": "application/json"})
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    first, second = items_of(data, "attempt")
    assert first["name"] == "receipts/one, attempt 1: 503 at +0:00:00, took 2 s"
    panel = panel_of(data, first["detail"])
    assert data["panels"][first["detail"]]["title"] == "receipts/one, attempt 1"
    assert panel["Attempt"][0] == [
        ["result", "503"],
        ["response_status", "UNAVAILABLE(14): HTTP status code 503"],
        ["scheduled for", "+0:00:00"],
        ["dispatched", "+0:00:00"],
        ["ended", "+0:00:02"],
        ["duration", "2 s"],
        ["then", "retry at +0:00:12"],
    ]
    assert panel["Request"][0][0] == ["POST", "https://a.test/"]
    assert ["Content-Type", "application/json"] in panel["Request"][0]
    assert ["X-CloudTasks-TaskETA", "+0:00:00"] in panel["Request"][0]
    assert panel["Request body"] == [[], '{\n  "order": 42\n}']
    assert panel["Answer"][0] == [["status", "503"]]
    assert panel_of(data, second["detail"])["Request body"] == panel["Request body"]
    assert [part[0] for part in data["parts"]].count("Request body") == 1


def test_details_have_headers_that_do_not_arrive(enqueue: Enqueue) -> None:
    """The panel of a task says what becomes of each; one whose headers are kept has no such part."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        enqueue("one", headers={"X-Google-Thing": "1", "X-Tenant": "acme"})
        enqueue("two")
        data = data_of(cloud_tasks)

    one, two = (panel_of(data, task["detail"]) for queue in data["queues"] for task in queue["tasks"])
    changes = [["X-Google-Thing", "is dropped: names that begin with X-Google are reserved"]]
    assert one["Headers that don't arrive as given"] == [changes, ""]
    assert "Headers that don't arrive as given" not in two


def test_details_of_an_app_engine_task_have_its_routing(enqueue: Enqueue) -> None:
    """The panel of the task has its service and version, beside the URL."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        enqueue("one", "/send", app_engine_routing={"version": "v2"})
        data = data_of(cloud_tasks)

    (number,) = (number for number, panel in enumerate(data["panels"]) if panel["title"] == "receipts/one")
    panel = panel_of(data, number)
    assert panel["Task"][0][-3:] == [["dispatch deadline", "10 min"], ["service", "default"], ["version", "v2"]]
    assert panel["Request as stored"][0][0] == ["POST", "http://v2.test-project.uc.r.appspot.com/send"]


def test_calls_and_faults_have_marks(enqueue: Enqueue) -> None:
    """Calls of one RPC in a row are one mark, refused ones are marked, and a planned fault is beside them."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        for _ in range(7):
            enqueue()
        with pytest.raises(NotFound):
            cloud_tasks.client().pause_queue(name=cloud_tasks.queue_path("nowhere"))
        cloud_tasks.fail_rpc("create_task", "INTERNAL")
        with pytest.raises(Exception, match="500"):
            enqueue()
        data = data_of(cloud_tasks)

    assert [(one["is"], one["label"]) for one in data["calls"]] == [
        ("call", "create ×7"),
        ("call", "pause !"),
        ("call", "create !"),
        ("fault", "fault"),
    ]
    panel = data["panels"][data["calls"][0]["detail"]]
    assert panel["title"] == "create_task ×7"
    assert len(panel["parts"]) == 6
    assert data["parts"][panel["parts"][-1]][0] == "… and 2 more"
    refused = panel_of(data, data["calls"][1]["detail"])["pause_queue"]
    assert [key for key, _ in refused[0] if key != "time-out"] == ["at", "error"]  # older clients have none by default
    assert refused[0][-1][1] == (
        "NOT_FOUND: Queue does not exist. If you just created the queue, wait at least a minute for the queue to"
        " initialize."
    )
    assert data["calls"][3]["name"] == "fault at +0:00:00: create_task → INTERNAL by fail_rpc()"


def test_rows_say_what_the_timeline_says(enqueue: Enqueue) -> None:
    """The table has the words of the timeline, and the details of its attempts."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/")
        enqueue("one", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)
        timeline = cloud_tasks.timeline()

    assert "\n".join(f"{row['at']}  {row['text']}" for row in data["rows"]) == timeline
    assert data["rows"][-1]["label"] == "200"
    assert data["rows"][-1]["detail"] == items_of(data, "attempt")[0]["detail"]


def test_many_attempts_of_a_task_are_folded_in_the_middle(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the last are drawn, the others counted by their results, in the table as well."""
    monkeypatch.setattr("pytest_cloudtasks._report.data.share", lambda counts: share(counts, 4))
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(*[500] * 7, 429, 500, 200)
        enqueue("one", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    assert [one["label"] for one in items_of(data, "attempt", "fold")] == ["500", "500", "6 more", "500", "200"]
    assert [one["name"] for one in items_of(data, "fold")] == ["6 attempts left out: 5 × 500 and 1 × 429"]
    assert len([row for row in data["rows"] if "label" in row]) == 4
    assert data["counts"]["attempts"] == 10


def test_of_too_many_tasks_the_uneventful_are_left_out(enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that just succeeded make room for those that did not, and are counted."""
    monkeypatch.setattr(report_folding, "TASKS", 2)
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(200, 200, 500, 200, 200)
        for number in range(4):
            enqueue(f"task-{number}", "https://a.test/")
        cloud_tasks.drain()
        data = data_of(cloud_tasks)

    assert [task["id"] for task in data["queues"][0]["tasks"]] == ["task-0", "task-2"]
    assert data["queues"][0]["left_out"] == "2 tasks left out: 2 succeeded; attempts: 2 × 200"
    assert not [row for row in data["rows"] if "task-1" in row["text"]]


@pytest.mark.parametrize(
    ("counts", "total", "expected"),
    [([1, 1, 1], 10, 1), ([10, 1, 1], 8, 6), ([10, 10], 8, 4), ([], 5, 2), ([9] * 10, 5, 2)],
)
def test_a_share_leaves_small_tasks_whole(counts: list[int], total: int, expected: int) -> None:
    """What small tasks don't need is for the large ones, and none has fewer than its first and its last."""
    assert share(counts, total) == max(2, expected)


def test_ends_are_the_first_and_the_last() -> None:
    """The middle is what is left out, if anything is."""
    assert ends_of([1, 2, 3], 3) == ([1, 2, 3], (), ())
    assert ends_of([1, 2, 3, 4, 5], 3) == ([1, 2], [3, 4], [5])


def test_a_clock_that_is_reset_keeps_the_offsets_growing(enqueue: Enqueue) -> None:
    """Between tasks the test sets another date; what comes then counts on from the time that had passed."""
    import time_machine

    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/")
        enqueue("one", "https://a.test/")
        cloud_tasks.advance(seconds=30)
        with time_machine.travel(START, tick=False):
            enqueue("two", "https://a.test/", schedule_time=START + timedelta(seconds=10))
            cloud_tasks.drain()
            data = data_of(cloud_tasks)

    assert [one["at"] for one in items_of(data, "created", "attempt", task=1)] == [30_000_000_000, 40_000_000_000]
    shown = panel_of(data, data["calls"][1]["detail"])["create_task"][1]
    assert json.loads(shown)["task"]["schedule_time"] == "+0:00:40"


def test_an_unused_fake_has_an_empty_report() -> None:
    """There is nothing to show."""
    with FakeCloudTasks() as cloud_tasks:
        data = data_of(cloud_tasks)

    assert (data["rows"], data["calls"], data["queues"], data["now"]) == ([], [], [], 0)


def test_the_newest_client_is_not_needed() -> None:
    """Messages are read by their descriptors alone: v2's are shown as any other."""
    with FakeCloudTasks(start=START) as cloud_tasks:
        cloud_tasks.client().create_queue(
            parent="projects/test-project/locations/us-central1",
            queue=tasks_v2.Queue(name=cloud_tasks.queue_path("fresh")),
        )
        data = data_of(cloud_tasks)

    shown = panel_of(data, data["calls"][0]["detail"])["create_queue"][1]
    assert json.loads(shown)["queue"] == {"name": "projects/test-project/locations/us-central1/queues/fresh"}
