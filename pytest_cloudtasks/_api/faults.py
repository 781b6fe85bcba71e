"""What goes wrong: faults that a test plans, or leaves to an example of Hypothesis."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from .._arguments import checked_call, checked_flag, is_whole
from .._messages.errors import RpcFault, codes
from .._messages.rpc_call import IncomingCall
from .._simulation.faults import Fault, Occasions, PlannedFault
from .._simulation.formatting import shown
from .._simulation.matching.checks import UNSET
from .._simulation.matching.match import Match, MatchArguments
from .._simulation.random_choices import Choices, SeededChoices
from .._simulation.records import TaskRecord
from .._simulation.simulation import Simulation
from .._text import did_you_mean, error_text, listed, safe_repr
from .._time.instants import Duration, duration_of
from .._units import SECOND

if TYPE_CHECKING:
    import grpc
    from google.api_core.exceptions import GoogleAPICallError
    from hypothesis.strategies import DataObject
    from typing_extensions import Unpack

    Error = Union[GoogleAPICallError, type[GoogleAPICallError], grpc.StatusCode, str]

When = Callable[[Any], object]
"""A predicate on the request message of a call."""
_POSSIBLE = Occasions(times=None, after=0, rate=0.5)
"""What is drawn may happen to any delivery; Hypothesis doesn't ask how probable that is."""


class FaultPlan:
    """A planned fault. It ends when it has happened as often as planned, or with `stop`.

    As a context manager it ends with its block.
    """

    def __init__(self, plan: PlannedFault) -> None:
        self._plan = plan

    @property
    def hits(self) -> int:
        """The number of times that the fault has happened."""
        return self._plan.hits

    @property
    def is_over(self) -> bool:
        """Whether the fault cannot happen any more."""
        return self._plan.is_over

    @checked_call
    def stop(self) -> None:
        """End the plan. What has happened stays as it is."""
        self._plan.stop()

    def __enter__(self) -> FaultPlan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return repr(self._plan)


