"""The call log: what clients called, as far back as the setting ``call_log`` keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .calls import Arrival

if TYPE_CHECKING:
    from .rpc_call import RpcCall


class CallLog:
    """The latest calls, oldest first: as users see them, and as the timeline has them."""

    def __init__(self, limit: int) -> None:
        self.rpcs: list[RpcCall] = []
        self.arrivals: list[Arrival] = []
        self.made = 0
        """How many calls were answered in all."""
        self._limit = limit

    def began(self, call: RpcCall) -> None:
        """``call`` has come in."""
        self.rpcs.append(call)
        if len(self.rpcs) > self._limit:
            del self.rpcs[0]

    def ended(self, arrival: Arrival) -> None:
        """A call was answered."""
        self.made += 1
        self.arrivals.append(arrival)
        if len(self.arrivals) > self._limit:
            del self.arrivals[0]

    def since(self, made: int) -> Sequence[Arrival]:
        """Those of the calls that are kept which were answered after the first ``made``."""
        forgotten = self.made - len(self.arrivals)
        return self.arrivals[max(made - forgotten, 0) :]

    def copy(self) -> CallLog:
        """The same, to go its own way."""
        copied = CallLog(self._limit)
        copied.rpcs, copied.arrivals, copied.made = list(self.rpcs), list(self.arrivals), self.made
        return copied
