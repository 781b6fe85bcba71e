"""The emulator's control endpoints, in JSON: tests in any language can wait, jump, reset and inspect tasks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from ..._diagnostics.timeline import name_in, timeline_text
from ..._diagnostics.timeline_json import timeline_data
from ..._messages.errors import TEXTS, RpcFault
from ..._messages.rest_http import RestError
from ..._messages.rpc_call import IncomingCall
from ..._service.request import AppEngineTarget, PullMessage, Routing
from ..._service.task import Attempt, Task, TaskState
from ..._service.validation import id_of, queue_of
from ..._simulation.faults import Fault, Occasions, PlannedFault
from ..._simulation.formatting import short_name
from ..._simulation.summary import live_tasks
from ..._targets.request import url_of
from ..._text import counted, did_you_mean, listed
from ..._time.instants import to_datetime
from .control_fields import (
    code_in,
    duration_in,
    fields_of,
    instant_in,
    invalid,
    query_of,
    rpc_in,
    text_in,
    whole_in,
    with_errors_as_json,
)
from .scheduler_loop import SchedulerLoop
from .time_jumps import LIMIT, Jump, TimeJumps

WAITS = "30s"
"""The default time-out of `wait`."""
_NAMED = 3
"""Most tasks that the error of a time-out names."""


class Control:
    """Answers the control endpoints."""

    def __init__(self, scheduler: SchedulerLoop) -> None:
        self._scheduler = scheduler
        self._jumps = TimeJumps(scheduler)

    def add_to(self, application: web.Application) -> None:
        """Add the routes to ``application``."""
        for method, path, handler in (
            ("GET", "/healthz", self.healthz),
            ("POST", "/control/reset", self.reset),
            ("POST", "/control/wait", self.wait),
            ("POST", "/control/jump", self.jump),
            ("POST", "/control/drain", self.drain),
            ("POST", "/control/fail", self.fail),
            ("GET", "/control/tasks", self.tasks),
            ("GET", "/control/attempts", self.attempts),
            ("GET", "/control/timeline", self.timeline),
        ):
            application.router.add_route(method, path, with_errors_as_json(handler))
        for path in ("/", "/control"):
            application.router.add_route("*", path, with_errors_as_json(_hint))
        application.router.add_route("*", "/control/{rest:.*}", with_errors_as_json(_unknown))

    async def healthz(self, request: web.Request) -> web.Response:
        """Answer that the emulator is running, with its time."""
        return web.json_response({"status": "ok", "now": _iso(self._scheduler.observe())})

    async def reset(self, request: web.Request) -> web.Response:
        """Remove every task, and every queue that the emulator was not started with; time goes on."""
        await fields_of(request, ())
        await self._scheduler.reset()
        return web.json_response({"now": _iso(self._scheduler.observe())})

    async def wait(self, request: web.Request) -> web.Response:
        """Wait until no attempt is under way or due (``for`` idle), or until no attempt will come (``empty``)."""
        fields = await fields_of(request, ("for", "queue", "timeout"))
        scheduler, queue = self._scheduler, self._queue(fields)
        what = fields.get("for", "idle")
        if what not in ("idle", "empty"):
            raise invalid(f"for takes 'idle' or 'empty', but got {what!r}.")
        holds = scheduler.is_idle if what == "idle" else scheduler.is_empty
        seconds = duration_in(fields, "timeout", WAITS) / 1e9
        try:
            if not holds(queue):  # with a timeout of 0 the client only asks
                await asyncio.wait_for(scheduler.until(lambda: holds(queue)), seconds)
        except asyncio.TimeoutError:
            raise RestError(
                504, "DEADLINE_EXCEEDED", f"The server is not {what} after {seconds:g} s. {self._what_is_left(queue)}"
            ) from None
        return web.json_response({"now": _iso(scheduler.observe())})

    async def jump(self, request: web.Request) -> web.Response:
        """Move time ahead ``by`` a duration, or ``to`` an instant, visiting each event on the way."""
        fields = await fields_of(request, ("by", "to", "limit"))
        if ("by" in fields) == ("to" in fields):
            raise invalid("A jump takes either by, a duration such as 10m, or to, an instant. Pass one of the two.")
        limit = whole_in(fields, "limit", LIMIT, "attempts")
        if "by" in fields:
            gone = await self._jumps.by(duration_in(fields, "by"), limit)
        else:
            gone = await self._jumps.to(instant_in(fields, "to"), limit)
        return web.json_response(_jump_json(gone))

    async def drain(self, request: web.Request) -> web.Response:
        """Jump from event to event until nothing more happens by itself."""
        fields = await fields_of(request, ("limit",))
        return web.json_response(_jump_json(await self._jumps.to_the_end(whole_in(fields, "limit", LIMIT, "attempts"))))

    async def fail(self, request: web.Request) -> web.Response:
        """Make the next calls of an RPC fail with a code; they don't reach the service."""
        fields = await fields_of(request, ("rpc", "code", "times", "queue", "message"))
        simulation = self._scheduler.simulation
        rpc = rpc_in(fields)
        code = code_in(fields)
        times = whole_in(fields, "times", 1, "calls")
        queue = self._queue(fields)
        text = text_in(fields, "message") if "message" in fields else TEXTS[code]
        simulation.faults.drop_ended()
        simulation.faults.add(
            PlannedFault(
                Fault.FAIL_RPC,
                f"{rpc!r}, {code!r}",
                lambda call: rpc in ("*", call.method) and queue in (None, _queue_in(call)),
                Occasions(times=times, after=0, rate=None),
                rpc_fault=RpcFault(code, text),
            )
        )
        return web.json_response({"rpc": rpc, "code": code, "times": times, "queue": queue, "message": text})

    async def tasks(self, request: web.Request) -> web.Response:
        """Answer with every live task and the latest finished ones."""
        fields = query_of(request, ("queue", "state"))
        states = [state.value for state in TaskState]
        if fields.get("state", states[0]) not in states:
            raise invalid(f"state takes {listed(states, 'or')}, but got {fields['state']!r}.")
        return web.json_response({"tasks": self._tasks(self._queue(fields), fields.get("state"))})

    async def attempts(self, request: web.Request) -> web.Response:
        """Answer with the attempts of these tasks, in dispatch order."""
        fields = query_of(request, ("queue", "task"))
        return web.json_response({"attempts": self._attempts(self._queue(fields), fields.get("task"))})

    async def timeline(self, request: web.Request) -> web.Response:
        """Answer with the timeline since the start or the last reset, as JSON or as text.

        If its beginning is forgotten, say how many records that were.
        """
        fields = query_of(request, ("format",))
        simulation = self._scheduler.simulation
        parts = simulation.history, simulation.service, simulation.clock
        left_out = simulation.history.forgotten
        if fields.get("format", "json") == "json":
            return web.json_response({"timeline": timeline_data(*parts), "left_out": left_out})
        if fields["format"] == "text":
            head = f"… {left_out:,} earlier events and calls are left out …\n" if left_out else ""
            return web.Response(text=f"{head}{timeline_text(*parts)}\n")
        raise invalid(f"format takes 'json' or 'text', but got {fields['format']!r}.")

    def _tasks(self, queue: str | None, state: str | None) -> list[dict[str, Any]]:
        """Return the tasks, oldest first."""
        diagnostics = self._scheduler.diagnostics
        return [_task_json(task, diagnostics) for task in self._chosen(queue) if state in (None, task.state.value)]

    def _attempts(self, queue: str | None, task: str | None) -> list[dict[str, Any]]:
        """Return the attempts, in dispatch order; ``task`` is a full name or an ID."""
        attempts = [
            attempt
            for owner in self._chosen(queue)
            if task in (None, owner.name, id_of(owner.name))
            for attempt in owner.attempts
        ]
        attempts.sort(key=lambda attempt: attempt.dispatch_time)
        return [_attempt_json(attempt, self._scheduler.diagnostics) for attempt in attempts]

    def _chosen(self, queue: str | None) -> Iterator[Task]:
        return (task for task in self._scheduler.simulation.service.accepted if queue in (None, task.queue_name))

    def _queue(self, fields: Mapping[str, Any]) -> str | None:
        if "queue" not in fields:
            return None
        queue = text_in(fields, "queue")
        try:
            return self._scheduler.simulation.queue_named(queue)
        except LookupError:
            known = sorted(self._scheduler.simulation.service.queues)
            near = did_you_mean(self._scheduler.simulation.settings.queue_name(queue), known)
            raise RestError(404, "NOT_FOUND", f"There is no queue {queue!r}.{near}") from None

    def _what_is_left(self, queue: str | None) -> str:
        under_way = [
            short_name(attempt.task) for attempt in self._scheduler.under_way() if queue in (None, attempt.queue.name)
        ]
        if under_way:
            more = f" and {len(under_way) - _NAMED} more" if len(under_way) > _NAMED else ""
            named = f"{', '.join(under_way[:_NAMED])}{more}"
            return f"{counted(len(under_way), 'attempt')} under way: {named}."
        simulation = self._scheduler.simulation
        tasks = live_tasks(simulation.service, simulation.history)
        waiting = [task for task in tasks if queue in (None, task.queue_name)]
        return f"{counted(len(waiting), 'task')} waiting: {', '.join(map(short_name, waiting[:_NAMED]))}."


