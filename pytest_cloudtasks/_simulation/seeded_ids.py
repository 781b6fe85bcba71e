"""Every random choice of a fake, from one seed."""

from __future__ import annotations

import random

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FACTOR = 0xD6E8FEB86659FD93
"""Odd, as the step is: so every number of 64 bits comes once."""


class Randomness:
    """The choices of one test: the same for the same seed and the same test, whatever else runs."""

    def __init__(self, seed: int, test: str) -> None:
        self._ids = random.Random(f"{seed}/{test}/ids").getrandbits(64)
        self.jitter = random.Random(f"{seed}/{test}/jitter")

    def task_id(self) -> str:
        """A new task ID: 20 decimal digits, often with a leading zero, as the service gives them; never one twice.

        A counter of 64 bits, mixed one to one.
        """
        mixed = self._ids = (self._ids + _STEP) & _MASK
        mixed = ((mixed ^ (mixed >> 32)) * _FACTOR) & _MASK
        return str(mixed ^ (mixed >> 32)).zfill(20)
