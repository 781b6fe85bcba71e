"""Errors in the form that Google's REST APIs answer with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from .grpc_errors import InProcessRpcError
from .rest_http import RestResponse, json_response

_log = logging.getLogger("pytest_cloudtasks")
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class RestError(Exception):
    """A request that gets no further than the endpoint."""

    def __init__(self, code: int, status: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details

    def response(self, *, pretty: bool = True) -> RestResponse:
        """Return the response."""
        error = {"code": self.code, "message": self.message, "status": self.status}
        value = {"error": {**error, "details": list(self.details)} if self.details else error}
        return json_response(self.code, value, pretty=pretty)


def of_rpc(error: InProcessRpcError) -> RestError:
    """The service's refusal."""
    code, name = status_code_of(error), error.code().name
    return RestError(code, name, error.details(), status_details(error))


def invalid(violations: Sequence[tuple[str, str]]) -> RestError:
    """A request that is none: what is wrong, each with the path of the field. Evidence: reported."""
    listed = [{"field": path, "description": told} if path else {"description": told} for path, told in violations]
    text = "\n".join(told for _, told in violations)
    return RestError(400, "INVALID_ARGUMENT", text, [{"@type": BAD_REQUEST, "fieldViolations": listed}])


def too_large(limit: int) -> RestError:
    """A body beyond the limit. Evidence: reported (of other Google APIs, by the same front end)."""
    text = f"Request payload size exceeds the limit: {limit} bytes."
    return RestError(400, "INVALID_ARGUMENT", text)


def malformed(text: str) -> RestError:
    """A request that is no HTTP, or whose body is cut. Evidence: our choice."""
    return RestError(400, "INVALID_ARGUMENT", text)


def failed(error: BaseException) -> RestError:
    """Return the error for a call that the fake can't answer, and log what is a mistake of the fake itself.

    What fails the test is none of Exception, and its text says what to do. Evidence: our choice.
    """
    if not isinstance(error, Exception):
        return RestError(500, "INTERNAL", str(error))
    _log.error("pytest-cloudtasks could not answer a request, by a mistake of its own.", exc_info=error)
    return RestError(500, "INTERNAL", "Internal error encountered.")


def status_code_of(error: InProcessRpcError) -> int:
    """The HTTP status of an error.

    UNKNOWN and DATA_LOSS, which have none in the library, are 500. Evidence: documented (google.rpc.Code).
    """
    from google.api_core import exceptions

    return int(exceptions.from_grpc_status(error.code(), error.details()).code or 500)


def status_details(error: InProcessRpcError) -> list[Any]:
    """The error's details, which gRPC sends in binary form, in JSON's."""
    if not error.trailing_metadata():
        return []
    from google.protobuf import json_format
    from google.rpc import error_details_pb2, status_pb2

    ((_, value),) = error.trailing_metadata()
    # JSON needs the types that the details are of: the pool has them once their module is imported.
    pool = error_details_pb2.DESCRIPTOR.pool
    status = status_pb2.Status.FromString(value)
    return [json_format.MessageToDict(detail, descriptor_pool=pool) for detail in status.details]