async def _unknown(request: web.Request) -> web.StreamResponse:
    raise RestError(
        404,
        "NOT_FOUND",
        f"There is no {request.method} {request.path}. Use POST /control/reset, wait, jump, drain or fail,"
        " or GET /control/tasks, attempts or timeline.",
    )


async def _hint(request: web.Request) -> web.StreamResponse:
    """Answer ``/`` and ``/control`` with a hint; every other path without a route goes to the API."""
    raise RestError(
        404,
        "NOT_FOUND",
        f"There is nothing at {request.path}. This server has GET /healthz; POST /control/reset, wait, jump, drain and"
        " fail; GET /control/tasks, attempts and timeline; and the API of Cloud Tasks under /v2, /v2beta3 and"
        " /v2beta2.",
    )


def _queue_in(call: IncomingCall) -> str:
    name = name_in(call)
    return queue_of(name) or name


def _jump_json(gone: Jump) -> dict[str, Any]:
    """Return the result of a jump."""
    return {
        "now": _iso(gone.now),
        "attempts": gone.attempts,
        **asdict(gone.results),
        "blocked": [{"task": blocked.task.name, "reason": blocked.reason.value} for blocked in gone.blocked],
    }


def _iso(instant: int) -> str:
    """Return an instant as text, in the form that all endpoints use."""
    return to_datetime(instant).isoformat()


