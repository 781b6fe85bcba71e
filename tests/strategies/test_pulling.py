"""Pull queues and pull tasks, which v2beta2 alone has."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument
from google.cloud import tasks_v2beta2
from hypothesis import errors, find, given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from tests.each import each

from .clients import LOCATION, client_of
from .finding import any_that, simplest

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
PUSH, PULL = f"{LOCATION}/queues/push", f"{LOCATION}/queues/pull"
BOTH = {"push": {}, "pull": {"pull_target": {}}}
FULL = tasks_v2beta2.Task.View.FULL


def found(strategy: Any, condition: Any = lambda one: True, max_examples: int = 2000) -> Any:
    return find(strategy, condition, settings=settings(max_examples=max_examples))


@given(data=st.data())
def test_every_pull_task_is_accepted_leased_and_done(data: st.DataObject) -> None:
    """A pull queue takes it, as a message and as a dict, and a worker leases what was enqueued."""
    as_dict = data.draw(st.booleans())
    messages = cloud.pull_messages(as_dict=as_dict)
    task = data.draw(cloud.tasks(pull_message=messages, version="v2beta2", as_dict=as_dict))

    with FakeCloudTasks(queues=BOTH) as cloud_tasks:
        client = client_of("v2beta2")
        client.create_task(parent=PULL, task=task)
        lease = {"parent": PULL, "max_tasks": 1, "lease_duration": timedelta(minutes=1), "response_view": FULL}
        (leased,) = client.lease_tasks(request=lease).tasks
        client.acknowledge_task(name=leased.name, schedule_time=leased.schedule_time)

        assert leased.pull_message == tasks_v2beta2.Task(task).pull_message
        assert cloud_tasks.tasks() == []


@given(queue=cloud.queues(pull_target={}, version="v2beta2"), as_dict=st.booleans())
def test_every_pull_queue_is_accepted_and_comes_back(queue: Any, as_dict: bool) -> None:
    """CreateQueue takes it, and answers with what was set: a pull queue has no rates and no backoff of its own."""
    with FakeCloudTasks():
        stored = client_of("v2beta2").create_queue(parent=LOCATION, queue=queue)

    assert "pull_target" in stored
    assert "rate_limits" not in queue
    assert {field.name for field, _ in type(queue).pb(queue).retry_config.ListFields()} <= {
        "max_attempts",
        "unlimited_attempts",
    }
    for limit in ("max_attempts", "unlimited_attempts"):
        if limit in queue.retry_config:
            assert getattr(stored.retry_config, limit) == getattr(queue.retry_config, limit)
    for name in ("task_ttl", "tombstone_ttl"):
        if name in queue:
            assert getattr(stored, name) == getattr(queue, name)


@given(
    task=cloud.tasks(version="v2beta2", as_dict=True),
    queue=cloud.queues(version="v2beta2", as_dict=True),
    request=cloud.create_task_requests(version="v2beta2", as_dict=True),
)
def test_nothing_pulls_unless_asked(task: Any, queue: Any, request: Any) -> None:
    """Tasks and queues are for pushing by default, so that the ones go into the others."""
    assert "pull_message" not in task
    assert "pull_target" not in queue
    assert "pull_message" not in request["task"]


@given(queue=cloud.queues(pull_target=..., http_target={"http_method": "PUT"}, version="v2beta2", as_dict=True))
def test_a_queue_has_a_target_of_one_kind(queue: dict[str, Any]) -> None:
    """The given kind is used, and the other one is not drawn."""
    assert set(queue) & {"pull_target", "http_target", "app_engine_http_target"} == {"http_target"}


WRONG: dict[str, tuple[Any, str]] = {
    "tag": (
        cloud.pull_messages(tag="a" * 500, payload=None),
        "Cloud Tasks rejects this Task: PullMessage.tag must have fewer than 500 characters. It is"
        f" {{'pull_message': {{'tag': '{'a' * 274} ….",
    ),
    "v2": (
        cloud.tasks(pull_message={"tag": "a"}),
        "tasks(pull_message={'tag': 'a'}): a Task of v2 has no such field",
    ),
    "v2beta3": (
        cloud.tasks(pull_message={"tag": "a"}, retry_config=None, version="v2beta3"),
        "Cloud Tasks rejects this Task: Task.pullMessage cannot be set by this version of the API. It is"
        " {'pull_message': {'tag': 'a'}}.",
    ),
    "queue of v2": (cloud.queues(pull_target={}), "queues(pull_target={}): a Queue of v2 has no such field"),
    "in_pull_queue of v2": (
        cloud.invalid_tasks(in_pull_queue=True),
        "invalid_tasks(in_pull_queue=True) takes version='v2beta2', which alone has pull queues",
    ),
    "boundaries of v2": (
        cloud.boundary_tasks(in_pull_queue=True),
        "boundary_tasks(in_pull_queue=True) takes version='v2beta2', which alone has pull queues",
    ),
    "naive now": (
        cloud.boundary_tasks(now=datetime(2030, 1, 1)),
        "boundary_tasks(now=datetime.datetime(2030, 1, 1, 0, 0)) takes an aware datetime",
    ),
    "parent": (cloud.boundary_tasks(parent="work"), "boundary_tasks(parent='work') takes a queue's full name"),
    "location": (
        cloud.boundary_queues(parent="work"),
        "boundary_queues(parent='work') takes a location's full name",
    ),
}


@each("name", WRONG)
def test_what_cannot_be_drawn_is_an_invalid_argument(name: str) -> None:
    """Where there are no pull queues, and for what they reject, drawing says what is wrong."""
    strategy, text = WRONG[name]

    with pytest.raises(errors.InvalidArgument) as refusal:
        simplest(strategy)

    assert str(refusal.value) == text


@given(data=st.data())
def test_every_invalid_task_of_a_pull_queue_gets_its_error(data: st.DataObject) -> None:
    """CreateTask raises the class and the text that come with it, and nothing is enqueued."""
    as_dict = data.draw(st.booleans())
    strategy = cloud.invalid_tasks(now=NOW, parent=PULL, in_pull_queue=True, version="v2beta2", as_dict=as_dict)

    with FakeCloudTasks(queues=BOTH, start=NOW) as cloud_tasks:
        task, error = data.draw(strategy)
        with pytest.raises(GoogleAPICallError) as refusal:
            client_of("v2beta2").create_task(parent=PULL, task=task)

        assert type(refusal.value) is type(error) is InvalidArgument
        assert str(refusal.value) == str(error)
        assert cloud_tasks.tasks() == []


@pytest.mark.parametrize(
    ("version", "field", "options", "text"),
    [
        (
            "v2beta3",
            "pull_message",
            {},
            "Task.pullMessage cannot be set by this version of the API.",
        ),
        (
            "v2beta2",
            "pull_message",
            {},
            "A task with a pull message can only be created in a pull queue.",
        ),
        (
            "v2beta2",
            "http_request",
            {"in_pull_queue": True},
            "A task with a request cannot be created in a pull queue.",
        ),
        (
            "v2beta2",
            "app_engine_http_request",
            {"in_pull_queue": True},
            "A task with a request cannot be created in a pull queue.",
        ),
    ],
)
def test_what_is_of_the_wrong_kind_is_among_the_invalid(version: Any, field: str, options: Any, text: str) -> None:
    """A message in a push queue, a request in a pull queue, and any message in v2beta3."""
    strategy = cloud.invalid_tasks(version=version, as_dict=True, **options)
    task, error = any_that(strategy, lambda pair: field in pair[0] and pair[1].message == text)

    with FakeCloudTasks(queues=BOTH) as cloud_tasks:
        with pytest.raises(InvalidArgument) as refusal:
            client_of(version).create_task(parent=PULL if options else PUSH, task=task)

        assert str(refusal.value) == str(error) == f"400 {text}"
        assert cloud_tasks.tasks() == []


def test_a_pull_queue_can_have_too_few_attempts() -> None:
    """That is among the invalid queues, and gets its error."""
    queue, error = found(cloud.invalid_queues(version="v2beta2", as_dict=True), lambda pair: "pull_target" in pair[0])

    with FakeCloudTasks(), pytest.raises(InvalidArgument) as refusal:
        client_of("v2beta2").create_queue(parent=LOCATION, queue=queue)

    assert queue == {"name": f"{LOCATION}/queues/0", "pull_target": {}, "retry_config": {"max_attempts": -2}}
    assert str(refusal.value) == str(error) == "400 RetryConfig.maxAttempts must be greater than 0."


@given(request=st.from_type(tasks_v2beta2.LeaseTasksRequest))
def test_leases_that_are_drawn_by_their_type_are_granted(request: Any) -> None:
    """A LeaseTasksRequest has a number of tasks and a duration, both within the limits."""
    with FakeCloudTasks() as cloud_tasks:
        cloud_tasks.create_queue(request.parent, pull_target={})
        assert client_of("v2beta2").lease_tasks(request).tasks == []
    assert 1 <= request.max_tasks <= 1000
    assert timedelta(0) <= request.lease_duration <= timedelta(days=7)


@pytest.mark.parametrize(
    ("field", "inside", "outside", "text"),
    [
        ("max_tasks", (999, 1000), 1001, "LeaseTasksRequest.maxTasks must be between 1 and 1000, and is 1001."),
        ("max_tasks", (2, 1), 0, "LeaseTasksRequest.maxTasks must be between 1 and 1000, and is 0."),
        (
            "lease_duration",
            (timedelta(days=7, milliseconds=-1), timedelta(days=7)),
            timedelta(days=7, microseconds=1),
            "The lease duration must be between 0 and 1 week.",
        ),
        (
            "lease_duration",
            (timedelta(milliseconds=1), timedelta(0)),
            timedelta(microseconds=-1),
            "The lease duration must be between 0 and 1 week.",
        ),
    ],
)
def test_leases_have_limits(field: str, inside: tuple[Any, Any], outside: Any, text: str) -> None:
    """A lease at a limit is granted, and the next value is rejected."""
    for value in (*inside, outside):
        with FakeCloudTasks(queues=BOTH):
            client = client_of("v2beta2")
            lease = {"parent": PULL, "max_tasks": 1, "lease_duration": timedelta(1), field: value}
            if value != outside:
                assert client.lease_tasks(request=lease).tasks == []
            else:
                with pytest.raises(InvalidArgument) as refusal:
                    client.lease_tasks(request=lease)
    assert str(refusal.value) == f"400 {text}"
