"""A standing server beside echo servers: CreateTask over gRPC and REST, and deliveries.

An echo server answers each request with the request, by the same libraries (grpcio with as many threads, aiohttp), so
the ratio is what the service itself costs. The clients are as plain as can be: a channel that sends bytes, and
aiohttp's. Deliveries go to the echo server, each over a connection of its own; beside them stands aiohttp's client that
does the same without a queue. All servers run in processes of their own, `python -m benchmarks.serving` being the echo.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

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


ECHO = [sys.executable, "-m", "benchmarks.serving"]


def rows(tasks: int = 4000) -> Iterator[Row]:
    """What a task costs that comes over the wire, and one that is delivered, against the echo."""
    for clients in (1, THREADS):
        yield _row("gRPC", clients, lambda grpc_at, _, n=clients: over_grpc(grpc_at, tasks, n))
        yield _row("REST", clients, lambda _, rest, n=clients: asyncio.run(over_rest(rest, tasks, n)))
    yield _deliveries(tasks)


def _row(kind: str, clients: int, measure: Callable[[str, str], float]) -> Row:
    rates = []
    for command in (_standing(), ECHO):
        with running(command) as (grpc_at, rest):
            rates.append(measure(grpc_at, rest))
    server, echo = rates
    what = f"CreateTask over {kind}, {counted(clients)}: server against echo"
    return Row(what, echo / server, "×", note=f"{server:,.0f} and {echo:,.0f} a second")


def counted(clients: int) -> str:
    """``1 client``, ``16 clients``."""
    return f"{clients} client{'s' if clients > 1 else ''}"


def _deliveries(tasks: int) -> Row:
    with running(ECHO) as (_, echo):
        with running(_standing(*(f"q{number}" for number in range(QUEUES)))) as (_, rest):
            server = asyncio.run(delivered(rest, f"{echo}/work", tasks))
        bare = asyncio.run(requested(f"{echo}/work", tasks))
    what = f"deliveries, {QUEUES * CONCURRENT} under way: server against a client without a queue"
    return Row(what, bare / server, "×", note=f"{server:,.0f} and {bare:,.0f} a second")


def _standing(*queues: str) -> list[str]:
    options = ["--grpc-port", "0", "--rest-port", "0", "--queue", "load", "--log-format", "json"]
    options += [part for queue in queues for part in ("--queue", queue)]
    return [sys.executable, "-W", "ignore", "-m", "pytest_cloudtasks", "serve", *options]


@contextmanager
def running(command: list[str]) -> Iterator[tuple[str, str]]:
    """A server whose first line says where it is; its log is thrown away."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        drain = ThreadPoolExecutor(1)
        drain.submit(process.stdout.read)
        try:
            yield ready["grpc"], ready["rest"]
        finally:
            process.terminate()
            process.wait()
            drain.shutdown()


def over_grpc(address: str, tasks: int, clients: int) -> float:
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
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
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


async def over_rest(url: str, tasks: int, clients: int) -> float:
    """Requests a second."""
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

    async def ask(number: int) -> None:
        for _ in range(number):
            async with aiohttp.ClientSession() as session, session.post(url, data=b"hello") as answer:
                await answer.read()

    under_way = QUEUES * CONCURRENT
    begun = time.perf_counter()
    await asyncio.gather(*[ask(tasks // under_way) for _ in range(under_way)])
    return tasks / (time.perf_counter() - begun)


async def _echo() -> None:
    """Serve until killed: what comes goes back."""

    class Echo(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

    server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    application = web.Application()
    application.router.add_post("/{path:.*}", _back)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}", "rest": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


async def _back(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


if __name__ == "__main__":
    asyncio.run(_echo())
