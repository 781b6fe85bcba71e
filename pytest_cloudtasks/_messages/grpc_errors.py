"""Errors of the service as a gRPC channel raises them; Google's client makes its exceptions of these."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from .._service.errors import ServiceError
from .errors import status_of

_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class InProcessCall(grpc.Call):  # type: ignore[misc]
    """A call that has ended."""

    def is_active(self) -> bool:
        """A call in-process is over when it returns."""
        return False

    def time_remaining(self) -> None:
        """No time is left for a call that is over."""
        return

    def cancel(self) -> bool:
        """Too late."""
        return False

    def add_callback(self, callback: Callable[[], Any]) -> bool:
        """Too late: by grpc's contract the callback is then not called."""
        return False

    def initial_metadata(self) -> tuple[Any, ...]:
        """None is sent."""
        return ()

    def trailing_metadata(self) -> tuple[Any, ...]:
        """None is sent with a success."""
        return ()

    def code(self) -> grpc.StatusCode:
        """OK."""
        return grpc.StatusCode.OK

    def details(self) -> str:
        """A success has no text."""
        return ""


class InProcessRpcError(grpc.RpcError, InProcessCall):  # type: ignore[misc]
    """What the channel raises for a rejected call: an error and a call at once, as grpc's own."""

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
        """The status."""
        return self._code

    def details(self) -> str:
        """The service's text."""
        return self._text

    def trailing_metadata(self) -> tuple[Any, ...]:
        """The error's details in Google's binary form, if it has any."""
        return self._metadata

    def result(self, timeout: float | None = None) -> NoReturn:
        """Raises, as the result of a failed call does."""
        raise self

    def exception(self, timeout: float | None = None) -> InProcessRpcError:
        """The error itself."""
        return self


def rpc_error(error: ServiceError, jitter: random.Random) -> InProcessRpcError:
    """The error that the channel raises for ``error``."""
    return InProcessRpcError(_STATUS[error.code.value], error.message, _details(error), jitter)


def _details(error: ServiceError) -> tuple[tuple[str, bytes], ...]:
    if not error.details:
        return ()
    return (("grpc-status-details-bin", status_of(error).SerializeToString()),)


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
