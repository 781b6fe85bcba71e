"""The fakes that a test opens itself, as ``with FakeCloudTasks()`` or a decorator, and those of wider fixtures."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from .._clients.router import router

if TYPE_CHECKING:
    import pytest

    from .._clients.router import Backend
    from .._simulation.simulation import Simulation

MOST = 5
"""How many of a test are kept, the latest ones."""


class Blocks:
    """The simulations that were active in the current or last test, besides the session's own."""

    def __init__(self, is_others: Callable[[Backend], bool]) -> None:
        """Set up the list. ``is_others`` says whether a simulation is no block of this session's tests."""
        self._is_others = is_others
        self._simulations: list[Any] = []
        self._is_of_hypothesis = False

    def begin(self, item: pytest.Item) -> None:
        """Begin a test, with the blocks of wider fixtures."""
        self._simulations = [backend for backend in router.backends if not self._is_others(backend)]
        self._is_of_hypothesis = hasattr(getattr(item, "obj", None), "hypothesis")

    def entered(self, backend: Backend) -> None:
        """Add a simulation that becomes active. Of Hypothesis's examples only the last one's blocks are kept."""
        if self._is_others(backend):
            return
        if self._is_of_hypothesis:
            self.forget_ended(router.backends)
        self._simulations = [*self._simulations, backend][-MOST:]

    def forget_ended(self, active: Container[Backend]) -> None:
        """Remove simulations that are not active any more."""
        self._simulations = [simulation for simulation in self._simulations if simulation in active]

    @property
    def simulations(self) -> list[Simulation]:
        """Return the simulations that were used, in the order in which they began."""
        return [
            simulation
            for simulation in self._simulations
            if not simulation.history.is_empty or simulation.failures.messages
        ]
