"""The timeline: one line an event, byte for byte the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import time_machine
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._simulation.formatting import duration_text, offset_text
from tests.each import each

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]


def story(enqueue: Enqueue) -> str:
    """All kinds of events, in a fake of its own; unnamed tasks among them."""
    receipts = {"retry_config": {"min_backoff": "10s", "max_attempts": 3, "max_retry_duration": "20s"}}
    with FakeCloudTasks(start=START, queues={"receipts": receipts, "reports": {}}) as cloud_tasks:
        client = tasks_v2.CloudTasksClient()

        def chained(request: TargetRequest) -> int:
            enqueue("follow-up", "https://chain.test/2", queue="reports", schedule_time=START + timedelta(hours=1))
            return 204

        cloud_tasks.route(MAILER).returns(503, 500, 200)
        cloud_tasks.route("https://broken.test/").returns(500)
        cloud_tasks.route("https://slow.test/").raises(TimeoutError).returns(200).takes(timedelta(seconds=2))
        cloud_tasks.route("https://dead.test/").raises(ConnectionError)
        cloud_tasks.route("https://chain.test/1", handler=chained)
        cloud_tasks.route("https://chain.test/2")
        enqueue("mail")
        enqueue("broken", "https://broken.test/")
        enqueue("slow", "https://slow.test/", queue="reports", dispatch_deadline=timedelta(seconds=15))
        dead = enqueue("dead", "https://dead.test/", queue="reports")
        enqueue("chain", "https://chain.test/1", queue="reports", http_method="GET")
        cloud_tasks.step()
        client.update_queue(
            queue={"name": cloud_tasks.queue_path("receipts"), "retry_config": receipts["retry_config"]}
        )
        cloud_tasks.drain(until=timedelta(seconds=0.2))
        client.delete_task(name=dead)
        cloud_tasks.drain(until=timedelta(hours=2))
        client.pause_queue(name=cloud_tasks.queue_path("reports"))
        client.run_task(name=enqueue("forced", "https://slow.test/", queue="reports"))
        enqueue("purged", queue="reports")
        cloud_tasks.dispatch_due()
        client.purge_queue(name=cloud_tasks.queue_path("reports"))
        enqueue("forgotten", queue="reports")
        cloud_tasks.advance(days=31, hours=1)
        client.resume_queue(name=cloud_tasks.queue_path("reports"))
        enqueue("", MAILER)
        cloud_tasks.drain()
        client.delete_queue(name=cloud_tasks.queue_path("reports"))
        return cloud_tasks.timeline()


def test_a_rich_story(enqueue: Enqueue) -> None:
    """Every kind of event has a line that says when, which task and what."""
    assert story(enqueue) == (
        """\
