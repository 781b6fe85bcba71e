"""What an exception of Google's client says besides its text, over each transport."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2
from google.rpc.error_details_pb2 import Help

from pytest_cloudtasks import FakeCloudTasks

LOCATION = "projects/test-project/locations/us-central1"
MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
NOT_AN_ID = (
    'Queue ID "not_valid" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must be'
    " between 1 and 100 characters."
)
LINK = {
    "description": "Definition of queue ID",
    "url": "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#Queue.FIELDS.name",
}


def error_of(transport: str, rpc: str, name: str) -> Any:
    """The exception that an RPC on one name raises."""
    with FakeCloudTasks(), pytest.raises(GoogleAPICallError) as raised:
        if transport == "grpc_asyncio":

            async def call() -> None:
                await getattr(tasks_v2.CloudTasksAsyncClient(), rpc)(name=name)

            asyncio.run(call())
        else:
            getattr(tasks_v2.CloudTasksClient(transport=transport), rpc)(name=name)
    return raised.value


@pytest.mark.parametrize("transport", ["grpc", "grpc_asyncio", pytest.param("rest", marks=pytest.mark.needs("rest"))])
@pytest.mark.parametrize(
    ("rpc", "queue", "code", "verb", "text", "links"),
    [
        ("get_queue", "missing", 404, "GET", MISSING, []),
        ("delete_queue", "not_valid", 400, "DELETE", NOT_AN_ID, [LINK]),
    ],
    ids=["a missing queue", "a bad name"],
)
def test_an_error_has_the_recorded_details(
    transport: str, rpc: str, queue: str, code: int, verb: str, text: str, links: list[dict[str, str]]
) -> None:
    """The status, the text and the link to a definition are the recorded ones; neither error has an ErrorInfo."""
    name = f"{LOCATION}/queues/{queue}"
    error = error_of(transport, rpc, name)
    if transport == "rest":
        assert (
            error.message
            == f"{verb} https://cloudtasks.googleapis.com/v2/{name}?%24alt=json%3Benum-encoding%3Dint: {text}"
        )
        assert error.details == ([{"@type": "type.googleapis.com/google.rpc.Help", "links": links}] if links else [])
    else:
        assert error.message == text
        assert error.details == ([Help(links=links)] if links else [])
    assert error.code == code
    assert (error.reason, error.domain, error.metadata) == (None, None, None)


@pytest.mark.parametrize("transport", ["grpc", "grpc_asyncio"])
def test_an_error_has_the_recorded_error_info(transport: str) -> None:
    """A name without a project leads to one that there is not; over REST no such name can be sent."""
    error = error_of(transport, "get_queue", "not-a-valid-parent")
    assert error.message == "Permission denied on resource project not-a-valid-parent."
    assert (error.reason, error.domain) == ("CONSUMER_INVALID", "googleapis.com")
    assert error.metadata == {
        "consumer": "projects/not-a-valid-parent",
        "containerInfo": "not-a-valid-parent",
        "service": "cloudtasks.googleapis.com",
    }
    assert [type(detail).__name__ for detail in error.details] == ["ErrorInfo", "LocalizedMessage", "Help"]
