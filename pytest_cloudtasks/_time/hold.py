"""A hold of the application's time, by time-machine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import external

if TYPE_CHECKING:
    import time_machine


class Hold:
    """Every clock with a date shows one instant while the hold lasts. Monotonic clocks keep running."""

    def __init__(self, at: int, *, is_apart: bool = False) -> None:
        """Hold time at ``at`` (nanoseconds since 1970). Nothing else may be holding time, unless the hold ``is_apart``.

        A hold apart lies within another fake's hold, whose time does not move meanwhile.
        """
        import time_machine  # imports pytest, and the emulator holds no time

        # A destination in whole seconds leaves the time zone of the process alone; a datetime in UTC would set it.
        seconds = at // 1_000_000_000
        self._travel: time_machine.travel | None = time_machine.travel(seconds, tick=False)
        self.source: Any = self._travel.start()
        self._stack = external.time_machine_stack()
        external.ours_begins(self.source, is_apart=is_apart)
        self.move(at)

    @property
    def is_in_force(self) -> bool:
        """Whether no other hold began within this one."""
        stack = self._stack
        return bool(stack) and stack[-1] is self.source and not external.freezers()

    def is_at(self, instant: int) -> bool:
        """Return whether it is in force and shows ``instant``; a nested fake that follows it may have moved it."""
        stack, ours = self._stack, self.source  # repeats is_in_force: this runs with every call of a client
        if not stack or stack[-1] is not ours or external.freezers():
            return False
        return ours.time_ns() == instant - instant % 1_000  # type: ignore[no-any-return]

    def move(self, to: int) -> None:
        """Move to the instant ``to``, cut to the microsecond."""
        by = to // 1_000 - self.source.time_ns() // 1_000
        if by:
            self.source.shift(timedelta(microseconds=by))

    def release(self) -> None:
        """Let time run again. A hold that another library began after ours stays."""
        if self._travel is None:
            return
        travel, self._travel = self._travel, None
        external.ours_ends(self.source)
        if external.innermost_hold() is not self.source:
            external.forget_hold(self.source)
            return
        with external.freezers_kept():
            travel.stop()
