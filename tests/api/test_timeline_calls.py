"""What the timeline has beside the events of the service: calls, what is held back, and its length in messages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks
from pytest_cloudtasks._diagnostics.timeline import timeline_excerpt

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def excerpt(cloud_tasks: FakeCloudTasks) -> str:
    """The timeline as a message has it."""
    simulation = cloud_tasks._active
    return timeline_excerpt(simulation.history, simulation.service, simulation.clock)


def told(cloud_tasks: FakeCloudTasks) -> list[str]:
    """The timeline without the creation of the queue."""
    return cloud_tasks.timeline().splitlines()[1:]


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return cloud_tasks.queue_path("receipts")


def test_calls_that_follow_each_other_are_one_line(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, queue: str) -> None:
    """They are counted by RPC, with what they are about where that is one thing; an event begins another line."""
    client = CloudTasksClient()
    one, two = enqueue("one"), enqueue("two")
    for _ in range(12):
        client.get_task(name=one)
    list(client.list_tasks(parent=queue))
    list(client.list_queues(parent=queue.rpartition("/queues/")[0]))
    client.pause_queue(name=queue)
    client.get_task(name=one)
    client.get_task(name=two)
    assert told(cloud_tasks)[2:] == [
        "+0:00:00  get_task receipts/one ×12, list_tasks receipts ×2, list_queues ×2",  # the last page has a token, too
        "+0:00:00  queue receipts paused",
        "+0:00:00  get_task ×2",
        "+0:00:00  2 tasks blocked: the queue is paused (receipts/one, receipts/two)",
    ]


def test_calls_over_time_are_one_line(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Polling is shown with its first and its last instant."""
    for _ in range(5):
        CloudTasksClient().get_queue(name=queue)
        cloud_tasks.advance(seconds=10)
    assert told(cloud_tasks) == ["+0:00:00  get_queue receipts ×5, the last at +0:00:40"]


def test_rejected_calls_have_their_code(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, queue: str) -> None:
    """Each is a line, unless the same call is rejected in the same way; a planned failure is shown by its plan."""
    client = CloudTasksClient()
    enqueue("one")
    for _ in range(2):
        with suppress(GoogleAPICallError):
            enqueue("one")
    for name in ("two", "three"):
        with suppress(GoogleAPICallError):
            client.delete_task(name=f"{queue}/tasks/{name}")
    cloud_tasks.fail_rpc("get_queue", "INTERNAL")
    with suppress(GoogleAPICallError):
        client.get_queue(name=queue)
    client.get_queue(name=queue)
    assert told(cloud_tasks)[1:] == [
        "+0:00:00  create_task receipts/one → ALREADY_EXISTS ×2",
        "+0:00:00  delete_task receipts/two → NOT_FOUND",
        "+0:00:00  delete_task receipts/three → NOT_FOUND",
        "+0:00:00  get_queue → INTERNAL by fail_rpc()",
        "+0:00:00  get_queue receipts",
    ]


def test_a_call_that_changed_something_is_reported_by_that(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """CreateTask, DeleteTask and RunTask are their events."""
    cloud_tasks.route("*")
    client = CloudTasksClient()
    client.run_task(name=enqueue("one", schedule_time=START + timedelta(hours=1)))
    client.delete_task(name=enqueue("two"))
    cloud_tasks.dispatch_due()
    assert told(cloud_tasks) == [
        "+0:00:00  receipts/one created: POST https://mailer.test/send, scheduled for +1:00:00",
        "+0:00:00  receipts/two created: POST https://mailer.test/send",
        "+0:00:00  receipts/two deleted",
        "+0:00:00  receipts/one attempt 1 (forced) → 200",
    ]


@pytest.mark.cloud_tasks(auto_create_queues=True)
def test_a_rejected_call_that_made_a_queue_is_reported(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """The queue was created for it, and the task was not."""
    with suppress(GoogleAPICallError):
        CloudTasksClient().create_task(parent=f"{queue}-2", task={"http_request": {"url": "ftp://a.test/"}})
    assert told(cloud_tasks) == [
        "+0:00:00  create_task receipts-2 → INVALID_ARGUMENT",
        "+0:00:00  queue receipts-2 created",
    ]


@pytest.mark.cloud_tasks(service={"burst_size": 1})
def test_tasks_that_are_held_back_come_last(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With the reason, as it is now; what waits for its time is not held back."""
    cloud_tasks.route("*")
    client = CloudTasksClient()
    cloud_tasks.create_queue("slow", rate_limits={"max_dispatches_per_second": 0.1})
    for index in range(3):
        enqueue(f"s{index}", queue="slow")
    enqueue("later", schedule_time=START + timedelta(hours=1))
    cloud_tasks.dispatch_due()
    client.pause_queue(name=cloud_tasks.create_queue("paused").name)
    for index in range(5):
        enqueue(f"p{index}", queue="paused")
    cloud_tasks.advance(seconds=1)
    assert told(cloud_tasks)[-2:] == [
        "+0:00:01  2 tasks blocked: max_dispatches_per_second is used up (slow/s1, slow/s2)",
        "+0:00:01  5 tasks blocked: the queue is paused (paused/p0, paused/p1, paused/p2 and 2 more)",
    ]
    client.purge_queue(name=cloud_tasks.queue_path("paused"))
    cloud_tasks.advance(seconds=10)
    assert told(cloud_tasks)[-1] == "+0:00:11  slow/s2 blocked: max_dispatches_per_second is used up"


def test_a_message_has_beginning_and_end_of_a_long_timeline(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Forty lines, and how many are left out; a single one more is not worth that line."""
    for index in range(40):
        enqueue(f"t{index}")
    assert excerpt(cloud_tasks) == cloud_tasks.timeline()
    for index in range(40, 100):
        enqueue(f"t{index}")
    lines = cloud_tasks.timeline().splitlines()
    assert len(lines) == 101
    assert excerpt(cloud_tasks).splitlines() == [
        *lines[:12],
        "… 61 lines left out; cloud_tasks.timeline() has them all …",
        *lines[-28:],
    ]
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_nothing_enqueued()
    assert str(caught.value).splitlines()[-29:-27] == [
        "  … 61 lines left out; cloud_tasks.timeline() has them all …",
        "  +0:00:00  receipts/t72 created: POST https://mailer.test/send",
    ]


def test_a_message_cuts_long_lines(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A URL of two thousand characters doesn't fill the screen; the timeline itself has it whole."""
    url = f"https://mailer.test/{'x' * 2000}"
    enqueue("one", url)
    assert told(cloud_tasks) == [f"+0:00:00  receipts/one created: POST {url}"]
    line = excerpt(cloud_tasks).splitlines()[1]
    assert line == f"+0:00:00  receipts/one created: POST {url}"[:300] + "… (1757 more characters)"


def test_a_call_ends_with_an_unexpected_exception(
    cloud_tasks: FakeCloudTasks, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not under way for ever: the timeline shows the call, which has the exception."""
    service, broken = cloud_tasks._active.service, ZeroDivisionError("broken")

    def get_queue(*arguments: object) -> None:
        raise broken

    monkeypatch.setattr(service, "get_queue", get_queue)
    with pytest.raises(ZeroDivisionError):
        CloudTasksClient().get_queue(name=queue)
    assert told(cloud_tasks) == ["+0:00:00  get_queue receipts"]
    assert [(call.method, call.result, call.error) for call in cloud_tasks.rpcs] == [("get_queue", None, broken)]