class Faults:
    """Plan what goes wrong, as it may in production: each method returns the plan, which counts what it did.

    ``times`` says how often the fault happens, once unless told otherwise, None for every time; ``after`` how many
    matching calls or deliveries pass before; ``rate`` how probable it is for each, as the test's seed has it, every
    time unless ``times`` says otherwise. Plans are asked in the order in which they were made.
    """

    @property
    def _simulation(self) -> Simulation:
        raise NotImplementedError

    @property
    def _resting(self) -> Simulation:
        raise NotImplementedError

    # --- calls ---------------------------------------------------------------------------------------------------

    @checked_call
    def fail_rpc(
        self,
        rpc: str,
        error: Error,
        *,
        times: int | None = UNSET,
        after: int = 0,
        rate: float | None = None,
        when: When | None = None,
    ) -> FaultPlan:
        """Let calls of ``rpc`` ("create_task", or "*" for all) fail with ``error``; the service sees nothing of them.

        ``error`` is an exception of google.api_core, its class, a grpc.StatusCode, or the name of one, such as
        "UNAVAILABLE". The caller gets Google's exception with that code and text, after the retries that its own
        policy makes. ``when`` gets the request message, and says whether the call counts. Evidence: documented (the
        codes, and which are retried); the texts of codes are reported.
        """
        fault = _error(error)
        given = f"{safe_repr(rpc)}, {fault.code}"
        return self._plan_for_rpc(Fault.FAIL_RPC, given, rpc, times, after, rate, when, fault)

    @checked_call
    def lose_rpc_response(
        self,
        rpc: str,
        *,
        times: int | None = UNSET,
        after: int = 0,
        rate: float | None = None,
        when: When | None = None,
    ) -> FaultPlan:
        """Let calls of ``rpc`` take effect while the caller sees DEADLINE_EXCEEDED.

        Calls that the service refuses don't count: they had no effect. With ``eager`` a created task is dispatched
        all the same, before the caller sees the error. Evidence: documented (a deadline says nothing about the
        effect); that the caller waits no time is our choice.
        """
        return self._plan_for_rpc(Fault.LOSE_RESPONSE, safe_repr(rpc), rpc, times, after, rate, when)

    def _plan_for_rpc(
        self,
        fault: Fault,
        given: str,
        rpc: str,
        times: int | None,
        after: int,
        rate: float | None,
        when: When | None,
        rpc_fault: RpcFault | None = None,
    ) -> FaultPlan:
        occasions = _occasions(fault, times, after, rate)
        simulation = self._simulation
        _check_rpc(rpc, fault, simulation.frontend.rpcs)
        if when is not None and not callable(when):
            raise TypeError(
                f"{fault.value}(when=…) takes a function of the request message, and got"
                f" {safe_repr(when)}. Pass one, such as"
                " lambda request: request.parent.endswith('/receipts')."
            )

        def applies(call: IncomingCall) -> bool:
            return rpc in ("*", call.method) and (when is None or operator.truth(when(call.request)))

        given += _occasions_text(occasions, times) + ("" if when is None else f", when={shown(when)}")
        plan = PlannedFault(fault, given, applies, occasions, rpc_fault=rpc_fault)
        return FaultPlan(simulation.faults.add(plan))

    # --- deliveries ----------------------------------------------------------------------------------------------

    @checked_call
    def deliver_twice(
        self, *, times: int | None = UNSET, after: int = 0, rate: float | None = None, **match: Unpack[MatchArguments]
    ) -> FaultPlan:
        """Let the request of a matching task reach its target a second time, right after the first.

        It is the same request, headers and all. The second answer changes nothing for the service; an exception in
        the handler fails the test as ever. The match is that of `assert_enqueued`. Evidence: documented (delivery is
        at least once); when the second one comes is our choice.
        """
        return FaultPlan(self._plan_for_tasks(Fault.DELIVER_TWICE, "", Match(**match), times, after, rate))

    @checked_call
    def lose_handler_response(
        self, *, times: int | None = UNSET, after: int = 0, rate: float | None = None, **match: Unpack[MatchArguments]
    ) -> FaultPlan:
        """Let the handler of a matching task do its work, and its answer be lost: the connection ends without it.

        The attempt fails as one without a response (UNKNOWN), at the instant at which the answer would have come, and
        the task comes again as its retry configuration says. The match is that of `assert_enqueued`. Evidence:
        documented (what is not answered is retried); that it is the connection that ends is our choice.
        """
        return FaultPlan(self._plan_for_tasks(Fault.LOSE_ANSWER, "", Match(**match), times, after, rate))

    @checked_call
    def delay_dispatch(
        self,
        by: Duration,
        *,
        times: int | None = UNSET,
        after: int = 0,
        rate: float | None = None,
        **match: Unpack[MatchArguments],
    ) -> FaultPlan:
        """Let a matching task wait ``by`` longer than its schedule time says, which stays as it is.

        It applies to tasks as they are scheduled for an attempt, a retry included, and to those that wait already. The
        limits of the queue come on top. The match is that of `assert_enqueued`. Evidence: documented (a dispatch may
        come late).

        Raises ValueError for a delay that ends beyond the year 9999.
        """
        nanoseconds = duration_of(by, what="delay_dispatch()", above_zero=True)
        self._simulation.clock.check_within(nanoseconds, what="delay_dispatch()")
        plan = self._plan_for_tasks(
            Fault.DELAY_DISPATCH, safe_repr(by), Match(**match), times, after, rate, nanoseconds
        )
        simulation = self._simulation
        with simulation.lock:
            simulation.faults.hold_back_waiting(plan, simulation.service)
        return FaultPlan(plan)

    def _plan_for_tasks(
        self,
        fault: Fault,
        given: str,
        match: Match,
        times: int | None,
        after: int,
        rate: float | None,
        delay: int = 0,
    ) -> PlannedFault:
        occasions = _occasions(fault, times, after, rate)
        match = match.possible()
        text = "".join(f", {name}={shown(value)}" for name, value in match.expected().items())
        given = f"{given}{_occasions_text(occasions, times)}{text}".removeprefix(", ")
        simulation = self._simulation

        def applies(task: Any) -> bool:
            return not match.differences(TaskRecord(task, simulation.history))

        queue = match.queue if isinstance(match.queue, str) else None
        return simulation.faults.add(PlannedFault(fault, given, applies, occasions, delay=delay, queue=queue))

    # --- choices of Hypothesis ---------------------------------------------------------------------------------------

    @checked_call
    def choose_from(
        self,
        data: DataObject,
        *,
        order: bool = True,
        duplicates: bool = True,
        lost_answers: bool = True,
        delays: Duration = timedelta(hours=1),
    ) -> None:
        """Let an example of Hypothesis choose what the service does; ``data`` is what ``st.data()`` gave the test.

        ``order``: which of several tasks that are due goes next, and where ListTasks has them. ``duplicates``: a
        delivery happens twice, as by `deliver_twice`. ``lost_answers``: an answer is lost, as by
        `lose_handler_response`. ``delays``: a dispatch is late, by whole seconds up to this, as by `delay_dispatch`;
        ``timedelta(0)`` for none. Faults that are planned at a rate are drawn, too. It shrinks to tasks that go in
        order, on time, once.

        Raises TypeError for what is no ``data`` or no bool, ValueError for ``delays`` that can't be, RuntimeError if
        this fake draws its choices already, or the example has ended. Evidence: documented (the service may do all of
        it); how late a dispatch may be is our choice.
        """
        _check_data(data)
        for name, flag in {"order": order, "duplicates": duplicates, "lost_answers": lost_answers}.items():
            checked_flag(f"choose_from({name}=…)", flag)
        longest = _longest(delays)
        simulation = self._resting
        simulation.clock.check_within(longest, what="choose_from(delays=…)")
        if not isinstance(simulation.choices, SeededChoices):
            raise RuntimeError(
                "choose_from() was called for a fake that draws its choices already, and a fake draws them from one"
                " example. Call it once in an example: on the cloud_tasks fixture, in a test that is under @given"
                " itself, or on a FakeCloudTasks that the example makes."
            )
        from .._strategies.hypothesis_choices import drawn_choices  # imports hypothesis, which few tests use

        picks = order or simulation.settings.order == "shuffle"
        drawn = {"order": picks, "duplicates": duplicates, "lost answers": lost_answers, "delays": longest}
        with simulation.lock:
            simulation.choose_by(
                drawn_choices(data, picks=picks, subjects=[what for what, is_on in drawn.items() if is_on])
            )
            if duplicates:
                simulation.faults.add(PlannedFault(Fault.DELIVER_TWICE, "", _any_task, _POSSIBLE))
            if lost_answers:
                simulation.faults.add(PlannedFault(Fault.LOSE_ANSWER, "", _any_task, _POSSIBLE))
            if longest:
                simulation.faults.hold_back_waiting(simulation.faults.add(AnyDelay(longest)), simulation.service)


