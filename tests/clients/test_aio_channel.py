from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.aio_channel import AnsweredCall, DeferredAioChannel
from pytest_cloudtasks._clients.channel import Connection
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._clients.transports import bound_to_async
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.proto import proto_class, proto_of
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from tests.clients.pickling import without_addresses

GET_QUEUE = "/google.cloud.tasks.v2.CloudTasks/GetQueue"
QUEUE = "projects/p/locations/l/queues/q"
FOUND = tasks_v2.Queue(name=QUEUE)
REQUEST = tasks_v2.GetQueueRequest(name=QUEUE)


class Answering:
    """A backend that answers each call with what it was given."""

    def __init__(self, answer: Any = FOUND, first: Callable[[], Awaitable[None]] | None = None) -> None:
        self.calls: list[IncomingCall] = []
        self._answer = answer
        self._first = first

    def receive(self, call: IncomingCall) -> Any:
        raise AssertionError("an asyncio client's calls arrive by receive_async")

    def receive_async(self, call: IncomingCall) -> tuple[Any, Awaitable[None] | None]:
        self.calls.append(call)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer, self._first() if self._first is not None else None

    redirect_endpoints = ()
    has_one_loop_for_a_client = False


class RealChannel(grpc.aio.Channel):  # type: ignore[misc]
    """A channel to the real service: every call returns the queue ``real``."""

    def __init__(self) -> None:
        self.is_closed = False
        self.made: list[Any] = []
        self.awaited: list[Any] = []
        self._unary_unary_interceptors: list[Any] = []

    def unary_unary(self, *setup: Any, **kwargs: Any) -> Any:
        def call(request: Any, **options: Any) -> AnsweredCall:
            self.made.append((setup, request, options))
            return AnsweredCall(tasks_v2.Queue(name="real"), None)

        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = unary_stream

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return grpc.ChannelConnectivity.CONNECTING

    async def wait_for_state_change(self, last_observed_state: Any) -> None:
        self.awaited.append(last_observed_state)

    async def channel_ready(self) -> None:
        self.awaited.append("ready")

    async def close(self, grace: float | None = None) -> None:
        self.is_closed = True

    async def __aenter__(self) -> RealChannel:
        return self

    async def __aexit__(self, *exc_info: object) -> None: ...


def channel_to(backend: Any) -> DeferredAioChannel:
    return DeferredAioChannel(lambda rpc: backend)


def on_real(open_real: Callable[[], RealChannel]) -> DeferredAioChannel:
    """A channel of which the active fake gets the calls, and the real channel those outside."""
    return DeferredAioChannel(lambda rpc: router.backend, Connection(open_real))


def queue_getter(channel: DeferredAioChannel) -> Any:
    """GetQueue as Google's transport asks a channel for it."""
    return channel.unary_unary(GET_QUEUE, tasks_v2.GetQueueRequest.serialize, tasks_v2.Queue.deserialize)


async def answer_of(call: Any) -> Any:
    return await call


def error(code: grpc.StatusCode = grpc.StatusCode.NOT_FOUND) -> InProcessRpcError:
    return InProcessRpcError(code, "No such queue.", (("a-bin", b"b"),), random.Random(0))


# --- calls -------------------------------------------------------------------------------------------------------


def test_a_call_arrives_as_it_was_made() -> None:
    """The backend sees RPC, API, request, time-out and metadata of a call, before anybody awaits the answer."""
    backend = Answering()
    call = queue_getter(channel_to(backend))(REQUEST, timeout=20.0, metadata=[("a", "b")])
    (arrived,) = backend.calls
    assert (arrived.method, arrived.api, arrived.request) == ("get_queue", "google.cloud.tasks.v2", REQUEST)
    assert (arrived.timeout, arrived.metadata) == (20.0, (("a", "b"),))
    assert asyncio.run(answer_of(call)) is FOUND


