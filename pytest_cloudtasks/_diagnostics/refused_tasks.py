"""Tasks that were never accepted: what refused calls of CreateTask asked for, for the messages of assertions."""

from __future__ import annotations

from collections.abc import Iterator

from .._messages.proto import raw
from .._messages.rpc_call import RpcCall
from .._service.task import Task
from .._service.validation import queue_of
from .._simulation.matching import Match
from .._simulation.records import TaskRecord
from .._simulation.state import State
from .rpc_errors import refusal_text

_TARGETS = ("http_request", "app_engine_http_request")
"""What has a URL that an assertion may mean; a task without a target, or for a pull queue, has none."""


def refused_like(match: Match, simulation: State, since: int = 0) -> list[str]:
    """What is told of refused calls that look like what ``match`` expects, from call number ``since`` on."""
    told: dict[str, int] = {}
    most = max(1, len(match.expected()) // 2)
    for call, record in _refused(simulation, since):
        if len(match.differences(record)) <= most:
            text = f"  {_title(record)}\n    {refusal_text(call)}"
            told[text] = told.get(text, 0) + 1
    return [f"{text}{f' (×{count})' if count > 1 else ''}" for text, count in told.items()]


def _refused(simulation: State, since: int) -> Iterator[tuple[RpcCall, TaskRecord]]:
    for call in simulation.log.since(since):
        if call.method != "create_task" or call.result is not None or not hasattr(call.error, "code"):
            continue
        message = raw(call.request.task)
        if message.WhichOneof(message.DESCRIPTOR.oneofs[0].name) not in _TARGETS:
            continue
        spec = simulation.frontend.messages.task_spec(message)
        assert spec.target is not None, "one of the targets is set"
        at = simulation.clock.origin + call.offset
        task = Task(
            spec.name,
            queue_of(spec.name) or call.request.parent,
            -1,
            spec.target,
            create_time=at,
            schedule_time=at if spec.schedule_time is None else spec.schedule_time,
            dispatch_deadline=spec.dispatch_deadline,
            retry_config=None,
        )
        yield call, TaskRecord(task, simulation)


def _title(record: TaskRecord) -> str:
    name = f"{record.queue}/{record.id}" if record.id else f"{record.queue} (unnamed)"
    return f"{name}  {record.method} {record.url}"
