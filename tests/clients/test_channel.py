from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks._clients.channel import Connection, DeferredChannel
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.proto import proto_class, proto_of
from pytest_cloudtasks._messages.rpc_call import IncomingCall, snake_case

GET_TASK = "/google.cloud.tasks.v2.CloudTasks/GetTask"
REQUEST = tasks_v2.GetTaskRequest(name="projects/p/locations/l/queues/q/tasks/t")
TASK = tasks_v2.Task(name="projects/p/locations/l/queues/q/tasks/t")


class Scripted:
    """A backend that answers each call with the same message, or raises the same error."""

    def __init__(self, answer: Any = TASK) -> None:
        self.calls: list[IncomingCall] = []
        self._answer = answer

    def receive(self, call: IncomingCall) -> Any:
        self.calls.append(call)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    redirect_endpoints = ()
    has_one_loop_for_a_client = False


class RealCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """A callable of grpc's own."""

    def __init__(self, *setup: object) -> None:
        self.setup = setup

    def __call__(self, *request: Any, **options: Any) -> Any:
        return self.with_call(*request, **options)[0]

    def with_call(self, *request: Any, **options: Any) -> Any:
        return (self.setup, *request, options), "the call"

    def future(self, *request: Any, **options: Any) -> Any:
        return "the future", self.setup, *request, options


class RealChannel(grpc.Channel):  # type: ignore[misc]
    """A channel of grpc's own."""

    def __init__(self) -> None:
        self.closed = False
        self.subscribers: list[Any] = []

    def unary_unary(self, *setup: Any, **kwargs: Any) -> RealCall:
        return RealCall(*setup)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Any, try_to_connect: bool = False) -> None:
        self.subscribers.append((callback, try_to_connect))

    def unsubscribe(self, callback: Any) -> None:
        self.subscribers[:] = [one for one in self.subscribers if one[0] is not callback]

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> RealChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def get_task(channel: DeferredChannel) -> Any:
    """GetTask as Google's transport asks a channel for it."""
    return channel.unary_unary(GET_TASK, tasks_v2.GetTaskRequest.serialize, tasks_v2.Task.deserialize)


def on_real(real: RealChannel) -> DeferredChannel:
    """A channel whose calls go to the real one."""
    return DeferredChannel(lambda rpc: None, Connection(lambda: real))


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


# --- calls to a fake ---------------------------------------------------------------------------------------------


def test_a_call_arrives_as_it_was_made() -> None:
    """The backend sees RPC, API, request, time-out and metadata of a call, and the caller gets its response."""
    backend = Scripted()
    call = get_task(DeferredChannel(lambda rpc: backend))
    assert call(REQUEST, timeout=20.0, metadata=[("x-goog-request-params", "name=n")]) is TASK
    (arrived,) = backend.calls
    assert (arrived.method, arrived.api, arrived.request) == ("get_task", "google.cloud.tasks.v2", REQUEST)
    assert (arrived.timeout, arrived.metadata) == (20.0, (("x-goog-request-params", "name=n"),))


def test_a_call_may_say_nothing_but_its_request() -> None:
    """Without time-out and metadata the backend sees None and no pairs."""
    backend = Scripted()
    get_task(DeferredChannel(lambda rpc: backend))(REQUEST)
    assert (backend.calls[0].timeout, backend.calls[0].metadata) == (None, ())


def test_a_success_comes_with_a_call() -> None:
    """With_call gives the response and a call that ended well."""
    response, call = get_task(DeferredChannel(lambda rpc: Scripted())).with_call(REQUEST)
    assert response is TASK
    assert call.code() is grpc.StatusCode.OK


def failed() -> InProcessRpcError:
    return InProcessRpcError(grpc.StatusCode.NOT_FOUND, "gone", (("a-bin", b"b"),), random.Random(0))


def test_an_error_of_the_backend_comes_through() -> None:
    """What the backend raises is what the call raises."""
    error = failed()
    with pytest.raises(InProcessRpcError) as raised:
        get_task(DeferredChannel(lambda rpc: Scripted(error)))(REQUEST)
    assert raised.value is error


def test_the_future_of_a_response_is_done() -> None:
    """A stub's future has the response, is a call that ended well, and calls back at once."""
    backend, called = Scripted(), []
    future = get_task(DeferredChannel(lambda rpc: backend)).future(REQUEST, timeout=7)
    future.add_done_callback(called.append)
    assert (future.result(timeout=1), future.exception(), future.traceback()) == (TASK, None, None)
    assert (future.done(), future.running(), future.cancel(), future.cancelled()) == (True, False, False, False)
    assert (future.code(), future.details(), future.trailing_metadata()) == (grpc.StatusCode.OK, "", ())
    assert called == [future]
    assert [call.timeout for call in backend.calls] == [7]