def test_a_call_may_say_nothing_but_its_request() -> None:
    """Without time-out and metadata the backend sees None and no pairs."""
    backend = Answering()
    queue_getter(channel_to(backend))(REQUEST)
    assert (backend.calls[0].timeout, backend.calls[0].metadata) == (None, ())


def test_a_stub_may_have_protobufs_own_classes() -> None:
    """A stub that was generated by grpcio-tools sends and gets messages of its own classes."""
    backend = Answering()
    request, response = proto_class(tasks_v2.GetQueueRequest), proto_class(tasks_v2.Queue)
    call = channel_to(backend).unary_unary(GET_QUEUE, request.SerializeToString, response.FromString)
    assert asyncio.run(answer_of(call(request(name="n")))) == proto_of(FOUND)
    assert backend.calls[0].request == request(name="n")


def test_awaiting_lets_others_run() -> None:
    """As over a network, other coroutines get a turn before the answer is there."""
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    async def story() -> None:
        beside = asyncio.ensure_future(other())
        await queue_getter(channel_to(Answering()))(REQUEST)
        order.append("answer")
        await beside

    asyncio.run(story())
    assert order == ["other", "answer"]


def test_an_answered_call_has_ended() -> None:
    """A success is a call that is done, with nothing in its metadata; a callback is called at once."""
    called: list[Any] = []
    call = queue_getter(channel_to(Answering()))(REQUEST)
    call.add_done_callback(called.append)

    async def story() -> tuple[Any, ...]:
        await call.wait_for_connection()
        return (
            await call.code(),
            await call.details(),
            tuple(await call.initial_metadata()),
            tuple(await call.trailing_metadata()),
        )

    assert asyncio.run(story()) == (grpc.StatusCode.OK, "", (), ())
    assert (call.done(), call.cancel(), call.cancelled(), call.time_remaining()) == (True, False, False, None)
    assert called == [call]


def test_an_error_is_raised_when_the_call_is_awaited() -> None:
    """Making the call does not raise; status, text and metadata are there to ask for."""
    refused = error()
    call = queue_getter(channel_to(Answering(refused)))(REQUEST)

    async def story() -> tuple[Any, ...]:
        return await call.code(), await call.details(), tuple(await call.trailing_metadata())

    assert asyncio.run(story()) == (grpc.StatusCode.NOT_FOUND, "No such queue.", (("a-bin", b"b"),))
    with pytest.raises(InProcessRpcError) as raised:
        asyncio.run(answer_of(call))
    assert raised.value is refused


def test_what_comes_first_is_awaited_once_before_the_answer() -> None:
    """The backend may have something done before the caller goes on."""
    done: list[str] = []

    async def first() -> None:
        await asyncio.sleep(0)
        done.append("first")

    async def story() -> None:
        call = queue_getter(channel_to(Answering(FOUND, first)))(REQUEST)
        assert done == []
        assert await call == FOUND
        assert done == ["first"]
        assert await call == FOUND

    asyncio.run(story())
    assert done == ["first"]


