"""``cloud_tasks.clock``: the queue's time, to read."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from pytest_cloudtasks import FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)


@pytest.mark.cloud_tasks(start=START)
def test_now_and_elapsed(cloud_tasks: FakeCloudTasks) -> None:
    """now() is an aware UTC datetime, elapsed counts from the start of the test, and both follow the methods."""
    assert (cloud_tasks.clock.now(), cloud_tasks.clock.elapsed) == (START, timedelta(0))
    assert cloud_tasks.clock.now().tzinfo is timezone.utc
    cloud_tasks.advance(hours=1, milliseconds=1)
    assert cloud_tasks.clock.now() == START + timedelta(hours=1, milliseconds=1)
    assert cloud_tasks.clock.elapsed == timedelta(hours=1, milliseconds=1)
    assert repr(cloud_tasks.clock) == "<clock at 2030-01-01T01:00:00.001000+00:00, 1:00:00.001000 elapsed>"


def test_reading_moves_nothing(cloud_tasks: FakeCloudTasks) -> None:
    """Time is held at a whole second, and queue and application read the same."""
    now = cloud_tasks.clock.now()
    assert now.microsecond == 0
    assert datetime.now(timezone.utc) == cloud_tasks.clock.now() == now
    assert time.time() == now.timestamp()


@pytest.mark.cloud_tasks(start=START, time="virtual")
def test_a_virtual_clock_is_the_queues_alone(cloud_tasks: FakeCloudTasks) -> None:
    """The queue's time starts and moves, and the application's time is not affected."""
    cloud_tasks.advance(days=1)
    assert cloud_tasks.clock.now() == START + timedelta(days=1)
    assert abs(datetime.now(timezone.utc) - cloud_tasks.clock.now()) > timedelta(hours=1)
