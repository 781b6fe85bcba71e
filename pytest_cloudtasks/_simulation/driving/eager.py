"""Eager dispatch: a task that was just created is delivered before its client gets the response."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..._service.task import Task
from ..._targets.asgi import in_a_loop
from ..exceptions import NoTarget, ends_the_run, traceback_text
from ..formatting import short_name
from .delivery import Deliveries
from .runners import run_async, run_sync
from .steps import Steps

if TYPE_CHECKING:
    from ..simulation import Simulation

DEPTH = 20
"""The maximum number of tasks created within each other's handlers."""
_depth: ContextVar[int] = ContextVar("depth", default=0)
"""The number of eager deliveries around this code. Frameworks copy it into their threads."""


def dispatch_created(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the sync client has just created, if it is due."""
    if in_a_loop() and Steps(simulation).is_due(task):
        target = simulation.targets.find_for(task, simulation.service.target_of(task))
        if target is not None and target.is_async:
            simulation.failures.keep(
                f"Eager dispatch could not deliver {short_name(task)}: {target.describe()} is async, and the sync"
                " client was called in a running event loop, which it blocks. Create the task with"
                " CloudTasksAsyncClient there, or create it without eager dispatch and drive the queue with `await"
                " cloud_tasks.aio.drain()`."
            )
            return
    run_sync(simulation, _eager_deliveries(simulation, task))


async def dispatch_created_async(simulation: Simulation, task: Task) -> None:
    """Dispatch a task that the async client has just created, if it is due."""
    await run_async(simulation, _eager_deliveries(simulation, task))


def _eager_deliveries(simulation: Simulation, task: Task) -> Deliveries[None]:
    """Deliver one attempt through the full request path. A failure fails the test at its end, not the caller."""
    steps, depth = Steps(simulation), _depth.get()
    if depth >= DEPTH:
        if steps.is_due(task):
            simulation.failures.keep(
                f"Eager dispatch stopped after {DEPTH} tasks within each other's handlers, and left {short_name(task)}"
                " in its queue. Stop the handlers from enqueueing for ever, or create the tasks without eager dispatch"
                " and drive the queue."
            )
        return
    within = _depth.set(depth + 1)
    try:
        yield from steps.deliver_at_once(task)
    except NoTarget as error:
        simulation.failures.keep(str(error))
    except Exception as error:
        if ends_the_run(error):  # pytest.exit(), whose exception an application may take for an error of the client
            simulation.failures.ending = error
            raise
        simulation.failures.keep(
            f"The handler of {short_name(task)}, which was dispatched eagerly, raised:\n{traceback_text(error)}"
        )
    finally:
        _depth.reset(within)
