"""Random choices by name, from a seed."""

from __future__ import annotations

import copy

from pytest_cloudtasks._simulation.random_choices import RANKS, SeededChoices


def chances(choices: SeededChoices, what: str, count: int = 20) -> list[bool]:
    return [choices.chance(0.5, what) for _ in range(count)]


def test_the_same_seed_test_and_question_have_the_same_answers() -> None:
    """Nothing else decides, whatever ran before."""
    assert chances(SeededChoices(7, "a"), "x") == chances(SeededChoices(7, "a"), "x")
    made = {tuple(chances(SeededChoices(seed, test), what)) for seed in (7, 8) for test in "ab" for what in "xy"}
    assert len(made) == 8


def test_questions_have_nothing_to_do_with_each_other() -> None:
    """What is asked in between under other names changes no answer."""
    quiet, loud = SeededChoices(0, ""), SeededChoices(0, "")
    alone = chances(quiet, "x")
    beside = []
    for _ in range(20):
        loud.rank("order")
        loud.chance(0.1, "y")
        beside.append(loud.chance(0.5, "x"))
    assert beside == alone


def test_rates_and_ranks_are_in_their_bounds() -> None:
    """A rate of 0 is never, one of 1 always; ranks are spread over their range."""
    choices = SeededChoices(0, "")
    assert not any(choices.chance(0.0, "never") for _ in range(100))
    assert all(choices.chance(1.0, "always") for _ in range(100))
    assert 200 < sum(choices.chance(0.3, "sometimes") for _ in range(1000)) < 400
    ranks = [choices.rank("order") for _ in range(1000)]
    assert 0 <= min(ranks) < RANKS // 100
    assert RANKS * 99 // 100 < max(ranks) < RANKS


def test_picks_and_amounts_are_in_their_bounds() -> None:
    """One of so many from 0 on, and so much from 1 on."""
    choices = SeededChoices(0, "")
    assert {choices.pick(3, "order") for _ in range(100)} == {0, 1, 2}
    assert {choices.amount(3, "seconds") for _ in range(100)} == {1, 2, 3}


def test_replaying_is_reported_once_something_was_chosen() -> None:
    """Before that there is nothing to replay."""
    choices = SeededChoices(7, "a")
    assert choices.replay == ""
    choices.rank("order")
    assert choices.replay == "Random choices follow from the seed 7: --cloud-tasks-seed=7 makes them again."


def test_a_copy_goes_on_alike() -> None:
    """Examples of one property that begin at the same point get the same answers."""
    choices = SeededChoices(0, "")
    chances(choices, "x")
    one, other = copy.deepcopy(choices), copy.deepcopy(choices)
    assert chances(one, "x") == chances(other, "x")
