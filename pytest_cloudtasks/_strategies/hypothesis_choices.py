"""Random choices that Hypothesis draws from an example."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from hypothesis import currently_in_test_context
from hypothesis import strategies as st
from hypothesis.errors import Frozen
from hypothesis.strategies import DataObject, DrawFn

_RANKS = 1 << 10
_BITS = 5
_ROUND = (1 << _BITS) - 1
"""The number of answers in a round, whose turns are drawn together."""
_COUNTING = (0b11111, 0b1, 0b11, 0b111)
"""The bits of a turn that count, by the bits above them; so most turns are among the first."""
_ENDED = (
    "The Hypothesis example of this fake has ended. End the fake with its example: call choose_from() on the"
    " cloud_tasks fixture, in a test that is decorated with @given itself, or on a FakeCloudTasks that the example"
    " creates."
)


class DrawnChoices:
    """Answers that Hypothesis draws, so that it can shrink and replay them.

    These are `Choices` of the simulation. It does not draw each answer, but which of the next answers to a question
    differ from the plain one. So draws are few, and each one can be removed without changing the others. They stay in
    place when the test's own data shrinks, and faults move to the front. A rate only matters as never (0), always (1)
    or sometimes.
    """

    def __init__(self, source: random.Random, *, picks: bool, subjects: Sequence[str] = ()) -> None:
        self.picks = picks
        self._subjects = subjects
        self._source = source
        self._asked: dict[str, int] = {}
        """How often each question was asked, for those whose subject has no number."""
        self._turns: dict[tuple[str, int, int], Turns] = {}
        """For each round of each question: the turns whose answer is not the plain one."""

    def chance(self, rate: float, question: str, of: tuple[int, int] | None = None) -> bool:
        """Return whether something happens. Nothing is drawn if that is certain."""
        return rate == 1 if rate in (0, 1) else self._is_special(question, of)

    def rank(self, question: str) -> int:
        """Return a rank among tasks."""
        return 1 + self._below(_RANKS - 1) if self._is_special(question) else 0

    def pick(self, count: int, question: str) -> int:
        """Return one of ``count``. Nothing is drawn if there is only one."""
        return 1 + self._below(count - 1) if count > 1 and self._is_special(question) else 0

    def amount(self, most: int, question: str) -> int:
        """Return a number from 1 to ``most``."""
        return 1 + self._below(most)

    def _is_special(self, question: str, of: tuple[int, int] | None = None) -> bool:
        series, number = of or (0, self._asked.get(question, 0))
        if of is None:
            self._asked[question] = number + 1
        key = (question, series, number // _ROUND)
        if key not in self._turns:
            self._turns[key] = Turns(self._below, at_once=of is not None)
        return number % _ROUND + 1 in self._turns[key]

    def _below(self, count: int) -> int:
        if count == 1:
            return 0
        if currently_in_test_context():
            return self._source.randrange(count)
        try:  # in another thread, or after the example; this slower check finds out which
            return self._source.choices(range(count))[0]
        except Frozen:
            raise RuntimeError(_ENDED) from None

    @property
    def replay(self) -> str:
        """Return that Hypothesis replays the choices."""
        return "Random choices are drawn from the example: Hypothesis makes them again when it replays it."

    def __repr__(self) -> str:
        """Return what Hypothesis prints of the draw."""
        return ", ".join(self._subjects) or "faults at a rate"


class Turns:
    """Draw the turns of a round, from 1 to `_ROUND`, whose answer to a question is not the plain one.

    They are drawn as an increasing row of numbers, only as far as needed. A number that doesn't increase ends it.
    """

    def __init__(self, below: Callable[[int], int], *, at_once: bool) -> None:
        self._below = below
        self._at_once = at_once
        self._rising = [0]
        self._has_ended = False

    def __contains__(self, turn: int) -> bool:
        while not self._has_ended and (self._at_once or self._rising[-1] < turn):
            drawn = self._drawn()
            self._has_ended = drawn <= self._rising[-1]
            if not self._has_ended:
                self._rising.append(drawn)
        return turn in self._rising

    def _drawn(self) -> int:
        """Draw a turn, preferably an early one, or 0.

        The higher bits say which of the lower ones count. Hypothesis tries early to clear them.
        """
        number = self._below(len(_COUNTING) << _BITS)
        return number & _COUNTING[number >> _BITS]


def drawn_choices(data: DataObject, *, picks: bool, subjects: Sequence[str] = ()) -> DrawnChoices:
    """Return choices drawn from ``data`` about these subjects. Raises RuntimeError if its example has ended."""
    try:
        return data.draw(drawing(picks=picks, subjects=subjects), label="Cloud Tasks")
    except Frozen:
        raise RuntimeError(_ENDED) from None


@st.composite
def drawing(draw: DrawFn, *, picks: bool, subjects: Sequence[str] = ()) -> DrawnChoices:
    """Return choices from one draw: a Random that uses the example in any thread, without printing a line each time."""
    return DrawnChoices(draw(st.randoms(use_true_random=False)), picks=picks, subjects=subjects)
