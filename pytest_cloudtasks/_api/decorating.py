"""`FakeCloudTasks` as the decorator of a function or of a `TestCase` class.

A test of a `TestCase` that has failed, or was skipped, does not fail again for what it has left behind. What says so
is private, and was checked with Python 3.10 to 3.13. A cleanup begins with a clean slate, so it is read before them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, TypeVar

from .._text import safe_repr

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def decorated(fake: AbstractContextManager[Any], subject: Decorated) -> Decorated:
    """Return ``subject`` with a fresh fake for each call, or for each test of a class."""
    __tracebackhide__ = True
    if isinstance(subject, type):
        return _with_a_fake_for_each_test(fake, subject)  # type: ignore[return-value]
    if not callable(subject):
        raise TypeError(
            f"FakeCloudTasks decorates a function or a TestCase class, but got {safe_repr(subject)}. In other places"
            " write `with FakeCloudTasks() as cloud_tasks:`."
        )
    if inspect.isgeneratorfunction(subject) or inspect.isasyncgenfunction(subject):
        raise TypeError(
            f"FakeCloudTasks can't decorate {subject.__name__}(), which is a generator. Write `with FakeCloudTasks() as"
            " cloud_tasks:` within it."
        )
    if inspect.iscoroutinefunction(subject):

        @wraps(subject)
        async def call_async(*values: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            with fake:
                return await subject(*values, **keywords)

        return call_async  # type: ignore[return-value]

    @wraps(subject)
    def call(*values: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        with fake:
            return subject(*values, **keywords)

    return call  # type: ignore[return-value]


def _with_a_fake_for_each_test(fake: AbstractContextManager[Any], kind: type) -> type:
    """Give each test of a `TestCase` a fake, from before its setUp() until after its tearDown()."""
    __tracebackhide__ = True
    unittest: Any = sys.modules.get("unittest")
    if unittest is None or not issubclass(kind, unittest.TestCase):
        raise TypeError(
            f"FakeCloudTasks decorates a function or a TestCase class, and {kind.__name__} is neither. For the tests"
            " of another class write @pytest.mark.cloud_tasks."
        )
    set_up: Callable[[Any], None] = kind.setUp  # type: ignore[attr-defined]

    @wraps(set_up)
    def set_up_with_a_fake(self: Any) -> None:
        __tracebackhide__ = True
        fake.__enter__()
        failures: list[AssertionError] = []
        clean_up = self.doCleanups

        def clean_up_after_failures() -> Any:
            if not getattr(getattr(self, "_outcome", None), "success", True):
                failures.append(AssertionError("The test has failed."))
            return clean_up()

        def leave() -> None:
            __tracebackhide__ = True
            fake.__exit__(*((AssertionError, failures[0], None) if failures else (None, None, None)))

        self.doCleanups = clean_up_after_failures
        self.addCleanup(leave)
        set_up(self)

    kind.setUp = set_up_with_a_fake  # type: ignore[attr-defined]
    return kind
