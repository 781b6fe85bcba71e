"""The timeline: everything that happened, as text and as JSON. Byte for byte the same in every run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from .._messages.rpc_call import RpcCall
from .._service.events import Event, EventKind
from .._service.request import PullMessage
from .._service.retry import GiveUp, Retry
from .._service.service import Service
from .._service.task import Attempt, Task, TaskState
from .._service.validation import id_of, is_queue, queue_of
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import duration_text, offset_text
from .._simulation.history import Entry, History, InjectedFault, TimeBase
from .._simulation.records import contents, model_task, short_name, short_resource
from .._simulation.summary import blocked
from .._targets.request import url_of
from .._text import counted, did_you_mean, safe_repr, shortened
from .._time.clock import Clock
from .._time.instants import to_datetime
from .._units import DAY

QUEUE_TEXTS = {
    EventKind.QUEUE_CREATED: "created",
    EventKind.QUEUE_UPDATED: "updated",
    EventKind.QUEUE_PAUSED: "paused",
    EventKind.QUEUE_RESUMED: "resumed",
    EventKind.QUEUE_DISABLED: "disabled",
    EventKind.QUEUE_PURGED: "purged",
    EventKind.QUEUE_DELETED: "deleted",
}
"""What happened to a queue."""
_TASK_TEXTS = {
    EventKind.TASK_DELETED: "deleted",
    EventKind.TASK_LEASED: "leased",
    EventKind.LEASE_RENEWED: "lease renewed",
    EventKind.LEASE_CANCELLED: "lease cancelled",
    EventKind.TASK_ACKNOWLEDGED: "acknowledged",
    EventKind.TASK_LEASES_EXHAUSTED: "exhausted: it was leased max_attempts times",
}
_GONE = {
    TaskState.SUCCEEDED: "the task had succeeded",
    TaskState.EXHAUSTED: "the task had no retry left",
    TaskState.EXPIRED: "the task had expired",
    TaskState.DELETED: "the task was deleted",
}


@dataclass(frozen=True)
class Call:
    """Calls of one RPC about one resource that ended alike; ``also`` are those of other RPCs in the same breath."""

    method: str
    name: str
    """The full name of the task or queue; "" where the calls were about several, or about something else."""
    code: str
    """The name of the code that a rejected one got."""
    last: int
    """The offset of the last one."""
    count: int = 1
    also: tuple[Call, ...] = ()

    def joined(self, other: Call, at: int) -> Call | None:
        """Itself with ``other``, a single call that came next, in it; None if that is a matter of its own."""
        if self.code or other.code:
            alike = (self.method, self.name, self.code) == (other.method, other.name, other.code) and not self.also
            return replace(self, count=self.count + 1, last=at) if alike else None
        parts = [self, *self.also]
        for index, one in enumerate(parts):
            if one.method == other.method:
                name = one.name if one.name == other.name else ""
                parts[index] = replace(one, count=one.count + 1, name=name)
                break
        else:
            parts.append(other)
        return replace(parts[0], last=at, also=tuple(parts[1:]))

    @property
    def text(self) -> str:
        """``get_task receipts/one ×12, list_tasks receipts``, ``create_task receipts → NOT_FOUND``."""
        return ", ".join(one._text for one in (self, *self.also))

    @property
    def _text(self) -> str:
        subject = f" {short_resource(self.name)}" if self.name else ""
        ended = f" → {self.code}" if self.code else ""
        return f"{self.method}{subject}{ended}{f' ×{self.count}' if self.count > 1 else ''}"


def call_of(call: RpcCall, offset: int) -> Call:
    """Return ``call`` by itself."""
    return Call(call.method, name_in(call), code_of(call), offset)


def code_of(call: RpcCall) -> str:
    """Return the name of the code that a rejected call got; "" for any other."""
    error: Any = call.error
    return error.code().name if hasattr(error, "code") else ""


def name_in(call: RpcCall) -> str:
    """The task or the queue that a call is about; "" if it is about neither."""
    for path in (("task", "name"), ("queue", "name"), ("name",), ("parent",), ("resource",)):
        found = call.request
        for part in path:
            found = getattr(found, part, "")
        if isinstance(found, str) and is_queue(queue_of(found) or found):
            return found
    return ""


class Line(NamedTuple):
    """A line of the timeline: what happened at ``instant``, ``offset`` nanoseconds after its time base."""

    offset: int
    instant: int
    what: Event | InjectedFault | TimeBase | Call


def lines_of(entries: Iterable[Entry]) -> Iterator[Line]:
    """Return the lines of ``entries``, without the calls that an event or a fault speaks for."""
    for offset, what in entries:
        if not isinstance(what, RpcCall):
            yield Line(offset, what.at, what)
        elif not what.has_effect:
            yield Line(offset, what.at, call_of(what, offset))


def folded(lines: Iterable[Line]) -> Iterator[Line]:
    """The same, with calls that follow each other directly in one line; those that ended alike are counted."""
    held: Line | None = None
    for line in lines:
        if held is not None and isinstance(held.what, Call) and isinstance(line.what, Call):
            joined = held.what.joined(line.what, line.offset)
            if joined is not None:
                held = held._replace(what=joined)
                continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


def line_text(line: Line) -> str:
    """The queue or the task, and what happened to it."""
    what = line.what
    if isinstance(what, Event):
        return _event_text(what, line.instant - line.offset)
    if isinstance(what, InjectedFault):
        return what.text if what.task is None else f"{short_name(what.task)} {what.text}"
    if isinstance(what, TimeBase):
        return "the test's clock was set anew"
    until = f", the last at {offset_text(what.last)}" if what.last != line.offset else ""
    return f"{what.text}{until}"


def _event_text(event: Event, origin: int) -> str:
    task = event.task
    if task is None:
        return f"queue {id_of(event.queue_name)} {QUEUE_TEXTS[event.kind]}"
    name = short_name(task)
    if event.kind is EventKind.TASK_CREATED:
        target = task.target
        what = contents(task) if isinstance(target, PullMessage) else f"{target.method} {url_of(target)}"
        due = task.initial_schedule_time - event.at
        when = f", scheduled for {offset_text(task.initial_schedule_time - origin)}" if due > 0 else ""
        return f"{name} created: {what}{when}"
    if event.kind is EventKind.TASK_EXPIRED:
        assert event.until is not None, "a retention has an end"
        return f"{name} expired: its retention of {(event.until - task.create_time) / DAY:g} days is over"
    if event.kind in _TASK_TEXTS:
        until = "" if event.until is None else f" until {offset_text(event.until - origin)}"
        return f"{name} {_TASK_TEXTS[event.kind]}{until}"
    assert event.attempt is not None, "dispatches and answers belong to an attempt"
    return f"{name} {_attempt_text(event, event.attempt)}"


def _attempt_text(event: Event, attempt: Attempt) -> str:
    begun = f"attempt {attempt.number}{' (forced)' if attempt.forced else ''}"
    outcome = attempt.outcome
    if event.kind is EventKind.TASK_DISPATCHED or outcome is None:
        return f"{begun} dispatched"
    took = event.at - attempt.dispatch_time
    lost = f" by lose_handler_response() in place of {outcome.lost_status}" if outcome.lost_status else ""
    text = f"{begun} → {outcome.result}{lost}{f' after {duration_text(took)}' if took else ''}"
    if event.dropped:
        return f"{text}, dropped: {_GONE[attempt.task.state]}"
    if isinstance(event.verdict, Retry):
        wait = max(0, event.verdict.at - event.at)  # after a RunTask it counts from the call, and may be over
        return f"{text}, retry in {duration_text(wait)}"
    if isinstance(event.verdict, GiveUp):
        return f"{text}, exhausted: {event.verdict.reason}"
    return text


HEAD, TAIL = 12, 28
"""Of a long timeline a message shows the beginning and the end, in so many lines."""
WIDTH = 300
"""And of each line so much."""
NAMED = 3
"""How many of the tasks that a queue holds back are named."""


def timeline_text(history: History, service: Service, clock: Clock) -> str:
    """One line an event: the offset from where time is held, the queue or task, and what happened to it."""
    return "\n".join(_aligned(history, service, clock)) or "nothing has happened yet"


def timeline_excerpt(history: History, service: Service, clock: Clock) -> str:
    """The same in a message: not too long, with a count of the lines that were left out."""
    lines = [shortened(line, WIDTH) for line in _aligned(history, service, clock)]
    left_out = len(lines) - HEAD - TAIL
    if left_out > 1:
        data = f"… {left_out} lines left out; cloud_tasks.timeline() has them all …"
        lines[HEAD : HEAD + left_out] = [data]
    return "\n".join(lines) or "nothing has happened yet"


def indented_excerpt(history: History, service: Service, clock: Clock) -> str:
    """The same as part of a message, every line two columns in."""
    return "\n".join(f"  {line}" for line in timeline_excerpt(history, service, clock).splitlines())


def _aligned(history: History, service: Service, clock: Clock) -> list[str]:
    lines = [(offset_text(line.offset), line_text(line)) for line in folded(_shown(history))]
    lines += [(offset_text(clock.elapsed), text) for text in _held_back(history, service, clock)]
    width = max((len(offset) for offset, _ in lines), default=0)
    return [f"{offset:<{width}}  {text}" for offset, text in lines]


def _shown(history: History) -> Iterator[Line]:
    return (line for line in lines_of(history.entries()) if not _is_told_by_its_answer(line.what))


def _is_told_by_its_answer(what: object) -> bool:
    """A dispatch that was answered at once needs no line of its own."""
    if not isinstance(what, Event) or what.kind is not EventKind.TASK_DISPATCHED or what.attempt is None:
        return False
    return what.attempt.response_time == what.attempt.dispatch_time


def _held_back(history: History, service: Service, clock: Clock) -> Iterator[str]:
    """What cannot go out now, and why; the tasks of a queue in one line."""
    if not service.has_live_tasks:
        return
    tasks = [(model_task(one.task), one.reason) for one in blocked(service, clock.now, history)]
    for (_, reason), group in groupby(tasks, key=lambda pair: (pair[0].queue_name, pair[1])):
        held = [short_name(task) for task, _ in group]
        if len(held) == 1:
            yield f"{held[0]} blocked: {reason.value}"
            continue
        more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
        yield f"{counted(len(held), 'task')} blocked: {reason.value} ({', '.join(held[:NAMED])}{more})"


def timeline_as(form: str, history: History, service: Service, clock: Clock) -> str:
    """The timeline as text or as JSON."""
    forms = {"text": timeline_text, "json": timeline_json}
    if not isinstance(form, str) or form not in forms:
        raise ValueError(
            f"timeline() has the formats 'text' and 'json', and got {safe_repr(form)}.{did_you_mean(form, forms)}"
        )
    return forms[form](history, service, clock)


def timeline_json(history: History, service: Service, clock: Clock) -> str:
    """`timeline_data` as a JSON text."""
    return json.dumps(timeline_data(history, service, clock), indent=2, ensure_ascii=False)


def timeline_data(history: History, service: Service, clock: Clock) -> list[dict[str, Any]]:
    """A list of objects, an event each, and at its end what is held back now.

    Each has ``at`` (ISO 8601), ``offset`` (seconds), ``event`` and ``text``. Where they apply it has
    ``queue`` and ``task`` (full names); ``method``, ``url`` and ``schedule_time`` of a task that was created;
    ``attempt``, ``forced``, ``result``, ``retry_at``, ``exhausted``, ``dropped`` and ``lost`` of an attempt; ``until``
    of a lease; ``rpc`` and ``code`` of a call; ``reason`` of what is blocked.
    """
    found = [line_data(line) for line in lines_of(history.entries())]
    if service.has_live_tasks:
        now = {"at": _iso(clock.now), "offset": _seconds(clock.elapsed), "event": "blocked"}
        for one in blocked(service, clock.now, history):
            text = f"{one.task.queue}/{one.task.id} blocked: {one.reason.value}"
            about = {"queue": queue_of(one.task.name), "task": one.task.name, "reason": one.reason.name}
            found.append({**now, "text": text, **about})
    return found


def line_data(line: Line) -> dict[str, Any]:
    """One object of `timeline_json`."""
    what = line.what
    if isinstance(what, Event):
        name, more = what.kind.name.lower(), _of_event(what)
    elif isinstance(what, Call):
        name, more = "rpc", {**_about(what.name), "rpc": what.method, **({"code": what.code} if what.code else {})}
    elif isinstance(what, InjectedFault):
        name, more = "fault", {} if what.task is None else _about(what.task.name)
    else:
        name, more = "clock_set_anew", {}
    data = {"at": _iso(line.instant), "offset": _seconds(line.offset), "event": name, "text": line_text(line)}
    return {**data, **more}


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


def with_timeline(message: str, history: History, service: Service, clock: Clock) -> CloudTasksAssertionError:
    """A failed assertion whose message is followed by the timeline."""

    return CloudTasksAssertionError(f"{message}\n\nTimeline:\n{indented_excerpt(history, service, clock)}")
