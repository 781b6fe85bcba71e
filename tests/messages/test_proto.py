"""The two forms of messages: protobuf's own, and the library's around them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from google.cloud import tasks_v2
from google.protobuf import duration_pb2, message_factory, timestamp_pb2
from google.rpc import status_pb2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._messages.backported_types import class_of
from pytest_cloudtasks._messages.proto import (
    built,
    is_message,
    parsed_as,
    proto_class,
    proto_of,
    protos_within,
    wrapped,
)

RAW_QUEUE = tasks_v2.Queue.pb(None)
RAW_TASK = tasks_v2.Task.pb(None)
AT = datetime(2031, 1, 1, 12, tzinfo=timezone.utc)


def test_both_forms_of_a_class_lead_to_protobufs() -> None:
    """The library's class and protobuf's own have the same class behind them."""
    assert proto_class(tasks_v2.Queue) is proto_class(RAW_QUEUE) is RAW_QUEUE


def test_a_message_and_what_is_behind_it() -> None:
    """It is the same message, not a copy; and it is shown as the class that is asked for has it."""
    message = RAW_QUEUE(name="q")
    queue = wrapped(tasks_v2.Queue, message)
    assert type(queue) is tasks_v2.Queue
    assert proto_of(queue) is proto_of(message) is wrapped(RAW_QUEUE, message) is message


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (tasks_v2.Queue(), True),
        (RAW_QUEUE(), True),
        (tasks_v2.Queue, False),
        (duration_pb2.Duration(), False),
        ({"name": "q"}, False),
        (None, False),
    ],
    ids=["the library's", "protobuf's", "class", "of another package", "dict", "none"],
)
def test_googles_messages_for_tasks_are_reported(value: Any, is_one: bool) -> None:
    """In either form; other packages' classes and messages don't count."""
    assert is_message(value) is is_one


def test_messages_are_found_at_any_depth() -> None:
    """Dicts, lists and tuples are searched; everything else stays as it is."""
    queue = tasks_v2.Queue(name="q")
    found = protos_within({"a": [{"b": queue}, (queue,)], "c": "text", "d": b"bytes"})
    assert found == {"a": [{"b": proto_of(queue)}, [proto_of(queue)]], "c": "text", "d": b"bytes"}
    assert found["a"][0]["b"] is proto_of(queue)


@pytest.mark.parametrize("kind", [tasks_v2.Queue, RAW_QUEUE], ids=["the library's", "protobuf's"])
def test_a_queue_is_built_alike_by_both(kind: Any) -> None:
    """Texts and timedeltas are durations, enums come by name, and nested messages work, in either library."""
    fields = {
        "name": "q",
        "state": "PAUSED",
        "purge_time": AT,
        "rate_limits": {"max_concurrent_dispatches": 2},
        "retry_config": {
            "max_attempts": 3,
            "min_backoff": "0.5s",
            "max_backoff": timedelta(minutes=1),
            "max_retry_duration": duration_pb2.Duration(seconds=7),
        },
    }
    message = built(kind, fields)
    assert type(message) is RAW_QUEUE
    assert (message.name, message.state, message.purge_time.ToSeconds()) == ("q", 2, int(AT.timestamp()))
    config = message.retry_config
    assert (config.max_attempts, message.rate_limits.max_concurrent_dispatches) == (3, 2)
    assert [one.ToTimedelta() for one in (config.min_backoff, config.max_backoff, config.max_retry_duration)] == [
        timedelta(seconds=0.5),
        timedelta(minutes=1),
        timedelta(seconds=7),
    ]


def test_maps_and_instants_of_protobufs_own() -> None:
    """A map is a dict, and an instant may also be a text."""
    request = {"url": "https://worker.test/", "headers": {"schedule_time": "1s"}}
    message = built(RAW_TASK, {"http_request": request, "schedule_time": "2031-01-01T12:00:00Z"})
    assert dict(message.http_request.headers) == {"schedule_time": "1s"}
    assert message.schedule_time == timestamp_pb2.Timestamp(seconds=int(AT.timestamp()))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"colour": "red"}, ValueError),
        ({"retry_config": {"colour": "red"}}, ValueError),
        ({"retry_config": {"min_backoff": "soon"}}, ValueError),
        ({"retry_config": "patient"}, TypeError),
        ({"state": "ASLEEP"}, ValueError),
    ],
)
def test_what_protobuf_does_not_know_it_rejects(fields: dict[str, Any], error: type[Exception]) -> None:
    """Unknown fields, labels and texts are protobuf's own errors."""
    with pytest.raises(error):
        built(RAW_QUEUE, fields)


@pytest.mark.parametrize(
    "message",
    [tasks_v2.GetTaskRequest(name="t"), tasks_v2.GetTaskRequest.pb(None)(name="t"), status_pb2.Status(code=5)],
)
def test_a_message_is_restored_from_its_bytes(message: Any) -> None:
    """It is another of the same class and content, wrapped or not."""
    again = parsed_as(type(message), proto_of(message).SerializeToString())
    assert (type(again), again) == (type(message), message)
    assert again is not message


@pytest.mark.cloud_tasks(queues=["a", "b", "c", "d", "e"])
@pytest.mark.parametrize("transport", ["grpc", "rest", "grpc_asyncio"])
def test_every_page_is_on_record_with_its_own_token(cloud_tasks: FakeCloudTasks, transport: str) -> None:
    """The calls of one listing are kept as they arrived, whatever the pager did to its request afterwards."""
    request = {"parent": "projects/test-project/locations/us-central1", "page_size": 2}

    async def listed() -> int:
        pager = await tasks_v2.CloudTasksAsyncClient().list_queues(request=request)
        return len([queue async for queue in pager])

    if transport == "grpc_asyncio":
        assert asyncio.run(listed()) == 5
    else:
        assert len(list(tasks_v2.CloudTasksClient(transport=transport).list_queues(request=request))) == 5
    tokens = [call.request.page_token for call in cloud_tasks.rpcs]
    assert tokens == ["", *[call.result.next_page_token for call in cloud_tasks.rpcs][:3]]
    assert len(set(tokens)) == 4


def test_an_older_protobuf_makes_classes_by_a_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 4.22, out of the pool that the descriptor is in."""

    def factory(pool: object) -> SimpleNamespace:
        return SimpleNamespace(GetPrototype=lambda descriptor: (pool, descriptor))

    assert class_of(RAW_QUEUE.DESCRIPTOR) is RAW_QUEUE
    monkeypatch.delattr(message_factory, "GetMessageClass", raising=False)
    monkeypatch.setattr(message_factory, "MessageFactory", factory, raising=False)
    assert class_of(RAW_QUEUE.DESCRIPTOR) == (RAW_QUEUE.DESCRIPTOR.file.pool, RAW_QUEUE.DESCRIPTOR)
