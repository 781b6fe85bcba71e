"""Snapshots of records, by syrupy and by inline-snapshot: written by one run, and found equal by the next."""

from __future__ import annotations

import pytest

COMMON = """
from datetime import datetime, timezone

import pytest
from google.cloud import tasks_v2

pytestmark = pytest.mark.cloud_tasks(queues=["receipts"], start=datetime(2030, 1, 1, tzinfo=timezone.utc))


@pytest.fixture
def task(cloud_tasks):
    cloud_tasks.route("https://mailer.test/send").returns(503, 200)
    tasks_v2.CloudTasksClient().create_task(
        parent=cloud_tasks.queue_path("receipts"),
        task={"http_request": {"url": "https://mailer.test/send", "body": b'{"order": 42}'}},
    )
    cloud_tasks.drain()
    return cloud_tasks.assert_dispatched()
"""
SYRUPY = """

def test_records(task, snapshot):
    assert task.as_dict() == snapshot
    assert task.attempts[0].as_dict() == snapshot


def test_records_themselves(task, snapshot):
    assert task == snapshot
    assert task.attempts[0] == snapshot
"""
INLINE = """
from inline_snapshot import snapshot


def test_records(task):
    assert task.as_dict() == snapshot()
    assert task.attempts[0].as_dict() == snapshot()


def test_records_themselves(task):
    assert task == snapshot()
    assert task.attempts[0] == snapshot()
"""
CASES = {"syrupy": (SYRUPY, "--snapshot-update"), "inline_snapshot": (INLINE, "--inline-snapshot=create")}


@pytest.mark.parametrize("library", CASES)
def test_a_snapshot_is_written_and_found_again(pytester: pytest.Pytester, library: str) -> None:
    """The second run passes with the first one's snapshot, and a task that differs fails."""
    pytest.importorskip(library)
    test, update = CASES[library]
    file = pytester.makepyfile(test_records=COMMON + test)

    pytester.runpytest_subprocess("-q", update)
    again = pytester.runpytest_subprocess("-q")
    again.assert_outcomes(passed=2)

    written = "\n".join(
        path.read_text() for path in (file, *pytester.path.glob("__snapshots__/*.ambr")) if path.exists()
    )
    assert "2030-01-01T00:00:00.100000+00:00" in written
    assert written.replace("'", '"').count('"dispatch_deadline": "600s"') == 2, "one by as_dict(), one by the record"

    file.write_text(file.read_text().replace("returns(503, 200)", "returns(500, 200)"))
    assert pytester.runpytest_subprocess("-q").parseoutcomes()["failed"] == 2
