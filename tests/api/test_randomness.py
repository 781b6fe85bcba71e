"""Random choices follow from the seed and the test, and from nothing else."""

from __future__ import annotations

from pytest_cloudtasks._simulation.random_choices import Randomness


def ids(seed: int, test: str, count: int = 5) -> list[str]:
    randomness = Randomness(seed, test)
    return [randomness.task_id() for _ in range(count)]


def test_the_same_seed_and_test_make_the_same_ids() -> None:
    """A test has the same task IDs in every run, wherever and after whatever it runs."""
    assert ids(0, "tests/test_shop.py::test_order", 2) == ids(0, "tests/test_shop.py::test_order", 2)
    assert ids(0, "", 2) == ["00970083792541245186", "15129625494657105955"]


def test_another_seed_or_test_makes_others() -> None:
    """Neither the seed nor the test alone decides."""
    assert len({tuple(ids(seed, test)) for seed in (0, 1) for test in ("a", "b")}) == 4


def test_ids_look_like_the_services_and_never_repeat() -> None:
    """Twenty decimal digits each, and all of them different."""
    made = ids(0, "a", 10_000)
    assert all(len(one) == 20 and one.isdecimal() for one in made)
    assert len(set(made)) == len(made)


def test_jitter_does_not_depend_on_ids() -> None:
    """The waits of Google's client come out the same, however many tasks were made before."""
    one, other = Randomness(0, "a"), Randomness(0, "a")
    other.task_id()
    assert one.jitter.random() == other.jitter.random()
