"""What a failing workload shrinks to."""

from __future__ import annotations

from typing import Any

from hypothesis import find, settings

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from pytest_cloudtasks.strategies import Step, Workload
from tests.strategies.test_workloads import MINUTE, NONE, QUEUE, SIMPLEST


def minimal(condition: Any = lambda workload: True, **options: Any) -> Workload:
    options.setdefault("as_dict", True)
    return find(cloud.workloads(**options), condition, settings=settings(max_examples=2000))


def test_the_simplest_workload() -> None:
    """One task, POST https://example.com/, in the one queue "0", at once, and nothing fails."""
    assert minimal() == Workload(({"name": QUEUE},), (Step(NONE, QUEUE, SIMPLEST),))


def test_only_what_matters_stays() -> None:
    """As many steps as are needed, in the first queues, at the least offsets, with the simplest failures."""
    three = minimal(lambda workload: len(workload.steps) == 3)
    late = minimal(lambda workload: workload.steps[-1].at >= MINUTE)
    failing = minimal(lambda workload: len(workload.steps[0].outcomes) == 2)
    second = minimal(lambda workload: len({step.queue for step in workload.steps}) == 2)

    assert three == Workload(({"name": QUEUE},), (Step(NONE, QUEUE, SIMPLEST),) * 3)
    assert late == Workload(({"name": QUEUE},), (Step(MINUTE, QUEUE, SIMPLEST),))
    assert failing == Workload(({"name": QUEUE},), (Step(NONE, QUEUE, SIMPLEST, (500, 500)),))
    assert [step.queue for step in second.steps] == [queue["name"] for queue in second.queues]
    assert [step.task for step in second.steps] == [SIMPLEST] * 2


def test_a_broken_order_shrinks_to_two_tasks() -> None:
    """That tasks are done in the order of their creation is refuted by two in one queue, the first failing once."""

    def is_out_of_order(workload: Workload) -> bool:
        with FakeCloudTasks() as cloud_tasks:
            cloud_tasks.route("*")
            created = [task.name for task in workload.play(cloud_tasks)]
            cloud_tasks.drain()
            done = [attempt.task.name for attempt in cloud_tasks.attempts() if attempt.succeeded]
            return done != [name for name in created if name in done]

    assert minimal(is_out_of_order) == Workload(
        ({"name": QUEUE},), (Step(NONE, QUEUE, SIMPLEST, (500,)), Step(NONE, QUEUE, SIMPLEST))
    )
