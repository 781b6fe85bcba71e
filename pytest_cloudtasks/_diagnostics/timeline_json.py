"""The timeline in the form that was asked for; as data it is a JSON text, for programs that look into a test."""

from __future__ import annotations

import json
from typing import Any

from .._service.events import Event, EventKind
from .._service.request import PullMessage
from .._service.retry import GiveUp, Retry
from .._service.task import Task
from .._service.validation import queue_of
from .._simulation.calls import Call
from .._simulation.notes import Note
from .._simulation.state import State
from .._simulation.summary import blocked
from .._targets.request import url_of
from .._text import did_you_mean, safe_repr
from .._time.instants import to_datetime
from .event_text import entry_text
from .history import Entry, entries
from .timeline import timeline_text


def timeline_as(form: str, simulation: State) -> str:
    """The timeline as text or as JSON."""
    forms = {"text": timeline_text, "json": timeline_json}
    if not isinstance(form, str) or form not in forms:
        raise ValueError(
            f"timeline() has the formats 'text' and 'json', and got {safe_repr(form)}.{did_you_mean(form, forms)}"
        )
    return forms[form](simulation)


def timeline_json(simulation: State) -> str:
    """`timeline_data` as a JSON text."""
    return json.dumps(timeline_data(simulation), indent=2, ensure_ascii=False)


def timeline_data(simulation: State) -> list[dict[str, Any]]:
    """A list of objects, an event each, and at its end what is held back now.

    Each has ``at`` (ISO 8601), ``offset`` (seconds), ``event`` and ``text``. Where they apply it has
    ``queue`` and ``task`` (full names); ``method``, ``url`` and ``schedule_time`` of a task that was created;
    ``attempt``, ``forced``, ``result``, ``retry_at``, ``exhausted``, ``dropped`` and ``lost`` of an attempt; ``until``
    of a lease; ``rpc`` and ``code`` of a call; ``reason`` of what is blocked.
    """
    found = [entry_data(entry) for entry in entries(simulation)]
    if simulation.service.has_live_tasks:
        now = {"at": _iso(simulation.clock.now), "offset": _seconds(simulation.clock.elapsed), "event": "blocked"}
        for one in blocked(simulation):
            text = f"{one.task.queue}/{one.task.id} blocked: {one.reason.value}"
            about = {"queue": queue_of(one.task.name), "task": one.task.name, "reason": one.reason.name}
            found.append({**now, "text": text, **about})
    return found


def entry_data(entry: Entry) -> dict[str, Any]:
    """One object of `timeline_json`."""
    what = entry.what
    if isinstance(what, Event):
        name, more = what.kind.name.lower(), _of_event(what)
    elif isinstance(what, Call):
        name, more = "rpc", {**_about(what.name), "rpc": what.method, **({"code": what.code} if what.code else {})}
    elif isinstance(what, Note):
        name, more = "fault", {} if what.task is None else _about(what.task.name)
    else:
        name, more = "clock_set_anew", {}
    told = {"at": _iso(entry.instant), "offset": _seconds(entry.offset), "event": name, "text": entry_text(entry)}
    return {**told, **more}


def _of_event(event: Event) -> dict[str, Any]:
    task = event.task
    if task is None:
        return {"queue": event.queue_name}
    found: dict[str, Any] = {"queue": event.queue_name, "task": task.name}
    if event.kind is EventKind.TASK_CREATED:
        found.update(method=task.target.method, url=_url(task), schedule_time=_iso(task.initial_schedule_time))
    if event.until is not None:
        found["until"] = _iso(event.until)
    return {**found, **_of_attempt(event)}


def _of_attempt(event: Event) -> dict[str, Any]:
    attempt = event.attempt
    if attempt is None:
        return {}
    found: dict[str, Any] = {"attempt": attempt.number, "forced": attempt.forced}
    outcome = attempt.outcome
    if event.kind is EventKind.TASK_DISPATCHED or outcome is None:
        return found
    found.update(result=outcome.result, dropped=event.dropped)
    if outcome.lost_status:
        found["lost"] = outcome.lost_status
    if isinstance(event.verdict, Retry):
        found["retry_at"] = _iso(event.verdict.at)
    if isinstance(event.verdict, GiveUp):
        found["exhausted"] = event.verdict.reason
    return found


def _url(task: Task) -> str:
    return "" if isinstance(task.target, PullMessage) else url_of(task.target)


def _about(name: str) -> dict[str, str]:
    """The task or the queue of that name."""
    queue = queue_of(name)
    return {"queue": queue, "task": name} if queue else {"queue": name} if name else {}


def _iso(instant: int) -> str:
    return to_datetime(instant).isoformat()


def _seconds(duration: int) -> float:
    return duration / 1_000_000_000
