"""Planned faults: which calls and deliveries they happen to, and what they do to them.

`_api/faults.py` makes the plans. The simulation asks them about each call, the driver about each delivery, and the
service's scheduler about each task that is put in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .._messages.errors import DEADLINE, RpcFault
from .._service.scheduler import DispatchOrder
from .._service.task import NO_RESPONSE, Attempt, Outcome, OutcomeKind, Task
from .._targets.base import Target
from .._targets.request import TargetRequest
from .._text import counted
from .delivery import Handler
from .formatting import duration_text
from .random_choices import Choices

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError
    from .._messages.rpc_call import RpcCall
    from .simulation import Simulation


class Fault(Enum):
    """What a plan does, by the method that makes it."""

    FAIL_RPC = "fail_rpc"
    LOSE_RESPONSE = "lose_rpc_response"
    DELIVER_TWICE = "deliver_twice"
    LOSE_ANSWER = "lose_handler_response"
    DELAY_DISPATCH = "delay_dispatch"


class Occasions(NamedTuple):
    """To which of the calls or deliveries that match a plan applies."""

    times: int | None
    """How often in all; None for every time."""
    after: int
    """How many pass before."""
    rate: float | None
    """How probable it is each time; None for certain."""


class FaultPlan:
    """A fault that is planned. It ends by itself when it has happened as often as it was to, or by `stop`.

    As a context manager it ends with its block.
    """

    def __init__(
        self,
        fault: Fault,
        given: str,
        applies: Callable[[Any], bool],
        occasions: Occasions,
        *,
        rpc_fault: RpcFault | None = None,
        delay: int = 0,
        queue: str | None = None,
    ) -> None:
        """``given`` are the arguments as a message shows them."""
        self.hits = 0
        """How often the fault has happened."""
        self.fault = fault
        self.rpc_fault = rpc_fault
        self.delay = delay
        self.queue = queue
        """The queue that it names."""
        self.error: Exception | None = None
        """What the user's predicate raised last."""
        self.name = ""
        """What it is called in the choices that it leaves to chance."""
        self._given = given
        self._applies = applies
        self._occasions = occasions
        self._passed = 0
        self._stopped = False
        self._has_hit = False
        """Whether it ever has, in whatever example."""

    def stop(self) -> None:
        """End the plan. What has happened stays as it is."""
        self._stopped = True

    @property
    def is_over(self) -> bool:
        """Whether the fault will not happen any more."""
        return self._stopped or self.hits == self._occasions.times

    @property
    def is_unused(self) -> bool:
        """Whether it has never happened although it could not be a matter of chance."""
        return not self._has_hit and self._occasions.rate is None

    def takes(self, subject: Any, choices: Choices, about: str = "") -> bool:
        """Whether the fault happens to ``subject``.

        ``about`` tells apart subjects whose chances are to be independent of each other.
        """
        if self.is_over or not self._fits(subject):
            return False
        if self._passed < self._occasions.after:
            self._passed += 1
            return False
        rate = self._occasions.rate
        of = (subject.dispatch_count, subject.sequence) if isinstance(subject, Task) else None
        if rate is not None and not choices.chance(rate, f"{self.name} {about}".strip(), of):
            return False
        self.hits += 1
        self._has_hit = True
        return True

    def _fits(self, subject: Any) -> bool:
        """Whether the plan is about ``subject``; not if its predicate raises, as one for other calls may."""
        try:
            return self._applies(subject)
        except Exception as error:
            self.error = error
            return False

    def delay_by(self, choices: Choices) -> int:
        """How long (nanoseconds) it holds back what it has taken."""
        return self.delay

    def snapshot(self) -> Callable[[], None]:
        """What brings the plan back to where it is now."""
        hits, passed, stopped = self.hits, self._passed, self._stopped

        def back() -> None:
            self.hits, self._passed, self._stopped = hits, passed, stopped

        return back

    def describe(self) -> str:
        """The call that made it."""
        return f"{self.fault.value}({self._given})"

    def __enter__(self) -> FaultPlan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        happened = f"has happened {counted(self.hits, 'time')}" if self.hits else "has not happened"
        return f"<{self.describe()} {happened}{' and is over' if self.is_over else ''}>"


class Plans:
    """All plans of a test, in the order in which they were made."""

    def __init__(self, plans: Iterable[FaultPlan] = ()) -> None:
        self._plans = list(plans)
        self.are_there = bool(self._plans)
        """Whether there are any: that is asked for every call and every delivery, and mostly there are none."""

    def add(self, plan: FaultPlan) -> FaultPlan:
        """From now on ``plan`` is asked, too."""
        plan.name = f"{plan.fault.value} {sum(one.fault is plan.fault for one in self._plans) + 1}"
        self._plans.append(plan)
        self.are_there = True
        return plan

    def __iter__(self) -> Iterator[FaultPlan]:
        return iter(self._plans)

    def taking(self, fault: Fault, subject: Any, choices: Choices, about: str = "") -> FaultPlan | None:
        """The first plan by which ``fault`` happens to ``subject``; the later ones don't see it then."""
        if not self._plans:
            return None
        mine = (plan for plan in self._plans if plan.fault is fault)
        return next((plan for plan in mine if plan.takes(subject, choices, about)), None)

    def snapshot(self) -> Callable[[], Plans]:
        """What gives these plans as they are now, each time anew; those that were made since are left out."""
        plans = list(self._plans)
        restore = [plan.snapshot() for plan in plans]

        def again() -> Plans:
            for back in restore:
                back()
            return Plans(plans)

        return again


