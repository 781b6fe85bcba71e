"""Google's clients, bound to one fake."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from google.cloud import tasks_v2

from .channel import DeferredChannel
from .router import Backend
from .transports import bound_to, bound_to_async

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from .legacy.client import LegacyCloudTasksClient


def bound_client(backend: Callable[[str], Backend]) -> CloudTasksClient:
    """Return a real ``CloudTasksClient`` whose calls go to ``backend(rpc)``."""
    if is_of_1x():
        return bound_legacy_client(backend)  # type: ignore[return-value]
    from google.cloud.tasks_v2.services.cloud_tasks import client, transports  # 1.x lacks them

    return client.CloudTasksClient(transport=bound_to(transports.CloudTasksGrpcTransport, backend))


def bound_legacy_client(backend: Callable[[str], Backend]) -> LegacyCloudTasksClient:
    """Return a client with 1.x's surface whose calls go to ``backend(rpc)``.

    It is the library's own if 1.x is installed.
    """
    channel = DeferredChannel(backend)
    if is_of_1x():
        from google.cloud.tasks_v2.gapic.transports import cloud_tasks_grpc_transport as own  # later releases lack it

        return tasks_v2.CloudTasksClient(transport=own.CloudTasksGrpcTransport(channel))  # type: ignore[return-value]
    from .legacy import client, transport  # takes a while to import, and few tests need it

    return client.LegacyCloudTasksClient(transport=transport.CloudTasksGrpcTransport(channel))


@cache
def is_of_1x() -> bool:
    """Return whether a 1.x of the library is installed. Ignore its client class, which a test may have patched."""
    return find_spec("google.cloud.tasks_v2.gapic") is not None


def bound_async_client(backend: Callable[[str], Backend]) -> CloudTasksAsyncClient:
    """Return a real ``CloudTasksAsyncClient`` whose calls go to ``backend(rpc)``.

    Raise RuntimeError if there is none.
    """
    if is_of_1x():
        raise RuntimeError(
            "The installed google-cloud-tasks has no CloudTasksAsyncClient; it came with release 2.0. Call the service"
            " through cloud_tasks_client, or install a newer release."
        )
    from google.cloud.tasks_v2.services.cloud_tasks import async_client, transports  # 1.x lacks them

    return async_client.CloudTasksAsyncClient(
        transport=bound_to_async(transports.CloudTasksGrpcAsyncIOTransport, backend)
    )
