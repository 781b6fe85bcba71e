"""The line-up: where a task stands among those of its instant, and whether it is held back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from .task import Task


class Place(NamedTuple):
    """A task's place among the tasks that wait for their dispatch."""

    rank: int = 0
    """Among tasks of one instant the smaller goes first, of equal ones the older. Evidence: our choice."""
    delay: int = 0
    """How long (nanoseconds) after its schedule time it goes. Evidence: documented (dispatches may be late)."""


FIRST_COME = Place()


class Lineup:
    """First come, first served, and nothing is held back.

    The service promises neither: whoever wants it otherwise gives the dispatcher another line-up. Evidence: documented.
    """

    is_shuffled = False
    """Whether `rank_in_listings` is anything but the order of creation."""
    picks = False
    """Whether `pick` is anything but the first in line."""

    def place(self, task: Task) -> Place:
        """The place of ``task``, which begins to wait for its next attempt."""
        return FIRST_COME

    def pick(self, line: Sequence[Task]) -> int:
        """Which of ``line`` goes out, two tasks or more that all could at this instant."""
        return 0

    def rank_in_listings(self, task: Task) -> int:
        """Where ListTasks has ``task``, until it is gone; of equal ranks the older comes first."""
        return 0

    def in_listings(self, tasks: Collection[Task]) -> Iterable[Task]:
        """``tasks``, which are in the order of creation, as ListTasks has them."""
        if not self.is_shuffled or len(tasks) < 2:
            return tasks
        for task in tasks:
            if task.listed is None:
                task.listed = self.rank_in_listings(task)
        return sorted(tasks, key=place_in_listings)


def place_in_listings(task: Task) -> str:
    """What sorts ``task`` among those that ListTasks has."""
    return f"{task.listed or 0:010d}{task.sequence:012d}"
