"""The exceptions and warnings that a test may see, and failures that application code can't swallow."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from .._text import encodable


class CloudTasksAssertionError(AssertionError):
    """An assertion about tasks failed. The message ends with the timeline."""


class NoTarget(AssertionError):
    """A task is due, and no target answers for its URL. Nothing is sent."""


class DrainLimitReached(AssertionError):
    """``drain`` or ``advance`` made ``limit`` attempts, and more would follow."""


class SwallowedFailure(AssertionError):
    """Something has failed in a block, and application code has swallowed the exception."""


class CloudTasksWarning(UserWarning):
    """A test passed, but its tasks are probably not as its author expects."""


class CloudTasksLintWarning(CloudTasksWarning):
    """The service accepts a call that is probably a mistake."""


for _public in (
    CloudTasksAssertionError,
    NoTarget,
    DrainLimitReached,
    SwallowedFailure,
    CloudTasksWarning,
    CloudTasksLintWarning,
):
    _public.__module__ = "pytest_cloudtasks"  # the place where users find them, which pytest prints


def failure_class() -> type[BaseException]:
    """Return the class of the exceptions of `failure`."""
    import pytest  # takes a third of the emulator's start, which doesn't need it

    return pytest.fail.Exception


def ends_the_run(error: BaseException) -> bool:
    """Return whether ``error`` ends the run or the test, as Ctrl-C and pytest.exit() do, and is no failure."""
    import pytest  # for the same reason

    return not isinstance(error, Exception) or isinstance(error, pytest.exit.Exception)


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and its causes."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def failure(message: str) -> BaseException:
    """Return an exception that passes through ``except Exception`` of application code.

    It is the exception of ``pytest.fail()``, so that pytest shows only the message.
    """
    return failure_class()(message, pytrace=False)  # type: ignore[call-arg]  # pytest.fail.Exception has it


def set_up_failure(message: str) -> BaseException:
    """Return what is raised while a fixture of wider scope, or ``setUpClass``, is set up.

    Django's setUpClass rolls its transactions back for an `Exception` alone. After any other error the rows of
    setUpTestData would be there in all tests that follow.
    """
    # pytest shows it by the name of those of pytest.fail().
    failed: Any = type("Failed", (failure_class(), Exception), {"__module__": "builtins"})
    return failed(message, pytrace=False)  # type: ignore[no-any-return]


class Failures:
    """The failures of a test that application code may have swallowed. They fail it at its end."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.ending: BaseException | None = None
        """The exception that ends the run, such as that of pytest.exit() in a handler."""

    def keep(self, message: str) -> None:
        """Fail the test at its end, once for each message."""
        if message not in self.messages:
            self.messages.append(message)

    def fail(self, message: str) -> BaseException:
        """Return an exception to raise within application code. The test fails even if it is swallowed."""
        self.keep(message)
        return failure(message)


def traceback_text(error: BaseException) -> str:
    """Return the traceback of a handler's error, for a failure at the end of the test."""
    return encodable("".join(traceback.format_exception(type(error), error, error.__traceback__)))
