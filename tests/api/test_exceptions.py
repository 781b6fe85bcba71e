"""The exceptions of the fake, as pytest and users see them."""

from __future__ import annotations

import traceback

import pytest

import pytest_cloudtasks
from pytest_cloudtasks._simulation.calls import SimulationEnded
from pytest_cloudtasks._simulation.driving.delivery import NotOfAsyncio
from pytest_cloudtasks._simulation.exceptions import failure
from pytest_cloudtasks._targets.answers import NoSuchStatus, NotOfInterface, WrongHandlerResult, WrongHeader
from pytest_cloudtasks._targets.factories import FactoryCalled


@pytest.mark.parametrize("name", ["CloudTasksAssertionError", "NoTarget", "DrainLimitReached"])
def test_exceptions_are_assertion_errors_by_their_public_name(name: str) -> None:
    """They fail a test as any assertion does, and are printed under the name by which they are imported."""
    kind = getattr(pytest_cloudtasks, name)
    assert issubclass(kind, AssertionError)
    assert (kind.__module__, kind.__qualname__) == ("pytest_cloudtasks", name)


@pytest.mark.parametrize(
    "kind",
    [FactoryCalled, NoSuchStatus, NotOfAsyncio, NotOfInterface, SimulationEnded, WrongHandlerResult, WrongHeader],
)
def test_other_exceptions_name_no_private_module(kind: type[Exception]) -> None:
    """A traceback names the library and the class; nobody needs to import it."""
    assert traceback.format_exception_only(kind.__new__(kind, "No."))[-1] == f"pytest_cloudtasks.{kind.__name__}: No.\n"


def test_a_failure_is_pytests_own() -> None:
    """It passes by ``except Exception``, and pytest shows its message alone."""
    error = failure("The queue can't be driven.")
    assert isinstance(error, pytest.fail.Exception)
    assert not isinstance(error, Exception)
    assert str(error) == "The queue can't be driven."
    assert error.pytrace is False
