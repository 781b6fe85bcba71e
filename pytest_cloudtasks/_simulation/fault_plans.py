"""Plans: which calls and deliveries a fault happens to. `faults` makes them, the simulation and its driver ask them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from types import TracebackType
from typing import Any, NamedTuple

from .._messages.errors import RpcFault
from .._service.task import Task
from .._text import counted
from .choices import Choices


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
