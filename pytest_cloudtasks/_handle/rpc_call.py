"""A call that a client made, as users see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._google.raw import raw, restored


class RpcCall:
    """One call that a client made, as it arrived.

    ``retry`` is what the caller passed (google.api_core's DEFAULT where nothing was passed, None for no retry),
    ``timeout`` the seconds that came with the call, ``metadata`` its pairs. ``result`` is the response, or ``error``
    the exception that the transport raised; a call whose response was lost has both.

    Request and response are kept as bytes until somebody looks. That tells what was said whatever is written into the
    messages since, by pagers and by their owners; and most calls of a test are never looked at: keeping thousands of
    messages takes more time than answering them.
    """

    __slots__ = (
        "_request",
        "_request_kind",
        "_result",
        "_result_kind",
        "error",
        "metadata",
        "method",
        "retry",
        "timeout",
    )

    def __init__(
        self, method: str, request: Any, retry: Any, timeout: float | None, metadata: Sequence[tuple[str, str | bytes]]
    ) -> None:
        self.method = method
        self.retry = retry
        self.timeout = timeout
        self.metadata = metadata
        self.error: BaseException | None = None
        self._request_kind = type(request)
        self._request: Any = raw(request).SerializeToString()
        self._result_kind: type | None = None
        self._result: Any = None

    @property
    def request(self) -> Any:
        """The request message, as it was when it arrived."""
        if type(self._request) is bytes:
            self._request = restored(self._request_kind, self._request)
        return self._request

    @property
    def result(self) -> Any:
        """The response, as it was given; None if there was none."""
        if type(self._result) is bytes:
            self._result = restored(self._result_kind, self._result)
        return self._result

    def answer(self, response: Any) -> None:
        """``response`` is what the service said."""
        self._result_kind = type(response)
        self._result = raw(response).SerializeToString()

    def __repr__(self) -> str:
        return (
            f"RpcCall(method={self.method!r}, request={self.request!r}, retry={self.retry!r}, timeout={self.timeout!r},"
            f" metadata={self.metadata!r}, result={self.result!r}, error={self.error!r})"
        )
