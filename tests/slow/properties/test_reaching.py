"""What strategies reach: each kind of error, each limit, each choice."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from hypothesis import errors, find, given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from pytest_cloudtasks._strategies.register import MODULES
from tests.strategies.clients import LOCATION
from tests.strategies.test_invalid import QUEUE, http, refusal_of
from tests.strategies.test_pulling import found


def test_every_kind_of_error_comes_up() -> None:
    """A few hundred draws have every error that a task's own fields can get."""
    seen = set()

    @given(data=st.data())
    @settings(max_examples=400)
    def collect(data: st.DataObject) -> None:
        now = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
        _, error = data.draw(cloud.invalid_tasks(now=now, parent=QUEUE))
        seen.add(str(error)[4:24])

    collect()

    assert seen >= {
        "Task.payload_type is",
        "HttpRequest.url is r",
        "HttpTarget.url must ",
        "HttpRequest.url must",
        "HttpRequest.headers ",
        "Body can only be set",
        "AppEngineHttpRequest",
        "Task size too large",
        "Task.dispatchDeadlin",
        "The Task.scheduleTim",
        "Task name must be fo",
        "The queue name from ",
    }


def test_schedule_times_reach_720_hours_and_no_further() -> None:
    """The last instant is drawn and accepted; a microsecond later is what invalid_tasks gives at the nearest."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        now = cloud_tasks.clock.now()
        last = find(cloud.schedule_times(now=now), lambda at: at >= now + timedelta(hours=720))
        task, error = find(cloud.invalid_tasks(now=now, as_dict=True), lambda pair: "schedule_time" in pair[0])

        cloud_tasks.client().create_task(parent=QUEUE, task={"http_request": http(), "schedule_time": last})

        assert last == now + timedelta(hours=720)
        assert task["schedule_time"] == last + timedelta(microseconds=1)
        assert str(refusal_of(cloud_tasks.client().create_task, parent=QUEUE, task=task)) == str(error)


@pytest.mark.parametrize("has_it", [True, False])
def test_the_strategy_may_choose(has_it: bool) -> None:
    """With ``...`` some tasks and some queues are for pulling; in the other versions none."""
    tasks = cloud.tasks(pull_message=..., version="v2beta2", as_dict=True)
    queues = cloud.queues(pull_target=..., version="v2beta2", as_dict=True)

    found(tasks, lambda task: ("pull_message" in task) is has_it)
    found(queues, lambda queue: ("pull_target" in queue) is has_it)
    for version in ("v2", "v2beta3"):
        with pytest.raises(errors.NoSuchExample):
            found(
                cloud.tasks(pull_message=..., version=version, as_dict=True),  # type: ignore[arg-type]
                lambda task: "pull_message" in task,
                max_examples=100,
            )


def test_the_simplest() -> None:
    """A message shrinks to an empty one, a pull task to one with it, a pull queue to one with nothing but its name."""
    task = cloud.tasks(pull_message=cloud.pull_messages(as_dict=True), version="v2beta2", as_dict=True)

    assert found(cloud.pull_messages(as_dict=True), lambda one: True) == {}
    assert found(task, lambda one: True) == {"pull_message": {}}
    assert found(cloud.queues(pull_target={}, version="v2beta2", as_dict=True), lambda one: True) == {
        "name": f"{LOCATION}/queues/0",
        "pull_target": {},
    }
    assert found(cloud.pull_messages(as_dict=True), lambda one: len(one.get("tag", "")) > 2) == {"tag": "000"}


def test_tasks_of_every_version_are_more_than_empty() -> None:
    """A Task has a payload, in each of the versions."""
    for name in MODULES:
        simplest = find(st.from_type(import_module(name).Task), lambda task: True)
        assert simplest.http_request.url == "https://example.com/"
