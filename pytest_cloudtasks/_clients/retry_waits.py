"""The waits of Google's client between its own retries, which take no time after an error of a fake.

Google's retry loops run as they are. What they wait with is replaced, and nothing else of google-api-core's: a loop
sleeps in real time, for up to ten minutes, and draws the length from the process's random numbers; and where time is
held, its deadline would never come. So while a fake is active, proxies take the place of the modules ``time``,
``asyncio`` and ``random`` that the loops imported. After a fake's error

- ``sleep`` returns at once, and adds the seconds to those that this context has skipped;
- ``monotonic`` counts the skipped seconds, so a deadline comes after as many retries as in production;
- ``uniform`` draws from the error's own random numbers, which the fake's seed decides.

After any other error they are the real functions.

Whose error it is, a loop since google-api-core 2.16 shows itself: it draws and sleeps while it handles the error, which
is an exception that Google's client made, and the fake's error is its cause. Over REST it was made of a response, so it
is compared with the fake's latest error, which is the channel's context variable ``last_error``. A loop before 2.16
draws before an attempt and sleeps when it has left the handler. There ``last_error`` decides: a draw clears it and a
fake's error sets it. What was drawn for another kind of error is drawn again when it comes to sleeping.

That the loops find these modules in their own namespace is not public. Checked against google-api-core 1.34 to 2.44;
``tests/clients/test_retry_waits.py`` and ``tests/legacy/test_retries.py`` fail when it moves.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

from google.api_core import datetime_helpers

from .._messages.grpc_errors import InProcessRpcError, status_code_of
from .channel import last_error
from .patching import ModuleProxy
from .router import router

_LOOPS = (
    "google.api_core.retry.retry_base",
    "google.api_core.retry.retry_unary",
    "google.api_core.retry.retry_unary_async",
)
_LOOPS_BEFORE_2_16 = ("google.api_core.retry", "google.api_core.retry_async")
_skipped: ContextVar[tuple[object, float]] = ContextVar("skipped", default=(None, 0.0))
"""Seconds of sleep that this context has skipped so far, and since which installation of the proxies."""


class _Waits:
    """What the loops wait with while the proxies are in place: a loop may have begun before, by the real clock."""

    def __init__(self, owner: SkippedWaits) -> None:
        self._owner = owner

    def skipped(self) -> float:
        """Return the seconds skipped in this context; what was skipped before the proxies came is no part of it."""
        since, seconds = _skipped.get()
        return seconds if since is self else 0.0

    def skip(self, seconds: float) -> None:
        """Count ``seconds`` as slept."""
        _skipped.set((self, self.skipped() + seconds))

    def monotonic(self) -> float:
        """Return the clock that the loops read for their deadlines."""
        monotonic = self._owner.monotonic
        return (time.monotonic() if monotonic is None else monotonic()) + self.skipped()

    def utcnow(self) -> datetime:
        """Return the clock that loops before 2.16 read for their deadlines."""
        if self._owner.monotonic is not None:
            return datetime(1970, 1, 1) + timedelta(seconds=self.monotonic())
        return datetime_helpers.utcnow() + timedelta(seconds=self.skipped())  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """Wait, after a fake's error without waiting."""
        error = handled_error()
        if error is None:
            time.sleep(seconds)
        else:
            self.skip(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Do the same for coroutines."""
        error = handled_error()
        if error is None:
            await asyncio.sleep(seconds)
        else:
            self.skip(seconds)

    def uniform(self, low: float, high: float) -> float:
        """Draw the length of a wait."""
        error = handled_error()
        return (random if error is None else error.jitter).uniform(low, high)


class _WaitsBefore216(_Waits):
    """The same for loops that draw a wait before there is an error, and sleep when they have handled it."""

    def sleep(self, seconds: float) -> None:
        """Wait, after a fake's error without waiting."""
        error = last_error.get()
        if error is None:
            time.sleep(_drawn_from(random, seconds))
        else:
            self.skip(_drawn_from(error.jitter, seconds))

    async def sleep_async(self, seconds: float) -> None:
        """Do the same for coroutines."""
        error = last_error.get()
        if error is None:
            await asyncio.sleep(_drawn_from(random, seconds))
        else:
            self.skip(_drawn_from(error.jitter, seconds))

    def uniform(self, low: float, high: float) -> float:
        """Draw the length of the wait after the next attempt, as if that failed as the last one did."""
        error = last_error.get()
        last_error.set(None)
        return _Draw(random if error is None else error.jitter, low, high)


class _Draw(float):
    """A wait, with the random numbers and the range that it was drawn from."""

    source: Any
    low: float
    high: float

    def __new__(cls, source: Any, low: float, high: float) -> _Draw:
        draw = super().__new__(cls, source.uniform(low, high))
        draw.source, draw.low, draw.high = source, low, high
        return draw


def _drawn_from(source: Any, seconds: float) -> float:
    """Return ``seconds``, drawn again if they are from other random numbers."""
    if not isinstance(seconds, _Draw) or seconds.source is source:
        return seconds
    return source.uniform(seconds.low, seconds.high)  # type: ignore[no-any-return]


def handled_error() -> InProcessRpcError | None:
    """Return the fake's error behind the exception that is being handled, if it is one."""
    handled = error = sys.exc_info()[1]
    while error is not None and not isinstance(error, InProcessRpcError):
        error = error.__cause__
    return error or _behind_response(handled)


def _behind_response(handled: BaseException | None) -> InProcessRpcError | None:
    """Return the fake's latest error if ``handled`` was made of an HTTP response, and that has its status and text."""
    error = last_error.get()
    status = getattr(getattr(handled, "response", None), "status_code", None)
    if error is None or status != status_code_of(error) or not str(handled).endswith(error.details()):
        return None
    return error


class SkippedWaits:
    """Puts the proxies in and takes them out."""

    def __init__(self) -> None:
        self._before: list[tuple[ModuleType, str, Any]] = []
        self._kept = 0
        self.monotonic: Callable[[], float] | None = None
        """The clock for the loops' deadlines; None for that of the process, which the test may have frozen."""

    def keep(self, monotonic: Callable[[], float]) -> None:
        """Put the proxies in until `let_go` is called as often, for calls over a network: those wait in real time."""
        self._kept += 1
        self.monotonic = monotonic
        for loop in _LOOPS_BEFORE_2_16:
            import_module(loop)
        self.install()

    def let_go(self) -> None:
        """Undo one `keep`; the proxies themselves stay for a fake that is active."""
        self._kept -= 1
        if self._kept == 0:
            self.monotonic = None
            if router.backend is None:
                self.uninstall()

    def install(self) -> None:
        """From now on waits after a fake's errors are skipped; a second call does nothing."""
        if self._before:
            return
        for loops, waits in ((_LOOPS, _Waits(self)), (_LOOPS_BEFORE_2_16, _WaitsBefore216(self))):
            proxies = {
                "time": ModuleProxy(time, monotonic=waits.monotonic, sleep=waits.sleep),
                "asyncio": ModuleProxy(asyncio, sleep=waits.sleep_async),
                "random": ModuleProxy(random, uniform=waits.uniform),
            }
            helpers = sys.modules.get("google.api_core.datetime_helpers")
            if helpers is not None:
                proxies["datetime_helpers"] = ModuleProxy(helpers, utcnow=waits.utcnow)
            for loop in loops:
                self._replace(sys.modules.get(loop), proxies)

    def _replace(self, module: ModuleType | None, proxies: dict[str, ModuleProxy]) -> None:
        for name, proxy in proxies.items():
            if name in vars(module or object):
                assert module is not None
                self._before.append((module, name, vars(module)[name]))
                setattr(module, name, proxy)

    def uninstall(self) -> None:
        """Put the real modules back, unless they are kept away."""
        while self._before and self._kept == 0:
            module, name, real = self._before.pop()
            setattr(module, name, real)


skipped_waits = SkippedWaits()
