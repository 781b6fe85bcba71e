"""What came of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property


class RpcStatus(Enum):
    """The google.rpc codes that an attempt's response_status can carry."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


_STATUS_OF_HTTP = {
    400: RpcStatus.INVALID_ARGUMENT,
    401: RpcStatus.UNAUTHENTICATED,
    403: RpcStatus.PERMISSION_DENIED,
    404: RpcStatus.NOT_FOUND,
    409: RpcStatus.ABORTED,
    429: RpcStatus.RESOURCE_EXHAUSTED,
    499: RpcStatus.CANCELLED,
    501: RpcStatus.UNIMPLEMENTED,
    503: RpcStatus.UNAVAILABLE,
    504: RpcStatus.DEADLINE_EXCEEDED,
}


class OutcomeKind(Enum):
    """How an attempt can end."""

    RESPONSE = "response"
    DEADLINE_EXCEEDED = "deadline exceeded"
    NO_RESPONSE = "no response"


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: an HTTP response, the dispatch deadline, or no response at all."""

    kind: OutcomeKind
    http_status: int = 0
    retry_at: int | None = None
    """The instant before which the answer asks not to be retried, where the service considers that."""
    counts_as_success: bool = False
    """Whether the service takes it for a success whatever its status."""
    lost_status: int = 0
    """The HTTP status of an answer that was given and did not arrive."""

    @cached_property
    def succeeded(self) -> bool:
        """Only 200 to 299 is success, but for the knob ``treat_304_as_success``. Evidence: documented."""
        is_success = self.counts_as_success or 200 <= self.http_status <= 299
        return self.kind is OutcomeKind.RESPONSE and is_success

    @property
    def is_5xx(self) -> bool:
        """Whether the target answered with a server error."""
        return 500 <= self.http_status <= 599

    @property
    def rpc_status(self) -> RpcStatus:
        """The google.rpc code of response_status.

        Evidence: recorded.
        """
        if self.kind is OutcomeKind.DEADLINE_EXCEEDED:
            return RpcStatus.DEADLINE_EXCEEDED
        if self.kind is OutcomeKind.NO_RESPONSE:
            return RpcStatus.UNKNOWN
        status = self.http_status
        if status in _STATUS_OF_HTTP:
            return _STATUS_OF_HTTP[status]
        if 200 <= status <= 299:
            return RpcStatus.OK
        if 400 <= status <= 499:
            return RpcStatus.FAILED_PRECONDITION
        return RpcStatus.INTERNAL if 500 <= status <= 599 else RpcStatus.UNKNOWN

    @property
    def result(self) -> int | str:
        """The HTTP status, or the name of the code where there was no response. Evidence: our choice."""
        return self.http_status if self.kind is OutcomeKind.RESPONSE else self.rpc_status.name

    @property
    def message(self) -> str:
        """The text of response_status: ``INTERNAL(13): HTTP status code 500``. Evidence: recorded."""
        status = self.rpc_status
        shown = 504 if self.kind is OutcomeKind.DEADLINE_EXCEEDED else self.http_status
        return f"{status.name}({status.value}): HTTP status code {shown}"


DEADLINE_EXCEEDED = Outcome(OutcomeKind.DEADLINE_EXCEEDED)
NO_RESPONSE = Outcome(OutcomeKind.NO_RESPONSE)


@cache
def response(http_status: int) -> Outcome:
    """The outcome of an answer with this HTTP status."""
    return Outcome(OutcomeKind.RESPONSE, http_status)
