"""Eager dispatch: what is due is dispatched before the creating call returns."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextvars import ContextVar

from .._service.task import Task
from .._targets.asgi import in_a_loop
from .._text import encodable
from .delivery import Handler
from .driver import Driver
from .exceptions import NoTarget, ends_the_run
from .records import short_name
from .runners import perform, perform_async
from .simulation import Simulation

DEPTH = 20
"""How many tasks may be created within each other's handlers."""
_depth: ContextVar[int] = ContextVar("depth", default=0)
"""How many eager deliveries this code is within; frameworks carry it into the threads they use."""


def dispatch_created(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the sync client has just created, if it is due."""
    if in_a_loop() and Driver(simulation).is_due(task):
        target = simulation.targets.find_for(task, simulation.service.target_of(task))
        if target is not None and target.is_async:
            simulation.failures.append(
                f"Eager dispatch could not deliver {short_name(task)}: {target.describe()} is async, and the sync"
                " client was called in a running event loop, which it blocks. Create the task with"
                " CloudTasksAsyncClient there, or create it without eager dispatch and drive the queue with `await"
                " cloud_tasks.aio.drain()`."
            )
            return
    perform(simulation, _course(simulation, task))


async def dispatch_created_async(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the async client has just created, if it is due."""
    await perform_async(simulation, _course(simulation, task))


def _course(simulation: Simulation, task: Task) -> Generator[Handler, None, None]:
    """One attempt, through the full request path; whatever goes wrong fails the test in the end, not the caller."""
    driver, depth = Driver(simulation), _depth.get()
    if depth >= DEPTH:
        if driver.is_due(task):
            simulation.failures.append(
                f"Eager dispatch has delivered {DEPTH} tasks within each other's handlers, and left"
                f" {short_name(task)} in its queue. Let the handlers come to an end, or create the tasks without eager"
                " dispatch and drive the queue."
            )
        return
    within = _depth.set(depth + 1)
    try:
        yield from driver.deliver_at_once(task)
    except NoTarget as error:
        simulation.failures.append(str(error))
    except Exception as error:
        if ends_the_run(error):  # pytest.exit(), whose exception an application may take for an error of the client
            simulation.ending = error
            raise
        told = encodable("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        simulation.failures.append(f"The handler of {short_name(task)}, which was dispatched eagerly, raised:\n{told}")
    finally:
        _depth.reset(within)