def unused(simulation: Simulation) -> list[str]:
    """What to say of the plans that never happened although they were not left to chance."""
    return [_unused_text(plan, simulation) for plan in simulation.faults if plan.is_unused]


def _unused_text(plan: PlannedFault, simulation: Simulation) -> str:
    what = "call" if plan.fault in (Fault.FAIL_RPC, Fault.LOSE_RESPONSE) else "task"
    text = (
        f"{plan.describe()} was planned and never happened: no {what} matched, or too few did. Correct the plan, or"
        " leave it out."
    )
    if plan.error is not None:
        text += f" Its function when=… raised {error_text(plan.error)}"
    try:
        if plan.queue is not None:
            simulation.queue_named(plan.queue)
    except LookupError as error:
        return f"{text} {error}"
    return text


def _error(error: Any) -> RpcFault:
    from .._messages.grpc_errors import rpc_fault  # loads grpc: only when an error is planned

    fault = rpc_fault(error)
    if fault is not None:
        return fault
    known = listed(codes(), "or")
    if isinstance(error, str):
        raise ValueError(
            f"fail_rpc() knows no code {safe_repr(error)}.{did_you_mean(error.upper(), codes())} The codes are {known}."
        )
    raise TypeError(
        "fail_rpc() takes an exception of google.api_core.exceptions that stands for a gRPC code, such as"
        f" ServiceUnavailable, or a code, such as 'UNAVAILABLE', and got {safe_repr(error)}. The codes are {known}."
    )


def _check_rpc(rpc: Any, fault: Fault, known: Any) -> None:
    if not isinstance(rpc, str) or (rpc not in known and rpc != "*"):
        raise ValueError(
            f"{fault.value}() knows no RPC {safe_repr(rpc)}.{did_you_mean(rpc, known)} It takes"
            f" '*' for all of them, or one"
            f" of {listed(sorted(known))}."
        )


def _occasions(fault: Fault, times: int | None, after: int, rate: float | None) -> Occasions:
    """Checked; a plan without a rate applies once unless told otherwise."""
    if times is UNSET:
        times = 1 if rate is None else None
    if times is not None and (not is_whole(times) or times < 1):
        raise ValueError(
            f"{fault.value}(times=…) takes a number of 1 or more, or None for every time, and got {safe_repr(times)}."
        )
    if not is_whole(after) or after < 0:
        raise ValueError(f"{fault.value}(after=…) takes a number of 0 or more, and got {safe_repr(after)}.")
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if rate is not None and not (is_number and 0 <= rate <= 1):
        raise ValueError(
            f"{fault.value}(rate=…) takes a probability from 0 to 1, such as 0.1, and got {safe_repr(rate)}."
        )
    return Occasions(times, after, rate)


def _occasions_text(occasions: Occasions, times: Any) -> str:
    """What was said about the occasions, as a message shows it."""
    said = {
        "times": UNSET if times is UNSET else occasions.times,
        "after": occasions.after or UNSET,
        "rate": UNSET if occasions.rate is None else occasions.rate,
    }
    return "".join(f", {name}={safe_repr(value)}" for name, value in said.items() if value is not UNSET)


class AnyDelay(PlannedFault):
    """Holds tasks back by any number of seconds, up to ``longest`` (nanoseconds)."""

    def __init__(self, longest: int) -> None:
        super().__init__(Fault.DELAY_DISPATCH, "", _any_task, _POSSIBLE, delay=longest)

    def delay_by(self, choices: Choices) -> int:
        """Whole seconds, one at the least."""
        return choices.amount(self.delay // SECOND, f"{self.name} seconds") * SECOND


def _check_data(data: object) -> None:
    """Raise TypeError if ``data`` can't be an example's. Hypothesis need not be installed for that."""
    strategies = sys.modules.get("hypothesis.strategies")
    if strategies is None or not isinstance(data, strategies.DataObject):
        raise TypeError(
            f"choose_from() takes what st.data() of Hypothesis gives to a test, and got {safe_repr(data)}. Pass on the"
            " test's own argument, as in @given(data=st.data())."
        )


def _any_task(task: Any) -> bool:
    return True


def _longest(delays: Duration) -> int:
    longest = duration_of(delays, what="choose_from(delays=…)")
    if longest < SECOND and longest != 0:
        raise ValueError(
            "choose_from(delays=…) takes the longest delay, of a second or more, or timedelta(0) for none, and got"
            f" {safe_repr(delays)}."
        )
    return longest
