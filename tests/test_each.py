"""The suite's own way to put a table of cases into one test."""

from __future__ import annotations

import inspect

import pytest

from tests.each import each


def test_all_cases_are_tried_and_those_that_fail_are_named() -> None:
    """The first failure is the cause, where its traceback is."""

    @each(("value", "other"), [(1, 1), (1, 2), (2, 2), (2, 3)])
    def check(value: int, other: int) -> None:
        assert value == other

    with pytest.raises(AssertionError) as failure:
        check()
    first, second, third = str(failure.value).splitlines()[0], "(1, 2): AssertionError: ", "(2, 3): AssertionError: "
    assert first == "2 of 4 cases failed:"
    assert second in str(failure.value)
    assert third in str(failure.value)
    assert isinstance(failure.value.__cause__, AssertionError)


def test_cases_may_have_names() -> None:
    """They are given as a list, or in a `pytest.param`."""

    @each("value", [1, pytest.param(2, id="two"), 1, 4], ids=["one", "", "another", "four"])
    def check(value: int) -> None:
        assert value == 1

    with pytest.raises(AssertionError) as failure:
        check()
    assert [line.split(":")[0].strip() for line in str(failure.value).splitlines() if "AssertionError" in line] == [
        "two",
        "four",
    ]


def test_other_arguments_are_fixtures() -> None:
    """Only the parameters of the cases are taken from the test's signature."""

    @each("value", ["a", "b"])
    def check(tmp_path: str, value: str) -> None:
        assert (tmp_path, value) in (("there", "a"), ("there", "b"))

    assert list(inspect.signature(check).parameters) == ["tmp_path"]
    check(tmp_path="there")
