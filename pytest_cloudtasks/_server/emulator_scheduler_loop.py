"""The pump: lets the model go on as the wall's clock does, and its deliveries be real requests.

One event loop owns the model: it runs the pump, the deliveries, the control endpoints, and every call, which
`emulator_calls.CallQueue` brings from the endpoints' threads. Nothing here may be used from another thread. The pump
never polls: it sleeps until the model's next instant, a call, or an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from .._clients.tokens import authorization_for
from .._messages.rpc_call import RpcCall
from .._service.events import Event
from .._service.queue import Queue
from .._service.task import NO_RESPONSE, Attempt, OutcomeKind
from .._simulation.settings import Settings
from .._targets.redirects import retry_at
from .._targets.request import TargetRequest
from .._time.clock import WallClock
from .._units import SECOND
from .emulator_log import Log
from .emulator_sender import Sender, Sent
from .emulator_simulation import EmulatorSimulation

_AT_ONCE = 100
"""Dispatches that are begun before answers and calls get their turn."""
Condition = Callable[[], bool]


class Pump:
    """What keeps a standing simulation going. It receives the calls of both endpoints."""

    def __init__(self, settings: Settings, sender: Sender, log: Log) -> None:
        self._settings = settings
        self._sender = sender
        self._log = log
        self._told = 0
        """How many events the log has; what there is from the start needs no line."""
        self.begun = 0
        """Attempts whose requests went out, since the server began."""
        self.simulation = self._new_simulation(WallClock())
        self._deliveries: dict[asyncio.Task[None], Attempt] = {}
        self._waiting: list[tuple[Condition, asyncio.Future[None]]] = []
        self._woken = asyncio.Event()
        self._sleeps_until: int | None = None
        """The instant at which the pump goes on, if nobody wakes it."""
        self._is_stopping = False

    # --- calls ---------------------------------------------------------------------------------------------------

    def receive(self, call: RpcCall) -> Any:
        """Return the response to a call that has come over the wire, or raise its error."""
        with self._changing():
            return self.simulation.receive(call)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Something may happen to the simulation in the block; what does is told, and the pump looks what follows."""
        try:
            yield
        finally:
            self._tell()
            if self._has_news:
                self.wake()

    @property
    def _has_news(self) -> bool:
        """Whether the pump has to look: a task for later than it sleeps makes no difference to it."""
        coming = self.simulation.service.scheduler.upcoming()
        is_earlier = coming is not None and (self._sleeps_until is None or coming.at < self._sleeps_until)
        return is_earlier or bool(self._waiting)

    def wake(self) -> None:
        """Let the pump look what there is to do."""
        self._woken.set()

    # --- pumping -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Dispatch what is due when it is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            seconds = self._dispatch_due()
            self._tell()
            self._look_after_waiting()
            timer = None if seconds is None else loop.call_later(seconds, self._woken.set)
            await self._woken.wait()
            if timer is not None:
                timer.cancel()

    def _dispatch_due(self) -> float | None:
        """Begin what is due; the seconds until there is more to do, None for as long as nothing happens."""
        simulation = self.simulation
        now = simulation.observe()
        scheduler = simulation.service.scheduler
        for _ in range(_AT_ONCE):
            self._sleeps_until = None
            coming = scheduler.upcoming()
            if coming is None or self._is_stopping:
                return None
            if coming.at > now:
                if simulation.wall.is_held:
                    return None
                self._sleeps_until = coming.at
                return (coming.at - now) / SECOND
            attempt = scheduler.proceed(coming, now)
            if attempt.outcome is None:
                self._begin(simulation, attempt)
        return 0

    def _begin(self, simulation: EmulatorSimulation, attempt: Attempt) -> None:
        # Whoever verifies the token does it by the wall's clock, wherever the queue has jumped to.
        self.begun += 1
        authorization = authorization_for(attempt.target, WallClock.on_the_wall())
        delivery = asyncio.create_task(self._deliver(simulation, attempt, TargetRequest(attempt, authorization)))
        self._deliveries[delivery] = attempt
        delivery.add_done_callback(self._delivered)

    async def _deliver(self, simulation: EmulatorSimulation, attempt: Attempt, request: TargetRequest) -> None:
        try:
            sent = await self._sender.send(request, attempt.task.deadline_in_force / SECOND)
        except Exception as error:  # whatever it is, the attempt has to come to an end
            sent = Sent(NO_RESPONSE, remark=f"{request.url} could not be asked: {error!r}")
        with self._changing():
            if simulation is self.simulation:
                self._take(simulation, attempt, sent)

    def _take(self, simulation: EmulatorSimulation, attempt: Attempt, sent: Sent) -> None:
        now = simulation.observe()
        at = attempt.deadline if sent.outcome.kind is OutcomeKind.DEADLINE_EXCEEDED else now
        outcome = sent.outcome
        if self._settings.service.honour_retry_after:
            outcome = replace(outcome, retry_at=retry_at(sent.headers, at))
        if sent.remark:
            simulation.remarks[attempt] = sent.remark
        simulation.service.scheduler.answer(attempt, outcome, at, now)

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        del self._deliveries[delivery]
        self.wake()

    def _tell(self) -> None:
        """Log what has happened since the last time."""
        simulation = self.simulation
        for event in simulation.service.events[self._told :]:
            self._log.event(event, _news(simulation, event))
        self._told = len(simulation.service.events)

    def say(self, text: str) -> None:
        """Log what the server says of itself."""
        self._log.line(text, self.simulation.observe())

    # --- waiting -------------------------------------------------------------------------------------------------

    async def until(self, condition: Condition) -> None:
        """Wait until ``condition`` holds; it is asked whenever something has happened."""
        future = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        self.wake()
        try:
            await future
        finally:
            self._waiting.remove(entry)

    @property
    def has_waiting(self) -> bool:
        """Whether somebody waits for a condition."""
        return bool(self._waiting)

    def _look_after_waiting(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def is_idle(self, only: str | None = None) -> bool:
        """Whether no attempt is under way, and none is due in a queue that runs; ``only`` is a queue's full name."""
        now = self.simulation.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return not any(_is_due(queue, now) for queue in self._queues(only))

    def is_empty(self, only: str | None = None) -> bool:
        """Whether nothing more happens by itself: no attempt is under way, and none will come."""
        self.simulation.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return all(queue.next_dispatch() is None for queue in self._queues(only))

    def is_quiet(self) -> bool:
        """Whether nothing more happens at this instant."""
        now = self.simulation.observe()
        coming = self.simulation.service.scheduler.upcoming()
        return not self._deliveries and (coming is None or coming.at > now)

    def under_way(self) -> list[Attempt]:
        """The attempts whose requests are out."""
        return list(self._deliveries.values())

    def _under_way(self, only: str | None) -> bool:
        return any(only in (None, attempt.queue.name) for attempt in self._deliveries.values())

    def _queues(self, only: str | None) -> list[Queue]:
        queues = self.simulation.service.queues
        return list(queues.values()) if only is None else [queues[only]] if only in queues else []

    # --- beginning anew, and the end -----------------------------------------------------------------------------

    async def reset(self) -> None:
        """Begin anew, with the queues of the settings and nothing else; time goes on where it is."""
        with self._changing():
            self.simulation = self._new_simulation(self.simulation.wall.again())
            self.say("reset: queues are as at the start, and tasks are gone")
        await self.break_off()

    def _new_simulation(self, clock: WallClock) -> EmulatorSimulation:
        simulation = EmulatorSimulation(self._settings, clock, self._log.refusal)
        simulation.contact()
        self._told = len(simulation.service.events)
        return simulation

    async def end(self, seconds: float) -> None:
        """Dispatch no more, and wait ``seconds`` for the deliveries under way."""
        self._is_stopping = True
        if self._deliveries:
            await asyncio.wait(list(self._deliveries), timeout=seconds)

    async def break_off(self) -> int:
        """End the deliveries that are left; how many they are."""
        left = list(self._deliveries)
        for delivery in left:
            delivery.cancel()
        if left:
            await asyncio.wait(left)
        return len(left)


def _news(simulation: EmulatorSimulation, event: Event) -> str:
    """What there is to say of an attempt, unless the one before has had the same said of it."""
    attempt = event.attempt
    remark = "" if attempt is None else simulation.remarks.get(attempt, "")
    if attempt is None or not remark or attempt.number == 1:
        return remark
    attempts = attempt.task.attempts
    return "" if simulation.remarks.get(attempts[attempt.number - 2]) == remark else remark


def _is_due(queue: Queue, now: int) -> bool:
    plan = queue.next_dispatch()
    return plan is not None and plan[1].eligible_at <= now