+0:00:00      queue receipts created
+0:00:00      queue reports created
+0:00:00      receipts/mail created: POST https://mailer.test/send
+0:00:00      receipts/broken created: POST https://broken.test/
+0:00:00      reports/slow created: POST https://slow.test/
+0:00:00      reports/dead created: POST https://dead.test/
+0:00:00      reports/chain created: GET https://chain.test/1
+0:00:00      receipts/mail attempt 1 → 503, retry in 10 s
+0:00:00      queue receipts updated
+0:00:00      receipts/broken attempt 1 → 500, retry in 10 s
+0:00:00      reports/slow attempt 1 dispatched
+0:00:00      reports/dead attempt 1 → UNKNOWN, retry in 0.1 s
+0:00:00      reports/follow-up created: POST https://chain.test/2, scheduled for +1:00:00
+0:00:00      reports/chain attempt 1 → 204
+0:00:00.100  reports/dead attempt 2 → UNKNOWN, retry in 0.2 s
+0:00:00.200  reports/dead deleted
+0:00:10      receipts/mail attempt 2 → 500, retry in 20 s
+0:00:10      receipts/broken attempt 2 → 500, retry in 20 s
+0:00:15      reports/slow attempt 1 → DEADLINE_EXCEEDED after 15 s, retry in 0.1 s
+0:00:15.100  reports/slow attempt 2 dispatched
+0:00:17.100  reports/slow attempt 2 → 200 after 2 s
+0:00:30      receipts/mail attempt 3 → 200
+0:00:30      receipts/broken attempt 3 → 500, exhausted: max_attempts 3 and max_retry_duration 20 s
+1:00:00      reports/follow-up attempt 1 → 200
+1:00:00      queue reports paused
+1:00:00      reports/forced created: POST https://slow.test/
+1:00:00      reports/forced attempt 1 (forced) dispatched
+1:00:00      reports/purged created: POST https://mailer.test/send
+1:00:00      queue reports purged
+1:00:00      reports/forgotten created: POST https://mailer.test/send
+1:00:02      reports/forced attempt 1 (forced) → 200 after 2 s, dropped: the task was deleted
+31d 1:00:00  reports/forgotten expired: its retention of 31 days is over
+31d 2:00:00  queue reports resumed
+31d 2:00:00  receipts/00970083792541245186 created: POST https://mailer.test/send
+31d 2:00:00  receipts/00970083792541245186 attempt 1 → 200
+31d 2:00:00  queue reports deleted"""
    )


def test_the_same_story_is_reported_in_the_same_bytes(enqueue: Enqueue) -> None:
    """Ten runs in ten fakes make one text, made-up task IDs included."""
    assert len({story(enqueue) for _ in range(10)}) == 1


def test_nothing_has_happened(cloud_tasks: FakeCloudTasks) -> None:
    """An empty timeline says so."""
    assert cloud_tasks.timeline() == "nothing has happened yet"


def test_offsets_are_aligned(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Texts begin in one column, whatever the widths of their offsets."""
    cloud_tasks.create_queue("receipts")
    cloud_tasks.advance(days=12, milliseconds=1)
    cloud_tasks.create_queue("reports")
    assert cloud_tasks.timeline() == (
        "+0:00:00          queue receipts created\n+12d 0:00:00.001  queue reports created"
    )


def test_a_clock_reset_is_reported(cloud_tasks: FakeCloudTasks) -> None:
    """A clock that the test begins in its midst re-bases an empty fake; offsets count on as if no time had passed."""
    cloud_tasks.create_queue("receipts")
    cloud_tasks.advance(seconds=30)
    with time_machine.travel(datetime(2020, 5, 1, tzinfo=timezone.utc), tick=False):
        assert cloud_tasks.clock.now() == datetime(2020, 5, 1, tzinfo=timezone.utc)
        cloud_tasks.advance(seconds=10)
        cloud_tasks.create_queue("reports")
    assert cloud_tasks.timeline() == (
        "+0:00:00  queue receipts created\n+0:00:30  the test's clock was reset\n+0:00:40  queue reports created"
    )


def test_two_clock_resets_have_two_lines(cloud_tasks: FakeCloudTasks) -> None:
    """Each change has its own offset, also where nothing happened between them."""
    cloud_tasks.create_queue("receipts")
    for year, seconds in ((2020, 5), (2040, 7)):
        with time_machine.travel(datetime(year, 5, 1, tzinfo=timezone.utc), tick=False):
            cloud_tasks.advance(seconds=seconds)
    cloud_tasks.create_queue("reports")
    assert cloud_tasks.timeline() == (
        "+0:00:00  queue receipts created\n"
        "+0:00:00  the test's clock was reset\n"
        "+0:00:05  the test's clock was reset\n"
        "+0:00:12  queue reports created"
    )


@each(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (999, "0 s"),
        (1_000, "0.000001 s"),
        (100_000_000, "0.1 s"),
        (30_000_000_000, "30 s"),
        (60_000_000_000, "1 min"),
        (6_000_000_000_000, "1 h 40 min"),
        (90_061_500_000_000, "1 d 1 h 1 min 1.5 s"),
        (-1_500_000_000, "-1.5 s"),
    ],
)
def test_durations(nanoseconds: int, text: str) -> None:
    """A duration is as long as there is to say, down to the microsecond."""
    assert duration_text(nanoseconds) == text


@each(
    ("nanoseconds", "text"),
    [
        (0, "+0:00:00"),
        (999, "+0:00:00"),
        (100_000_000, "+0:00:00.100"),
        (100_001_000, "+0:00:00.100001"),
        (3_661_000_000_000, "+1:01:01"),
        (259_200_000_000_000, "+3d 0:00:00"),
        (-30_000_000_000, "-0:00:30"),
    ],
)
def test_offsets(nanoseconds: int, text: str) -> None:
    """An offset has hours, minutes and seconds, days where there are any, and milliseconds where they matter."""
    assert offset_text(nanoseconds) == text
