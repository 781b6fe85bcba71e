"""The waits of Google's client between its own retries. After an error of a fake they take no time.

Google's retry loops run unchanged; only their waiting is replaced. A loop sleeps in real time, for up to ten minutes,
and draws the length from the process's random numbers. While time is held, its deadline would never come. So while a
fake is active, proxies replace the modules ``time``, ``asyncio`` and ``random`` that the loops imported. After a fake's
error

- ``sleep`` returns at once, and adds the seconds to those that this context has skipped;
- ``monotonic`` counts the skipped seconds, so a deadline comes after as many retries as in production;
- ``uniform`` draws from the error's own random numbers, which follow from the fake's seed.

After any other error they are the real functions.

How to tell a fake's error. A loop since google-api-core 2.16 draws and sleeps while it handles the error: an exception
of Google's client whose cause is the fake's error. Over REST the exception was made of a response, so it is compared
with the fake's latest error, which is the channel's context variable ``last_error``. A loop before 2.16 draws before an
attempt and sleeps after it has left the handler. There ``last_error`` decides: a draw clears it and a fake's error sets
it. A wait that was drawn for another kind of error is drawn again before the sleep.

It is not public that the loops have these modules in their own namespace. Checked against google-api-core 1.34 to 2.44;
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

from .._messages.grpc_errors import InProcessRpcError
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
"""Seconds of sleep that this context has skipped so far, and the installation of the proxies that they count for."""


class _Waits:
    """The replacements for waiting while the proxies are installed.

    A loop may have begun before, with the real clock.
    """

    def __init__(self, owner: SkippedWaits) -> None:
        self._owner = owner

    def skipped(self) -> float:
        """Return the seconds that this context has skipped since the proxies were installed."""
        since, seconds = _skipped.get()
        return seconds if since is self else 0.0

    def skip(self, seconds: float) -> None:
        """Count ``seconds`` as slept."""
        _skipped.set((self, self.skipped() + seconds))

    def monotonic(self) -> float:
        """Return the clock that the loops use for their deadlines."""
        monotonic = self._owner.monotonic
        return (time.monotonic() if monotonic is None else monotonic()) + self.skipped()

    def utcnow(self) -> datetime:
        """Return the clock that loops before 2.16 use for their deadlines."""
        if self._owner.monotonic is not None:
            return datetime(1970, 1, 1) + timedelta(seconds=self.monotonic())
        return datetime_helpers.utcnow() + timedelta(seconds=self.skipped())  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """Wait, or return at once after a fake's error."""
        if handled_jitter() is None:
            time.sleep(seconds)
        else:
            self.skip(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, or return at once after a fake's error. For coroutines."""
        if handled_jitter() is None:
            await asyncio.sleep(seconds)
        else:
            self.skip(seconds)

    def uniform(self, low: float, high: float) -> float:
        """Draw the length of a wait."""
        return (handled_jitter() or random).uniform(low, high)


class _WaitsBefore216(_Waits):
    """The same for loops that draw a wait before there is an error, and sleep after they have handled it."""

    def sleep(self, seconds: float) -> None:
        """Wait, or return at once after a fake's error."""
        error = last_error.get()
        if error is None:
            time.sleep(_drawn_from(random, seconds))
        else:
            self.skip(_drawn_from(error.jitter, seconds))

    async def sleep_async(self, seconds: float) -> None:
        """Wait, or return at once after a fake's error. For coroutines."""
        error = last_error.get()
        if error is None:
            await asyncio.sleep(_drawn_from(random, seconds))
        else:
            self.skip(_drawn_from(error.jitter, seconds))

    def uniform(self, low: float, high: float) -> float:
        """Draw the length of the wait after the next attempt, as if it failed like the last one."""
        error = last_error.get()
        last_error.set(None)
        return _Draw(random if error is None else error.jitter, low, high)


class _Draw(float):
    """A wait, with the random numbers and the range from which it was drawn."""

    source: Any
    low: float
    high: float

    def __new__(cls, source: Any, low: float, high: float) -> _Draw:
        draw = super().__new__(cls, source.uniform(low, high))
        draw.source, draw.low, draw.high = source, low, high
        return draw


def _drawn_from(source: Any, seconds: float) -> float:
    """Return ``seconds``, drawn again if they come from other random numbers."""
    if not isinstance(seconds, _Draw) or seconds.source is source:
        return seconds
    return source.uniform(seconds.low, seconds.high)  # type: ignore[no-any-return]


def handled_jitter() -> random.Random | None:
    """Return the random numbers of the fake's error behind the exception that is being handled, or None."""
    handled = error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, InProcessRpcError):
            return error.jitter
        error = error.__cause__
    return _behind_response(handled)


def _behind_response(handled: BaseException | None) -> random.Random | None:
    """Return those of the fake's latest error if ``handled`` was made of an HTTP response with its status and text."""
    error = last_error.get()
    status = getattr(getattr(handled, "response", None), "status_code", None)
    if error is None or status != error.status or not str(handled).endswith(error.text):
        return None
    return error.jitter


class SkippedWaits:
    """Installs the proxies and removes them."""

    def __init__(self) -> None:
        self._before: list[tuple[ModuleType, str, Any]] = []
        self._kept = 0
        self.monotonic: Callable[[], float] | None = None
        """The clock for the loops' deadlines; None for that of the process, which the test may have frozen."""

    def keep(self, monotonic: Callable[[], float]) -> None:
        """Install the proxies until `let_go` is called as often.

        For calls over a network, whose retries wait in real time.
        """
        self._kept += 1
        self.monotonic = monotonic
        for loop in _LOOPS_BEFORE_2_16:
            import_module(loop)
        self.install()

    def let_go(self) -> None:
        """Undo one `keep`. The proxies stay while a fake is active."""
        self._kept -= 1
        if self._kept == 0:
            self.monotonic = None
            if router.backend is None:
                self.uninstall()

    def install(self) -> None:
        """Skip waits after a fake's errors from now on. A second call has no effect."""
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
        """Restore the real modules, unless `keep` is in force."""
        while self._before and self._kept == 0:
            module, name, real = self._before.pop()
            setattr(module, name, real)


skipped_waits = SkippedWaits()
router.on_last_leave.append(skipped_waits.uninstall)
