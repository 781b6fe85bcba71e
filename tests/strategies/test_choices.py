"""Choices that are drawn from an example: few draws, plain answers first, misfortunes early."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from pytest_cloudtasks._strategies.hypothesis_choices import DrawnChoices, drawing, drawn_choices
from tests.each import each

T = TypeVar("T")
QUIET = settings(max_examples=200)


class Script(random.Random):
    """Returns scripted answers, and keeps the questions. Outside of a test ``choices`` asks it."""

    answers: list[int]
    asked: list[int]

    def choices(self, population: Sequence[T], *args: Any, **kwargs: Any) -> list[T]:
        self.asked.append(len(population))
        return [population[self.answers.pop(0)]]


def scripted(*answers: int) -> tuple[DrawnChoices, Script]:
    script = Script()
    script.answers, script.asked = list(answers), []
    return DrawnChoices(script, picks=True), script


@st.composite
def told(draw: DrawFn, ask: Callable[[DrawnChoices], T]) -> T:
    """Return the results of ``ask`` with the choices of an example."""
    return ask(draw(drawing(picks=True)))


def chances(choices: DrawnChoices) -> list[bool]:
    return [choices.chance(0.5, "x", (1, task)) for task in range(6)]


def test_plain_answers_take_a_draw_a_round() -> None:
    """Of a question 31 answers are drawn at a time."""
    choices, script = scripted(*[0] * 4)
    assert [choices.chance(0.5, "x") for _ in range(100)] == [False] * 100
    assert script.asked == [128] * 4


@each(
    ("drawn", "turns"),
    [
        ([0], []),
        ([1, 0], [0]),
        ([2, 2], [1]),
        ([3, 5, 31], [2, 4, 30]),
        ([0b01_11111, 0], [0]),
        ([0b10_11110, 0b11_11101, 0b01_11111], [1, 4]),
    ],
)
def test_the_turns_of_what_happens_are_drawn(drawn: list[int], turns: list[int]) -> None:
    """As numbers that rise, by as many of the lower bits as the higher ones say; the next round is drawn again."""
    choices, script = scripted(*drawn, 1)
    assert [turn for turn in range(31) if choices.chance(0.5, "x")] == turns
    assert script.answers == [1]
    assert choices.chance(0.5, "x")


def test_of_tasks_their_own_numbers_are_drawn() -> None:
    """All turns of a question at once, in whatever order tasks come; each attempt is a question of its own."""
    choices, script = scripted(2, 4, 0, 0)
    assert [choices.chance(0.5, "x", (1, task)) for task in (2, 3, 0, 1)] == [False, True, False, True]
    assert script.answers == [0]
    assert [choices.chance(0.5, "x", (2, task)) for task in (2, 3, 0, 1)] == [False] * 4
    assert script.answers == []


def test_certain_rates_and_single_candidates_take_no_draw() -> None:
    """Rates of 0 and 1 and a single candidate leave no choice."""
    choices, script = scripted()
    assert [choices.chance(0, "x"), choices.chance(1, "x"), choices.chance(0.0, "x"), choices.chance(1.0, "x")] == [
        False,
        True,
        False,
        True,
    ]
    assert choices.pick(1, "order") == 0
    assert choices.amount(1, "seconds") == 1
    assert script.asked == []


def test_questions_have_turns_of_their_own() -> None:
    """One more question about something else changes no answer."""
    choices, _ = scripted(2, 1, 0)
    assert not choices.chance(0.5, "x")
    assert choices.chance(0.5, "y")
    assert not choices.chance(0.5, "y")
    assert choices.chance(0.5, "x")


def test_picks_ranks_and_amounts_are_in_their_bounds() -> None:
    """A pick that is not the first is any other, a rank that is not 0 is small, an amount is one at the least."""
    choices, script = scripted(1, 3, 1, 1022, 59)
    assert choices.pick(5, "order") == 4
    assert choices.rank("listing") == 1023
    assert choices.amount(60, "seconds") == 60
    assert script.asked == [128, 4, 128, 1023, 60]


def test_a_single_rival_is_picked_without_a_further_draw() -> None:
    """Of two tasks the other one is the only pick that is not plain."""
    choices, script = scripted(1)
    assert choices.pick(2, "order") == 1
    assert script.asked == [128]


@pytest.mark.parametrize(
    ("wanted", "smallest"),
    [
        (lambda answers: True, [False] * 6),
        (any, [True, False, False, False, False, False]),
        (lambda answers: answers[3], [False, False, False, True, False, False]),
        (lambda answers: sum(answers) == 2, [True, True, False, False, False, False]),
    ],
    ids=["anything", "one", "the fourth", "two"],
)
def test_chances_shrink_to_the_earliest_that_it_takes(wanted: Callable[[list[bool]], bool], smallest: object) -> None:
    """Nothing happens that need not, and what has to happens as early as it may."""
    assert find(told(chances), wanted, settings=QUIET) == smallest


def test_order_shrinks_to_the_plain_one() -> None:
    """Picks and ranks shrink to 0, and those that may not be 0 to 1."""

    def places(choices: DrawnChoices) -> list[int]:
        return [choices.pick(4, "order") for _ in range(3)] + [choices.rank("listing") for _ in range(3)]

    assert find(told(places), lambda places: True, settings=QUIET) == [0] * 6
    assert find(told(places), lambda places: any(places[:3]) and any(places[3:]), settings=QUIET) == [1, 0, 0, 1, 0, 0]


def test_an_amount_shrinks_to_the_least_that_it_takes() -> None:
    """To the unit."""
    amounts = told(lambda choices: choices.amount(3600, "seconds"))
    assert find(amounts, lambda amount: True, settings=QUIET) == 1
    assert find(amounts, lambda amount: amount > 10, settings=QUIET) == 11


def test_misfortunes_are_tried_and_so_is_their_absence() -> None:
    """With default settings, one of three chances happens in a good part of the examples, and none in another."""
    found = []

    @given(answers=told(lambda choices: [choices.chance(0.01, "x") for _ in range(3)]))
    @settings(QUIET)
    def run(answers: list[bool]) -> None:
        found.append(any(answers))

    run()
    assert 30 < sum(found) < 170


def test_choices_outlive_no_example() -> None:
    """Choices of an example that has ended say so, and give no answer; nor can new ones be made of its data."""
    kept: list[tuple[DataObject, DrawnChoices]] = []

    @given(data=st.data())
    @settings(QUIET, max_examples=1)
    def run(data: DataObject) -> None:
        kept.append((data, drawn_choices(data, picks=True)))

    run()
    data, choices = kept[0]
    message = (
        "The Hypothesis example of this fake has ended. End the fake with its example: call choose_from() on the"
        " cloud_tasks fixture, in a test that is decorated with @given itself, or on a FakeCloudTasks that the example"
        " creates."
    )
    for ask in (lambda: choices.chance(0.5, "x"), lambda: drawn_choices(data, picks=True)):
        with pytest.raises(RuntimeError) as refusal:
            ask()
        assert str(refusal.value) == message


def test_hypothesis_replays_them() -> None:
    """The sentence beneath a timeline names no seed."""
    choices, _ = scripted()
    assert (
        choices.replay == "Random choices are drawn from the example: Hypothesis makes them again when it replays it."
    )
