"""What the methods of 1.x take: dicts and messages, enums by number and by name, options of the call."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import tasks_v2
from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.legacy.enums import HttpMethod
from pytest_cloudtasks._clients.legacy.transport import message_class

URL = "https://worker.test/"
AT = 1_900_000_000
JUST_BEFORE = datetime.fromtimestamp(AT - 60, timezone.utc)
TIMES = {"schedule_time": {"seconds": AT}, "dispatch_deadline": {"seconds": 30}}
MESSAGES = {
    "schedule_time": timestamp_pb2.Timestamp(seconds=AT),
    "dispatch_deadline": duration_pb2.Duration(seconds=30),
}


def http(**fields: Any) -> dict[str, Any]:
    return {"http_request": {"url": URL, "http_method": "PUT", "body": b"\x00\xff", "headers": {"a": "b"}, **fields}}


def installed(name: str) -> Any:
    """The installed library's own class for a message: protobuf's, or proto-plus's."""
    return getattr(tasks_v2.types, name)


TASKS: dict[str, Any] = {
    "a dict": lambda: {**http(), **TIMES},
    "a dict with messages in it": lambda: {**http(), **MESSAGES},
    "enums of 1.x": lambda: {**http(http_method=HttpMethod.PUT), **TIMES},
    "enums by number": lambda: {**http(http_method=4), **TIMES},
    "protobuf's message": lambda: message_class("Task")(**http(), **MESSAGES),
    "the library's message": lambda: installed("Task")(
        http_request=installed("HttpRequest")(url=URL, http_method=4, body=b"\x00\xff", headers={"a": "b"}), **MESSAGES
    ),
    "the library's message in a dict": lambda: {
        "http_request": installed("HttpRequest")(url=URL, http_method=4, body=b"\x00\xff", headers={"a": "b"}),
        **MESSAGES,
    },
}


@pytest.mark.cloud_tasks(start=JUST_BEFORE)
@pytest.mark.parametrize("form", TASKS)
def test_a_task_comes_in_many_forms(client: Any, cloud_tasks: FakeCloudTasks, queue: str, form: str) -> None:
    """Every form gives the same task, and what comes back is protobuf's message of the installed release."""
    task = client.create_task(queue, TASKS[form](), client.enums.Task.View.FULL)
    assert type(task) is message_class("Task")
    assert type(cloud_tasks.rpcs[-1].request) is message_class("CreateTaskRequest")
    request = task.http_request
    assert (request.url, request.http_method, request.body, request.headers["a"]) == (URL, 4, b"\x00\xff", "b")
    assert (task.schedule_time.seconds, task.dispatch_deadline.seconds) == (AT, 30)
    record = cloud_tasks.assert_enqueued(queue="work", url=URL, method="PUT", headers={"a": "b"})
    assert (record.body, record.dispatch_deadline.total_seconds()) == (b"\x00\xff", 30)


@pytest.mark.parametrize("mask", [{"paths": ["retry_config.max_attempts"]}, "message"])
def test_a_mask_and_a_queue_come_in_two_forms(client: Any, queue: str, mask: Any) -> None:
    """Dicts or messages, for the queue as for its mask."""
    if mask == "message":
        mask = field_mask_pb2.FieldMask(paths=["retry_config.max_attempts"])
        update = message_class("Queue")(name=queue, retry_config={"max_attempts": 3, "max_doublings": 1})
    else:
        update = {"name": queue, "retry_config": {"max_attempts": 3, "max_doublings": 1}}
    config = client.update_queue(update, mask).retry_config
    assert (config.max_attempts, config.max_doublings) == (3, 16)


