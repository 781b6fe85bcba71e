from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from pytest_cloudtasks._clients.aio_channel import AnsweredCall, DeferredAioChannel
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._clients.transports import bound_to_async, deferred_grpc_asyncio, redirectable_async
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.rpc_call import RpcCall

GET_TASK = "/google.cloud.tasks.v2.CloudTasks/GetTask"
QUEUE = "projects/p/locations/l/queues/q"
FOUND = tasks_v2.Queue(name=QUEUE)


class Answering:
    """A backend that answers each call with itself, or with what it was given."""

    def __init__(self, answer: Any = None, first: Callable[[], Awaitable[None]] | None = None) -> None:
        self.calls: list[RpcCall] = []
        self._answer = answer
        self._first = first

    def receive(self, call: RpcCall) -> Any:
        raise AssertionError("an asyncio client's calls arrive by receive_async")

    def receive_async(self, call: RpcCall) -> tuple[Any, Awaitable[None] | None]:
        self.calls.append(call)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer or call, self._first() if self._first is not None else None

    redirect_endpoints = ()


class RealChannel(grpc.aio.Channel):  # type: ignore[misc]
    """Stands for a channel to the real service: every call finds the queue ``real``."""

    def __init__(self) -> None:
        self.is_closed = False
        self.made: list[Any] = []
        self._unary_unary_interceptors: list[Any] = []

    def unary_unary(self, *setup: Any, **kwargs: Any) -> Any:
        def call(request: Any, **options: Any) -> AnsweredCall:
            self.made.append((setup, request, options))
            return AnsweredCall(tasks_v2.Queue(name="real"), None)

        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = get_state = unary_stream

    async def wait_for_state_change(self, last_observed_state: Any) -> None: ...

    async def channel_ready(self) -> None: ...

    async def close(self, grace: float | None = None) -> None:
        self.is_closed = True

    async def __aenter__(self) -> RealChannel:
        return self

    async def __aexit__(self, *exc_info: object) -> None: ...


async def nothing() -> None:
    """What there is to close."""


def channel_to(backend: Any) -> DeferredAioChannel:
    return DeferredAioChannel(lambda rpc: backend, nothing)


async def answer_of(call: Any) -> Any:
    return await call


def error(code: grpc.StatusCode = grpc.StatusCode.NOT_FOUND) -> InProcessRpcError:
    return InProcessRpcError(code, "No such queue.", (("a-bin", b"b"),), random.Random(0))


# --- calls -------------------------------------------------------------------------------------------------------


def test_a_call_arrives_as_it_was_made() -> None:
    """The backend sees RPC, API, request, time-out and metadata of a call, before anybody awaits the answer."""
    backend, request = Answering(), object()
    call = channel_to(backend).unary_unary(GET_TASK)(request, timeout=20.0, metadata=[("a", "b")])
    (arrived,) = backend.calls
    assert (arrived.method, arrived.api, arrived.request) == ("get_task", "google.cloud.tasks.v2", request)
    assert (arrived.timeout, arrived.metadata) == (20.0, (("a", "b"),))
    assert asyncio.run(answer_of(call)) is arrived


def test_a_call_may_say_nothing_but_its_request() -> None:
    """Without time-out and metadata the backend sees None and no pairs."""
    backend = Answering()
    channel_to(backend).unary_unary(GET_TASK)("request")
    assert (backend.calls[0].timeout, backend.calls[0].metadata) == (None, ())


def test_awaiting_lets_others_run() -> None:
    """As over a network, other coroutines get a turn before the answer is there."""
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    async def story() -> None:
        beside = asyncio.ensure_future(other())
        await channel_to(Answering()).unary_unary(GET_TASK)("request")
        order.append("answer")
        await beside

    asyncio.run(story())
    assert order == ["other", "answer"]


