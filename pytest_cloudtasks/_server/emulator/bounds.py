"""How much the emulator remembers.

Its memory is bounded however long it runs. It keeps every live task, and the IDs of finished ones while the service
reserves them; of everything else it keeps only the latest. A task that succeeds at once makes four records, a call and
three events, so the timeline reaches back to the latest 10,000 of such tasks.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from ..._simulation.simulation import Simulation

FINISHED_TASKS = 20_000
"""Finished tasks, with their attempts."""
ATTEMPTS = 100
"""Attempts of one task besides the first, for one that is retried for ever."""
RECORDS = 40_000
"""Records of the history: events, calls and planned failures."""
CALLS = 1_000
"""Calls among the records. Others leave an empty record."""
EXCHANGES = 2_000
"""Attempts whose requests and responses the page shows."""
DIAGNOSTICS = 10_000
"""Attempts of which the reason for a missing response is known."""
BATCHES = 100
"""Operations of batches, each with up to 100 tasks."""

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """A mapping that drops its oldest entry when it has too many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._most:
            self.popitem(last=False)


def bound(simulation: Simulation) -> None:
    """Let a new simulation keep only the latest calls, exchanges and batches."""
    history = simulation.history
    history.calls_kept = CALLS
    history.requests, history.answers = Recent(EXCHANGES), Recent(EXCHANGES)
    simulation.service.operations = Recent(BATCHES)


def forget(simulation: Simulation) -> None:
    """Forget the finished tasks and the records that are too many now."""
    simulation.service.accepted.forget_finished(FINISHED_TASKS)
    simulation.history.forget_all_but(RECORDS)
