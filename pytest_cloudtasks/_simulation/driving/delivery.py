"""One delivery: a target that handles a request and may sleep in the queue's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from ..._service.task import Attempt, response
from ..._targets.answers import Answer
from ..._targets.base import Target
from ..._targets.request import TargetRequest
from .awaiting import awaited_outside

current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)
"""The delivery whose handler runs this code. Frameworks copy it into their threads."""
TURNS = 50
"""How many turns of the loop other tasks of a sleeping handler get, so that they can set alarms of their own."""

Result = TypeVar("Result")


class NotOfAsyncio(RuntimeError):
    """A handler awaits something of another library than asyncio."""


NotOfAsyncio.__module__ = "pytest_cloudtasks"  # what pytest prints: the library, not the place within it


class Alarm(NamedTuple):
    """The end of a sleep in the queue's time, at the instant ``at``."""

    at: int
    rung: asyncio.Future[None]
    """Done once the sleep is over; the sleeping code awaits it."""
    sleeper: asyncio.Task[Any] | None
    """The asyncio task that sleeps."""


class Delivery:
    """One delivery. It runs until the target has answered, or until it sleeps in the queue's time.

    It sleeps when its own task waits only for alarms, its own or those of tasks that it awaits. While it waits for
    anything else, such as a thread or a connection, it is running, whatever its other tasks do. A task that it has
    started and not awaited may continue after the answer; its alarms work as any other.
    """

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
        self.is_recorded = False
        """Whether the timeline has the second delivery."""
        self.is_async = False
        """Whether the target answers in an event loop, which is known once it is started."""
        self._coroutine: Coroutine[Any, Any, Answer] | None = None
        self._task: asyncio.Task[Answer] | None = None
        self.is_over = False
        """Whether it has answered, and only tasks that it has begun go on."""
        self.on_late_alarm: Callable[[Delivery], None] = lambda delivery: None
        """Called when such a task sets an alarm."""
        self._alarms: list[Alarm] = []
        self._alarm_set: asyncio.Future[None] | None = None
        """Done once an alarm is set while the delivery waits for something outside."""

    def start(self) -> None:
        """Call the target. Afterwards there is an answer, or the handler `is_async` and continues in an event loop."""
        self.target.calls.append(self.request)
        token = current_delivery.set(self)
        try:
            result = self.target.answer(self.request)
        except BaseException as error:  # includes pytest's own failures, which are raised again later
            self.answer = _failed(error)
            return
        finally:
            current_delivery.reset(token)
        if isinstance(result, Answer):
            self.answer = result
        else:
            self._coroutine = result
            self.is_async = True

    @property
    def wakes_at(self) -> int | None:
        """The instant at which it continues; None if it is not asleep."""
        return min((alarm.at for alarm in self._alarms if not (self.is_over and alarm.rung.done())), default=None)

    async def resume(self, now: int) -> None:
        """Continue in this loop, at the instant ``now``, until the target has answered or sleeps."""
        loop = asyncio.get_running_loop()
        if self._task is None:
            assert self._coroutine is not None, "only an async handler runs on"
            token = current_delivery.set(self)
            self._task = loop.create_task(_contained(self._coroutine))
            current_delivery.reset(token)
        elif self._task.get_loop() is not loop:
            raise RuntimeError(
                "An async handler that sleeps can't continue: it started in another event loop. Drive the queue from"
                " the same loop until its handlers are done."
            )
        self._ring(now)
        if self.is_over:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            return
        try:
            await self._until_quiet()
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if self._task.done():
            self.answer = _result_of(self._task)

    async def sleep_until(self, at: int) -> None:
        """Sleep, from within the handler, until the queue's time is ``at``."""
        alarm = Alarm(at, asyncio.get_running_loop().create_future(), asyncio.current_task())
        self._alarms.append(alarm)
        if self._alarm_set is not None and not self._alarm_set.done():
            self._alarm_set.set_result(None)
        if self.is_over:
            self.on_late_alarm(self)
        await alarm.rung

    def abandon(self) -> None:
        """Cancel a handler that is still asleep, and its alarms, because the test is over."""
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.cancel()
            for alarm in self._alarms:
                alarm.rung.cancel()

    async def ended(self) -> None:
        """Wait until an abandoned handler has ended, if it belongs to the running loop."""
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._task])

    def _ring(self, now: int) -> None:
        due = [alarm for alarm in self._alarms if alarm.at <= now]
        self._alarms = [alarm for alarm in self._alarms if alarm.at > now]
        for alarm in due:
            if not alarm.rung.done():
                alarm.rung.set_result(None)

    async def _until_quiet(self) -> None:
        """Return when the target has answered or sleeps."""
        assert self._task is not None, "it is running"
        loop, turns = asyncio.get_running_loop(), 0
        while turns < TURNS and not self._task.done():
            outside = None
            if self._alarms:
                sleepers = {
                    alarm.sleeper for alarm in self._alarms if alarm.sleeper is not None and not alarm.rung.done()
                }
                outside = awaited_outside(self._task, sleepers)
                turns = turns + 1 if outside == [] else 0
            if not self._alarms or outside:
                self._alarm_set = loop.create_future()
                await asyncio.wait({self._task, self._alarm_set, *(outside or ())}, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0)


Deliveries = Generator[Delivery, None, Result]
"""A running driving method: it yields each handler that starts or continues, and returns the method's result."""
_OF_ANOTHER_LIBRARY = ("must be called from async context", "Task got bad yield")
"""The errors of trio and asyncio for a function of trio that is awaited in a loop of asyncio."""


async def _contained(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the target's answer.

    An exception that would stop the event loop becomes one, as it does without a loop.
    """
    __tracebackhide__ = True
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit) as error:
        return _failed(error)


def _result_of(task: asyncio.Task[Answer]) -> Answer:
    if task.cancelled():
        return _failed(asyncio.CancelledError("The handler was cancelled."))
    error = task.exception()
    if isinstance(error, RuntimeError) and str(error).startswith(_OF_ANOTHER_LIBRARY):
        explained = NotOfAsyncio(
            "An async handler awaited something that is not asyncio's, such as trio.sleep(). Async targets run on"
            " asyncio: await functions of asyncio or anyio, or use a sync handler that calls trio.run()."
        )
        explained.__cause__ = error
        return _failed(explained)
    return task.result() if error is None else _failed(error)


def _failed(error: BaseException) -> Answer:
    return Answer(response(500), exception=error)
