"""The line-up of a test: shuffled if it asks for that, with tasks held back as it has planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._service.queue import FIRST_COME, Place
from .._service.scheduler import Lineup
from .._service.task import Task
from .duration_text import duration_text
from .fault_plans import Fault, FaultPlan

if TYPE_CHECKING:
    from .state import State


class PlannedLineup(Lineup):
    """Asks a simulation's choices for order, and its plans for delays."""

    def __init__(self, simulation: State) -> None:
        self._simulation = simulation
        self.picks = simulation.choices.picks
        self.is_shuffled = self.picks or simulation.settings.order == "shuffle"

    def place(self, task: Task) -> Place:
        """A random rank where the order is shuffled beforehand, and the delay that a plan has for ``task``."""
        simulation = self._simulation
        if not (simulation.plans.are_there or self.is_shuffled):
            return FIRST_COME
        plan = simulation.plans.taking(Fault.DELAY_DISPATCH, task, simulation.choices)
        rank = 0 if self.picks else self._rank("order", task)
        return Place(rank, 0 if plan is None else _delay(simulation, plan, task))

    def pick(self, line: Sequence[Task]) -> int:
        """Any of ``line``, by the simulation's choices."""
        return self._simulation.choices.pick(len(line), "order")

    def rank_in_listings(self, task: Task) -> int:
        """A random rank where the order is shuffled."""
        return self._rank("listing", task) if self.is_shuffled else 0

    def _rank(self, what: str, task: Task) -> int:
        return self._simulation.choices.rank(f"{what} of {task.queue_name}") if self.is_shuffled else 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Lineup:
        """A copy of the service is another simulation's, which has a line-up of its own."""
        return Lineup()


def hold_back_waiting(simulation: State, plan: FaultPlan) -> None:
    """Apply a new plan to the tasks that wait already, in the order of their creation."""
    waiting = (task for queue in simulation.service.queues.values() for task in queue.waiting() if not task.delay)
    for task in sorted(waiting, key=lambda task: task.sequence):
        if plan.takes(task, simulation.choices):
            queue = simulation.service.queues[task.queue_name]
            simulation.service.dispatcher.hold_back(queue, task, _delay(simulation, plan, task))


def _delay(simulation: State, plan: FaultPlan, task: Task) -> int:
    """How long after its schedule time ``task`` goes by ``plan``, which has taken it."""
    delay = plan.delay_by(simulation.choices)
    simulation.note(f"held back by {duration_text(delay)}", task)
    return max(task.schedule_time, simulation.clock.now) + delay - task.schedule_time
