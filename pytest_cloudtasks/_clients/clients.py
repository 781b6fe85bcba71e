"""Google's clients: real ones that are bound to one fake, and the names that a test has patched with mocks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .router import Backend

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from .legacy.client import LegacyCloudTasksClient


def bound_client(backend: Callable[[str], Backend]) -> CloudTasksClient:
    """A real ``CloudTasksClient`` whose calls go to ``backend(rpc)``."""
    if is_of_1x():
        return bound_legacy_client(backend)  # type: ignore[return-value]
    from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    from .transports import bound_to

    return CloudTasksClient(transport=bound_to(CloudTasksGrpcTransport, backend))


def bound_legacy_client(backend: Callable[[str], Backend]) -> LegacyCloudTasksClient:
    """A client with 1.x's surface whose calls go to ``backend(rpc)``: the library's own where 1.x is installed."""
    from .channel import DeferredChannel

    channel = DeferredChannel(backend, lambda: None, stays_open=True)
    if is_of_1x():
        from google.cloud.tasks_v2 import CloudTasksClient
        from google.cloud.tasks_v2.gapic.transports import cloud_tasks_grpc_transport as own

        return CloudTasksClient(transport=own.CloudTasksGrpcTransport(channel))  # type: ignore[return-value]
    from .legacy.client import LegacyCloudTasksClient
    from .legacy.transport import CloudTasksGrpcTransport

    return LegacyCloudTasksClient(transport=CloudTasksGrpcTransport(channel))


@cache
def is_of_1x() -> bool:
    """Whether a 1.x of the library is installed; a test may have patched its class of clients, so that isn't asked."""
    return find_spec("google.cloud.tasks_v2.gapic") is not None


def bound_async_client(backend: Callable[[str], Backend]) -> CloudTasksAsyncClient:
    """A real ``CloudTasksAsyncClient`` whose calls go to ``backend(rpc)``. Raises RuntimeError where there is none."""
    if is_of_1x():
        raise RuntimeError(
            "The installed google-cloud-tasks has no CloudTasksAsyncClient; it came with release 2.0. Call the service"
            " through cloud_tasks_client, or install a newer release."
        )
    from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksAsyncClient
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

    from .transports import bound_to_async

    return CloudTasksAsyncClient(transport=bound_to_async(CloudTasksGrpcAsyncIOTransport, backend))


_MODULES = ("google.cloud.tasks_v2", "google.cloud.tasks", "google.cloud.tasks_v2beta3", "google.cloud.tasks_v2beta2")
_CLIENTS = ("CloudTasksClient", "CloudTasksAsyncClient")
_CREATING = ("create_task", "batch_create_tasks")
_LIBRARIES = ("unittest.mock", "mock")
"""The standard library's, and its backport."""


def mocked_names() -> list[str]:
    """The names of clients, of their methods that create tasks, or of whole modules, that are mocks at this moment."""
    found = (getattr(sys.modules.get(name), "NonCallableMock", None) for name in _LIBRARIES)
    kinds = tuple(kind for kind in found if isinstance(kind, type))
    return [name for name, value in _candidates() if _is_mock(value, kinds)]


def _candidates() -> Iterator[tuple[str, Any]]:
    """Names and their values; classes that go by two names are looked into once."""
    seen: list[Any] = []
    for module_name in _MODULES:
        module = sys.modules.get(module_name)
        yield module_name, module
        for client in _CLIENTS:
            kind = getattr(module, "__dict__", {}).get(client)
            yield f"{module_name}.{client}", kind
            if isinstance(kind, type) and kind not in seen:
                seen.append(kind)
                yield from ((f"{module_name}.{client}.{method}", vars(kind).get(method)) for method in _CREATING)


def _is_mock(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether it is a mock, or the function that ``autospec`` puts in front of one."""
    return isinstance(value, kinds) or isinstance(getattr(value, "__dict__", {}).get("mock"), kinds)
