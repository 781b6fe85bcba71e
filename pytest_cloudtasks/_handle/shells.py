"""The shells around the driver: one runs handlers where it stands, the other in the caller's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

from .handlers import Handler
from .world import World

Result = TypeVar("Result")
Course = Generator[Handler, None, Result]
"""A verb under way: it yields each handler that is to start or to go on, and returns the verb's result."""


def run(world: World, name: str, course: Course[Result]) -> Result:
    """Drive ``course``, that of the sync verb ``name``; in a running event loop it is refused."""
    __tracebackhide__ = True
    if in_a_loop():
        course.close()
        raise RuntimeError(
            f"cloud_tasks.{name}() was called in a running event loop, which it would block. Write"
            f" `await cloud_tasks.aio.{name}()` there instead."
        )
    return perform(world, course)


def perform(world: World, course: Course[Result]) -> Result:
    """Run the handlers of ``course``, async ones in a loop of the world's own."""
    __tracebackhide__ = True
    try:
        handler = next(course)
        while True:
            if handler.wakes_at is None and not handler.is_async:
                handler.start()
            if handler.is_async:
                world.loop.run_until_complete(handler.run_on(world.clock.now))
            handler = course.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def perform_async(world: World, course: Course[Result]) -> Result:
    """Run the handlers of ``course``, async ones in the running event loop."""
    __tracebackhide__ = True
    try:
        handler = next(course)
        while True:
            if handler.wakes_at is None and not handler.is_async:
                handler.start()
            if handler.is_async:
                await handler.run_on(world.clock.now)
            handler = course.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def in_a_loop() -> bool:
    """Whether this thread is in a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
