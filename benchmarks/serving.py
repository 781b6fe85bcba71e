"""The emulator beside echo servers: start, CreateTask over gRPC and REST, deliveries, and many tasks.

An echo server answers each request with the request, by the same libraries (grpcio with 16 threads, aiohttp), so the
ratio is what the service itself costs. The clients are as plain as can be: a channel that sends bytes, and aiohttp's.
Deliveries go to the echo server; aiohttp's client, which does the same without a queue, is what they are compared to.
Each server runs in a process of its own, and is measured in turns with the other: `python -m benchmarks.serving` is the
echo, and with an address and seconds a process of 16 clients that create tasks there.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import aiohttp
import grpc
from aiohttp import web
from google.cloud import tasks_v2

from .measuring import Row

ROOT = Path(__file__).parents[1]
METHOD = "/google.cloud.tasks.v2.CloudTasks/CreateTask"
QUEUE = "projects/test-project/locations/us-central1/queues/load"
PATH = f"/v2/{QUEUE}/tasks"
LATER = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=29)
"""Nothing is delivered meanwhile."""
THREADS = 16
QUEUES = 8
CONCURRENT = 5
"""Attempts under way in each."""


MANY_QUEUES = 10
AT_WORK = 500
"""Attempts under way in each of these, at the most."""
LATE = 10.0
"""Seconds after which a worker answers at ``/late``, so that attempts are under way together."""
RATE = 500
"""The most dispatches a second of a queue."""
ROUNDS = 5
ECHO = [sys.executable, "-m", "benchmarks.serving"]


def rows(tasks: int = 4_000, many: int = 50_000) -> Iterator[Row]:
    """How quick the emulator is."""
    yield from _start()
    for clients in (1, THREADS):
        yield _row("gRPC", clients, 1.9, partial(over_grpc, tasks=tasks // ROUNDS, clients=clients))
        yield _row("REST", clients, 5, partial(over_rest, tasks=tasks // ROUNDS, clients=clients))
    yield _deliveries(tasks)
    yield asyncio.run(_rate_while_creating())
    yield from asyncio.run(_many(many))


def _start() -> Iterator[Row]:
    opened, answered = [], []
    for _ in range(ROUNDS):
        port = _free_port()
        command = _standing()
        command[command.index("--rest-port") + 1] = str(port)
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as process:
            try:
                while True:
                    try:
                        connection = socket.create_connection(("127.0.0.1", port))
                        break
                    except OSError:
                        time.sleep(0.002)
                opened.append(time.perf_counter() - begun)
                connection.sendall(f"GET /v2/{QUEUE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
                answered.append(time.perf_counter() - begun)
                connection.close()
            finally:
                process.terminate()
    yield Row("start of the emulator: its port is open", min(opened) * 1e3, "ms", 350, note="the least of 5")
    yield Row(
        "start of the emulator: the first call is answered", min(answered) * 1e3, "ms", 900, note="the least of 5"
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _row(kind: str, clients: int, goal: float, measure: Callable[[Server], float]) -> Row:
    """The emulator against the echo, in turns; the median ratio of the rounds."""
    with running(_standing()) as emulator, running(ECHO) as echo:
        pairs = [(measure(emulator), measure(echo)) for _ in range(ROUNDS)]
    ratio = median(other / own for own, other in pairs)
    own, other = (median(rates) for rates in zip(*pairs, strict=True))
    what = f"CreateTask over {kind}, {counted(clients)}: emulator against echo"
    note = f"{own:,.0f} and {other:,.0f} a second"
    return Row(what, ratio, "×", goal if clients == THREADS else None, note=note)


def counted(clients: int) -> str:
    """``1 client``, ``16 clients``."""
    return f"{clients} client{'s' if clients > 1 else ''}"


def _deliveries(tasks: int) -> Row:
    with running(ECHO) as echo:
        with running(_standing(*(f"q{number}" for number in range(QUEUES)))) as emulator:
            server = asyncio.run(delivered(emulator.rest, f"{echo.rest}/work", tasks))
        bare = asyncio.run(requested(f"{echo.rest}/work", tasks))
    what = f"deliveries, {QUEUES * CONCURRENT} under way: emulator against a client without a queue"
    return Row(what, bare / server, "×", note=f"{server:,.0f} and {bare:,.0f} a second")


def _standing(*queues: str) -> list[str]:
    options = ["--grpc-port", "0", "--rest-port", "0", "--queue", "load", "--log-format", "json"]
    options += [part for queue in queues for part in ("--queue", queue)]
    return [sys.executable, "-W", "ignore", "-m", "pytest_cloudtasks", "serve", *options]


class Server(NamedTuple):
    """A server in a process of its own."""

    grpc: str
    rest: str
    pid: int

    @property
    def memory(self) -> int:
        """Bytes of memory that it has."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * mmap.PAGESIZE