def _task_json(task: Task, diagnostics: Mapping[Attempt, str]) -> dict[str, Any]:
    target = task.target
    data: dict[str, Any] = {
        "name": task.name,
        "queue": task.queue_name,
        "state": task.state.value,
        "create_time": _iso(task.create_time),
        "schedule_time": _iso(task.schedule_time),
    }
    if isinstance(target, PullMessage):
        data["tag"] = target.tag
    else:
        data.update(method=target.method, url=url_of(target), headers=_headers(target.headers))
        if isinstance(target, AppEngineTarget):
            data.update(relative_uri=target.relative_uri, **(target.routing or Routing()).named)
    data.update(_body(target.body))
    data["attempts"] = [_attempt_json(attempt, diagnostics) for attempt in task.attempts]
    return data


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return dict(pairs)


def _body(body: bytes) -> dict[str, str]:
    """Return a body in base64, and also as text if it is text."""
    encoded = {"body_base64": base64.b64encode(body).decode()}
    try:
        return {"body": body.decode(), **encoded}
    except UnicodeDecodeError:
        return encoded


def _attempt_json(attempt: Attempt, diagnostics: Mapping[Attempt, str]) -> dict[str, Any]:
    outcome, ended = attempt.outcome, attempt.response_time
    data: dict[str, Any] = {
        "task": attempt.task.name,
        "number": attempt.number,
        "forced": attempt.forced,
        "schedule_time": _iso(attempt.schedule_time),
        "dispatch_time": _iso(attempt.dispatch_time),
        "response_time": None if ended is None else _iso(ended),
        "result": None if outcome is None else outcome.result,
        "succeeded": outcome is not None and outcome.succeeded,
    }
    diagnostic = diagnostics.get(attempt)
    return data if diagnostic is None else {**data, "diagnostic": diagnostic}
