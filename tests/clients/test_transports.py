from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from pytest_cloudtasks._clients.rest_transport import deferred_rest
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._clients.transports import (
    CredentialsToLoad,
    RealTransport,
    backend_for,
    bound_to,
    deferred_grpc,
    redirectable,
)
from pytest_cloudtasks._messages.rest_http import HTTP_RULES
from tests.clients.channels import QueueChannel
from tests.installed import CloudTasksRestTransport

QUEUE = "projects/p/locations/l/queues/q"
API = "google.cloud.tasks.v2"
FOUND = tasks_v2.Queue(name=QUEUE)


class Stock:
    """Stands for one of the library's transports: it was built, and may be closed."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Built:
    """Builds `Stock` transports and counts them."""

    def __init__(self) -> None:
        self.transports: list[Stock] = []

    def __call__(self, **arguments: Any) -> Stock:
        self.transports.append(Stock(**arguments))
        return self.transports[-1]


def stock_on(channel: QueueChannel) -> type[CloudTasksGrpcTransport]:
    """The library's gRPC transport, which opens ``channel`` where it would open one to the service."""

    class OnThisChannel(CloudTasksGrpcTransport):
        __module__ = CloudTasksGrpcTransport.__module__  # where its logger is looked for

        @classmethod
        def create_channel(cls, *args: Any, **kwargs: Any) -> QueueChannel:
            return channel

    return OnThisChannel


# --- the real transport ------------------------------------------------------------------------------------------


def test_outside_a_fake_the_real_transport_is_built_at_once() -> None:
    """A client built in a running test outside a fake gets what the library gives, errors included."""
    stock = Built()
    real = RealTransport(stock, {"host": "h", "credentials": None})
    assert [one.arguments for one in stock.transports] == [{"host": "h", "credentials": None}]
    assert real.get() is stock.transports[0]
    assert len(stock.transports) == 1


def test_in_a_fake_the_real_transport_waits_until_it_is_needed(scripted: Callable[..., Any]) -> None:
    """A client built in a fake builds its real transport with the first call outside, once."""
    scripted()
    stock = Built()
    real = RealTransport(stock, {"host": "h"})
    assert stock.transports == []
    assert real.get() is real.get()
    assert len(stock.transports) == 1


def test_a_service_accounts_key_is_loaded_when_the_real_transport_is(scripted: Callable[..., Any]) -> None:
    """The key is opened for a real call and not before."""
    scripted()
    opened: list[str] = []

    def load() -> str:
        opened.append("the key")
        return "credentials"

    stock = Built()
    real = RealTransport(stock, {"credentials": CredentialsToLoad(load)})
    assert opened == []
    assert real.get().arguments == {"credentials": "credentials"}
    assert opened == ["the key"]


def test_closing_closes_a_real_transport_that_was_built(scripted: Callable[..., Any]) -> None:
    """Close reaches the real transport, and builds none in order to close it."""
    scripted()
    stock = Built()
    real = RealTransport(stock, {})
    real.close()
    assert stock.transports == []
    real.get()
    real.close()
    assert [one.is_closed for one in stock.transports] == [True]


def test_a_call_outside_may_be_refused(monkeypatch: pytest.MonkeyPatch, scripted: Callable[..., Any]) -> None:
    """Outside a fake the call is named to what blocks it; inside it is not asked."""
    refused: list[str] = []
    monkeypatch.setattr(router, "refuse_outside", refused.append)
    assert backend_for("create_task") is None
    assert refused == ["CloudTasksClient.create_task()"]
    backend = scripted()
    assert backend_for("create_task") is backend
    assert refused == ["CloudTasksClient.create_task()"]


# --- gRPC --------------------------------------------------------------------------------------------------------


