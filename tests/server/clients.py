"""Clients that connect over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import grpc.aio
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer
from tests.installed import CloudTasksRestTransport

PARENT = "projects/test-project/locations/us-central1"
QUEUE = f"{PARENT}/queues/default"
TASK: dict[str, Any] = {"http_request": {"url": "https://mailer.test/send"}}


@contextmanager
def over_grpc(server: CloudTasksServer, version: Any = tasks_v2) -> Iterator[Any]:
    """Return the real client over a new channel."""
    transports = version.services.cloud_tasks.transports
    with grpc.insecure_channel(server.grpc_target) as channel:
        yield version.CloudTasksClient(transport=transports.CloudTasksGrpcTransport(channel=channel))


@asynccontextmanager
async def over_grpc_async(server: CloudTasksServer) -> AsyncIterator[Any]:
    """Return the real asyncio client over a new channel."""
    transports = tasks_v2.services.cloud_tasks.transports
    async with grpc.aio.insecure_channel(server.grpc_target) as channel:
        yield tasks_v2.CloudTasksAsyncClient(transport=transports.CloudTasksGrpcAsyncIOTransport(channel=channel))


@contextmanager
def over_rest(server: CloudTasksServer) -> Iterator[Any]:
    """Return the real client with its REST transport."""
    host = server.rest_url.removeprefix("http://")
    transport = CloudTasksRestTransport(host=host, url_scheme="http", credentials=AnonymousCredentials())
    with tasks_v2.CloudTasksClient(transport=transport) as client:
        yield client
