"""REST's client for long-running operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import operations_v1
from google.auth.credentials import AnonymousCredentials
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksRestTransport
from google.longrunning import operations_pb2

from pytest_cloudtasks._clients.rest_transport import deferred_rest
from pytest_cloudtasks._clients.router import router


def rest_transport() -> Any:
    return deferred_rest(CloudTasksRestTransport, "google.cloud.tasks.v2")(credentials=AnonymousCredentials())


def test_outside_a_fake_rest_asks_the_library_s_client_for_operations() -> None:
    """It is the one that the stock transport makes."""
    assert type(rest_transport().operations_client) is operations_v1.AbstractOperationsClient


def test_within_a_fake_rest_s_operations_are_the_fake_s(scripted: Callable[..., Any]) -> None:
    """The call arrives like one of any channel, with its name and API."""
    backend = scripted(operations_pb2.Operation(name="operations/o", done=True))
    assert rest_transport().operations_client.get_operation("operations/o").done
    (call,) = backend.calls
    assert (call.api, call.method, call.request.name) == ("google.longrunning", "get_operation", "operations/o")


def test_an_operation_outlives_its_fake_without_a_way_to_ask(scripted: Callable[..., Any]) -> None:
    """A client for operations that was made within a fake says so where there is none any more."""
    backend = scripted(operations_pb2.Operation(name="operations/o", done=True))
    operations = rest_transport().operations_client
    router.leave(backend)
    try:
        with pytest.raises(RuntimeError) as refused:
            operations.get_operation("operations/o")
    finally:
        router.enter(backend)
    assert str(refused.value) == (
        "get_operation was called for an operation of a fake that has ended. Ask within its test."
    )
    assert backend.calls == []
