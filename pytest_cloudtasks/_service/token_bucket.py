"""The token bucket that limits a queue's dispatches."""

from __future__ import annotations

import math
from fractions import Fraction

from .units import SECOND


class DispatchRate:
    """A token bucket: at most ``burst`` tokens, refilled at ``rate`` a second, one token a dispatch.

    It starts full, and refills whether or not the queue runs. Evidence: documented (bucket); full at the start and
    refilling while paused are our choice.

    Kept as the instant at which the bucket will be full again, in whole nanoseconds, so that nothing drifts: each
    token taken moves that instant by one interval, and a token is there while it is less than ``burst`` intervals off.
    """

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at: int | None = None

    def ready_at(self) -> int | None:
        """From when on a token is there; None for always (nothing was ever taken)."""
        if self._full_at is None:
            return None
        return self._full_at - (self._burst - 1) * self._interval

    def take(self, now: int) -> None:
        """Take one token at ``now``; the caller has seen that one is there."""
        self._full_at = (now if self._full_at is None else max(self._full_at, now)) + self._interval

    def change(self, rate: float | Fraction, burst: int, now: int) -> None:
        """New settings: the tokens that are there stay, up to the new burst. Evidence: our choice."""
        kept = min(self._there(now), Fraction(burst))
        self._interval = math.ceil(SECOND / rate)
        self._burst = burst
        self._full_at = now + math.ceil((burst - kept) * self._interval)

    def shift(self, by: int) -> None:
        """Move with a clock that was set anew."""
        if self._full_at is not None:
            self._full_at += by

    def _there(self, now: int) -> Fraction:
        """The tokens at ``now``, the one that is growing included."""
        missing = 0 if self._full_at is None else max(self._full_at - now, 0)
        return self._burst - Fraction(missing, self._interval)
