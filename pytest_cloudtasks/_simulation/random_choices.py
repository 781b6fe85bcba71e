"""Random choices by name: whether a fault happens this time, which of several tasks comes first, task IDs.

Whoever has a choice to make asks `Choices`, and says what it is about. Where the answers come from is decided in one
place: here by a seed, in `_strategies` by an example of Hypothesis.
"""

from __future__ import annotations

import random
from typing import Protocol

RANKS = 1 << 32


class Choices(Protocol):
    """Where answers come from.

    ``what`` names the question. Questions of different names have nothing to do with each other: one more of the one
    changes no answer to the other. The plain answers, with which nothing special happens, are False and 0.
    """

    picks: bool
    """Whether order is theirs, too, and asked for with `pick` when a task goes out, rather than with `rank`."""

    def chance(self, rate: float, what: str, of: tuple[int, int] | None = None) -> bool:
        """Whether something happens that does at this rate, a number from 0 to 1.

        ``of`` are numbers of what it would happen to, where there are any: of an attempt, and of its task.
        """
        ...

    def rank(self, what: str) -> int:
        """A place in line, from 0 to below `RANKS`; of equal ranks the older goes first."""
        ...

    def pick(self, count: int, what: str) -> int:
        """One of ``count``, from 0 on."""
        ...

    def amount(self, most: int, what: str) -> int:
        """How much of something, from 1 to ``most``."""
        ...

    @property
    def replay(self) -> str:
        """A sentence on how to get the same answers again; "" where nothing was asked."""
        ...


class SeededChoices:
    """Answers that follow from a seed, from the test and from the name of the question."""

    picks = False

    def __init__(self, seed: int, test: str) -> None:
        self._seed = seed
        self._test = test
        self._streams: dict[str, random.Random] = {}

    def chance(self, rate: float, what: str, of: tuple[int, int] | None = None) -> bool:
        """Whether something happens."""
        return self._stream(what).random() < rate

    def rank(self, what: str) -> int:
        """A place in line."""
        return self._stream(what).randrange(RANKS)

    def pick(self, count: int, what: str) -> int:
        """One of ``count``."""
        return self._stream(what).randrange(count)

    def amount(self, most: int, what: str) -> int:
        """How much of something."""
        return 1 + self._stream(what).randrange(most)

    def _stream(self, what: str) -> random.Random:
        stream = self._streams.get(what)
        if stream is None:
            stream = self._streams[what] = random.Random(f"{self._seed}/{self._test}/{what}")
        return stream

    @property
    def replay(self) -> str:
        """The seed, once an answer has followed from it."""
        if not self._streams:
            return ""
        return f"Random choices follow from the seed {self._seed}: --cloud-tasks-seed={self._seed} makes them again."


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
