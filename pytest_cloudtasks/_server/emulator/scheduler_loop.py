"""The emulator's scheduler loop: it dispatches tasks by the wall clock, as real requests.

One asyncio event loop owns the simulation. It runs the endpoints, which answer calls one after another, the scheduler
loop, the deliveries and the time jumps. So no change of the model is half done when other code looks at it. Nothing
here may be used from another thread, so nothing takes a lock.

`SchedulerLoop.run` dispatches what is due. Then it sleeps until the service's next dispatch is due or until something
wakes it: a call that makes something due earlier, or the answer of a delivery. It never polls. Whoever waits for a
state, such as `/control/wait` or a jump, leaves a condition with `until`; the loop checks the conditions each time it
has dispatched what is due.

An attempt has three steps: the service begins it (`_dispatch_due`), an asyncio task sends the request (`_deliver`),
and the service gets the answer at the instant at which it arrives (`_take`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..._clients.identity.tokens import authorization_for
from ..._messages.grpc_errors import InProcessRpcError
from ..._messages.rpc_call import IncomingCall
from ..._service.events import Event
from ..._service.queue import Queue
from ..._service.task import NO_RESPONSE, Attempt, OutcomeKind
from ..._simulation.settings import Settings
from ..._simulation.simulation import Simulation
from ..._targets.answers import Answer
from ..._targets.redirects import retry_at
from ..._targets.request import TargetRequest
from ..._time.clock import WallClock
from ..._units import SECOND
from .log import Log
from .page.recent import Recent
from .sender import Sender, Sent

_AT_ONCE = 100
"""Dispatches that are begun before answers and calls get their turn."""
_CALLS_KEPT = 1_000
"""How many of the latest calls the timeline has. What the service did is kept until a reset."""
_SHOWN = 2_000
"""Of how many of the latest attempts requests and responses are kept for the page."""
Condition = Callable[[], bool]


class SchedulerLoop:
    """Dispatches a simulation's tasks by the wall clock. It receives the calls of both endpoints."""

    def __init__(self, settings: Settings, sender: Sender, log: Log) -> None:
        self._settings = settings
        self._sender = sender
        self._log = log
        self.begun = 0
        """Attempts whose requests went out, since the emulator began."""
        self.diagnostics: dict[Attempt, str] = {}
        """Why attempts of this simulation had no answer."""
        self.clock = WallClock()
        self.simulation = self._new_simulation()
        self._logged = len(self.simulation.history)
        """Up to which position of the history the log has events; what is there from the start needs no line."""
        self._deliveries: dict[asyncio.Task[None], Attempt] = {}
        self._waiting: list[tuple[Condition, asyncio.Future[None]]] = []
        self._woken = asyncio.Event()
        self._sleeps_until: int | None = None
        """The instant at which the loop goes on, if nobody wakes it."""
        self._is_stopping = False

    # --- calls ---------------------------------------------------------------------------------------------------

    def receive(self, call: IncomingCall) -> Any:
        """Return the response to a call that has come over the wire, or raise its error."""
        with self._changing():
            try:
                return self.simulation.receive(call)
            except InProcessRpcError:
                self._log.rejection(call, self.clock.now)
                raise

    def observe(self) -> int:
        """Return the queue's instant; expirations and purges that were due by then have taken effect."""
        now = self.simulation.contact()
        self.simulation.service.scheduler.remove_due(now)
        return now

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Log what happens to the simulation in the block, and wake the loop if it has to look."""
        try:
            yield
        finally:
            self._log_events()
            if self._has_to_look:
                self.wake()

    @property
    def _has_to_look(self) -> bool:
        """Whether the loop has to look: a task for later than it sleeps makes no difference to it."""
        coming = self.simulation.service.scheduler.upcoming()
        is_earlier = coming is not None and (self._sleeps_until is None or coming.at < self._sleeps_until)
        return is_earlier or bool(self._waiting)

    def wake(self) -> None:
        """Let the loop look what there is to do."""
        self._woken.set()

    # --- dispatching -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Dispatch what is due when it is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            seconds = self._dispatch_due()
            self._log_events()
            self._look_after_waiting()
            timer = None if seconds is None else loop.call_later(seconds, self._woken.set)
            await self._woken.wait()
            if timer is not None:
                timer.cancel()

    def _dispatch_due(self) -> float | None:
        """Begin what is due. Return the seconds until there is more to do, None if nothing is to come."""
        now = self.observe()
        scheduler = self.simulation.service.scheduler
        for _ in range(_AT_ONCE):
            self._sleeps_until = None
            coming = scheduler.upcoming()
            if coming is None or self._is_stopping:
                return None
            if coming.at > now:
                if self.clock.is_held:
                    return None
                self._sleeps_until = coming.at
                return (coming.at - now) / SECOND
            attempt = scheduler.proceed(coming, now)
            if attempt.outcome is None:
                self._begin(attempt)
        return 0

    def _begin(self, attempt: Attempt) -> None:
        # Whoever verifies the token does it by the wall's clock, wherever the queue has jumped to.
        self.begun += 1
        authorization = authorization_for(attempt.target, WallClock.wall_now())
        request = TargetRequest(attempt, authorization)
        self.simulation.history.requests[attempt] = request
        delivery = asyncio.create_task(self._deliver(attempt, request))
        self._deliveries[delivery] = attempt
        delivery.add_done_callback(self._delivered)

    async def _deliver(self, attempt: Attempt, request: TargetRequest) -> None:
        simulation = self.simulation
        try:
            sent = await self._sender.send(request, attempt.task.deadline_in_force / SECOND)
        except Exception as error:  # whatever it is, the attempt has to come to an end
            sent = Sent(NO_RESPONSE, diagnostic=f"{request.url} could not be asked: {error!r}")
        with self._changing():
            if simulation is self.simulation:
                self._take(attempt, sent)

    def _take(self, attempt: Attempt, sent: Sent) -> None:
        now = self.observe()
        at = attempt.deadline if sent.outcome.kind is OutcomeKind.DEADLINE_EXCEEDED else now
        outcome = sent.outcome
        if self._settings.service.honour_retry_after:
            outcome = replace(outcome, retry_at=retry_at(sent.headers, at))
        if sent.diagnostic:
            self.diagnostics[attempt] = sent.diagnostic
        self.simulation.history.answers[attempt] = Answer(outcome, sent.headers, sent.body)
        self.simulation.service.scheduler.answer(attempt, outcome, at, now)

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        del self._deliveries[delivery]
        self.wake()

    def _log_events(self) -> None:
        """Log what has happened since the last time."""
        history = self.simulation.history
        for event in history.events(self._logged):
            self._log.event(event, self._new_diagnostic(event))
        self._logged = len(history)

    def _new_diagnostic(self, event: Event) -> str:
        """Return the diagnostic of the event's attempt, unless the attempt before it has the same one."""
        attempt = event.attempt
        diagnostic = "" if attempt is None else self.diagnostics.get(attempt, "")
        if attempt is None or not diagnostic or attempt.number == 1:
            return diagnostic
        attempts = attempt.task.attempts
        return "" if self.diagnostics.get(attempts[attempt.number - 2]) == diagnostic else diagnostic

    def say(self, text: str) -> None:
        """Log what the server says of itself."""
        self._log.line(text, self.observe())

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

    def _look_after_waiting(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def is_idle(self, only: str | None = None) -> bool:
        """Whether no attempt is under way, and none is due in a queue that runs; ``only`` is a queue's full name."""
        now = self.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return not any(_is_due(queue, now) for queue in self._queues(only))

    def is_empty(self, only: str | None = None) -> bool:
        """Whether nothing more happens by itself: no attempt is under way, and none will come."""
        self.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return all(queue.next_dispatch() is None for queue in self._queues(only))

    def is_quiet(self) -> bool:
        """Whether nothing more happens at this instant."""
        now = self.observe()
        coming = self.simulation.service.scheduler.upcoming()
        return not self._deliveries and (coming is None or coming.at > now)

    def under_way(self) -> list[Attempt]:
        """Return the attempts whose requests are out."""
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
            self.clock = self.clock.again()
            self.simulation = self._new_simulation()
            self.diagnostics = {}
            self._logged = len(self.simulation.history)
            self.say("reset: queues are as at the start, and tasks are gone")
        await self.break_off()

    def _new_simulation(self) -> Simulation:
        simulation = Simulation(self._settings, clock=self.clock)
        simulation.history.calls_kept = _CALLS_KEPT
        simulation.history.requests, simulation.history.answers = Recent(_SHOWN), Recent(_SHOWN)
        simulation.contact()
        return simulation

    async def end(self, seconds: float) -> None:
        """Dispatch no more, and wait ``seconds`` for the deliveries under way."""
        self._is_stopping = True
        if self._deliveries:
            await asyncio.wait(list(self._deliveries), timeout=seconds)

    async def break_off(self) -> int:
        """Cancel the deliveries that are left, and return how many they were."""
        left = list(self._deliveries)
        for delivery in left:
            delivery.cancel()
        if left:
            await asyncio.wait(left)
        return len(left)


def _is_due(queue: Queue, now: int) -> bool:
    plan = queue.next_dispatch()
    return plan is not None and plan[1].eligible_at <= now
