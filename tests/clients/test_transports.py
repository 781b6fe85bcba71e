from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import google.auth
import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.oauth2.credentials import Credentials

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.grpc_channels import patch_grpc
from pytest_cloudtasks._clients.patching import Patch
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._clients.transports import DeferredCredentials, bound_to
from tests.clients.channels import QueueChannel
from tests.installed import CloudTasksRestTransport

QUEUE = "projects/p/locations/l/queues/q"
API = "google.cloud.tasks.v2"
FOUND = tasks_v2.Queue(name=QUEUE)


class Marking(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Adds to the metadata of each call."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        marked = [*details.metadata, ("x-marked", "once")]
        return continuation(details._replace(metadata=marked), request)


class OwnTransport(CloudTasksGrpcTransport):
    """A subclass of the user's, with a channel of its own making."""

    def __init__(self, mark: str, **arguments: Any) -> None:
        self.mark = mark
        super().__init__(**arguments)

    @classmethod
    def create_channel(cls, *arguments: Any, **options: Any) -> grpc.Channel:
        return grpc.intercept_channel(super().create_channel(*arguments, **options), Marking())


class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The real service: every call returns the queue ``real``; requests are kept."""

    def __init__(self) -> None:
        self.metadata: list[list[tuple[str, str]]] = []

    def service(self, handler_call_details: Any) -> Any:
        self.metadata.append([(key, value) for key, value in handler_call_details.invocation_metadata])
        found = tasks_v2.Queue.serialize(tasks_v2.Queue(name="real"))
        return grpc.unary_unary_rpc_method_handler(lambda request, context: found)


class RealService(Service):
    """The same behind a port, with what opened channels to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.opened: list[tuple[Any, ...]] = []
        self.credentials: list[dict[str, Any]] = []
        self.server = grpc.server(ThreadPoolExecutor(2), handlers=[self])
        self._port = self.server.add_insecure_port("127.0.0.1:0")
        self._insecure_channel = grpc.insecure_channel
        opening = ModuleType("grpc")
        vars(opening).update(secure_channel=self._open, insecure_channel=grpc.insecure_channel)
        patch_grpc(opening, Patch())
        monkeypatch.setattr(grpc, "secure_channel", vars(opening)["secure_channel"])
        monkeypatch.setattr(google.auth, "default", self._default)

    def _open(self, target: str, credentials: Any, options: Any = None, compression: Any = None) -> grpc.Channel:
        self.opened.append((target, type(credentials), options, compression))
        return self._insecure_channel(f"127.0.0.1:{self._port}")

    def _default(self, **asked_for: Any) -> tuple[Any, str]:
        self.credentials.append(asked_for)
        return AnonymousCredentials(), "project"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealService]:
    """The real service at Google's address, and credentials for it."""
    found = RealService(monkeypatch)
    found.server.start()
    yield found
    found.server.stop(None)


@pytest.fixture
def leave(scripted: Callable[..., Any]) -> Iterator[Callable[[], None]]:
    """A fake is active until the test calls this."""
    backend = scripted(FOUND)
    active = [backend]

    def end() -> None:
        router.leave(active.pop())

    yield end
    if not active:
        router.enter(backend)


# --- credentials -------------------------------------------------------------------------------------------------

Make = Callable[[], CloudTasksGrpcTransport]
MADE: dict[str, Make] = {
    "no arguments": lambda: CloudTasksGrpcTransport(),
    "host": lambda: CloudTasksGrpcTransport(host="europe-west1-cloudtasks.googleapis.com"),
    "scopes and quota": lambda: CloudTasksGrpcTransport(scopes=["https://scope.test"], quota_project_id="p"),
    "own channel by a callable": lambda: CloudTasksGrpcTransport(
        channel=lambda host, **options: CloudTasksGrpcTransport.create_channel(host, **options)
    ),
    "credentials": lambda: CloudTasksGrpcTransport(credentials=AnonymousCredentials()),
    "subclass": lambda: OwnTransport("mine"),
}


def get_queue(transport: Any) -> str:
    return tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE).name  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", MADE)
