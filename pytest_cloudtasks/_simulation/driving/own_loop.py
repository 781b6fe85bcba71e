"""The event loop in which sync driving methods run async targets.

Theory of operation. The loop runs only while a thread waits for a coroutine in it. If several threads wait, the first
is the *host*: it runs the loop, and goes on until all others, its *guests*, have their results.

For example, `drain()` hosts the loop for an async handler. That handler awaits a sync function that its framework runs
in a thread, and the function creates a task that is dispatched eagerly to another async target. That thread is a guest:
it can't run the loop, which runs already, and the host can't leave before it, because nothing would run the loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from .delivery import Result


class OwnLoop:
    """An event loop that runs only while a thread waits for a coroutine in it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._hosting = threading.Lock()
        """Held by the host."""
        self._lock = threading.Lock()
        """Held while the next two are read and changed."""
        self._is_hosted = False
        self._guests = 0
        self._guest_left = asyncio.Event()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of ``coroutine``, with the calling thread as the host, or as a guest if there is a host."""
        with self._lock:
            is_guest = self._is_hosted
            self._guests += is_guest
            self._is_hosted = True
        if is_guest:
            return asyncio.run_coroutine_threadsafe(self._as_guest(coroutine), self.loop).result()
        with self._hosting:
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
        with self._lock:
            self._is_hosted = False

    async def _as_guest(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await coroutine
        finally:
            with self._lock:
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
        with self._lock:
            self._is_hosted = self._guests > 0
            return not self._is_hosted

    def close(self) -> None:
        """Cancel what is left in the loop and close it, as asyncio.run() does."""
        loop = self.loop
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
