"""The call log: what clients called, as far back as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._messages.rpc_call import RpcCall

CALLS_KEPT = 100_000
"""How many of the latest calls are kept; one takes some 0.9 KB."""


class CallLog:
    """The latest calls, oldest first."""

    def __init__(self, limit: int) -> None:
        self.rpcs: list[RpcCall] = []
        self.made = 0
        """How many calls were made in all."""
        self._limit = limit

    def add(self, call: RpcCall) -> None:
        """``call`` has come in."""
        self.made += 1
        self.rpcs.append(call)
        if len(self.rpcs) > self._limit:
            del self.rpcs[0]

    @property
    def answered(self) -> Sequence[RpcCall]:
        """Those whose answer is out: a predicate of the test's may look while one is under way."""
        return [call for call in self.rpcs if call.message is None]

    def since(self, made: int) -> Sequence[RpcCall]:
        """Those of the calls that are kept which came after the first ``made``."""
        forgotten = self.made - len(self.rpcs)
        return self.rpcs[max(made - forgotten, 0) :]

    def copy(self) -> CallLog:
        """The same, to go its own way."""
        copied = CallLog(self._limit)
        copied.rpcs, copied.made = list(self.rpcs), self.made
        return copied
