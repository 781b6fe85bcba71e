"""Random choices by name: whether a fault happens this time, which of several tasks comes first, task IDs.

Code that needs a choice asks `Choices`, with the name of the question. The answers come from a seed here, or from an
example of Hypothesis in `_strategies`.
"""

from __future__ import annotations

import random
from typing import Protocol

RANKS = 1 << 32


class Choices(Protocol):
    """The source of random answers.

    ``question`` names what is asked. Questions of different names are independent: asking one more often changes no
    answer to another. The plain answers, with which nothing special happens, are False and 0.
    """

    picks: bool
    """Whether it also decides the order, with `pick` when a task is dispatched instead of `rank` before."""

    def chance(self, rate: float, question: str, of: tuple[int, int] | None = None) -> bool:
        """Return whether something with this probability, a number from 0 to 1, happens.

        ``of`` are numbers of its subject, if any: of an attempt, and of its task.
        """
        ...

    def rank(self, question: str) -> int:
        """Return a rank from 0 to below `RANKS`. Among equal ranks the older goes first."""
        ...

    def pick(self, count: int, question: str) -> int:
        """Return an index below ``count``."""
        ...

    def amount(self, most: int, question: str) -> int:
        """Return an amount from 1 to ``most``."""
        ...

    @property
    def replay(self) -> str:
        """Return a sentence on how to get the same answers again; "" if none were given."""
        ...


class SeededChoices:
    """Answers that follow from the seed, the test and the name of the question."""

    picks = False

    def __init__(self, seed: int, test: str) -> None:
        self._seed = seed
        self._test = test
        self._streams: dict[str, random.Random] = {}

    def chance(self, rate: float, question: str, of: tuple[int, int] | None = None) -> bool:
        """Return whether something happens."""
        return self._stream(question).random() < rate

    def rank(self, question: str) -> int:
        """Return a rank."""
        return self._stream(question).randrange(RANKS)

    def pick(self, count: int, question: str) -> int:
        """Return an index below ``count``."""
        return self._stream(question).randrange(count)

    def amount(self, most: int, question: str) -> int:
        """Return an amount."""
        return 1 + self._stream(question).randrange(most)

    def _stream(self, question: str) -> random.Random:
        stream = self._streams.get(question)
        if stream is None:
            stream = self._streams[question] = random.Random(f"{self._seed}/{self._test}/{question}")
        return stream

    @property
    def replay(self) -> str:
        """Return a sentence with the seed, if an answer has depended on it."""
        if not self._streams:
            return ""
        return f"Random choices follow from the seed {self._seed}: --cloud-tasks-seed={self._seed} makes them again."


_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FACTOR = 0xD6E8FEB86659FD93
"""An odd number, as the step is, so that every 64-bit number occurs once."""


class Randomness:
    """The choices of one test: the same for the same seed and test, whatever else runs."""

    def __init__(self, seed: int, test: str) -> None:
        self.choices: Choices = SeededChoices(seed, test)
        """The answers to all other questions; an example of Hypothesis may give them instead of the seed."""
        self._ids = random.Random(f"{seed}/{test}/ids").getrandbits(64)
        self.jitter = random.Random(f"{seed}/{test}/jitter")
        """Where the waits of clients before a retry draw their jitter from."""

    def task_id(self) -> str:
        """Return a new, unique task ID: 20 decimal digits, often with a leading zero, like the service's.

        It is a 64-bit counter, mixed one to one.
        """
        mixed = self._ids = (self._ids + _STEP) & _MASK
        mixed = ((mixed ^ (mixed >> 32)) * _FACTOR) & _MASK
        return str(mixed ^ (mixed >> 32)).zfill(20)
