from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import freezegun.api
import pytest
import time_machine
from freezegun import freeze_time

from pytest_cloudtasks._time.external import (
    active,
    advice_on,
    following,
    forget_hold,
    freezers_kept,
    innermost_hold,
    move_forward,
)
from pytest_cloudtasks._time.hold import Hold

YEAR_2020 = int(datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000_000
MINUTE = 60_000_000_000


@pytest.fixture(autouse=True)
def _no_collector_at_the_clock() -> Iterator[None]:
    """Hypothesis reads the clock at each garbage collection, which would make a stepping freezer take a step."""
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks


def test_the_insides_that_are_used_are_where_they_were() -> None:
    """freezegun and time-machine still keep their holds where this package looks for them."""
    moved = "has moved what pytest_cloudtasks._time.external reads: find the new place, and say which versions have it"
    assert isinstance(getattr(freezegun.api, "freeze_factories", None), list), f"freezegun {moved}"
    stack = getattr(time_machine, "traveller_stack", getattr(time_machine, "coordinates_stack", None))
    assert isinstance(stack, list), f"time-machine {moved}"
    with freeze_time("2020-01-01") as factory:
        assert freezegun.api.freeze_factories[-1] is factory, f"freezegun {moved}"
    with time_machine.travel(0, tick=False) as travel:
        assert stack[-1] is travel, f"time-machine {moved}"


def test_no_external_clock() -> None:
    """Without a hold there is no external clock."""
    assert active(None) is None
    assert innermost_hold() is None


@pytest.mark.parametrize("options", [{}, {"auto_tick_seconds": 15}, {"tick": True}], ids=["frozen", "step", "tick"])
def test_freezegun_is_found_read_and_moved(options: dict[str, object]) -> None:
    """A freezer of any kind is read without being moved, and moved to an instant."""
    with freeze_time("2020-01-01", **options):  # type: ignore[arg-type]
        clock = active(None)
        assert clock is not None
        assert clock.name == "freezegun"
        assert 0 <= clock.now() - YEAR_2020 < MINUTE
        seen = clock.now()
        assert clock.ticks_by_process_time or clock.now() == seen
        clock.move(YEAR_2020 + 10 * MINUTE)
        assert 0 <= clock.now() - (YEAR_2020 + 10 * MINUTE) < MINUTE
        assert datetime.now() - datetime(2020, 1, 1, 0, 10) < timedelta(minutes=1)


def test_a_stepping_freezer_takes_no_step_for_a_move_by_nothing() -> None:
    """Moving a freezer with auto_tick_seconds to its own instant leaves it there."""
    with freeze_time("2020-01-01", auto_tick_seconds=15):
        clock = active(None)
        assert clock is not None
        seen = clock.now()
        clock.move(seen)
        assert clock.now() == seen


def test_only_a_ticking_freezer_runs_by_the_process_clock() -> None:
    """A hold of ours underneath would stop a freezer with tick=True, and no other."""
    for options, ticks in (({"tick": True}, True), ({}, False), ({"auto_tick_seconds": 1}, False)):
        with freeze_time("2020-01-01", **options):  # type: ignore[arg-type]
            clock = active(None)
            assert clock is not None
            assert clock.ticks_by_process_time is ticks


@pytest.mark.parametrize("tick", [False, True])
def test_time_machine_is_found_read_and_moved(tick: bool) -> None:
    """A hold of time-machine is read, and moved to an instant."""
    with time_machine.travel(datetime(2020, 1, 1, tzinfo=timezone.utc), tick=tick) as travel:
        clock = active(None)
        assert clock is not None
        assert (clock.name, clock.source) == ("time-machine", travel)
        assert 0 <= clock.now() - YEAR_2020 < MINUTE
        clock.move(YEAR_2020 + 10 * MINUTE)
        assert datetime.now(timezone.utc) - datetime(2020, 1, 1, 0, 10, tzinfo=timezone.utc) < timedelta(minutes=1)


def test_our_own_hold_is_not_external() -> None:
    """A hold of ours is not taken for somebody else's."""
    hold = Hold(YEAR_2020)
    assert active(hold.source) is None
    assert following(hold.source).now() == YEAR_2020
    hold.release()


def test_freezegun_within_time_machine_is_the_one_in_force() -> None:
    """Of both, the freezer counts: time-machine does not start inside one, so it is the inner."""
    with time_machine.travel(0, tick=False), freeze_time("2020-01-01"):
        clock = active(None)
        assert clock is not None
        assert clock.name == "freezegun"


def test_forgetting_a_hold_leaves_the_others() -> None:
    """A hold is removed from the middle of the stack; removing it again is no error."""
    with time_machine.travel(0, tick=False) as outer:
        hold = Hold(YEAR_2020)
        forget_hold(hold.source)
        forget_hold(hold.source)
        assert innermost_hold() is outer


def test_a_library_that_was_never_imported_holds_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is imported to ask, and there is nothing of freezegun's to be kept."""
    for name in ("freezegun.api", "time_machine"):
        monkeypatch.delitem(sys.modules, name)
    with freezers_kept():
        assert active(None) is None
        assert innermost_hold() is None
    assert not {"freezegun.api", "time_machine"} & set(sys.modules)


def test_a_hold_that_is_there_already_is_left_alone() -> None:
    """A move by nothing, or by less than a microsecond, has no effect; a move forward never turns it back."""
    with time_machine.travel(datetime(2020, 1, 1, tzinfo=timezone.utc), tick=False):
        clock = active(None)
        assert clock is not None
        for to in (YEAR_2020, YEAR_2020 + 999):
            clock.move(to)
            assert clock.now() == YEAR_2020
        move_forward(clock, YEAR_2020 - MINUTE)
        assert clock.now() == YEAR_2020


@pytest.mark.parametrize(
    "error",
    [RuntimeError("something else"), ValueError("time-machine cannot start when freezegun is active, but not so")],
)
def test_there_is_advice_on_one_error_alone(error: Exception) -> None:
    """Other errors are not this package's."""
    assert advice_on(error) is None


def test_the_advice_names_the_two_ways_out() -> None:
    """It is for time-machine's own error."""
    with freeze_time("2020-01-01"), pytest.raises(RuntimeError) as refused:
        time_machine.travel(0).start()
    assert advice_on(refused.value) == (
        "time-machine can't start while freezegun holds time. Start time-machine first, or use only one of the two:"
        " cloud_tasks follows and moves either."
    )
