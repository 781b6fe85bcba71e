from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.clients import bound_async_client, bound_client, bound_legacy_client
from pytest_cloudtasks._messages.grpc_errors import exception_for, is_refusal
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._service.errors import QUEUE_MISSING, URL_MISSING, Rejection

QUEUE = "projects/p/locations/l/queues/q"
FOUND = tasks_v2.Queue(name=QUEUE)
pytestmark = pytest.mark.usefixtures("no_credentials", "no_network")


class Own:
    """A backend that is on no router."""

    def __init__(self) -> None:
        self.calls: list[IncomingCall] = []

    def receive(self, call: IncomingCall) -> Any:
        self.calls.append(call)
        return FOUND

    def receive_async(self, call: IncomingCall) -> tuple[Any, None]:
        return self.receive(call), None

    redirect_endpoints = ()
    has_one_loop_for_a_client = False


def get_by_sync(backend: Callable[[str], Own]) -> Callable[[], tasks_v2.Queue]:
    client = bound_client(backend)
    assert type(client) is tasks_v2.CloudTasksClient
    return lambda: client.get_queue(name=QUEUE)


def get_by_async(backend: Callable[[str], Own]) -> Callable[[], tasks_v2.Queue]:
    client = bound_async_client(backend)
    assert type(client) is tasks_v2.CloudTasksAsyncClient
    return lambda: asyncio.run(client.get_queue(name=QUEUE))


Get = Callable[[Callable[[str], Own]], Callable[[], tasks_v2.Queue]]


@pytest.fixture(params=[get_by_sync, get_by_async], ids=["sync", "async"])
def bound(request: pytest.FixtureRequest) -> Get:
    """Builds a bound client of either kind, and gives what asks it for a queue."""
    return request.param  # type: ignore[no-any-return]


def test_a_bound_client_goes_to_its_own_fake(bound: Get, scripted: Callable[..., Any]) -> None:
    """It is the library's own class, and does not use the router."""
    other, own = scripted(tasks_v2.Queue(name="other")), Own()
    assert bound(lambda rpc: own)() == FOUND
    assert [call.method for call in own.calls] == ["get_queue"]
    assert other.calls == []


def test_the_fake_is_asked_for_with_each_call(bound: Get) -> None:
    """A client kept over several tests reaches the one that is running."""
    fakes = [Own(), Own()]
    current = list(fakes)
    get = bound(lambda rpc: current.pop(0))
    get()
    get()
    assert [len(fake.calls) for fake in fakes] == [1, 1]


def test_closing_a_bound_client_closes_nothing() -> None:
    """A fixture's client that application code closes serves the next test all the same."""
    own = Own()
    client = bound_client(lambda rpc: own)
    with client:
        client.get_queue(name=QUEUE)
    client.transport.close()
    assert client.get_queue(name=QUEUE) == FOUND


def test_closing_a_bound_async_client_closes_nothing() -> None:
    """An async one in an async test, and in the next loop."""
    own = Own()
    client = bound_async_client(lambda rpc: own)

    async def story() -> None:
        async with client:
            await client.get_queue(name=QUEUE)
        await client.transport.close()

    asyncio.run(story())
    assert asyncio.run(client.get_queue(name=QUEUE)) == FOUND


def test_a_rejection_is_raised_as_the_client_raises_it() -> None:
    """For methods of the fake that answer in the client's stead."""
    jitter = random.Random(7)
    error = exception_for(QUEUE_MISSING.error(), jitter)
    assert type(error) is exceptions.NotFound
    assert str(error).startswith("404 Queue does not exist.")
    assert error.errors[0].jitter is jitter


@pytest.mark.parametrize(
    ("refusal", "is_one"),
    [(QUEUE_MISSING, True), (URL_MISSING, False)],
    ids=["not found", "invalid argument"],
)
def test_a_rejection_is_one_of_the_state_of_things(refusal: Rejection, is_one: bool) -> None:
    """An invalid argument would be rejected at any time."""
    assert is_refusal(exception_for(refusal.error())) is is_one
    assert not is_refusal(ValueError("not Google's"))


def test_1x_has_its_own_client_on_a_bound_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of either name gets a transport that leads to the fake; the test replaces both classes."""
    transports: Any = ModuleType("google.cloud.tasks_v2.gapic.transports")
    transports.cloud_tasks_grpc_transport = SimpleNamespace(
        CloudTasksGrpcTransport=lambda channel: SimpleNamespace(channel=channel)
    )
    monkeypatch.setitem(sys.modules, "google.cloud.tasks_v2.gapic", ModuleType("google.cloud.tasks_v2.gapic"))
    monkeypatch.setitem(sys.modules, transports.__name__, transports)
    monkeypatch.setattr("google.cloud.tasks_v2.CloudTasksClient", SimpleNamespace)
    monkeypatch.setattr("pytest_cloudtasks._clients.clients.is_of_1x", lambda: True)
    for build in (bound_client, bound_legacy_client):
        own = Own()
        client: Any = build(lambda rpc, own=own: own)
        assert type(client) is SimpleNamespace
        call = client.transport.channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue")
        call(tasks_v2.GetQueueRequest(name=QUEUE))
        assert [one.method for one in own.calls] == ["get_queue"]


def test_1x_has_no_async_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is installed, the error for the async client says what to do."""
    monkeypatch.setattr("pytest_cloudtasks._clients.clients.is_of_1x", lambda: True)
    with pytest.raises(RuntimeError) as refused:
        bound_async_client(Own)
    assert str(refused.value) == (
        "The installed google-cloud-tasks has no CloudTasksAsyncClient; it came with release 2.0. Call the service"
        " through cloud_tasks_client, or install a newer release."
    )


@pytest.mark.parametrize("kind", ["client", "async_client", "legacy_client"])
def test_the_fakes_clients_are_real_whatever_a_test_patches(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A test may have put something else in the place of the library's class; the fake does not look it up by name."""
    with FakeCloudTasks() as fake:
        usual = type(getattr(fake, kind)())
        monkeypatch.setattr("google.cloud.tasks_v2.CloudTasksClient", MagicMock())
        assert type(getattr(fake, kind)()) is usual
