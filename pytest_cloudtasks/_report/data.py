"""What a page has of a test: objects of the timeline's JSON, within limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._diagnostics.timeline import timeline_text
from .._diagnostics.timeline_json import Object, blocked_objects, objects, seconds
from .._diagnostics.values import Form, told
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
    """Return what a page shows of a test, in types that JSON has. Paths in texts are relative to ``root``.

    ``timeline`` is what the viewer draws, ``text`` the timeline for a page without scripts. Nothing in it depends on
    the date: instants are offsets.
    """
    form = Form(history.show_secrets, is_dated=False, root=root)
    kept = _Kept(list(history.entries()))
    found = [
        *kept.objects(history, form),
        *(one for one in blocked_objects(history, service, clock, form) if one["task"] not in kept.names_left_out),
    ]
    now = seconds(clock.elapsed) if clock.has_started else 0
    return {
        "timeline": {"now": now, "events": found},
        "text": _cut(told(timeline_text(history, service, clock), root)),
        "counts": kept.counts,
        "seed": seed,
    }


def class_of(outcome: Outcome | None) -> str:
    """Return the class of an attempt by which it is counted, as the viewer does that colours it."""
    if outcome is None:
        return "under way"
    if outcome.kind is OutcomeKind.DEADLINE_EXCEEDED:
        return "deadline exceeded"
    if outcome.kind is OutcomeKind.NO_RESPONSE:
        return "no response"
    return "429" if outcome.http_status == 429 else f"{outcome.http_status // 100}xx"


class _Kept:
    """Chooses the entries that a page has."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        events = [entry.what for entry in entries if isinstance(entry.what, Event)]
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
        self._attempts_left_out = {one for middle in self._attempts.values() for one in middle}
        calls = [entry.what for entry in entries if isinstance(entry.what, IncomingCall) and not entry.what.has_effect]
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
        """Return the objects of what is kept, and one in the place of what is left out."""
        calls_told = False
        for entry in self._entries:
            what = entry.what
            if isinstance(what, IncomingCall) and id(what) in self._calls_left_out:
                if not calls_told:
                    yield _left_out(entry, f"{len(self._calls_left_out)} calls left out")
                calls_told = True
            elif isinstance(what, Event) and what.task in self._tasks_left_out:
                if tasks := self._tasks.pop(what.queue_name, None):
                    yield _left_out(entry, tasks_left_out(tasks), queue=what.queue_name)
            elif isinstance(what, Event) and what.attempt in self._attempts_left_out:
                if self._begins(what):
                    text = attempts_left_out(self._attempts[what.attempt.task])
                    yield _left_out(entry, text, queue=what.queue_name, task=what.attempt.task.name)
            else:
                yield from objects([entry], history, form)

    def _begins(self, event: Event) -> bool:
        """Whether this is where a task's attempts begin to be left out."""
        attempt = event.attempt
        return (
            attempt is not None
            and event.kind is EventKind.TASK_DISPATCHED
            and attempt is self._attempts[attempt.task][0]
        )


def _left_out(entry: Entry, text: str, **about: str) -> Object:
    return {"offset": seconds(entry.offset), "event": "left_out", "text": text, **about}


def _cut(text: str) -> str:
    """Return the beginning and the end of a long timeline."""
    lines = text.splitlines()
    middle = middle_of(lines, LINES)
    if not middle:
        return text
    first = (LINES + 1) // 2
    return "\n".join([*lines[:first], f"… {len(middle)} lines left out …", *lines[first + len(middle) :]])
