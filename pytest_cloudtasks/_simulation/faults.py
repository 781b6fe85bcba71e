"""Planned faults: the calls and deliveries they apply to, and their effects.

`_api/faults.py` makes the plans. The simulation applies them to each call, the driver to each delivery, and the
service's scheduler to each task that is put in order.

A `PlannedFault` has a match and a number of times. The simulation checks it before a call reaches the service and after
the call took effect; the driver checks it after a delivery, and when a handler's response arrives. A fault that happens
is recorded in the history, unless it is an outcome of its attempt. Random faults ask `Choices` (`random_choices`) by
the name of the question: a stream for each name from the seed and the test's node ID, or an example of Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from .._messages.errors import DEADLINE, RpcFault
from .._service.scheduler import DispatchOrder
from .._service.task import NO_RESPONSE, Outcome, OutcomeKind, Task
from .._text import counted
from .._units import LATEST
from .formatting import duration_text
from .history import History, InjectedFault
from .random_choices import Choices, Randomness

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError
    from .._messages.rpc_call import IncomingCall
    from .._service.service import Service
    from .._time.clock import Clock


class Fault(Enum):
    """The kinds of faults, by the methods that plan them."""

    FAIL_RPC = "fail_rpc"
    LOSE_RESPONSE = "lose_rpc_response"
    DELIVER_TWICE = "deliver_twice"
    LOSE_ANSWER = "lose_handler_response"
    DELAY_DISPATCH = "delay_dispatch"


class Occasions(NamedTuple):
    """The matching calls or deliveries that a plan applies to."""

    times: int | None
    """The maximum number of times; None for every time."""
    after: int
    """The number of matches to skip first."""
    rate: float | None
    """The probability each time; None for certain."""


class PlannedFault:
    """A planned fault. It ends when it has happened as often as planned, or with `stop`."""

    def __init__(
        self,
        fault: Fault,
        arguments: str,
        applies: Callable[[Any], bool],
        occasions: Occasions,
        *,
        rpc_fault: RpcFault | None = None,
        delay: int = 0,
        queue: str | None = None,
    ) -> None:
        """Plan a fault. ``arguments`` are those of its method, for messages."""
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
        self._given = arguments
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
        """Whether it never happened although it did not depend on chance."""
        return not self._has_hit and self._occasions.rate is None

    def takes(self, subject: Any, choices: Choices, about: str = "") -> bool:
        """Return whether the fault happens to ``subject``.

        ``about`` distinguishes subjects whose chances are independent of each other.
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
        """Return whether the plan matches ``subject``.

        A predicate that raises, maybe because of another RPC, doesn't match.
        """
        try:
            return self._applies(subject)
        except Exception as error:
            self.error = error
            return False

    def delay_by(self, choices: Choices) -> int:
        """Return how long (nanoseconds) it delays a matching task."""
        return self.delay

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores the plan to its current state."""
        hits, passed, stopped = self.hits, self._passed, self._stopped

        def restore() -> None:
            self.hits, self._passed, self._stopped = hits, passed, stopped

        return restore

    def describe(self) -> str:
        """Return the call that made the plan."""
        return f"{self.fault.value}({self._given})"

    def __repr__(self) -> str:
        happened = f"has happened {counted(self.hits, 'time')}" if self.hits else "has not happened"
        return f"<{self.describe()} {happened}{' and is over' if self.is_over else ''}>"


class PlannedFaults:
    """The planned faults of a test, in order of planning, and their effects on calls and deliveries."""

    def __init__(
        self, randomness: Randomness, history: History, clock: Clock, plans: Iterable[PlannedFault] = ()
    ) -> None:
        self._randomness = randomness
        self._history = history
        self._clock = clock
        self._plans = list(plans)
        self.are_planned = bool(self._plans)
        """Whether there are any: that is asked for every call and every delivery, and mostly there are none."""

    def add(self, plan: PlannedFault) -> PlannedFault:
        """Apply ``plan``, too, from now on."""
        plan.name = f"{plan.fault.value} {sum(planned.fault is plan.fault for planned in self._plans) + 1}"
        self._plans.append(plan)
        self.are_planned = True
        return plan

    def drop_ended(self) -> None:
        """Drop the plans that will not apply any more."""
        self._plans = [plan for plan in self._plans if not plan.is_over]

    def __iter__(self) -> Iterator[PlannedFault]:
        return iter(self._plans)

    @property
    def choices(self) -> Choices:
        """What decides where a plan applies at a rate."""
        return self._randomness.choices

    def record(self, text: str, task: Task | None = None) -> None:
        """Record a fault that has happened in the history."""
        self._history.record(InjectedFault(self._clock.now, text, task))

    def _taking(self, fault: Fault, subject: Any, about: str = "") -> PlannedFault | None:
        """Return the first plan whose ``fault`` happens to ``subject``. Later plans don't count this subject."""
        if not self._plans:
            return None
        mine = (plan for plan in self._plans if plan.fault is fault)
        return next((plan for plan in mine if plan.takes(subject, self.choices, about)), None)

    # --- calls ---------------------------------------------------------------------------------------------------

    def failure_of(self, call: IncomingCall) -> InProcessRpcError | None:
        """Return the error of ``call``, if any. The call then never reaches the service."""
        plan = self._taking(Fault.FAIL_RPC, call, call.method)
        if plan is None or plan.rpc_fault is None:
            return None
        self.record(f"{call.method} → {plan.rpc_fault.code} by {Fault.FAIL_RPC.value}()")
        return self._error(plan.rpc_fault)

    def loss_of(self, call: IncomingCall) -> InProcessRpcError | None:
        """Return the error that the caller gets although ``call`` has taken effect, if any."""
        if self._taking(Fault.LOSE_RESPONSE, call, call.method) is None:
            return None
        self.record(f"{call.method} → {DEADLINE.code} by {Fault.LOSE_RESPONSE.value}(), after it took effect")
        return self._error(DEADLINE)

    def _error(self, fault: RpcFault) -> InProcessRpcError:
        """Return the error that the channel raises."""
        from .._messages.grpc_errors import planned_error  # loads grpc, which only a planned error needs

        return planned_error(fault, self._randomness.jitter)

    # --- deliveries ----------------------------------------------------------------------------------------------

    def are_two_deliveries(self, task: Task) -> bool:
        """Return whether the attempt is delivered a second time."""
        return self._taking(Fault.DELIVER_TWICE, task) is not None

    def outcome_of(self, task: Task, outcome: Outcome) -> Outcome:
        """Return the outcome of a handler's response for the service: no response if it is lost.

        The connection ends at the instant of the response. Evidence: our choice; that an attempt without a response is
        retried is documented.
        """
        if outcome.kind is not OutcomeKind.RESPONSE or self._taking(Fault.LOSE_ANSWER, task) is None:
            return outcome
        return Outcome(NO_RESPONSE.kind, lost_status=outcome.http_status)

    # --- dispatches ----------------------------------------------------------------------------------------------

    def delay_of(self, task: Task) -> int:
        """Return how long after its schedule time ``task``, which begins to wait, is eligible."""
        plan = self._taking(Fault.DELAY_DISPATCH, task)
        return 0 if plan is None else self._delay(plan, task)

    def hold_back_waiting(self, plan: PlannedFault, service: Service) -> None:
        """Apply a new plan to the tasks that already wait, in order of creation."""
        waiting = (task for queue in service.queues.values() for task in queue.waiting if not task.delay)
        for task in sorted(waiting, key=lambda task: task.sequence):
            if plan.takes(task, self.choices):
                queue, delay = service.queues[task.queue_name], self._delay(plan, task)
                service.scheduler.hold_back(queue, task, delay, self._clock.now)

    def _delay(self, plan: PlannedFault, task: Task) -> int:
        delay = plan.delay_by(self.choices)
        self.record(f"held back by {duration_text(delay)}", task)
        eligible_at = min(max(task.schedule_time, self._clock.now) + delay, LATEST)
        return eligible_at - task.schedule_time

    # --- examples ------------------------------------------------------------------------------------------------

    def snapshot(self) -> Callable[[Randomness, History, Clock], PlannedFaults]:
        """Return a function that makes a copy of the current faults, without plans made since."""
        plans = list(self._plans)
        restore = [plan.snapshot() for plan in plans]

        def again(randomness: Randomness, history: History, clock: Clock) -> PlannedFaults:
            for undo in restore:
                undo()
            return PlannedFaults(randomness, history, clock, plans)

        return again


