"""The data of a test's page: objects of the timeline's JSON, within limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._diagnostics.timeline import timeline_text
from .._diagnostics.timeline_json import Object, blocked_objects, objects, seconds
from .._diagnostics.values import Form, portable_text
from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.service import Service
from .._service.task import Outcome, OutcomeKind, Task
from .._simulation.history import Entry, History
from .._time.clock import Clock
from .limits import (
    ATTEMPTS,
    CALLS,
    LINES,
    attempts_left_out,
    kept_tasks,
    middle_of,
    share,
    tasks_left_out,
)


def report_data(
    history: History, service: Service, clock: Clock, seed: str, root: Path | None = None
) -> dict[str, Any]:
    """Return the data of a test's page, in types that JSON has. Paths in texts are relative to ``root``.

    The viewer draws ``timeline``; a browser without scripts shows ``text``. The data doesn't depend on the date,
    because instants are offsets.
    """
    form = Form(history.show_secrets, is_dated=False, root=root)
    kept = _Kept(list(history.entries()))
    objects = [
        *kept.objects(history, form),
        *(
            entry
            for entry in blocked_objects(history, service, clock, form)
            if entry["task"] not in kept.names_left_out
        ),
    ]
    now = seconds(clock.elapsed) if clock.has_started else 0
    return {
        "timeline": {"now": now, "events": objects},
        "text": _cut(portable_text(timeline_text(history, service, clock), root)),
        "counts": kept.counts,
        "seed": seed,
    }


def class_of(outcome: Outcome | None) -> str:
    """Return the class under which an attempt is counted; the viewer colours attempts by the same classes."""
    if outcome is None:
        return "under way"
    if outcome.kind is OutcomeKind.DEADLINE_EXCEEDED:
        return "deadline exceeded"
    if outcome.kind is OutcomeKind.NO_RESPONSE:
        return "no response"
    return "429" if outcome.http_status == 429 else f"{outcome.http_status // 100}xx"


class _Kept:
    """The entries of a timeline that a page has, and those that are left out."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        events = [entry.record for entry in entries if isinstance(entry.record, Event)]
        tasks = list(dict.fromkeys(event.task for event in events if event.task is not None))
        kept = kept_tasks(tasks)
        limit = share((task.dispatch_count for task in kept), ATTEMPTS)
        left_out = set(tasks).difference(kept)
        self._tasks: dict[str, list[Task]] = {}
        for task in tasks:
            if task in left_out:
                self._tasks.setdefault(task.queue_name, []).append(task)
        self._tasks_left_out = left_out
        self._attempts = {task: middle for task in kept if (middle := middle_of(task.attempts, limit))}
        self._attempts_left_out = {attempt for middle in self._attempts.values() for attempt in middle}
        calls = [
            entry.record for entry in entries if isinstance(entry.record, IncomingCall) and not entry.record.has_effect
        ]
        self._calls_left_out = {id(call) for call in middle_of(calls, CALLS)}
        self.names_left_out = {task.name for task in left_out}
        attempts = [attempt for task in tasks for attempt in task.attempts]
        classes = Counter(class_of(attempt.outcome) for attempt in attempts)
        self.counts: dict[str, Any] = {
            "tasks": len(tasks),
            "attempts": len(attempts),
            "classes": dict(sorted(classes.items())),
        }

    def objects(self, history: History, form: Form) -> Iterator[Object]:
        """Return the objects of the kept entries, with one object in place of those that are left out."""
        calls_told = False
        for entry in self._entries:
            record = entry.record
            if isinstance(record, IncomingCall) and id(record) in self._calls_left_out:
                if not calls_told:
                    yield _left_out(entry, f"{len(self._calls_left_out)} calls left out")
                calls_told = True
            elif isinstance(record, Event) and record.task in self._tasks_left_out:
                if tasks := self._tasks.pop(record.queue_name, None):
                    yield _left_out(entry, tasks_left_out(tasks), queue=record.queue_name)
            elif isinstance(record, Event) and record.attempt in self._attempts_left_out:
                if self._begins(record):
                    text = attempts_left_out(self._attempts[record.attempt.task])
                    yield _left_out(entry, text, queue=record.queue_name, task=record.attempt.task.name)
            else:
                yield from objects([entry], history, form)

    def _begins(self, event: Event) -> bool:
        """Return whether ``event`` is the first of a task's attempts that are left out."""
        attempt = event.attempt
        return (
            attempt is not None
            and event.kind is EventKind.TASK_DISPATCHED
            and attempt is self._attempts[attempt.task][0]
        )


def _left_out(entry: Entry, text: str, **about: str) -> Object:
    return {"offset": seconds(entry.offset), "event": "left_out", "text": text, **about}


def _cut(text: str) -> str:
    """Return a timeline's text; of a long one only the beginning and the end."""
    lines = text.splitlines()
    middle = middle_of(lines, LINES)
    if not middle:
        return text
    first = (LINES + 1) // 2
    return "\n".join([*lines[:first], f"… {len(middle)} lines left out …", *lines[first + len(middle) :]])