def failure_of(call: RpcCall, simulation: Simulation) -> InProcessRpcError | None:
    """The error that ``call`` gets in place of an answer, if a plan says so; it never reaches the service."""
    plan = simulation.plans.taking(Fault.FAIL_RPC, call, simulation.choices, call.method)
    if plan is None or plan.rpc_fault is None:
        return None
    simulation.note(f"{call.method} → {plan.rpc_fault.code} by {Fault.FAIL_RPC.value}()")
    return plan.rpc_fault.error(simulation.randomness.jitter)


def loss_of(call: RpcCall, simulation: Simulation) -> InProcessRpcError | None:
    """The error that the caller sees although ``call`` has taken effect, if a plan says so."""
    if simulation.plans.taking(Fault.LOSE_RESPONSE, call, simulation.choices, call.method) is None:
        return None
    simulation.note(f"{call.method} → {DEADLINE.code} by {Fault.LOSE_RESPONSE.value}(), after it took effect")
    return DEADLINE.error(simulation.randomness.jitter)


def second_delivery(
    simulation: Simulation, attempt: Attempt, target: Target, authorization: str | None
) -> Handler | None:
    """The handler of a second delivery of ``attempt``, which ``target`` has just had, if a plan says so."""
    if simulation.plans.taking(Fault.DELIVER_TWICE, attempt.task, simulation.choices) is None:
        return None
    target = simulation.targets.find_for(attempt.task, attempt.target) or target  # the script of a route may have ended
    handler = Handler(attempt, target, TargetRequest(attempt, authorization))
    handler.is_second = True
    return handler


def note_second_delivery(simulation: Simulation, handler: Handler) -> None:
    """A second delivery has been answered, or its handler sleeps, and is put to where it wakes."""
    attempt, again = handler.attempt, f"attempt {handler.attempt.number} delivered a second time"
    if handler.answer is not None:
        simulation.note(f"{again} → {handler.answer.outcome.result}", attempt.task)
        return
    at = handler.wakes_at
    assert at is not None, "a handler that has not answered sleeps"
    simulation.sleepers.put(handler, at, (attempt.task.sequence, attempt.number))
    if not handler.is_told:
        simulation.note(again, attempt.task)
        handler.is_told = True


def arrived(simulation: Simulation, attempt: Attempt, outcome: Outcome) -> Outcome:
    """What the service gets to see of an answer: the outcome, or none where a plan says that the answer is lost.

    The connection ends at the instant at which the answer would have come. Evidence: our choice; that an attempt
    without a response is retried is documented.
    """
    if outcome.kind is not OutcomeKind.RESPONSE:
        return outcome
    if simulation.plans.taking(Fault.LOSE_ANSWER, attempt.task, simulation.choices) is None:
        return outcome
    return Outcome(NO_RESPONSE.kind, lost_status=outcome.http_status)


class PlannedOrder(DispatchOrder):
    """Asks a simulation's choices for order, and its plans for delays."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.picks = simulation.choices.picks
        self.is_shuffled = self.picks or simulation.settings.order == "shuffle"

    def delay(self, task: Task) -> int:
        """Return the delay that a plan has for ``task``."""
        simulation = self._simulation
        if not simulation.plans.are_there:
            return 0
        plan = simulation.plans.taking(Fault.DELAY_DISPATCH, task, simulation.choices)
        return 0 if plan is None else _delay(simulation, plan, task)

    def rank(self, task: Task) -> int:
        """Return a random rank where the order is shuffled beforehand."""
        return 0 if self.picks else self._rank("order", task)

    def pick(self, ready: Sequence[Task]) -> int:
        """Pick any of ``ready``, by the simulation's choices."""
        return self._simulation.choices.pick(len(ready), "order")

    def rank_in_listings(self, task: Task) -> int:
        """A random rank where the order is shuffled."""
        return self._rank("listing", task) if self.is_shuffled else 0

    def _rank(self, what: str, task: Task) -> int:
        return self._simulation.choices.rank(f"{what} of {task.queue_name}") if self.is_shuffled else 0

    def __deepcopy__(self, memo: dict[int, Any]) -> DispatchOrder:
        """A copy of the service is another simulation's, which has an order of its own."""
        return DispatchOrder()


def hold_back_waiting(simulation: Simulation, plan: FaultPlan) -> None:
    """Apply a new plan to the tasks that wait already, in the order of their creation."""
    waiting = (task for queue in simulation.service.queues.values() for task in queue.waiting if not task.delay)
    for task in sorted(waiting, key=lambda task: task.sequence):
        if plan.takes(task, simulation.choices):
            queue = simulation.service.queues[task.queue_name]
            simulation.service.scheduler.hold_back(queue, task, _delay(simulation, plan, task), simulation.clock.now)


def _delay(simulation: Simulation, plan: FaultPlan, task: Task) -> int:
    """How long after its schedule time ``task`` goes by ``plan``, which has taken it."""
    delay = plan.delay_by(simulation.choices)
    simulation.note(f"held back by {duration_text(delay)}", task)
    return max(task.schedule_time, simulation.clock.now) + delay - task.schedule_time