class PlannedOrder(DispatchOrder):
    """The order of dispatches in a test: shuffled if the test asks for that, and with planned delays."""

    def __init__(self, faults: PlannedFaults, *, shuffle: bool) -> None:
        self._faults = faults
        self.picks = faults.choices.picks
        self.is_shuffled = self.picks or shuffle

    def delay(self, task: Task) -> int:
        """Return the planned delay of ``task``."""
        return self._faults.delay_of(task) if self._faults.are_planned else 0

    def rank(self, task: Task) -> int:
        """Return a random rank if the order is shuffled in advance."""
        return 0 if self.picks else self._rank("order", task)

    def pick(self, ready: Sequence[Task]) -> int:
        """Pick any of ``ready``, by a random choice."""
        return self._faults.choices.pick(len(ready), "order")

    def rank_in_listings(self, task: Task) -> int:
        """Return a random rank if the order is shuffled."""
        return self._rank("listing", task) if self.is_shuffled else 0

    def _rank(self, question: str, task: Task) -> int:
        return self._faults.choices.rank(f"{question} of {task.queue_name}") if self.is_shuffled else 0

    def __deepcopy__(self, memo: dict[int, Any]) -> DispatchOrder:
        """Return the default order. The copied service gets the order of its own simulation."""
        return DispatchOrder()
