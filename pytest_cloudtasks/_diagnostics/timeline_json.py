"""The timeline as JSON: an object for each event, with all that a viewer needs to draw it.

``docs/timeline.schema.json`` is the schema. The report and the emulator's page give their viewer the same objects, so
what a page shows is data here first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.request import AppEngineTarget, HttpTarget, PullMessage
from .._service.retry import GiveUp, Retry
from .._service.service import Service
from .._service.task import Attempt, OutcomeKind, Task
from .._service.validation import queue_of
from .._simulation.history import Entry, History, InjectedFault, TimeBase
from .._simulation.summary import blocked
from .._targets.request import url_of
from .._text import did_you_mean, error_text, safe_repr, safe_str
from .._time.clock import Clock
from .._time.instants import to_datetime
from .timeline import Call, Line, Shown, as_line, line_text, timeline_text
from .values import Form, Pairs, body_text, header_pairs, message_text, portable_text

Object = dict[str, Any]
"""One event, in types that JSON has."""


def timeline_as(form: str, history: History, service: Service, clock: Clock) -> str:
    """Return the timeline as text or as JSON."""
    forms = {"text": timeline_text, "json": timeline_json}
    if not isinstance(form, str) or form not in forms:
        raise ValueError(
            f"timeline() has the formats 'text' and 'json', but got {safe_repr(form)}.{did_you_mean(form, forms)}"
        )
    return forms[form](history, service, clock)


def timeline_json(history: History, service: Service, clock: Clock) -> str:
    """Return `timeline_data` as a JSON text."""
    return json.dumps(timeline_data(history, service, clock), indent=2, ensure_ascii=False)


def timeline_data(history: History, service: Service, clock: Clock) -> list[Object]:
    """Return an object for each event, and at the end one for each task that is held back now."""
    form = Form(show_secrets=history.show_secrets)
    return [*objects(history.entries(), history, form), *blocked_objects(history, service, clock, form)]


def objects(entries: Iterable[Entry], history: History, form: Form) -> Iterator[Object]:
    """Return an object for each entry that has a line in the timeline."""
    for entry in entries:
        line = as_line(entry)
        if line is None:
            continue
        data = {**line_data(line), **_Details(entry, history, form).data()}
        data["text"] = portable_text(data["text"], form.root)
        yield data if form.is_dated else {key: value for key, value in data.items() if key not in _DATED}


def line_data(line: Line) -> Object:
    """Return the object of a line, without what was sent and answered."""
    name, details = _OF_TYPE[type(line.record)](line, line.record)
    return {
        "at": _iso(line.instant),
        "offset": seconds(line.offset),
        "event": name,
        "text": line_text(line),
        **details,
    }


def blocked_objects(history: History, service: Service, clock: Clock, form: Form) -> Iterator[Object]:
    """Return an object for each task that cannot go out now, with the reason."""
    if not service.has_live_tasks:
        return
    now = {"at": _iso(clock.now)} if form.is_dated else {}
    for entry in blocked(service, clock.now, history):
        yield {
            **now,
            "offset": seconds(clock.elapsed),
            "event": "blocked",
            "text": f"{entry.task.queue}/{entry.task.id} blocked: {entry.reason.value}",
            "queue": queue_of(entry.task.name),
            "task": entry.task.name,
            "reason": entry.reason.name,
        }


def seconds(duration: int) -> float:
    """Return nanoseconds as seconds."""
    return duration / 1_000_000_000


def _event_data(line: Line, event: Event) -> tuple[str, Object]:
    data: Object = {"queue": event.queue_name}
    task, attempt = event.task, event.attempt
    if task is not None:
        data["task"] = task.name
    if task is not None and event.kind is EventKind.TASK_CREATED:
        data.update(method=task.target.method, url="" if isinstance(task.target, PullMessage) else url_of(task.target))
        data.update(_instant(line, "schedule_time", task.initial_schedule_time))
    if event.until is not None:
        data.update(_instant(line, "until", event.until))
    if attempt is not None:
        data.update(attempt=attempt.number, forced=attempt.forced)
        data.update(_dispatch(line, attempt) if event.kind is EventKind.TASK_DISPATCHED else _answer(line, event))
    return event.kind.name.lower(), data


def _dispatch(line: Line, attempt: Attempt) -> Object:
    return {
        **_instant(line, "schedule_time", attempt.schedule_time),
        **_instant(line, "deadline", attempt.deadline),
    }


def _answer(line: Line, event: Event) -> Object:
    attempt = event.attempt
    if attempt is None or attempt.outcome is None:
        return {}
    outcome = attempt.outcome
    data: Object = {"result": outcome.result, "status": outcome.message}
    data.update(succeeded=outcome.succeeded, dropped=event.dropped)
    data["duration"] = seconds(event.at - attempt.dispatch_time)
    if outcome.lost_status:
        data["lost"] = outcome.lost_status
    if isinstance(event.verdict, Retry):
        data.update(_instant(line, "retry_at", event.verdict.at))
    if isinstance(event.verdict, GiveUp):
        data["exhausted"] = event.verdict.reason
    return data


def _fault_data(line: Line, fault: InjectedFault) -> tuple[str, Object]:
    return "fault", {} if fault.task is None else _about(fault.task.name)


def _reset_data(line: Line, base: TimeBase) -> tuple[str, Object]:
    return "clock_reset", {}


def _calls_data(line: Line, call: Call) -> tuple[str, Object]:
    return "rpc", {**_about(call.name), "rpc": call.method, **({"code": call.code} if call.code else {})}


_OF_TYPE: dict[type[Shown], Callable[[Line, Any], tuple[str, Object]]] = {
    Event: _event_data,
    InjectedFault: _fault_data,
    TimeBase: _reset_data,
    Call: _calls_data,
}
"""The value of ``event`` by the type of what a line is about, and what its object has besides instant and text."""
_DATED = frozenset({"at", "schedule_time", "deadline", "retry_at", "until"})
"""Keys of instants, each of which has its offset beside it."""


def _instant(line: Line, name: str, instant: int) -> Object:
    """Return an instant by its name, and its offset."""
    stem = name.removesuffix("_time").removesuffix("_at")
    return {name: _iso(instant), f"{stem}_offset": seconds(instant - line.base)}


def _about(name: str) -> Object:
    """Return the task or the queue of that name."""
    queue = queue_of(name)
    return {"queue": queue, "task": name} if queue else {"queue": name} if name else {}


def _iso(instant: int) -> str:
    return to_datetime(instant).isoformat()


class _Details:
    """What was stored, sent, answered or called."""

    def __init__(self, entry: Entry, history: History, form: Form) -> None:
        self._entry = entry
        self._history = history
        self._form = form

    def data(self) -> Object:
        record = self._entry.record
        if isinstance(record, IncomingCall):
            return self._call(record)
        if not isinstance(record, Event) or record.task is None:
            return {}
        if record.kind is EventKind.TASK_CREATED:
            return self._creation(record.task)
        if record.attempt is None:
            return {}
        return (
            self._dispatch(record.attempt) if record.kind is EventKind.TASK_DISPATCHED else self._answer(record.attempt)
        )

    def _call(self, call: IncomingCall) -> Object:
        data: Object = {"message": message_text(call.request, self._entry.base, self._form)}
        if call.error is not None:
            data["error"] = portable_text(safe_str(call.error), self._form.root)
        if call.timeout is not None:
            data["timeout"] = call.timeout
        return data

    def _creation(self, task: Task) -> Object:
        target = task.target
        data: Object = {"body": body_text(target.body)}
        if isinstance(target, PullMessage):
            return {**data, "tag": target.tag}
        data["headers"] = self._headers(target.headers)
        data["dispatch_deadline"] = seconds(task.deadline_in_force)
        if isinstance(target, HttpTarget) and target.oidc is not None:
            data["oidc"] = {
                "service_account_email": target.oidc.service_account_email,
                "audience": target.oidc.audience or target.url,
            }
        if isinstance(target, AppEngineTarget) and target.routing is not None:
            data["routing"] = {name: value for name, value in target.routing.named.items() if value}
        if target.header_changes:
            data["header_changes"] = [[change.name, change.what] for change in target.header_changes]
        return data

    def _dispatch(self, attempt: Attempt) -> Object:
        sent, received = attempt.target, self._history.requests.get(attempt)
        request: Object = {
            "method": sent.method if received is None else received.method,
            "url": url_of(sent) if received is None else received.url,
            "headers": self._headers(sent.headers if received is None else received.headers.pairs()),
            "body": body_text(sent.body if received is None else received.body),
        }
        return {"request": request}

    def _answer(self, attempt: Attempt) -> Object:
        data: Object = {}
        answer = self._history.answers.get(attempt)
        if answer is None:
            return data
        if answer.outcome.kind is OutcomeKind.RESPONSE:
            headers = self._headers(answer.headers.pairs())
            data["response"] = {"status": answer.status, "headers": headers, "body": body_text(answer.body)}
        if answer.exception is not None:
            data["exception"] = portable_text(error_text(answer.exception), self._form.root)
        return data

    def _headers(self, pairs: Iterable[tuple[str, str]]) -> Pairs:
        return header_pairs(pairs, self._entry.base, self._form)
