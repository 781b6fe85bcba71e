"""A test of many small cases."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import pytest

CASE = type(pytest.param())
Test = TypeVar("Test", bound=Callable[..., Any])


def each(
    names: str | Sequence[str], cases: Iterable[Any], ids: Callable[[Any], object] | Sequence[object] = repr
) -> Callable[[Test], Test]:
    """Call a test for each case, as `pytest.mark.parametrize` does, but as one test with one set of fixtures.

    pytest's own work for a test takes longer than many checks. Use this for a table of cases that need no fixture of
    their own. All cases are tried, and the failure names those that failed.

    Args:
        names: The parameters, as `parametrize` takes them.
        cases: A value for each test, or a tuple of values if there are several parameters, or a `pytest.param`.
        ids: The texts that name the cases, or a function that makes one of a case. For several parameters it gets the
            tuple.
    """
    parameters = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    listed = list(cases)

    def named(number: int, case: Any) -> str:
        if isinstance(case, CASE) and case.id:
            return str(case.id)
        return str(ids(case) if callable(ids) else ids[number])

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def all_cases(**fixtures: Any) -> None:
            failures: dict[str, Exception] = {}
            for number, case in enumerate(listed):
                values = case.values if isinstance(case, CASE) else case if len(parameters) > 1 else (case,)
                try:
                    test(**fixtures, **dict(zip(parameters, values, strict=True)))
                except Exception as error:
                    failures[named(number, case)] = error
            if failures:
                told = "".join(f"\n  {name}: {type(error).__name__}: {error}" for name, error in failures.items())
                raise AssertionError(f"{len(failures)} of {len(listed)} cases failed:{told}") from next(
                    iter(failures.values())
                )

        signature = inspect.signature(test)
        kept = [one for name, one in signature.parameters.items() if name not in parameters]
        all_cases.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        return all_cases  # type: ignore[return-value]

    return decorate
