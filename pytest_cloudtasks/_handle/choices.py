"""Random choices by name: whether a fault happens this time, and which of several tasks comes first.

Whoever has a choice to make asks `Choices`, and says what it is about. Where the answers come from is decided in one
place: here by a seed.
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

    def chance(self, rate: float, what: str) -> bool:
        """Whether something happens that does at this rate, a number from 0 to 1."""
        ...

    def rank(self, what: str) -> int:
        """A place in line, from 0 to below `RANKS`; of equal ranks the older goes first."""
        ...

    @property
    def replay(self) -> str:
        """A sentence on how to get the same answers again; "" where nothing was asked."""
        ...


class SeededChoices:
    """Answers that follow from a seed, from the test and from the name of the question."""

    def __init__(self, seed: int, test: str) -> None:
        self._seed = seed
        self._test = test
        self._streams: dict[str, random.Random] = {}

    def chance(self, rate: float, what: str) -> bool:
        """Whether something happens."""
        return self._stream(what).random() < rate

    def rank(self, what: str) -> int:
        """A place in line."""
        return self._stream(what).randrange(RANKS)

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
