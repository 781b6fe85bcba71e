"""Runners of driving methods: sync and asyncio.

The driver is a generator of deliveries. A sync runner calls sync targets in its thread, and async ones in the
simulation's own event loop. An async runner awaits async targets in the caller's loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._targets.asgi import in_a_loop
from .delivery import Deliveries, Result, current_delivery

if TYPE_CHECKING:
    from ..simulation import Simulation


def run_method(simulation: Simulation, name: str, deliveries: Deliveries[Result]) -> Result:
    """Run the sync driving method ``name``; raise RuntimeError in a running event loop.

    Within a handler the driver raises, because the awaitable method would not be allowed either.
    """
    __tracebackhide__ = True
    if in_a_loop() and current_delivery.get() is None:
        deliveries.close()
        raise RuntimeError(
            f"cloud_tasks.{name}() was called in a running event loop and would block it. Write `await"
            f" cloud_tasks.aio.{name}()` instead."
        )
    return run_sync(simulation, deliveries)


def run_sync(simulation: Simulation, deliveries: Deliveries[Result]) -> Result:
    """Run a driving method, with async targets in the simulation's own loop."""
    __tracebackhide__ = True
    try:
        delivery = next(deliveries)
        while True:
            if not delivery.is_async:
                delivery.start()
            if delivery.is_async:
                simulation.activities.own_loop.run(delivery.resume(simulation.clock.now))
            delivery = next(deliveries)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        deliveries.close()  # at once: a caller that keeps the exception would keep the method under way


async def run_async(simulation: Simulation, deliveries: Deliveries[Result]) -> Result:
    """Run a driving method, with async targets in the running event loop."""
    __tracebackhide__ = True
    try:
        delivery = next(deliveries)
        while True:
            if delivery.target.is_async and not in_a_loop():
                raise RuntimeError(
                    "Async targets run on asyncio, but the driving method of cloud_tasks.aio was awaited in another"
                    " library's loop, such as trio's. Run this test on asyncio, or call the sync method."
                )
            if not delivery.is_async:
                delivery.start()
            if delivery.is_async:
                await delivery.resume(simulation.clock.now)
            delivery = next(deliveries)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        deliveries.close()
