"""The simulation of one test: its state, and how it answers calls, begins and ends."""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from .._clients.router import switchboard
from .._messages import api_versions as frontends
from .._messages.rpc_call import RpcCall
from .._service.errors import ServiceError
from .._service.service import Service
from .._service.task import Task
from .._service.validation import is_queue
from .._targets.asgi import in_a_loop
from .._text import safe_repr, safe_str, shortened
from .choices import Choices
from .delivery import Handler
from .dispatch_order import PlannedLineup
from .event_loop import OwnLoop
from .fork_safety import forks
from .lints import Lints
from .rpc_faults import failure_of, loss_of
from .settings import Settings
from .state import State

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError

_CREATING = frozenset({"create_task", "batch_create_tasks"})


class EagerRunners(NamedTuple):
    """How a created task is dispatched before the call returns, for the sync and for the asyncio client."""

    sync: Callable[[Simulation, Task], None]
    asynchronous: Callable[[Simulation, Task], Awaitable[None]]


class SimulationEnded(RuntimeError):
    """A call came, from another thread or process, when its test was over."""


class Simulation(State):
    """Everything that is fresh for each test and each Hypothesis example. It is a `switchboard` backend."""

    def __init__(self, settings: Settings, test: str = "") -> None:
        super().__init__(settings, test)
        self.service.dispatcher.lineup = PlannedLineup(self)
        self.lints = Lints()
        self.created: EagerRunners | None = None
        """What dispatches a created task before the call returns."""
        self.is_eager = settings.eager
        """Whether created tasks are dispatched so; the option ``eager`` and blocks of ``eager()`` say."""
        self.has_ended = False
        """Whether its test is over: a call that comes late must not hold time again."""
        self._own_loop: OwnLoop | None = None

    def choose_by(self, choices: Choices) -> None:
        """From now on random choices are ``choices``."""
        self.choices = choices
        self.service.dispatcher.lineup = PlannedLineup(self)

    def receive(self, call: RpcCall) -> Any:
        """Answer an RPC of a sync client."""
        response, error, tasks = self._answer(call)
        if self.created is not None:
            for task in tasks:
                self.created.sync(self, task)
        if error is not None:
            raise error
        return response

    def receive_async(self, call: RpcCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer an RPC of an asyncio client: the response, and what to await before it is given."""
        response, error, tasks = self._answer(call)
        if tasks and self.created is not None:
            return response, self._dispatch_async(tasks, self.created, error)
        if error is not None:
            raise error
        return response, None

    async def _dispatch_async(
        self, tasks: Sequence[Task], created: EagerRunners, error: InProcessRpcError | None
    ) -> None:
        for task in tasks:
            await created.asynchronous(self, task)
        if error is not None:
            raise error

    def _answer(self, call: RpcCall) -> tuple[Any, InProcessRpcError | None, Sequence[Task]]:
        """The response, the error to raise, and the tasks it has created, where they are to be dispatched at once."""
        with self.lock:
            if self.has_ended:
                raise SimulationEnded(f"{call.method} was called when the test that its fake belongs to was over.")
            now = self.contact()
            service, plans = self.service, self.plans
            service.dispatcher.observe(now)
            accepted = len(service.accepted)
            call.keep(len(service.events), len(self.notes), now - self.clock.origin)
            self.log.add(call)
            response, error = None, failure_of(call, self) if plans.are_there else None
            if error is None:
                response, error = self._do(call, now)
                if error is None:
                    call.answer(response)
                    error = loss_of(call, self) if plans.are_there else None
            if error is not None:
                from .._clients.retry_waits import skipped_waits

                skipped_waits.install()
                call.error = error
            call.is_told = len(self.notes) > call.note or (error is None and len(service.events) > call.event)
            message, call.message = call.message, None
            self.lints.look(self, call.method, message, accepted)
            if self.generation != forks.generation and len(service.accepted) > accepted:
                forks.warn_of_copy(call.method)
            return response, error, service.accepted[accepted:] if self.is_eager else ()

    def _do(self, call: RpcCall, now: int) -> tuple[Any, InProcessRpcError | None]:
        """Have the service do what ``call`` asks for: its response, or the error if it refuses."""
        try:
            frontend = frontends.speaking(call.api)
            if self.settings.auto_create_queues and call.method in _CREATING:
                self._create_missing(now, call.message.parent, frontend.fields_of_missing_queue(call.message))
            return frontend.answer(self.service, now, call), None
        except ServiceError as error:
            from .._messages.grpc_errors import rpc_error

            return None, rpc_error(error, self.randomness.jitter)

    @property
    def own_loop(self) -> OwnLoop:
        """The event loop in which sync verbs run async targets; made when it is first needed."""
        with self.lock:
            if self._own_loop is None:
                self._own_loop = OwnLoop()
            return self._own_loop

    def redirects(self, address: str) -> bool:
        """Whether the settings redirect channels to ``address``."""
        return address in self.settings.redirect_endpoints

    def _create_missing(self, now: int, name: str, fields: Mapping[str, Any]) -> None:
        if is_queue(name) and name not in self.service.queues:
            self.configure(self.service, now, name, fields)

    def check_queues(self) -> None:
        """Refuse queues that the service would refuse, when the fake is made rather than in mid-test."""
        trial = Service(self.randomness.task_id, self.settings.service)
        for name, fields in self.settings.queues.items():
            try:
                self.configure(trial, 0, self.settings.queue_name(name), fields)
            except (ServiceError, ValueError, TypeError) as error:
                raise ValueError(
                    f"The queue {safe_repr(name)} of the settings can't be created: {shortened(safe_str(error))}"
                ) from None

    # --- beginning and ending ------------------------------------------------------------------------------------

    @contextmanager
    def entered(self) -> Iterator[Simulation]:
        """Intercepted calls come here until the block ends, and time is released then."""
        undo: Callable[[], None] | None = None
        if self.settings.google_auth:
            from .._clients.default_credentials import anonymous_default

            undo = anonymous_default(self.settings.project)
        switchboard.enter(self)
        try:
            yield self
        finally:
            try:
                self._end_handlers()
            finally:
                switchboard.leave(self)
                with self.lock:
                    self.has_ended = True
                    self.clock.release()
                if undo is not None:
                    undo()
                if switchboard.backend is None:
                    _stop_skipping_waits()

    def _end_handlers(self) -> None:
        """Handlers that are still asleep never wake; applications see their shutdown, where a loop is left for it."""
        asleep = []
        while (sleeper := self.sleepers.first()) is not None:
            self.sleepers.remove(sleeper[1])
            sleeper[1].abandon()
            asleep.append(sleeper[1])
        if self._own_loop is None or not in_a_loop():
            self._end_loops(asleep)
        else:  # a thread can have one running loop, and this one has its own
            thread = threading.Thread(target=self._end_loops, args=(asleep,))
            thread.start()
            thread.join()

    def _end_loops(self, asleep: Sequence[Handler]) -> None:
        if self._own_loop is not None:
            for handler in asleep:
                self._own_loop.run(handler.ended())
        self.targets.close()
        if self._own_loop is not None:
            _close(self._own_loop.loop)
            self._own_loop = None

    def snapshot(self) -> Callable[[], Simulation]:
        """What makes simulations like this one is now, one for each example; its targets are wound back each time."""
        state, back, plans = copy.deepcopy((self.service, self.choices)), self.targets.snapshot(), self.plans.snapshot()

        def fresh() -> Simulation:
            back()
            simulation = Simulation(self.settings, self.test)
            simulation.service, simulation.choices = copy.deepcopy(state)
            simulation.service.dispatcher.lineup = PlannedLineup(simulation)
            simulation.is_eager = self.is_eager
            simulation.plans = plans()
            simulation.notes = list(self.notes)
            simulation.clock = self.clock.resumed()
            simulation.origins = list(self.origins)
            simulation.targets = self.targets
            simulation.attention = self.attention.copy()
            simulation.lints = self.lints.resumed()
            simulation.log = self.log.copy()
            return simulation

        return fresh


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in ``loop`` and close it, as asyncio.run() does."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _stop_skipping_waits() -> None:
    module = sys.modules.get("pytest_cloudtasks._clients.retry_waits")
    if module is not None:
        module.skipped_waits.uninstall()
