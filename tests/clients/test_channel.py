from __future__ import annotations

import random
from typing import Any

import grpc
import pytest

from pytest_cloudtasks._clients.channel import DeferredChannel
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.rpc_call import RpcCall, snake_case

GET_TASK = "/google.cloud.tasks.v2.CloudTasks/GetTask"


class Echo:
    """A backend that answers each call with itself."""

    def __init__(self) -> None:
        self.calls: list[RpcCall] = []

    def receive(self, call: RpcCall) -> RpcCall:
        self.calls.append(call)
        return call

    redirect_endpoints = ()


class RealCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """Stands for a callable of grpc's own."""

    def __init__(self, *setup: object) -> None:
        self.setup = setup

    def __call__(self, *request: Any, **options: Any) -> Any:
        return self.with_call(*request, **options)[0]

    def with_call(self, *request: Any, **options: Any) -> Any:
        return (self.setup, *request, options), "the call"

    def future(self, *request: Any, **options: Any) -> Any:
        return "the future", self.setup, *request, options


class RealChannel(grpc.Channel):  # type: ignore[misc]
    """Stands for a channel of grpc's own."""

    def __init__(self) -> None:
        self.closed = False

    def unary_unary(self, *setup: Any, **kwargs: Any) -> RealCall:
        return RealCall(*setup)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = subscribe = unsubscribe = unary_stream

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> RealChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def nothing() -> None:
    """What there is to close."""


@pytest.mark.parametrize(
    ("method", "rpc"),
    [
        ("CreateTask", "create_task"),
        ("GetIamPolicy", "get_iam_policy"),
        ("TestIamPermissions", "test_iam_permissions"),
        ("BatchCreateTasks", "batch_create_tasks"),
        ("UpdateCmekConfig", "update_cmek_config"),
    ],
)
def test_rpcs_are_named_as_the_client_names_them(method: str, rpc: str) -> None:
    """The wire's names in capitals become the client's with underscores."""
    assert snake_case(method) == rpc


def test_a_call_arrives_as_it_was_made() -> None:
    """The backend sees RPC, API, request, time-out and metadata of a call, and gives its response."""
    echo = Echo()
    channel = DeferredChannel(lambda rpc: echo, nothing)
    request = object()
    arrived = channel.unary_unary(GET_TASK)(request, timeout=20.0, metadata=[("x-goog-request-params", "name=n")])
    assert (arrived.method, arrived.api, arrived.request) == ("get_task", "google.cloud.tasks.v2", request)
    assert (arrived.timeout, arrived.metadata) == (20.0, (("x-goog-request-params", "name=n"),))


def test_a_call_may_say_nothing_but_its_request() -> None:
    """Without time-out and metadata the backend sees None and no pairs."""
    echo = Echo()
    arrived = DeferredChannel(lambda rpc: echo, nothing).unary_unary(GET_TASK)("request")
    assert (arrived.timeout, arrived.metadata) == (None, ())


def test_a_success_comes_with_a_call() -> None:
    """With_call gives the response and a call that ended well."""
    echo = Echo()
    response, call = DeferredChannel(lambda rpc: echo, nothing).unary_unary(GET_TASK).with_call("request")
    assert response.request == "request"
    assert call.code() is grpc.StatusCode.OK


def test_an_error_of_the_backend_comes_through() -> None:
    """What the backend raises is what the call raises."""
    error = InProcessRpcError(grpc.StatusCode.NOT_FOUND, "gone", (), random.Random(0))

    class Refusing(Echo):
        def receive(self, call: RpcCall) -> RpcCall:
            raise error

    with pytest.raises(InProcessRpcError) as raised:
        DeferredChannel(lambda rpc: Refusing(), nothing).unary_unary(GET_TASK)("request")
    assert raised.value is error


def test_every_call_is_bound_anew() -> None:
    """One callable serves whichever backend is active when it is called, and is told which RPC it is for."""
    first, second = Echo(), Echo()
    asked: list[str] = []
    active = [first]

    def bind(rpc: str) -> Echo:
        asked.append(rpc)
        return active[0]

    call = DeferredChannel(bind, nothing).unary_unary(GET_TASK)
    call("one")
    active[0] = second
    call("two")
    assert [len(first.calls), len(second.calls)] == [1, 1]
    assert asked == ["get_task", "get_task"]


def test_a_call_may_be_bound_to_a_real_channel() -> None:
    """Where the binding is a channel, the call is made there with everything the library gave it."""
    real = RealChannel()
    call = DeferredChannel(lambda rpc: real, nothing).unary_unary(GET_TASK, "serializer", "deserializer")
    made = ((GET_TASK, "serializer", "deserializer"), "request", {"timeout": 3, "compression": 1})
    assert call.with_call("request", timeout=3, compression=1) == (made, "the call")
    assert call("request", timeout=3, compression=1) == made
    assert call.future("request", timeout=3, compression=1) == ("the future", *made)


def test_arguments_by_position_go_to_a_real_channel_as_they_came() -> None:
    """Grpc takes six of them, and so does the RPC of a transport."""
    call = DeferredChannel(lambda rpc: RealChannel(), nothing).unary_unary(GET_TASK)
    given = ("request", 3, None, None, True, "gzip")
    assert call(*given) == ((GET_TASK, None, None), *given, {})
    assert call.with_call(*given) == (((GET_TASK, None, None), *given, {}), "the call")
    assert call.future(*given) == ("the future", (GET_TASK, None, None), *given, {})


def test_an_rpc_has_one_callable() -> None:
    """Asking for an RPC again gives the same callable."""
    channel = DeferredChannel(lambda rpc: Echo(), nothing)
    assert channel.unary_unary(GET_TASK) is channel.unary_unary(GET_TASK)


def test_a_closed_channel_refuses() -> None:
    """After close a call raises what grpc's own channel raises, and the backend sees nothing of it."""
    echo, closed = Echo(), []
    channel = DeferredChannel(lambda rpc: echo, lambda: closed.append(True))
    call = channel.unary_unary(GET_TASK)
    with channel:
        call("request")
    with pytest.raises(ValueError) as refused:
        call("request")
    assert str(refused.value) == "Cannot invoke RPC on closed channel!"
    assert closed == [True]
    assert len(echo.calls) == 1


def test_a_future_of_a_fake_is_refused() -> None:
    """There is nothing to wait for in-process; the refusal says what to call, and no call is made."""
    echo = Echo()
    with pytest.raises(NotImplementedError) as refused:
        DeferredChannel(lambda rpc: echo, nothing).unary_unary(GET_TASK).future("request")
    assert str(refused.value) == "A call to the fake is made and answered at once; call the client's method instead."
    assert echo.calls == []


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
def test_there_are_no_streams(kind: str) -> None:
    """Cloud Tasks has unary calls only."""
    with pytest.raises(NotImplementedError) as refused:
        getattr(DeferredChannel(lambda rpc: Echo(), nothing), kind)(GET_TASK)
    assert str(refused.value) == "Cloud Tasks has no streaming RPC."


def test_the_channel_is_ready() -> None:
    """A subscriber hears at once that the channel is ready, and may leave."""
    heard: list[grpc.ChannelConnectivity] = []
    channel = DeferredChannel(lambda rpc: Echo(), nothing)
    channel.subscribe(heard.append)
    channel.unsubscribe(heard.append)
    assert heard == [grpc.ChannelConnectivity.READY]
