"""What the strategies for valid messages give is accepted by the real client on the fake, and comes back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from pytest_cloudtasks._messages.proto import OURS, proto_of

from .clients import LOCATION, client_of

QUEUE = f"{LOCATION}/queues/work"
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
AUTOMATIC_HEADERS = ("User-Agent", "Content-Length")
EVERY_VERSION = pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])


def full_view(version: str) -> Any:
    return import_module(f"google.cloud.tasks_{version}").Task.View.FULL


def told(message: Any) -> dict[str, Any]:
    """The set fields at every depth, by v2's names."""
    fields = {}
    for field, value in proto_of(message).ListFields():
        if field.message_type is None:
            fields[OURS.get(field.name, field.name)] = value
        elif field.message_type.GetOptions().map_entry:
            fields[field.name] = dict(value)
        elif getattr(field, "is_repeated", False):
            fields[field.name] = [told(one) for one in value]
        else:
            fields[OURS.get(field.name, field.name)] = told(value)
    return fields


NO_LOGGING = ("stackdriver_logging_config", {})


def is_within(asked: Any, stored: Any) -> bool:
    """Whether all that was asked for is stored, but for headers that the service changes, and logging of nothing."""
    if isinstance(asked, dict):
        return all(
            (name, one) == NO_LOGGING or (name in stored and is_within(one, stored[name]))
            for name, one in asked.items()
        )
    return bool(asked == stored)


@EVERY_VERSION
@given(data=st.data())
def test_every_task_is_accepted_and_comes_back(version: Any, data: st.DataObject) -> None:
    """CreateTask takes it, and GetTask in the FULL view has every field of it."""
    task = data.draw(cloud.tasks(version=version))

    with FakeCloudTasks(queues=["work"]):
        client = client_of(version)
        created = client.create_task(parent=QUEUE, task=task)
        stored = client.get_task(request={"name": created.name, "response_view": full_view(version)})

    assert is_within(told(task), told(stored))


@EVERY_VERSION
@given(data=st.data())
def test_every_task_as_a_dict_is_accepted(version: Any, data: st.DataObject) -> None:
    """CreateTask takes the dict, and makes the message of it that the message would have been."""
    task = data.draw(cloud.tasks(version=version, as_dict=True))
    kind = import_module(f"google.cloud.tasks_{version}").Task

    with FakeCloudTasks(queues=["work"]):
        stored = client_of(version).create_task(
            request={"parent": QUEUE, "task": task, "response_view": full_view(version)}
        )

    assert type(task) is dict
    assert is_within(told(kind(task)), told(stored))


@EVERY_VERSION
@given(data=st.data())
def test_every_queue_is_accepted_and_comes_back(version: Any, data: st.DataObject) -> None:
    """CreateQueue takes it, as a message and as a dict, and answers with every field of it."""
    as_dict = data.draw(st.booleans())
    queue = data.draw(cloud.queues(version=version, as_dict=as_dict))
    kind = import_module(f"google.cloud.tasks_{version}").Queue

    with FakeCloudTasks():
        stored = client_of(version).create_queue(parent=LOCATION, queue=queue)

    asked = told(kind(queue))
    asked.get("retry_config", {}).pop("unlimited_attempts", None)
    asked.get("retry_config", {}).pop("max_attempts", None)
    assert is_within(asked, told(stored))


@EVERY_VERSION
@given(data=st.data())
def test_every_request_is_accepted_in_its_queue(version: Any, data: st.DataObject) -> None:
    """CreateTask takes it once the queue that it names is there."""
    request = data.draw(cloud.create_task_requests(version=version))

    with FakeCloudTasks(queues=[request.parent]) as cloud_tasks:
        created = client_of(version).create_task(request)

        assert [task.name for task in cloud_tasks.tasks()] == [created.name]
    assert created.name.startswith(f"{request.parent}/tasks/")


PARTS = {
    "http_requests": ("HttpRequest", cloud.http_requests, lambda one: ("task", {"http_request": one})),
    "app_engine_http_requests": (
        "AppEngineHttpRequest",
        cloud.app_engine_http_requests,
        lambda one: ("task", {"app_engine_http_request": one}),
    ),
    "rate_limits": ("RateLimits", cloud.rate_limits, lambda one: ("queue", {"rate_limits": one})),
    "retry_configs": ("RetryConfig", cloud.retry_configs, lambda one: ("queue", {"retry_config": one})),
}