def test_an_answered_call_has_ended() -> None:
    """A success is a call that is done, with nothing in its metadata; a callback is called at once."""
    called: list[Any] = []
    call = channel_to(Answering()).unary_unary(GET_TASK)("request")
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
    call = channel_to(Answering(refused)).unary_unary(GET_TASK)("request")

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
        call = channel_to(Answering(FOUND, first)).unary_unary(GET_TASK)("request")
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
        task = asyncio.ensure_future(answer_of(channel_to(Answering(FOUND, first)).unary_unary(GET_TASK)("request")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    gc.collect()
    assert done == []


def test_a_future_that_comes_first_is_left_to_those_who_made_it() -> None:
    """A caller that is cancelled on the way closes a coroutine of its own, and cancels nobody else's future."""

    async def story() -> bool:
        first = asyncio.get_running_loop().create_future()
        call = channel_to(Answering(FOUND, lambda: first)).unary_unary(GET_TASK)("request")
        task = asyncio.ensure_future(answer_of(call))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return first.cancelled()

    assert asyncio.run(story()) is False


def test_every_call_is_bound_anew() -> None:
    """One callable serves whichever backend is active when it is called, and is told which RPC it is for."""
    fakes, asked = [Answering(), Answering()], []
    active = list(fakes)

    def bind(rpc: str) -> Answering:
        asked.append(rpc)
        return active.pop(0)

    call = DeferredAioChannel(bind, nothing).unary_unary(GET_TASK)
    call("one")
    call("two")
    assert [len(fake.calls) for fake in fakes] == [1, 1]
    assert asked == ["get_task", "get_task"]


def test_a_call_may_be_bound_to_a_real_channel() -> None:
    """Where the binding is a channel, the call is made there with everything the library gave it."""
    real = RealChannel()
    call = channel_to(real).unary_unary(GET_TASK, "serializer", "deserializer")
    assert asyncio.run(answer_of(call("request", timeout=3, compression=1))).name == "real"
    setup = (GET_TASK, "serializer", "deserializer")
    assert real.made == [(setup, "request", {"timeout": 3, "metadata": None, "compression": 1})]


# --- the channel -------------------------------------------------------------------------------------------------


def test_a_closed_channel_refuses() -> None:
    """After close a call raises what grpc's own channel raises, and the backend sees nothing of it."""
    backend, closed = Answering(), []

    async def close() -> None:
        closed.append(True)

    channel = DeferredAioChannel(lambda rpc: backend, close)

    async def story() -> None:
        async with channel:
            await channel.unary_unary(GET_TASK)("request")
        with pytest.raises(grpc.aio.UsageError) as refused:
            await channel.unary_unary(GET_TASK)("request")
        assert str(refused.value) == "Channel is closed."

    assert channel.get_state() is grpc.ChannelConnectivity.READY
    asyncio.run(story())
    assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    assert (closed, len(backend.calls)) == ([True], 1)


def test_the_channel_is_ready_in_any_loop() -> None:
    """Nothing has to be waited for, and nothing ties it to the loop it was built in."""

    async def built() -> DeferredAioChannel:
        return channel_to(Answering())

    channel = asyncio.run(built())

    async def story() -> None:
        await channel.channel_ready()
        await channel.wait_for_state_change(grpc.ChannelConnectivity.IDLE)
        await channel.unary_unary(GET_TASK)("request")

    asyncio.run(story())
    assert channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
def test_there_are_no_streams(kind: str) -> None:
    """Cloud Tasks has unary calls only."""
    with pytest.raises(NotImplementedError) as refused:
        getattr(channel_to(Answering()), kind)(GET_TASK)
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


def stock_on(channel: RealChannel) -> type[CloudTasksGrpcAsyncIOTransport]:
    """The library's asyncio transport, which opens ``channel`` where it would open one to the service."""

    class OnThisChannel(CloudTasksGrpcAsyncIOTransport):
        @classmethod
        def create_channel(cls, *args: Any, **kwargs: Any) -> RealChannel:
            return channel

    return OnThisChannel


def test_an_asyncio_transport_is_bound_call_by_call() -> None:
    """One transport serves the real service before a fake begins, the fake meanwhile, and the service after."""
    real, backend = RealChannel(), Answering(FOUND)
    transport = deferred_grpc_asyncio(stock_on(real))(credentials=AnonymousCredentials())
    client = tasks_v2.CloudTasksAsyncClient(transport=transport)
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


def test_a_late_bound_transport_looks_like_the_librarys() -> None:
    """It is an instance of the stock class, with its name and kind."""
    with Entered(Answering(FOUND)):
        built = tasks_v2.CloudTasksAsyncClient().transport
    assert isinstance(built, CloudTasksGrpcAsyncIOTransport)
    assert (type(built).__name__, type(built).__module__) == (
        CloudTasksGrpcAsyncIOTransport.__name__,
        CloudTasksGrpcAsyncIOTransport.__module__,
    )
    assert built.kind == "grpc_asyncio"


def test_a_bound_transport_ignores_the_switchboard() -> None:
    """A transport bound to one fake goes there, whichever is the innermost."""
    own, inner = Answering(FOUND), Answering(tasks_v2.Queue(name="inner"))
    with Entered(own, inner):
        client = tasks_v2.CloudTasksAsyncClient(
            transport=bound_to_async(CloudTasksGrpcAsyncIOTransport, lambda rpc: own)
        )
        assert get_queue(client) == FOUND
    assert inner.calls == []


def test_a_redirected_channel_goes_to_the_fake_while_there_is_one() -> None:
    """A channel of the user's is answered by the active fake, and by its own server otherwise."""
    real = RealChannel()
    transport = CloudTasksGrpcAsyncIOTransport(channel=redirectable_async(real))
    client = tasks_v2.CloudTasksAsyncClient(transport=transport)
    assert get_queue(client).name == "real"
    with Entered(Answering(FOUND)):
        assert get_queue(client) == FOUND
    asyncio.run(client.transport.close())
    assert real.is_closed


def test_a_transport_of_the_registry_keeps_a_channel_that_it_is_given() -> None:
    """Who asks the client for its transport class, and gives that a channel, talks to that channel."""
    real, backend = RealChannel(), Answering(FOUND)
    with Entered(backend):
        transport = deferred_grpc_asyncio(CloudTasksGrpcAsyncIOTransport)(channel=real)
        client = tasks_v2.CloudTasksAsyncClient(transport=transport)
        assert get_queue(client).name == "real"
    assert backend.calls == []


def test_closing_without_a_real_transport_closes_nothing() -> None:
    """None was needed, so none is built to be closed."""
    built: list[Any] = []

    class Stock(CloudTasksGrpcAsyncIOTransport):
        @classmethod
        def create_channel(cls, *args: Any, **kwargs: Any) -> RealChannel:
            built.append(args)
            return RealChannel()

    with Entered(Answering(FOUND)):
        client = tasks_v2.CloudTasksAsyncClient(transport=deferred_grpc_asyncio(Stock)())
        assert get_queue(client) == FOUND
        asyncio.run(client.transport.close())
    assert built == []


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


def test_interceptors_are_gone_through_in_order() -> None:
    """Each may change what goes on and what comes back; a call that is awaited again is made once."""
    seen: list[str] = []

    class Noting(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._name = name

        async def intercept_unary_unary(self, go_on: Any, details: Any, request: Any) -> Any:
            seen.append(f"{self._name}: {request}")
            call = await go_on(details, f"{request} {self._name}")
            seen.append(f"{self._name} again")
            return call

    backend = Answering()
    channel = channel_to(backend)
    channel._unary_unary_interceptors += [Noting("outer"), Noting("inner")]

    async def twice() -> list[Any]:
        call = channel.unary_unary(GET_TASK)("request", timeout=20.0, metadata=[("a", "b")])
        return [await call, await call, await call.code()]

    arrived, again, code = asyncio.run(twice())
    assert seen == ["outer: request", "inner: request outer", "inner again", "outer again"]
    assert (arrived.request, arrived.timeout, arrived.metadata) == ("request outer inner", 20.0, (("a", "b"),))
    assert (again, code, len(backend.calls)) == (arrived, grpc.StatusCode.OK, 1)
