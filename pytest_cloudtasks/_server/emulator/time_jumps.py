"""Time jumps, which move the queue's time ahead of the wall clock, from event to event.

A jump holds the clock, waits until nothing more happens at that instant, moves the clock to the next event, and so on.
So every event happens at its planned instant, however long real responses take. A call or a response may come after a
jump is woken and before it runs; then the jump waits again. A reset replaces the clock, which ends the jump.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ..._messages.rest_http import RestError
from ..._simulation.summary import Blocked, Results, blocked
from ..._text import counted
from ..._time.clock import WallClock
from ..._time.instants import from_datetime, to_datetime
from .scheduler_loop import SchedulerLoop

LIMIT = 10_000
"""Most attempts of a jump by default; with a task that is retried for ever it would not end."""
FARTHEST = from_datetime(datetime(9000, 1, 1, tzinfo=timezone.utc), what="FARTHEST")
"""The latest instant of a jump. Datetimes end in 9999, and backoffs need some room."""


@dataclass(frozen=True)
class Jump:
    """The result of a jump: its end, and what happened on the way."""

    now: int
    attempts: int
    results: Results
    blocked: Sequence[Blocked]
    """The tasks that can't be dispatched now."""


class TimeJumps:
    """Moves time; only one jump runs at a time, because there is only one clock."""

    def __init__(self, scheduler: SchedulerLoop) -> None:
        self._scheduler = scheduler
        self._one_at_a_time = asyncio.Lock()

    async def by(self, duration: int, limit: int = LIMIT) -> Jump:
        """Move time by ``duration``, visiting each event on the way."""
        async with self._one_at_a_time:
            now = self._scheduler.observe()
            _check_reach(now, now + duration)
            return await self._go(now + duration, limit)

    async def to(self, instant: int, limit: int = LIMIT) -> Jump:
        """Move time to ``instant``, visiting each event on the way."""
        async with self._one_at_a_time:
            now = self._scheduler.observe()
            if instant < now:
                raise RestError(
                    400,
                    "INVALID_ARGUMENT",
                    f"Time can't go backwards: it is {to_datetime(now).isoformat()}, but the jump got"
                    f" to={to_datetime(instant).isoformat()}. Jump to a later instant.",
                )
            _check_reach(now, instant)
            return await self._go(instant, limit)

    async def to_the_end(self, limit: int = LIMIT) -> Jump:
        """Jump from event to event until nothing more happens by itself."""
        async with self._one_at_a_time:
            return await self._go(None, limit)

    async def _go(self, end: int | None, limit: int) -> Jump:
        scheduler = self._scheduler
        clock = scheduler.clock
        clock.hold()
        try:
            before, begun_before = replace(scheduler.results), scheduler.begun
            while True:
                # Tasks may arrive faster than they are answered; then only the limit ends the jump.
                await scheduler.until(lambda: scheduler.is_quiet() or scheduler.begun - begun_before > limit)
                if scheduler.clock is not clock:
                    verb = _verb(end)
                    raise RestError(
                        409,
                        "ABORTED",
                        f"The server was reset during the {verb}. {verb.capitalize()} again if you need to.",
                    )
                made = scheduler.begun - begun_before
                if not scheduler.is_quiet():
                    if made > limit:
                        raise _limit_reached(clock.now, end, made, limit, "Create tasks more slowly")
                    continue  # a call or a response came after this jump was woken
                if not self._next(clock, end, made, limit):
                    simulation = scheduler.simulation
                    held_back = blocked(simulation.service, clock.now, simulation.history)
                    return Jump(clock.now, made, scheduler.results.since(before), held_back)
        finally:
            clock.let_go()
            scheduler.wake()

    def _next(self, clock: WallClock, end: int | None, made: int, limit: int) -> bool:
        """Move to the instant of the next event; return False at the end."""
        coming = self._scheduler.simulation.service.scheduler.upcoming()
        if coming is None or (end is not None and coming.at > end):
            if end is not None:
                clock.move(max(end, clock.now))
                self._scheduler.observe()
            return False
        if made >= limit and coming.needs_target:
            advice = "Limit the queue's retries (maxAttempts, maxRetryDuration)"
            raise _limit_reached(clock.now, end, made, limit, advice)
        if coming.at > FARTHEST:
            raise RestError(
                429,
                "RESOURCE_EXHAUSTED",
                f"The drain has reached {to_datetime(clock.now).isoformat()}, and its next step is beyond the year"
                " 9000, where it ends. Limit the queue's retries (maxAttempts, maxBackoff), or restart the server,"
                " which returns to real time.",
            )
        clock.move(coming.at)
        self._scheduler.observe()
        self._scheduler.wake()
        return True


def _limit_reached(now: int, end: int | None, made: int, limit: int, advice: str) -> RestError:
    return RestError(
        429,
        "RESOURCE_EXHAUSTED",
        f"The {_verb(end)} stopped after {counted(made, 'attempt')}; its limit is {limit}. It is"
        f" {to_datetime(now).isoformat()} now. {advice}, or {_verb(end)} with a higher limit.",
    )


def _verb(end: int | None) -> str:
    """Return the name of the endpoint that moves time to ``end``."""
    return "drain" if end is None else "jump"


def _check_reach(now: int, end: int) -> None:
    """Raise an error for a jump that leads too far, before anything happens."""
    if end > FARTHEST:
        raise RestError(
            400,
            "INVALID_ARGUMENT",
            f"A jump can't go beyond {to_datetime(FARTHEST).isoformat()}. It is {to_datetime(now).isoformat()} now."
            " Jump by less.",
        )
