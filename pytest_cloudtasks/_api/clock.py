"""``cloud_tasks.clock``: the queue's time, to read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from .._simulation.simulation import Simulation
from .._time.instants import to_datetime, to_timedelta


class ClockView:
    """The queue's clock, which is also the application's unless it is virtual."""

    def __init__(self, simulation: Callable[[], Simulation]) -> None:
        self._simulation = simulation

    def now(self) -> datetime:
        """The queue's instant, an aware UTC datetime."""
        return to_datetime(self._simulation().clock.now)

    @property
    def elapsed(self) -> timedelta:
        """The queue's time since time is held."""
        return to_timedelta(self._simulation().clock.elapsed)

    def __repr__(self) -> str:
        return f"<clock at {self.now().isoformat()}, {self.elapsed} elapsed>"
