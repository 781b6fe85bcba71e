"""Faults that a test plans, or leaves to an example of Hypothesis."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from .._arguments import checked_call, checked_flag, is_whole
from .._attributes import NamesAttributes
from .._messages.errors import RpcFault, codes
from .._messages.rpc_call import IncomingCall
from .._service.validation import RPCS
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


class FaultPlan(NamesAttributes):
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
    """Faults that production may have. Each method returns a `FaultPlan`, which counts what it did.

    Plans are applied in the order in which they were made.
    """

    def _synced(self) -> Simulation:
        raise NotImplementedError

    @property
    def _active(self) -> Simulation:
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
        """Let calls of ``rpc`` fail with ``error``. The service sees nothing of them.

        The caller gets Google's exception with that code, after the retries of its own policy.

        Args:
            rpc: A method of the client, such as ``"create_task"``; ``"*"`` for all.
            error: An exception of google.api_core or its class, a ``grpc.StatusCode``, or the name of one, such as
                ``"UNAVAILABLE"``.
            times: How often it happens; None for every time. The default is 1, and None with a ``rate``.
            after: How many matching calls pass before.
            rate: The probability for each call, from 0 to 1. The test's seed decides.
            when: A predicate over the request message.

        Raises:
            ValueError: There is no such RPC or code, or a number is impossible.
            TypeError: A value has the wrong type.
        """
        fault = _error(error)
        arguments = f"{safe_repr(rpc)}, {fault.code}"
        return self._plan_for_rpc(Fault.FAIL_RPC, arguments, rpc, times, after, rate, when, fault)

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
        """Let calls of ``rpc`` take effect, and let the caller see DEADLINE_EXCEEDED.

        Calls that the service rejects don't count. With ``eager`` a created task is dispatched before the caller sees
        the error. No time passes.

        Args:
            rpc: A method of the client, such as ``"create_task"``; ``"*"`` for all.
            times: How often it happens; None for every time. The default is 1, and None with a ``rate``.
            after: How many matching calls pass before.
            rate: The probability for each call, from 0 to 1. The test's seed decides.
            when: A predicate over the request message.

        Raises:
            ValueError: There is no such RPC, or a number is impossible.
            TypeError: A value has the wrong type.
        """
        return self._plan_for_rpc(Fault.LOSE_RESPONSE, safe_repr(rpc), rpc, times, after, rate, when)

    def _plan_for_rpc(
        self,
        fault: Fault,
        arguments: str,
        rpc: str,
        times: int | None,
        after: int,
        rate: float | None,
        when: When | None,
        rpc_fault: RpcFault | None = None,
    ) -> FaultPlan:
        occasions = _occasions(fault, times, after, rate)
        simulation = self._synced()
        _check_rpc(rpc, fault)
        if when is not None and not callable(when):
            raise TypeError(
                f"{fault.value}(when=…) takes a function of the request message, but got"
                f" {safe_repr(when)}. Pass one, such as"
                " lambda request: request.parent.endswith('/receipts')."
            )

        def applies(call: IncomingCall) -> bool:
            return rpc in ("*", call.method) and (when is None or operator.truth(when(call.request)))

        arguments += _occasions_text(occasions, times) + ("" if when is None else f", when={shown(when)}")
        plan = PlannedFault(fault, arguments, applies, occasions, rpc_fault=rpc_fault)
        return FaultPlan(simulation.faults.add(plan))

    # --- deliveries ----------------------------------------------------------------------------------------------

    @checked_call
    def deliver_twice(
        self, *, times: int | None = UNSET, after: int = 0, rate: float | None = None, **match: Unpack[MatchArguments]
    ) -> FaultPlan:
        """Deliver the request of a matching task a second time, right after the first.

        It is the same request, with the same headers. The second answer changes nothing for the service. An exception
        in the handler fails the test as always.

        Args:
            times: How often it happens; None for every time. The default is 1, and None with a ``rate``.
            after: How many matching deliveries pass before.
            rate: The probability for each delivery, from 0 to 1. The test's seed decides.
            match: Which tasks; see `MatchArguments`.

        Raises:
            ValueError: A number is impossible, or a value can't match any task.
            TypeError: A value has the wrong type.
        """
        return FaultPlan(self._plan_for_tasks(Fault.DELIVER_TWICE, "", Match(**match), times, after, rate))

    @checked_call
    def lose_handler_response(
        self, *, times: int | None = UNSET, after: int = 0, rate: float | None = None, **match: Unpack[MatchArguments]
    ) -> FaultPlan:
        """Let the handler of a matching task do its work, and lose its answer.

        The attempt fails as UNKNOWN, without a response, when the answer would have come. The queue retries the task.

        Args:
            times: How often it happens; None for every time. The default is 1, and None with a ``rate``.
            after: How many matching deliveries pass before.
            rate: The probability for each delivery, from 0 to 1. The test's seed decides.
            match: Which tasks; see `MatchArguments`.

        Raises:
            ValueError: A number is impossible, or a value can't match any task.
            TypeError: A value has the wrong type.
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
        """Dispatch a matching task ``by`` later than its schedule time, which stays the same.

        It applies to each attempt that is scheduled from now on, retries included, and to waiting tasks. The limits of
        the queue may add to the delay.

        Args:
            by: The delay: a timedelta, or a text such as ``"90s"``.
            times: How often it happens; None for every time. The default is 1, and None with a ``rate``.
            after: How many matching attempts pass before.
            rate: The probability for each attempt, from 0 to 1. The test's seed decides.
            match: Which tasks; see `MatchArguments`.

        Raises:
            ValueError: The delay ends after the year 9999, a number is impossible, or a value can't match any task.
            TypeError: A value has the wrong type.
        """
        nanoseconds = duration_of(by, what="delay_dispatch()", above_zero=True)
        self._synced().clock.check_within(nanoseconds, what="delay_dispatch()")
        plan = self._plan_for_tasks(
            Fault.DELAY_DISPATCH, safe_repr(by), Match(**match), times, after, rate, nanoseconds
        )
        simulation = self._synced()
        with simulation.lock:
            simulation.faults.hold_back_waiting(plan, simulation.service)
        return FaultPlan(plan)

    def _plan_for_tasks(
        self,
        fault: Fault,
        arguments: str,
        match: Match,
        times: int | None,
        after: int,
        rate: float | None,
        delay: int = 0,
    ) -> PlannedFault:
        occasions = _occasions(fault, times, after, rate)
        match = match.possible()
        text = "".join(f", {name}={shown(value)}" for name, value in match.expected().items())
        arguments = f"{arguments}{_occasions_text(occasions, times)}{text}".removeprefix(", ")
        simulation = self._synced()

        def applies(task: Any) -> bool:
            return not match.differences(TaskRecord(task, simulation.history))

        queue = match.queue if isinstance(match.queue, str) else None
        return simulation.faults.add(PlannedFault(fault, arguments, applies, occasions, delay=delay, queue=queue))

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
        """Let an example of Hypothesis choose what the service does.

        The choices shrink to tasks that go in order, on time, once. Faults planned at a rate are drawn as well.

        Args:
            data: What ``st.data()`` gave the test.
            order: Draw which of several due tasks goes next, and the order of ListTasks.
            duplicates: Draw whether a delivery happens twice, as with `deliver_twice`.
            lost_answers: Draw whether an answer is lost, as with `lose_handler_response`.
            delays: Draw delays of dispatches, in whole seconds up to this duration; ``timedelta(0)`` for none.

        Raises:
            TypeError: ``data`` is something else, or a flag isn't a bool.
            ValueError: ``delays`` is impossible.
            RuntimeError: This fake has choices already, or the example has ended.
        """
        _check_data(data)
        for name, flag in {"order": order, "duplicates": duplicates, "lost_answers": lost_answers}.items():
            checked_flag(f"choose_from({name}=…)", flag)
        longest = _longest(delays)
        simulation = self._active
        simulation.clock.check_within(longest, what="choose_from(delays=…)")
        if not isinstance(simulation.randomness.choices, SeededChoices):
            raise RuntimeError(
                "choose_from() was already called for this fake. Call it once in each example: on the cloud_tasks"
                " fixture, in a test that is decorated with @given itself, or on a FakeCloudTasks that the example"
                " creates."
            )
        from .._strategies.hypothesis_choices import drawn_choices  # imports hypothesis, which few tests use

        picks = order or simulation.settings.order == "shuffle"
        drawn = {"order": picks, "duplicates": duplicates, "lost answers": lost_answers, "delays": longest}
        with simulation.lock:
            simulation.choose_by(
                drawn_choices(data, picks=picks, subjects=[subject for subject, is_on in drawn.items() if is_on])
            )
            if duplicates:
                simulation.faults.add(PlannedFault(Fault.DELIVER_TWICE, "", _any_task, _POSSIBLE))
            if lost_answers:
                simulation.faults.add(PlannedFault(Fault.LOSE_ANSWER, "", _any_task, _POSSIBLE))
            if longest:
                simulation.faults.hold_back_waiting(simulation.faults.add(AnyDelay(longest)), simulation.service)


