"""Errors that a test asks for in place of an answer: an exception of Google's, or a code of grpc's."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .grpc_errors import InProcessRpcError

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
