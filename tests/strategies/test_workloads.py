"""Workloads: what is drawn, what playing one does, and what a failure shrinks to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from pytest_cloudtasks.strategies import Step, Workload
from tests.each import each

from .clients import LOCATION, client_of
from .finding import simplest

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
QUEUE = f"{LOCATION}/queues/0"
SIMPLEST = {"http_request": {"url": "https://example.com/", "http_method": "POST"}}
NONE, MINUTE = timedelta(0), timedelta(minutes=1)
EVERY_VERSION = pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])


# --- playing -----------------------------------------------------------------------------------------------------


@EVERY_VERSION
@pytest.mark.parametrize("as_dict", [True, False])
def test_every_workload_is_played(version: Any, as_dict: bool) -> None:
    """Every queue and task of it is accepted; deliveries come to their outcomes, and then to the test's target."""

    @given(workload=cloud.workloads(version=version, as_dict=as_dict))
    def check(workload: Workload) -> None:
        with FakeCloudTasks() as cloud_tasks:
            cloud_tasks.route("*")
            created = workload.play(cloud_tasks)
            cloud_tasks.drain()

            attempts = cloud_tasks.attempts()
            assert len(created) == len(workload.steps)
            for task, step in zip(created, workload.steps, strict=True):
                assert task.name.startswith(f"{step.queue}/tasks/")
                own = [attempt for attempt in attempts if attempt.task.name == task.name]
                assert [attempt.succeeded for attempt in own[: len(step.outcomes)]] == [False] * min(
                    len(own), len(step.outcomes)
                )
                assert [attempt.succeeded for attempt in own[len(step.outcomes) :]] in ([True], [])

    check()


def test_tasks_are_enqueued_at_their_offsets() -> None:
    """In the order of the steps; tasks of one instant are all enqueued before any is delivered."""
    steps = tuple(Step(at, QUEUE, SIMPLEST) for at in (NONE, NONE, MINUTE))
    with FakeCloudTasks(start=NOW) as cloud_tasks:
        route = cloud_tasks.route("https://example.com/")
        cloud_tasks.advance(hours=1)
        begun = cloud_tasks.clock.now()

        created = Workload(({"name": QUEUE},), steps).play(cloud_tasks)

        assert [task.create_time - begun for task in created] == [NONE, NONE, MINUTE]
        assert len(route.calls) == 2
        assert [record.name for record in cloud_tasks.tasks()] == [created[2].name]


def test_outcomes_come_before_what_the_test_has_mounted() -> None:
    """A task's first deliveries end as planned, whatever answers for its URL; the next goes to the test's target."""
    other = {"http_request": {"url": "https://example.com/other"}}
    steps = (Step(NONE, QUEUE, SIMPLEST, (503, TimeoutError, ConnectionError)), Step(NONE, QUEUE, other))
    with FakeCloudTasks() as cloud_tasks:
        exact = cloud_tasks.route("https://example.com/")
        mounted = cloud_tasks.route("https://example.com/*")

        failing, plain = Workload(({"name": QUEUE},), steps).play(cloud_tasks)
        cloud_tasks.drain()

        first = cloud_tasks.assert_enqueued(name=failing.name)
        cloud_tasks.assert_attempts(first, [503, "DEADLINE_EXCEEDED", "UNKNOWN", 200])
        cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=plain.name), [200])
        assert (len(exact.calls), len(mounted.calls)) == (1, 1)


def test_queues_that_are_there_stay_as_they_are() -> None:
    """A queue of the test's own keeps its settings, and the others are created."""
    with FakeCloudTasks(queues={"work": {"rate_limits": {"max_concurrent_dispatches": 7}}}) as cloud_tasks:
        simplest(cloud.workloads(queues=["work", {"name": QUEUE}], as_dict=True)).play(cloud_tasks)

        found = {queue.name: queue for queue in cloud_tasks.client().list_queues(parent=LOCATION)}
        assert set(found) == {QUEUE, f"{LOCATION}/queues/work"}
        assert found[f"{LOCATION}/queues/work"].rate_limits.max_concurrent_dispatches == 7


# --- what is drawn -----------------------------------------------------------------------------------------------


@given(workload=cloud.workloads(as_dict=True))
def test_a_workload_is_in_order_and_in_its_queues(workload: Workload) -> None:
    """Up to three queues of different names, up to five tasks in them, at offsets that never go back."""
    names = [queue["name"] for queue in workload.queues]
    at = [step.at for step in workload.steps]

    assert 1 <= len(names) == len(set(names)) <= 3
    assert 1 <= len(at) <= 5
    assert at == sorted(at)
    assert NONE <= at[0] <= at[-1] <= timedelta(hours=1)
    assert {step.queue for step in workload.steps} <= set(names)
    assert all(not isinstance(one, int) or one >= 300 for step in workload.steps for one in step.outcomes)


