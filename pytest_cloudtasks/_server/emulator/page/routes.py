"""The emulator's page at ``/``: the document, and the data of its tables.

The document contains no data of the queues, so it needs no token. Its script reads `/control/overview` for queues and
one page of tasks, follows `/control/events` for the timeline, and calls the control endpoints and the API like any
other program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from ...._report.documents import VIEWER, document
from ...._service.queue import Queue
from ...._service.request import PullMessage
from ...._service.task import Task, TaskState
from ...._service.validation import id_of
from ...._simulation.formatting import duration_text
from ...._targets.request import url_of
from ...._text import listed
from ...._time.instants import to_datetime
from ..control_fields import invalid, query_of, whole_in, with_errors_as_json
from ..scheduler_loop import SchedulerLoop
from .events import Events

WEB = Path(__file__).parent / "web"
MOST = 200
"""Most tasks in one answer."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_BODY = """<div id="emulator"></div>
<noscript><p>This page needs JavaScript. The timeline is text at
<a href="/control/timeline?format=text">/control/timeline?format=text</a>.</p></noscript>"""


@cache
def page() -> str:
    """Return the document."""
    scripts = (*VIEWER, *(WEB / f"{name}.js" for name in ("server", "tables", "emulator")))
    return document("Cloud Tasks emulator", _BODY, scripts, styles=(WEB / "emulator.css",), connects="'self'")


class Page:
    """Serves the page and its data."""

    def __init__(self, scheduler: SchedulerLoop) -> None:
        self._scheduler = scheduler
        self._events = Events(scheduler)

    def add_to(self, application: web.Application) -> None:
        """Add the routes to ``application``, before those of the control endpoints."""
        application.router.add_get("/", _document)
        application.router.add_get("/control/overview", with_errors_as_json(self.overview))
        application.router.add_get("/control/events", self._events.stream)
        application.on_shutdown.append(self._events.end)

    async def overview(self, request: web.Request) -> web.Response:
        """Answer with every queue, and with a page of the matching tasks, newest first, from ``offset`` on.

        The counts of a queue are those of all its tasks since the reset, forgotten ones included.
        """
        fields = query_of(request, ("queue", "state", "find", "offset", "limit"))
        states = [state.value for state in TaskState]
        if fields.get("state", states[0]) not in states:
            raise invalid(f"state takes {listed(states, 'or')}, but got {fields['state']!r}.")
        limit = min(MOST, whole_in(fields, "limit", 50, "tasks"))
        offset = whole_in(fields, "offset", 0, "tasks", least=0)
        now = self._scheduler.observe()
        service = self._scheduler.simulation.service
        counts: dict[str, Counter[str]] = {}
        for (queue_name, state), number in service.accepted.forgotten.items():
            counts.setdefault(queue_name, Counter())[state.value] = number
        tasks = []
        for task in service.accepted:
            counts.setdefault(task.queue_name, Counter())[task.state.value] += 1
            if _matches(task, fields):
                tasks.append(task)
        shown = tasks[::-1][offset : offset + limit]
        return web.json_response(
            {
                "now": to_datetime(now).isoformat(),
                "queues": [_queue_json(queue, counts.get(name, {})) for name, queue in sorted(service.queues.items())],
                "tasks": [_task_json(task) for task in shown],
                "total": len(tasks),
                "offset": offset,
                "left_out": sum(service.accepted.forgotten.values()),
            }
        )


async def _document(request: web.Request) -> web.Response:
    return web.Response(text=page(), content_type="text/html", charset="utf-8", headers=_HEADERS)


def _matches(task: Task, fields: Mapping[str, Any]) -> bool:
    if (
        fields.get("queue", task.queue_name) != task.queue_name
        or fields.get("state", task.state.value) != task.state.value
    ):
        return False
    return "find" not in fields or fields["find"].lower() in f"{task.name} {_url(task)}".lower()


def _url(task: Task) -> str:
    return "" if isinstance(task.target, PullMessage) else url_of(task.target)


def _queue_json(queue: Queue, counts: Mapping[str, int]) -> dict[str, Any]:
    limits, retry = queue.config.rate_limits, queue.config.retry_config
    settings = [
        ["dispatches per second", f"{limits.max_dispatches_per_second:g}"],
        ["burst", str(limits.max_burst_size)],
        ["at once", str(limits.max_concurrent_dispatches)],
        ["attempts", "unlimited" if retry.max_attempts < 0 else str(retry.max_attempts)],
        ["backoff", f"{duration_text(retry.min_backoff)} to {duration_text(retry.max_backoff)}"],
        ["doublings", str(retry.max_doublings)],
    ]
    if retry.max_retry_duration:
        settings.append(["retried for", duration_text(retry.max_retry_duration)])
    return {
        "name": queue.name,
        "id": id_of(queue.name),
        "state": queue.state.name.lower(),
        "is_pull": queue.is_pull,
        "tasks": dict(counts),
        "settings": settings,
    }


def _task_json(task: Task) -> dict[str, Any]:
    last = task.attempts[-1].outcome if task.attempts else None
    return {
        "name": task.name,
        "id": id_of(task.name),
        "queue": id_of(task.queue_name),
        "state": task.state.value,
        "method": task.target.method,
        "url": _url(task),
        "attempts": task.dispatch_count,
        "last": None if last is None else last.result,
        "schedule_time": to_datetime(task.schedule_time).isoformat(),
        "is_live": task.is_live,
    }
