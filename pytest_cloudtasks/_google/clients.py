"""Real clients bound to one fake, and Google's exceptions for the model's refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._model.refusals import ServiceError
from .switchboard import Backend

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from .legacy.client import LegacyCloudTasksClient


def bound_client(backend: Callable[[], Backend]) -> CloudTasksClient:
    """A real ``CloudTasksClient`` whose calls go to ``backend()``."""
    from google.cloud.tasks_v2 import CloudTasksClient

    if is_of_1x(CloudTasksClient):
        return bound_legacy_client(backend)  # type: ignore[return-value]
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    from .transports import bound_to

    return CloudTasksClient(transport=bound_to(CloudTasksGrpcTransport, backend))


def bound_legacy_client(backend: Callable[[], Backend]) -> LegacyCloudTasksClient:
    """A client with 1.x's surface whose calls go to ``backend()``: the library's own where 1.x is installed."""
    from google.cloud import tasks_v2

    from .channel import LateBoundChannel

    channel = LateBoundChannel(lambda rpc: backend(), lambda: None, stays_open=True)
    if is_of_1x(tasks_v2.CloudTasksClient):
        from google.cloud.tasks_v2.gapic.transports import cloud_tasks_grpc_transport as own

        return tasks_v2.CloudTasksClient(transport=own.CloudTasksGrpcTransport(channel))  # type: ignore[return-value]
    from .legacy.client import LegacyCloudTasksClient
    from .legacy.transport import CloudTasksGrpcTransport

    return LegacyCloudTasksClient(transport=CloudTasksGrpcTransport(channel))


def is_of_1x(client: type) -> bool:
    """Whether the library's class of clients has 1.x's surface."""
    return hasattr(client, "location_path")


def bound_async_client(backend: Callable[[], Backend]) -> CloudTasksAsyncClient:
    """A real ``CloudTasksAsyncClient`` whose calls go to ``backend()``. Raises RuntimeError where there is none."""
    from google.cloud.tasks_v2 import CloudTasksClient

    if is_of_1x(CloudTasksClient):
        raise RuntimeError(
            "The installed google-cloud-tasks has no CloudTasksAsyncClient; it came with release 2.0. Call the service"
            " through cloud_tasks_client, or install a newer release."
        )
    from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksAsyncClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

    from .transports import bound_to_async

    return CloudTasksAsyncClient(transport=bound_to_async(CloudTasksGrpcAsyncIOTransport, backend))


def exception_for(error: ServiceError, jitter: random.Random) -> Exception:
    """What Google's client raises for a refusal."""
    from google.api_core import exceptions

    from .status import rpc_error

    return exceptions.from_grpc_error(rpc_error(error, jitter))  # type: ignore[no-any-return]
