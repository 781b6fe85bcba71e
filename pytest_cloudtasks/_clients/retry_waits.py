"""The waits of Google's client between its own retries, played without waiting.

google.api_core's retry loops sleep for real between attempts. After an error that came from a fake they need not: the
sleep is skipped and counted, the loop's deadline sees it as passed, and the jitter comes from the fake's seed. For any
other error, any other client, the loops do exactly what they did.

The loops are given a stand-in for the modules ``time``, ``asyncio`` and ``random`` they imported; that is not public.
Checked against google-api-core 2.16 to 2.44; ``tests/clients/test_client_retry.py`` fails when it moves.

Before 2.16 a loop slept outside of its ``except`` clause, had its deadline from ``datetime_helpers.utcnow``, and drew a
sleep before it knew of any error: the error is the loop's variable ``last_exc``, and a sleep that was drawn without
knowing is drawn again. Checked against google-api-core 1.34; ``tests/legacy/test_retries.py`` fails when it differs.
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
from types import FrameType, ModuleType
from typing import Any

from .._messages.grpc_errors import InProcessRpcError
from .module_proxy import StandIn
from .router import switchboard

_LOOPS = (
    "google.api_core.retry.retry_base",
    "google.api_core.retry.retry_unary",
    "google.api_core.retry.retry_unary_async",
    "google.api_core.retry",  # before 2.16
    "google.api_core.retry_async",
)
_skipped: ContextVar[tuple[object, float]] = ContextVar("skipped", default=(None, 0.0))
"""Seconds of sleep that this context has skipped so far, and since which installation of the stand-ins."""


def _handled_here(loop: FrameType | None) -> InProcessRpcError | None:
    """The fake's error behind the exception that the loop is handling, or has just handled, if it is one."""
    variables = {} if loop is None else loop.f_locals
    error = variables["last_exc"] if "last_exc" in variables else sys.exc_info()[1]
    while error is not None:
        if isinstance(error, InProcessRpcError):
            return error
        error = error.__cause__
    return None


class _Installation:
    """The waits of the loops while the stand-ins are in place: a loop may have begun before, by the real clock."""

    def __init__(self, owner: SkippedWaits) -> None:
        self._owner = owner

    def skipped(self) -> float:
        """Seconds skipped in this context; what earlier fakes skipped in it has no part in a loop of now."""
        since, seconds = _skipped.get()
        return seconds if since is self else 0.0

    def monotonic(self) -> float:
        """The clock that the loops read for their deadlines."""
        monotonic = self._owner.monotonic
        return (time.monotonic() if monotonic is None else monotonic()) + self.skipped()

    def utcnow(self) -> datetime:
        """The clock that older loops read for their deadlines."""
        from google.api_core import datetime_helpers

        if self._owner.monotonic is not None:
            return datetime(1970, 1, 1) + timedelta(seconds=self.monotonic())
        return datetime_helpers.utcnow() + timedelta(seconds=self.skipped())  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """Wait, after a fake's error without waiting."""
        loop = sys._getframe(1)
        error = _handled_here(loop)
        if error is None:
            time.sleep(seconds)
        else:
            _skipped.set((self, self.skipped() + _by_seed(seconds, error, loop)))

    async def sleep_async(self, seconds: float) -> None:
        """The same for coroutines."""
        loop = sys._getframe(1)
        error = _handled_here(loop)
        if error is None:
            await asyncio.sleep(seconds)
        else:
            _skipped.set((self, self.skipped() + _by_seed(seconds, error, loop)))


class _Seeded(float):
    """A sleep that was drawn from a fake's seed."""


def _uniform(low: float, high: float) -> float:
    generator = sys._getframe(1)
    error = _handled_here(generator.f_back)
    return random.uniform(low, high) if error is None else _Seeded(error.jitter.uniform(low, high))


def _by_seed(seconds: float, error: InProcessRpcError, loop: FrameType) -> float:
    """``seconds``, drawn again if they were drawn before there was an error."""
    generator = getattr(loop.f_locals.get("sleep_generator"), "gi_frame", None)
    if isinstance(seconds, _Seeded) or generator is None or "delay" not in generator.f_locals:
        return seconds
    return error.jitter.uniform(0.0, generator.f_locals["delay"])


class SkippedWaits:
    """Puts the stand-ins in and takes them out."""

    def __init__(self) -> None:
        self._before: list[tuple[ModuleType, str, Any]] = []
        self._kept = 0
        self.monotonic: Callable[[], float] | None = None
        """The clock for the loops' deadlines; None for that of the process, which the test may have frozen."""

    def keep(self, monotonic: Callable[[], float]) -> None:
        """Put the stand-ins in until `let_go` is called as often, for calls over a network: those wait in real time."""
        self._kept += 1
        self.monotonic = monotonic
        for loop in ("google.api_core.retry", "google.api_core.retry_async"):
            import_module(loop)
        self.install()

    def let_go(self) -> None:
        """Undo one `keep`; the stand-ins themselves stay for a fake that is active."""
        self._kept -= 1
        if self._kept == 0:
            self.monotonic = None
            if switchboard.backend is None:
                self.uninstall()

    def install(self) -> None:
        """From now on waits after a fake's errors are skipped; a second call does nothing."""
        if self._before:
            return
        waits = _Installation(self)
        stand_ins = {
            "time": StandIn(time, monotonic=waits.monotonic, sleep=waits.sleep),
            "asyncio": StandIn(asyncio, sleep=waits.sleep_async),
            "random": StandIn(random, uniform=_uniform),
        }
        helpers = sys.modules.get("google.api_core.datetime_helpers")
        if helpers is not None:
            stand_ins["datetime_helpers"] = StandIn(helpers, utcnow=waits.utcnow)
        for loop in _LOOPS:
            module = sys.modules.get(loop)
            if module is None:
                continue
            for name, stand_in in stand_ins.items():
                if name in vars(module):
                    self._before.append((module, name, vars(module)[name]))
                    setattr(module, name, stand_in)

    def uninstall(self) -> None:
        """Put the real modules back, unless they are kept away."""
        while self._before and self._kept == 0:
            module, name, real = self._before.pop()
            setattr(module, name, real)


skipped_waits = SkippedWaits()
