"""Errors in the form that Google's REST APIs answer with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._clients.rest_transport import status_code_of, status_details
from .._messages.grpc_errors import InProcessRpcError

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class RestError(Exception):
    """A request that gets no further than the endpoint."""

    def __init__(self, code: int, status: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details

    @property
    def body(self) -> str:
        """The body of the answer."""
        error = {"code": self.code, "message": self.message, "status": self.status}
        return dumped({"error": {**error, "details": list(self.details)} if self.details else error})


def of_rpc(error: InProcessRpcError) -> RestError:
    """The service's refusal."""
    code, name = status_code_of(error), error.code().name
    return RestError(code, name, error.details(), status_details(error))


def invalid(violations: Sequence[tuple[str, str]]) -> RestError:
    """A request that is none: what is wrong, each with the path of the field. Evidence: reported."""
    listed = [{"field": path, "description": told} if path else {"description": told} for path, told in violations]
    text = "\n".join(told for _, told in violations)
    return RestError(400, "INVALID_ARGUMENT", text, [{"@type": BAD_REQUEST, "fieldViolations": listed}])


def method_not_found() -> RestError:
    """A verb and path that no method has. Evidence: reported (of other Google APIs, by the same front end)."""
    return RestError(404, "NOT_FOUND", "Method not found.")


def too_large(limit: int) -> RestError:
    """A body beyond the limit. Evidence: reported (of other Google APIs, by the same front end)."""
    text = f"Request payload size exceeds the limit: {limit} bytes."
    return RestError(400, "INVALID_ARGUMENT", text)


def malformed(text: str) -> RestError:
    """A request that is no HTTP, or whose body is cut. Evidence: our choice."""
    return RestError(400, "INVALID_ARGUMENT", text)


def failed(error: BaseException) -> RestError:
    """The fake itself can't answer, for a reason that fails the test. Evidence: our choice."""
    return RestError(500, "INTERNAL", str(error))


def dumped(value: Any) -> str:
    """JSON as Google lays it out, by lines."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
