from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks import transports

from pytest_cloudtasks import FakeCloudTasks
from tests.acceptance.versions import VERSIONS, Versioned, library

PARENT = "projects/test-project/locations/us-central1"


SYNC_TRANSPORTS = ["grpc", "rest"] if hasattr(transports, "CloudTasksRestTransport") else ["grpc"]
"""What the installed release has."""
TRANSPORTS = [*SYNC_TRANSPORTS, "grpc_asyncio"]


class AsyncInSteps:
    """Google's asyncio client with the methods of the sync one: each call runs to its end in one event loop."""

    def __init__(self, client: CloudTasksAsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._run = loop.run_until_complete

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not inspect.iscoroutinefunction(method):
            return method

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = self._run(method(*args, **kwargs))
            return PagerInSteps(result, self._run) if hasattr(result, "__aiter__") else result

        return call


class PagerInSteps:
    """An async pager, iterated from outside its event loop."""

    def __init__(self, pager: Any, run: Callable[..., Any]) -> None:
        self._pager = pager
        self._run = run

    def __iter__(self) -> Iterator[Any]:
        return self._all_of(self._pager.__aiter__())

    @property
    def pages(self) -> Iterator[Any]:
        """Page by page."""
        return self._all_of(self._pager.pages)

    def _all_of(self, items: Any) -> Iterator[Any]:
        while True:
            try:
                yield self._run(anext(items))
            except StopAsyncIteration:
                return
            except GeneratorExit:
                if hasattr(items, "aclose"):
                    self._run(items.aclose())
                raise


@pytest.fixture(params=[*SYNC_TRANSPORTS, "grpc_asyncio"])
def client(request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks) -> Iterator[CloudTasksClient | AsyncInSteps]:
    """A client as application code builds it, sync over either transport, and asyncio's."""
    if request.param != "grpc_asyncio":
        yield CloudTasksClient(transport=request.param)
        return
    loop = asyncio.new_event_loop()
    yield AsyncInSteps(CloudTasksAsyncClient(), loop)
    loop.run_until_complete(loop.shutdown_asyncgens())  # pagers that a test has not read to their end
    loop.close()


@pytest.fixture
def in_steps() -> Iterator[Callable[[Any], AsyncInSteps]]:
    """Makes a client with sync methods of one of asyncio's."""
    loop = asyncio.new_event_loop()
    yield lambda client: AsyncInSteps(client, loop)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(params=[(version, transport) for version in VERSIONS for transport in TRANSPORTS], ids="-".join)
def versioned(
    request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks, in_steps: Callable[[Any], AsyncInSteps]
) -> Versioned:
    """A client of each version of the API over each transport."""
    version, transport = request.param
    return Versioned(version, built(version, transport, in_steps))


@pytest.fixture(params=TRANSPORTS)
def worker(request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks, in_steps: Callable[[Any], AsyncInSteps]) -> Any:
    """A client of v2beta2, which alone can lease, over each transport."""
    return built("v2beta2", request.param, in_steps)


def built(version: str, transport: str, in_steps: Callable[[Any], AsyncInSteps]) -> Any:
    """A client as application code builds it."""
    package = library(version)
    if transport == "grpc_asyncio":
        return in_steps(package.CloudTasksAsyncClient())
    return package.CloudTasksClient(transport=transport)


@pytest.fixture
def parent() -> str:
    return PARENT


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return str(cloud_tasks.create_queue("work").name)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Any attempt to look up a name or to connect a socket fails the test, and the machine has no credentials."""

    def fail(*args: object, **options: object) -> None:
        pytest.fail(f"The network was used: {args!r}.")

    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
