"""`timeout=`: assertions wait in real time for what other threads enqueue, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks
from pytest_cloudtasks._api.fake import simulation_of

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
LONG = 60
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


@contextmanager
def once_it_waits(cloud_tasks: FakeCloudTasks, act: Callable[[], object]) -> Iterator[None]:
    """Let another thread act as soon as the assertion in the block waits."""
    history: Any = simulation_of(cloud_tasks).history
    grown, waits = history._grown, threading.Event()
    wait = grown.wait

    def waiting(seconds: float) -> bool:
        waits.set()
        return bool(wait(seconds))

    grown.wait = waiting
    thread = threading.Thread(target=lambda: waits.wait(LONG) and act())
    thread.start()
    yield
    thread.join()


def test_a_task_of_another_thread_is_waited_for(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The assertion returns it, and the queue's time does not move."""
    with once_it_waits(cloud_tasks, lambda: enqueue("one")):
        assert cloud_tasks.assert_enqueued(name="one", timeout=LONG).id == "one"
    assert cloud_tasks.clock.elapsed == timedelta(0)


def test_as_many_as_are_expected_are_waited_for(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """One that is there already counts, one that does not match doesn't."""
    enqueue("one")

    def act() -> None:
        enqueue("other", "https://other.test/")
        enqueue("two")

    with once_it_waits(cloud_tasks, act):
        tasks = cloud_tasks.assert_enqueued(url="https://mailer.test/send", count=2, timeout=LONG)
    assert [task.id for task in tasks] == ["one", "two"]


def test_a_dispatch_is_waited_for(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Another thread may drive the queue."""
    cloud_tasks.route("*")
    enqueue("one")
    with once_it_waits(cloud_tasks, cloud_tasks.dispatch_due):
        assert cloud_tasks.assert_dispatched(timeout=LONG).id == "one"


def test_what_a_block_enqueues_is_waited_for(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The time begins when the block ends; tasks from before it don't count."""
    enqueue("before")
    with once_it_waits(cloud_tasks, lambda: enqueue("one")), cloud_tasks.expect_enqueued(timeout=LONG) as tasks:
        pass
    assert [task.id for task in tasks] == ["one"]


def test_what_is_there_is_not_waited_for(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Neither when it is enough, nor when it is too much already."""
    enqueue("one")
    enqueue("two")
    assert len(cloud_tasks.assert_enqueued(count=None, timeout=LONG)) == 2
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(timeout=LONG)
    assert str(caught.value).splitlines()[0] == "Expected 1 task within 60 s, found 2."


@pytest.mark.parametrize("timeout", [0, 0.001])
def test_the_time_is_up(cloud_tasks: FakeCloudTasks, timeout: float) -> None:
    """The message says how long it has waited."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(name="one", timeout=timeout)
    first = str(caught.value).splitlines()[0]
    assert first == f"Expected 1 matching task within {timeout:g} s, found none."


@pytest.mark.parametrize(
    ("timeout", "kind"),
    [(-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), ("5s", TypeError), (True, TypeError)],
)
def test_a_timeout_is_a_number_of_seconds(cloud_tasks: FakeCloudTasks, timeout: Any, kind: type[Exception]) -> None:
    """Anything else is rejected in a sentence."""
    with pytest.raises(kind) as caught:
        cloud_tasks.assert_enqueued(timeout=timeout)
    assert str(caught.value) == (f"timeout takes a number of seconds of real time, such as 5, but got {timeout!r}.")
