"""A call of a client, as the test reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._attributes import NamesAttributes
from .._messages.rpc_call import IncomingCall


class RpcCall(NamesAttributes):
    """One call that a client made, as it arrived. `FakeCloudTasks.rpcs` has them all."""

    __slots__ = ("_call",)

    def __init__(self, call: IncomingCall) -> None:
        self._call = call

    @property
    def method(self) -> str:
        """The name of the client's method, such as ``create_task``."""
        return self._call.method

    @property
    def api(self) -> str:
        """The package of the API, such as ``google.cloud.tasks.v2``."""
        return self._call.api

    @property
    def request(self) -> Any:
        """The request message, as it was when it arrived."""
        return self._call.request

    @property
    def timeout(self) -> float | None:
        """The time-out that came with the call, in seconds; None without one, and always over REST."""
        return self._call.timeout

    @property
    def metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """The call's metadata, as pairs."""
        return self._call.metadata

    @property
    def result(self) -> Any:
        """The response message; None if there was none. A call whose response was lost has an `error` as well."""
        return self._call.result

    @property
    def error(self) -> BaseException | None:
        """The exception that the transport raised; None if the call succeeded."""
        return self._call.error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RpcCall) and self._call is other._call

    def __hash__(self) -> int:
        return hash(id(self._call))

    def __repr__(self) -> str:
        return (
            f"RpcCall(method={self.method!r}, request={self.request!r}, timeout={self.timeout!r},"
            f" metadata={self.metadata!r}, result={self.result!r}, error={self.error!r})"
        )
