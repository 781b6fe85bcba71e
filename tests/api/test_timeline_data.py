"""The timeline as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
import time_machine
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._diagnostics.timeline import EVENTS, TEXTS, Call, Shown
from pytest_cloudtasks._diagnostics.timeline_json import _OF_TYPE
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._service.events import EventKind
from pytest_cloudtasks._simulation.history import Record

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
QUEUE = "projects/test-project/locations/us-central1/queues/receipts"
URL = "https://mailer.test/send"
TASK = {"queue": QUEUE, "task": f"{QUEUE}/tasks/one"}
Enqueue = Callable[..., str]
RETRY = {"min_backoff": "10s", "max_attempts": 2}
DETAILS = {
    *("text", "headers", "body", "dispatch_deadline", "request", "response", "message", "error", "timeout"),
    *("deadline", "deadline_offset", "status"),
}
pytestmark = pytest.mark.cloud_tasks(start=START, queues={"receipts": {"retry_config": RETRY}})


def told(cloud_tasks: FakeCloudTasks) -> list[dict[str, Any]]:
    """The timeline read back, without the creation of the queue, the texts, and what was stored, sent and answered."""
    found = json.loads(cloud_tasks.timeline(format="json"))[1:]
    return [{key: value for key, value in one.items() if key not in DETAILS} for one in found]


def at(seconds: float) -> dict[str, Any]:
    return {"at": (START + timedelta(seconds=seconds)).isoformat(), "offset": seconds}


def instant(name: str, seconds: float) -> dict[str, Any]:
    """An instant and its offset."""
    dated = {"schedule": "schedule_time", "retry": "retry_at"}[name]
    return {dated: (START + timedelta(seconds=seconds)).isoformat(), f"{name}_offset": seconds}


def test_a_story(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each event has its instant, its offset, its kind, and what applies to it."""
    cloud_tasks.route(URL).returns(503, 500).takes(timedelta(seconds=2))
    enqueue("one")
    cloud_tasks.drain()
    attempt = {**TASK, "attempt": 1, "forced": False}
    second = {**attempt, "attempt": 2}
    created = {"method": "POST", "url": URL, **instant("schedule", 0)}
    failed = {"succeeded": False, "dropped": False, "duration": 2}
    assert told(cloud_tasks) == [
        {**at(0), "event": "task_created", **TASK, **created},
        {**at(0), "event": "task_dispatched", **attempt, **instant("schedule", 0)},
        {**at(2), "event": "task_answered", **attempt, "result": 503, **failed, **instant("retry", 12)},
        {**at(12), "event": "task_dispatched", **second, **instant("schedule", 12)},
        {**at(14), "event": "task_answered", **second, "result": 500, **failed, "exhausted": "max_attempts 2"},
    ]


