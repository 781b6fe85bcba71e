"""A process that forks: the child has its copy of the fake, the parent's goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksWarning, FakeCloudTasks
from pytest_cloudtasks._simulation.fork_safety import Forks

QUIET = pytest.mark.filterwarnings("ignore:.* was called in a forked process:pytest_cloudtasks.CloudTasksWarning")
TASK = {"http_request": {"url": "https://app.test/work"}}


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return str(cloud_tasks.create_queue("work").name)


def in_a_child(work: Callable[[], Any]) -> Any:
    """What ``work`` gives in a fork of this process."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        child = os.fork()
    if child == 0:
        told = {}
        try:
            told = {"result": work()}
        except BaseException as error:
            told = {"error": repr(error)}
        finally:
            os.write(writing, json.dumps(told).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = json.load(pipe)
    assert os.waitpid(child, 0)[1] == 0
    assert "error" not in told, told["error"]
    return told["result"]


def said(capfd: pytest.CaptureFixture[str]) -> str:
    """Return the new text on stderr, without gRPC's warning about threads, which other tests started."""
    return re.sub(r"(?m)^I\d{4} .* fork_posix\.cc:\d+\] .*\n", "", capfd.readouterr().err)


@QUIET
def test_a_child_talks_to_its_copy(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """The child's client sees what was there and may change it; the parent's queue stays as it was."""
    client = tasks_v2.CloudTasksClient()
    cloud_tasks.route("https://app.test/work")
    before = client.create_task(parent=queue, task={**TASK, "name": f"{queue}/tasks/before"}).name

    def work() -> dict[str, Any]:
        client.create_task(parent=queue, task={**TASK, "name": f"{queue}/tasks/child"})
        tasks_v2.CloudTasksClient().create_task(parent=queue, task=TASK)
        there = [task.name.rpartition("/")[2] for task in client.list_tasks(parent=queue)]
        return {"there": there, "delivered": cloud_tasks.drain().succeeded, "at": cloud_tasks.clock.now().isoformat()}

    told = in_a_child(work)
    assert (told["there"][:2], len(told["there"]), told["delivered"]) == (["before", "child"], 3, 3)
    assert [task.name for task in cloud_tasks.tasks()] == [before]
    with pytest.raises(exceptions.NotFound):
        client.get_task(name=f"{queue}/tasks/child")
    assert cloud_tasks.drain().succeeded == 1
    assert cloud_tasks.clock.now().isoformat() == told["at"]


def create_in_child(pipe: Any, queue: str) -> None:
    """A worker process of the application's."""
    pipe.send(tasks_v2.CloudTasksClient().create_task(parent=queue, task=TASK).name)
    pipe.close()


@QUIET
def test_a_process_of_multiprocessing(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """A forked worker process enqueues into its copy, and no socket is opened for it."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=create_in_child, args=(theirs, queue))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        process.start()
    theirs.close()
    assert ours.recv().startswith(f"{queue}/tasks/")
    process.join()
    process.close()
    cloud_tasks.assert_nothing_enqueued()


@QUIET
def test_a_fork_in_the_midst_of_calls(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Children of a process whose threads are enqueueing find a fake that is whole, and that answers."""
    client = tasks_v2.CloudTasksClient()
    is_over = threading.Event()
    created: list[str] = []

    def enqueue() -> None:
        while not is_over.is_set():
            created.append(client.create_task(parent=queue, task=TASK).name)

    def work() -> list[int]:
        listed = len(list(client.list_tasks(parent=queue)))
        client.create_task(parent=queue, task=TASK)
        return [listed, len(cloud_tasks.tasks()) - 1]

    threads = [threading.Thread(target=enqueue) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        told = [in_a_child(work) for _ in range(5)]
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert all(listed == there for listed, there in told)
    assert len(cloud_tasks.tasks()) == len(created)


@pytest.mark.filterwarnings("default::pytest_cloudtasks.CloudTasksWarning")
def test_a_child_that_enqueues_into_its_copy_says_so(
    cloud_tasks: FakeCloudTasks, queue: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once in each child, on its stderr; calls that create no task, and those of the parent, say nothing."""
    client = tasks_v2.CloudTasksClient()

    def ask() -> None:
        client.get_queue(name=queue)

    def enqueue() -> None:
        client.create_task(parent=queue, task=TASK)
        client.create_task(parent=queue, task=TASK)

    in_a_child(ask)
    client.create_task(parent=queue, task=TASK)
    assert said(capfd) == ""
    for _ in range(2):
        in_a_child(enqueue)
        assert said(capfd) == (
            "CloudTasksWarning: create_task() was called in a forked process, so its task is only in that process's"
            " copy of the fake. To enqueue from another process, use the cloud_tasks_server fixture and give the"
            " process's client a channel to its address.\n"
        )


def test_a_fake_that_begins_in_a_child(capfd: pytest.CaptureFixture[str]) -> None:
    """It is the child's own, as where each test runs in a fork, and nothing is said."""

    def enqueue() -> int:
        with FakeCloudTasks(queues=["work"]) as fake:
            fake.client().create_task(parent=fake.queue_path("work"), task=TASK)
            return len(fake.tasks())

    assert in_a_child(enqueue) == 1
    assert said(capfd) == ""


@pytest.mark.filterwarnings("error::pytest_cloudtasks.CloudTasksWarning")
def test_a_suite_that_turns_warnings_into_errors(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """There the child's call raises."""

    def enqueue() -> str:
        try:
            tasks_v2.CloudTasksClient().create_task(parent=queue, task=TASK)
        except CloudTasksWarning as error:
            return str(error)[:46]
        return ""

    assert in_a_child(enqueue) == "create_task() was called in a forked process, "


def test_a_fork_waits_for_the_call_that_is_under_way() -> None:
    """All locks are free on both sides of a fork, and nobody has one during it."""
    forks = Forks()
    lock, other = forks.lock(), forks.lock()
    taken, may_end = threading.Event(), threading.Event()
    order = []

    def call() -> None:
        with lock:
            taken.set()
            may_end.wait()
            order.append("call")

    def fork() -> None:
        forks.hold_still()
        order.append("fork")
        forks.go_on()

    threads = [threading.Thread(target=call), threading.Thread(target=fork)]
    threads[0].start()
    taken.wait()
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join()
    assert order == ["call", "fork"]
    for one in (lock, other):
        assert one.acquire(blocking=False)
        one.release()