def test_a_grpc_transport_is_bound_call_by_call(scripted: Callable[..., Any]) -> None:
    """One transport serves the real service before a fake begins, the fake meanwhile."""
    transport = deferred_grpc(stock_on(QueueChannel("real")))(credentials=AnonymousCredentials())
    client = tasks_v2.CloudTasksClient(transport=transport)
    assert client.get_queue(name=QUEUE).name == "real"
    backend = scripted(FOUND)
    assert client.get_queue(name=QUEUE).name == QUEUE
    assert [call.method for call in backend.calls] == ["get_queue"]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Gives what Google's transport has logged since the last time, and sets its logger to a level."""
    logger = logging.getLogger(CloudTasksGrpcTransport.__module__)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])  # Google's root logger propagates nothing to Python's
    monkeypatch.setattr(logger, "propagate", False)

    def told(level: int) -> list[str]:
        caplog.set_level(level, logger.name)
        messages = [record.getMessage() for record in caplog.records if record.name == logger.name]
        caplog.clear()
        return messages

    return told


RPC = "/google.cloud.tasks.v2.CloudTasks/GetQueue"
LOGGED = [f"Sending request for {RPC}", f"Received response for {RPC}."]


@pytest.mark.parametrize("form", ["of the client", "__call__", "with_call"])
def test_calls_are_logged_while_google_logs_them(
    scripted: Callable[..., Any], log: Callable[[int], list[str]], form: str
) -> None:
    """While Google's own logger is at DEBUG each call is logged as the library does it, else the log stays empty."""
    backend = scripted(FOUND)
    client = tasks_v2.CloudTasksClient(transport=deferred_grpc(CloudTasksGrpcTransport)())
    request = tasks_v2.GetQueueRequest(name=QUEUE)
    get: Any = client.get_queue if form == "of the client" else getattr(client.transport.get_queue, form)
    levels = [logging.INFO, logging.DEBUG, logging.INFO, logging.DEBUG, logging.INFO]
    told = []
    for level in levels:
        told.append(log(level))
        get(request, metadata=[])
    told.append(log(logging.INFO))
    assert told == [[], [], LOGGED, [], LOGGED, []]
    assert len(backend.calls) == len(levels)


@pytest.mark.parametrize(("level", "told"), [(logging.DEBUG, LOGGED[:1]), (logging.INFO, [])], ids=["debug", "info"])
def test_a_future_of_the_real_service_is_logged_alike(
    log: Callable[[int], list[str]], level: int, told: list[str]
) -> None:
    """Outside a fake a call may be a future, and goes through Google's log where that is heard."""
    transport = deferred_grpc(stock_on(QueueChannel("real")))(credentials=AnonymousCredentials())
    log(level)
    transport.get_queue.future(tasks_v2.GetQueueRequest(name=QUEUE), metadata=[])
    assert log(logging.INFO) == told


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_an_rpc_of_the_transport_has_the_forms_of_grpc(
    scripted: Callable[..., Any], caplog: pytest.LogCaptureFixture, level: int
) -> None:
    """Called on the transport itself it takes a time-out and metadata by position, and gives the call beside."""
    backend = scripted(FOUND)
    caplog.set_level(level, CloudTasksGrpcTransport.__module__)
    rpc = tasks_v2.CloudTasksClient(transport=deferred_grpc(CloudTasksGrpcTransport)()).transport.get_queue
    request = tasks_v2.GetQueueRequest(name=QUEUE)
    assert rpc(request, 7, [("x-mine", "1")]) == FOUND
    response, call = rpc.with_call(request, timeout=7, metadata=[])
    assert (response, call.code().name) == (FOUND, "OK")
    assert [(one.timeout, list(one.metadata)) for one in backend.calls] == [(7, [("x-mine", "1")]), (7, [])]


def test_an_rpc_of_the_transport_has_no_future(scripted: Callable[..., Any]) -> None:
    """A call is answered when it is made, so there is nothing to wait for; that is said in a sentence."""
    backend = scripted(FOUND)
    rpc = tasks_v2.CloudTasksClient(transport=deferred_grpc(CloudTasksGrpcTransport)()).transport.get_queue
    with pytest.raises(NotImplementedError) as refused:
        rpc.future(tasks_v2.GetQueueRequest(name=QUEUE)).result()
    assert str(refused.value) == ("A call to the fake is made and answered at once; call the client's method instead.")
    assert backend.calls == []


