"""Errors by the names of their codes, as tests plan them. `grpc_errors` turns them into grpc's errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

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
"""The default text of an error by its code. Evidence: reported for Google's APIs in general; OUT_OF_RANGE and DATA_LOSS
are our choice.
"""


class RpcFault(NamedTuple):
    """An error as the name of its code and its text."""

    code: str
    text: str


DEADLINE = RpcFault("DEADLINE_EXCEEDED", TEXTS["DEADLINE_EXCEEDED"])
"""The error of a caller whose time-out has passed. Evidence: documented (grpc's own code and text for it)."""


def codes() -> Iterable[str]:
    """Return the names of the codes that an error can have."""
    return TEXTS.keys()