@given(
    workload=cloud.workloads(
        queues=["work", f"{LOCATION}/queues/other"],
        tasks=cloud.tasks(http_request=SIMPLEST["http_request"], retry_config=None, dispatch_deadline=None),
        outcomes=[503],
        within=NONE,
        max_tasks=2,
    )
)
def test_given_values_are_used(workload: Workload) -> None:
    """Queues by ID or name, tasks by a value or a strategy, outcomes, and the time span are the caller's."""
    assert [queue.name for queue in workload.queues] == [f"{LOCATION}/queues/work", f"{LOCATION}/queues/other"]
    assert {step.task.http_request.url for step in workload.steps} == {"https://example.com/"}
    assert {step.outcomes for step in workload.steps} == {(503,)}
    assert {step.at for step in workload.steps} == {NONE}
    assert len(workload.steps) <= 2


@given(workload=cloud.workloads(queues=cloud.queues(rate_limits=None), max_queues=2, outcomes=None))
def test_queues_can_be_a_strategy(workload: Workload) -> None:
    """Each queue is drawn from it, no two of a name; outcomes=None is success at once."""
    assert 1 <= len(workload.queues) == len({queue.name for queue in workload.queues}) <= 2
    assert not any("rate_limits" in queue for queue in workload.queues)
    assert {step.outcomes for step in workload.steps} == {()}


@given(workload=cloud.workloads(queues=cloud.queues(pull_target=..., version="v2beta2"), version="v2beta2"))
def test_pull_queues_get_pull_tasks(workload: Workload) -> None:
    """Each task is of its queue's kind; nothing is delivered from a pull queue, so nothing has an outcome there."""
    pull = {queue.name for queue in workload.queues if "pull_target" in queue}

    for step in workload.steps:
        assert ("pull_message" in step.task) is (step.queue in pull)
        assert step.queue not in pull or step.outcomes == ()
    with FakeCloudTasks() as cloud_tasks:
        cloud_tasks.route("*")
        workload.play(cloud_tasks)
        assert len(client_of("v2beta2").list_queues(parent=LOCATION).queues) == len(workload.queues)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "within": ({"within": -MINUTE}, f"workloads(within=…) takes a duration of zero or more, but got {-MINUTE!r}."),
    "sizes": ({"max_tasks": 0}, "workloads(max_tasks=0) takes a number of 1 or more"),
    "no queue": ({"queues": []}, "workloads(queues=[]) takes one queue or more, each of another name"),
    "queue twice": (
        {"queues": ["a", "a"]},
        "workloads(queues=['a', 'a']) takes one queue or more, each of another name",
    ),
    "number of queues": (
        {"queues": 3},
        "workloads(queues=3) takes a list of IDs, full names or queues, or a strategy",
    ),
    "queue as a dict alone": (
        {"queues": {"name": QUEUE}},
        f"workloads(queues={{'name': '{QUEUE}'}}) takes a list of IDs, full names or queues, or a strategy",
    ),
    "queue": (
        {"queues": ["a b"]},
        'Cloud Tasks rejects this Queue: Queue ID "a b" can contain only letters ([A-Za-z]), numbers ([0-9]), or'
        " hyphens (-). Queue ID must be between 1 and 100 characters. It is"
        " {'name': 'projects/test-project/locations/us-central1/queues/a b'}.",
    ),
    "task": (
        {"queues": ["a"], "tasks": {"name": "b"}},
        'Cloud Tasks rejects this Task: Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
        "/queues/<QUEUE_ID>/tasks/<TASK_ID>\". It is {'name': 'b'}.",
    ),
    "task of another kind": (
        {"queues": ["a"], "tasks": {"pull_message": {"tag": "a"}}, "version": "v2beta2"},
        "Cloud Tasks rejects this Task: A task with a pull message can only be created in a pull queue. It is"
        " {'pull_message': {'tag': 'a'}}.",
    ),
    "outcomes": (
        {"outcomes": [99]},
        "workloads(outcomes=[99]) takes a list of statuses and exceptions, such as [503, TimeoutError]",
    ),
    "one outcome": (
        {"outcomes": TimeoutError},
        "workloads(outcomes=<class 'TimeoutError'>) takes a list of statuses and exceptions, such as"
        " [503, TimeoutError]",
    ),
    "version": ({"version": "v3"}, "version='v3' must be one of 'v2', 'v2beta3', 'v2beta2'"),
}


@each("name", WRONG)
def test_what_cannot_be_drawn_is_an_invalid_argument(name: str) -> None:
    """Making the strategy raises nothing; drawing from it says what is wrong."""
    options, text = WRONG[name]

    with pytest.raises(InvalidArgument) as refusal:
        simplest(cloud.workloads(as_dict=True, **options))

    assert str(refusal.value) == text


@pytest.mark.parametrize("fake", [None, "work"])
def test_a_workload_is_played_by_a_fake(fake: Any) -> None:
    """Anything else is rejected before a task is enqueued."""
    with pytest.raises(TypeError) as refusal:
        Workload((), ()).play(fake)

    assert str(refusal.value) == f"play() takes a fake, such as the fixture cloud_tasks, but got {fake!r}."


# --- shrinking ---------------------------------------------------------------------------------------------------


@given(workload=st.deferred(lambda: cloud.workloads(as_dict=True)))
@settings(max_examples=10)
def test_workloads_are_values(workload: Workload) -> None:
    """Two of the same fields are equal, and nothing can be changed."""
    assert Workload(workload.queues, workload.steps) == workload
    with pytest.raises(AttributeError):
        workload.steps = ()  # type: ignore[misc]