def test_a_patch_of_an_rpcs_class_wins(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in the style of those that Google generates replace the call of the RPC's class."""
    backend = scripted(FOUND)
    client = tasks_v2.CloudTasksClient(transport=deferred_grpc(CloudTasksGrpcTransport)())
    monkeypatch.setattr(type(client.transport.get_queue), "__call__", lambda *args, **options: "theirs")
    assert client.get_queue(name=QUEUE) == "theirs"
    assert backend.calls == []


def test_closing_a_grpc_transport_closes_the_real_channel() -> None:
    """Close reaches the channel to the service, and no call is possible afterwards."""
    channel = QueueChannel("real")
    transport = deferred_grpc(stock_on(channel))(credentials=AnonymousCredentials())
    transport.close()
    assert channel.is_closed
    with pytest.raises(ValueError) as refused:
        tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE)
    assert str(refused.value) == "Cannot invoke RPC on closed channel!"


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_come_with_the_first_call_outside(scripted: Callable[..., Any]) -> None:
    """A transport built in a fake needs credentials only for calls outside of one."""
    backend = scripted(FOUND)
    client = tasks_v2.CloudTasksClient(transport=deferred_grpc(CloudTasksGrpcTransport)())
    assert client.get_queue(name=QUEUE) == FOUND
    router.leave(backend)
    try:
        with pytest.raises(DefaultCredentialsError):
            client.get_queue(name=QUEUE)
    finally:
        router.enter(backend)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_late_bound_transport_looks_like_the_librarys(scripted: Callable[..., Any], transport: str) -> None:
    """It is an instance of the stock class, with its name, kind and host."""
    scripted()
    stock = {"grpc": CloudTasksGrpcTransport, "rest": CloudTasksRestTransport}[transport]
    built = tasks_v2.CloudTasksClient(transport=transport).transport
    assert isinstance(built, stock)
    assert (type(built).__name__, type(built).__module__) == (stock.__name__, stock.__module__)
    assert built.kind == transport
    reference = stock(credentials=AnonymousCredentials())
    assert built.host == reference.host
    reference.close()


def test_a_bound_transport_ignores_the_switchboard(scripted: Callable[..., Any]) -> None:
    """A transport bound to one fake goes there, whichever is the innermost."""
    own = scripted(FOUND)
    inner = scripted(tasks_v2.Queue(name="inner"))
    client = tasks_v2.CloudTasksClient(transport=bound_to(CloudTasksGrpcTransport, lambda rpc: own))
    assert client.get_queue(name=QUEUE) == FOUND
    assert inner.calls == []


def test_a_redirected_channel_goes_to_the_fake_while_there_is_one(scripted: Callable[..., Any]) -> None:
    """A channel of the user's is answered by the active fake, and by its own server otherwise."""
    channel = QueueChannel("real")
    transport = CloudTasksGrpcTransport(channel=redirectable(channel))
    client = tasks_v2.CloudTasksClient(transport=transport)
    assert client.get_queue(name=QUEUE).name == "real"
    scripted(FOUND)
    assert client.get_queue(name=QUEUE) == FOUND
    transport.close()
    assert channel.is_closed


def test_a_transport_of_the_registry_keeps_a_channel_that_it_is_given(scripted: Callable[..., Any]) -> None:
    """Who asks the client for its transport class, and gives that a channel, talks to that channel."""
    backend = scripted(FOUND)
    channel = QueueChannel("theirs")
    transport = tasks_v2.CloudTasksClient.get_transport_class("grpc")(channel=channel)
    assert tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE).name == "theirs"
    assert backend.calls == []
    transport.close()
    assert channel.is_closed


# --- REST --------------------------------------------------------------------------------------------------------


