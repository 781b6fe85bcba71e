"""What a call and an attempt cost, by what can be counted: a machine that is busy counts the same.

`benchmarks` has the times. A count that has grown past its bound here is a reason to run them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from google.cloud import tasks_v2

import pytest_cloudtasks
from pytest_cloudtasks import FakeCloudTasks

OURS = str(Path(pytest_cloudtasks.__file__).parent)
TASK = {"http_request": {"url": "https://app.test/work", "headers": {"X-Tag": "1"}, "body": b"hello"}}
ROUNDS = 50


def calls_within(work: Callable[[], object], of: str = OURS) -> int:
    """How many functions of the package are called while ``work`` is done; resumed generators count as well.

    With ``of=""`` those written in Python count, whosever they are.
    """
    count = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(of)

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def creating(cloud_tasks: FakeCloudTasks, number: int) -> Callable[[], None]:
    client, parent = cloud_tasks.client(), cloud_tasks.queue_path("work")

    def create() -> None:
        for _ in range(number):
            client.create_task(parent=parent, task=TASK)

    return create


def test_a_create_task_goes_through_few_functions(cloud_tasks: FakeCloudTasks) -> None:
    """From Google's client to the queue and back it takes some forty-five calls of the package's own functions."""
    cloud_tasks.create_queue("work")
    creating(cloud_tasks, 5)()
    assert calls_within(creating(cloud_tasks, ROUNDS)) / ROUNDS < 48


def test_a_get_task_goes_through_few_functions(cloud_tasks: FakeCloudTasks) -> None:
    """A read takes some twenty-seven calls of the package's own functions."""
    cloud_tasks.create_queue("work")
    client: tasks_v2.CloudTasksClient = cloud_tasks.client()
    name = client.create_task(parent=cloud_tasks.queue_path("work"), task=TASK).name

    def get() -> None:
        for _ in range(ROUNDS):
            client.get_task(name=name)

    client.get_task(name=name)
    assert calls_within(get) / ROUNDS < 31


@pytest.mark.parametrize(("calling", "bound"), [("creating", 1.42), ("getting", 1.3)], ids=["create_task", "get_task"])
def test_a_call_costs_little_more_than_googles_client(calling: str, bound: float) -> None:
    """On the fake it goes through a third more functions than where nothing answers it; a read through a quarter more.

    Google's are counted, too: those of the newest release, earlier ones have fewer.
    """
    from benchmarks import calls

    counts = []
    with calls.fake_client() as fake:
        for client in (fake, calls.floor()):
            call = getattr(calls, calling)(client)
            call(5)
            counts.append(calls_within(lambda call=call: call(ROUNDS), of=""))
    assert counts[0] / counts[1] < bound


def test_an_attempt_goes_through_few_functions(cloud_tasks: FakeCloudTasks) -> None:
    """Draining takes some eighty calls of the package's own functions an attempt, as many for many as for few."""
    cloud_tasks.create_queue("work")
    route = cloud_tasks.route("https://app.test/work", handler=lambda request: None)
    each = []
    for number in (ROUNDS, 20 * ROUNDS):
        creating(cloud_tasks, number)()
        each.append(calls_within(cloud_tasks.drain) / number)

    assert len(route.calls) == 21 * ROUNDS
    assert max(each) < 92
    assert each[1] < 1.2 * each[0]
