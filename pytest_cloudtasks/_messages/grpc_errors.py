"""Errors as a gRPC channel raises them. Google's client turns them into its exceptions.

This module imports grpc. Other modules import it only when an error is raised, so a test without errors does not load
it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.api_core import exceptions
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from .._service.errors import BadRequest, Detail, Help, LocalizedMessage, ServiceError
from .errors import TEXTS, RpcFault

_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class InProcessCall(grpc.Call):  # type: ignore[misc]
    """A call that has ended."""

    def is_active(self) -> bool:
        """Return False: an in-process call has ended when it returns."""
        return False

    def time_remaining(self) -> None:
        """Return None: an ended call has no time left."""
        return

    def cancel(self) -> bool:
        """Return False: an ended call can't be cancelled."""
        return False

    def add_callback(self, callback: Callable[[], Any]) -> bool:
        """Return False. By grpc's contract, the callback of an ended call is not called."""
        return False

    def initial_metadata(self) -> tuple[Any, ...]:
        """Return no metadata."""
        return ()

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return no metadata, as for any success."""
        return ()

    def code(self) -> grpc.StatusCode:
        """Return OK."""
        return grpc.StatusCode.OK

    def details(self) -> str:
        """Return "", as for any success."""
        return ""


class InProcessRpcError(grpc.RpcError, InProcessCall):  # type: ignore[misc]
    """The error of a rejected call. Like grpc's own, it is both an error and a call."""

    def __init__(self, code: grpc.StatusCode, text: str, metadata: tuple[Any, ...], jitter: random.Random) -> None:
        super().__init__(f"{code.name}: {text}")
        self._code = code
        self._text = text
        self._metadata = metadata
        self.jitter = jitter
        """Where the client's waits before a retry draw their jitter from."""
        self.is_planned = False
        """Whether a plan of the test made it, and not the service."""

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str:
        """Return the service's text."""
        return self._text

    def trailing_metadata(self) -> tuple[Any, ...]:
        """Return the error's details in Google's binary form, if it has any."""
        return self._metadata

    def result(self, timeout: float | None = None) -> NoReturn:
        """Raise this error, as the result of a failed call does."""
        raise self

    def exception(self, timeout: float | None = None) -> InProcessRpcError:
        """Return this error."""
        return self


def rpc_error(error: ServiceError, jitter: random.Random) -> InProcessRpcError:
    """Return the error that the channel raises for ``error``."""
    return InProcessRpcError(_STATUS[error.code.value], error.message, _details(error), jitter)


def planned_error(fault: RpcFault, jitter: random.Random) -> InProcessRpcError:
    """Return the error that the channel raises for the planned ``fault``."""
    error = InProcessRpcError(grpc.StatusCode[fault.code], fault.text, (), jitter)
    error.is_planned = True
    return error


def exception_for(error: ServiceError, jitter: random.Random | None = None) -> Exception:
    """Return the exception of ``google.api_core.exceptions`` that a caller over gRPC gets for the error.

    The class, the text and the details are the same. A client that retries it takes its waits from ``jitter``.
    """
    exception: Exception = exceptions.from_grpc_error(rpc_error(error, jitter or random.Random(0)))
    return exception


def is_refusal(error: Exception) -> bool:
    """Return whether an exception of Google's client is about the service's state, not about the call's arguments."""
    return isinstance(error, exceptions.GoogleAPICallError) and not isinstance(error, exceptions.InvalidArgument)


def rpc_fault(error: Any) -> RpcFault | None:
    """Return the fault for ``error``: an exception of Google's, its class, a code of grpc's or its name.

    Return None for anything else, and for an exception without a gRPC code.
    """
    if isinstance(error, exceptions.GoogleAPICallError):
        code = error.grpc_status_code
        return None if code is None else RpcFault(code.name, str(error.message))
    if isinstance(error, type):
        code = error.grpc_status_code if issubclass(error, exceptions.GoogleAPICallError) else None
        name = None if code is None else code.name
    elif isinstance(error, grpc.StatusCode):
        name = error.name
    else:
        name = error if isinstance(error, str) else None
    return RpcFault(name, TEXTS[name]) if name in TEXTS else None


def _details(error: ServiceError) -> tuple[tuple[str, bytes], ...]:
    if not error.details:
        return ()
    return (("grpc-status-details-bin", status_of(error).SerializeToString()),)


def status_code_of(error: InProcessRpcError) -> int:
    """Return the HTTP status of an error.

    UNKNOWN and DATA_LOSS, which have none in the library, are 500. Evidence: documented (google.rpc.Code).
    """
    return int(exceptions.from_grpc_status(error.code(), error.details()).code or 500)


def status_details(error: InProcessRpcError) -> list[Any]:
    """Return the error's details in JSON. gRPC sends them in binary form."""
    if not error.trailing_metadata():
        return []
    ((_, value),) = error.trailing_metadata()
    # JSON needs the types of the details; importing their module registers these.
    pool = error_details_pb2.DESCRIPTOR.pool
    status = status_pb2.Status.FromString(value)
    return [json_format.MessageToDict(detail, descriptor_pool=pool) for detail in status.details]


def status_of(error: ServiceError) -> Any:
    """Return the error with its details as a google.rpc.Status."""
    status = status_pb2.Status(code=error.code.value, message=error.message)
    for detail in error.details:
        status.details.add().Pack(_message(detail))
    return status


def _message(detail: Detail) -> Any:
    """Return a detail as Google's message."""
    if isinstance(detail, Help):
        return error_details_pb2.Help(links=[{"description": detail.description, "url": detail.url}])
    if isinstance(detail, LocalizedMessage):
        return error_details_pb2.LocalizedMessage(locale=detail.locale, message=detail.message)
    if isinstance(detail, BadRequest):
        violations = [{"field": field, "description": text} for field, text in detail.violations]
        return error_details_pb2.BadRequest(field_violations=violations)
    return error_details_pb2.ErrorInfo(reason=detail.reason, domain=detail.domain, metadata=dict(detail.metadata))
