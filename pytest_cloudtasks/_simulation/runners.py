"""The shells around the driver: one runs handlers where it stands, the other in the caller's event loop."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from .._targets.asgi import in_a_loop
from .delivery import Handler, working
from .simulation import Simulation

Result = TypeVar("Result")
Course = Generator[Handler, None, Result]
"""A verb under way: it yields each handler that is to start or to go on, and returns the verb's result."""


def run(simulation: Simulation, name: str, course: Course[Result]) -> Result:
    """Drive ``course``, that of the sync verb ``name``; in a running event loop it is refused.

    In a handler the course itself refuses: the awaitable verb would be no better there.
    """
    __tracebackhide__ = True
    if in_a_loop() and working.get() is None:
        course.close()
        raise RuntimeError(
            f"cloud_tasks.{name}() was called in a running event loop, which it would block. Write"
            f" `await cloud_tasks.aio.{name}()` there instead."
        )
    return perform(simulation, course)


def perform(simulation: Simulation, course: Course[Result]) -> Result:
    """Run the handlers of ``course``, async ones in a loop of the simulation's own."""
    __tracebackhide__ = True
    try:
        handler = next(course)
        while True:
            if not handler.is_async:
                handler.start()
            if handler.is_async:
                simulation.own_loop.run(handler.run_on(simulation.clock.now))
            handler = course.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        course.close()  # now: an exception that comes out would keep the verb under way for as long as it is kept


async def perform_async(simulation: Simulation, course: Course[Result]) -> Result:
    """Run the handlers of ``course``, async ones in the running event loop."""
    __tracebackhide__ = True
    try:
        handler = next(course)
        while True:
            if handler.target.is_async and not in_a_loop():
                raise RuntimeError(
                    "An async target runs on asyncio, and the verb of cloud_tasks.aio that is to run it was awaited in"
                    " another library's loop, such as trio's. Run this test on asyncio, or call the sync verb."
                )
            if not handler.is_async:
                handler.start()
            if handler.is_async:
                await handler.run_on(simulation.clock.now)
            handler = course.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        course.close()
