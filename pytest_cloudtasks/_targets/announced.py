"""Exceptions that a framework turns into a 500 itself, and announces.

In Flask and Django no exception leaves the application; both send the signal ``got_request_exception`` instead. This
module imports neither, because an application that uses one has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_MODULES = ("flask.signals", "django.core.signals")
_collecting: ContextVar[list[BaseException] | None] = ContextVar("collecting", default=None)
"""Exceptions of the current request. Frameworks copy the variable into their threads."""


@contextmanager
def announced_exceptions() -> Iterator[list[BaseException]]:
    """Yield a list that gets the exceptions announced for the request in this block."""
    errors: list[BaseException] = []
    disconnect = [_listen(sys.modules[name].got_request_exception) for name in _MODULES if name in sys.modules]
    token = _collecting.set(errors)
    try:
        yield errors
    finally:
        _collecting.reset(token)
        for undo in disconnect:
            undo()


def announce(error: BaseException) -> None:
    """Record an exception that the current request's answer comes from."""
    collecting = _collecting.get()
    if collecting is not None and error not in collecting:
        collecting.append(error)


def _listen(signal: Any) -> Callable[[], object]:
    def announced(sender: Any, exception: BaseException | None = None, **details: Any) -> None:
        error = exception or sys.exc_info()[1]  # Flask passes it; in Django it is the one being handled
        if error is not None:
            announce(error)

    signal.connect(announced, weak=False)
    return lambda: signal.disconnect(announced)
