"""Errors of the service and of a test's plans: as Google's messages, and as exceptions of Google's client.

Nothing of grpc is imported before an error is made.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .._service.errors import BadRequest, Detail, Help, LocalizedMessage, ServiceError

if TYPE_CHECKING:
    from .grpc_errors import InProcessRpcError


def exception_for(error: ServiceError, jitter: random.Random | None = None) -> Exception:
    """An exception of ``google.api_core.exceptions``: the class, text and details that a caller over gRPC gets.

    A client that retries it draws its waits from ``jitter``.
    """
    from google.api_core import exceptions

    from .grpc_errors import rpc_error

    found: Exception = exceptions.from_grpc_error(rpc_error(error, jitter or random.Random(0)))
    return found


def is_refusal(error: Exception) -> bool:
    """Whether an exception of Google's client says that the state of things forbids the call, not its arguments."""
    from google.api_core import exceptions

    return isinstance(error, exceptions.GoogleAPICallError) and not isinstance(error, exceptions.InvalidArgument)


TEXTS = {
    "CANCELLED": "The operation was cancelled.",
    "UNKNOWN": "Unknown Error.",
    "INVALID_ARGUMENT": "Request contains an invalid argument.",
    "DEADLINE_EXCEEDED": "Deadline Exceeded",
    "NOT_FOUND": "Requested entity was not found.",
    "ALREADY_EXISTS": "Requested entity already exists",
    "PERMISSION_DENIED": "The caller does not have permission",
    "RESOURCE_EXHAUSTED": "Resource has been exhausted (e.g. check quota).",
    "FAILED_PRECONDITION": "Precondition check failed.",
    "ABORTED": "The operation was aborted.",
    "OUT_OF_RANGE": "The operation was attempted past the valid range.",
    "UNIMPLEMENTED": "Operation is not implemented, or supported, or enabled.",
    "INTERNAL": "Internal error encountered.",
    "UNAVAILABLE": "The service is currently unavailable.",
    "DATA_LOSS": "Unrecoverable data loss or corruption.",
    "UNAUTHENTICATED": "Request had invalid authentication credentials.",
}
"""The text of an error that is asked for by its code alone. Evidence: reported, as those of Google's APIs in general;
OUT_OF_RANGE and DATA_LOSS are our choice."""


class RpcFault(NamedTuple):
    """An error by the name of its code, and its text."""

    code: str
    text: str

    def error(self, jitter: random.Random) -> InProcessRpcError:
        """What the channel raises."""
        import grpc

        from .grpc_errors import InProcessRpcError

        error = InProcessRpcError(grpc.StatusCode[self.code], self.text, (), jitter)
        error.is_planned = True
        return error


DEADLINE = RpcFault("DEADLINE_EXCEEDED", TEXTS["DEADLINE_EXCEEDED"])
"""What a caller sees who has waited in vain. Evidence: documented (grpc's own code and text for it)."""


def rpc_fault(error: Any) -> RpcFault | None:
    """The fault that ``error`` stands for: an exception of Google's, its class, a code of grpc's or its name.

    None if it stands for none: it is something else, or an exception that no gRPC code leads to.
    """
    import grpc
    from google.api_core.exceptions import GoogleAPICallError

    if isinstance(error, GoogleAPICallError):
        code = error.grpc_status_code
        return None if code is None else RpcFault(code.name, str(error.message))
    if isinstance(error, type):
        code = error.grpc_status_code if issubclass(error, GoogleAPICallError) else None
        name = None if code is None else code.name
    elif isinstance(error, grpc.StatusCode):
        name = error.name
    else:
        name = error if isinstance(error, str) else None
    return RpcFault(name, TEXTS[name]) if name in TEXTS else None


def codes() -> Iterable[str]:
    """The names of the codes that an error can have."""
    return TEXTS.keys()


def status_of(error: ServiceError) -> Any:
    """The error as a google.rpc.Status, details and all."""
    from google.rpc import status_pb2

    status = status_pb2.Status(code=error.code.value, message=error.message)
    for detail in error.details:
        status.details.add().Pack(_message(detail))
    return status


def _message(detail: Detail) -> Any:
    """A detail as Google's message."""
    from google.rpc import error_details_pb2

    if isinstance(detail, Help):
        return error_details_pb2.Help(links=[{"description": detail.description, "url": detail.url}])
    if isinstance(detail, LocalizedMessage):
        return error_details_pb2.LocalizedMessage(locale=detail.locale, message=detail.message)
    if isinstance(detail, BadRequest):
        violations = [{"field": field, "description": text} for field, text in detail.violations]
        return error_details_pb2.BadRequest(field_violations=violations)
    return error_details_pb2.ErrorInfo(reason=detail.reason, domain=detail.domain, metadata=dict(detail.metadata))
