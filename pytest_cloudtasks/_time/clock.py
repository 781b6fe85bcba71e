"""The queue's clock."""

from __future__ import annotations

import time
from enum import Enum
from typing import NamedTuple

from .._units import LATEST
from .foreign import ForeignClock, active, following, is_ours, move_forward
from .hold import Hold


class Leap(NamedTuple):
    """The application's time is no longer the queue's: the test's own clock was moved, begun or ended."""

    clock: ForeignClock | None
    """The test's clock; None where time was real before and is held now."""
    was: int
    now: int
    is_new: bool
    """Whether a clock that wasn't there before shows this instant, rather than the same one moved on."""
    instead_of: str | None = None
    """The other library, if it was one of its clocks that was followed until now."""


class Mode(Enum):
    """Whose time it is."""

    FREE = "the application's time is real, whatever the queue does"
    ON_USE = "real until the queue is used, and held from then on"
    HELD = "the queue's and the application's time are one"
    OVER = "real, for good: the test is over"


class Clock:
    """The queue's instant, in nanoseconds since 1970, and what keeps the application's time equal to it.

    Where the test holds time itself, that clock is followed and moved; else the application's time is held here, or,
    for a virtual clock, left alone.
    """

    def __init__(
        self, *, start: int | None = None, virtual: bool = False, resumes: tuple[int, int] | None = None
    ) -> None:
        """``resumes`` is the instant and the origin of an earlier clock, whose place this one takes."""
        self._start = start
        self._virtual = virtual
        self._hold: Hold | None = None
        self._followed: ForeignClock | None = None
        self._is_apart = False
        """Whether it has a time of its own within another fake's."""
        self.mode = Mode.FREE
        self._paused: Mode | None = None
        """What `resume` goes back to."""
        self.has_started = resumes is not None
        """Whether the queue has an instant."""
        self.now, self.origin = resumes or (0, 0)
        """The queue's instant, and the one that the timeline counts from."""

    @property
    def elapsed(self) -> int:
        """Nanoseconds since time is held; leaps to other dates don't count."""
        return self.now - self.origin

    @staticmethod
    def application_now() -> int:
        """Return the application's time, whoever holds it; to look at it changes nothing."""
        return time.time_ns()

    def use(self) -> None:
        """Give the queue an instant, without holding time: a fixture of a wider scope uses it, which runs on."""
        if not self.has_started:
            self.now = self.origin = self._first_instant(None if self._virtual else active(None), whole_second=True)
            self.has_started = True

    def hold_time(self, *, whole_second: bool = True) -> Leap | None:
        """Hold time from here on: at `start`, where a clock of the test's stands, or at the next whole second.

        It is this very instant instead of a ``whole_second`` where a use that nobody could foresee begins the hold.
        If the queue was used before, while time was real, the leap to the instant of the hold is to be accepted.
        """
        if self.mode in (Mode.HELD, Mode.OVER):
            return None
        self.mode = Mode.HELD
        foreign = None if self._virtual else active(None)
        if foreign is not None and self._start is not None:
            if is_ours(foreign):  # another fake's, which has an instant of its own, and tasks that wait for theirs
                foreign, self._is_apart = None, True
            else:
                foreign.move(self._start)
        at = self._first_instant(foreign, whole_second)
        if not self.has_started:
            self.now = self.origin = at
            self.has_started = True
        elif foreign is None:
            at = max(at, self.now)
        if foreign is not None:
            self._followed = foreign
        elif not self._virtual:
            self._hold = Hold(at, is_apart=self._is_apart)
        return None if at == self.now else Leap(foreign, self.now, at, True)

    def hold_when_used(self) -> None:
        """Leave time alone until the queue is used."""
        if self.mode is Mode.FREE:
            self.mode = Mode.ON_USE

    def pause(self) -> None:
        """Let the application's time be real until `resume`, unless a clock of the test's own is in force."""
        if self._hold is not None:
            can_pause = self._hold.is_in_force
        else:
            can_pause = self._virtual or self.mode is Mode.ON_USE or active(None) is None
        if can_pause and self.mode in (Mode.ON_USE, Mode.HELD):
            self.mode, self._paused = Mode.FREE, self.mode
            self._let_go()

    def resume(self) -> None:
        """Go on where `pause` stopped, or the clock that this one has taken the place of."""
        if self._paused is None or self.mode is Mode.OVER:
            return
        self.mode, self._paused = self._paused, None
        if self.mode is not Mode.HELD or self._virtual:
            return
        foreign = active(None)
        if foreign is None or (self._is_apart and is_ours(foreign)):
            self._hold = Hold(self.now, is_apart=self._is_apart)

    def _first_instant(self, foreign: ForeignClock | None, whole_second: bool) -> int:
        if self._start is not None:
            return self._start
        if foreign is not None:
            return foreign.now()
        now = time.time_ns()
        return now + -now % 1_000_000_000 if whole_second else now - now % 1_000

    def observe(self) -> Leap | None:
        """How the application's time differs from the queue's, if it does; nothing is changed but our own hold."""
        if self._virtual or self.mode is not Mode.HELD:
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
        if leap.clock is not None:
            self._follow(leap.clock)

    @staticmethod
    def check_reachable(to: int) -> None:
        """Raise ValueError for an instant that Python's datetime does not have."""
        if to > LATEST:
            raise ValueError(
                "The clock can't go beyond the year 9999, where Python's datetime ends. Advance by less, or give"
                " drain() an instant in until=…."
            )

    def check_within(self, duration: int, what: str) -> None:
        """Raise ValueError if the instant ``duration`` (nanoseconds) from now can't be; ``what`` asks for it."""
        if self.now + duration > LATEST:
            raise ValueError(
                f"{what} leads beyond the year 9999, where Python's datetime ends. Pass a shorter duration."
            )

    def move(self, to: int) -> None:
        """Move the queue, and with it the application's time, forward to ``to``.

        A clock of the test's that ticks may be further by now. It is not turned back.
        """
        assert to >= self.now, "time doesn't go backwards"
        if to == self.now:
            return
        self.check_reachable(to)
        self.now = to
        if self._virtual or self.mode is not Mode.HELD:
            return
        if self._hold is None or not self._hold.is_in_force:
            foreign = active(self._hold and self._hold.traveller, self._followed and self._followed.source)
            if foreign is not None:
                move_forward(foreign, to)
        if self._hold is not None:
            self._hold.move(to)

    def resumed(self) -> Clock:
        """A clock that goes on from here with `resume`, for another simulation."""
        clock = Clock(
            start=self._start, virtual=self._virtual, resumes=(self.now, self.origin) if self.has_started else None
        )
        clock._paused, clock._is_apart = self._paused or self.mode, self._is_apart
        return clock

    def release(self) -> None:
        """Let the application's time run again, for good. The clock keeps its instant."""
        self.mode = Mode.OVER
        self._let_go()

    def _let_go(self) -> None:
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

    def use(self) -> None:
        """Start with the first use, at the wall's instant and as far ahead as it is."""
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
