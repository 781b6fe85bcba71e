from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest
import time_machine
from freezegun import freeze_time

from pytest_cloudtasks._time import real

PAST = datetime(1999, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("held", [freeze_time(PAST), time_machine.travel(PAST, tick=False)])
def test_real_time_runs_on_while_the_clock_is_held(held: object) -> None:
    """The real clock is read beneath a hold, whichever library holds time."""
    before, monotonic = time.time(), time.monotonic()
    with held:  # type: ignore[attr-defined]
        assert time.time() == PAST.timestamp()
        assert 0 <= real.now() - before < 3600
        assert 0 <= real.monotonic() - monotonic < 3600


def test_real_time_beneath_two_holds() -> None:
    """A freezer within a hold of time-machine's is looked through as well."""
    before, monotonic = time.time(), time.monotonic()
    with time_machine.travel(PAST, tick=False), freeze_time("2040-01-01"):
        assert 0 <= real.now() - before < 3600
        assert 0 <= real.monotonic() - monotonic < 3600


def test_real_time_is_the_processs_without_a_hold() -> None:
    """Without a hold it is the process's time."""
    before, monotonic = time.time(), time.monotonic()
    assert 0 <= real.now() - before < 3600
    assert 0 <= real.monotonic() - monotonic < 3600
