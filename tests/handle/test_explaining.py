"""The parts of a failure's text: values in one line, long lists cut, counts in the right number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks
from pytest_cloudtasks._handle.explaining import count_text, indented, shown, with_timeline

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def parts_of_failure(cloud_tasks: FakeCloudTasks, url: str, count: int) -> list[str]:
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(url=url, count=count)
    return str(caught.value).split("\n\n")


@pytest.mark.parametrize(("count", "text"), [(None, "at least 1 task"), (0, "0 tasks"), (1, "1 task"), (2, "2 tasks")])
def test_counts(count: int | None, text: str) -> None:
    """A number of tasks in words, None for any number."""
    assert count_text(count) == text


def test_values_are_shown_in_one_line_and_cut() -> None:
    """A long value is cut after 200 characters, and its length told."""
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 198) == f"'{'x' * 198}'"
    assert shown("x" * 199) == f"'{'x' * 199}… (201 characters)"


def test_five_tasks_are_shown(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Of more tasks the nearest five are shown, and the rest is counted; that holds for either kind."""
    for index in range(7):
        enqueue(f"t{index}", "https://mailer.test/send")
    near = "\n".join(
        f"  receipts/t{index}  POST https://mailer.test/send  (scheduled)\n"
        "    url: expected 'https://mailer.test/'\n"
        "              got 'https://mailer.test/send'"
        for index in range(5)
    )
    assert parts_of_failure(cloud_tasks, "https://mailer.test/", 1)[2] == (
        f"Not matching, nearest first:\n{near}\n  … and 2 more"
    )
    matching = "\n".join(f"  receipts/t{index}  POST https://mailer.test/send  (scheduled)" for index in range(5))
    assert parts_of_failure(cloud_tasks, "https://mailer.test/send", 1)[2] == f"Matching:\n{matching}\n  … and 2 more"


def test_a_message_with_the_timeline(cloud_tasks: FakeCloudTasks) -> None:
    """The timeline stands at the end, two columns in."""
    cloud_tasks.create_queue("reports")
    assert with_timeline("It failed.", cloud_tasks._resting) == (
        "It failed.\n\nTimeline:\n  +0:00:00  queue receipts created\n  +0:00:00  queue reports created"
    )
    assert indented("a\n\nb") == "  a\n  \n  b"
