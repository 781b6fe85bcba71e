"""The timeline as text: everything that happened, a line each. Byte for byte the same in every run.

Two tables say how each thing is shown: `EVENTS` for the kinds of the service's events, `TEXTS` for the types of what a
line is about. A new kind or type is another row. `timeline_json` has the same as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.request import PullMessage
from .._service.retry import GiveUp, Retry
from .._service.service import Service
from .._service.task import Outcome, OutcomeKind, TaskState
from .._service.validation import id_of, is_queue, queue_of
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import contents, duration_text, offset_text, short_name, short_resource
from .._simulation.history import Entry, History, InjectedFault, TimeBase
from .._simulation.records import model_task
from .._simulation.summary import blocked
from .._targets.answers import Answer
from .._targets.request import url_of
from .._text import counted, shortened
from .._time.clock import Clock
from .._units import DAY
from .failing_bodies import line_of

_GONE = {
    TaskState.SUCCEEDED: "the task had succeeded",
    TaskState.EXHAUSTED: "the task had no retry left",
    TaskState.EXPIRED: "the task had expired",
    TaskState.DELETED: "the task was deleted",
}


@dataclass(frozen=True)
class Call:
    """Calls of one RPC about one resource with the same result; ``also`` are other RPCs directly after each other."""

    method: str
    name: str
    """The full name of the task or queue; "" if the calls were about several, or about something else."""
    code: str
    """The name of a rejected call's code."""
    last: int
    """The offset of the last call."""
    count: int = 1
    also: tuple[Call, ...] = ()

    def joined(self, other: Call, at: int) -> Call | None:
        """Return this with ``other``, the next single call, joined; None if they don't belong together."""
        if self.code or other.code:
            alike = (self.method, self.name, self.code) == (other.method, other.name, other.code) and not self.also
            return replace(self, count=self.count + 1, last=at) if alike else None
        parts = [self, *self.also]
        for index, part in enumerate(parts):
            if part.method == other.method:
                name = part.name if part.name == other.name else ""
                parts[index] = replace(part, count=part.count + 1, name=name)
                break
        else:
            parts.append(other)
        return replace(parts[0], last=at, also=tuple(parts[1:]))

    @property
    def text(self) -> str:
        """Return ``get_task receipts/one ×12, list_tasks receipts`` or ``create_task receipts → NOT_FOUND``."""
        return ", ".join(call._text for call in (self, *self.also))

    @property
    def _text(self) -> str:
        subject = f" {short_resource(self.name)}" if self.name else ""
        ended = f" → {self.code}" if self.code else ""
        return f"{self.method}{subject}{ended}{f' ×{self.count}' if self.count > 1 else ''}"


def call_of(call: IncomingCall, offset: int) -> Call:
    """Return ``call`` as a single one."""
    return Call(call.method, name_in(call), code_of(call), offset)


def code_of(call: IncomingCall) -> str:
    """Return the name of the code that a rejected call got; "" for any other."""
    error: Any = call.error
    return error.code().name if hasattr(error, "code") else ""


def name_in(call: IncomingCall) -> str:
    """Return the task or queue that a call is about; "" if there is none."""
    for path in (("task", "name"), ("queue", "name"), ("queue",), ("name",), ("parent",), ("resource",)):
        value = call.request
        for part in path:
            value = getattr(value, part, "")
        if isinstance(value, str) and is_queue(queue_of(value) or value):
            return value
    return ""


Shown = Event | InjectedFault | TimeBase | Call
"""The subjects of a line."""


class Line(NamedTuple):
    """A line of the timeline: what happened at ``instant``, ``offset`` nanoseconds after its time base."""

    offset: int
    instant: int
    record: Shown
    answer: Answer | None = None
    """The target's answer, for an attempt that has ended."""

    @property
    def base(self) -> int:
        """The instant from which offsets count."""
        return self.instant - self.offset


def as_line(entry: Entry) -> Line | None:
    """Return the line of ``entry``; None for a call that an event or a fault already shows."""
    offset, record, answer = entry
    if not isinstance(record, IncomingCall):
        return Line(offset, record.at, record, answer)
    return None if record.has_effect else Line(offset, record.at, call_of(record, offset))


def lines_of(entries: Iterable[Entry]) -> Iterator[Line]:
    """Return the lines of ``entries``."""
    return (line for entry in entries if (line := as_line(entry)) is not None)


