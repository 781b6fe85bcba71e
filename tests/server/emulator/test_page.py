"""Tests of the emulator's page: its document, its tables and its events. tests/slow/browser has tests in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pytest_cloudtasks._server.emulator.destinations import Destinations
from pytest_cloudtasks._server.emulator.log import Log
from pytest_cloudtasks._server.emulator.page.events import FIRST, TOGETHER, Feed
from pytest_cloudtasks._server.emulator.scheduler_loop import SchedulerLoop
from pytest_cloudtasks._server.emulator.sender import Sender
from pytest_cloudtasks._simulation.settings.settings import Settings
from tests.patience import PATIENCE

from .running import BASE, QUEUE, Emulator, Worker


def events_of(server: Emulator, **headers: str) -> Iterator[tuple[str, Any]]:
    """Yield the events that a client gets, by name, with their data."""
    url = f"{server.url}/control/events"
    with requests.get(url, stream=True, timeout=PATIENCE, headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


def until(events: Iterator[tuple[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events of the timeline up to the first one of a kind."""
    found: list[dict[str, Any]] = []
    for name, data in events:
        found += data["events"] if name == "events" else []
        if any(one["event"] == kind for one in found):
            break
    return found


def test_the_document(server: Emulator) -> None:
    """It is one file without data of the queues, runs only its own script, and can't be framed."""
    answer = requests.get(f"{server.url}/", timeout=PATIENCE)
    script = answer.text.partition('<script type="module">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"default-src 'none'; script-src 'sha256-{digest}';" in answer.text
    assert "connect-src 'self';" in answer.text
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "emails" not in answer.text


def test_the_page_answers_only_get(server: Emulator) -> None:
    """A POST to the page gets an error."""
    answer = requests.post(f"{server.url}/", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_the_overview_has_queues_and_a_page_of_tasks(server: Emulator, worker: Worker) -> None:
    """It has queues with state, counts and settings, and the newest tasks, up to the requested number."""
    for number in range(3):
        server.create({"name": f"{QUEUE}/tasks/task-{number}"})
    server.post("/control/wait")
    overview = server.get("/control/overview", limit="2", offset="1")

    (queue,) = overview["queues"]
    assert (queue["id"], queue["state"], queue["tasks"]) == ("emails", "running", {"succeeded": 3})
    assert queue["settings"] == [
        ["dispatches per second", "500"],
        ["burst", "100"],
        ["at once", "1000"],
        ["attempts", "100"],
        ["backoff", "0.1 s to 1 h"],
        ["doublings", "16"],
    ]
    assert [task["id"] for task in overview["tasks"]] == ["task-1", "task-0"]
    assert (overview["total"], overview["offset"]) == (3, 1)
    task = overview["tasks"][0]
    assert (task["method"], task["url"], task["attempts"], task["last"]) == ("POST", f"{BASE}/send", 1, 200)
    assert task["is_live"] is False


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"find": "TASK-1"}, ["task-1"]),
        ({"find": "worker.test/send"}, ["task-1", "task-0"]),
        ({"state": "exhausted"}, []),
        ({"state": "succeeded", "queue": QUEUE}, ["task-1", "task-0"]),
        ({"queue": "other"}, []),
    ],
    ids=str,
)
def test_the_overview_has_what_matches(
    server: Emulator, worker: Worker, fields: dict[str, str], found: list[str]
) -> None:
    """Filters take a part of the name or URL in any case, a state, or a queue."""
    for number in range(2):
        server.create({"name": f"{QUEUE}/tasks/task-{number}"})
    server.post("/control/wait")
    assert [task["id"] for task in server.get("/control/overview", **fields)["tasks"]] == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "state=gone",
            "state takes scheduled, dispatched, succeeded, exhausted, expired or deleted, but got 'gone'.",
        ),
        ("offset=-1", "offset takes a number of tasks from 0 to 999999999, but got '-1'."),
        ("limit=0", "limit takes a number of tasks from 1 to 999999999, but got '0'."),
        (
            "page=2",
            "/control/overview has no field 'page'. It takes queue, state, find, offset and limit.",
        ),
    ],
)
def test_a_wrong_overview(server: Emulator, query: str, message: str) -> None:
    """The error says what the field takes."""
    answer = requests.get(f"{server.url}/control/overview?{query}", timeout=PATIENCE)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == message


def test_events_come_as_they_happen(server: Emulator, worker: Worker) -> None:
    """A stream begins with past events and follows new ones, with requests and responses but without secrets."""
    events = events_of(server)
    name, begin = next(events)
    assert (name, begin["left_out"]) == ("begin", 0)
    assert set(begin) == {"now", "at", "origin", "left_out"}
    server.create({"name": f"{QUEUE}/tasks/one"}, headers={"X-Api-Key": "hunter2"})
    found = {one["event"]: one for one in until(events, "task_answered")}

    assert ["X-Api-Key", "•••"] in found["task_created"]["headers"]
    assert found["task_dispatched"]["request"]["url"] == f"{BASE}/send"
    assert ["X-Api-Key", "•••"] in found["task_dispatched"]["request"]["headers"]
    assert found["task_answered"]["result"] == 200
    assert found["task_answered"]["response"]["status"] == 200


def test_a_reset_begins_the_stream_anew(server: Emulator) -> None:
    """After a reset the stream has only the events of the new simulation."""
    events = events_of(server)
    assert next(events)[0] == "begin"
    server.post("/control/reset")
    assert "begin" in [name for name, _ in (next(events), next(events))]


def a_scheduler() -> SchedulerLoop:
    """Return a scheduler loop with the queue ``emails`` whose deliveries don't run."""
    settings = Settings(queues={"emails": {}})
    return SchedulerLoop(settings, Sender(Destinations()), Log("none", print))


def test_a_slow_stream_misses_events() -> None:
    """A slow stream gets the latest events, and the number of those that it missed."""
    scheduler = a_scheduler()
    feed = Feed(scheduler)
    list(feed.read())
    service, now = scheduler.simulation.service, scheduler.observe()
    for _ in range(FIRST // 2 + 5):
        service.pause_queue(now, QUEUE)
        service.resume_queue(now, QUEUE)
    sent = list(feed.read())

    assert sent[0] == ("missed", {"events": 10})
    assert [len(data["events"]) for name, data in sent if name == "events"] == [TOGETHER] * (FIRST // TOGETHER)
    assert list(feed.read()) == []


def test_a_stream_that_comes_late_begins_with_the_latest() -> None:
    """It has the number of earlier events."""
    scheduler = a_scheduler()
    service, now = scheduler.simulation.service, scheduler.observe()
    for _ in range(FIRST):
        service.pause_queue(now, QUEUE)
        service.resume_queue(now, QUEUE)
    (name, begin), *events = list(Feed(scheduler).read())

    assert (name, begin["left_out"]) == ("begin", FIRST + 2)
    assert sum(len(data["events"]) for _, data in events) == FIRST
