"""Tracebacks that end with the line of the application or the test that made the call.

Below that line are this plugin and Google's client, which pytest would show at length. pytest hides a frame that has a
local variable ``__tracebackhide__``; here frames get one once the test has failed. Neither ``--full-trace`` nor
``--tb=native`` use it, and debuggers step through all frames.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from .._diagnostics.call_sites import CLIENTS, OURS, is_application, module_of
from .._simulation.exceptions import chain_of

_UNITTEST = "unittest.case."
"""Where a traceback begins that has no line of the test's: of what is found after it, in a `TestCase`'s cleanup."""
_OWN_MISTAKES = (AttributeError, NameError, KeyError, IndexError, RecursionError)
"""Errors that this package never raises on purpose. Of AssertionError it raises only subclasses."""


def shorten(error: BaseException, config: pytest.Config, has_fake: bool) -> Callable[[], None]:
    """Hide the frames of the plugin, and those of Google's client below a call, in ``error`` and in its causes.

    A test without a fake is not affected, unless the plugin itself has raised. Return a function that restores the
    cause of an error of Google's client, which is grpc's error with the same text.
    """
    is_whole = config.getoption("fulltrace") or config.getoption("tbstyle") == "native"
    restore = ExitStack()
    for cause in list(chain_of(error)):  # their links change meanwhile
        if _hide(cause, has_fake) and not is_whole:
            restore.callback(_set_cause, cause, cause.__cause__, cause.__suppress_context__)
            _set_cause(cause, None, True)
            break
    return restore.close


def _hide(error: BaseException, has_fake: bool) -> bool:
    """Hide frames. Return whether the error comes from a call to the fake, below the application's last line."""
    if not getattr(error, "pytrace", True):  # pytest shows the message of such a failure without frames
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    end = max((index for index, frame in enumerate(frames) if is_application(frame)), default=-1) + 1
    below = [module_of(frame) for frame in frames[end:]]
    if not (end or _UNITTEST in below) or (below and below[-1].startswith(OURS) and _is_own_mistake(error)):
        return False
    if not has_fake and not (below and below[-1].startswith(OURS)):
        return False
    is_call = any(module.startswith((OURS, CLIENTS)) for module in below)
    for index, frame in enumerate(frames):
        is_hidden = module_of(frame).startswith(OURS) or (is_call and index >= end)
        if is_hidden and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # other frames' locals are a module's
            frame.f_locals["__tracebackhide__"] = True
    return is_call


def _set_cause(error: BaseException, cause: BaseException | None, suppresses: bool) -> None:
    error.__cause__, error.__suppress_context__ = cause, suppresses


def _is_own_mistake(error: BaseException) -> bool:
    return isinstance(error, _OWN_MISTAKES) or type(error) is AssertionError
