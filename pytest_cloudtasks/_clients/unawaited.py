"""Calls of asyncio clients and of our own awaitable methods that were never awaited.

Such a call does nothing. Python warns of it when the coroutine is freed, by the function
``warnings._warn_unawaited_coroutine``; there is no public way to get notified. The function was checked against Python
3.10 to 3.13, and ``tests/clients/test_unawaited.py`` fails when it moves. Python's own warning still appears.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine
from typing import Any

from .patching import Patch
from .router import router

_NAME = "_warn_unawaited_coroutine"


class UnawaitedCalls:
    """Reports each such call to the innermost fake, whose test fails. Works while a fake exists."""

    def __init__(self) -> None:
        self._patch = Patch()
        self._users = 0

    def install(self) -> None:
        """Inspect each coroutine that is freed and was never awaited. Calls nest."""
        self._users += 1
        if self._users > 1:
            return
        warn = getattr(warnings, _NAME, None)
        if warn is None:
            return

        self._patch.attribute(warnings, _NAME, looking_before(warn))

    def uninstall(self) -> None:
        """Undo one `install`."""
        self._users -= 1
        if not self._users:
            self._patch.undo()


def looking_before(warn: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Return a function that inspects a coroutine and then calls ``warn``, without a frame of its own in between.

    The warning names the caller's line. Python calls ``__new__`` and ``__init__`` of a class one after the other.
    """

    def look(kind: type, coroutine: Coroutine[Any, Any, Any]) -> object:
        text = text_of(coroutine)
        if text and router.backend is not None:
            router.backend.keep_failure(text)
        return object.__new__(kind)

    return type("Look", (), {"__new__": look, "__init__": staticmethod(warn)})


def text_of(coroutine: Coroutine[Any, Any, Any]) -> str:
    """Return the sentence about a call of ours or of Google's client that was not awaited; "" for any other call."""
    frame = getattr(coroutine, "cr_frame", None)
    module = "" if frame is None else str(frame.f_globals.get("__name__"))
    kind, _, method = str(getattr(coroutine, "__qualname__", "")).rpartition(".")
    if module.startswith("pytest_cloudtasks.") and kind == "AwaitableMethods":
        return (
            f"cloud_tasks.aio.{method}() was called without `await`, and did nothing. Write `await"
            f" cloud_tasks.aio.{method}(…)`."
        )
    if module.startswith("google.cloud.tasks") and kind == "CloudTasksAsyncClient":
        return (
            f"CloudTasksAsyncClient.{method}() was called without `await`, and sent nothing. Write `await"
            f" client.{method}(…)`."
        )
    return ""


unawaited_calls = UnawaitedCalls()
