from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest
import time_machine
from freezegun import freeze_time

from pytest_cloudtasks._service.units import LATEST
from pytest_cloudtasks._time.clock import Clock
from pytest_cloudtasks._time.foreign import innermost_traveller

SECOND = 1_000_000_000
YEAR_2020 = int(datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND
YEAR_2030 = int(datetime(2030, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND


@contextmanager
def started(clock: Clock) -> Iterator[Clock]:
    clock.contact()
    try:
        yield clock
    finally:
        clock.release()


def test_first_contact_holds_time_cut_to_the_second() -> None:
    """From first contact on queue and application stand at one whole second, which is now."""
    before = time.time_ns()
    with started(Clock()) as clock:
        assert clock.now % SECOND == 0
        assert 0 <= before - clock.now < 60 * SECOND
        assert time.time_ns() == clock.now
        assert clock.elapsed == 0


def test_a_clock_without_contact_leaves_time_alone() -> None:
    """Before contact nothing is held."""
    clock = Clock(start=YEAR_2030)
    assert not clock.has_started
    assert time.time_ns() != YEAR_2030


def test_a_start_is_where_it_begins() -> None:
    """With a start the clock begins there, to the nanosecond's microsecond."""
    with started(Clock(start=YEAR_2030 + 5_000)) as clock:
        assert clock.now == YEAR_2030 + 5_000
        assert time.time_ns() == YEAR_2030 + 5_000


def test_moving_takes_the_application_along() -> None:
    """A move of the queue is a move of the application."""
    with started(Clock(start=YEAR_2030)) as clock:
        clock.move(YEAR_2030 + 90 * SECOND)
        assert time.time_ns() == YEAR_2030 + 90 * SECOND
        assert clock.elapsed == 90 * SECOND


def test_a_virtual_clock_leaves_the_application_alone() -> None:
    """A virtual clock holds nothing, follows nobody and moves by itself."""
    with started(Clock(virtual=True)) as clock:
        begin = clock.now
        assert innermost_traveller() is None
        clock.move(begin + SECOND)
        with freeze_time("2020-01-01"):
            assert clock.observe() is None
        assert clock.elapsed == SECOND


def test_a_freezer_that_is_there_is_followed_not_replaced() -> None:
    """Under the user's freezer nothing of ours is started, its instant is the queue's, and it moves with the queue."""
    with freeze_time("2020-01-01 00:00:00.5"), started(Clock()) as clock:
        assert clock.now == YEAR_2020 + SECOND // 2
        assert innermost_traveller() is None
        clock.move(YEAR_2020 + SECOND)
        assert time.time_ns() == YEAR_2020 + SECOND
        assert clock.observe() is None


def test_a_start_moves_the_freezer_that_is_there() -> None:
    """Where both are given, the start wins, and the user's freezer shows it."""
    with freeze_time("2020-01-01"), started(Clock(start=YEAR_2030)):
        assert time.time_ns() == YEAR_2030


def test_a_freezer_that_is_moved_is_a_leap_of_the_same_clock() -> None:
    """What the user's freezer was moved by is seen at the next look, and accepted as time that passed."""
    with freeze_time("2020-01-01") as freezer, started(Clock()) as clock:
        freezer.tick(60)
        leap = clock.observe()
        assert leap is not None
        assert (leap.was, leap.now, leap.is_new) == (YEAR_2020, YEAR_2020 + 60 * SECOND, False)
        clock.accept(leap, set_anew=False)
        assert clock.elapsed == 60 * SECOND
        assert clock.observe() is None


def test_a_freezer_that_begins_later_is_a_leap_to_a_new_clock() -> None:
    """One that begins after first contact is seen as new; set anew, no time has passed for the timeline."""
    with started(Clock(start=YEAR_2030)) as clock:
        clock.move(YEAR_2030 + SECOND)
        with freeze_time("2020-01-01"):
            leap = clock.observe()
            assert leap is not None
            assert leap.is_new
            clock.accept(leap, set_anew=True)
            assert (clock.now, clock.elapsed) == (YEAR_2020, SECOND)
        assert clock.observe() is None
        assert time.time_ns() == YEAR_2020


def test_a_move_never_turns_the_application_back() -> None:
    """A clock that has gone further than the queue is to go stays there, and is seen at the next look."""
    with time_machine.travel(YEAR_2020 // SECOND, tick=False) as traveller, started(Clock()) as clock:
        traveller.shift(60)
        clock.move(YEAR_2020 + SECOND)
        assert (clock.now, time.time_ns()) == (YEAR_2020 + SECOND, YEAR_2020 + 60 * SECOND)
        leap = clock.observe()
        assert leap is not None
        assert (leap.now, leap.is_new, leap.instead_of) == (YEAR_2020 + 60 * SECOND, False, None)


def test_a_leap_to_the_other_library_says_which_one_was_followed() -> None:
    """A freezer over a traveller takes over from it, and gives way to it when it ends."""
    with time_machine.travel(YEAR_2030 // SECOND, tick=False), started(Clock()) as clock:
        with freeze_time("2020-01-01"):
            leap = clock.observe()
            assert leap is not None
            assert (leap.clock.name, leap.is_new, leap.instead_of) == ("freezegun", True, "time-machine")
            clock.accept(leap, set_anew=True)
        leap = clock.observe()
        assert leap is not None
        assert (leap.clock.name, leap.is_new, leap.instead_of) == ("time-machine", True, "freezegun")


def test_after_the_freezer_time_is_held_where_it_was() -> None:
    """When the user's freezer ends, the queue stays at its last instant and the application is held there."""
    clock = Clock()
    with freeze_time("2020-01-01"):
        clock.contact()
        clock.move(YEAR_2020 + SECOND)
    assert clock.observe() is None
    assert time.time_ns() == YEAR_2020 + SECOND
    clock.release()


def test_a_ticking_freezer_ticks_over_our_hold() -> None:
    """A freezer with tick=True that begins over our hold is not stopped by it, nor moved when the hold goes."""
    with started(Clock(start=YEAR_2030)) as clock, freeze_time("2020-01-01", tick=True):
        leap = clock.observe()
        assert leap is not None
        clock.accept(leap, set_anew=True)
        assert 0 <= time.time_ns() - YEAR_2020 < 60 * SECOND
        seen = time.time_ns()
        while time.time_ns() == seen:
            pass
        assert time.time_ns() > seen


def test_a_travellers_hold_over_ours_is_followed() -> None:
    """A traveller that begins over our hold is followed, and its instant is kept when it ends."""
    with started(Clock(start=YEAR_2030)) as clock:
        with time_machine.travel(YEAR_2020 // SECOND, tick=False):
            leap = clock.observe()
            assert leap is not None
            assert leap.clock.name == "time-machine"
            clock.accept(leap, set_anew=True)
            clock.move(YEAR_2020 + SECOND)
            assert time.time_ns() == YEAR_2020 + SECOND
        assert time.time_ns() == YEAR_2020 + SECOND
        assert clock.observe() is None


def test_a_clock_nested_in_another_moves_it_along() -> None:
    """A second clock follows the first one's hold, and the first finds the time that has passed."""
    with started(Clock(start=YEAR_2030)) as outer:
        with started(Clock()) as inner:
            assert inner.now == YEAR_2030
            inner.move(YEAR_2030 + SECOND)
        leap = outer.observe()
        assert leap is not None
        assert (leap.now, leap.is_new) == (YEAR_2030 + SECOND, False)
        outer.accept(leap, set_anew=False)
        assert outer.observe() is None
        outer.move(YEAR_2030 + 2 * SECOND)
        assert time.time_ns() == YEAR_2030 + 2 * SECOND


def test_a_resumed_clock_tells_its_instant_before_contact() -> None:
    """A clock that nobody has touched yet stands where the one stood whose place it takes."""
    first = Clock(start=YEAR_2030)
    first.contact()
    first.move(YEAR_2030 + SECOND)
    first.release()
    second = first.resumed()

    assert (second.has_started, second.now, second.origin) == (False, YEAR_2030 + SECOND, YEAR_2030)
    assert second.elapsed == SECOND
    assert second.resumed().now == YEAR_2030 + SECOND


def test_a_resumed_clock_goes_on_from_the_same_instant() -> None:
    """Another world's clock begins where this one stood, with the same elapsed time, and holds there."""
    first = Clock(start=YEAR_2030)
    first.contact()
    first.move(YEAR_2030 + SECOND)
    first.release()
    with started(first.resumed()) as second:
        assert (second.now, second.elapsed) == (YEAR_2030 + SECOND, SECOND)
        assert time.time_ns() == YEAR_2030 + SECOND


def test_only_the_first_contact_counts() -> None:
    """A second one finds the clock where it was moved to."""
    with started(Clock(start=YEAR_2030)) as clock:
        clock.move(YEAR_2030 + SECOND)
        clock.contact()
        assert (clock.now, clock.origin) == (YEAR_2030 + SECOND, YEAR_2030)


def test_a_clock_ends_where_datetime_does() -> None:
    """The last instant can be reached, no later one, and a refused move is none."""
    with started(Clock(start=YEAR_2030, virtual=True)) as clock:
        with pytest.raises(ValueError) as refused:
            clock.move(LATEST + 1)
        assert str(refused.value) == (
            "The clock can't go beyond the year 9999, where Python's datetime ends. Advance by less, or give drain() an"
            " instant in until=…."
        )
        assert clock.now == YEAR_2030
        clock.move(LATEST)
        assert clock.now == LATEST


def test_a_resumed_clock_takes_up_a_freezer_with_the_first_look() -> None:
    """It stands where it stood, and the freezer's other instant is a leap to a clock that is new to it."""
    first = Clock(start=YEAR_2030)
    first.contact()
    first.release()
    with freeze_time("2020-01-01"), started(first.resumed()) as second:
        assert second.now == YEAR_2030
        leap = second.observe()
        assert leap is not None
        assert (leap.was, leap.now, leap.is_new) == (YEAR_2030, YEAR_2020, True)


def test_a_move_after_the_tests_own_clock_has_ended_is_the_queues_alone() -> None:
    """There is no clock left to move along, until the next look at the time holds it where the queue is."""
    freezer = freeze_time("2020-01-01")
    freezer.start()
    with started(Clock()) as clock:
        freezer.stop()
        clock.move(YEAR_2020 + SECOND)
        assert clock.now == YEAR_2020 + SECOND
        clock.observe()
        assert time.time() == (YEAR_2020 + SECOND) / SECOND
