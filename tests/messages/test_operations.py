"""Batches as long-running operations."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from google.cloud.tasks_v2 import types
from google.protobuf import empty_pb2

from pytest_cloudtasks._messages.tasks import Messages
from pytest_cloudtasks._messages.versioned_rpcs import message_of
from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.batches import BatchKind, Operation
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Task, TaskSpec

NOW = 1_900_000_000_000_000_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
messages = Messages(types)


def task() -> Task:
    service = Service(lambda: "00000000000000000001")
    service.create_queue(NOW, LOCATION, QUEUE, {})
    return service.create_task(NOW, QUEUE, TaskSpec(HttpTarget("https://app.test/", body=b"abc")))


def operation(kind: BatchKind, created: dict[int, Task], *failed: int, size: int = 2) -> Operation:
    made = Operation(f"{LOCATION}/operations/o", kind, size, NOW, "google.cloud.tasks.v2")
    made.created.update(created)
    made.failed.update(dict.fromkeys(failed, errors.TASK_ID_FORMAT.error(id="no id")))
    return made


def metadata_of(message: Any, kind: Any) -> Any:
    metadata = kind()
    assert message.metadata.Unpack(kind.pb(metadata))
    return metadata


@pytest.mark.parametrize(
    ("kind", "metadata_type", "partially"),
    [
        (BatchKind.CREATE, types.BatchCreateTasksMetadata, 5),
        (BatchKind.DELETE, types.BatchDeleteTasksMetadata, 3),
    ],
)
def test_the_metadata_is_that_of_the_rpc(kind: BatchKind, metadata_type: Any, partially: int) -> None:
    """Each RPC has a message of its own, whose states have numbers of their own."""
    message = message_of(operation(kind, {}, 1), messages)
    metadata = metadata_of(message, metadata_type)
    assert (message.name, message.done, message.WhichOneof("result")) == (f"{LOCATION}/operations/o", True, "response")
    assert metadata.state == partially
    assert metadata.start_time == metadata.end_time == datetime.fromtimestamp(NOW // 10**9, tz=timezone.utc)
    assert list(metadata.failed_requests) == [1]
    assert metadata_of(message_of(operation(kind, {}), messages), metadata_type).state == 2


def test_creations_that_all_failed_have_neither_response_nor_error() -> None:
    """The state in the metadata says it."""
    message = message_of(operation(BatchKind.CREATE, {}, 0, 1), messages)
    assert (message.done, message.WhichOneof("result")) == (True, None)
    assert metadata_of(message, types.BatchCreateTasksMetadata).state == 3


def test_a_creation_answers_with_its_tasks_in_the_view_that_each_asked_for() -> None:
    """The body is shown in the full view only."""
    response = types.BatchCreateTasksResponse()
    one, other = task(), task()
    made = operation(BatchKind.CREATE, {0: one, 1: other})
    made.full_views.add(0)
    message = message_of(made, messages)
    assert message.response.Unpack(types.BatchCreateTasksResponse.pb(response))
    assert list(response.tasks) == [messages.task(one, full=True), messages.task(other, full=False)]
    assert [one.http_request.body for one in response.tasks] == [b"abc", b""]


def test_a_deletion_answers_with_nothing() -> None:
    """Its response is Empty."""
    message = message_of(operation(BatchKind.DELETE, {}), messages)
    assert message.response.Is(empty_pb2.Empty.DESCRIPTOR)


def test_a_batch_that_failed_whole_has_an_error_for_its_result() -> None:
    """The error takes the place of the response; the metadata is there nevertheless."""
    message = message_of(operation(BatchKind.DELETE, {}, 0, 1), messages)
    assert message.WhichOneof("result") == "error"
    assert (message.error.code, message.error.message) == (
        10,
        "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error"
        " details",
    )
    assert metadata_of(message, types.BatchDeleteTasksMetadata).state == 3
