"""The clock that grpc reads for its deadlines.

grpc computes absolute deadlines from ``time.time()``, and a test may freeze that function. If it is frozen in the past,
every call times out before it is made, and a server spins. If it is frozen in the future, a server does not start.
While an endpoint runs, grpc's own modules therefore get a proxy of the module ``time`` that they imported. This import
is not public. Checked against grpcio 1.50 to 1.85; ``tests/server/test_wire_clock.py`` fails when it moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from .._clients.patching import ModuleProxy

MODULES = (
    "grpc._channel",
    "grpc._server",
    "grpc._common",
    "grpc._utilities",
    "grpc.aio._utils",
    "grpc._cython.cygrpc",
)
"""The modules of grpc that read ``time.time()``."""


class WireClock:
    """Replaces the module ``time`` in grpc's modules, and restores it."""

    def __init__(self) -> None:
        self._users = 0
        self._before: list[tuple[ModuleType, ModuleType]] = []

    def install(self, now: Callable[[], float]) -> None:
        """Make calls over a network use the time of ``now``, until `uninstall` is called as often."""
        self._users += 1
        if self._users > 1:
            return
        proxy = ModuleProxy(time, time=now)
        for name in MODULES:
            module = import_module(name)
            self._before.append((module, module.time))
            module.time = proxy  # type: ignore[attr-defined]

    def uninstall(self) -> None:
        """Undo one `install`."""
        self._users -= 1
        while self._before and self._users == 0:
            module, real = self._before.pop()
            module.time = real  # type: ignore[attr-defined]


wire_clock = WireClock()
