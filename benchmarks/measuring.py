"""Measuring: things that are to be compared take turns, and the median of each counts.

Times are the process's CPU time, which other processes on the machine disturb least; where the network or another
process is part of what is measured, it is the wall's clock.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float
    unit: str
    """What ``measured`` is: ``×``, where it is a ratio."""
    goal: float | None = None
    is_at_least: bool = False
    """Whether the goal is a lower bound."""
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.measured >= self.goal if self.is_at_least else self.measured <= self.goal


def seconds_each(
    candidates: Mapping[str, Callable[[int], object]],
    *,
    count: int,
    rounds: int = 9,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Seconds that one of ``count`` runs takes, by candidate: the median of rounds in which all take turns.

    Each candidate is called with the number of runs to make.
    """
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for candidate in candidates.values():
        candidate(max(count // 10, 1))  # what is made once is made now
    for _ in range(rounds):
        for name, candidate in candidates.items():
            taken[name].append(seconds_of(partial(candidate, count), clock) / count)
    return {name: median(all_of_them) for name, all_of_them in taken.items()}


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Seconds that ``work`` takes, without collections of what was left behind before."""
    gc.collect()
    begin = clock()
    work()
    return clock() - begin
