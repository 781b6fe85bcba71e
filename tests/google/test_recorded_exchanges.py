from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.protobuf import field_mask_pb2, json_format

from pytest_cloudtasks import FakeCloudTasks

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
ANSWERS = json.loads((RECORDED / "answers.json").read_text())["cases"]
STORED_FORMS = json.loads((RECORDED / "stored_forms.json").read_text())["cases"]
QUEUES = json.loads((RECORDED / "queues.json").read_text())

LOCATION = "projects/test-project/locations/us-central1"
QUEUE = f"{LOCATION}/queues/recorded"
TASK = f"{QUEUE}/tasks/recorded"
BEFORE: dict[str, dict[str, Any]] = {
    "create_queue": {"parent": LOCATION, "queue": {"name": QUEUE}},
    "delete_queue": {"name": QUEUE},
    "create_task": {"parent": QUEUE, "task": {"name": TASK, "http_request": {"url": "https://example.com/"}}},
    "delete_task": {"name": TASK},
}
"""The calls that came before a recorded one."""


@pytest.fixture
def fake() -> Iterator[FakeCloudTasks]:
    """A fake without queues."""
    with FakeCloudTasks() as fake:
        yield fake


def filled(recorded: Any, names: dict[str, str]) -> Any:
    """A recorded value with names in the place of its placeholders."""
    if isinstance(recorded, dict):
        return {key: filled(value, names) for key, value in recorded.items()}
    if isinstance(recorded, str):
        for placeholder, name in names.items():
            recorded = recorded.replace(placeholder, name)
    return recorded


def call(client: tasks_v2.CloudTasksClient, rpc: str, request: dict[str, Any]) -> Any:
    return getattr(client, rpc)(request=request)


def seen_by(fake: FakeCloudTasks) -> tuple[Any, ...]:
    """All that the service holds, as messages."""
    client = fake.client()
    queues = list(client.list_queues(parent=LOCATION))
    return queues, [task.message for task in fake.tasks()]


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case["case"])
def test_a_call_is_answered_as_recorded(fake: FakeCloudTasks, case: dict[str, Any]) -> None:
    """The real client gets the recorded code, text and links; a refused call has changed nothing."""
    client = tasks_v2.CloudTasksClient()
    for rpc in case["before"]:
        call(client, rpc, BEFORE[rpc])
    in_one_hour = (fake.clock.now() + timedelta(hours=1)).isoformat()
    names = {"{location}": LOCATION, "{queue}": QUEUE, "{task}": TASK, "{task_id}": "recorded"}
    request = filled(case["request"], {**names, "{in one hour}": in_one_hour.replace("+00:00", "Z")})
    before = seen_by(fake)
    if case["code"] == "OK":
        call(client, case["rpc"], request)
        assert seen_by(fake) != before
        return
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        call(client, case["rpc"], request)
    error = refused.value
    assert error.grpc_status_code is grpc.StatusCode[case["code"]]
    assert error.message == filled(case["message"], names)
    links = [{"description": link.description, "url": link.url} for detail in error.details for link in detail.links]
    assert links == case.get("help", [])
    assert seen_by(fake) == before


@pytest.mark.parametrize("case", [case for case in ANSWERS if case["rpc"] == "create_queue"], ids=lambda c: c["case"])
def test_a_refused_queue_is_refused_over_rest_too(fake: FakeCloudTasks, case: dict[str, Any]) -> None:
    """Over REST the recorded text follows verb and URL, the links are there, and the class is the recorded code's."""
    client = tasks_v2.CloudTasksClient(transport="rest")
    for rpc in case["before"]:
        call(client, rpc, BEFORE[rpc])
    request = filled(case["request"], {"{location}": LOCATION, "{queue}": QUEUE})
    if case["code"] == "OK":
        assert call(client, "create_queue", request).name == QUEUE
        return
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        call(client, "create_queue", request)
    error = refused.value
    assert error.message == f"POST https://cloudtasks.googleapis.com/v2/{LOCATION}/queues: {case['message']}"
    assert [link for detail in error.details for link in detail["links"]] == case.get("help", [])
    assert isinstance(error, exceptions.exception_class_for_grpc_status(grpc.StatusCode[case["code"]]).__base__)


@pytest.mark.parametrize("case", STORED_FORMS, ids=lambda case: case["case"])
def test_a_task_is_stored_as_recorded(fake: FakeCloudTasks, case: dict[str, Any]) -> None:
    """Headers come back as recorded in every view, and the body in the views that showed it."""
    client = tasks_v2.CloudTasksClient()
    call(client, "create_queue", BEFORE["create_queue"])
    target = {"headers": case["sent_headers"], "body": case["body"].encode()}
    if case["field"] == "http_request":
        target["url"] = "https://example.com/"
    created = call(
        client, "create_task", {"parent": QUEUE, "task": {"name": TASK, case["field"]: target}, "response_view": "FULL"}
    )
    shown = {
        "create_task FULL": created,
        "get_task FULL": call(client, "get_task", {"name": TASK, "response_view": "FULL"}),
        "get_task BASIC": call(client, "get_task", {"name": TASK, "response_view": "BASIC"}),
    }
    assert shown.keys() == case["body_shown_by"].keys()
    for answer, has_body in case["body_shown_by"].items():
        request = getattr(shown[answer], case["field"])
        assert dict(request.headers) == case["stored_headers"], answer
        assert request.body == (case["body"].encode() if has_body else b""), answer


def as_recorded(queue: tasks_v2.Queue) -> dict[str, Any]:
    """A queue in the JSON form of its message, without its name."""
    recorded = json_format.MessageToDict(queue._pb)
    del recorded["name"]
    return recorded


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_queues_defaults_are_the_recorded_ones(fake: FakeCloudTasks, transport: str) -> None:
    """A queue created from its name alone has the recorded settings, and nothing besides."""
    client = tasks_v2.CloudTasksClient(transport=transport)
    created = call(client, "create_queue", BEFORE["create_queue"])
    assert as_recorded(created) == QUEUES["created"]
    assert client.get_queue(name=QUEUE) == created


def test_a_queue_is_updated_as_recorded(fake: FakeCloudTasks) -> None:
    """The recorded update, with its nested paths and the state in its mask, gives the recorded queue."""
    client = tasks_v2.CloudTasksClient()
    call(client, "create_queue", BEFORE["create_queue"])
    recorded = QUEUES["updated"]
    queue = tasks_v2.Queue.from_json(json.dumps({**recorded["queue"], "name": QUEUE}))
    mask = field_mask_pb2.FieldMask()
    mask.FromJsonString(",".join(recorded["mask"]))
    updated = client.update_queue(queue=queue, update_mask=mask)
    assert as_recorded(updated) == recorded["stored"]
    assert client.get_queue(name=QUEUE) == updated


def test_a_queue_that_is_missing_is_so_as_recorded(fake: FakeCloudTasks) -> None:
    """The second recording has the same text for a missing queue; deleting a queue gives nothing back."""
    client = tasks_v2.CloudTasksClient()
    with pytest.raises(exceptions.NotFound) as missing:
        client.get_queue(name=QUEUE)
    assert missing.value.message == QUEUES["missing"]["message"]
    call(client, "create_queue", BEFORE["create_queue"])
    assert client.delete_queue(name=QUEUE) is None
    with pytest.raises(exceptions.NotFound) as gone:
        client.get_queue(name=QUEUE)
    assert gone.value.message == QUEUES["missing"]["message"]
