"""Exceptions that a framework turns into a 500 by itself, and announces.

In Flask and Django no exception escapes the application; both send the signal ``got_request_exception`` instead.
Neither is imported here: an application that was written with one has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_MODULES = ("flask.signals", "django.core.signals")
_collecting: ContextVar[list[BaseException] | None] = ContextVar("collecting", default=None)
"""Exceptions of the request that is being handled; frameworks carry the variable into their threads."""


@contextmanager
def announced_exceptions() -> Iterator[list[BaseException]]:
    """Give a list that gets the exceptions announced for the request that is handled in the block."""
    found: list[BaseException] = []
    disconnect = [_listen(sys.modules[name].got_request_exception) for name in _MODULES if name in sys.modules]
    token = _collecting.set(found)
    try:
        yield found
    finally:
        _collecting.reset(token)
        for undo in disconnect:
            undo()


def announce(error: BaseException) -> None:
    """Let the request that is being handled be one that this exception has answered."""
    collecting = _collecting.get()
    if collecting is not None and error not in collecting:
        collecting.append(error)


def _listen(signal: Any) -> Callable[[], object]:
    def announced(sender: Any, exception: BaseException | None = None, **details: Any) -> None:
        error = exception or sys.exc_info()[1]  # Flask says which; in Django it is the one being handled
        if error is not None:
            announce(error)

    signal.connect(announced, weak=False)
    return lambda: signal.disconnect(announced)