def folded(lines: Iterable[Line]) -> Iterator[Line]:
    """Return the lines with consecutive calls joined in one line; equal results are counted."""
    held: Line | None = None
    for line in lines:
        if held is not None and isinstance(held.record, Call) and isinstance(line.record, Call):
            joined = held.record.joined(line.record, line.offset)
            if joined is not None:
                held = held._replace(record=joined)
                continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


def line_text(line: Line) -> str:
    """The queue or the task, and what happened to it."""
    return TEXTS[type(line.record)](line, line.record)


def _event_text(line: Line, event: Event) -> str:
    style = EVENTS[event.kind]
    name = f"queue {id_of(event.queue_name)}" if event.task is None else short_name(event.task)
    return f"{name} {style.label if style.text is None else style.text(event, line)}"


def _fault_text(line: Line, fault: InjectedFault) -> str:
    return fault.text if fault.task is None else f"{short_name(fault.task)} {fault.text}"


def _reset_text(line: Line, base: TimeBase) -> str:
    return "the test's clock was reset"


def _calls_text(line: Line, call: Call) -> str:
    until = f", the last at {offset_text(call.last)}" if call.last != line.offset else ""
    return f"{call.text}{until}"


def _creation(event: Event, line: Line) -> str:
    task = event.task
    assert task is not None, "a task was created"
    target = task.target
    payload = contents(task) if isinstance(target, PullMessage) else f"{target.method} {url_of(target)}"
    due = task.initial_schedule_time - event.at
    when = f", scheduled for {offset_text(task.initial_schedule_time - line.base)}" if due > 0 else ""
    return f"created: {payload}{when}"


def _expiry(event: Event, line: Line) -> str:
    assert event.until is not None, "a retention has an end"
    assert event.task is not None, "a task has expired"
    return f"expired: its retention of {(event.until - event.task.create_time) / DAY:g} days is over"


def _lease(event: Event, line: Line) -> str:
    until = "" if event.until is None else f" until {offset_text(event.until - line.base)}"
    return f"{EVENTS[event.kind].label}{until}"


def _dispatch(event: Event, line: Line) -> str:
    attempt = event.attempt
    assert attempt is not None, "dispatches and answers belong to an attempt"
    return f"attempt {attempt.number}{' (forced)' if attempt.forced else ''} dispatched"


def _answer(event: Event, line: Line) -> str:
    attempt = event.attempt
    assert attempt is not None, "dispatches and answers belong to an attempt"
    outcome = attempt.outcome
    assert outcome is not None, "an attempt that was answered has an outcome"
    begun = f"attempt {attempt.number}{' (forced)' if attempt.forced else ''}"
    took = event.at - attempt.dispatch_time
    lost = f" by lose_handler_response() in place of {outcome.lost_status}" if outcome.lost_status else ""
    detail = _said(line, outcome)
    result = f"{outcome.result}{lost}{f' ({detail})' if detail else ''}"
    text = f"{begun} → {result}{f' after {duration_text(took)}' if took else ''}"
    if event.dropped:
        return f"{text}, dropped: {_GONE[attempt.task.state]}"
    if isinstance(event.verdict, Retry):
        wait = max(0, event.verdict.at - event.at)  # after a RunTask the wait counts from the call, and may be over
        return f"{text}, retry in {duration_text(wait)}"
    if isinstance(event.verdict, GiveUp):
        return f"{text}, exhausted: {event.verdict.reason}"
    return text


def _said(line: Line, outcome: Outcome) -> str:
    """Return the first line of a failing answer that has arrived."""
    if outcome.succeeded or outcome.kind is not OutcomeKind.RESPONSE or line.answer is None:
        return ""
    response = line.answer.response
    return "" if response is None else line_of(response)


class EventStyle(NamedTuple):
    """How events of one kind are shown."""

    label: str
    """What happened, in short."""
    text: Callable[[Event, Line], str] | None = None
    """The text after the queue's or task's name in a timeline; by default the label."""


