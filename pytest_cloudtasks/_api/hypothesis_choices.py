"""`choose_from`: what the service may do is drawn from an example of Hypothesis."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .._simulation.faults import Fault, FaultPlan, Occasions
from .._simulation.random_choices import Choices, SeededChoices
from .._simulation.simulation import Simulation
from .._text import safe_repr
from .._time.instants import Duration, duration_of
from .._units import SECOND

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

_POSSIBLE = Occasions(times=None, after=0, rate=0.5)
"""What is drawn may happen to any delivery; Hypothesis doesn't ask how probable that is."""


class Drawing:
    """Gives what is left to chance to Hypothesis."""

    @property
    def _resting(self) -> Simulation:
        raise NotImplementedError

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
        _check_flags(order=order, duplicates=duplicates, lost_answers=lost_answers)
        longest = _longest(delays)
        simulation = self._resting
        if not isinstance(simulation.choices, SeededChoices):
            raise RuntimeError(
                "choose_from() was called for a fake that draws its choices already, and a fake draws them from one"
                " example. Call it once in an example: on the cloud_tasks fixture, in a test that is under @given"
                " itself, or on a FakeCloudTasks that the example makes."
            )
        from .._strategies.drawn_choices import drawn_choices

        picks = order or simulation.settings.order == "shuffle"
        drawn = {"order": picks, "duplicates": duplicates, "lost answers": lost_answers, "delays": longest}
        with simulation.lock:
            simulation.choose_by(
                drawn_choices(data, picks=picks, subjects=[what for what, is_on in drawn.items() if is_on])
            )
            if duplicates:
                simulation.faults.add(FaultPlan(Fault.DELIVER_TWICE, "", _any_task, _POSSIBLE))
            if lost_answers:
                simulation.faults.add(FaultPlan(Fault.LOSE_ANSWER, "", _any_task, _POSSIBLE))
            if longest:
                simulation.faults.hold_back_waiting(simulation.faults.add(AnyDelay(longest)), simulation.service)


class AnyDelay(FaultPlan):
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


def _check_flags(**flags: object) -> None:
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"choose_from({name}=…) takes True or False, and got {safe_repr(flag)}.")


def _longest(delays: Duration) -> int:
    longest = duration_of(delays, what="choose_from(delays=…)")
    if longest < SECOND and longest != 0:
        raise ValueError(
            "choose_from(delays=…) takes the longest delay, of a second or more, or timedelta(0) for none, and got"
            f" {safe_repr(delays)}."
        )
    return longest