def test_a_transport_of_a_fake_becomes_what_the_library_builds(
    service: RealService, leave: Callable[[], None], how: str
) -> None:
    """With a call outside it looks for the credentials and opens the channel that it has without this package."""
    transport = MADE[how]()
    assert get_queue(transport) == QUEUE
    assert (service.opened, service.credentials) == ([], [])
    leave()
    assert [get_queue(transport), get_queue(transport)] == ["real", "real"]
    later, asked_for = service.opened[:], service.credentials[:]
    service.opened.clear()
    service.credentials.clear()
    at_once = MADE[how]()
    assert (service.opened, service.credentials) == (later, asked_for)
    assert len(later) == 1
    assert get_queue(at_once) == "real"
    transport.close()
    at_once.close()
    marks = [[value for key, value in sent if key == "x-marked"] for sent in service.metadata]
    assert marks == [["once"] if how == "subclass" else []] * 3


def test_a_channel_that_a_callable_keeps_serves_every_transport(
    service: RealService, leave: Callable[[], None]
) -> None:
    """It was opened in the fake; the real one is opened once."""
    kept: list[grpc.Channel] = []

    def keep(host: str, **options: Any) -> grpc.Channel:
        kept[:] = kept or [CloudTasksGrpcTransport.create_channel(host, **options)]
        return kept[0]

    transports = [CloudTasksGrpcTransport(channel=keep) for _ in range(2)]
    leave()
    assert [get_queue(transport) for transport in transports] == ["real", "real"]
    assert len(service.opened) == 1
    kept[0].close()


def test_a_key_file_is_opened_for_a_call_outside(
    service: RealService, leave: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the transport's argument is read then, once, with what the library passes along."""
    read: list[Any] = []

    def load(filename: str, **asked_for: Any) -> tuple[Any, None]:
        read.append((filename, asked_for["scopes"]))
        return AnonymousCredentials(), None

    monkeypatch.setattr(google.auth, "load_credentials_from_file", load)
    transport = CloudTasksGrpcTransport(credentials_file="/no/such/key.json", scopes=["https://scope.test"])
    assert get_queue(transport) == QUEUE
    assert read == []
    leave()
    assert [get_queue(transport), get_queue(transport)] == ["real", "real"]
    assert read == [("/no/such/key.json", ["https://scope.test"])]
    transport.close()


def test_a_wrong_argument_is_the_librarys_error(scripted: Callable[..., Any]) -> None:
    """A constructor says in a fake what it says without one."""
    scripted()
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'hots'$"):
        CloudTasksGrpcTransport(hots="h")
    with pytest.raises(exceptions.DuplicateCredentialArgs):
        CloudTasksGrpcTransport(credentials=AnonymousCredentials(), credentials_file="f")


@pytest.mark.parametrize("is_blocked", [False, True])
def test_deferred_credentials_add_nothing_to_a_call_that_stays_here(
    scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, is_blocked: bool
) -> None:
    """While a fake is active, or calls are blocked, they are not looked for."""
    if is_blocked:
        monkeypatch.setattr(router, "refuse_outside", pytest.fail)
    else:
        scripted()
    headers: dict[str, str] = {}
    credentials = DeferredCredentials(lambda: pytest.fail("They were looked for."))
    credentials.before_request(None, "GET", "https://cloudtasks.googleapis.com/", headers)
    credentials.refresh(None)
    assert headers == {}


def test_deferred_credentials_are_the_real_ones_for_a_call_outside() -> None:
    """They are loaded once, and add what they add."""
    loaded: list[Credentials] = []

    def load() -> Credentials:
        loaded.append(Credentials("token"))
        return loaded[-1]

    headers: dict[str, str] = {}
    credentials = DeferredCredentials(load)
    credentials.before_request(None, "GET", "https://cloudtasks.googleapis.com/", headers)
    credentials.before_request(None, "GET", "https://cloudtasks.googleapis.com/", headers)
    assert headers["authorization"] == "Bearer token"
    with pytest.raises(RefreshError):
        credentials.refresh(None)
    assert len(loaded) == 1


# --- gRPC --------------------------------------------------------------------------------------------------------


def test_an_own_channel_to_google_is_bound_call_by_call(service: RealService) -> None:
    """A channel that the user has opened serves the real service before a fake begins, the fake meanwhile."""
    channel = grpc.secure_channel("cloudtasks.googleapis.com", grpc.ssl_channel_credentials())
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    assert client.get_queue(name=QUEUE).name == "real"
    with FakeCloudTasks(queues=[QUEUE]) as cloud_tasks:
        assert client.get_queue(name=QUEUE).name == QUEUE
        assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]
    assert client.get_queue(name=QUEUE).name == "real"
    channel.close()
    with pytest.raises(ValueError) as refused:
        client.get_queue(name=QUEUE)
    assert str(refused.value) == "Cannot invoke RPC on closed channel!"


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
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport())
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
def test_a_future_is_logged_alike(
    scripted: Callable[..., Any], log: Callable[[int], list[str]], level: int, told: list[str]
) -> None:
    """A call may be a future, and goes through Google's log where that is heard."""
    scripted(FOUND)
    log(level)
    transport = CloudTasksGrpcTransport()
    assert transport.get_queue.future(tasks_v2.GetQueueRequest(name=QUEUE), metadata=[]).result() == FOUND
    assert log(logging.INFO)[: len(LOGGED[:1])] == told


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_an_rpc_of_the_transport_has_the_forms_of_grpc(
    scripted: Callable[..., Any], caplog: pytest.LogCaptureFixture, level: int
) -> None:
    """Called on the transport itself it takes a time-out and metadata by position, and also returns the call."""
    backend = scripted(FOUND)
    caplog.set_level(level, CloudTasksGrpcTransport.__module__)
    rpc = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport()).transport.get_queue
    request = tasks_v2.GetQueueRequest(name=QUEUE)
    assert rpc(request, 7, [("x-mine", "1")]) == FOUND
    response, call = rpc.with_call(request, timeout=7, metadata=[])
    assert (response, call.code().name) == (FOUND, "OK")
    assert [(one.timeout, list(one.metadata)) for one in backend.calls] == [(7, [("x-mine", "1")]), (7, [])]


