"""What is under way in a simulation, and ends with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..._service.scheduler import Timetable
from ..._targets.asgi import in_a_loop
from ..._targets.registry import Targets
from .delivery import Delivery
from .own_loop import OwnLoop

BACKGROUND = "background"
"""The method that is under way in a block of ``background()``."""


class Activities:
    """The driving method that is under way, the handlers that sleep, and the event loop of async targets."""

    def __init__(self, lock: Any, *, is_eager: bool) -> None:
        self.is_eager = is_eager
        """Whether a created task is dispatched before the call returns; blocks of ``eager()`` say so, too."""
        self.method: str | None = None
        """The name of the driving method that is under way."""
        self.failure: BaseException | None = None
        """What has ended the dispatching in the latest block of ``background()``."""
        self.sleepers: Timetable[Delivery] = Timetable()
        """Async handlers that wait for their instant."""
        self._lock = lock
        self._loop: OwnLoop | None = None

    @property
    def is_background(self) -> bool:
        """Whether a block of ``background()`` is under way."""
        return self.method == BACKGROUND

    @property
    def own_loop(self) -> OwnLoop:
        """The event loop in which sync driving methods run async targets, created on first use."""
        with self._lock:
            if self._loop is None:
                self._loop = OwnLoop()
            return self._loop

    def end(self, targets: Targets) -> None:
        """End everything. Handlers that are still asleep never wake; applications get their shutdown."""
        asleep = []
        while (sleeper := self.sleepers.first()) is not None:
            self.sleepers.remove(sleeper[1])
            sleeper[1].abandon()
            asleep.append(sleeper[1])
        if self._loop is None or not in_a_loop():
            self._end_loop(asleep, targets)
        else:  # a thread can run only one loop, and this one runs its own
            thread = threading.Thread(target=self._end_loop, args=(asleep, targets))
            thread.start()
            thread.join()

    def _end_loop(self, asleep: Sequence[Delivery], targets: Targets) -> None:
        if self._loop is not None:
            for delivery in asleep:
                self._loop.run(delivery.ended())
        targets.close()
        if self._loop is not None:
            self._loop.close()
            self._loop = None
