from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest
import time_machine
from freezegun import freeze_time

from pytest_cloudtasks._time.clock import Clock, Mode
from pytest_cloudtasks._time.external import innermost_hold
from pytest_cloudtasks._units import LATEST

SECOND = 1_000_000_000
YEAR_2020 = int(datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND
YEAR_2030 = int(datetime(2030, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND


@contextmanager
def started(clock: Clock) -> Iterator[Clock]:
    clock.hold_time()
    try:
        yield clock
    finally:
        clock.release()


@contextmanager
def resumed(first: Clock) -> Iterator[Clock]:
    """The clock that takes the place of ``first``, which is paused."""
    clock = first.resumed()
    clock.resume()
    try:
        yield clock
    finally:
        clock.release()


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the process's clock shows while nobody holds it, as the clock reads it: the last of these instants."""
    shown = [YEAR_2030 + 1]
    held = time.time_ns
    monkeypatch.setattr(
        "pytest_cloudtasks._time.clock.time.time_ns", lambda: shown[-1] if innermost_hold() is None else held()
    )
    return shown


@pytest.mark.parametrize(("beyond", "held"), [(0, 0), (1, SECOND), (SECOND - 1, SECOND)])
def test_time_is_held_at_the_next_whole_second(real: list[int], beyond: int, held: int) -> None:
    """Queue and application start there, so that no earlier reading lies ahead; a whole second is kept."""
    real.append(YEAR_2030 + beyond)
    with started(Clock()) as clock:
        assert (clock.now, clock.time_base, clock.elapsed) == (YEAR_2030 + held, YEAR_2030 + held, 0)
        assert datetime.now(timezone.utc).timestamp() * SECOND == YEAR_2030 + held


def test_an_unforeseen_use_holds_that_very_instant(real: list[int]) -> None:
    """It is cut to the microsecond, the finest that the application reads."""
    real.append(YEAR_2030 + 1_234_567_891)
    clock = Clock()
    clock.hold_time(whole_second=False)
    try:
        assert (clock.now, clock.elapsed) == (YEAR_2030 + 1_234_567_000, 0)
    finally:
        clock.release()


def test_a_use_without_a_hold_gives_the_queue_an_instant(real: list[int]) -> None:
    """It is the next whole second, where the queue stays while the application's time runs on."""
    clock = Clock()
    clock.use()
    real.append(YEAR_2030 + 5 * SECOND)
    clock.use()
    assert (clock.has_started, clock.now, clock.observe()) == (True, YEAR_2030 + SECOND, None)
    assert innermost_hold() is None


def test_a_hold_after_a_use_is_a_leap(real: list[int]) -> None:
    """Where the queue had an instant before, that of the hold is to be accepted, and no time has passed."""
    clock = Clock()
    clock.use()
    real.append(YEAR_2030 + 5 * SECOND + 1)
    jump = clock.hold_time()
    try:
        assert jump == (None, YEAR_2030 + SECOND, YEAR_2030 + 6 * SECOND, True, None)
        clock.accept(jump, is_reset=True)
        assert (clock.now, clock.elapsed, clock.observe()) == (YEAR_2030 + 6 * SECOND, 0, None)
    finally:
        clock.release()


def test_a_pause_lets_real_time_run(real: list[int]) -> None:
    """Meanwhile the queue stays; then both are where they were."""
    with started(Clock(start=YEAR_2020)) as clock:
        clock.move(YEAR_2020 + SECOND)
        clock.pause()
        assert innermost_hold() is None
        assert (clock.observe(), clock.now) == (None, YEAR_2020 + SECOND)
        clock.move(YEAR_2020 + 2 * SECOND)
        assert innermost_hold() is None
        clock.resume()
        assert datetime.now(timezone.utc).timestamp() * SECOND == clock.now == YEAR_2020 + 2 * SECOND


def test_a_pause_leaves_a_clock_of_the_test_alone() -> None:
    """What somebody else holds is not ours to let go."""
    with started(Clock(start=YEAR_2030)) as clock, time_machine.travel(YEAR_2020 // SECOND, tick=False):
        clock.pause()
        assert time.time_ns() == YEAR_2020
        jump = clock.observe()
        assert jump is not None
        assert jump.now == YEAR_2020
        clock.resume()


@pytest.mark.parametrize("again", [Clock.hold_time, Clock.hold_when_used, Clock.resume, Clock.pause])
def test_a_released_clock_holds_nothing_any_more(again: Callable[[Clock], object]) -> None:
    """It keeps its instant, whatever is asked of it."""
    clock = Clock(start=YEAR_2030)
    clock.hold_time()
    clock.pause()
    clock.release()
    again(clock)
    assert (clock.mode, clock.now, clock.observe(), innermost_hold()) == (Mode.OVER, YEAR_2030, None, None)


def test_an_unused_clock_leaves_time_alone() -> None:
    """Before its time is held, it changes nothing."""
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
        assert innermost_hold() is None
        clock.move(begin + SECOND)
        with freeze_time("2020-01-01"):
            assert clock.observe() is None
        assert clock.elapsed == SECOND


def test_a_freezer_that_is_there_is_followed_not_replaced() -> None:
    """Under the user's freezer nothing of ours is started, its instant is the queue's, and it moves with the queue."""
    with freeze_time("2020-01-01 00:00:00.5"), started(Clock()) as clock:
        assert clock.now == YEAR_2020 + SECOND // 2
        assert innermost_hold() is None
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
        jump = clock.observe()
        assert jump is not None
        assert (jump.was, jump.now, jump.is_new) == (YEAR_2020, YEAR_2020 + 60 * SECOND, False)
        clock.accept(jump, is_reset=False)
        assert clock.elapsed == 60 * SECOND
        assert clock.observe() is None


def test_a_freezer_that_begins_later_is_a_leap_to_a_new_clock() -> None:
    """One that begins after the hold is seen as new; after a reset, no time has passed for the timeline."""
    with started(Clock(start=YEAR_2030)) as clock:
        clock.move(YEAR_2030 + SECOND)
        with freeze_time("2020-01-01"):
            jump = clock.observe()
            assert jump is not None
            assert jump.is_new
            clock.accept(jump, is_reset=True)
            assert (clock.now, clock.elapsed) == (YEAR_2020, SECOND)
        assert clock.observe() is None
        assert time.time_ns() == YEAR_2020


def test_a_move_never_turns_the_application_back() -> None:
    """A clock that has passed the queue's target stays there, and is noticed at the next observation."""
    with time_machine.travel(YEAR_2020 // SECOND, tick=False) as travel, started(Clock()) as clock:
        travel.shift(60)
        clock.move(YEAR_2020 + SECOND)
        assert (clock.now, time.time_ns()) == (YEAR_2020 + SECOND, YEAR_2020 + 60 * SECOND)
        jump = clock.observe()
        assert jump is not None
        assert (jump.now, jump.is_new, jump.instead_of) == (YEAR_2020 + 60 * SECOND, False, None)


def test_a_leap_to_the_other_library_says_which_one_was_followed() -> None:
    """A freezer within a hold of time-machine takes over from it, and gives way to it when it ends."""
    with time_machine.travel(YEAR_2030 // SECOND, tick=False), started(Clock()) as clock:
        with freeze_time("2020-01-01"):
            jump = clock.observe()
            assert jump is not None
            assert (jump.clock.name, jump.is_new, jump.instead_of) == ("freezegun", True, "time-machine")
            clock.accept(jump, is_reset=True)
        jump = clock.observe()
        assert jump is not None
        assert (jump.clock.name, jump.is_new, jump.instead_of) == ("time-machine", True, "freezegun")


def test_after_the_freezer_time_is_held_where_it_was() -> None:
    """When the user's freezer ends, the queue stays at its last instant and the application is held there."""
    clock = Clock()
    with freeze_time("2020-01-01"):
        clock.hold_time()
        clock.move(YEAR_2020 + SECOND)
    assert clock.observe() is None
    assert time.time_ns() == YEAR_2020 + SECOND
    clock.release()


def test_a_ticking_freezer_ticks_over_our_hold() -> None:
    """A freezer with tick=True that begins over our hold is not stopped by it, nor moved when the hold goes."""
    with started(Clock(start=YEAR_2030)) as clock, freeze_time("2020-01-01", tick=True):
        jump = clock.observe()
        assert jump is not None
        clock.accept(jump, is_reset=True)
        assert 0 <= time.time_ns() - YEAR_2020 < 60 * SECOND
        seen = time.time_ns()
        while time.time_ns() == seen:
            pass
        assert time.time_ns() > seen


def test_a_hold_of_time_machine_within_ours_is_followed() -> None:
    """A hold of time-machine that begins within ours is followed, and its instant is kept when it ends."""
    with started(Clock(start=YEAR_2030)) as clock:
        with time_machine.travel(YEAR_2020 // SECOND, tick=False):
            jump = clock.observe()
            assert jump is not None
            assert jump.clock.name == "time-machine"
            clock.accept(jump, is_reset=True)
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
        jump = outer.observe()
        assert jump is not None
        assert (jump.now, jump.is_new) == (YEAR_2030 + SECOND, False)
        outer.accept(jump, is_reset=False)
        assert outer.observe() is None
        outer.move(YEAR_2030 + 2 * SECOND)
        assert time.time_ns() == YEAR_2030 + 2 * SECOND


def test_a_resumed_clock_has_its_instant_before_it_holds_time() -> None:
    """It is at the instant of the clock that it replaces."""
    first = Clock(start=YEAR_2030)
    first.hold_time()
    first.move(YEAR_2030 + SECOND)
    first.pause()
    second = first.resumed()

    assert (second.has_started, second.now, second.time_base) == (True, YEAR_2030 + SECOND, YEAR_2030)
    assert second.elapsed == SECOND
    assert second.resumed().now == YEAR_2030 + SECOND


def test_a_resumed_clock_goes_on_from_the_same_instant() -> None:
    """Another simulation's clock begins at this one's instant, with the same elapsed time, and holds there."""
    first = Clock(start=YEAR_2030)
    first.hold_time()
    first.move(YEAR_2030 + SECOND)
    first.pause()
    with resumed(first) as second:
        assert (second.now, second.elapsed) == (YEAR_2030 + SECOND, SECOND)
        assert time.time_ns() == YEAR_2030 + SECOND


def test_only_the_first_hold_counts() -> None:
    """A second one finds the clock where it was moved to."""
    with started(Clock(start=YEAR_2030)) as clock:
        clock.move(YEAR_2030 + SECOND)
        assert clock.hold_time() is None
        assert (clock.now, clock.time_base) == (YEAR_2030 + SECOND, YEAR_2030)


def test_a_clock_ends_where_datetime_does() -> None:
    """The last instant can be reached, no later one, and a rejected move changes nothing."""
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
    """It is at the earlier clock's instant, and the freezer's other instant is a jump to a new clock."""
    first = Clock(start=YEAR_2030)
    first.hold_time()
    first.pause()
    with freeze_time("2020-01-01"), resumed(first) as second:
        assert second.now == YEAR_2030
        jump = second.observe()
        assert jump is not None
        assert (jump.was, jump.now, jump.is_new) == (YEAR_2030, YEAR_2020, True)


def test_a_move_after_the_tests_own_clock_has_ended_is_the_queues_alone() -> None:
    """There is no clock left to move, until the next observation holds time at the queue's instant."""
    freezer = freeze_time("2020-01-01")
    freezer.start()
    with started(Clock()) as clock:
        freezer.stop()
        clock.move(YEAR_2020 + SECOND)
        assert clock.now == YEAR_2020 + SECOND
        clock.observe()
        assert time.time() == (YEAR_2020 + SECOND) / SECOND
