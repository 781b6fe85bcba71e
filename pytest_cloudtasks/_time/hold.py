"""Holding the application's time, by time-machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine

from . import foreign


class Hold:
    """While it lasts, every clock that tells the date stands at one instant. Monotonic clocks run on."""

    def __init__(self, at: int, *, is_apart: bool = False) -> None:
        """Hold at ``at`` (nanoseconds since 1970). Nothing else may be holding time, unless it ``is_apart``.

        Then it is within the hold of another fake, whose time stands meanwhile.
        """
        # A destination in whole seconds leaves the time zone of the process alone; a datetime in UTC would set it.
        seconds = at // 1_000_000_000
        self._travel: time_machine.travel | None = time_machine.travel(seconds, tick=False)
        self.traveller: Any = self._travel.start()
        self._travellers = foreign.travellers()
        foreign.ours_begins(self.traveller, is_apart=is_apart)
        self.move(at)

    @property
    def is_in_force(self) -> bool:
        """Whether nobody holds time within it."""
        within = self._travellers
        return bool(within) and within[-1] is self.traveller and not foreign.freezers()

    def stands_at(self, instant: int) -> bool:
        """Whether it is in force, and shows ``instant``; somebody who follows it from within may have moved it."""
        within, ours = self._travellers, self.traveller  # as in is_in_force, which every call of a client asks for
        if not within or within[-1] is not ours or foreign.freezers():
            return False
        return ours.time_ns() == instant - instant % 1_000  # type: ignore[no-any-return]

    def move(self, to: int) -> None:
        """Move to the instant ``to``, cut to the microsecond."""
        by = to // 1_000 - self.traveller.time_ns() // 1_000
        if by:
            self.traveller.shift(timedelta(microseconds=by))

    def release(self) -> None:
        """Let time run again; a hold that somebody else began after ours stays."""
        if self._travel is None:
            return
        travel, self._travel = self._travel, None
        foreign.ours_ends(self.traveller)
        if foreign.innermost_traveller() is not self.traveller:
            foreign.forget_traveller(self.traveller)
            return
        with foreign.freezers_kept():
            travel.stop()