def test_a_patch_of_an_rpcs_class_wins(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in the style of those that Google generates replace the call of the RPC's class."""
    backend = scripted(FOUND)
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport())
    monkeypatch.setattr(type(client.transport.get_queue), "__call__", lambda *args, **options: "theirs")
    assert client.get_queue(name=QUEUE) == "theirs"
    assert backend.calls == []


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_come_with_the_first_call_outside(scripted: Callable[..., Any]) -> None:
    """A transport built in a fake needs credentials only for calls outside of one."""
    backend = scripted(FOUND)
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport())
    assert client.get_queue(name=QUEUE) == FOUND
    router.leave(backend)
    try:
        with pytest.raises(DefaultCredentialsError):
            client.get_queue(name=QUEUE)
    finally:
        router.enter(backend)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_transport_looks_like_the_librarys(scripted: Callable[..., Any], transport: str) -> None:
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


def test_a_bound_transport_ignores_the_router(scripted: Callable[..., Any]) -> None:
    """A transport bound to one fake goes there, whichever is the innermost."""
    own = scripted(FOUND)
    inner = scripted(tasks_v2.Queue(name="inner"))
    client = tasks_v2.CloudTasksClient(transport=bound_to(CloudTasksGrpcTransport, lambda rpc: own))
    assert client.get_queue(name=QUEUE) == FOUND
    assert inner.calls == []


def test_a_transport_of_the_registry_keeps_a_channel_that_it_is_given(scripted: Callable[..., Any]) -> None:
    """A transport class of the client with the caller's own channel uses that channel."""
    backend = scripted(FOUND)
    channel = QueueChannel("theirs")
    transport = tasks_v2.CloudTasksClient.get_transport_class("grpc")(channel=channel)
    assert tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE).name == "theirs"
    assert backend.calls == []
    transport.close()
    assert channel.is_closed
