"""Callbacks that Django delays until a commit.

This module does not import Django. If Django is loaded, it reads ``run_on_commit`` of the open connections, the list
that `transaction.on_commit` adds to. That list is not documented; checked against Django 4.2 to 6.0, and
``tests/api/test_on_commit.py`` fails when it moves.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .._simulation.exceptions import CloudTasksWarning
from .._text import counted
from .call_sites import application_frame

_AT_FAILURE = "_pytest_cloudtasks_callbacks"
"""The attribute of an exception with the number of callbacks that had not run when it failed a TestCase."""


def waiting_callbacks() -> int:
    """Return how many ``on_commit`` callbacks have not run."""
    database = sys.modules.get("django.db")
    if database is None or "django.conf" not in sys.modules or not sys.modules["django.conf"].settings.configured:
        return 0
    return sum(len(connection.run_on_commit) for connection in database.connections.all(initialized_only=True))


@contextmanager
def counted_at_failure(result: Any) -> Iterator[None]:
    """Count the callbacks when a TestCase adds its failure to ``result``: it rolls back before pytest reports it."""
    add_failure = result.addFailure

    def count_and_add(testcase: Any, raw: Any) -> None:
        if isinstance(raw, tuple):  # Twisted passes a Failure
            with suppress(AttributeError):  # an exception with slots
                setattr(raw[1], _AT_FAILURE, waiting_callbacks())
        add_failure(testcase, raw)

    result.addFailure = count_and_add
    try:
        yield
    finally:
        del result.addFailure


def hint(error: BaseException | None = None) -> str:
    """Return the hint for a test that found nothing, or that ``error`` has failed; "" if no callback waits."""
    count = waiting_callbacks() or getattr(error, _AT_FAILURE, 0)
    if not count:
        return ""
    return (
        f"{counted(count, 'on_commit callback')} of Django {'has' if count == 1 else 'have'} not run: in a test that"
        " rolls back there is no commit. Wrap the code in `with django_capture_on_commit_callbacks(execute=True):`"
        " (pytest-django), or in `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
    )


def warn_of_waiting_callbacks() -> None:
    """Warn that callbacks wait although nothing was enqueued, as the test asserts."""
    text = hint()
    if text:
        place = application_frame()
        message = f"Nothing was enqueued, but {text} Inside such a block, assert `cloud_tasks.tasks() == []` instead."
        warnings.warn_explicit(message, CloudTasksWarning, place.f_code.co_filename, place.f_lineno)
