from __future__ import annotations

import calendar
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest
import time_machine

from pytest_cloudtasks._time.external import innermost_hold
from pytest_cloudtasks._time.hold import Hold

NEW_YEAR_2030 = int(datetime(2030, 1, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000_000


@pytest.fixture
def hold() -> Iterator[Hold]:
    hold = Hold(NEW_YEAR_2030)
    yield hold
    hold.release()


def test_every_clock_with_a_date_is_held(hold: Hold) -> None:
    """time.time, datetime.now and datetime.utcnow show the held instant; monotonic clocks run on."""
    assert time.time_ns() == NEW_YEAR_2030
    assert datetime.now(timezone.utc) == datetime(2030, 1, 1, tzinfo=timezone.utc)
    before = time.monotonic_ns()
    while time.monotonic_ns() == before:
        pass
    assert time.time_ns() == NEW_YEAR_2030


@pytest.mark.parametrize(
    "read",
    [
        time.time,
        lambda: time.time_ns() / 1_000_000_000,
        lambda: time.clock_gettime(time.CLOCK_REALTIME),
        lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / 1_000_000_000,
        lambda: calendar.timegm(time.gmtime()),
        lambda: time.mktime(time.localtime()),
        lambda: float(time.strftime("%s")),
        lambda: datetime.now().timestamp(),
        lambda: datetime.today().timestamp(),
        lambda: datetime.now(timezone.utc).timestamp(),
    ],
)
def test_what_the_page_on_time_lists_is_held(hold: Hold, read: Callable[[], float]) -> None:
    """Each shows the held instant."""
    assert read() == NEW_YEAR_2030 / 1_000_000_000


@pytest.mark.parametrize("read", [time.ctime, time.asctime])
def test_what_the_page_on_time_says_is_not_held(hold: Hold, read: Callable[[], str]) -> None:
    """time-machine leaves them alone; this fails when it no longer does, and the page can be shorter."""
    assert not read().endswith("2030")
    assert time.ctime(time.time()) == time.asctime(time.localtime())
    assert time.ctime(time.time()).endswith("2030") or time.ctime(time.time()).endswith("2029")


def test_it_moves_exactly_to_the_microsecond(hold: Hold) -> None:
    """A move cuts nanoseconds and nothing else."""
    hold.move(NEW_YEAR_2030 + 100_000_999)
    assert time.time_ns() == NEW_YEAR_2030 + 100_000_000
    assert hold.is_at(NEW_YEAR_2030 + 100_000_999)
    assert not hold.is_at(NEW_YEAR_2030 + 100_001_000)


def test_the_time_zone_of_the_process_is_left_alone(hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holding sets no TZ, which would change what the application takes for local time."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    another = Hold(NEW_YEAR_2030)
    assert os.environ["TZ"] == "Asia/Tokyo"
    another.release()


def test_release_lets_time_run() -> None:
    """After the release the wall clock is back, and a second release does nothing."""
    hold = Hold(NEW_YEAR_2030)
    hold.release()
    hold.release()
    assert innermost_hold() is None
    assert time.time_ns() != NEW_YEAR_2030


def test_a_later_hold_of_somebody_else_survives_the_release() -> None:
    """Released from beneath another hold, ours goes and theirs stays and ends cleanly."""
    hold = Hold(NEW_YEAR_2030)
    with time_machine.travel(0, tick=False):
        hold.release()
        assert time.time() == 0
    assert innermost_hold() is None
    assert time.time() > 1_000_000_000
