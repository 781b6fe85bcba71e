"""Tests that one event loop owns the emulator's model and answers calls, and that jumps wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
import requests
from aiohttp import web
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from pytest_cloudtasks._messages.rest_http import RestError
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._server.emulator.control_api import Control
from pytest_cloudtasks._server.emulator.destinations import Destinations
from pytest_cloudtasks._server.emulator.log import Log
from pytest_cloudtasks._server.emulator.scheduler_loop import SchedulerLoop
from pytest_cloudtasks._server.emulator.sender import Sender, Sent
from pytest_cloudtasks._server.emulator.time_jumps import Jump, TimeJumps
from pytest_cloudtasks._server.grpc_endpoint import asyncio_grpc_server
from pytest_cloudtasks._server.request_guard import RequestGuard
from pytest_cloudtasks._server.rest_endpoint import rest_application
from pytest_cloudtasks._server.rest_runner import rest_runner
from pytest_cloudtasks._service.task import response
from pytest_cloudtasks._simulation.settings.settings import Settings
from pytest_cloudtasks._targets.request import TargetRequest
from pytest_cloudtasks._time.instants import to_datetime
from pytest_cloudtasks._units import HOUR
from tests.patience import PATIENCE

from .running import QUEUE


class AlwaysDelivers(Sender):
    """Answers every request with 200."""

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Return 200."""
        return Sent(response(200))


def scheduler_loop() -> SchedulerLoop:
    """Return a scheduler loop with the queue ``emails``."""
    return SchedulerLoop(Settings(queues={"emails": {}}), AlwaysDelivers(Destinations()), Log("none", print))


def creating(**task: Any) -> IncomingCall:
    """Return a call that creates a task."""
    task = {"http_request": {"url": "https://worker.test/"}, **task}
    request = tasks_v2.CreateTaskRequest(parent=QUEUE, task=task)
    return IncomingCall("create_task", "google.cloud.tasks.v2", request, 10, ())


def create_when_quiet(scheduler: SchedulerLoop) -> asyncio.Task[Any]:
    """Create a task as soon as nothing is due: by then a waiting jump has been woken, but has not run yet."""

    async def create() -> Any:
        await scheduler.until(scheduler.is_quiet)
        return scheduler.receive(creating())

    return asyncio.create_task(create())


@pytest.mark.parametrize("drains", [True, False], ids=["drain", "jump"])
def test_a_jump_that_a_call_overtakes_waits_again(drains: bool) -> None:
    """A task that is created after a jump is woken and before it runs is dispatched before time moves."""

    async def run() -> tuple[tasks_v2.Task, Jump, list[tuple[int, int]]]:
        scheduler = scheduler_loop()
        running = asyncio.create_task(scheduler.run())
        overtaking = create_when_quiet(scheduler)
        await asyncio.sleep(0)  # it waits before the jump does, and so is woken before it
        jumps = TimeJumps(scheduler)
        jump = await (jumps.to_the_end() if drains else jumps.by(HOUR))
        running.cancel()
        (task,) = scheduler.simulation.service.accepted
        attempts = [(attempt.dispatch_time - task.create_time, attempt.number) for attempt in task.attempts]
        return await overtaking, jump, attempts

    created, jump, attempts = asyncio.run(run())
    assert created.name.startswith(f"{QUEUE}/tasks/")
    assert (jump.attempts, jump.results.succeeded) == (1, 1)
    assert attempts == [(0, 1)]


