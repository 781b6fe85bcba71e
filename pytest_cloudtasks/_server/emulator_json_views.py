"""Tasks, attempts and journeys as JSON has them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from .._service.request import AppEngineTarget, PullMessage
from .._service.task import Attempt, Task
from .._service.validation import id_of
from .._targets.request import url_of
from .._time.instants import to_datetime
from .emulator_simulation import EmulatorSimulation
from .emulator_time_jumps import Journey


def tasks(simulation: EmulatorSimulation, queue: str | None, state: str | None) -> list[dict[str, Any]]:
    """Every task that was accepted, gone ones included, oldest first."""
    return [_task(simulation, task) for task in _chosen(simulation, queue) if state in (None, task.state.value)]


def attempts(simulation: EmulatorSimulation, queue: str | None, task: str | None) -> list[dict[str, Any]]:
    """Every attempt, in the order of dispatch; ``task`` is a full name or an ID."""
    found = [
        attempt
        for one in _chosen(simulation, queue)
        if task in (None, one.name, id_of(one.name))
        for attempt in one.attempts
    ]
    found.sort(key=lambda attempt: attempt.dispatch_time)
    return [_attempt(simulation, attempt) for attempt in found]


def journey(gone: Journey) -> dict[str, Any]:
    """What happened in a jump."""
    summary = gone.summary
    return {
        "now": iso(gone.now),
        "attempts": gone.attempts,
        "succeeded": summary.succeeded,
        "failed": summary.failed,
        "exhausted": summary.exhausted,
        "expired": summary.expired,
        "blocked": [{"task": one.task.name, "reason": one.reason.value} for one in summary.blocked],
    }


def iso(instant: int) -> str:
    """An instant as it is written everywhere."""
    return to_datetime(instant).isoformat()


def _chosen(simulation: EmulatorSimulation, queue: str | None) -> Iterator[Task]:
    return (task for task in simulation.service.accepted if queue in (None, task.queue_name))


def _task(simulation: EmulatorSimulation, task: Task) -> dict[str, Any]:
    target = task.target
    found: dict[str, Any] = {
        "name": task.name,
        "queue": task.queue_name,
        "state": task.state.value,
        "create_time": iso(task.create_time),
        "schedule_time": iso(task.schedule_time),
    }
    if isinstance(target, PullMessage):
        found["tag"] = target.tag
    else:
        found.update(method=target.method, url=url_of(target), headers=_headers(target.headers))
        if isinstance(target, AppEngineTarget):
            found["relative_uri"] = target.relative_uri
    found.update(_body(target.body))
    found["attempts"] = [_attempt(simulation, attempt) for attempt in task.attempts]
    return found


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return dict(pairs)


def _body(body: bytes) -> dict[str, str]:
    """As text where it is text, and always in base64."""
    encoded = {"body_base64": base64.b64encode(body).decode()}
    try:
        return {"body": body.decode(), **encoded}
    except UnicodeDecodeError:
        return encoded


def _attempt(simulation: EmulatorSimulation, attempt: Attempt) -> dict[str, Any]:
    outcome, ended = attempt.outcome, attempt.response_time
    found: dict[str, Any] = {
        "task": attempt.task.name,
        "number": attempt.number,
        "forced": attempt.forced,
        "schedule_time": iso(attempt.schedule_time),
        "dispatch_time": iso(attempt.dispatch_time),
        "response_time": None if ended is None else iso(ended),
        "result": None if outcome is None else outcome.result,
        "succeeded": outcome is not None and outcome.succeeded,
    }
    remark = simulation.remarks.get(attempt)
    return found if remark is None else {**found, "remark": remark}