@pytest.mark.needs("rest")
@pytest.mark.parametrize(
    ("options", "origin"),
    [
        ({}, "https://cloudtasks.googleapis.com"),
        (
            {"api_endpoint": "europe-west1-cloudtasks.example.com:8443"},
            "https://europe-west1-cloudtasks.example.com:8443",
        ),
        ({"api_endpoint": "http://localhost:8080"}, "http://localhost:8080"),
    ],
    ids=["default", "endpoint", "plain"],
)
def test_a_rest_error_names_verb_and_url(
    scripted: Callable[..., Any], failing: Callable[..., Any], options: dict[str, str], origin: str
) -> None:
    """Over REST an error is "<code> <VERB> <url>: <text>", and has its cause behind it."""
    error = failing("NOT_FOUND", "No such queue.")
    scripted(error)
    client = tasks_v2.CloudTasksClient(transport="rest", client_options=options)
    with pytest.raises(exceptions.NotFound) as raised:
        client.purge_queue(name=QUEUE)
    assert str(raised.value) == f"404 POST {origin}/v2/{QUEUE}:purge: No such queue."
    assert raised.value.code == 404
    assert raised.value.__cause__ is error


@pytest.mark.needs("rest")
def test_a_rest_call_arrives_as_it_was_made(scripted: Callable[..., Any]) -> None:
    """RPC, API, request, time-out and metadata reach the backend over REST as over gRPC."""
    backend = scripted(FOUND)
    tasks_v2.CloudTasksClient(transport="rest").get_queue(name=QUEUE, timeout=7, metadata=[("x-mine", "1")])
    (call,) = backend.calls
    assert (call.method, call.api) == ("get_queue", API)
    assert call.timeout == pytest.approx(7, abs=1)  # the client takes off what a busy machine has needed until here
    assert call.request == tasks_v2.GetQueueRequest(name=QUEUE)
    assert ("x-mine", "1") in call.metadata
    assert ("x-goog-request-params", f"name={QUEUE}") in call.metadata


@pytest.mark.needs("rest")
def test_a_rest_name_without_a_path_never_reaches_the_fake(scripted: Callable[..., Any]) -> None:
    """A name that fits no URL is a ValueError of the client, as in production."""
    backend = scripted(FOUND)
    with pytest.raises(ValueError, match=r"^Invalid request\."):
        tasks_v2.CloudTasksClient(transport="rest").get_queue(name="not-a-queue")
    assert backend.calls == []


@pytest.mark.needs("rest")
def test_outside_a_fake_a_rest_call_is_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fake the stock REST transport makes the call."""
    made: list[Any] = []

    class OnThisChannel(CloudTasksRestTransport):
        @property
        def get_queue(self) -> Any:
            def call(request: Any, **options: Any) -> Any:
                made.append((request, options["timeout"]))
                return tasks_v2.Queue(name="real")

            return call

        def _prep_wrapped_messages(self, client_info: Any) -> None:
            self._wrapped_methods = {}

    with monkeypatch.context() as patch:
        real = RealTransport(OnThisChannel, {"credentials": AnonymousCredentials()})
        transport = deferred_rest(CloudTasksRestTransport, API)(credentials=AnonymousCredentials())
        patch.setattr(transport, "_real_transport", real)
        assert tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE, timeout=3).name == "real"
    assert made == [(tasks_v2.GetQueueRequest(name=QUEUE), 3)]
    transport.close()


@pytest.mark.needs("rest")
def test_rest_rpcs_are_equal_to_themselves(scripted: Callable[..., Any]) -> None:
    """Two readings of an RPC are equal and hash alike; another RPC or transport's is another."""
    scripted()
    one, other = (tasks_v2.CloudTasksClient(transport="rest").transport for _ in range(2))
    assert one.get_queue == one.get_queue
    assert hash(one.get_queue) == hash(one.get_queue)
    assert one.get_queue != one.get_task
    assert one.get_queue != other.get_queue
    assert one.get_queue != "get_queue"
    assert all(getattr(one, rpc) in one._wrapped_methods for rpc in HTTP_RULES if hasattr(one, rpc))
