"""Callbacks that Django holds back until a commit.

Django is not imported here; where it is loaded, its open connections are asked for ``run_on_commit``, the list that
`transaction.on_commit` adds to. It is not documented; checked against Django 4.2 to 6.0, and
``tests/api/test_on_commit.py`` fails when it moves.
"""

from __future__ import annotations

import sys
import warnings

from .._simulation.exceptions import CloudTasksWarning
from .._text import counted
from .call_sites import application_frame


def waiting_callbacks() -> int:
    """How many ``on_commit`` callbacks have not run."""
    database = sys.modules.get("django.db")
    if database is None or "django.conf" not in sys.modules or not sys.modules["django.conf"].settings.configured:
        return 0
    return sum(len(connection.run_on_commit) for connection in database.connections.all(initialized_only=True))


def hint() -> str:
    """What to say to a test that found nothing, or nothing itself."""
    count = waiting_callbacks()
    if not count:
        return ""
    return (
        f"{counted(count, 'on_commit callback')} of Django {'has' if count == 1 else 'have'} not run: in a test that"
        " rolls back there is no commit. Wrap the code in `with django_capture_on_commit_callbacks(execute=True):`"
        " (pytest-django), or in `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
    )


def warn_of_waiting_callbacks() -> None:
    """Nothing was enqueued, as the test asserts; but it may be about to be."""
    text = hint()
    if text:
        place = application_frame()
        message = f"Nothing was enqueued, but {text}"
        warnings.warn_explicit(message, CloudTasksWarning, place.f_code.co_filename, place.f_lineno)
