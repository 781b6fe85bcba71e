"""The control endpoints: what tests in any language ask of a standing server, in JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from .._diagnostics.timeline import timeline_data, timeline_text
from .._service.task import TaskState
from .._simulation.records import short_name
from .._simulation.settings import read_duration
from .._text import counted, did_you_mean, listed
from .._time.instants import from_datetime, from_timedelta, to_datetime
from . import emulator_json_views as views
from .emulator_errors import ControlError
from .emulator_scheduler_loop import Pump
from .emulator_time_jumps import LIMIT, Traveller

WAITS = "30s"
"""How long `wait` waits where nothing else is asked for."""
_NAMED = 3
"""How many tasks are named of those that were waited for in vain."""
_DIGITS = 9
"""As many as a limit may have: Python reads no text of thousands of them."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Answers the control endpoints."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._traveller = Traveller(pump)

    def add_to(self, application: web.Application) -> None:
        """Give ``application`` the routes."""
        for method, path, handler in (
            ("GET", "/healthz", self.healthz),
            ("POST", "/control/reset", self.reset),
            ("POST", "/control/wait", self.wait),
            ("POST", "/control/jump", self.jump),
            ("POST", "/control/drain", self.drain),
            ("GET", "/control/tasks", self.tasks),
            ("GET", "/control/attempts", self.attempts),
            ("GET", "/control/timeline", self.timeline),
        ):
            application.router.add_route(method, path, _in_googles_shape(handler))
        for path in ("/", "/control"):
            application.router.add_route("*", path, _in_googles_shape(_hint))
        application.router.add_route("*", "/control/{rest:.*}", _in_googles_shape(_unknown))

    async def healthz(self, request: web.Request) -> web.Response:
        """That the server is there, and what time it is for it."""
        return web.json_response({"status": "ok", "now": views.iso(self._pump.simulation.observe())})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget every task and queue but those that the server was started with; time goes on where it is."""
        await _asked(request, ())
        await self._pump.reset()
        return web.json_response({"now": views.iso(self._pump.simulation.observe())})

    async def wait(self, request: web.Request) -> web.Response:
        """Wait until nothing is under way or due (``for`` idle), or until nothing more is to come (``empty``)."""
        asked = await _asked(request, ("for", "queue", "timeout"))
        pump, queue = self._pump, self._queue(asked)
        what = asked.get("for", "idle")
        if what not in ("idle", "empty"):
            raise ControlError.invalid(f"for takes 'idle' or 'empty', and got {what!r}.")
        holds = pump.is_idle if what == "idle" else pump.is_empty
        seconds = _duration(asked, "timeout", WAITS) / 1e9
        try:
            if not holds(queue):  # with a timeout of 0 it is only asked
                await asyncio.wait_for(pump.until(lambda: holds(queue)), seconds)
        except asyncio.TimeoutError:
            raise ControlError.too_late(
                f"After {seconds:g} s the server is not {what}. {self._what_is_left(queue)}"
            ) from None
        return web.json_response({"now": views.iso(pump.simulation.observe())})

    async def jump(self, request: web.Request) -> web.Response:
        """Move time ahead ``by`` a duration, or ``to`` an instant, visiting each event on the way."""
        asked = await _asked(request, ("by", "to", "limit"))
        if ("by" in asked) == ("to" in asked):
            raise ControlError.invalid("A jump goes by a duration such as 10m, or to an instant. Pass one of the two.")
        limit = _limit(asked)
        if "by" in asked:
            gone = await self._traveller.by(_duration(asked, "by"), limit)
        else:
            gone = await self._traveller.to(_instant(asked, "to"), limit)
        return web.json_response(views.journey(gone))

    async def drain(self, request: web.Request) -> web.Response:
        """Jump from event to event until nothing more happens by itself."""
        asked = await _asked(request, ("limit",))
        return web.json_response(views.journey(await self._traveller.to_the_end(_limit(asked))))

    async def tasks(self, request: web.Request) -> web.Response:
        """Every task, gone ones included."""
        asked = _query(request, ("queue", "state"))
        states = [state.value for state in TaskState]
        if asked.get("state", states[0]) not in states:
            raise ControlError.invalid(f"state takes {listed(states, 'or')}, and got {asked['state']!r}.")
        return web.json_response({"tasks": views.tasks(self._pump.simulation, self._queue(asked), asked.get("state"))})

    async def attempts(self, request: web.Request) -> web.Response:
        """Every attempt, in the order of dispatch."""
        asked = _query(request, ("queue", "task"))
        return web.json_response(
            {"attempts": views.attempts(self._pump.simulation, self._queue(asked), asked.get("task"))}
        )

    async def timeline(self, request: web.Request) -> web.Response:
        """What happened since the start, or since the last reset: as JSON, or as text."""
        asked = _query(request, ("format",))
        simulation = self._pump.simulation
        if asked.get("format", "json") == "json":
            return web.json_response({"timeline": timeline_data(simulation)})
        if asked["format"] == "text":
            return web.Response(text=f"{timeline_text(simulation)}\n")
        raise ControlError.invalid(f"format takes 'json' or 'text', and got {asked['format']!r}.")

    def _queue(self, asked: Mapping[str, Any]) -> str | None:
        if "queue" not in asked:
            return None
        queue = _text(asked, "queue")
        try:
            return self._pump.simulation.queue_named(queue)
        except LookupError:
            known = sorted(self._pump.simulation.service.queues)
            near = did_you_mean(self._pump.simulation.settings.queue_name(queue), known)
            raise ControlError(404, "NOT_FOUND", f"There is no queue {queue!r}.{near}") from None

    def _what_is_left(self, queue: str | None) -> str:
        under_way = [short_name(one.task) for one in self._pump.under_way() if queue in (None, one.queue.name)]
        if under_way:
            more = f" and {len(under_way) - _NAMED} more" if len(under_way) > _NAMED else ""
            named = f"{', '.join(under_way[:_NAMED])}{more}"
            return f"{counted(len(under_way), 'attempt')} under way: {named}."
        waiting = [one for one in self._pump.simulation.live_tasks() if queue in (None, one.queue_name)]
        return f"{counted(len(waiting), 'task')} to come: {', '.join(short_name(one) for one in waiting[:_NAMED])}."


async def _unknown(request: web.Request) -> web.StreamResponse:
    raise ControlError(
        404,
        "NOT_FOUND",
        f"There is no {request.method} {request.path}. There are POST /control/reset, wait, jump and drain, and GET"
        " /control/tasks, attempts and timeline.",
    )


async def _hint(request: web.Request) -> web.StreamResponse:
    """Say where to go to whoever knocks at the door; all else that is no endpoint is a path of the API."""
    raise ControlError(
        404,
        "NOT_FOUND",
        f"There is nothing at {request.path}. There are GET /healthz; POST /control/reset, wait, jump and drain; GET"
        " /control/tasks, attempts and timeline; and the API of Cloud Tasks under /v2, /v2beta3 and /v2beta2.",
    )


def _in_googles_shape(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ControlError as error:
            return web.json_response(error.body, status=error.http_status)

    return answer


class _Object(dict[str, Any]):
    """A JSON object, and all of its pairs: a key may be repeated."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


