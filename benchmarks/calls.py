"""Calls of Google's client: on the fake, over a channel that does nothing, and over loopback gRPC."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from pytest_cloudtasks import FakeCloudTasks

from .measuring import Row, seconds_each

PARENT = "projects/test-project/locations/us-central1/queues/work"
NAME = f"{PARENT}/tasks/one"
LISTED_PARENT = PARENT.replace("work", "listed")
TASK: Any = {
    "http_request": {
        "http_method": "POST",
        "url": "https://app.test/work",
        "headers": {"Content-Type": "application/json"},
        "body": b'{"order": 42}',
    }
}
NAMED_TASK: Any = {"name": NAME, **TASK}
LISTED = 20
"""How many tasks list_tasks finds."""


class CannedChannel(grpc.Channel):  # type: ignore[misc]
    """Answers every call at once with the same message: the floor, which is what Google's own code costs."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What answers one RPC."""
        return CannedCall(self._answers.get(method.rpartition("/")[2]))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Cloud Tasks has no streaming RPC."""
        raise NotImplementedError

    stream_unary = stream_stream = unary_stream

    def subscribe(self, callback: Any, try_to_connect: bool = False) -> None:
        """Nothing changes."""

    unsubscribe = subscribe

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> CannedChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Ended:
    """A call that has ended well, as the library's logging asks for it."""

    def trailing_metadata(self) -> tuple[()]:
        """None."""
        return ()

    initial_metadata = trailing_metadata


class CannedCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of a canned channel."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._call = Ended()

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer."""
        return self._answer

    def with_call(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer, and the call."""
        return self._answer, self._call

    def future(self, *args: Any, **kwargs: Any) -> Any:
        """Nobody asks for one."""
        raise NotImplementedError


def answers() -> dict[str, Any]:
    """What the floor and the echo server say."""
    task = tasks_v2.Task(NAMED_TASK)
    listed = tasks_v2.ListTasksResponse(tasks=[task] * LISTED)
    return {"CreateTask": task, "GetTask": task, "ListTasks": listed}


def floor() -> tasks_v2.CloudTasksClient:
    """The client over a channel that does nothing."""
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=CannedChannel(answers())))


class Echo(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers as the canned channel does, over the wire."""

    def __init__(self) -> None:
        self._bytes = {name: type(answer).serialize(answer) for name, answer in answers().items()}

    def service(self, details: Any) -> Any:
        """The handler of one RPC."""
        answer = self._bytes[details.method.rpartition("/")[2]]
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)


def creating(client: tasks_v2.CloudTasksClient) -> Callable[[int], None]:
    """Calls create_task."""

    def create(count: int) -> None:
        for _ in range(count):
            client.create_task(parent=PARENT, task=TASK)

    return create


def getting(client: tasks_v2.CloudTasksClient) -> Callable[[int], None]:
    """Calls get_task."""

    def get(count: int) -> None:
        for _ in range(count):
            client.get_task(name=NAME)

    return get


def listing(client: tasks_v2.CloudTasksClient) -> Callable[[int], None]:
    """Calls list_tasks and looks at every task."""

    def list_all(count: int) -> None:
        for _ in range(count):
            assert sum(1 for _ in client.list_tasks(parent=LISTED_PARENT)) == LISTED

    return list_all


def rows() -> Iterator[Row]:
    """create_task, get_task and list_tasks against the floor and against loopback."""
    with fake_client() as fake:
        canned = floor()
        for name, calling, goal in KINDS:
            took = seconds_each({"floor": calling(canned), "fake": calling(fake)}, count=300)
            told = f"floor {took['floor'] * 1e6:.0f} µs, fake {took['fake'] * 1e6:.0f} µs"
            yield Row(f"{name}: fake against floor", took["fake"] / took["floor"], "×", goal, note=told)
    # grpc counts a call's deadline by the clock, which a hold would stop: the queue has a time of its own here.
    with fake_client(time="virtual") as fake, echoed_client() as echoed:
        for name, calling, _ in KINDS:
            both = {"fake": calling(fake), "loopback": calling(echoed)}
            took = seconds_each(both, count=300, clock=time.perf_counter)
            told = f"fake {took['fake'] * 1e6:.0f} µs, loopback {took['loopback'] * 1e6:.0f} µs"
            ratio = took["loopback"] / took["fake"]
            yield Row(f"{name}: loopback against fake", ratio, "×", note=told)


@contextmanager
def fake_client(**options: Any) -> Iterator[tasks_v2.CloudTasksClient]:
    """A client on a fake with what the calls ask for."""
    with FakeCloudTasks(queues=["work", "listed"], **options) as cloud_tasks:
        client = cloud_tasks.client()
        client.create_task(parent=PARENT, task=NAMED_TASK)
        for _ in range(LISTED):
            client.create_task(parent=LISTED_PARENT, task=TASK)
        yield client


@contextmanager
def echoed_client() -> Iterator[tasks_v2.CloudTasksClient]:
    """A client of a server on loopback that answers every call with the same message."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    server.stop(None).wait()


KINDS: tuple[tuple[str, Callable[[tasks_v2.CloudTasksClient], Callable[[int], None]], float | None], ...] = (
    ("create_task", creating, 2.2),
    ("get_task", getting, 2),
    (f"list_tasks of {LISTED}", listing, None),
)
"""What is called, and how many times the floor it may take at the most."""
