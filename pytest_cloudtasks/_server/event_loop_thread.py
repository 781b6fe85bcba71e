"""An event loop in a thread of its own, in which an aiohttp application runs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._time import real

if TYPE_CHECKING:
    from aiohttp import web


@contextmanager
def serving(runner: web.BaseRunner, host: str) -> Iterator[int]:
    """Serve at a free port of ``host`` until the block ends, and give the port."""
    with socket.create_server((host, 0)) as listening, looping() as loop:
        asyncio.run_coroutine_threadsafe(_begin(runner, listening), loop).result()
        try:
            yield listening.getsockname()[1]
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


async def _begin(runner: web.BaseRunner, listening: socket.socket) -> None:
    from aiohttp import web

    await runner.setup()
    await web.SockSite(runner, listening).start()


@contextmanager
def looping() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a daemon thread until the block ends, its timers by real time."""
    loop = asyncio.new_event_loop()
    loop.time = real.monotonic  # type: ignore[method-assign]
    thread = threading.Thread(target=loop.run_forever, name="cloud-tasks-server", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
