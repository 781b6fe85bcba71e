"""Every invalid message gets exactly the error that comes with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.cloud import tasks_v2
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud

from .clients import LOCATION, client_of
from .finding import simplest

QUEUE = f"{LOCATION}/queues/work"
EVERY_VERSION = pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])


def refusal_of(call: Any, **arguments: Any) -> Exception:
    with pytest.raises(Exception) as caught:
        call(**arguments)
    return caught.value


@EVERY_VERSION
@given(data=st.data())
def test_every_invalid_task_gets_its_error(version: Any, data: st.DataObject) -> None:
    """CreateTask raises the class and the text that come with it, and nothing is enqueued."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        as_dict = data.draw(st.booleans())
        task, error = data.draw(
            cloud.invalid_tasks(now=cloud_tasks.clock.now(), parent=QUEUE, version=version, as_dict=as_dict)
        )

        refusal = refusal_of(client_of(version).create_task, parent=QUEUE, task=task)

        assert (type(refusal), str(refusal)) == (type(error), str(error))
        assert cloud_tasks.tasks() == []


@EVERY_VERSION
@given(data=st.data())
def test_every_invalid_queue_gets_its_error(version: Any, data: st.DataObject) -> None:
    """CreateQueue raises the class and the text that come with it, and there is no queue."""
    with FakeCloudTasks():
        client = client_of(version)
        queue, error = data.draw(cloud.invalid_queues(version=version, as_dict=data.draw(st.booleans())))

        refusal = refusal_of(client.create_queue, parent=LOCATION, queue=queue)

        assert (type(refusal), str(refusal)) == (type(error), str(error))
        assert list(client.list_queues(parent=LOCATION)) == []


# --- both sides of each limit ------------------------------------------------------------------------------------


def create(fields: dict[str, Any]) -> str:
    """Return the text of the error for a task, "" if there is none."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        try:
            cloud_tasks.client().create_task(parent=QUEUE, task=fields)
        except Exception as error:
            return error.message if hasattr(error, "message") else repr(error)
        return ""


def giving(value: Any) -> st.SearchStrategy[Any]:
    """A strategy for this value alone, which does not have it in its repr."""

    def give(_: None) -> Any:
        return value

    return st.none().map(give)


def http(**fields: Any) -> dict[str, Any]:
    return {"url": "https://example.com/", **fields}


EDGES = {
    "task ID": ({"name": f"{QUEUE}/tasks/{'0' * 500}"}, {"name": f"{QUEUE}/tasks/{'0' * 501}"}),
    "URL": (
        {"http_request": http(url="https://example.com/".ljust(2083, "a"))},
        {"http_request": http(url="https://example.com/".ljust(2084, "a"))},
    ),
    "headers": (
        {"http_request": http(headers={**{f"X{n}": "a" * 8186 for n in range(10)}, "X": "a" * 10})},
        {"http_request": http(headers={**{f"X{n}": "a" * 8186 for n in range(10)}, "X": "a" * 11})},
    ),
    "shortest deadline": (
        {"http_request": http(), "dispatch_deadline": timedelta(seconds=15)},
        {"http_request": http(), "dispatch_deadline": timedelta(seconds=15, microseconds=-1)},
    ),
    "longest deadline": (
        {"http_request": http(), "dispatch_deadline": timedelta(minutes=30)},
        {"http_request": http(), "dispatch_deadline": timedelta(minutes=30, microseconds=1)},
    ),
}


@pytest.mark.parametrize("limit", EDGES)
def test_a_limit_is_where_the_strategies_have_it(limit: str) -> None:
    """On its inner side the strategy takes a task and so does the service; beyond it, neither does."""
    inside, outside = ({"http_request": http(), **fields} for fields in EDGES[limit])

    def drawn(fields: dict[str, Any]) -> Any:
        found = []

        large = {name: giving(value) for name, value in fields.items()}

        @given(cloud.tasks(**large, as_dict=True))
        @settings(max_examples=1)
        def draw(task: dict[str, Any]) -> None:
            found.append(task)

        draw()
        return found[0]

    assert create(drawn(inside)) == ""
    text = create(outside)
    assert text
    with pytest.raises(InvalidArgument) as refusal:
        drawn(outside)
    assert str(refusal.value).startswith(f"Cloud Tasks rejects this Task: {text} It is ")


def test_the_largest_task_is_drawn_to_the_byte() -> None:
    """A body that makes the stored message 1,048,569 bytes is accepted, and one byte more is rejected."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        name = f"{QUEUE}/tasks/0"
        client = cloud_tasks.client()
        stored = client.create_task(parent=QUEUE, task={"http_request": http(body=b"a" * 1_048_000), "name": name})
        whole = client.get_task(request={"name": stored.name, "response_view": "FULL"})
        whole.view = tasks_v2.Task.View.VIEW_UNSPECIFIED
        room = 1_048_569 - tasks_v2.Task.pb(whole).ByteSize()
        bodies = [b"a" * (1_048_000 + room + more) for more in (0, 1)]

    assert [create({"name": name, "http_request": http(body=body)}) for body in bodies] == ["", "Task size too large"]


@pytest.mark.parametrize(("length", "is_accepted"), [(99, True), (100, True), (101, False)])
def test_queue_ids_have_up_to_100_characters(length: int, is_accepted: bool) -> None:
    """The longest IDs that are drawn have 100; the shortest that are too long have 101."""
    with FakeCloudTasks() as cloud_tasks:
        if is_accepted:
            strategy = cloud.resource_names(queue_id="0" * length)
            cloud_tasks.client().create_queue(parent=LOCATION, queue={"name": simplest(strategy)})
        else:
            queue, error = find(cloud.invalid_queues(as_dict=True), lambda pair: pair[0]["name"].endswith("0" * length))
            assert queue == {"name": f"{LOCATION}/queues/{'0' * 101}"}
            assert str(refusal_of(cloud_tasks.client().create_queue, parent=LOCATION, queue=queue)) == str(error)