def test_what_comes_first_is_dropped_with_its_caller() -> None:
    """A caller that is cancelled on the way leaves no coroutine behind that nobody awaits."""
    done: list[str] = []

    async def first() -> None:
        done.append("first")

    async def story() -> None:
        task = asyncio.ensure_future(answer_of(queue_getter(channel_to(Answering(FOUND, first)))(REQUEST)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    gc.collect()
    assert done == []


def test_a_future_that_comes_first_is_left_alone() -> None:
    """A caller that is cancelled meanwhile closes its own coroutine, and cancels no other future."""

    async def story() -> bool:
        first = asyncio.get_running_loop().create_future()
        call = queue_getter(channel_to(Answering(FOUND, lambda: first)))(REQUEST)
        task = asyncio.ensure_future(answer_of(call))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return first.cancelled()

    assert asyncio.run(story()) is False


def test_every_call_is_bound_again() -> None:
    """One callable serves whichever backend is active when it is called, which gets the name of the RPC."""
    fakes, asked = [Answering(), Answering()], []
    active = list(fakes)

    def bind(rpc: str) -> Answering:
        asked.append(rpc)
        return active.pop(0)

    call = queue_getter(DeferredAioChannel(bind))
    call(REQUEST)
    call(REQUEST)
    assert [len(fake.calls) for fake in fakes] == [1, 1]
    assert asked == ["get_queue", "get_queue"]


def test_a_call_without_a_fake_goes_to_the_real_channel() -> None:
    """The call is made with everything the library passed, and with this channel's interceptors."""
    real = RealChannel()
    channel = on_real(lambda: real)
    call = channel.unary_unary(GET_QUEUE, "serializer", "deserializer")
    assert asyncio.run(answer_of(call("request", timeout=3, compression=1))).name == "real"
    setup = (GET_QUEUE, "serializer", "deserializer")
    assert real.made == [(setup, "request", {"timeout": 3, "metadata": None, "compression": 1})]
    assert real._unary_unary_interceptors is channel._unary_unary_interceptors


# --- the channel -------------------------------------------------------------------------------------------------


def test_a_closed_channel_rejects() -> None:
    """After close a call raises what grpc's own channel raises, and the backend sees nothing of it."""
    backend, real = Answering(), RealChannel()
    channel = DeferredAioChannel(lambda rpc: backend, Connection(lambda: real))

    async def story() -> None:
        async with channel:
            await queue_getter(channel)(REQUEST)
        with pytest.raises(grpc.aio.UsageError) as refused:
            await queue_getter(channel)(REQUEST)
        assert str(refused.value) == "Channel is closed."

    with Entered(backend):
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        asyncio.run(story())
    assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    assert (real.is_closed, len(backend.calls)) == (True, 1)


def test_outside_a_fake_the_real_channel_says_whether_it_is_ready() -> None:
    """Its state is asked for and awaited there."""
    real = RealChannel()
    channel = on_real(lambda: real)

    async def story() -> None:
        await channel.channel_ready()
        await channel.wait_for_state_change(grpc.ChannelConnectivity.IDLE)

    assert channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.CONNECTING
    asyncio.run(story())
    assert real.awaited == ["ready", grpc.ChannelConnectivity.IDLE]


def test_the_channel_is_ready_in_any_loop() -> None:
    """Nothing has to be waited for, and nothing ties it to the loop it was built in."""

    async def built() -> DeferredAioChannel:
        return channel_to(Answering())

    channel = asyncio.run(built())

    async def story() -> None:
        await channel.channel_ready()
        await channel.wait_for_state_change(grpc.ChannelConnectivity.IDLE)
        await queue_getter(channel)(REQUEST)

    asyncio.run(story())
    assert channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY


async def built(channel: Callable[[], grpc.aio.Channel]) -> tasks_v2.CloudTasksAsyncClient:
    return tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel()))


def failed_in(loop: asyncio.AbstractEventLoop, client: tasks_v2.CloudTasksAsyncClient) -> tuple[type, str]:
    """What a call in ``loop`` raises; texts name tasks and futures by their addresses, which are left out."""

    async def story() -> None:
        await client.get_queue(name=QUEUE, retry=None)

    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(story())
    return type(raised.value), re.sub(r"<.*>", "<…>", str(raised.value))


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_closed", [True, False])
def test_a_client_may_be_bound_to_its_event_loop(is_closed: bool) -> None:
    """With the option a call in another loop fails as grpc's own does, and never arrives."""
    own, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    real = None
    try:
        real = own.run_until_complete(built(lambda: grpc.aio.insecure_channel("localhost:1")))
        with FakeCloudTasks(queues=[QUEUE], async_client_loops="one") as cloud_tasks:
            client = own.run_until_complete(built(lambda: grpc.aio.insecure_channel("cloudtasks.googleapis.com")))
            assert own.run_until_complete(client.get_queue(name=QUEUE)).name == QUEUE
            if is_closed:
                own.close()
            failed = failed_in(other, client)
            assert failed == failed_in(other, real)
            assert failed[1] == ("Event loop is closed" if is_closed else "Task <…> attached to a different loop")
            assert len(cloud_tasks.rpcs) == 1
    finally:
        own.close()
        other.close()
        del real
        gc.collect()  # grpc leaves a coroutine behind, of which Python warns here


