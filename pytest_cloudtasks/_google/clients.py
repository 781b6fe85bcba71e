"""Real clients bound to one fake, and Google's exceptions for the model's refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._model.refusals import ServiceError
from .switchboard import Backend

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient


def bound_client(backend: Callable[[], Backend]) -> CloudTasksClient:
    """A real ``CloudTasksClient`` whose calls go to ``backend()``."""
    from google.cloud.tasks_v2 import CloudTasksClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    from .transports import bound_to

    return CloudTasksClient(transport=bound_to(CloudTasksGrpcTransport, backend))


def bound_async_client(backend: Callable[[], Backend]) -> CloudTasksAsyncClient:
    """A real ``CloudTasksAsyncClient`` whose calls go to ``backend()``."""
    from google.cloud.tasks_v2 import CloudTasksAsyncClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

    from .transports import bound_to_async

    return CloudTasksAsyncClient(transport=bound_to_async(CloudTasksGrpcAsyncIOTransport, backend))


def exception_for(error: ServiceError, jitter: random.Random) -> Exception:
    """What Google's client raises for a refusal."""
    from google.api_core import exceptions

    from .status import rpc_error

    return exceptions.from_grpc_error(rpc_error(error, jitter))  # type: ignore[no-any-return]
