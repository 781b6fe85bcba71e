"""The queue's clock."""

from __future__ import annotations

import time
from typing import NamedTuple

from .._service.units import LATEST
from .foreign import ForeignClock, active, following, is_ours, move_forward
from .hold import Hold


class Leap(NamedTuple):
    """The application's time is no longer the queue's: the test's own clock was moved, begun or ended."""

    clock: ForeignClock
    was: int
    now: int
    is_new: bool
    """Whether a clock that wasn't there before shows this instant, rather than the same one moved on."""
    instead_of: str | None = None
    """The other library, if it was one of its clocks that was followed until now."""


class Clock:
    """The queue's instant, in nanoseconds since 1970, and what keeps the application's time equal to it.

    It starts with `contact`. Where the test holds time itself, that clock is followed and moved; else the
    application's time is held here, or, for a virtual clock, left alone.
    """

    def __init__(
        self, *, start: int | None = None, virtual: bool = False, resumes: tuple[int, int] | None = None
    ) -> None:
        """``resumes`` is the instant and the origin of an earlier clock, whose place this one takes."""
        self._start = start
        self._virtual = virtual
        self._resumes = resumes
        self._hold: Hold | None = None
        self._followed: ForeignClock | None = None
        self.has_started = False
        """Whether first contact was made."""
        self.now, self.origin = resumes or (0, 0)
        """The queue's instant, and the one that the timeline counts from; before contact, those that it resumes."""

    @property
    def elapsed(self) -> int:
        """Nanoseconds since first contact; leaps to other dates don't count."""
        return self.now - self.origin

    def contact(self, *, by_call: bool = False) -> None:
        """First contact: from now on the queue has an instant, a whole second, and holds it.

        It is the second that has begun. A call of the application (``by_call``) may carry what the application has
        just read off its clock, which must not come to lie ahead: there it is the second that begins next.
        """
        if self.has_started:
            return
        foreign = None if self._virtual else active(None)
        is_apart = False
        if self._resumes is None and foreign is not None and self._start is not None:
            if is_ours(foreign):  # another fake's, which has an instant of its own, and tasks that wait for theirs
                foreign, is_apart = None, True
            else:
                foreign.move(self._start)
        if self._resumes is None:
            self.now = self.origin = self._first_instant(foreign, by_call)
        self.has_started = True
        if foreign is None:
            if not self._virtual:
                self._hold = Hold(self.now, is_apart=is_apart)
        elif self._resumes is None:
            self._followed = foreign

    def _first_instant(self, foreign: ForeignClock | None, by_call: bool) -> int:
        if self._start is not None:
            return self._start
        if foreign is not None:
            return foreign.now()
        now = time.time_ns()
        return now + -now % 1_000_000_000 if by_call else now - now % 1_000_000_000

    def observe(self) -> Leap | None:
        """How the application's time differs from the queue's, if it does; nothing is changed but our own hold."""
        if self._virtual:
            return None
        hold = self._hold
        if hold is not None and hold.stands_at(self.now):
            return None  # the usual case, told quickly: every call of a client asks
        foreign = active(hold and hold.traveller, self._followed and self._followed.source)
        if foreign is None:
            self._followed = None
            if self._hold is None:
                self._hold = Hold(self.now)
                return None
            # A fake nested in this one follows our hold, and moves it.
            foreign = following(self._hold.traveller)
            is_new = False
        else:
            is_new = self._followed is None or foreign.source is not self._followed.source
        now = foreign.now()
        if now == self.now or now == self.now // 1_000 * 1_000:
            self._follow(foreign)
            return None
        before = self._followed
        changed = before.name if before is not None and before.name != foreign.name else None
        return Leap(foreign, self.now, now, is_new, changed)

    def accept(self, leap: Leap, *, set_anew: bool) -> None:
        """Take the application's time for the queue's. Set anew, the timeline counts on as if no time had passed."""
        if set_anew:
            self.origin += leap.now - self.now
        self.now = leap.now
        self._follow(leap.clock)

    def move(self, to: int) -> None:
        """Move the queue, and with it the application's time, forward to ``to``.

        A clock of the test's that ticks may be further by now. It is not turned back.
        """
        assert to >= self.now, "time doesn't go backwards"
        if to == self.now:
            return
        if to > LATEST:
            raise ValueError(
                "The clock can't go beyond the year 9999, where Python's datetime ends. Advance by less, or give"
                " drain() an instant in until=…."
            )
        self.now = to
        if self._virtual:
            return
        if self._hold is None or not self._hold.is_in_force:
            foreign = active(self._hold and self._hold.traveller, self._followed and self._followed.source)
            if foreign is not None:
                move_forward(foreign, to)
        if self._hold is not None:
            self._hold.move(to)

    def resumed(self) -> Clock:
        """A clock that goes on from here, for another world."""
        resumes = (self.now, self.origin) if self.has_started else self._resumes
        return Clock(start=self._start, virtual=self._virtual, resumes=resumes)

    def release(self) -> None:
        """Let the application's time run again. The clock keeps its instant."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def _follow(self, foreign: ForeignClock) -> None:
        self._followed = foreign
        if self._hold is None or self._hold.traveller is foreign.source:
            return
        if foreign.ticks_by_process_time:
            self._hold.release()
            self._hold = None
        else:
            # Kept beneath theirs and moved along, it is what the application sees when theirs ends.
            self._hold.move(self.now)


class WallClock(Clock):
    """The clock of a server that stands alone: the wall's, and as far ahead of it as it was told to jump.

    While it is held it stands at its instant, and moves by `move` alone. It holds nobody else's time, and it never goes
    back: where the wall's is set back, it stands still until that has caught up.
    """

    def __init__(self) -> None:
        super().__init__(virtual=True)
        self._ahead = 0
        self._is_held = False

    @staticmethod
    def on_the_wall() -> int:
        """What the wall's clock shows, whatever this one does."""
        return time.time_ns()

    def contact(self, *, by_call: bool = False) -> None:
        """The clock starts with the first contact, at the wall's instant and as far ahead as it is."""
        if not self.has_started:
            self.has_started = True
            self.now = self.origin = self.on_the_wall() + self._ahead

    def observe(self) -> None:
        """Go on with the wall's clock, unless it is held."""
        if not self._is_held:
            self.now = max(self.now, self.on_the_wall() + self._ahead)

    @property
    def is_held(self) -> bool:
        """Whether it stands."""
        return self._is_held

    def hold(self) -> None:
        """Stand at this instant."""
        self.observe()
        self._is_held = True

    def let_go(self) -> None:
        """Go on from here with the wall's clock, or from where it would be if it had not been held: the later."""
        self._is_held = False
        self._ahead = max(self._ahead, self.now - self.on_the_wall())
        self.observe()

    def again(self) -> WallClock:
        """One that starts anew, as far ahead of the wall's as this one."""
        clock = WallClock()
        clock._ahead = self._ahead
        return clock
