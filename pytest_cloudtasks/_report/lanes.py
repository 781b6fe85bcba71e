"""What stands on the lanes of a report: of a task, of a queue, of the calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any

from .._diagnostics.timeline import EVENTS, code_of
from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.retry import GiveUp, Retry
from .._service.task import Attempt, Outcome, OutcomeKind, Task, TaskState
from .._simulation.formatting import duration_text, offset_text
from .._simulation.history import Entry, InjectedFault
from .._simulation.records import short_name
from .details import Details
from .limits import CALLS, attempts_left_out, ends_of

Item = dict[str, Any]
"""A mark or a line: what it ``is``, ``at`` which offset it begins, ``until`` which it lasts, and its texts."""
_STOPS = {EventKind.QUEUE_PAUSED: "paused", EventKind.QUEUE_DISABLED: "disabled"}
_GOES_ON = frozenset({EventKind.QUEUE_RESUMED, EventKind.QUEUE_DELETED, *_STOPS})

_ORDER = {"created": 0, "line": 2}
"""What comes first of one instant, and what last."""


@dataclass
class TaskStory:
    """What the events say of a task whose offsets count from ``origin``."""

    task: Task
    origin: int
    answers: dict[Attempt, Event] = field(default_factory=dict)
    marks: list[Event] = field(default_factory=list)
    faults: list[Entry] = field(default_factory=list)


def kind_of(outcome: Outcome | None) -> str:
    """The class of an attempt, by which it is coloured and shaped."""
    if outcome is None:
        return "open"
    if outcome.kind is OutcomeKind.DEADLINE_EXCEEDED:
        return "deadline"
    if outcome.kind is OutcomeKind.NO_RESPONSE:
        return "none"
    if outcome.http_status == 429:
        return "throttled"
    return {2: "ok", 4: "client", 5: "server"}.get(outcome.http_status // 100, "other")


def label_of(outcome: Outcome | None) -> str:
    """What stands in the mark of an attempt: its status, or a word."""
    if outcome is None:
        return "…"
    if outcome.kind is OutcomeKind.RESPONSE:
        return str(outcome.http_status)
    return "late" if outcome.kind is OutcomeKind.DEADLINE_EXCEEDED else "none"


class TaskLane:
    """The lane of a task: its creation, its attempts and the waits between them, faults, and its end."""

    def __init__(self, story: TaskStory, panels: Details, limit: int) -> None:
        """``limit`` is how many attempts it draws."""
        self._story = story
        self._panels = panels
        self._first, self._left_out, self._last = ends_of(story.task.attempts, limit)
        self.details = {one: self._panel(one) for one in (*self._first, *self._last)}
        """The panels of the attempts that are drawn."""

    def _panel(self, attempt: Attempt) -> int:
        return self._panels.attempt(attempt, self._story.answers.get(attempt), self._story.origin)

    def items(self, now: int, reason: str) -> list[Item]:
        """In the order of time. ``now`` is an offset; ``reason`` is why the task does not go out, if it is held up."""
        items = [*self._creation(), *self._attempts(self._first), *self._fold(), *self._attempts(self._last)]
        if self._story.task.state in (TaskState.SCHEDULED, TaskState.DELETED, TaskState.EXPIRED):
            items += self._to_come(now, reason)
        items += self._marks()
        for item in items:
            if item.get("open"):
                item["until"] = max(item["at"], now)
        return sorted(items, key=lambda item: (item["at"], _ORDER.get(item["is"], 1)))

    def _offset(self, instant: int) -> int:
        return instant - self._story.origin

    def _creation(self) -> Iterator[Item]:
        task = self._story.task
        created = self._offset(task.create_time)
        yield {"is": "created", "at": created, "label": "", "name": f"created at {offset_text(created)}"}
        ends = [one.dispatch_time for one in self._first[:1]] + [one for one in (task.ended_at,) if one is not None]
        due = self._offset(min([task.initial_schedule_time, *ends]))
        if due > created:
            yield _line("delay", created, due, f"scheduled {duration_text(due - created)} ahead")

    def _attempts(self, attempts: Sequence[Attempt]) -> Iterator[Item]:
        for attempt, following in zip_longest(attempts, attempts[1:]):
            at, ended = self._offset(attempt.dispatch_time), attempt.response_time
            due = self._offset(attempt.schedule_time)
            if at > due:
                yield _line("held", due, at, f"held back {duration_text(at - due)}")
            result, took = label_of(attempt.outcome), 0 if ended is None else ended - attempt.dispatch_time
            yield {
                "is": "attempt",
                "at": at,
                "until": at + took,
                "open": ended is None,
                "kind": kind_of(attempt.outcome),
                "label": result,
                "name": f"{short_name(attempt.task)}, attempt {attempt.number}: {_spoken(attempt.outcome)} at"
                f" {offset_text(at)}{f', took {duration_text(took)}' if took else ''}",
                "detail": self.details[attempt],
            }
            yield from self._then(attempt, None if following is None else self._offset(following.dispatch_time))

    def _then(self, attempt: Attempt, following: int | None) -> Iterator[Item]:
        """What an answer led to: the wait before the next attempt, or the end."""
        answered = self._story.answers.get(attempt)
        if answered is None:
            return
        ended = self._offset(answered.at)
        if isinstance(answered.verdict, Retry):
            retry = self._offset(answered.verdict.at)
            until = min([one for one in (retry, following, self._end) if one is not None])
            if until > ended:
                yield _line(
                    "backoff", ended, until, f"retry in {duration_text(retry - ended)}", duration_text(retry - ended)
                )
        elif isinstance(answered.verdict, GiveUp):
            yield {"is": "mark", "at": ended, "label": "■", "name": f"exhausted: {answered.verdict.reason}"}

    @property
    def _end(self) -> int | None:
        ended = self._story.task.ended_at
        return None if ended is None else self._offset(ended)

    def _fold(self) -> Iterator[Item]:
        if self._left_out:
            at, until = (self._offset(one.dispatch_time) for one in (self._left_out[0], self._left_out[-1]))
            name = attempts_left_out(self._left_out)
            yield {"is": "fold", "at": at, "until": until, "label": f"{len(self._left_out)} more", "name": name}

    def _to_come(self, now: int, reason: str) -> Iterator[Item]:
        due, end = self._offset(self._story.task.eligible_at), self._end
        if end is not None:
            if due < end:
                yield _line("held", due, end, "due, and not dispatched")
        elif due > now:
            yield {"is": "due", "at": due, "label": "", "name": f"due at {offset_text(due)}"}
        elif reason:
            yield {**_line("held", due, now, f"blocked: {reason}", reason), "open": True}

    def _marks(self) -> Iterator[Item]:
        for event in self._story.marks:
            style, at = EVENTS[event.kind], self._offset(event.at)
            yield {"is": "mark", "at": at, "label": style.mark, "name": f"{style.label} at {offset_text(at)}"}
        if self._story.task.state is TaskState.DELETED and self._end is not None and not self._story.marks:
            name = f"gone with its queue's tasks at {offset_text(self._end)}"
            yield {"is": "mark", "at": self._end, "label": "✕", "name": name}
        for entry in self._story.faults:
            what = entry.what
            assert isinstance(what, InjectedFault), "they are faults"
            yield fault(entry.offset, what.text, f"{short_name(self._story.task)} {what.text}", self._panels)


def _spoken(outcome: Outcome | None) -> str:
    return {"…": "under way", "late": "deadline exceeded", "none": "no response"}.get(label := label_of(outcome), label)


def _line(kind: str, at: int, until: int, name: str, label: str = "") -> Item:
    return {"is": "line", "kind": kind, "at": at, "until": until, "label": label, "name": name}


def fault(at: int, text: str, title: str, panels: Details) -> Item:
    """The mark of a fault that a test has planned."""
    detail = panels.fault(title, at, text)
    return {"is": "fault", "at": at, "label": "fault", "name": f"fault at {offset_text(at)}: {title}", "detail": detail}


def queue_items(events: Sequence[tuple[int, Event]], now: int) -> tuple[list[Item], list[Item]]:
    """What happened to a queue, and the spans in which it stood still. ``events`` come with their offsets."""
    marks, spans = [], []
    open_span: Item | None = None
    for at, event in events:
        text = EVENTS[event.kind].label
        marks.append({"is": "mark", "at": at, "label": text, "name": f"queue {text} at {offset_text(at)}"})
        if event.kind in _GOES_ON and open_span is not None:
            open_span |= {"until": at, "open": False}
            open_span = None
        if event.kind in _STOPS:
            open_span = {"is": "span", "kind": _STOPS[event.kind], "at": at, "until": max(at, now), "open": True}
            spans.append(open_span)
    for span in spans:
        span["name"] = f"{span['kind']} from {offset_text(span['at'])} to {offset_text(span['until'])}"
    return marks, spans


def call_items(entries: Sequence[Entry], panels: Details) -> list[Item]:
    """The lane of the calls: those of one RPC that follow each other at one instant and ended alike are one mark."""
    runs = [(key, list(run)) for key, run in groupby(entries, _run_of)]
    first, left_out, last = ends_of(runs, CALLS)
    items = [_call(*run, panels) for run in first]
    if left_out:
        number = sum(len(run) for _, run in left_out)
        at, until = left_out[0][0][2], left_out[-1][0][2]
        items.append(
            {"is": "fold", "at": at, "until": until, "label": f"{number} more", "name": f"{number} calls left out"}
        )
    return items + [_call(*run, panels) for run in last]


def _run_of(entry: Entry) -> tuple[str, str, int]:
    call: Any = entry.what
    return call.method, code_of(call), entry.offset


def _call(key: tuple[str, str, int], run: Sequence[Entry], panels: Details) -> Item:
    method, code, offset = key
    times = f" ×{len(run)}" if len(run) > 1 else ""
    title = f"{method}{f' → {code}' if code else ''}{times}"
    calls = [(entry.offset, entry.what) for entry in run if isinstance(entry.what, IncomingCall)]
    return {
        "is": "call",
        "at": offset,
        "kind": "refused" if code else "answered",
        "label": f"{method.partition('_')[0]}{times}{' !' if code else ''}",
        "name": f"{title} at {offset_text(offset)}",
        "detail": panels.calls(title, calls, run[0].base),
    }