@EVERY_VERSION
@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_accepted_in_its_place(part: str, version: Any) -> None:
    """As messages and as dicts they are of their type, and come back in the task or the queue that they are in."""
    kind, make, placed = PARTS[part]
    module = import_module(f"google.cloud.tasks_{version}")

    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        drawn = data.draw(make(version=version, as_dict=data.draw(st.booleans())))
        whole, fields = placed(drawn)
        with FakeCloudTasks(queues=["work"]):
            client = client_of(version)
            if whole == "task":
                request = {"parent": QUEUE, "task": fields, "response_view": full_view(version)}
                stored = client.create_task(request=request)
            else:
                stored = client.create_queue(parent=LOCATION, queue={"name": f"{LOCATION}/queues/new", **fields})

        asked = told(getattr(module, kind)(drawn))
        for name in ("max_attempts", "unlimited_attempts"):  # -1 and None have one meaning
            asked.pop(name, None)
        assert is_within(asked, told(getattr(stored, next(iter(fields)))))

    check()


@EVERY_VERSION
@given(data=st.data())
def test_every_request_as_a_dict_is_accepted(version: Any, data: st.DataObject) -> None:
    """CreateTask takes the dict, and the message that is made of it is the same."""
    request = data.draw(cloud.create_task_requests(version=version, as_dict=True))
    kind = import_module(f"google.cloud.tasks_{version}").CreateTaskRequest

    with FakeCloudTasks(queues=[request["parent"]]) as cloud_tasks:
        client_of(version).create_task(request=request)
        (call,) = cloud_tasks.rpcs

    assert proto_of(call.request) == proto_of(kind(request))


@given(data=st.data())
def test_names_and_schedule_times_are_accepted_where_they_are_asked_for(data: st.DataObject) -> None:
    """A task has the name that was drawn, and goes at its instant."""
    with FakeCloudTasks(queues=["work"], start=NOW) as cloud_tasks:
        name = cloud.resource_names(of="task", parent=cloud_tasks.queue_path("work"))
        times = cloud.schedule_times(now=cloud_tasks.clock.now())
        task = data.draw(cloud.tasks(name=name, schedule_time=times))

        cloud_tasks.client().create_task(parent=QUEUE, task=task)

        (record,) = cloud_tasks.tasks()
        assert (record.name, record.schedule_time) == (task.name, task.schedule_time)


@given(data=st.data())
def test_tasks_are_unnamed_and_without_schedule_time(data: st.DataObject) -> None:
    """Neither is set unless asked."""
    task = data.draw(cloud.tasks(as_dict=True))

    assert not {"name", "schedule_time"} & set(task)


@given(ids=st.tuples(cloud.queue_ids(), cloud.task_ids()))
def test_ids_are_those_of_the_service(ids: tuple[str, str]) -> None:
    """A queue and a task of these IDs can be created."""
    queue_id, task_id = ids
    with FakeCloudTasks(queues=[queue_id]) as cloud_tasks:
        parent = cloud_tasks.queue_path(queue_id)
        task = {"name": f"{parent}/tasks/{task_id}", "http_request": {"url": "https://example.com/"}}
        cloud_tasks.client().create_task(parent=parent, task=task)

        assert [one.id for one in cloud_tasks.tasks()] == [task_id]


@given(script=st.lists(cloud.outcomes(), min_size=1, max_size=5))
def test_outcomes_script_a_route(script: list[Any]) -> None:
    """A status goes into returns(), an exception into raises(); a task ends with the first success."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        route = cloud_tasks.route("https://example.com/")
        for outcome in script:
            route = route.raises(outcome) if isinstance(outcome, type) else route.returns(outcome)
        cloud_tasks.client().create_task(parent=QUEUE, task={"http_request": {"url": "https://example.com/"}})

        cloud_tasks.drain(timedelta(days=1))

        successes = [n for n, one in enumerate(script, start=1) if isinstance(one, int) and one < 300]
        if successes:
            assert len(cloud_tasks.attempts()) == successes[0]


@pytest.mark.parametrize("success", [True, False])
def test_outcomes_can_be_of_one_kind(success: bool) -> None:
    """success=True gives 2xx alone, success=False none of them."""

    @given(cloud.outcomes(success=success))
    def check(outcome: Any) -> None:
        assert (isinstance(outcome, int) and 200 <= outcome <= 299) is success

    check()