def unused(simulation: Simulation) -> list[str]:
    """Return what to say of the plans that never happened although they were not left to chance."""
    return [_unused_text(plan, simulation) for plan in simulation.faults if plan.is_unused]


def _unused_text(plan: PlannedFault, simulation: Simulation) -> str:
    subject = "call" if plan.fault in (Fault.FAIL_RPC, Fault.LOSE_RESPONSE) else "task"
    text = (
        f"{plan.describe()} was planned but never happened: no {subject} matched, or too few did. Correct the plan or"
        " remove it."
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
    from .._messages.grpc_errors import rpc_fault  # loads grpc, which only a planned error needs

    fault = rpc_fault(error)
    if fault is not None:
        return fault
    known = listed(codes(), "or")
    if isinstance(error, str):
        raise ValueError(
            f"fail_rpc() does not accept the code {safe_repr(error)}.{did_you_mean(error.upper(), codes())} The codes"
            f" are {known}."
        )
    raise TypeError(
        "fail_rpc() takes an exception of google.api_core.exceptions that stands for a gRPC code, such as"
        f" ServiceUnavailable, or a code, such as 'UNAVAILABLE', but got {safe_repr(error)}. The codes are {known}."
    )


def _check_rpc(rpc: Any, fault: Fault) -> None:
    if not isinstance(rpc, str) or (rpc not in RPCS and rpc != "*"):
        raise ValueError(
            f"{fault.value}() does not accept the RPC {safe_repr(rpc)}.{did_you_mean(rpc, RPCS)} Pass '*' for all"
            f" RPCs, or one of {listed(sorted(RPCS))}."
        )


def _occasions(fault: Fault, times: int | None, after: int, rate: float | None) -> Occasions:
    """Return checked occasions. By default, a plan without a rate applies once."""
    if times is UNSET:
        times = 1 if rate is None else None
    if times is not None and (not is_whole(times) or times < 1):
        raise ValueError(
            f"{fault.value}(times=…) takes a number of 1 or more, or None for every time, but got {safe_repr(times)}."
        )
    if not is_whole(after) or after < 0:
        raise ValueError(f"{fault.value}(after=…) takes a number of 0 or more, but got {safe_repr(after)}.")
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if rate is not None and not (is_number and 0 <= rate <= 1):
        raise ValueError(
            f"{fault.value}(rate=…) takes a probability from 0 to 1, such as 0.1, but got {safe_repr(rate)}."
        )
    return Occasions(times, after, rate)


def _occasions_text(occasions: Occasions, times: Any) -> str:
    """Return the occasions as arguments, for messages."""
    arguments = {
        "times": UNSET if times is UNSET else occasions.times,
        "after": occasions.after or UNSET,
        "rate": UNSET if occasions.rate is None else occasions.rate,
    }
    return "".join(f", {name}={safe_repr(value)}" for name, value in arguments.items() if value is not UNSET)


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
            f"choose_from() takes the argument that Hypothesis's st.data() gives a test, but got {safe_repr(data)}."
            " Write @given(data=st.data()) and pass data."
        )


def _any_task(task: Any) -> bool:
    return True


def _longest(delays: Duration) -> int:
    longest = duration_of(delays, what="choose_from(delays=…)")
    if longest < SECOND and longest != 0:
        raise ValueError(
            "choose_from(delays=…) takes the longest delay, of a second or more, or timedelta(0) for none, but got"
            f" {safe_repr(delays)}."
        )
    return longest