@contextmanager
def running(command: list[str]) -> Iterator[Server]:
    """A server whose first line says where it is; its log is thrown away."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        drain = ThreadPoolExecutor(1)
        drain.submit(process.stdout.read)
        try:
            yield Server(ready["grpc"], ready["rest"], process.pid)
        finally:
            process.terminate()
            process.wait()
            drain.shutdown()


def over_grpc(server: Server, tasks: int, clients: int) -> float:
    """Calls a second."""
    request = tasks_v2.CreateTaskRequest(
        parent=QUEUE,
        task={
            "http_request": {"url": "https://worker.test/send", "body": b'{"order": 42}'},
            "schedule_time": LATER,
        },
    )
    data = tasks_v2.CreateTaskRequest.serialize(request)

    def create(number: int) -> None:
        with grpc.insecure_channel(server.grpc, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            call = channel.unary_unary(METHOD)
            for _ in range(number):
                call(data)

    return _rate(create, tasks, clients)


def _rate(create: Callable[[int], None], tasks: int, clients: int) -> float:
    create(50)  # warms up
    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(create, [tasks // clients] * clients))
    return tasks / (time.perf_counter() - begun)


def over_rest(server: Server, tasks: int, clients: int) -> float:
    """Requests a second."""
    return asyncio.run(_over_rest(server.rest, tasks, clients))


async def _over_rest(url: str, tasks: int, clients: int) -> float:
    request = {"url": "https://worker.test/send", "body": "eyJvcmRlciI6IDQyfQ=="}
    data = json.dumps({"task": {"httpRequest": request, "scheduleTime": LATER.isoformat()}}).encode()
    async with aiohttp.ClientSession(url) as session:

        async def create(number: int) -> None:
            for _ in range(number):
                async with session.post(PATH, data=data, headers={"Content-Type": "application/json"}) as answer:
                    await answer.read()
                    answer.raise_for_status()

        await create(50)
        begun = time.perf_counter()
        await asyncio.gather(*[create(tasks // clients) for _ in range(clients)])
        return tasks / (time.perf_counter() - begun)


async def _call(session: aiohttp.ClientSession, method: str, path: str, body: object = None) -> None:
    async with session.request(method, path, json=body) as answer:
        answer.raise_for_status()
        await answer.read()


async def _repeat(session: aiohttp.ClientSession, path: str, body: object, times: int) -> None:
    for _ in range(times):
        await _call(session, "POST", path, body)


async def _create_for(rest: str, seconds: float) -> None:
    """Create tasks by 16 clients for so long."""
    task = {"task": {"httpRequest": {"url": "https://worker.test/send"}, "scheduleTime": LATER.isoformat()}}
    end = time.monotonic() + seconds

    async def create(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            await _call(session, "POST", PATH, task)

    async with aiohttp.ClientSession(rest) as session:
        await asyncio.gather(*[create(session) for _ in range(THREADS)])


async def delivered(server: str, url: str, tasks: int) -> float:
    """Tasks a second that come from queues which are resumed at once; a queue dispatches 500 a second at the most."""
    async with aiohttp.ClientSession(server) as session:

        async def call(method: str, path: str, body: object = None) -> None:
            async with session.request(method, path, json=body) as answer:
                answer.raise_for_status()
                await answer.read()

        async def fill(number: int) -> None:
            queue = f"/v2/{QUEUE.removesuffix('load')}q{number}"
            limits = {"rateLimits": {"maxConcurrentDispatches": CONCURRENT}}
            await call("PATCH", f"{queue}?updateMask=rateLimits.maxConcurrentDispatches", limits)
            await call("POST", f"{queue}:pause")
            for _ in range(tasks // QUEUES):
                await call("POST", f"{queue}/tasks", {"task": {"httpRequest": {"url": url, "body": "aGVsbG8="}}})

        await asyncio.gather(*[fill(number) for number in range(QUEUES)])
        begun = time.perf_counter()
        await asyncio.gather(*[call("POST", f"/v2/{QUEUE.removesuffix('load')}q{n}:resume") for n in range(QUEUES)])
        await call("POST", "/control/wait", {"for": "empty", "timeout": "10m"})
        return tasks / (time.perf_counter() - begun)


async def requested(url: str, tasks: int) -> float:
    """Requests a second of aiohttp's client, as many under way."""

    async with aiohttp.ClientSession() as session:

        async def ask(number: int) -> None:
            for _ in range(number):
                async with session.post(url, data=b"hello") as answer:
                    await answer.read()

        under_way = QUEUES * CONCURRENT
        begun = time.perf_counter()
        await asyncio.gather(*[ask(tasks // under_way) for _ in range(under_way)])
        return tasks / (time.perf_counter() - begun)


async def _rate_while_creating(seconds: int = 6) -> Row:
    """Dispatches a second of a queue that may make 500, while 16 clients of another process create tasks."""
    with running(ECHO) as echo, running(_standing("rate")) as emulator:
        async with aiohttp.ClientSession(emulator.rest) as session:
            queue = f"/v2/{QUEUE.removesuffix('load')}rate"
            await _call(session, "POST", f"{queue}:pause")
            task = {"task": {"httpRequest": {"url": f"{echo.rest}/work", "body": "aGVsbG8="}}}
            await asyncio.gather(
                *[_repeat(session, f"{queue}/tasks", task, RATE * (seconds + 4) // THREADS) for _ in range(THREADS)]
            )
            creating = subprocess.Popen([*ECHO, emulator.rest, str(seconds + 4)], cwd=ROOT)
            await asyncio.sleep(2)
            await _call(session, "POST", f"{queue}:resume")
            await asyncio.sleep(1)  # a full bucket is a burst
            before = (await _received(echo)).requests
            begun = time.perf_counter()
            await asyncio.sleep(seconds)
            made, took = (await _received(echo)).requests - before, time.perf_counter() - begun
            creating.wait()
    return Row("dispatches a second of 500, while 16 clients create", made / took, "", RATE * 0.95, is_at_least=True)


class Received(NamedTuple):
    """What the echo server has received of tasks."""

    requests: int
    tasks: int
    at_once: int
    """The most requests that were under way at one moment."""


async def _received(echo: Server) -> Received:
    async with aiohttp.ClientSession() as session, session.get(f"{echo.rest}/received") as answer:
        return Received(*await answer.json())


async def _many(tasks: int) -> list[Row]:
    """Many tasks that wait in ten queues, and go out to a worker that answers late.

    What one takes, how many were under way together, and whether all have arrived once.
    """
    names = [f"many{number}" for number in range(MANY_QUEUES)]
    with running(ECHO) as echo, running(_standing(*names)) as emulator:
        async with aiohttp.ClientSession(emulator.rest) as session:
            queues = [f"/v2/{QUEUE.removesuffix('load')}{name}" for name in names]
            limits = {"rateLimits": {"maxConcurrentDispatches": AT_WORK}}
            for queue in queues:
                await _call(session, "PATCH", f"{queue}?updateMask=rateLimits.maxConcurrentDispatches", limits)
                await _call(session, "POST", f"{queue}:pause")
            task = {"task": {"httpRequest": {"url": f"{echo.rest}/late", "body": "aGVsbG8="}}}
            await asyncio.gather(*[_repeat(session, f"{queue}/tasks", task, 100) for queue in queues])
            before = emulator.memory
            each = tasks // MANY_QUEUES - 100
            await asyncio.gather(*[_repeat(session, f"{queue}/tasks", task, each) for queue in queues])
            grown = (emulator.memory - before) / (each * MANY_QUEUES)
            for queue in queues:
                await _call(session, "POST", f"{queue}:resume")
            await _call(session, "POST", "/control/wait", {"for": "empty", "timeout": "20m"})
            received = await _received(echo)
    wrong = tasks - received.tasks + received.requests - received.tasks
    return [
        Row(f"memory of each of {tasks:,} tasks that wait in ten queues", grown, "bytes", 1_229),
        Row(f"of {tasks:,} tasks in ten queues, at work at once", received.at_once, "tasks"),
        Row(f"of {tasks:,} tasks in ten queues, lost or delivered twice", wrong, "tasks", 0),
    ]


async def _echo() -> None:
    """Serve until killed: what comes goes back."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection for each attempt at work

    class Echo(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

    server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    application = web.Application()
    received: list[str] = []
    late = [0, 0]
    """Requests that wait now for their late answer, and the most so far."""

    async def back(request: web.Request) -> web.Response:
        if (name := request.headers.get("X-CloudTasks-TaskName")) is not None:
            received.append(name)
        if request.path == "/late":
            late[0] += 1
            late[1] = max(late)
            await asyncio.sleep(LATE)
            late[0] -= 1
        return web.Response(body=await request.read(), content_type="application/json")

    async def count(request: web.Request) -> web.Response:
        return web.json_response(Received(len(received), len(set(received)), late[1]))

    application.router.add_post("/{path:.*}", back)
    application.router.add_get("/received", count)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}", "rest": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_create_for(sys.argv[1], float(sys.argv[2])) if sys.argv[1:] else _echo())
