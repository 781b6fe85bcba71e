"""The emulator's scheduler loop, which dispatches tasks by the wall clock as real requests.

One asyncio event loop owns the simulation. It runs the endpoints, which answer calls one after another, the scheduler
loop, the deliveries and the time jumps. So other code never sees the model in the middle of a change. Nothing here may
be used from another thread, so nothing takes a lock.

`SchedulerLoop.run` dispatches due tasks. Then it sleeps until the next dispatch is due or until something wakes it: a
call that makes a task due earlier, or the answer of a delivery. It never polls. Code that waits for a state, such as
`/control/wait` or a jump, passes a condition to `until`. The loop checks the conditions each time after it has
dispatched the due tasks.

An attempt has three steps: the service begins it (`_dispatch_due`), an asyncio task sends the request (`_deliver`),
and the service gets the answer at the instant of its arrival (`_take`).
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
from ..._simulation.settings.settings import Settings
from ..._simulation.simulation import Simulation
from ..._simulation.summary import Results
from ..._targets.answers import Answer
from ..._targets.redirects import retry_at
from ..._targets.request import TargetRequest
from ..._time.clock import WallClock
from ..._units import SECOND
from .bounds import ATTEMPTS, DIAGNOSTICS, Recent, bound, forget
from .log import Log
from .sender import Sender, Sent

_AT_ONCE = 100
"""Most attempts that begin before answers and calls are handled again."""
Condition = Callable[[], bool]


class SchedulerLoop:
    """Dispatches a simulation's tasks by the wall clock. It receives the calls of both endpoints."""

    def __init__(self, settings: Settings, sender: Sender, log: Log) -> None:
        self._settings = settings
        self._sender = sender
        self._log = log
        self.begun = 0
        """The number of attempts since the emulator's start."""
        self.results = Results()
        """The results of tasks and attempts since the emulator's start."""
        self.diagnostics: dict[Attempt, str] = Recent(DIAGNOSTICS)
        """The reasons why attempts of this simulation got no answer."""
        self.clock = WallClock()
        self.simulation = self._new_simulation()
        self._logged = len(self.simulation.history)
        """The position in the history up to which events are logged and counted.

        The queues of the settings need no line.
        """
        self._deliveries: dict[asyncio.Task[None], Attempt] = {}
        self._waiting: list[tuple[Condition, asyncio.Future[None]]] = []
        self._woken = asyncio.Event()
        self._sleeps_until: int | None = None
        """The instant at which the loop goes on if nothing wakes it earlier."""
        self._is_stopping = False

    # --- calls ---------------------------------------------------------------------------------------------------

    def receive(self, call: IncomingCall) -> Any:
        """Return the response to a call of either endpoint, or raise its error."""
        with self._changing():
            try:
                return self.simulation.receive(call)
            except InProcessRpcError:
                self._log.rejection(call, self.clock.now)
                raise

    def observe(self) -> int:
        """Apply due expirations and purges, and return the queue's instant."""
        now = self.simulation.catch_up()
        if len(self.simulation.history) > self._logged:
            self._log_events()
        return now

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Log the simulation's events in the block, and wake the loop if there is work for it."""
        try:
            yield
        finally:
            self._log_events()
            if self._has_to_look:
                self.wake()

    @property
    def _has_to_look(self) -> bool:
        """Return whether to wake the loop: it is not necessary for a task that is due later than it sleeps."""
        coming = self.simulation.service.scheduler.upcoming()
        is_earlier = coming is not None and (self._sleeps_until is None or coming.at < self._sleeps_until)
        return is_earlier or bool(self._waiting)

    def wake(self) -> None:
        """Make the loop check for due tasks and for conditions that hold."""
        self._woken.set()

    # --- dispatching -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Dispatch tasks when they are due, until cancelled."""
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
        """Begin due attempts. Return the seconds until the next one, None if there is none."""
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
        # A worker verifies the token by the wall clock, even if the queue's time has jumped ahead.
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
        except Exception as error:  # whatever it is, the attempt has to end
            sent = Sent(NO_RESPONSE, diagnostic=f"The request to {request.url} failed: {error!r}")
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
        self.simulation.service.scheduler.record_outcome(attempt, outcome, at, now)

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        del self._deliveries[delivery]
        self.wake()

    def _log_events(self) -> None:
        """Log and count the events since the last call, and forget the oldest ones."""
        history = self.simulation.history
        for event in history.events(self._logged):
            self.results.count(event)
            self._log.event(event, self._new_diagnostic(event))
            if event.attempt is not None:
                event.attempt.task.forget_attempts(ATTEMPTS)
        self._logged = len(history)
        forget(self.simulation)

    def _new_diagnostic(self, event: Event) -> str:
        """Return the diagnostic of the event's attempt, or none if the previous attempt has the same one."""
        attempt = event.attempt
        diagnostic = "" if attempt is None else self.diagnostics.get(attempt, "")
        if attempt is None or not diagnostic or attempt.number == 1:
            return diagnostic
        previous = (earlier for earlier in attempt.task.attempts if earlier.number == attempt.number - 1)
        return "" if any(self.diagnostics.get(earlier) == diagnostic for earlier in previous) else diagnostic

    def say(self, text: str) -> None:
        """Log a message about the emulator itself."""
        self._log.line(text, self.observe())

    # --- waiting -------------------------------------------------------------------------------------------------

    async def until(self, condition: Condition) -> None:
        """Wait until ``condition`` holds; the loop checks it after each change."""
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
        """Return whether no attempt is under way or due in a running queue; ``only`` is a queue's full name."""
        now = self.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return not any(_is_due(queue, now) for queue in self._queues(only))

    def is_empty(self, only: str | None = None) -> bool:
        """Return whether no attempt is under way, and none will come by itself."""
        self.observe()
        if self._under_way(only) or (only is None and self.simulation.service.scheduler.awaits_answers):
            return False
        return all(queue.next_dispatch() is None for queue in self._queues(only))

    def is_quiet(self) -> bool:
        """Return whether nothing more happens at the current instant."""
        now = self.observe()
        coming = self.simulation.service.scheduler.upcoming()
        return not self._deliveries and (coming is None or coming.at > now)

    def under_way(self) -> list[Attempt]:
        """Return the attempts that wait for their answers."""
        return list(self._deliveries.values())

    def _under_way(self, only: str | None) -> bool:
        return any(only in (None, attempt.queue.name) for attempt in self._deliveries.values())

    def _queues(self, only: str | None) -> list[Queue]:
        queues = self.simulation.service.queues
        return list(queues.values()) if only is None else [queues[only]] if only in queues else []

    # --- reset and end -------------------------------------------------------------------------------------------

    async def reset(self) -> None:
        """Start a new simulation that has only the queues of the settings; time goes on from where it is."""
        with self._changing():
            self.clock = self.clock.again()
            self.simulation = self._new_simulation()
            self.diagnostics = Recent(DIAGNOSTICS)
            self._logged = len(self.simulation.history)
            self.say("reset: removed all tasks, and all queues except those of the start")
        await self.break_off()

    def _new_simulation(self) -> Simulation:
        simulation = Simulation(self._settings, clock=self.clock)
        bound(simulation)
        simulation.catch_up()
        return simulation

    async def end(self, seconds: float) -> None:
        """Stop dispatching, and wait up to ``seconds`` for the deliveries under way."""
        self._is_stopping = True
        if self._deliveries:
            await asyncio.wait(list(self._deliveries), timeout=seconds)

    async def break_off(self) -> int:
        """Cancel the remaining deliveries, and return their number."""
        left = list(self._deliveries)
        for delivery in left:
            delivery.cancel()
        if left:
            await asyncio.wait(left)
        return len(left)


def _is_due(queue: Queue, now: int) -> bool:
    plan = queue.next_dispatch()
    return plan is not None and plan[1].eligible_at <= now
