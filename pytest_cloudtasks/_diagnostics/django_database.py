"""Django's database in tests: callbacks that wait for a commit, and views under ASGI with a connection of their own.

This module does not import Django. If Django is loaded, it reads ``run_on_commit`` of the open connections, the list
that `transaction.on_commit` adds to. That list is not documented; checked against Django 4.2 to 6.0, and
``tests/slow/processes/test_django.py`` fails when it moves.
"""

from __future__ import annotations

import gc
import inspect
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import GeneratorType
from typing import Any

from .._simulation.exceptions import CloudTasksWarning, chain_of
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


def hint_on_commit(error: BaseException | None = None) -> str:
    """Return the hint for a test that found nothing, or that ``error`` has failed; "" if no callback waits."""
    count = waiting_callbacks() or getattr(error, _AT_FAILURE, 0)
    if not count:
        return ""
    waiting = f"{counted(count, 'on_commit callback')} of Django {'has' if count == 1 else 'have'} not run"
    if is_capturing():
        return (
            f"{waiting}: a block of captureOnCommitCallbacks(execute=True) runs callbacks at its end. Assert after the"
            " block."
        )
    return (
        f"{waiting}: in a test that rolls back there is no commit. Wrap the code in `with"
        " django_capture_on_commit_callbacks(execute=True):` (pytest-django), or in"
        " `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
    )


def is_capturing() -> bool:
    """Return whether a block of Django's `TestCase.captureOnCommitCallbacks` is open; pytest-django's is the same.

    Nothing in Django says so. The block is a generator that waits for its end.
    """
    testing = sys.modules.get("django.test")
    if testing is None:
        return False
    code = inspect.unwrap(testing.TestCase.captureOnCommitCallbacks).__code__
    # isinstance() would wake lazy objects
    generators = (item for item in gc.get_objects() if type(item) is GeneratorType)
    return any(item.gi_code is code and item.gi_frame is not None for item in generators)


def warn_of_waiting_callbacks() -> None:
    """Warn that callbacks wait although nothing was enqueued, as the test asserts, unless a block will run them."""
    text = hint_on_commit()
    if text and not is_capturing():
        place = application_frame()
        message = f"Nothing was enqueued, but {text}"
        warnings.warn_explicit(message, CloudTasksWarning, place.f_code.co_filename, place.f_lineno)


def hint_on_connection(error: BaseException) -> str:
    """Return what to do about an error of the database in a view under ASGI, while the test is in a transaction."""
    if (
        not any(_is_of_the_database(cause) and _comes_from_asgi(cause) for cause in chain_of(error))
        or not _is_in_transaction()
    ):
        return ""
    return (
        "Under ASGI, a view of Django has a connection of its own to the database, which does not see the test's"
        " transaction. Mount get_wsgi_application(), drive by async_to_sync(cloud_tasks.aio.drain)(), or commit with"
        " django_db(transaction=True)."
    )


def _is_of_the_database(error: BaseException) -> bool:
    """Whether a row is missing, or the database could not be asked."""
    missing = getattr(sys.modules.get("django.core.exceptions"), "ObjectDoesNotExist", ())
    failed = getattr(sys.modules.get("django.db"), "OperationalError", ())
    return isinstance(error, (missing, failed))


def _comes_from_asgi(error: BaseException) -> bool:
    modules = (frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__))
    return "asgiref.sync" in modules


def _is_in_transaction() -> bool:
    connections = sys.modules["django.db"].connections
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
