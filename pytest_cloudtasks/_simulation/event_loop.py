"""The event loop in which sync verbs run async targets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class OwnLoop:
    """A loop that runs only while somebody waits for it. Several threads may: the first runs it, until all are done."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._turn = threading.Lock()
        """Held by the thread that runs the loop."""
        self._gate = threading.Lock()
        self._is_hosted = False
        self._guests = 0
        self._guest_left = asyncio.Event()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """The result of ``coroutine``; where the loop runs already, this thread waits for it as a guest.

        A guest may be one that the loop itself waits for: a framework's thread, for a sync handler.
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
                if not host.done():  # Ctrl-C, or a SystemExit in a task of the application's, has stopped the loop
                    self._end(host)

    def _end(self, host: asyncio.Task[Any]) -> None:
        """End a host that the loop has been stopped under, so that nobody takes it for one who still runs the loop."""
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