def test_a_client_that_was_built_without_a_loop_belongs_to_that_of_its_first_call() -> None:
    """It fails in any other."""
    with FakeCloudTasks(queues=[QUEUE], async_client_loops="one"):
        client = tasks_v2.CloudTasksAsyncClient()
        assert get_queue(client).name == QUEUE
        with pytest.raises(RuntimeError) as raised:
            get_queue(client)
    assert str(raised.value) == "Event loop is closed"


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_channel_is_copied_as_little_as_grpcs_own(how: str) -> None:
    """A shallow copy works; the exception of the others, and its text, are those of the installed grpc."""
    copy_of: Callable[[Any], Any] = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickle.dumps}[how]

    async def opened(address: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(address)

    with FakeCloudTasks():
        own, deferred = (asyncio.run(opened(address)) for address in ("localhost:1", "cloudtasks.googleapis.com"))
    if how == "copy":
        assert type(copy_of(deferred)) is DeferredAioChannel
        return
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as theirs:
        copy_of(own)
    with pytest.raises(type(theirs.value)) as ours:
        copy_of(deferred)
    assert without_addresses(ours.value) == without_addresses(theirs.value)


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
def test_there_are_no_streams(kind: str) -> None:
    """Cloud Tasks has unary calls only."""
    with pytest.raises(NotImplementedError) as refused:
        getattr(channel_to(Answering()), kind)(GET_QUEUE)
    assert str(refused.value) == "Cloud Tasks has no streaming RPC."


# --- the transport -----------------------------------------------------------------------------------------------


class Entered:
    """Backends on the router until the block ends."""

    def __init__(self, *backends: Answering) -> None:
        self._backends = backends

    def __enter__(self) -> None:
        for backend in self._backends:
            router.enter(backend)

    def __exit__(self, *exc_info: object) -> None:
        for backend in reversed(self._backends):
            router.leave(backend)


def get_queue(client: tasks_v2.CloudTasksAsyncClient, **options: Any) -> Any:
    return asyncio.run(client.get_queue(name=QUEUE, **options))


def test_an_asyncio_transport_is_bound_call_by_call() -> None:
    """One transport serves the real service before a fake begins, the fake meanwhile, and the service after."""
    real, backend = RealChannel(), Answering()
    client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=on_real(lambda: real)))
    assert get_queue(client).name == "real"
    with Entered(backend):
        assert get_queue(client).name == QUEUE
    assert get_queue(client).name == "real"
    assert [call.method for call in backend.calls] == ["get_queue"]
    asyncio.run(client.transport.close())
    assert real.is_closed


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_come_with_the_first_call_outside() -> None:
    """A transport built in a fake needs credentials only for calls outside of one."""
    with Entered(Answering(FOUND)):
        client = tasks_v2.CloudTasksAsyncClient()
        assert get_queue(client) == FOUND
    with pytest.raises(DefaultCredentialsError):
        get_queue(client)


def test_a_deferred_transport_looks_like_the_librarys() -> None:
    """It is an instance of the stock class, with its name and kind."""
    with Entered(Answering(FOUND)):
        built = tasks_v2.CloudTasksAsyncClient().transport
    assert isinstance(built, CloudTasksGrpcAsyncIOTransport)
    assert (type(built).__name__, type(built).__module__) == (
        CloudTasksGrpcAsyncIOTransport.__name__,
        CloudTasksGrpcAsyncIOTransport.__module__,
    )
    assert built.kind == "grpc_asyncio"


