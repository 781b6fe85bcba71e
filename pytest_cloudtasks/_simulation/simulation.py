"""The simulation of one test: its parts, and how it begins, follows the clock and ends.

Theory of operation. A simulation holds the parts of a test: the settings, the clock, the service, the targets, the
faults, and the history, which records everything. Clients reach it through the router (`receive`, `receive_async`), and
`calls` answers them; the driver, the assertions and the report work on its parts.

Time begins when the simulation is first used, not when it is created, and only then are the queues of the settings
created (`_begin`). A clock that the application moves is followed (`_accept_jump`); backwards only while nothing waits.

Errors that application code may swallow are kept in `failures`, and fail the test at its end.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._clients.identity.account import Identity
from .._clients.router import router
from .._clients.unawaited import unawaited_calls
from .._messages import api_versions
from .._messages.rpc_call import IncomingCall
from .._service.errors import ServiceError
from .._service.service import Service
from .._service.task import Task
from .._targets.registry import Targets
from .._text import safe_repr, safe_str, shortened
from .._time.clock import Clock, ClockJump, Mode
from .._time.instants import to_datetime
from .calls import Lints, answer_call
from .driving.activities import Activities
from .driving.eager import dispatch_created, dispatch_created_async
from .exceptions import Failures
from .faults import PlannedFaults, PlannedOrder
from .history import History, TimeBase
from .lookup import find_queue
from .random_choices import Choices, Randomness
from .settings.settings import Settings

if TYPE_CHECKING:
    from .._clients.http.destinations import IdentityService
    from .._messages.grpc_errors import InProcessRpcError
    from .._messages.rest_http import RestRequest, RestResponse


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
        randomness: Randomness | None = None,
        history: History | None = None,
        service: Service | None = None,
        faults: PlannedFaults | None = None,
        targets: Targets | None = None,
    ) -> None:
        """Set up a simulation. Parts that are not given are new."""
        self.settings = settings
        self.randomness = randomness or Randomness(settings.seed, test)
        self.history = History(show_secrets=settings.show_secrets) if history is None else history
        self.service = service or Service(
            self.randomness.task_id, settings.service, settings.location, self.history.record
        )
        self.clock = clock or Clock(start=settings.start, virtual=settings.time == "virtual")
        self.faults = faults or PlannedFaults(self.randomness, self.history, self.clock)
        self.targets = targets or Targets()
        self.failures = Failures()
        self.lock = self.history.lock
        self.activities = Activities(self.lock, is_eager=settings.eager)
        self._order_dispatches()
        self.fake: object = None
        """The `FakeCloudTasks` that users have."""
        self.lints: Lints | None = None
        """What warns of calls that are probably mistakes."""
        self.check_change: Callable[[str], None] = lambda change: None
        """Called before the test changes something, with the change in words; raises where it would be lost."""
        self.has_ended = False
        """Whether its test is over: a call that comes late must not hold time again."""

    def choose_by(self, choices: Choices) -> None:
        """Use ``choices`` for random choices from now on."""
        self.randomness.choices = choices
        self._order_dispatches()

    def _order_dispatches(self) -> None:
        order = PlannedOrder(self.faults, shuffle=self.settings.order == "shuffle")
        self.service.scheduler.dispatch_order = order

    def queue_named(self, queue: str) -> str:
        """Return the full name of a queue that exists or existed in this test; raises LookupError for any other."""
        return find_queue(queue, self.settings, self.service, self.history)

    # --- the router's backend -------------------------------------------------------------------------------------

    def receive(self, call: IncomingCall) -> Any:
        """Answer an RPC of a sync client."""
        response, error, tasks = answer_call(self, call)
        for task in tasks:
            dispatch_created(self, task)
        if error is not None:
            raise error
        return response

    def receive_async(self, call: IncomingCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer an RPC of an asyncio client. Return the response, and an awaitable to await before it is delivered."""
        response, error, tasks = answer_call(self, call)
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

    def let_time_go(self) -> None:
        """Let the application's time be real from now on, for good. The queue keeps its instant."""
        with self.lock:
            self.clock.release()

    def keep_failure(self, message: str) -> None:
        """Fail the test at its end, with ``message``."""
        self.failures.keep(message)

    # --- beginning and ending ------------------------------------------------------------------------------------

    def check_queues(self) -> None:
        """Raise ValueError for queues that the service would reject, already when the fake is created."""
        trial = Service(self.randomness.task_id, self.settings.service)
        for name, fields in self.settings.queues.items():
            try:
                api_versions.configure_queue(trial, 0, self.settings.queue_name(name), fields)
            except (ServiceError, ValueError, TypeError) as error:
                text = f"The queue {safe_repr(name)} of the settings can't be created: {shortened(safe_str(error))}"
                if "<LOCATION_ID>" in text and "/" not in name:
                    full = self.settings.queue_name(name)
                    text += f" Its name would be {safe_repr(full)}: check the project and the location."
                raise ValueError(text) from None

    @contextmanager
    def entered(self) -> Iterator[Simulation]:
        """Receive intercepted calls until the block ends. Release time then."""
        unawaited_calls.install()
        router.enter(self)
        try:
            yield self
        finally:
            try:
                self.activities.end(self.targets)
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

    def snapshot(self) -> Callable[[], Simulation]:
        """Return a function that makes a copy of the current simulation for each example, and resets its targets."""
        state = copy.deepcopy((self.service, self.randomness, self.history))
        reset_targets, faults = self.targets.snapshot(), self.faults.snapshot()

        def fresh() -> Simulation:
            reset_targets()
            service, randomness, history = copy.deepcopy(state)
            clock = self.clock.resumed()
            simulation = Simulation(
                self.settings,
                clock=clock,
                randomness=randomness,
                history=history,
                service=service,
                faults=faults(randomness, history, clock),
                targets=self.targets,
            )
            simulation.activities.is_eager = self.activities.is_eager
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

    def catch_up(self) -> int:
        """Move the queue's instant to the application's time, and remove the tasks that are purged or too old by then.

        A fake that waits for its first use holds time now. Return the instant.
        """
        with self.lock:
            if self.clock.mode is Mode.ON_USE:
                self.hold_time(whole_second=False)
            elif not self.clock.has_started:
                self.clock.use()
                self._begin()
            jump = self.clock.observe()
            if jump is not None:
                self._accept_jump(jump)
            self.service.scheduler.remove_due(self.clock.now)
            return self.clock.now

    def _begin(self) -> None:
        if self.history.has_begun:
            return  # it was used before, or continues from another's state with its queues
        self.history.record(TimeBase(self.clock.time_base, 0))
        for name, fields in self.settings.queues.items():
            api_versions.configure_queue(self.service, self.clock.now, self.settings.queue_name(name), fields)

    def _accept_jump(self, jump: ClockJump) -> None:
        is_busy = self.service.scheduler.awaits_answers or self.activities.sleepers.first() is not None
        waiting = self.service.has_live_tasks or is_busy
        if waiting and jump.now < jump.was:
            raise self.failures.fail(_no_way_back(jump, "attempts are under way" if is_busy else "tasks are waiting"))
        is_reset = not waiting and (jump.is_new or jump.now < jump.was)
        if is_reset:
            self.service.clock_reset(jump.now - jump.was)
        self.clock.accept(jump, is_reset=is_reset)
        if is_reset:
            self.history.record(TimeBase(self.clock.time_base, self.clock.elapsed))


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
