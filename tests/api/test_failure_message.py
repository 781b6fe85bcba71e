"""The parts of a failure's text: the nearest tasks, what was rejected, long lists cut, the timeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks
from pytest_cloudtasks._diagnostics.timeline import with_timeline

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def parts_of_failure(cloud_tasks: FakeCloudTasks, url: str, count: int) -> list[str]:
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(url=url, count=count)
    return str(caught.value).split("\n\n")


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "at least 1 matching task"), (1, "1 matching task"), (2, "2 matching tasks")],
)
def test_counts(cloud_tasks: FakeCloudTasks, count: int | None, text: str) -> None:
    """A number of tasks in words, None for any number."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(url="https://mailer.test/", count=count)
    assert str(caught.value).split("\n\n")[0] == f"Expected {text}, found none."


def test_three_near_tasks_and_five_matching_ones_are_shown(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Of more tasks than that the rest is counted."""
    for index in range(7):
        enqueue(f"t{index}", "https://mailer.test/send")
    near = "\n".join(
        f"  receipts/t{index}  POST https://mailer.test/send  (scheduled)\n"
        "         expected                actual\n"
        "    url  'https://mailer.test/'  'https://mailer.test/send'"
        for index in range(3)
    )
    assert parts_of_failure(cloud_tasks, "https://mailer.test/", 1)[2] == (
        f"Not matching, nearest first:\n{near}\n  … and 4 more"
    )
    matching = "\n".join(f"  receipts/t{index}  POST https://mailer.test/send  (scheduled)" for index in range(5))
    assert parts_of_failure(cloud_tasks, "https://mailer.test/send", 1)[2] == f"Matching:\n{matching}\n  … and 2 more"


def test_what_has_most_in_common_is_nearest(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Of tasks that differ in as many fields, the one with fewer wrong values, and then with fewer wrong letters."""
    enqueue("two-values", body=b'{"order": 1, "total": 2}')
    enqueue("one-value", body=b'{"order": 42, "total": 2}')
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(json={"order": 42, "total": 99})
    assert str(caught.value).split("\n\n")[2] == (
        """\
Not matching, nearest first:
  receipts/one-value  POST https://mailer.test/send  (scheduled)
                expected  actual
    json.total  99        2
  receipts/two-values  POST https://mailer.test/send  (scheduled)
                expected  actual
    json.order  42        1
    json.total  99        2"""
    )
    enqueue("far", "https://elsewhere.test/")
    enqueue("typo", "https://mailer.test/sned")
    near = parts_of_failure(cloud_tasks, "https://mailer.test/sent", 1)[2].splitlines()
    assert [line.split()[0] for line in near if line.startswith("  receipts")] == [
        "receipts/two-values",
        "receipts/one-value",
        "receipts/typo",
    ]


def test_what_a_predicate_raised_is_reported(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An expected function that raises does not match, and the task's lines say what it raised."""
    enqueue("typo", body=b'{"order": 42}')

    def is_ours(body: dict[str, int]) -> bool:
        return body["ordre"] == 42

    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(json=is_ours)

    lines = str(caught.value).split("\n\n")[2].splitlines()
    assert lines[-1] == "    json: the expected function raised KeyError: 'ordre'"


def test_in_a_narrow_terminal_values_stand_below_one_another(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns are for where there is room; what fits keeps them."""
    enqueue("t", body=b'{"order": 41, "note": "%s"}' % (b"x" * 30))
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(json={"order": 42, "note": "y"})
    assert str(caught.value).split("\n\n")[2] == (
        f"""\
Not matching, nearest first:
  receipts/t  POST https://mailer.test/send  (scheduled)
                expected  actual
    json.order  42        41
    json.note
      expected  'y'
        actual  '{"x" * 30}'"""
    )


def refuse(cloud_tasks: FakeCloudTasks, queue: str, **task: object) -> None:
    with pytest.raises(GoogleAPICallError):
        CloudTasksClient().create_task(parent=cloud_tasks.queue_path(queue), task=task)


def test_rejected_calls_that_look_like_it_are_reported(cloud_tasks: FakeCloudTasks) -> None:
    """A rejected task is not a candidate, but it is shown as the likely reason; repeated rejections are counted."""
    cloud_tasks.create_queue("reports")
    request = {"url": "https://mailer.test/send", "body": b'{"order": 42}'}
    refuse(cloud_tasks, "reciepts", http_request=request)
    refuse(cloud_tasks, "reciepts", http_request=request)
    refuse(cloud_tasks, "receipts", name=f"{cloud_tasks.queue_path('reports')}/tasks/a", http_request=request)
    refuse(cloud_tasks, "receipts", http_request={"url": "ftp://elsewhere.test/"})
    refuse(cloud_tasks, "receipts")
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(url="https://mailer.test/send", json={"order": 42}, queue="receipts")
    assert str(caught.value) == (
        """\
Expected 1 matching task, found none.

Expected:
  queue: 'receipts'
  url: 'https://mailer.test/send'
  json: {'order': 42}

No task was enqueued in this test.

Rejected calls that look alike:
  reciepts (unnamed)  POST https://mailer.test/send
    CreateTask was rejected with NOT_FOUND: Queue does not exist. If you just created the queue, wait at least a \
minute for the queue to initialize. (×2)
  reports/a  POST https://mailer.test/send
    CreateTask was rejected with INVALID_ARGUMENT: The queue name from request ('projects/test-project/locations/\
us-central1/queues/receipts') must be the same as the queue name in the named task ('projects/test-project/locations/\
us-central1/queues/reports').

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  create_task reciepts → NOT_FOUND ×2
  +0:00:00  create_task reports/a → INVALID_ARGUMENT
  +0:00:00  create_task receipts → INVALID_ARGUMENT ×2"""
    )


def test_only_the_rejections_of_a_block_are_reported(cloud_tasks: FakeCloudTasks) -> None:
    """Rejections before `expect_enqueued` don't explain its failure, and none explains a task too many."""
    request = {"url": "https://mailer.test/send"}
    refuse(cloud_tasks, "reciepts", http_request=request)
    with pytest.raises(CloudTasksAssertionError) as caught, cloud_tasks.expect_enqueued():
        pass
    assert "Refused" not in str(caught.value)
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("receipts"), task={"http_request": request})
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_nothing_enqueued()
    assert "Refused" not in str(caught.value)


def test_a_message_with_the_timeline(cloud_tasks: FakeCloudTasks) -> None:
    """The timeline comes at the end, indented by two."""
    cloud_tasks.create_queue("reports")
    simulation = cloud_tasks._active
    assert str(with_timeline("It failed.", simulation.history, simulation.service, simulation.clock)) == (
        "It failed.\n\nTimeline:\n  +0:00:00  queue receipts created\n  +0:00:00  queue reports created"
    )


def test_a_body_that_lacks_a_whole_part_is_not_the_nearest(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What is not there counts as all the values that were expected of it, so that one wrong value is nearer."""
    for number in range(3):
        enqueue(f"ping-{number}", body=b'{"ping": 1}')
    enqueue("order", body=b'{"order": {"id": 42, "total": 5, "currency": "EUR"}}')
    with pytest.raises(CloudTasksAssertionError) as failure:
        cloud_tasks.assert_enqueued(json={"order": {"id": 42, "total": 6, "currency": "USD"}})
    nearest = str(failure.value).partition("nearest first:\n")[2]
    assert nearest.startswith("  receipts/order  ")


def test_a_long_text_is_shown_where_the_body_parts_from_it(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A body is shown as text if text was expected; bytes that aren't text stay bytes."""
    enqueue("one", body=b"x" * 1_000 + b"ne")
    with pytest.raises(AssertionError) as caught:
        cloud_tasks.assert_enqueued(body="x" * 1_000 + "ther")
    assert f"expected  …{'x' * 40}ther'\n        actual  …{'x' * 40}ne'\n" in str(caught.value)

    enqueue("two", body=b"\xff")
    with pytest.raises(AssertionError) as caught:
        cloud_tasks.assert_enqueued(name="two", body="x")
    assert r"body  'x'       b'\xff'" in str(caught.value)