class CreatesAnother(AlwaysDelivers):
    """Creates a task before each answer, so that tasks arrive as fast as they finish."""

    scheduler: SchedulerLoop

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Create a task and return 200."""
        self.scheduler.receive(creating())
        return await super().send(request, seconds)


@pytest.mark.parametrize("verb", ["drain", "jump"])
def test_a_jump_ends_although_tasks_keep_arriving(verb: str) -> None:
    """Time does not move meanwhile: the jump reaches its limit at its first instant, and the error says so."""

    async def run() -> tuple[str, int]:
        sender = CreatesAnother(Destinations())
        scheduler = sender.scheduler = SchedulerLoop(Settings(queues={"emails": {}}), sender, Log("none", print))
        running = asyncio.create_task(scheduler.run())
        scheduler.receive(creating())
        jumps = TimeJumps(scheduler)
        with pytest.raises(RestError) as ended:
            await (jumps.to_the_end(3) if verb == "drain" else jumps.by(HOUR, 3))
        running.cancel()
        await scheduler.break_off()
        (first, *_) = scheduler.simulation.service.accepted
        at = to_datetime(first.attempts[0].dispatch_time).isoformat()
        assert (ended.value.code, ended.value.status) == (429, "RESOURCE_EXHAUSTED")
        return ended.value.message.replace(at, "NOW"), scheduler.clock.is_held

    assert asyncio.run(run()) == (
        f"The {verb} stopped after 4 attempts; its limit is 3. It is NOW now. Create tasks more slowly, or {verb}"
        " with a higher limit.",
        False,
    )


class NeverAnswers(AlwaysDelivers):
    """Never answers a request."""

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class Watched(SchedulerLoop):
    """Counts the waiters for a condition."""

    waits = 0

    async def until(self, condition: Callable[[], bool]) -> None:
        self.waits += 1
        try:
            await super().until(condition)
        finally:
            self.waits -= 1


@pytest.mark.parametrize("path", ["/control/jump?by=1h", "/control/drain", "/control/wait?timeout=1d"])
def test_a_caller_that_disconnects_ends_what_it_asked_for(path: str) -> None:
    """Without a client the jump ends: time follows the wall clock again, and the next jump may begin."""

    async def run() -> bool:
        scheduler = Watched(Settings(queues={"emails": {}}), NeverAnswers(Destinations()), Log("none", print))
        running = asyncio.create_task(scheduler.run())
        scheduler.receive(creating())
        guard = RequestGuard((), how_to_allow="")
        application = rest_application(scheduler, guard)
        Control(scheduler).add_to(application)
        runner = rest_runner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        _, writer = await asyncio.open_connection(host, port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
        while not scheduler.waits:
            await asyncio.sleep(0)  # until the request has arrived
        was_held = scheduler.clock.is_held
        writer.close()
        while scheduler.waits:
            await asyncio.sleep(0)  # until the server has seen that
        assert not scheduler.clock.is_held
        running.cancel()
        await scheduler.break_off()
        await runner.cleanup()
        return was_held

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE)) == ("wait" not in path)


class Answers:
    """Answers every call, and records the thread."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.answered: list[str] = []

    def receive(self, call: IncomingCall) -> Any:
        """Return the queue that was asked for."""
        self.threads.add(threading.get_ident())
        self.answered.append(call.message.name)
        return tasks_v2.Queue(name=call.message.name)


def test_calls_are_answered_by_the_event_loop_alone() -> None:
    """Sixteen threads call at once over gRPC and REST; the loop's own thread answers every call."""

    def over_grpc(address: str, name: str) -> str:
        with grpc.insecure_channel(address) as channel:
            client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            return client.get_queue(name=name, retry=None, timeout=PATIENCE).name

    def over_rest(url: str, name: str) -> str:
        name_of: str = requests.get(f"{url}/v2/{name}", timeout=PATIENCE).json()["name"]
        return name_of

    async def run(backend: Answers) -> list[str]:
        runner = rest_runner(rest_application(backend, RequestGuard((), how_to_allow="")))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server, port = asyncio_grpc_server(backend, "127.0.0.1:0")
        await server.start()
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(16) as pool:
            found = []
            for number in range(20):
                found.append(loop.run_in_executor(pool, over_grpc, f"127.0.0.1:{port}", f"{QUEUE}-grpc-{number}"))
                url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                found.append(loop.run_in_executor(pool, over_rest, url, f"{QUEUE}-rest-{number}"))
            names = await asyncio.gather(*found)
        await server.stop(0)
        await runner.cleanup()
        return names

    backend = Answers()
    names = asyncio.run(run(backend))
    assert names == [f"{QUEUE}-{way}-{number}" for number in range(20) for way in ("grpc", "rest")]
    assert sorted(backend.answered) == sorted(names)
    assert backend.threads == {threading.get_ident()}
