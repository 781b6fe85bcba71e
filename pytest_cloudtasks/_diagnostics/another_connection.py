"""Views of Django under ASGI, whose thread has a connection to the database of its own."""

from __future__ import annotations

import sys
import traceback

from .._simulation.exceptions import chain_of


def hint(error: BaseException) -> str:
    """Return what to do about an error of the database in a view under ASGI, while the test is in a transaction."""
    if not any(_is_of_the_database(one) and _comes_from_asgi(one) for one in chain_of(error)) or not _in_transaction():
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


def _in_transaction() -> bool:
    connections = sys.modules["django.db"].connections
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
