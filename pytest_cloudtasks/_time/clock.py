"""The queue's clock."""

from __future__ import annotations

import time
from enum import Enum
from typing import NamedTuple

from .._units import LATEST
from .external import ExternalClock, active, following, is_ours, move_forward
from .hold import Hold


class ClockJump(NamedTuple):
    """A difference between the application's time and the queue's: an external clock was moved, started or stopped."""

    clock: ExternalClock | None
    """The external clock; None where time was real before and is held now."""
    was: int
    now: int
    is_new: bool
    """Whether the instant comes from a clock that started meanwhile, rather than from a move of the same one."""
    instead_of: str | None = None
    """The library whose clock was followed before, if that was another one."""


class Mode(Enum):
    """Who decides the application's time."""

    FREE = "the application's time is real, whatever the queue does"
    ON_USE = "real until the queue is used, and held from then on"
    HELD = "the queue's and the application's time are one"
    OVER = "real, for good: the test is over"


class Clock:
    """The queue's instant, in nanoseconds since 1970. It keeps the application's time equal to that instant.

    If the test holds time itself, the clock follows and moves that external clock. Otherwise it holds the application's
    time, or leaves it alone if the clock is virtual.
    """

    def __init__(
        self, *, start: int | None = None, virtual: bool = False, resumes: tuple[int, int] | None = None
    ) -> None:
        """Start a clock. ``resumes`` is the instant and the time base of an earlier clock that this one replaces."""
        self._start = start
        self._virtual = virtual
        self._hold: Hold | None = None
        self._followed: ExternalClock | None = None
        self._is_apart = False
        """Whether it has a time of its own within another fake's."""
        self.mode = Mode.FREE
        self._paused: Mode | None = None
        """What `resume` goes back to."""
        self.has_started = resumes is not None
        """Whether the queue has an instant."""
        self.now, self.time_base = resumes or (0, 0)
        """The queue's instant, and the one from which the timeline counts."""

    @property
    def elapsed(self) -> int:
        """Nanoseconds since time is held, without jumps to other dates."""
        return self.now - self.time_base

    @staticmethod
    def application_now() -> int:
        """Return the application's time, whoever holds it. Reading it changes nothing."""
        return time.time_ns()

    def use(self) -> None:
        """Give the queue an instant without holding time, for a fixture of a wider scope that runs in real time."""
        if not self.has_started:
            self.now = self.time_base = self._first_instant(None if self._virtual else active(None), whole_second=True)
            self.has_started = True

    def hold_time(self, *, whole_second: bool = True) -> ClockJump | None:
        """Hold time from here on: at `start`, at an external clock's instant, or at the next whole second.

        Without ``whole_second``, hold time at this very instant, because the application may have read it already.
        Return a jump for `accept` if the queue was used before, while time was real.
        """
        if self.mode in (Mode.HELD, Mode.OVER):
            return None
        self.mode = Mode.HELD
        external = None if self._virtual else active(None)
        if external is not None and self._start is not None:
            if is_ours(external):  # another fake's clock must not jump: its tasks wait for their instants
                external, self._is_apart = None, True
            else:
                external.move(self._start)
        at = self._first_instant(external, whole_second)
        if not self.has_started:
            self.now = self.time_base = at
            self.has_started = True
        elif external is None:
            at = max(at, self.now)
        if external is not None:
            self._followed = external
        elif not self._virtual:
            self._hold = Hold(at, is_apart=self._is_apart)
        return None if at == self.now else ClockJump(external, self.now, at, True)

    def hold_when_used(self) -> None:
        """Leave time alone until the queue is used."""
        if self.mode is Mode.FREE:
            self.mode = Mode.ON_USE

    def pause(self) -> None:
        """Let the application's time be real until `resume`, unless an external clock is in force."""
        if self._hold is not None:
            can_pause = self._hold.is_in_force
        else:
            can_pause = self._virtual or self.mode is Mode.ON_USE or active(None) is None
        if can_pause and self.mode in (Mode.ON_USE, Mode.HELD):
            self.mode, self._paused = Mode.FREE, self.mode
            self._let_go()

    def resume(self) -> None:
        """Continue from `pause`, or from the clock that this one replaces."""
        if self._paused is None or self.mode is Mode.OVER:
            return
        self.mode, self._paused = self._paused, None
        if self.mode is not Mode.HELD or self._virtual:
            return
        external = active(None)
        if external is None or (self._is_apart and is_ours(external)):
            self._hold = Hold(self.now, is_apart=self._is_apart)

    def _first_instant(self, external: ExternalClock | None, whole_second: bool) -> int:
        if self._start is not None:
            return self._start
        if external is not None:
            return external.now()
        now = time.time_ns()
        return now + -now % 1_000_000_000 if whole_second else now - now % 1_000

    def observe(self) -> ClockJump | None:
        """Return how the application's time differs from the queue's, if it does. Nothing changes but our own hold."""
        if self._virtual or self.mode is not Mode.HELD:
            return None
        hold = self._hold
        if hold is not None and hold.is_at(self.now):
            return None  # the usual case, first because this runs with every call of a client
        external = active(hold and hold.source, self._followed and self._followed.source)
        if external is None:
            self._followed = None
            if self._hold is None:
                self._hold = Hold(self.now)
                return None
            # A fake nested in this one follows our hold, and moves it.
            external = following(self._hold.source)
            is_new = False
        else:
            is_new = self._followed is None or external.source is not self._followed.source
        now = external.now()
        if now == self.now or now == self.now // 1_000 * 1_000:
            self._follow(external)
            return None
        before = self._followed
        changed = before.name if before is not None and before.name != external.name else None
        return ClockJump(external, self.now, now, is_new, changed)

    def accept(self, jump: ClockJump, *, is_reset: bool) -> None:
        """Set the queue's time to the application's. With ``is_reset``, no time has passed for the timeline."""
        if is_reset:
            self.time_base += jump.now - self.now
        self.now = jump.now
        if jump.clock is not None:
            self._follow(jump.clock)

    @staticmethod
    def check_reachable(to: int) -> None:
        """Raise ValueError if Python's datetime can't represent the instant."""
        if to > LATEST:
            raise ValueError(
                "The clock can't go beyond the year 9999, where Python's datetime ends. Advance by less, or give"
                " drain() an instant in until=…."
            )

    def check_within(self, duration: int, what: str) -> None:
        """Raise ValueError if ``duration`` (nanoseconds) from now is too late; ``what`` names the request."""
        if self.now + duration > LATEST:
            raise ValueError(
                f"{what} leads beyond the year 9999, where Python's datetime ends. Pass a shorter duration."
            )

    def move(self, to: int) -> None:
        """Move the queue, and with it the application's time, forward to ``to``.

        An external clock that ticks may have passed ``to`` already. It is not moved back.
        """
        assert to >= self.now, "time doesn't go backwards"
        if to == self.now:
            return
        self.check_reachable(to)
        self.now = to
        if self._virtual or self.mode is not Mode.HELD:
            return
        if self._hold is None or not self._hold.is_in_force:
            external = active(self._hold and self._hold.source, self._followed and self._followed.source)
            if external is not None:
                move_forward(external, to)
        if self._hold is not None:
            self._hold.move(to)

    def resumed(self) -> Clock:
        """Return a clock for another simulation; it continues from here with `resume`."""
        clock = Clock(
            start=self._start, virtual=self._virtual, resumes=(self.now, self.time_base) if self.has_started else None
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

    def _follow(self, external: ExternalClock) -> None:
        self._followed = external
        if self._hold is None or self._hold.source is external.source:
            return
        if external.ticks_by_process_time:
            self._hold.release()
            self._hold = None
        else:
            # Our hold moves along beneath theirs, because the application sees it when theirs ends.
            self._hold.move(self.now)


class WallClock(Clock):
    """The emulator's clock: the wall clock plus all time jumps so far.

    While it is held, only `move` changes it. It never holds the application's time and never goes back: if the wall
    clock is set back, this clock stops until the wall clock has caught up.
    """

    def __init__(self) -> None:
        super().__init__(virtual=True)
        self._ahead = 0
        self._is_held = False

    @staticmethod
    def wall_now() -> int:
        """Return the wall clock's instant."""
        return time.time_ns()

    def use(self) -> None:
        """Start with the first use, at the wall clock's instant plus the time jumps so far."""
        if not self.has_started:
            self.has_started = True
            self.now = self.time_base = self.wall_now() + self._ahead

    def observe(self) -> None:
        """Follow the wall clock, unless this clock is held."""
        if not self._is_held:
            self.now = max(self.now, self.wall_now() + self._ahead)

    @property
    def is_held(self) -> bool:
        """Whether the clock is held."""
        return self._is_held

    def hold(self) -> None:
        """Hold the clock at this instant."""
        self.observe()
        self._is_held = True

    def let_go(self) -> None:
        """Follow the wall clock again, from here or from where this clock would be without the hold: the later."""
        self._is_held = False
        self._ahead = max(self._ahead, self.now - self.wall_now())
        self.observe()

    def again(self) -> WallClock:
        """Return a fresh clock that is as far ahead of the wall clock as this one."""
        clock = WallClock()
        clock._ahead = self._ahead
        return clock
