"""The simulation of a server that stands alone: there is no test, and its time is the wall's.

It is used in the event loop of the server alone, so it takes no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .._messages.rpc_call import RpcCall
from .._service.task import Attempt, Task
from .._simulation.history import CallLog
from .._simulation.settings import Settings
from .._simulation.simulation import Simulation
from .._time.clock import WallClock

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError

REFUSALS_KEPT = 1000
"""How many refused calls the timeline remembers; what the service did it remembers until it is reset."""


class EmulatorSimulation(Simulation):
    """A simulation that calls come to over the wire. It keeps what the timeline tells of them, and no more."""

    def __init__(self, settings: Settings, clock: WallClock, on_refusal: Callable[[RpcCall, int], None]) -> None:
        """``on_refusal`` is told of each refused call, and of its instant."""
        super().__init__(settings)
        self._on_refusal = on_refusal
        self.wall = self.clock = clock
        self.log = CallLog(REFUSALS_KEPT)
        self.remarks: dict[Attempt, str] = {}
        """What there is to say of attempts that had no answer."""

    def _answer(self, call: RpcCall) -> tuple[Any, InProcessRpcError | None, Sequence[Task]]:
        now = self.observe()
        events = len(self.service.events)
        response, error = self._do(call, now)
        if error is not None:
            call.keep(events, len(self.notes), now - self.clock.origin)
            call.error, call.message = error, None
            self.log.add(call)
            self._on_refusal(call, now)
        return response, error, ()

    def observe(self) -> int:
        """The instant that it is; what only takes time has taken effect by then."""
        now = self.contact()
        self.service.scheduler.remove_due(now)
        return now
