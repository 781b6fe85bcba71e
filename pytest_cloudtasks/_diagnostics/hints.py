"""Hints in failures: why the service has rejected a call, and callbacks that Django holds back until a commit.

Django is not imported here; where it is loaded, its open connections are asked for ``run_on_commit``, the list that
`transaction.on_commit` adds to. It is not documented; checked against Django 4.2 to 6.0, and
``tests/api/test_on_commit.py`` fails when it moves.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

from .._messages.rpc_call import RpcCall
from .._service.errors import TASK_EXISTS
from .._service.events import EventKind
from .._service.task import Task, TaskState
from .._service.validation import id_of, is_queue, queue_of
from .._simulation.exceptions import CloudTasksWarning
from .._simulation.formatting import duration_text, offset_text
from .._simulation.history import name_in
from .._simulation.simulation import Simulation
from .._text import counted, did_you_mean

SHOWN = 3
"""Of many refused calls, the last are told of."""
_ENDED = {
    TaskState.SUCCEEDED: "succeeded",
    TaskState.EXHAUSTED: "had no retry left",
    TaskState.EXPIRED: "expired",
    TaskState.DELETED: "was deleted",
}


def refusals_text(simulation: Simulation) -> str:
    """The last refused calls of the test, each with what the fake knows of it; "" if none was refused."""
    refused = [
        call for call in simulation.rpcs if hasattr(call.error, "code") and not getattr(call.error, "is_planned", False)
    ]
    told = ["\n".join([refusal_text(call), *_hints(simulation, call)]) for call in refused[-SHOWN:]]
    if len(refused) > SHOWN:
        told.insert(0, f"The last {SHOWN} of {len(refused)} refused calls:")
    return "\n\n".join(told)


def refusal_text(call: RpcCall) -> str:
    """``CreateTask was refused with NOT_FOUND: Queue does not exist.``."""
    error: Any = call.error
    rpc = "".join(word.capitalize() for word in call.method.split("_"))
    return f"{rpc} was refused with {error.code().name}: {error.details()}"


def _hints(simulation: Simulation, call: RpcCall) -> Iterator[str]:
    error: Any = call.error
    name = name_in(call)
    queue = queue_of(name) or name
    if not is_queue(queue):
        return
    code = error.code().name
    if queue not in simulation.service.queues:
        if code in ("NOT_FOUND", "FAILED_PRECONDITION"):
            yield from _on_missing_queue(simulation, queue)
    elif code in ("ALREADY_EXISTS", "NOT_FOUND") and name != queue:
        yield from _on_task(simulation, name, call)
    elif "Task size too large" in error.details():
        limit = simulation.service.knobs.max_task_size
        yield f"The limit is {limit} bytes of the stored task, by the knob max_task_size."


def _on_missing_queue(simulation: Simulation, queue: str) -> Iterator[str]:
    short = id_of(queue)
    try:
        simulation.queue_named(short if simulation.settings.queue_name(short) == queue else queue)
    except LookupError as missing:
        yield str(missing)
    else:
        yield (
            f"The queue {id_of(queue)} was deleted in this test; its name is free again"
            f" {duration_text(simulation.service.knobs.queue_tombstone_ttl)} after that, by the knob"
            " queue_tombstone_ttl."
        )


def _on_task(simulation: Simulation, name: str, call: RpcCall) -> Iterator[str]:
    """What was known of the task when the call came; it may have ended since, and another have taken its name."""
    named = [
        (number, event.task)
        for number, event in enumerate(simulation.service.events)
        if event.kind is EventKind.TASK_CREATED and event.task is not None and event.task.name == name
    ]
    before = [task for number, task in named if number < call.event]
    if before:
        yield _on_known_task(simulation, before[-1], call)
        return
    if named:
        yield f"{id_of(name)} was created only after that, at {_offset(simulation, named[0][1].create_time)}."
        return
    there = [id_of(one.name) for one in simulation.service.accepted if one.queue_name == queue_of(name)]
    yield f"No task {id_of(name)} was created in this test.{did_you_mean(id_of(name), there)}"


def _on_known_task(simulation: Simulation, task: Task, call: RpcCall) -> str:
    error: Any = call.error
    created = f"{id_of(task.name)} was created at {_offset(simulation, task.create_time)}"
    if task.ended_at is None:
        return f"{created}, and is still there."
    if error.details() == TASK_EXISTS.text:
        return f"{created}, and was still there."
    ended = f"{created}, and {_ENDED[task.state]} at {_offset(simulation, task.ended_at)}."
    if error.code().name == "ALREADY_EXISTS":
        ttl = duration_text(simulation.service.knobs.task_tombstone_ttl)
        ended += (
            f" Its name is free again {ttl} after that, by the knob task_tombstone_ttl. Google has published 1 h, 4 h"
            " and 24 h: rely on none of them."
        )
    return ended


def _offset(simulation: Simulation, instant: int) -> str:
    return offset_text(instant - simulation.clock.origin)


def waiting_callbacks() -> int:
    """How many ``on_commit`` callbacks have not run."""
    database = sys.modules.get("django.db")
    if database is None or "django.conf" not in sys.modules or not sys.modules["django.conf"].settings.configured:
        return 0
    return sum(len(connection.run_on_commit) for connection in database.connections.all(initialized_only=True))


def hint() -> str:
    """What to say to a test that found nothing, or nothing itself."""
    count = waiting_callbacks()
    if not count:
        return ""
    return (
        f"{counted(count, 'on_commit callback')} of Django {'has' if count == 1 else 'have'} not run: in a test that"
        " rolls back there is no commit. Wrap the code in `with django_capture_on_commit_callbacks(execute=True):`"
        " (pytest-django), or in `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
    )


def warn_of_waiting_callbacks() -> None:
    """Nothing was enqueued, as the test asserts; but it may be about to be."""
    told = hint()
    if told:
        warnings.warn(f"Nothing was enqueued, but {told}", CloudTasksWarning, stacklevel=3)
