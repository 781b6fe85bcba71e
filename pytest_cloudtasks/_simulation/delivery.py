"""A target at work on one request, which may take its time: the queue's, not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from .._service.attempt import Attempt
from .._service.outcome import response
from .._targets.answers import Answer
from .._targets.base import Target
from .._targets.request import TargetRequest

working: ContextVar[Handler | None] = ContextVar("working", default=None)
"""The handler that this code is part of; frameworks carry it into the threads they use."""
TURNS = 50
"""How many turns of the loop a handler that has other alarms set gets to go on, before it counts as asleep."""


class Handler:
    """One delivery. It is run until it has answered, or until it sleeps in the queue's time."""

    def __init__(self, attempt: Attempt, target: Target, request: TargetRequest) -> None:
        self.attempt = attempt
        self.target = target
        self.request = request
        self.answer: Answer | None = None
        self.hops = 0
        """How many redirects led here."""
        self.taken = 0
        """How long (nanoseconds) the answers took that led here."""
        self.is_second = False
        """Whether the service delivers the attempt once more, and has no use for the answer."""
        self.is_told = False
        """Whether the timeline has the second delivery."""
        self.is_async = False
        """Whether the target answers in an event loop, which is known once it is started."""
        self._coroutine: Coroutine[Any, Any, Answer] | None = None
        self._task: asyncio.Task[Answer] | None = None
        self._alarms: list[tuple[int, asyncio.Future[None]]] = []
        self._asleep: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Call the target. Afterwards there is an answer, or the handler `is_async` and goes on in an event loop."""
        self.target.calls.append(self.request)
        token = working.set(self)
        try:
            result = self.target.answer(self.request)
        except BaseException as error:  # also pytest's own failures, which are to go on from here
            self.answer = _failed(error)
            return
        finally:
            working.reset(token)
        if isinstance(result, Answer):
            self.answer = result
        else:
            self._coroutine = result
            self.is_async = True

    @property
    def wakes_at(self) -> int | None:
        """The instant at which it goes on; None if it is not asleep."""
        return min((at for at, _ in self._alarms), default=None)

    async def run_on(self, now: int) -> None:
        """Go on in this loop, at the instant ``now``, until the target has answered or sleeps."""
        loop = asyncio.get_running_loop()
        self._asleep = loop.create_future()
        if self._task is None:
            assert self._coroutine is not None, "only an async handler runs on"
            token = working.set(self)
            self._task = loop.create_task(_contained(self._coroutine))
            working.reset(token)
        elif self._task.get_loop() is not loop:
            raise RuntimeError(
                "An async handler that sleeps can't go on: it began in another event loop. Drive the queue from the"
                " same loop until its handlers are done."
            )
        self._ring(now)
        try:
            await self._until_quiet()
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if self._task.done():
            self.answer = _result_of(self._task)

    async def sleep_until(self, at: int) -> None:
        """Sleep, from within the handler, until the queue's time is ``at``."""
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._alarms.append((at, alarm))
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)
        await alarm

    def abandon(self) -> None:
        """The test is over: a handler that is still asleep never wakes."""
        if self._task is not None and not self._task.done() and not self._task.get_loop().is_closed():
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until an abandoned handler is done with it, if it is one of the running loop's."""
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._task])

    def _ring(self, now: int) -> None:
        due = [alarm for at, alarm in self._alarms if at <= now]
        self._alarms = [(at, alarm) for at, alarm in self._alarms if at > now]
        for alarm in due:
            if not alarm.done():
                alarm.set_result(None)

    async def _until_quiet(self) -> None:
        assert self._task is not None, "it is running"
        assert self._asleep is not None, "it is running"
        either: set[asyncio.Future[Any]] = {self._task, self._asleep}
        if not self._alarms:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(TURNS if self._alarms else 0):
            if self._task.done():
                return
            await asyncio.sleep(0)


async def _contained(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """The target's answer; what would stop the event loop becomes one, as it does where there is no loop."""
    __tracebackhide__ = True
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit) as error:
        return _failed(error)


def _result_of(task: asyncio.Task[Answer]) -> Answer:
    if task.cancelled():
        return _failed(asyncio.CancelledError("The handler was cancelled."))
    error = task.exception()
    return task.result() if error is None else _failed(error)


def _failed(error: BaseException) -> Answer:
    return Answer(response(500), exception=error)
