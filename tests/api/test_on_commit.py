from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest

from pytest_cloudtasks import CloudTasksWarning
from pytest_cloudtasks._diagnostics.django_database import (
    counted_at_failure,
    hint_on_commit,
    waiting_callbacks,
    warn_of_waiting_callbacks,
)

REMEDY = (
    "in a test that rolls back there is no commit. Wrap the code in `with"
    " django_capture_on_commit_callbacks(execute=True):` (pytest-django), or in"
    " `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
)


class Connections:
    """Django's connections, of which each has so many callbacks waiting."""

    def __init__(self, *waiting: int) -> None:
        self._waiting = waiting

    def all(self, *, initialized_only: bool) -> list[SimpleNamespace]:
        assert initialized_only, "a connection must not be opened in order to ask it"
        return [SimpleNamespace(run_on_commit=[None] * count) for count in self._waiting]


def load_django(monkeypatch: pytest.MonkeyPatch, *waiting: int, configured: bool = True) -> None:
    """Puts a Django into `sys.modules`."""
    database, conf = ModuleType("django.db"), ModuleType("django.conf")
    database.connections = Connections(*waiting)  # type: ignore[attr-defined]
    conf.settings = SimpleNamespace(configured=configured)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.db", database)
    monkeypatch.setitem(sys.modules, "django.conf", conf)


def test_without_django_nothing_waits_and_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without Django pays nothing."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "django"]:
        monkeypatch.delitem(sys.modules, name)
    assert (waiting_callbacks(), hint_on_commit()) == (0, "")
    assert "django" not in sys.modules


def test_a_django_that_is_not_configured_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some other package may have imported it; asking it for connections would raise."""
    load_django(monkeypatch, 1, configured=False)
    assert waiting_callbacks() == 0


@pytest.mark.parametrize(
    ("waiting", "text"),
    [
        ((), ""),
        ((0, 0), ""),
        ((0, 1), f"1 on_commit callback of Django has not run: {REMEDY}"),
        ((2, 1), f"3 on_commit callbacks of Django have not run: {REMEDY}"),
    ],
)
def test_the_hint_counts_over_all_connections(
    monkeypatch: pytest.MonkeyPatch, waiting: tuple[int, ...], text: str
) -> None:
    """It says how many wait and what to do, or nothing where none waits."""
    load_django(monkeypatch, *waiting)
    assert hint_on_commit() == text


def assert_nothing_enqueued() -> None:
    """The frame between the test and the warning."""
    warn_of_waiting_callbacks()


def test_the_warning_is_the_callers_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It points to the test that asserts, and is of a class that a suite can filter."""
    load_django(monkeypatch, 1)
    with pytest.warns(CloudTasksWarning) as told:
        assert_nothing_enqueued()
    (warning,) = told
    assert str(warning.message) == (f"Nothing was enqueued, but 1 on_commit callback of Django has not run: {REMEDY}")
    assert (warning.category.__module__, warning.filename) == ("pytest_cloudtasks", __file__)


class CapturingTestCase:
    """Django's class, with its block as far as anybody can see it."""

    @classmethod
    @contextmanager
    def captureOnCommitCallbacks(cls, *, execute: bool = False) -> Iterator[list[object]]:  # noqa: N802
        yield []


def test_within_a_block_that_captures_callbacks_they_wait_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no warning, and a failure says where to assert; before and after the block, it is as without one."""
    load_django(monkeypatch, 1)
    testing = ModuleType("django.test")
    testing.TestCase = CapturingTestCase  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.test", testing)
    outside = f"1 on_commit callback of Django has not run: {REMEDY}"
    assert hint_on_commit() == outside
    with CapturingTestCase.captureOnCommitCallbacks(execute=True), warnings.catch_warnings(record=True) as told:
        assert_nothing_enqueued()
        assert hint_on_commit() == (
            "1 on_commit callback of Django has not run: a block of captureOnCommitCallbacks(execute=True) runs"
            " callbacks at its end. Assert after the block."
        )
    assert told == []
    assert hint_on_commit() == outside


def test_without_callbacks_there_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting callbacks there is no hint."""
    load_django(monkeypatch, 0)
    with warnings.catch_warnings(record=True) as told:
        assert_nothing_enqueued()
    assert told == []


class Result:
    """The result of a TestCase, as a class would have it."""

    def __init__(self) -> None:
        self.failures: list[object] = []

    def addFailure(self, testcase: object, raw: object) -> None:  # noqa: N802
        self.failures.append(raw)


class Slotted(AssertionError):
    """An exception that takes no attribute of others."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def test_callbacks_are_counted_when_a_test_case_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint about the failure has the count from before the rollback."""
    result, error, slotted = Result(), AssertionError(), Slotted()
    load_django(monkeypatch, 2)
    with counted_at_failure(result):
        for raw in (raws := [(AssertionError, error, None), (Slotted, slotted, None), "a Failure of Twisted"]):
            result.addFailure(None, raw)
    load_django(monkeypatch, 0)
    assert result.failures == raws
    assert "addFailure" not in vars(result)
    assert hint_on_commit(error) == f"2 on_commit callbacks of Django have not run: {REMEDY}"
    assert hint_on_commit(slotted) == hint_on_commit() == hint_on_commit(AssertionError()) == ""
