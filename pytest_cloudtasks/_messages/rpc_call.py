"""A call that a client makes: on its way to the service, while it is answered, and as users see it afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .proto import parsed_as, proto_of


class RpcCall:
    """One call that a client made, as it arrived.

    ``timeout`` is the seconds that came with the call, ``metadata`` its pairs, ``api`` the package of the API
    (``google.cloud.tasks.v2``). ``result`` is the response, or ``error`` the exception that the transport raised; a
    call whose response was lost has both.
    """

    # Request and response are kept as bytes until somebody looks. That tells what was said whatever is written into
    # the messages since, by pagers and by their owners; and most calls of a test are never looked at: keeping
    # thousands of messages takes more time than answering them. For the same reason a call is one object, and not one
    # for each of those who deal with it.
    __slots__ = (
        "_request",
        "_request_kind",
        "_result",
        "_result_kind",
        "api",
        "at",
        "error",
        "has_effect",
        "is_firebase",
        "message",
        "metadata",
        "method",
        "timeout",
    )

    def __init__(
        self,
        method: str,
        api: str,
        request: Any,
        timeout: float | None,
        metadata: Sequence[tuple[str, str | bytes]],
    ) -> None:
        self.method = method
        self.api = api
        self.timeout = timeout
        self.metadata = metadata
        self.error: BaseException | None = None
        self.message = proto_of(request)
        """Protobuf's own message, for those who answer the call; None once it is answered."""
        self.at = 0
        """The queue's instant at which it came in (nanoseconds)."""
        self.has_effect = False
        """Whether events or a fault in the history, right after it, say what came of it."""
        self.is_firebase = False
        """Whether it came in the form that Firebase's Admin SDKs have for an emulator: see `rest.address_function`."""
        self._request_kind = type(request)
        self._request = request
        self._result_kind: type | None = None
        self._result: Any = None

    @property
    def request(self) -> Any:
        """The request message, as it was when it arrived."""
        if type(self._request) is bytes:
            self._request = parsed_as(self._request_kind, self._request)
        return self._request

    @property
    def result(self) -> Any:
        """The response, as it was given; None if there was none."""
        if type(self._result) is bytes:
            self._result = parsed_as(self._result_kind, self._result)
        return self._result

    @property
    def size(self) -> int:
        """Bytes of the request; for those who answer the call."""
        return len(self._request) if type(self._request) is bytes else self.message.ByteSize()

    def keep(self, at: int) -> None:
        """Keep what was asked for, and that it came in at the instant ``at``."""
        self.at = at
        self._request = self.message.SerializeToString()

    def answer(self, response: Any) -> None:
        """``response`` is what the service said."""
        self._result_kind = type(response)
        self._result = proto_of(response).SerializeToString()

    def __repr__(self) -> str:
        return (
            f"RpcCall(method={self.method!r}, request={self.request!r}, timeout={self.timeout!r},"
            f" metadata={self.metadata!r}, result={self.result!r}, error={self.error!r})"
        )


def snake_case(method: str) -> str:
    """``CreateTask`` as the client spells it: ``create_task``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower()


def rpc_of(method: str) -> tuple[str, str]:
    """API and RPC of ``/google.cloud.tasks.v2.CloudTasks/CreateTask``: google.cloud.tasks.v2 and create_task."""
    service, _, name = method.rpartition("/")
    return service.strip("/").rpartition(".")[0], snake_case(name)
