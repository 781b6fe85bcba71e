"""The clock of a server that stands alone, on a wall whose clock the test sets."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_cloudtasks._time.clock import WallClock

SECOND = 1_000_000_000
START = 1_900_000_000 * SECOND


@dataclass
class Wall:
    now: int = START


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The wall's clock, which goes on when the test says so."""
    wall = Wall()
    monkeypatch.setattr(WallClock, "wall_now", staticmethod(lambda: wall.now))
    return wall


@pytest.fixture
def clock(wall: Wall) -> WallClock:
    """One that has started at `START`."""
    clock = WallClock()
    clock.use()
    return clock


def test_wall_now_is_the_process_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again each time."""
    monkeypatch.setattr("time.time_ns", iter([START, START + 1]).__next__)
    assert [WallClock.wall_now(), WallClock.wall_now()] == [START, START + 1]


def test_it_starts_with_the_first_use(wall: Wall) -> None:
    """At the wall's instant, to the nanosecond; later ones change nothing."""
    clock = WallClock()
    assert not clock.has_started
    clock.use()
    wall.now += SECOND
    clock.use()
    assert (clock.has_started, clock.now, clock.time_base) == (True, START, START)


def test_it_follows_the_wall_clock(wall: Wall, clock: WallClock) -> None:
    """Each observation updates it."""
    wall.now += SECOND
    assert clock.now == START
    clock.observe()
    assert (clock.now, clock.elapsed) == (START + SECOND, SECOND)


def test_it_never_goes_back(wall: Wall, clock: WallClock) -> None:
    """If the wall clock is set back, this one stays until the wall clock has caught up."""
    wall.now -= 10 * SECOND
    clock.observe()
    assert clock.now == START
    wall.now += 11 * SECOND
    clock.observe()
    assert clock.now == START + SECOND


def test_while_held_it_moves_only_by_move(wall: Wall, clock: WallClock) -> None:
    """It is held at its current instant, and the wall clock runs on alone."""
    assert not clock.is_held
    wall.now += SECOND
    clock.hold()
    wall.now += SECOND
    clock.observe()
    assert (clock.is_held, clock.now) == (True, START + SECOND)
    clock.move(START + 60 * SECOND)
    assert clock.now == START + 60 * SECOND


def test_let_go_it_runs_on_from_where_it_was_moved_to(wall: Wall, clock: WallClock) -> None:
    """As far ahead of the wall's as the jump has brought it."""
    clock.hold()
    clock.move(START + 60 * SECOND)
    clock.let_go()
    wall.now += SECOND
    clock.observe()
    assert (clock.is_held, clock.now) == (False, START + 61 * SECOND)


def test_let_go_it_is_where_it_would_have_been_without(wall: Wall, clock: WallClock) -> None:
    """A hold in which the clock was moved less than the wall clock leaves no difference."""
    clock.hold()
    wall.now += 60 * SECOND
    clock.move(START + SECOND)
    clock.let_go()
    assert clock.now == START + 60 * SECOND


def test_one_that_starts_again_is_as_far_ahead(wall: Wall, clock: WallClock) -> None:
    """It counts from its own first use."""
    clock.hold()
    clock.move(START + 60 * SECOND)
    clock.let_go()
    anew = clock.again()
    assert not anew.has_started
    anew.use()
    assert (anew.now, anew.elapsed) == (START + 60 * SECOND, 0)
