from __future__ import annotations

import socket
import threading
from datetime import datetime, timezone
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from pytest_cloudtasks._simulation.calls import SimulationEnded
from tests.patience import PATIENCE

from .clients import QUEUE, TASK, over_grpc, over_rest

NOT_ACTIVE = (
    "The fake behind this endpoint is not active, so {rpc} was rejected: no test that uses the fake is running. Start"
    " and end the calling process within its test."
)


def test_a_server_around_a_fake() -> None:
    """Outside pytest it is a context manager: free ports on loopback, closed at the end."""
    with FakeCloudTasks(queues=["default"]) as fake, CloudTasksServer(fake) as server:
        host, _, port = server.grpc_target.partition(":")
        rest = server.rest_url.removeprefix("http://")
        assert (host, rest.partition(":")[0]) == ("127.0.0.1", "127.0.0.1")
        assert server.environment == {
            "CLOUD_TASKS_EMULATOR_HOST": rest,
            "TASKS_EMULATOR_HOST": server.grpc_target,
            "TASKS_EMULATOR": server.grpc_target,
            "GC_TASK_URL": "127.0.0.1",
            "GC_TASK_PORT": port,
            "CLOUDTASKS_EMULATOR_HOST": rest,
        }
        assert repr(server) == f"<CloudTasksServer, gRPC at {server.grpc_target}, REST at {server.rest_url}>"
        assert requests.get(f"{server.rest_url}/v2/{QUEUE}", timeout=PATIENCE).status_code == 200
    assert repr(server) == "<CloudTasksServer, not running>"
    for taken in (int(port), int(rest.partition(":")[2])):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, taken))


@pytest.mark.parametrize("fake", [5, "x", None, FakeCloudTasks], ids=repr)
def test_a_server_takes_a_fake_alone(fake: Any) -> None:
    """Any other value gets an error before the server starts."""
    with pytest.raises(TypeError) as refusal:
        CloudTasksServer(fake)
    assert str(refusal.value) == (
        f"CloudTasksServer() takes a FakeCloudTasks, such as the cloud_tasks fixture, but got {fake!r}."
    )


def test_a_server_that_does_not_run_has_no_address() -> None:
    """Asking for an address, or starting twice, raises an error that says what to do."""
    fake = FakeCloudTasks()
    server = CloudTasksServer(fake)
    for name in ("grpc_target", "rest_url", "environment"):
        with pytest.raises(RuntimeError) as refusal:
            getattr(server, name)
        assert str(refusal.value) == (
            "This CloudTasksServer is not running. Use it as `with CloudTasksServer(cloud_tasks) as server:`, or ask"
            " for the cloud_tasks_server fixture."
        )
    with fake, server, pytest.raises(RuntimeError) as again:
        server.__enter__()
    assert str(again.value) == "This CloudTasksServer is already running."


def test_two_servers_at_once() -> None:
    """Each has its own fake and its own ports."""
    with FakeCloudTasks(queues=["default"]) as one, FakeCloudTasks(queues=["default"]) as two:
        with CloudTasksServer(one) as first, CloudTasksServer(two) as second:
            with over_grpc(first) as client:
                client.create_task(parent=QUEUE, task=TASK)
            with over_grpc(second) as client:
                assert list(client.list_tasks(parent=QUEUE)) == []
        assert (len(one.tasks()), len(two.tasks())) == (1, 0)


def test_calls_without_an_active_fake_are_rejected() -> None:
    """A server may run between tests; calls get an error then, over gRPC and over REST."""
    fake = FakeCloudTasks(queues=["default"])
    with CloudTasksServer(fake) as server:
        with fake, over_grpc(server) as client:
            assert client.get_queue(name=QUEUE).name == QUEUE
        with over_grpc(server) as client, pytest.raises(exceptions.FailedPrecondition) as over_grpc_refused:
            client.get_queue(name=QUEUE)
        assert over_grpc_refused.value.message == NOT_ACTIVE.format(rpc="get_queue")
        answer = requests.post(f"{server.rest_url}/v2/{QUEUE}/tasks", json={"task": {}}, timeout=PATIENCE)
        error = {"code": 400, "message": NOT_ACTIVE.format(rpc="create_task"), "status": "FAILED_PRECONDITION"}
        assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_call_that_comes_when_its_test_is_over_holds_no_time() -> None:
    """A call in a thread may find the fake just before its end: it is rejected, and time is not held again."""
    fake = FakeCloudTasks(start=datetime(1999, 1, 1, tzinfo=timezone.utc))
    with fake:
        simulation = fake._active
        client = fake.client()
        receive = simulation.receive
    bound = []
    with FakeCloudTasks(start=datetime(1999, 1, 1, tzinfo=timezone.utc)) as another:
        another._active.receive = lambda call: bound.append(call) or tasks_v2.Queue()  # type: ignore[method-assign]
        another.client().get_queue(name=QUEUE)
    with pytest.raises(SimulationEnded) as refusal:
        receive(bound[0])
    assert str(refusal.value) == "get_queue was called after the test of its fake was over."
    assert datetime.now(timezone.utc).year > 1999
    assert simulation.history.calls() == []
    with pytest.raises(RuntimeError):
        client.get_queue(name=QUEUE)


