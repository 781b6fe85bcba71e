"""What `cloud_tasks.queue(id)` tells of a queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
NARROW = {"rate_limits": {"max_concurrent_dispatches": 2, "max_dispatches_per_second": 4}}
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=[{"receipts": NARROW}, "reports"], service={"burst_size": 1})


def test_a_queue_that_has_done_nothing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Tasks that wait are no attempts."""
    enqueue("one", schedule_time=START + timedelta(hours=1))
    queue = cloud_tasks.queue("receipts")
    assert (queue.id, queue.name) == ("receipts", cloud_tasks.queue_path("receipts"))
    assert (queue.attempts, queue.peak_concurrency, queue.peak_rate(), queue.span) == ([], 0, 0, timedelta(0))
    assert repr(queue) == "<queue receipts, 0 attempts>"


def test_it_counts_its_own_attempts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Retries among them, those of other queues not; the span ends with the last answer."""
    cloud_tasks.route(MAILER).returns(503, 200).takes(timedelta(seconds=1))
    queue = cloud_tasks.queue("receipts")
    for number in range(4):
        enqueue(f"t{number}")
        enqueue(f"t{number}", queue="reports")
    cloud_tasks.drain(queue="receipts")
    assert [one.task.queue for one in queue.attempts] == ["receipts"] * 5
    assert [(one.dispatch_time - START).total_seconds() for one in queue.attempts] == [0, 0.25, 1, 1.25, 2]
    assert (queue.peak_concurrency, queue.span) == (2, timedelta(seconds=3))
    assert queue == cloud_tasks.queue(queue.name)
    assert len({queue, cloud_tasks.queue("receipts"), cloud_tasks.queue("reports")}) == 2


@pytest.mark.parametrize(
    ("per", "rate"),
    [
        (timedelta(seconds=1), 4),
        (timedelta(milliseconds=1001), 5),
        (timedelta(milliseconds=250), 1),
        (timedelta(hours=1), 9),
    ],
)
def test_the_peak_rate_is_that_of_any_window(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, per: timedelta, rate: int
) -> None:
    """Its end does not count: four a second are four in every second, wherever that begins."""
    cloud_tasks.route(MAILER)
    for number in range(9):
        enqueue(f"t{number}")
    cloud_tasks.drain()
    assert cloud_tasks.queue("receipts").peak_rate(per) == rate


def test_forced_attempts_count_as_well(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """RunTask and dispatch() go past the limits, and the record shows it."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=10))
    names = [enqueue(f"t{number}") for number in range(4)]
    cloud_tasks.advance(seconds=1)
    tasks_v2.CloudTasksClient().run_task(name=names[2])
    cloud_tasks.dispatch(names[3])
    cloud_tasks.drain()
    assert cloud_tasks.queue("receipts").peak_concurrency == 4


def test_a_deleted_queue_has_a_record(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its attempts stay, and those under way continue to their end."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=10))
    enqueue("one")
    cloud_tasks.dispatch_due()
    tasks_v2.CloudTasksClient().delete_queue(name=cloud_tasks.queue_path("receipts"))
    cloud_tasks.drain()
    queue = cloud_tasks.queue("receipts")
    assert (len(queue.attempts), queue.span) == (1, timedelta(seconds=10))


def test_what_cannot_be_asked_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """An unknown queue and a window without length are rejected in words."""
    with pytest.raises(LookupError) as unknown:
        cloud_tasks.queue("receits")
    assert unknown.value.args[0] == (
        "There is no queue 'receits'. Did you mean 'receipts'? The queues of this test are receipts and reports."
        " Create it with cloud_tasks.create_queue('receits'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in"
        " the ini option cloud_tasks_queues."
    )
    with pytest.raises(ValueError) as empty:
        cloud_tasks.queue("receipts").peak_rate(timedelta(0))
    assert str(empty.value) == "peak_rate() takes a duration of more than zero, but got datetime.timedelta(0)."
