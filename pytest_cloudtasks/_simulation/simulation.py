"""The simulation of one test: its state, and how it answers calls, begins and ends.

Theory of operation. A simulation holds the parts of a test: the settings, the clock, the service, the targets, the
faults, and the history, which records everything. Clients reach it through the router (`receive`, `receive_async`); the
driver, the assertions and the report work on its parts.

A call passes `_answer`, within one hold of the lock, in this order: the queue's instant catches up with the
application's time (`contact`), due removals happen, and the call is recorded, so that it precedes the events that it
causes. A planned fault may answer instead of the service. Otherwise the frontend of the call's API version answers, and
a second kind of fault may lose its response. Lints inspect the call last. With eager dispatch, the new tasks are
delivered after the lock is released, before the caller gets the response.

Time begins when the simulation is first used, not when it is created, and only then are the queues of the settings
created (`_begin`). A clock that the application moves is followed (`_accept_jump`); backwards only while nothing waits.

Errors that application code may swallow are kept in `failures` and `ending`, and fail the test at its end.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .._clients.identity.account import Identity
from .._clients.router import router
from .._clients.unawaited import unawaited_calls
from .._messages import api_versions
from .._messages.rpc_call import IncomingCall
from .._service.errors import ServiceError
from .._service.queue import Queue
from .._service.service import Service
from .._service.task import Task
from .._service.validation import is_queue
from .._targets.registry import Targets
from .._text import safe_repr, safe_str, shortened
from .._time.clock import Clock, ClockJump, Mode
from .._time.instants import to_datetime
from .driving.driving import Driving
from .driving.eager import dispatch_created, dispatch_created_async
from .exceptions import failure, failure_class
from .faults import PlannedFaults, PlannedOrder
from .fork_safety import forks
from .history import History, TimeBase
from .lookup import find_queue
from .random_choices import Choices, Randomness, SeededChoices
from .settings.settings import Settings
from .summary import Blocked, blocked, live_tasks

if TYPE_CHECKING:
    from .._clients.http.destinations import IdentityService
    from .._messages.grpc_errors import InProcessRpcError
    from .._messages.rest_http import RestRequest, RestResponse
    from .._messages.rpc_handlers import Frontend

_CREATING = frozenset({"create_task", "batch_create_tasks"})
_READING = ("get_", "list_", "test_")
"""Prefixes of the names of RPCs that change nothing."""


class Lints(Protocol):
    """Inspects each answered call: see `_diagnostics.lints`."""

    def look(self, service: Service, now: int, rpc: str, request: Any, before: int) -> None:
        """Inspect a call that was answered at ``now``; ``before`` tasks had been accepted until then."""

    texts: list[str]
    """The warnings, each with its place."""

    def resumed(self) -> Lints:
        """Return the lints of a Hypothesis example, which don't repeat another example's warnings."""


class SimulationEnded(RuntimeError):
    """A call came from another thread or process after its test was over."""


class Simulation:
    """A service, its clock, targets, faults and history: fresh for each test and each Hypothesis example.

    It is a backend of the router: intercepted calls come to `receive` and `receive_async` while it is entered.
    """

    def __init__(
        self,
        settings: Settings,
        test: str = "",
        clock: Clock | None = None,
        *,
        history: History | None = None,
        service: Service | None = None,
        faults: PlannedFaults | None = None,
        targets: Targets | None = None,
    ) -> None:
        """Set up a simulation. Parts that are not given are new."""
        self.settings = settings
        self.test = test
        self.fake: object = None
        """The `FakeCloudTasks` that users have."""
        self.randomness = Randomness(settings.seed, test)
        self.history = History(show_secrets=settings.show_secrets) if history is None else history
        self.service = service or Service(
            self.randomness.task_id, settings.service, settings.location, self.history.record
        )
        self.clock = clock or Clock(start=settings.start, virtual=settings.time == "virtual")
        self.faults = faults or PlannedFaults(SeededChoices(settings.seed, test), self.history, self.clock)
        self.targets = targets or Targets()
        self.failures: list[str] = []
        """Failures raised where application code may have swallowed them."""
        self.ending: BaseException | None = None
        """What ends the run, raised where application code may have swallowed it."""
        self.lock = self.history.lock
        self.driving = Driving(self.lock)
        self.generation = forks.generation
        self._order_dispatches()
        self.lints: Lints | None = None
        """What warns of calls that are probably mistakes."""
        self.is_eager = settings.eager
        """Whether a created task is dispatched before the call returns; blocks of ``eager()`` say so, too."""
        self.check_change: Callable[[str], None] = lambda what: None
        """Called before the test changes something, with what; raises where the change would be lost."""
        self.has_ended = False
        """Whether its test is over: a call that comes late must not hold time again."""

    def choose_by(self, choices: Choices) -> None:
        """Use ``choices`` for random choices from now on."""
        self.faults.choices = choices
        self._order_dispatches()

    def _order_dispatches(self) -> None:
        order = PlannedOrder(self.faults, shuffle=self.settings.order == "shuffle")
        self.service.scheduler.dispatch_order = order

    @property
    def choices(self) -> Choices:
        """The source of every random choice, except for task IDs and jitter."""
        return self.faults.choices

    def receive(self, call: IncomingCall) -> Any:
        """Answer an RPC of a sync client."""
        response, error, tasks = self._answer(call)
        for task in tasks:
            dispatch_created(self, task)
        if error is not None:
            raise error
        return response

    def receive_async(self, call: IncomingCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer an RPC of an asyncio client. Return the response, and an awaitable to await before it is delivered."""
        response, error, tasks = self._answer(call)
        if tasks:
            return response, self._dispatch_async(tasks, error)
        if error is not None:
            raise error
        return response, None

    async def _dispatch_async(self, tasks: Sequence[Task], error: InProcessRpcError | None) -> None:
        for task in tasks:
            await dispatch_created_async(self, task)
        if error is not None:
            raise error

    def _answer(self, call: IncomingCall) -> tuple[Any, InProcessRpcError | None, Sequence[Task]]:
        """Return the response, the error to raise, and the tasks to dispatch at once: see the head of the module.

        A call may have both a response and an error: it was lost on the way.
        """
        with self.lock:
            if self.has_ended:
                raise SimulationEnded(f"{call.method} was called after the test of its fake was over.")
            if not call.method.startswith(_READING):
                self.check_change(f"calls {call.method}()")
            now = self.contact()
            service, faults, history = self.service, self.faults, self.history
            service.scheduler.remove_due(now)
            accepted = service.accepted.count
            call.keep(now)
            history.record_call(call)
            begin = len(history)
            response, error = None, faults.failure_of(call, self.randomness.jitter) if faults.are_planned else None
            if error is None:
                try:
                    frontend = api_versions.speaking(call.api)
                    if call.is_firebase and call.method == "create_task":
                        from .._messages.rest import address_function  # loads REST's JSON, which few tests need

                        address_function(call.message, self.settings.firebase_functions)
                    if self.settings.auto_create_queues and call.method in _CREATING:
                        self._create_missing(now, call.message.parent, frontend.fields_of_missing_queue(call.message))
                    response = frontend.answer(service, now, call)
                except ServiceError as rejection:
                    from .._messages.grpc_errors import rpc_error  # imports grpc, which other calls don't need

                    error = rpc_error(rejection, self.randomness.jitter)
                else:
                    call.answer(response)
                    error = faults.loss_of(call, self.randomness.jitter) if faults.are_planned else None
            if error is not None:
                from .._clients.retry_waits import skipped_waits  # loads Google's retries, which only an error needs

                skipped_waits.install()
                call.error = error
            call.has_effect = len(history) > begin and (error is None or error.is_planned)
            message, call.message = call.message, None
            if self.lints is not None:
                self._look(call.method, message, accepted)
            if self.generation != forks.generation and service.accepted.count > accepted:
                forks.warn_of_copy(call.method)
            return response, error, service.accepted.since(accepted) if self.is_eager else ()

    def _look(self, rpc: str, request: Any, before: int) -> None:
        """Let the lints inspect a call. If a lint is an error, it fails the test even if it is swallowed."""
        assert self.lints is not None, "there are lints"
        try:
            self.lints.look(self.service, self.clock.now, rpc, request, before)
        except failure_class() as error:
            self.failures.append(str(error))
            raise

    def answer_identity(self, service: IdentityService, request: RestRequest) -> RestResponse | None:
        """Answer a request to an identity service, as Google does on Cloud Run; return None for other requests.

        Tokens are issued at the application's time, which also verifies them. Fetching one doesn't hold time.
        """
        from .._clients.identity import endpoints  # loads google.auth, which only tokens and keys need

        return endpoints.answer(service, request, self._identity, self.clock.application_now())

    @property
    def has_one_loop_for_a_client(self) -> bool:
        """Whether an asyncio client fails in another event loop than its own."""
        return self.settings.async_client_loops == "one"

    @property
    def _identity(self) -> Identity:
        return Identity(self.settings.project, self.settings.location)

    @property
    def application_default(self) -> Identity | None:
        """The identity whose credentials `google.auth` finds, whatever the machine has; None to let it search."""
        return self._identity if self.settings.google_auth else None

    @property
    def redirect_endpoints(self) -> Sequence[str]:
        """Addresses of clients whose calls the fake answers."""
        return self.settings.redirect_endpoints

    def _create_missing(self, now: int, name: str, fields: Mapping[str, Any]) -> None:
        if is_queue(name) and name not in self.service.queues:
            self.configure(self.service, now, name, fields)

    def check_queues(self) -> None:
        """Raise ValueError for queues that the service would reject, already when the fake is created."""
        trial = Service(self.randomness.task_id, self.settings.service)
        for name, fields in self.settings.queues.items():
            try:
                self.configure(trial, 0, self.settings.queue_name(name), fields)
            except (ServiceError, ValueError, TypeError) as error:
                text = f"The queue {safe_repr(name)} of the settings can't be created: {shortened(safe_str(error))}"
                if "<LOCATION_ID>" in text and "/" not in name:
                    full = self.settings.queue_name(name)
                    text += f" Its name would be {safe_repr(full)}: check the project and the location."
                raise ValueError(text) from None

    # --- beginning and ending ------------------------------------------------------------------------------------

    @contextmanager
    def entered(self) -> Iterator[Simulation]:
        """Receive intercepted calls until the block ends. Release time then."""
        unawaited_calls.install()
        router.enter(self)
        try:
            yield self
        finally:
            try:
                self.driving.end(self.targets)
            finally:
                router.leave(self)
                if self.history.calls():
                    for outer in router.backends:
                        if isinstance(outer, Simulation):
                            outer.history.has_inner_calls = True
                unawaited_calls.uninstall()
                with self.lock:
                    self.has_ended = True
                    self.clock.release()
                if router.backend is None:
                    _stop_skipping_waits()

    def snapshot(self) -> Callable[[], Simulation]:
        """Return a function that makes a copy of the current simulation for each example, and resets its targets."""
        state = copy.deepcopy((self.service, self.choices, self.history))
        back, faults = self.targets.snapshot(), self.faults.snapshot()

        def fresh() -> Simulation:
            back()
            service, choices, history = copy.deepcopy(state)
            clock = self.clock.resumed()
            simulation = Simulation(
                self.settings,
                self.test,
                clock,
                history=history,
                service=service,
                faults=faults(choices, history, clock),
                targets=self.targets,
            )
            simulation.is_eager = self.is_eager
            simulation.lints = None if self.lints is None else self.lints.resumed()
            return simulation

        return fresh

    # --- time ----------------------------------------------------------------------------------------------------

    def hold_time(self, *, whole_second: bool = True) -> None:
        """Hold time from here on. The queues of the settings exist from then on."""
        with self.lock:
            jump = self.clock.hold_time(whole_second=whole_second)
            self._begin()
            if jump is not None:
                self._accept_jump(jump)

    def let_time_go(self) -> None:
        """Let the application's time be real from now on, for good. The queue keeps its instant."""
        with self.lock:
            self.clock.release()

    def contact(self) -> int:
        """Move the queue's instant to the application's time. A fake that waits for its first use holds time now."""
        if self.clock.mode is Mode.ON_USE:
            self.hold_time(whole_second=False)
        elif not self.clock.has_started:
            self.clock.use()
            self._begin()
        jump = self.clock.observe()
        if jump is not None:
            self._accept_jump(jump)
        return self.clock.now

    def _begin(self) -> None:
        if self.history.has_begun:
            return  # it was used before, or continues from another's state with its queues
        self.history.record(TimeBase(self.clock.time_base, 0))
        for name, fields in self.settings.queues.items():
            self.configure(self.service, self.clock.now, self.settings.queue_name(name), fields)

    def _accept_jump(self, jump: ClockJump) -> None:
        is_busy = self.service.scheduler.awaits_answers or self.driving.sleepers.first() is not None
        waiting = self.service.has_live_tasks or is_busy
        if waiting and jump.now < jump.was:
            raise self.fail(_no_way_back(jump, "attempts are under way" if is_busy else "tasks are waiting"))
        is_reset = not waiting and (jump.is_new or jump.now < jump.was)
        if is_reset:
            self.service.clock_reset(jump.now - jump.was)
        self.clock.accept(jump, is_reset=is_reset)
        if is_reset:
            self.history.record(TimeBase(self.clock.time_base, self.clock.elapsed))

    # --- the service ---------------------------------------------------------------------------------------------

    @property
    def frontend(self) -> Frontend:
        """The frontend of v2. Its first use imports Google's client."""
        return api_versions.v2()

    def configure(self, service: Service, now: int, name: str, fields: Mapping[str, Any]) -> Queue:
        """Create a queue in ``service`` from the fields of its message, in the first version that has them all."""
        return api_versions.with_queue_fields(fields).configure(service, now, name, fields)

    @property
    def rpcs(self) -> Sequence[IncomingCall]:
        """The calls of clients, oldest first."""
        return self.history.calls()

    def live_tasks(self) -> list[Task]:
        """The tasks that are in the queues now, queue by queue."""
        return live_tasks(self.service, self.history)

    def blocked(self, counts: Callable[[Task], bool] | None = None) -> list[Blocked]:
        """Return the tasks that can't be dispatched now. Other threads may enqueue meanwhile."""
        return blocked(self.service, self.clock.now, self.history, counts)

    def queue_named(self, queue: str) -> str:
        """Return the full name of a queue that exists or existed in this test; raises LookupError for any other."""
        return find_queue(queue, self.settings, self.service, self.history)

    # --- failing -------------------------------------------------------------------------------------------------

    def fail(self, message: str) -> BaseException:
        """Return an exception to raise within application code. The test fails even if it is swallowed."""
        self.keep_failure(message)
        return failure(message)

    def keep_failure(self, message: str) -> None:
        """Fail the test at its end, once for each message."""
        if message not in self.failures:
            self.failures.append(message)

    @property
    def has_timeline(self) -> bool:
        """Whether the timeline has a line."""
        return not self.history.is_empty


def _stop_skipping_waits() -> None:
    module = sys.modules.get("pytest_cloudtasks._clients.retry_waits")
    if module is not None:
        module.skipped_waits.uninstall()


def _no_way_back(jump: ClockJump, what_is_there: str) -> str:
    """Return the error for a clock that shows an earlier instant than the queue's."""
    assert jump.clock is not None, "real time is never followed back"
    name = jump.clock.name
    shows, advice = "shows", "Freeze time before the first task is created, or move it forwards."
    if jump.instead_of is not None:
        shows = f"has taken over from {jump.instead_of} and shows"
        advice = (
            f"Hold time with one of the two in a test, or let {name} show the queue's instant or a later one when it"
            " takes over."
        )
    return (
        f"{name} {shows} {to_datetime(jump.now).isoformat()}, which is before the queue's"
        f" {to_datetime(jump.was).isoformat()}: {what_is_there}, which can't go back in time. {advice}"
    )
