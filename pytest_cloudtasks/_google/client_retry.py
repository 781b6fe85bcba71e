"""The waits of Google's client between its own retries, played without waiting.

google.api_core's retry loops sleep for real between attempts. After an error that came from a fake they need not: the
sleep is skipped and counted, the loop's deadline sees it as passed, and the jitter comes from the fake's seed. For any
other error, any other client, the loops do exactly what they did.

The loops are given a stand-in for the modules ``time``, ``asyncio`` and ``random`` they imported; that is not public.
Checked against google-api-core 2.16 to 2.44; ``tests/google/test_client_retry.py`` fails when it moves.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from .status import InProcessRpcError

_LOOPS = tuple(f"google.api_core.retry.{name}" for name in ("retry_base", "retry_unary", "retry_unary_async"))
_skipped: ContextVar[tuple[object, float]] = ContextVar("skipped", default=(None, 0.0))
"""Seconds of sleep that this context has skipped so far, and since which installation of the stand-ins."""


def _handled_here() -> InProcessRpcError | None:
    """The fake's error behind the exception that the loop is handling, if it is one."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, InProcessRpcError):
            return error
        error = error.__cause__
    return None


class _StandIn(ModuleType):
    """A module with some functions of its own; everything else is the real module's."""

    def __init__(self, real: ModuleType, **own: Any) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(own, _real=real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)


class _Installation:
    """The waits of the loops while the stand-ins are in place: a loop may have begun before, by the real clock."""

    def skipped(self) -> float:
        """Seconds skipped in this context; what earlier fakes skipped in it has no part in a loop of now."""
        since, seconds = _skipped.get()
        return seconds if since is self else 0.0

    def monotonic(self) -> float:
        """The clock that the loops read for their deadlines."""
        return time.monotonic() + self.skipped()

    def sleep(self, seconds: float) -> None:
        """Wait, after a fake's error without waiting."""
        if _handled_here() is None:
            time.sleep(seconds)
        else:
            _skipped.set((self, self.skipped() + seconds))

    async def sleep_async(self, seconds: float) -> None:
        """The same for coroutines."""
        if _handled_here() is None:
            await asyncio.sleep(seconds)
        else:
            _skipped.set((self, self.skipped() + seconds))


def _uniform(low: float, high: float) -> float:
    error = _handled_here()
    return random.uniform(low, high) if error is None else error.jitter.uniform(low, high)


class SkippedWaits:
    """Puts the stand-ins in and takes them out."""

    def __init__(self) -> None:
        self._before: list[tuple[ModuleType, str, Any]] = []

    def install(self) -> None:
        """From now on waits after a fake's errors are skipped; a second call does nothing."""
        if self._before:
            return
        waits = _Installation()
        stand_ins = {
            "time": _StandIn(time, monotonic=waits.monotonic, sleep=waits.sleep),
            "asyncio": _StandIn(asyncio, sleep=waits.sleep_async),
            "random": _StandIn(random, uniform=_uniform),
        }
        for loop in _LOOPS:
            module = sys.modules.get(loop)
            if module is None:
                continue
            for name, stand_in in stand_ins.items():
                if name in vars(module):
                    self._before.append((module, name, vars(module)[name]))
                    setattr(module, name, stand_in)

    def uninstall(self) -> None:
        """Put the real modules back."""
        while self._before:
            module, name, real = self._before.pop()
            setattr(module, name, real)


skipped_waits = SkippedWaits()