def test_a_bound_transport_ignores_the_router() -> None:
    """A transport bound to one fake goes there, whichever is the innermost."""
    own, inner = Answering(FOUND), Answering(tasks_v2.Queue(name="inner"))
    with Entered(own, inner):
        client = tasks_v2.CloudTasksAsyncClient(
            transport=bound_to_async(CloudTasksGrpcAsyncIOTransport, lambda rpc: own)
        )
        assert get_queue(client) == FOUND
    assert inner.calls == []


def test_closing_without_a_real_channel_opens_none() -> None:
    """None was needed, so none is opened to be closed."""
    opened: list[RealChannel] = []

    def open_real() -> RealChannel:
        opened.append(RealChannel())
        return opened[-1]

    with Entered(Answering()):
        client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=on_real(open_real)))
        assert get_queue(client) == FOUND
        asyncio.run(client.transport.close())
    assert opened == []


def test_an_error_is_googles_exception() -> None:
    """The client raises its class for the status, with the error of the channel behind it."""
    refused = error()
    with Entered(Answering(refused)), pytest.raises(exceptions.NotFound) as raised:
        get_queue(tasks_v2.CloudTasksAsyncClient())
    assert str(raised.value) == "404 No such queue."
    assert raised.value.__cause__ is refused


# --- Google's log ------------------------------------------------------------------------------------------------

RPC = "/google.cloud.tasks.v2.CloudTasks/GetQueue"


@pytest.mark.parametrize(
    ("level", "answers", "logged"),
    [
        (logging.DEBUG, True, [f"Sending request for {RPC}", f"Received response to rpc {RPC}."]),
        (logging.DEBUG, False, [f"Sending request for {RPC}"]),
        (logging.INFO, True, []),
    ],
    ids=["an answer", "an error", "no log"],
)
def test_googles_client_logs_its_calls(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, level: int, answers: bool, logged: list[str]
) -> None:
    """Google's interceptor logs a fake's calls as it logs any, with the request and the response."""
    logger = logging.getLogger(CloudTasksGrpcAsyncIOTransport.__module__)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])  # Google's root logger propagates nothing to Python's
    monkeypatch.setattr(logger, "propagate", False)
    caplog.set_level(level, logger.name)
    backend = Answering(FOUND if answers else error())
    with Entered(backend):
        if answers:
            assert get_queue(tasks_v2.CloudTasksAsyncClient()) == FOUND
        else:
            with pytest.raises(exceptions.NotFound):
                get_queue(tasks_v2.CloudTasksAsyncClient())
    assert [record.getMessage() for record in caplog.records if record.name == logger.name] == logged
    assert len(backend.calls) == 1


class Noting(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Records what it sees, and puts its name before the request's."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self._name = name
        self._seen = seen

    async def intercept_unary_unary(self, go_on: Any, details: Any, request: Any) -> Any:
        self._seen.append(f"{self._name}: {request.name}")
        call = await go_on(details, tasks_v2.GetQueueRequest(name=f"{self._name} {request.name}"))
        self._seen.append(f"{self._name} again")
        return call


def test_interceptors_are_gone_through_in_order() -> None:
    """Each may change the request and the response; a call that is awaited again is made once."""
    seen: list[str] = []
    backend = Answering()
    channel = DeferredAioChannel(lambda rpc: backend, None, [Noting("outer", seen)])
    channel._unary_unary_interceptors.append(Noting("inner", seen))

    async def twice() -> list[Any]:
        call = queue_getter(channel)(tasks_v2.GetQueueRequest(name="q"), timeout=20.0, metadata=[("a", "b")])
        return [await call, await call, await call.code()]

    found, again, code = asyncio.run(twice())
    assert seen == ["outer: q", "inner: outer q", "inner again", "outer again"]
    (arrived,) = backend.calls
    assert (arrived.request.name, arrived.timeout, arrived.metadata) == ("inner outer q", 20.0, (("a", "b"),))
    assert (found, again, code) == (FOUND, FOUND, grpc.StatusCode.OK)
