"""Tasks created through the clients of google-cloud-tasks, on every transport that an application can give them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import google.cloud.tasks
import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksGrpcTransport,
    CloudTasksRestTransport,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports.rest import CloudTasksRestInterceptor

from pytest_cloudtasks import LegacyCloudTasksClient

from .http_libraries import HOST, QUEUES

VERSIONS = ("v2", "v2beta3", "v2beta2")
Build = Callable[[str], Any]
"""Builds a client of Google's for a host."""


class Logging(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """An interceptor for grpc, which passes calls on."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(details, request)


class LoggingOverRest(CloudTasksRestInterceptor):
    """An interceptor for REST, which passes calls on."""

    def pre_create_task(self, request: Any, metadata: Any) -> Any:
        return request, metadata


def by_name(version: str, name: str, host: str) -> Any:
    package = import_module(f"google.cloud.tasks_{version}")
    client = package.CloudTasksAsyncClient if name == "grpc_asyncio" else package.CloudTasksClient
    return client(transport=name, client_options={"api_endpoint": host})


def own_channel(host: str) -> grpc.Channel:
    return grpc.secure_channel(host, grpc.ssl_channel_credentials())


def intercepted_channel(host: str) -> grpc.Channel:
    return grpc.intercept_channel(own_channel(host), Logging())


SYNC: dict[str, Build] = {
    **{f"{version} {name}": partial(by_name, version, name) for version in VERSIONS for name in ("grpc", "rest")},
    "google.cloud.tasks": lambda host: google.cloud.tasks.CloudTasksClient(client_options={"api_endpoint": host}),
    "grpc by class": lambda host: tasks_v2.CloudTasksClient(
        transport=CloudTasksGrpcTransport, client_options={"api_endpoint": host}
    ),
    "grpc by a callable": lambda host: tasks_v2.CloudTasksClient(
        transport=lambda **options: CloudTasksGrpcTransport(**options | {"host": host})
    ),
    "grpc by an instance": lambda host: tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(host=host)),
    "own channel": lambda host: tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=own_channel(host))),
    "own channel with an interceptor": lambda host: tasks_v2.CloudTasksClient(
        transport=CloudTasksGrpcTransport(channel=intercepted_channel(host))
    ),
    "rest by class": lambda host: tasks_v2.CloudTasksClient(
        transport=CloudTasksRestTransport, client_options={"api_endpoint": host}
    ),
    "rest by a callable": lambda host: tasks_v2.CloudTasksClient(
        transport=lambda **options: CloudTasksRestTransport(**options | {"host": host})
    ),
    "rest by an instance": lambda host: tasks_v2.CloudTasksClient(transport=CloudTasksRestTransport(host=host)),
    "rest with an interceptor": lambda host: tasks_v2.CloudTasksClient(
        transport=CloudTasksRestTransport(host=host, credentials=AnonymousCredentials(), interceptor=LoggingOverRest())
    ),
}
ASYNC: dict[str, Build] = {
    **{f"{version} grpc_asyncio": partial(by_name, version, "grpc_asyncio") for version in VERSIONS},
    "grpc_asyncio by class": lambda host: tasks_v2.CloudTasksAsyncClient(
        transport=CloudTasksGrpcAsyncIOTransport, client_options={"api_endpoint": host}
    ),
    "grpc_asyncio by a callable": lambda host: tasks_v2.CloudTasksAsyncClient(
        transport=lambda **options: CloudTasksGrpcAsyncIOTransport(**options | {"host": host})
    ),
    "grpc_asyncio by an instance": lambda host: tasks_v2.CloudTasksAsyncClient(
        transport=CloudTasksGrpcAsyncIOTransport(host=host)
    ),
    "own channel of asyncio": lambda host: tasks_v2.CloudTasksAsyncClient(
        transport=CloudTasksGrpcAsyncIOTransport(channel=grpc.aio.secure_channel(host, grpc.ssl_channel_credentials()))
    ),
}


def request(task: str, queue: str) -> dict[str, Any]:
    """Return the arguments of `create_task`, whose task has a name if one is asked for."""
    parent = f"{QUEUES}/{queue}"
    named = {"name": f"{parent}/tasks/{task}"} if task else {}
    return {"parent": parent, "task": {**named, "http_request": {"url": "https://app.test/"}}}


def by_sync_client(build: Build, task: str = "", queue: str = "work", host: str = HOST) -> object:
    return build(host).create_task(**request(task, queue))


def by_async_client(build: Build, task: str = "", queue: str = "work", host: str = HOST) -> object:
    async def create() -> object:
        return await build(host).create_task(**request(task, queue))

    return asyncio.run(create())


def by_legacy_client(task: str = "", queue: str = "work", host: str = HOST) -> object:
    parent, message = request(task, queue).values()
    client = LegacyCloudTasksClient(client_options={"api_endpoint": host})
    return client.create_task(parent, message)
