"""The live timeline, as server-sent events.

A stream begins with the latest events and then follows the history. It reads the history a few times a second, so that
a burst of events costs the scheduler nothing and a browser gets the events together. A client that is too slow, or
comes late, misses the older events and gets their number.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from ...._diagnostics.timeline_json import objects, seconds
from ...._diagnostics.values import Form
from ...._service.events import Event
from ...._simulation.history import Entry, History, Record, TimeBase
from ...._simulation.simulation import Simulation
from ...._time.instants import to_datetime
from ..scheduler_loop import SchedulerLoop

FIRST = 2_000
"""Events that a stream begins with."""
TOGETHER = 500
"""Events that are sent together."""
_PAUSE = 0.2
_SILENCE = 5.0
"""Seconds after which the time is sent; the write also shows whether the browser is still connected."""


class Events:
    """Serves streams until the emulator stops."""

    def __init__(self, scheduler: SchedulerLoop) -> None:
        self._scheduler = scheduler
        self._has_ended = asyncio.Event()

    async def end(self, application: web.Application) -> None:
        """End all streams, because a server waits for its requests before it stops."""
        self._has_ended.set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer with events until the client disconnects."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        feed, told_at = Feed(self._scheduler), time.monotonic()
        while not self._has_ended.is_set():
            sent = False
            try:
                for name, data in feed.read():
                    await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
                    sent = True
                if not sent and time.monotonic() - told_at > _SILENCE:
                    await response.write(f"event: now\ndata: {json.dumps(feed.now())}\n\n".encode())
                    sent = True
            except ConnectionError:
                break
            told_at = time.monotonic() if sent else told_at
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._has_ended.wait(), _PAUSE)
        return response


class Feed:
    """The events that one stream still has to send."""

    def __init__(self, scheduler: SchedulerLoop) -> None:
        self._scheduler = scheduler
        self._simulation: Simulation | None = None
        self._position = 0
        self._base = 0

    def now(self) -> dict[str, Any]:
        """Return the time."""
        now = self._scheduler.observe()
        return {"now": seconds(now - self._base), "at": to_datetime(now).isoformat()}

    def read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the events since the last call: their names and their data."""
        if self._simulation is not self._scheduler.simulation:
            yield "begin", self._begin(self._scheduler.simulation)
        simulation = self._scheduler.simulation
        history = simulation.history
        missed = max(len(history) - FIRST, history.forgotten) - self._position
        if missed > 0:
            self._position += missed
            yield "missed", {"events": missed}
        form = Form(show_secrets=simulation.settings.show_secrets)
        records = list(history.since(self._position))
        self._position = len(history)
        for first in range(0, len(records), TOGETHER):
            entries = [
                entry for record in records[first : first + TOGETHER] for entry in self._entries(record, history)
            ]
            if event_objects := list(objects(entries, history, form)):
                yield "events", {**self.now(), "events": event_objects}

    def _entries(self, record: Record, history: History) -> Iterator[Entry]:
        if isinstance(record, TimeBase):
            self._base = record.instant
        else:
            attempt = record.attempt if isinstance(record, Event) else None
            answer = None if attempt is None else history.answers.get(attempt)
            yield Entry(record.at - self._base, record, answer)

    def _begin(self, simulation: Simulation) -> dict[str, Any]:
        """Begin with the latest events of a simulation: the first one, or the one after a reset."""
        self._simulation = simulation
        self._base = simulation.clock.time_base
        left_out = max(0, len(simulation.history) - FIRST, simulation.history.forgotten)
        self._position = left_out
        return {**self.now(), "origin": to_datetime(self._base).isoformat(), "left_out": left_out}
