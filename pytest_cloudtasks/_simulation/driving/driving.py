"""What is under way in a simulation: a driving method, sleeping handlers, the event loop of async targets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

from ..._service.scheduler import Timetable
from ..._targets.asgi import in_a_loop
from ..._targets.registry import Targets
from .delivery import Delivery, Result


class OwnLoop:
    """A loop that runs only while a thread waits for it. Several threads may: the first runs it, until all are done."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._turn = threading.Lock()
        """Held by the thread that runs the loop."""
        self._gate = threading.Lock()
        self._is_hosted = False
        self._guests = 0
        self._guest_left = asyncio.Event()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of ``coroutine``. If the loop already runs, this thread waits for it as a guest.

        The loop itself may wait for a guest: a framework's thread that runs a sync handler.
        """
        with self._gate:
            is_guest = self._is_hosted
            self._guests += is_guest
            self._is_hosted = True
        if is_guest:
            return asyncio.run_coroutine_threadsafe(self._as_guest(coroutine), self.loop).result()
        with self._turn:
            host = self.loop.create_task(self._as_host(coroutine))
            try:
                return self.loop.run_until_complete(host)
            finally:
                if not host.done():  # Ctrl-C, or a SystemExit in a task of the application, has stopped the loop
                    self._end(host)

    def _end(self, host: asyncio.Task[Any]) -> None:
        """End the running of a stopped loop, so that no thread waits for it."""
        host.cancel()
        self.loop.run_until_complete(asyncio.wait([host]))
        with self._gate:
            self._is_hosted = False

    async def _as_guest(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await coroutine
        finally:
            with self._gate:
                self._guests -= 1
            self._guest_left.set()

    async def _as_host(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await coroutine
        finally:
            while not self._may_leave():
                self._guest_left.clear()
                await self._guest_left.wait()

    def _may_leave(self) -> bool:
        with self._gate:
            self._is_hosted = self._guests > 0
            return not self._is_hosted


class Driving:
    """The activities in a simulation: a driving method, sleeping handlers, the event loop of async targets."""

    def __init__(self, lock: Any, *, is_eager: bool) -> None:
        self.is_eager = is_eager
        """Whether a created task is dispatched before the call returns; blocks of ``eager()`` say so, too."""
        self.method: str | None = None
        """The name of the driving method that is under way."""
        self.sleepers: Timetable[Delivery] = Timetable()
        """Async handlers that wait for their instant."""
        self._lock = lock
        self._loop: OwnLoop | None = None

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
            _close(self._loop.loop)
            self._loop = None


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in ``loop`` and close it, as asyncio.run() does."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
