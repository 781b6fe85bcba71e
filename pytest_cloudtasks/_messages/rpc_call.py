"""A client's call: on its way to the service, while it is answered, and in records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .proto import parsed_as, proto_of


class IncomingCall:
    """One call of a client.

    ``timeout`` is in seconds, ``metadata`` the pairs that came with the call, ``api`` the package of the API
    (``google.cloud.tasks.v2``). ``result`` is the response, and ``error`` the exception that the transport raised. A
    call whose response was lost has both.
    """

    # Request and response are kept as bytes until somebody reads them. So later changes of the messages, by pagers and
    # by their owners, don't matter. And most calls of a test are never read: keeping thousands of messages takes more
    # time than answering them. For the same reason a call is one object, not one for each room.
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
        """Protobuf's own message, for the code that answers the call; None once it is answered."""
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
        """The response, as it was returned; None if there was none."""
        if type(self._result) is bytes:
            self._result = parsed_as(self._result_kind, self._result)
        return self._result

    @property
    def size(self) -> int:
        """Bytes of the request, for the code that answers the call."""
        return len(self._request) if type(self._request) is bytes else self.message.ByteSize()

    @property
    def is_under_way(self) -> bool:
        """Whether it is still being answered, so that its outcome is not known."""
        return self.message is not None

    def finish(self) -> None:
        """End the call, however it was answered. Its message may be changed by its owner from now on."""
        self.message = None

    def keep_request(self, at: int) -> None:
        """Record the request, and that it arrived at the instant ``at``."""
        self.at = at
        self._request = self.message.SerializeToString()

    def keep_response(self, response: Any) -> None:
        """Record ``response``, which the service returned."""
        self._result_kind = type(response)
        self._result = proto_of(response).SerializeToString()


def snake_case(method: str) -> str:
    """Return ``CreateTask`` as the client writes it: ``create_task``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower()


def rpc_of(method: str) -> tuple[str, str]:
    """Return API and RPC of ``/google.cloud.tasks.v2.CloudTasks/CreateTask``: google.cloud.tasks.v2 and create_task."""
    service, _, name = method.rpartition("/")
    return service.strip("/").rpartition(".")[0], snake_case(name)