def test_the_future_of_an_error_is_done() -> None:
    """It has the error, with status, text, metadata and traceback, and raises it when asked for the result."""
    error = failed()
    future = get_task(DeferredChannel(lambda rpc: Scripted(error))).future(REQUEST)
    assert (future.exception(), future.code(), future.details()) == (error, grpc.StatusCode.NOT_FOUND, "gone")
    assert future.trailing_metadata() == (("a-bin", b"b"),)
    assert future.traceback() is error.__traceback__
    with pytest.raises(InProcessRpcError) as raised:
        future.result()
    assert raised.value is error


def test_every_call_is_bound_again() -> None:
    """One callable serves whichever backend is active when it is called, and says which RPC it is for."""
    first, second = Scripted(), Scripted()
    asked: list[str] = []
    active = [first]

    def bind(rpc: str) -> Scripted:
        asked.append(rpc)
        return active[0]

    call = get_task(DeferredChannel(bind))
    call(REQUEST)
    active[0] = second
    call(REQUEST)
    assert [len(first.calls), len(second.calls)] == [1, 1]
    assert asked == ["get_task", "get_task"]


# --- messages ----------------------------------------------------------------------------------------------------


def test_a_stub_may_have_protobufs_own_classes() -> None:
    """A stub that was generated by grpcio-tools sends and gets messages of its own classes."""
    backend = Scripted()
    request, response = proto_class(tasks_v2.GetTaskRequest), proto_class(tasks_v2.Task)
    channel = DeferredChannel(lambda rpc: backend)
    call = channel.unary_unary(GET_TASK, request.SerializeToString, response.FromString)
    assert call(request(name="n")) == proto_of(TASK)
    assert backend.calls[0].request == request(name="n")


def test_a_stub_may_have_classes_that_are_strangers() -> None:
    """Their messages arrive as the library's, and come back by way of their bytes."""
    backend = Scripted()
    channel = DeferredChannel(lambda rpc: backend)
    call = channel.unary_unary(GET_TASK, lambda name: tasks_v2.GetTaskRequest.serialize({"name": name}), len)
    assert call("a name") == len(tasks_v2.Task.serialize(TASK))
    assert backend.calls[0].request == tasks_v2.GetTaskRequest(name="a name")


def test_without_serializers_messages_are_bytes() -> None:
    """As with grpc, which passes on what it is given."""
    backend = Scripted()
    call = DeferredChannel(lambda rpc: backend).unary_unary(GET_TASK)
    assert call(tasks_v2.GetTaskRequest.serialize(REQUEST)) == tasks_v2.Task.serialize(TASK)
    assert backend.calls[0].request == REQUEST


@pytest.mark.parametrize(
    ("method", "content", "code", "text"),
    [
        ("/google.cloud.tasks.v2.CloudTasks/Nope", b"", "UNIMPLEMENTED", "Method not found."),
        ("/grpc.health.v1.Health/Check", b"", "UNIMPLEMENTED", "Method not found."),
        (GET_TASK, b"\xff", "INTERNAL", "Exception deserializing request!"),
    ],
    ids=["another method", "another service", "broken bytes"],
)
def test_what_no_server_could_read_is_an_error_of_grpc(method: str, content: bytes, code: str, text: str) -> None:
    """The answer has a code and a text, and the fake is not asked."""
    backend = Scripted()
    with pytest.raises(InProcessRpcError) as rejected:
        DeferredChannel(lambda rpc: backend).unary_unary(method)(content)
    assert (rejected.value.code(), rejected.value.details()) == (grpc.StatusCode[code], text)
    assert backend.calls == []


def test_an_rpc_has_one_callable_for_each_pair_of_serializers() -> None:
    """Asking for an RPC again gives the same callable; with other serializers it gives another."""
    channel = DeferredChannel(lambda rpc: Scripted())
    assert get_task(channel) is get_task(channel)
    assert channel.unary_unary(GET_TASK) is not get_task(channel)


# --- calls to the service ----------------------------------------------------------------------------------------


def test_a_call_without_a_fake_goes_to_the_real_channel() -> None:
    """The call is made with everything the library passed."""
    call = on_real(RealChannel()).unary_unary(GET_TASK, "serializer", "deserializer")
    made = ((GET_TASK, "serializer", "deserializer"), "request", {"timeout": 3, "compression": 1})
    assert call.with_call("request", timeout=3, compression=1) == (made, "the call")
    assert call("request", timeout=3, compression=1) == made
    assert call.future("request", timeout=3, compression=1) == ("the future", *made)


