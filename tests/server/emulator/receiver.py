"""A worker for many deliveries at once: an aiohttp application that counts requests."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

TURNS = 5
"""Turns of the event loop for which a request is under way."""


class Counting:
    """Counts the requests, and how many were under way at the same time."""

    def __init__(self, fails_first: int) -> None:
        """Answer 503 to the first attempt of each task whose number ``fails_first`` divides."""
        self.url = ""
        self.requests: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._fails_first = fails_first

    async def take(self, request: web.Request) -> web.Response:
        """Answer a task, whose number is the last part of its path."""
        queue, number = request.headers["X-CloudTasks-QueueName"], request.path
        self._under_way[queue] += 1
        self.peaks[queue] = max(self.peaks[queue], self._under_way[queue])
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self._under_way[queue] -= 1
        self.requests[number] += 1
        fails = int(number.rpartition("/")[2]) % self._fails_first == 0 and self.requests[number] == 1
        return web.Response(status=503 if fails else 200)


@contextmanager
def counting(fails_first: int) -> Iterator[Counting]:
    """Serve in a separate thread."""
    receiver = Counting(fails_first)
    loop = asyncio.new_event_loop()

    async def begin() -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/{path:.*}", receiver.take)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