EVENTS: dict[EventKind, EventStyle] = {
    EventKind.QUEUE_CREATED: EventStyle("created"),
    EventKind.QUEUE_UPDATED: EventStyle("updated"),
    EventKind.QUEUE_PAUSED: EventStyle("paused"),
    EventKind.QUEUE_RESUMED: EventStyle("resumed"),
    EventKind.QUEUE_DISABLED: EventStyle("disabled"),
    EventKind.QUEUE_PURGED: EventStyle("purged"),
    EventKind.QUEUE_DELETED: EventStyle("deleted"),
    EventKind.TASK_CREATED: EventStyle("created", text=_creation),
    EventKind.TASK_DISPATCHED: EventStyle("dispatched", text=_dispatch),
    EventKind.TASK_ANSWERED: EventStyle("answered", text=_answer),
    EventKind.TASK_DELETED: EventStyle("deleted"),
    EventKind.TASK_EXPIRED: EventStyle("expired", _expiry),
    EventKind.TASK_LEASED: EventStyle("leased", _lease),
    EventKind.TASK_ACKNOWLEDGED: EventStyle("acknowledged"),
    EventKind.TASK_LEASES_EXHAUSTED: EventStyle(
        "no lease left", lambda event, line: "exhausted: it was leased max_attempts times"
    ),
    EventKind.LEASE_RENEWED: EventStyle("lease renewed", _lease),
    EventKind.LEASE_CANCELLED: EventStyle("lease cancelled"),
}
"""How each kind of event is shown."""


HEAD, TAIL = 12, 28
"""The number of lines at the beginning and at the end that a message shows of a long timeline."""
WIDTH = 300
"""The maximum length of a line there."""
NAMED = 3
"""The number of blocked tasks of a queue that are named."""


def timeline_text(history: History, service: Service, clock: Clock) -> str:
    """Return a line for each event: the offset since time is held, the queue or task, and what happened to it."""
    return "\n".join(_aligned(history, service, clock)) or "nothing has happened yet"


def timeline_excerpt(history: History, service: Service, clock: Clock) -> str:
    """Return the timeline for a message, with a count of the lines that were left out."""
    lines = [shortened(line, WIDTH) for line in _aligned(history, service, clock)]
    left_out = len(lines) - HEAD - TAIL
    if left_out > 1:
        data = f"… {left_out} lines left out; cloud_tasks.timeline() has them all …"
        lines[HEAD : HEAD + left_out] = [data]
    return "\n".join(lines) or "nothing has happened yet"


def indented_excerpt(history: History, service: Service, clock: Clock) -> str:
    """Return the timeline for a message, indented by two."""
    return "\n".join(f"  {line}" for line in timeline_excerpt(history, service, clock).splitlines())


def _aligned(history: History, service: Service, clock: Clock) -> list[str]:
    lines = [(offset_text(line.offset), line_text(line)) for line in folded(_shown(history))]
    lines += [(offset_text(clock.elapsed), text) for text in _held_back(history, service, clock)]
    width = max((len(offset) for offset, _ in lines), default=0)
    return [f"{offset:<{width}}  {text}" for offset, text in lines]


def _shown(history: History) -> Iterator[Line]:
    return (line for line in lines_of(history.entries()) if not _is_shown_by_its_answer(line.record))


def _is_shown_by_its_answer(record: object) -> bool:
    """Return whether a dispatch was answered at once and needs no line of its own."""
    if not isinstance(record, Event) or record.kind is not EventKind.TASK_DISPATCHED or record.attempt is None:
        return False
    return record.attempt.response_time == record.attempt.dispatch_time


def _held_back(history: History, service: Service, clock: Clock) -> Iterator[str]:
    """Return the tasks that can't be dispatched now and why, with the tasks of a queue on one line."""
    if not service.has_live_tasks:
        return
    tasks = [(model_task(entry.task), entry.reason) for entry in blocked(service, clock.now, history)]
    for (_, reason), group in groupby(tasks, key=lambda pair: (pair[0].queue_name, pair[1])):
        held = [short_name(task) for task, _ in group]
        if len(held) == 1:
            yield f"{held[0]} blocked: {reason.value}"
            continue
        more = f" and {len(held) - NAMED} more" if len(held) > NAMED else ""
        yield f"{counted(len(held), 'task')} blocked: {reason.value} ({', '.join(held[:NAMED])}{more})"


TEXTS: dict[type[Shown], Callable[[Line, Any], str]] = {
    Event: _event_text,
    InjectedFault: _fault_text,
    TimeBase: _reset_text,
    Call: _calls_text,
}
"""The text of a line, by the type of what it is about."""


def with_timeline(message: str, history: History, service: Service, clock: Clock) -> CloudTasksAssertionError:
    """Return a failed assertion whose message is followed by the timeline."""

    return CloudTasksAssertionError(f"{message}\n\nTimeline:\n{indented_excerpt(history, service, clock)}")
