"""A refusal of the model as the exception that Google's client makes of it."""

from __future__ import annotations

import random

from .._service.errors import ServiceError


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