def test_everything_by_keyword(client: Any, parent: str) -> None:
    """Each argument may be given by its name of 1.x."""
    name = f"{parent}/queues/q"
    assert client.create_queue(parent=parent, queue={"name": name}).name == name
    task = client.create_task(parent=name, task=http(), response_view="FULL")
    assert client.get_task(name=task.name, response_view="FULL") == task
    assert [one.name for one in client.list_tasks(parent=name, response_view=None, page_size=1)] == [task.name]
    assert [one.name for one in client.list_queues(parent=parent, filter_="state: RUNNING", page_size=1)] == [name]
    policy = client.set_iam_policy(resource=name, policy={"bindings": []})
    assert client.get_iam_policy(resource=name, options_={"requested_policy_version": 1}) == policy
    asked = client.test_iam_permissions(resource=name, permissions=["cloudtasks.queues.get"])
    assert list(asked.permissions) == ["cloudtasks.queues.get"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client, queue: client.create_task(queue, {"htp_request": {}}), "htp_request"),
        (lambda client, queue: client.create_task(queue, http(adress="x")), "adress"),
        (lambda client, queue: client.update_queue({"name": queue, "colour": 1}), "colour"),
    ],
)
def test_an_unknown_field_is_a_value_error(
    client: Any, cloud_tasks: FakeCloudTasks, queue: str, call: Any, text: str
) -> None:
    """“ValueError: If the parameters are invalid”: protobuf rejects the field, and nothing is sent."""
    before = cloud_tasks.timeline()
    with pytest.raises(ValueError, match=f'has no "{text}" field') as refusal:
        call(client, queue)
    assert type(refusal.value) is ValueError
    assert (list(cloud_tasks.rpcs), cloud_tasks.timeline()) == ([], before)


def test_unknown_enum_names_are_value_errors(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """A name that an enum does not have is rejected before anything is sent."""
    for call in (lambda: client.create_task(queue, http(http_method="FETCH")), lambda: client.get_task(queue, "ALL")):
        with pytest.raises(ValueError, match=r"unknown (enum )?label"):
            call()
    assert list(cloud_tasks.rpcs) == []


@pytest.mark.parametrize(
    ("rpc", "arguments", "header"),
    [
        ("get_queue", ["{queue}"], "name={queue}"),
        ("list_tasks", ["{queue}"], "parent={queue}"),
        ("create_task", ["{queue}", http()], "parent={queue}"),
        ("get_iam_policy", ["{queue}"], "resource={queue}"),
        ("update_queue", [{"name": "{queue}"}], None),
        ("update_queue", ["message"], "queue.name={queue}"),
    ],
)
def test_the_routing_header(
    client: Any, cloud_tasks: FakeCloudTasks, queue: str, rpc: str, arguments: list[Any], header: str | None
) -> None:
    """Calls say by a header where they go; an update by a dict goes without one, as it did in 1.x."""
    given: list[Any] = []
    for one in arguments:
        if one == "message":
            given.append(message_class("Queue")(name=queue))
        elif one == {"name": "{queue}"}:
            given.append({"name": queue})
        else:
            given.append(one.format(queue=queue) if isinstance(one, str) else one)
    result = getattr(client, rpc)(*given)
    if rpc == "list_tasks":
        list(result)
    metadata = dict(cloud_tasks.rpcs[-1].metadata)
    sent = metadata.get("x-goog-request-params")
    assert sent == (None if header is None else header.format(queue=queue))
    assert "gapic/" in str(metadata["x-goog-api-client"])


def test_options_of_a_call_are_on_record(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """``timeout`` and ``metadata`` arrive; the caller's metadata are not changed."""
    policy, mine = Retry(if_exception_type(exceptions.NotFound), timeout=1), [("x-mine", "1")]
    client.get_queue(queue, policy, 5, mine)
    list(client.list_tasks(queue, retry=None, timeout=6.0, metadata=mine))
    client.get_queue(queue)
    first, second, third = cloud_tasks.rpcs
    assert (first.timeout, ("x-mine", "1") in first.metadata) == (5, True)
    assert (second.timeout, ("x-mine", "1") in second.metadata) == (6.0, True)
    assert (third.timeout, ("x-mine", "1") in third.metadata) == (20.0, False)
    assert mine == [("x-mine", "1")]