def test_arguments_by_position_go_to_a_real_channel_as_they_came() -> None:
    """Grpc takes six of them, and so does the RPC of a transport."""
    call = on_real(RealChannel()).unary_unary(GET_TASK)
    given = ("request", 3, None, None, True, "gzip")
    assert call(*given) == ((GET_TASK, None, None), *given, {})
    assert call.with_call(*given) == (((GET_TASK, None, None), *given, {}), "the call")
    assert call.future(*given) == ("the future", (GET_TASK, None, None), *given, {})


def test_outside_a_fake_the_real_channel_is_opened_at_once() -> None:
    """What the library does when it opens a channel, errors included, it does then."""
    opened: list[RealChannel] = []

    def open_real() -> RealChannel:
        opened.append(RealChannel())
        return opened[-1]

    connection = Connection(open_real)
    assert len(opened) == 1
    assert connection.opened() is connection.opened() is opened[0]


def test_in_a_fake_the_real_channel_waits_until_it_is_needed(scripted: Callable[..., Any]) -> None:
    """It is opened with the first call that goes to the service, once; to close the channel opens none."""
    scripted()
    opened: list[RealChannel] = []

    def open_real() -> RealChannel:
        opened.append(RealChannel())
        return opened[-1]

    DeferredChannel(lambda rpc: None, Connection(open_real)).close()
    channel = DeferredChannel(lambda rpc: None, Connection(open_real))
    assert opened == []
    get_task(channel)(REQUEST)
    get_task(channel)(REQUEST)
    channel.close()
    assert [real.closed for real in opened] == [True]


# --- the channel -------------------------------------------------------------------------------------------------


def test_a_closed_channel_rejects() -> None:
    """After close a call raises what grpc's own channel raises, and the backend sees nothing of it."""
    backend, real = Scripted(), RealChannel()
    channel = DeferredChannel(lambda rpc: backend, Connection(lambda: real))
    call = get_task(channel)
    with channel:
        call(REQUEST)
    for form in (call, call.with_call, call.future):
        with pytest.raises(ValueError) as refused:
            form(REQUEST)
        assert str(refused.value) == "Cannot invoke RPC on closed channel!"
    assert real.closed
    assert len(backend.calls) == 1


def test_a_channel_without_a_connection_stays_open() -> None:
    """Those who share it go on after one of them has closed it."""
    channel = DeferredChannel(lambda rpc: Scripted())
    channel.close()
    assert get_task(channel)(REQUEST) is TASK


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
def test_there_are_no_streams(kind: str) -> None:
    """Cloud Tasks has unary calls only."""
    with pytest.raises(NotImplementedError) as refused:
        getattr(DeferredChannel(lambda rpc: Scripted()), kind)(GET_TASK)
    assert str(refused.value) == "Cloud Tasks has no streaming RPC."


def test_in_a_fake_the_channel_is_ready(scripted: Callable[..., Any]) -> None:
    """A subscriber hears at once that the channel is ready, and may leave."""
    scripted()
    heard: list[grpc.ChannelConnectivity] = []
    channel = on_real(RealChannel())
    channel.subscribe(heard.append)
    channel.unsubscribe(heard.append)
    assert heard == [grpc.ChannelConnectivity.READY]


def test_outside_a_fake_the_real_channel_says_whether_it_is_ready() -> None:
    """Subscribers are the real channel's."""
    real = RealChannel()
    channel = on_real(real)
    channel.subscribe("callback", try_to_connect=True)  # type: ignore[arg-type]
    assert real.subscribers == [("callback", True)]
    channel.unsubscribe("callback")  # type: ignore[arg-type]
    assert real.subscribers == []


def copies() -> dict[str, Callable[[Any], Any]]:
    return {"deepcopy": copy.deepcopy, "pickle": pickle.dumps}


@pytest.mark.parametrize("how", copies())
def test_a_channel_is_copied_as_little_as_grpcs_own(how: str) -> None:
    """The exception and its text are those of the installed grpc."""
    with grpc.insecure_channel("localhost:1") as own, pytest.raises(TypeError) as real:
        copies()[how](own)
    for channel in (DeferredChannel(lambda rpc: Scripted()), on_real(RealChannel())):
        with pytest.raises(TypeError) as deferred:
            copies()[how](channel)
        assert (type(deferred.value), str(deferred.value)) == (type(real.value), str(real.value))


def test_a_shallow_copy_shares_the_connection() -> None:
    """As with grpc's own: a copy serves calls, and is closed along with the channel."""
    real = RealChannel()
    channel = on_real(real)
    twin = copy.copy(channel)
    channel.close()
    assert real.closed
    with pytest.raises(ValueError, match="closed channel"):
        get_task(twin)(REQUEST)
