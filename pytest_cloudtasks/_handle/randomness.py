"""Every random choice of a fake, from one seed."""

from __future__ import annotations

import random

_MASK = (1 << 64) - 1


class Randomness:
    """The choices of one test: the same for the same seed and the same test, whatever else runs."""

    def __init__(self, seed: int, test: str) -> None:
        self._ids = random.Random(f"{seed}/{test}/ids").getrandbits(64)
        self.jitter = random.Random(f"{seed}/{test}/jitter")

    def task_id(self) -> str:
        """A new task ID: 20 decimal digits, often with a leading zero, as the service gives them; never one twice.

        A counter through the finalizer of SplitMix64, which maps 64 bits one to one.
        """
        self._ids = (self._ids + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._ids
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return str(mixed ^ (mixed >> 31)).zfill(20)