def test_an_ended_simulation_is_rejected_like_no_simulation() -> None:
    """The server rejects calls to both with the same text."""
    fake = FakeCloudTasks(queues=["default"])
    with fake, CloudTasksServer(fake) as server, over_grpc(server) as client:
        fake._active.has_ended = True
        with pytest.raises(exceptions.FailedPrecondition) as refusal:
            client.get_queue(name=QUEUE)
        fake._active.has_ended = False
    assert refusal.value.message == NOT_ACTIVE.format(rpc="get_queue")


def test_the_caller_gets_the_failure_of_the_test() -> None:
    """A call that the fake can't take fails the test, and the calling process gets the same text."""
    now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    fake = FakeCloudTasks(queues=["default"], start=now)
    with pytest.raises(AssertionError) as failure, fake, CloudTasksServer(fake) as server, over_grpc(server) as client:
        fake._active.catch_up = lambda: _failing(fake)  # type: ignore[method-assign]
        with pytest.raises(exceptions.InternalServerError) as told:
            client.create_task(parent=QUEUE, task=TASK)
        answer = requests.get(f"{server.rest_url}/v2/{QUEUE}", timeout=PATIENCE)
        del fake._active.catch_up
    assert told.value.message == "This can't be."
    error = {"code": 500, "message": "This can't be.", "status": "INTERNAL"}
    assert (answer.status_code, answer.json()) == (500, {"error": error})
    assert str(failure.value) == "This can't be."


def _failing(fake: FakeCloudTasks) -> int:
    raise fake._active.failures.fail("This can't be.")


def test_a_server_ends_while_calls_are_under_way() -> None:
    """Open connections and half-sent requests don't delay it."""
    before = threading.enumerate()
    with FakeCloudTasks(queues=["default"]) as fake:
        with CloudTasksServer(fake) as server:
            host, _, port = server.rest_url.removeprefix("http://").partition(":")
            half = socket.create_connection((host, int(port)))
            half.sendall(b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
            session = requests.Session()
            session.get(f"{server.rest_url}/v2/{QUEUE}", timeout=PATIENCE)
            channel = grpc.insecure_channel(server.grpc_target)
            grpc.channel_ready_future(channel).result(timeout=PATIENCE)
        half.close()
        session.close()
        channel.close()
    assert "cloud-tasks-server" not in {one.name for one in threading.enumerate() if one not in before}


def test_many_threads_at_once() -> None:
    """Calls of many clients neither lose nor duplicate a task."""

    def enqueue(number: int) -> None:
        with (over_grpc if number % 2 else over_rest)(server) as client:
            for one in range(10):
                client.create_task(parent=QUEUE, task={**TASK, "name": f"{QUEUE}/tasks/t{number}-{one}"})

    with FakeCloudTasks(queues=["default"]) as fake, CloudTasksServer(fake) as server:
        threads = [threading.Thread(target=enqueue, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(task.id for task in fake.tasks()) == sorted(f"t{a}-{b}" for a in range(8) for b in range(10))


@pytest.mark.parametrize("over", [over_grpc, over_rest])
def test_an_assertion_waits_for_calls(over: Any) -> None:
    """Calls are taken while an assertion waits in the test's thread, whatever date the test holds."""
    begin = threading.Event()

    def enqueue() -> None:
        with over(server) as client:
            begin.wait(PATIENCE)
            client.create_task(parent=QUEUE, task={**TASK, "name": f"{QUEUE}/tasks/one"})

    with FakeCloudTasks(queues=["default"]) as fake, CloudTasksServer(fake) as server:
        thread = threading.Thread(target=enqueue)
        thread.start()
        begin.set()
        assert fake.assert_enqueued(timeout=PATIENCE).id == "one"
        thread.join()


def test_without_aiohttp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp is optional; the server needs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with FakeCloudTasks() as fake, pytest.raises(RuntimeError) as refusal:
        CloudTasksServer(fake).__enter__()
    assert str(refusal.value) == (
        "A server for other processes needs aiohttp, which is not installed. Install it with `pip install"
        " 'pytest-cloudtasks[server]'`."
    )
