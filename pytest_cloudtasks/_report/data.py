"""What a report shows of a test, as plain data: lanes of marks along the queue's time, rows of a table, details."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from .._diagnostics.timeline import EVENTS, RECORDS, Line, folded, line_text, lines_of
from .._messages.rpc_call import IncomingCall
from .._service.events import Event, EventKind
from .._service.request import PullMessage
from .._service.service import Service
from .._service.task import Task
from .._service.validation import id_of
from .._simulation.formatting import offset_text
from .._simulation.history import Entry, History, InjectedFault
from .._simulation.records import model_task
from .._simulation.summary import blocked
from .._targets.request import url_of
from .._time.clock import Clock
from .details import Details
from .lanes import Item, TaskLane, TaskStory, call_items, fault, kind_of, label_of, queue_items
from .limits import kept_tasks, share, tasks_left_out


def report_data(
    history: History, service: Service, clock: Clock, seed: str, root: Path | None = None
) -> dict[str, Any]:
    """Everything that a page shows of a test, in types that JSON has. Paths in texts are relative to ``root``."""
    return _Report(history, service, clock, seed, root).data()


class _Report:
    def __init__(self, history: History, service: Service, clock: Clock, seed: str, root: Path | None) -> None:
        self._service = service
        self._seed = seed
        self._panels = Details(history, root)
        self._entries = list(history.entries())
        self._now = clock.elapsed if clock.has_started else 0
        self._stories: dict[Task, TaskStory] = {}
        self._queues: dict[str, list[tuple[int, Event]]] = {}
        for entry in self._entries:
            self._sort_in(entry)
        kept = kept_tasks(list(self._stories))
        limit = share(one.dispatch_count for one in kept)
        held_up = blocked(service, clock.now, history) if service.has_live_tasks else []
        self._reasons = {model_task(one.task): one.reason.value for one in held_up}
        self._lanes = {task: TaskLane(self._stories[task], self._panels, limit) for task in kept}
        self._task_panels = {task: self._panels.task(task, self._stories[task].origin) for task in kept}

    def _sort_in(self, entry: Entry) -> None:
        what = entry.what
        if isinstance(what, InjectedFault) and what.task is not None and what.task in self._stories:
            self._stories[what.task].faults.append(entry)
        if not isinstance(what, Event):
            return
        events = self._queues.setdefault(what.queue_name, [])
        if what.task is None:
            events.append((entry.offset, what))
            return
        story = self._stories.setdefault(what.task, TaskStory(what.task, entry.base))
        if what.kind is EventKind.TASK_ANSWERED and what.attempt is not None:
            story.answers[what.attempt] = what
        elif EVENTS[what.kind].mark:
            story.marks.append(what)

    def data(self) -> dict[str, Any]:
        attempts = [one for task in self._stories for one in task.attempts]
        kinds = Counter(kind_of(one.outcome) for one in attempts)
        calls = self._calls()
        queues = [self._queue(name) for name in self._queues]
        return {
            "now": self._now,
            "seed": self._seed,
            "counts": {"tasks": len(self._stories), "attempts": len(attempts), "kinds": dict(sorted(kinds.items()))},
            "calls": calls,
            "queues": queues,
            "rows": self._rows(),
            "panels": self._panels.panels,
            "parts": self._panels.parts,
        }

    def _calls(self) -> list[Item]:
        items = call_items([entry for entry in self._entries if isinstance(entry.what, IncomingCall)], self._panels)
        for entry in self._entries:
            what = entry.what
            if isinstance(what, InjectedFault) and what.task not in self._stories:
                items.append(fault(entry.offset, what.text, what.text, self._panels))
        return sorted(items, key=lambda item: item["at"])

    def _queue(self, name: str) -> dict[str, Any]:
        marks, spans = queue_items(self._queues[name], self._now)
        tasks = [task for task in self._stories if task.queue_name == name]
        queue = self._service.queues.get(name)
        alike = [one for one in self._queues if id_of(one) == id_of(name)]
        return {
            "name": id_of(name) if len(alike) == 1 else name,
            "state": "deleted" if queue is None else queue.state.name.lower(),
            "items": marks,
            "spans": spans,
            "tasks": [self._task(task) for task in tasks if task in self._lanes],
            "left_out": tasks_left_out([task for task in tasks if task not in self._lanes]),
        }

    def _task(self, task: Task) -> dict[str, Any]:
        target = task.target
        return {
            "id": id_of(task.name),
            "request": "pull task" if isinstance(target, PullMessage) else f"{target.method} {url_of(target)}",
            "state": task.state.value,
            "detail": self._task_panels[task],
            "items": self._lanes[task].items(self._now, self._reasons.get(task, "")),
        }

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(line) for line in folded(lines_of(self._entries)) if self._is_shown(line.what)]

    def _is_shown(self, what: object) -> bool:
        """Whether the table tells it: not what is folded away, nor a dispatch that was answered at once."""
        if not isinstance(what, Event) or what.task is None:
            return True
        if what.task not in self._lanes:
            return False
        attempt = what.attempt
        if attempt is None:
            return True
        if what.kind is EventKind.TASK_DISPATCHED and attempt.response_time == attempt.dispatch_time:
            return False
        return attempt in self._lanes[what.task].details

    def _row(self, line: Line) -> dict[str, Any]:
        what = line.what
        row: dict[str, Any] = {
            "at": offset_text(line.offset),
            "text": line_text(line),
            "is": RECORDS[type(what)].row,
        }
        if not isinstance(what, Event) or what.task is None:
            return row
        row["detail"] = self._task_panels[what.task]
        if what.attempt is not None:
            outcome = what.attempt.outcome if what.kind is EventKind.TASK_ANSWERED else None
            row |= {"kind": kind_of(outcome), "label": label_of(outcome)}
            row["detail"] = self._lanes[what.task].details[what.attempt]
        return row