async def _asked(request: web.Request, known: Collection[str]) -> Mapping[str, Any]:
    """Return the fields of a request, which come in its query, in its body, or some in each."""
    text = (await request.read()).decode(errors="replace")  # JSON is UTF-8, whatever the header says
    if not text.strip():
        return _query(request, known)
    try:
        fields = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, _Object):
        raise ControlError.invalid(f"{request.path} takes a JSON object, and got {text[:80]!r}.")
    return _checked(request, [*request.query.items(), *fields.pairs], known)


def _query(request: web.Request, known: Collection[str]) -> Mapping[str, Any]:
    return _checked(request, request.query.items(), known)


def _checked(request: web.Request, pairs: Iterable[tuple[str, Any]], known: Collection[str]) -> Mapping[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            takes = f"It takes {listed(known)}." if known else "It takes none."
            near = did_you_mean(name, known)
            raise ControlError.invalid(f"{request.path} has no field {name!r}.{near} {takes}")
        if name in fields:
            raise ControlError.invalid(
                f"{request.path} got the field {name!r} twice: {fields[name]!r} and {value!r}. Send it once."
            )
        fields[name] = value
    return fields


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked[name]
    if not isinstance(value, str):
        raise ControlError.invalid(f"{name} takes a text, and got {value!r}.")
    return value


def _duration(asked: Mapping[str, Any], name: str, default: str = "") -> int:
    """A duration as text, such as 90s; or a number of seconds."""
    value = asked.get(name, default)
    text = f"{value}s" if _is_number(value) else value
    duration = read_duration(text) if isinstance(text, str) else None
    if duration is None:
        raise ControlError.invalid(f"{name} takes a duration such as 90s, 10m, 1h or 7d, and got {value!r}.")
    return from_timedelta(duration, what=name)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _instant(asked: Mapping[str, Any], name: str) -> int:
    text = _text(asked, name)
    try:
        instant = from_datetime(datetime.fromisoformat(text.replace("Z", "+00:00")), what=name)
        to_datetime(instant)  # in UTC it may lie beyond what a datetime can have
    except (ValueError, OverflowError):
        raise ControlError.invalid(
            f"{name} takes an instant with its offset from UTC, such as 2030-01-01T00:00:00Z, and got {text!r}."
        ) from None
    return instant


def _limit(asked: Mapping[str, Any]) -> int:
    value = asked.get("limit", LIMIT)
    is_readable = isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS
    number = int(value) if is_readable else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ControlError.invalid(f"limit takes a number of attempts of 1 or more, and got {value!r}.")
    return number