def test_calls_faults_and_what_is_held_back(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Calls are not folded; a task that is held back is an entry of its own, at the end."""
    client = CloudTasksClient()
    cloud_tasks.fail_rpc("list_tasks", "INTERNAL")
    cloud_tasks.delay_dispatch(timedelta(seconds=5))
    enqueue("one")
    for _ in range(2):
        client.get_queue(name=QUEUE)
    with suppress(GoogleAPICallError):
        client.list_tasks(parent=QUEUE)
    with suppress(GoogleAPICallError):
        client.get_task(name=f"{QUEUE}/tasks/two")
    client.pause_queue(name=QUEUE)
    cloud_tasks.advance(seconds=0.5)
    call = {**at(0), "event": "rpc", "queue": QUEUE}
    assert told(cloud_tasks)[2:] == [
        {**call, "rpc": "get_queue"},
        {**call, "rpc": "get_queue"},
        {**at(0), "event": "fault"},
        {**call, "task": f"{QUEUE}/tasks/two", "rpc": "get_task", "code": "NOT_FOUND"},
        {**at(0), "event": "queue_paused", "queue": QUEUE},
        {**at(0.5), "event": "blocked", **TASK, "reason": "PAUSED"},
    ]
    assert {one["event"] for one in told(cloud_tasks)[:2]} == {"fault", "task_created"}


def test_texts_are_those_of_the_timeline(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Without the offset; a dispatch that was answered at once is there, too."""
    cloud_tasks.route(URL)
    enqueue("one")
    cloud_tasks.dispatch_due()
    assert [one["text"] for one in json.loads(cloud_tasks.timeline(format="json"))] == [
        "queue receipts created",
        "receipts/one created: POST https://mailer.test/send",
        "receipts/one attempt 1 dispatched",
        "receipts/one attempt 1 → 200",
    ]


def test_a_clock_reset() -> None:
    """Instants are those of the new clock from there on, offsets count on."""
    with FakeCloudTasks() as cloud_tasks:
        cloud_tasks.create_queue("receipts")
        cloud_tasks.advance(seconds=30)
        with time_machine.travel(datetime(2020, 5, 1, tzinfo=timezone.utc), tick=False):
            cloud_tasks.advance(seconds=10)
            cloud_tasks.create_queue("reports")
        assert told(cloud_tasks) == [
            {"at": "2020-05-01T00:00:00+00:00", "offset": 30, "event": "clock_reset"},
            {
                "at": "2020-05-01T00:00:10+00:00",
                "offset": 40,
                "event": "queue_created",
                "queue": QUEUE.replace("receipts", "reports"),
            },
        ]


def test_nothing_has_happened() -> None:
    """It is an empty list."""
    with FakeCloudTasks() as cloud_tasks:
        assert cloud_tasks.timeline(format="json") == "[]"


def test_another_format_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """With the two that there are."""
    with pytest.raises(ValueError, match="timeline") as caught:
        cloud_tasks.timeline(format="jsno")  # type: ignore[arg-type]
    assert str(caught.value) == ("timeline() has the formats 'text' and 'json', but got 'jsno'. Did you mean 'json'?")


def test_every_kind_of_event_has_its_row() -> None:
    """The table of events is complete."""
    assert set(EVENTS) == set(EventKind)


def test_every_type_of_record_has_its_row() -> None:
    """Text and JSON have every type that the history can have; calls are folded before."""
    assert set(TEXTS) == set(_OF_TYPE) == set(get_args(Shown)) == {*get_args(Record), Call} - {IncomingCall}


def test_it_follows_its_schema(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The documented schema has every key that there is, and every event."""
    schema = json.loads((Path(__file__).parents[2] / "docs" / "timeline.schema.json").read_text("utf-8"))
    cloud_tasks.route(URL).returns(503, 200)
    enqueue("one", headers={"X-Google-Thing": "1"}, oidc_token={"service_account_email": "tasks@shop.test"})
    enqueue("two", "/send", app_engine_routing={"version": "v2"})
    cloud_tasks.client().get_queue(name=QUEUE)
    cloud_tasks.client().pause_queue(name=QUEUE)
    cloud_tasks.client().resume_queue(name=QUEUE)
    cloud_tasks.dispatch(f"{QUEUE}/tasks/one")
    found = json.loads(cloud_tasks.timeline(format="json"))
    kinds = {kind.name.lower() for kind in EventKind} | {"rpc", "fault", "clock_reset", "blocked", "left_out"}

    assert {key for event in found for key in event} <= set(schema["items"]["properties"])
    assert all(set(schema["items"]["required"]) <= set(event) for event in found)
    assert set(schema["items"]["properties"]["event"]["enum"]) == kinds


def test_requests_responses_and_calls_are_there(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What was stored, sent, answered and called, with secrets masked."""
    cloud_tasks.route(URL).returns(404)
    enqueue("one", body=b'{"order": 42}', headers={"X-Api-Key": "hunter2"})
    with suppress(GoogleAPICallError):
        CloudTasksClient().get_task(name=f"{QUEUE}/tasks/two", timeout=5)
    cloud_tasks.dispatch_due()
    created, call, dispatched, answered = json.loads(cloud_tasks.timeline(format="json"))[1:]

    assert ["X-Api-Key", "•••"] in created["headers"]
    assert created["body"] == '{\n  "order": 42\n}'
    assert created["dispatch_deadline"] == 600
    assert (created["schedule_offset"], dispatched["deadline_offset"]) == (0, 600)
    assert json.loads(call["message"]) == {"name": f"{QUEUE}/tasks/two"}
    assert (call["error"], call["timeout"]) == ("NOT_FOUND: Requested entity was not found.", 5)
    assert (dispatched["request"]["method"], dispatched["request"]["url"]) == ("POST", URL)
    assert ["X-Api-Key", "•••"] in dispatched["request"]["headers"]
    assert ["X-CloudTasks-TaskETA", "1893456000"] in dispatched["request"]["headers"]
    assert answered["response"] == {"status": 404, "headers": [], "body": ""}
    assert answered["status"] == "NOT_FOUND(5): HTTP status code 404"


def test_exceptions_of_handlers_are_there(enqueue: Enqueue) -> None:
    """An attempt that a handler's exception ended has its class and its text."""
    with FakeCloudTasks(queues=["receipts"], on_exception="500") as cloud_tasks:

        def broken(request: object) -> None:
            raise KeyError("order")

        cloud_tasks.route(URL, handler=broken)
        enqueue("one")
        cloud_tasks.dispatch_due()
        answered = json.loads(cloud_tasks.timeline(format="json"))[-1]

    assert (answered["result"], answered["exception"]) == (500, "KeyError: 'order'")
