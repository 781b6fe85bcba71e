"""The ways in which a recorded case reaches the fake: each begins a session for one case."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import requests
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks, TargetRequest
from tests.patience import PATIENCE
from tests.server import clients
from tests.server.emulator.running import Emulator
from tests.server.emulator.running import Worker as EmulatorWorker
from tests.targets.servers import Received, Reply

from .messages import as_client_takes_it
from .playing import Delivery, Session, SyncClient, as_protobuf, method_name

START = datetime(2026, 7, 1, tzinfo=timezone.utc)
"""When a case begins in the process and over the loopback server."""
RECEIVER = "https://receiver.example.org"
NOBODY = "https://nobody.example.org"
Way = Callable[[], AbstractContextManager[Session]]


class AsyncClient:
    """Google's asyncio client."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._client: Any = None

    def call(self, rpc: str, request: Any) -> Any:
        """Return the answer as a protocol buffer."""
        return self._loop.run_until_complete(self._call(rpc, request))

    async def _call(self, rpc: str, request: Any) -> Any:
        self._client = self._client or tasks_v2.CloudTasksAsyncClient()
        answer = await getattr(self._client, method_name(rpc))(request=as_client_takes_it(rpc, request))
        if hasattr(answer, "pages"):
            async with aclosing(answer.pages) as pages:
                return as_protobuf(await anext(pages))
        return as_protobuf(answer)


def _send(base: str) -> Callable[[str, str, bytes | None], tuple[int, str]]:
    def send(method: str, path: str, body: bytes | None) -> tuple[int, str]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = requests.request(method, f"{base}{path}", data=body, headers=headers, timeout=PATIENCE)
        return answer.status_code, answer.text

    return send


# --- in the process, and over the loopback server ----------------------------------------------------------------


class Route:
    """A worker in the process: a route of the fake."""

    url, nobody = RECEIVER, NOBODY

    def __init__(self, fake: FakeCloudTasks) -> None:
        self._fake = fake
        self._routes: list[Any] = []

    def answer(self, replies: Sequence[Any]) -> None:
        """Give these replies, one a request; only a script has errors, and only a handler has headers."""
        pattern = re.compile(f"^({re.escape(RECEIVER)}|{re.escape(NOBODY)})/")
        if any(isinstance(reply, Mapping) for reply in replies):
            self._routes.append(self._fake.route(pattern, handler=_handler(list(replies))))
            return
        route = self._fake.route(pattern)
        self._routes.append(route)
        for reply in replies:
            if isinstance(reply, int):
                route.returns(reply)
            else:
                route.raises(TimeoutError if reply == "timeout" else ConnectionError)

    def run(self, seconds: float | None, is_over: Callable[[], bool]) -> None:
        """Advance the clock, or drain."""
        if seconds is None:
            self._fake.drain()
        else:
            self._fake.advance(timedelta(seconds=seconds))

    def deliveries(self) -> Sequence[Delivery]:
        """Return what came."""
        return [
            Delivery(one.method, one.url, dict(one.headers.items()), one.body)
            for route in self._routes
            for one in route.calls
        ]

    def gaps(self) -> Sequence[int]:
        """Return the seconds between the attempts, rounded."""
        return _gaps([attempt.dispatch_time for attempt in self._fake.attempts()])


def _handler(replies: list[Any]) -> Callable[[TargetRequest], Any]:
    def handler(_: TargetRequest) -> Any:
        reply = replies.pop(0)
        return (reply["status"], {"Location": reply["location"]}) if isinstance(reply, Mapping) else reply

    return handler


def _gaps(times: Sequence[datetime]) -> list[int]:
    return [round((later - one).total_seconds()) for one, later in pairwise(times)]


def in_process(transport: str) -> Way:
    """Google's client inside the process."""

    @cache
    def client() -> SyncClient:
        """One client for all cases: it reaches whichever fake is active."""
        return SyncClient(tasks_v2.CloudTasksClient(transport=transport))

    @contextmanager
    def way() -> Iterator[Session]:
        with FakeCloudTasks(start=START) as fake:
            if transport == "asyncio":
                loop = asyncio.new_event_loop()
                try:
                    yield Session(AsyncClient(loop), int(START.timestamp()), worker=Route(fake))
                finally:
                    loop.close()
            else:
                yield Session(client(), int(START.timestamp()), worker=Route(fake))

    return way


@contextmanager
def connected(address: Any) -> Iterator[dict[str, Any]]:
    """A client of each protocol, connected to a server for all cases."""
    with clients.over_grpc(address) as by_grpc, clients.over_rest(address) as by_rest:
        yield {"grpc": by_grpc, "rest": by_rest}


def over_loopback(fake: FakeCloudTasks, server: CloudTasksServer, client: Any) -> Way:
    """A client of another process's kind, which is connected to the loopback server."""

    @contextmanager
    def way() -> Iterator[Session]:
        with fake:
            http = _send(server.rest_url)
            yield Session(SyncClient(client), int(START.timestamp()), http=http, worker=Route(fake))

    return way


# --- over the emulator -------------------------------------------------------------------------------------------


class Address(NamedTuple):
    grpc_target: str
    rest_url: str


class Jumping:
    """The emulator's worker: a server of its own, whose waits are the emulator's time jumps."""

    url, nobody = RECEIVER, NOBODY

    def __init__(self, emulator: Emulator, worker: EmulatorWorker) -> None:
        self._emulator, self._worker = emulator, worker

    def answer(self, replies: Sequence[Any]) -> None:
        """Give these replies, one a request."""
        left = list(replies)

        def reply(_: Received) -> Reply:
            given = left.pop(0)
            if isinstance(given, Mapping):
                return given["status"], [("Location", given["location"])], b""
            return given, [], b""

        self._worker.reply = reply

    def run(self, seconds: float | None, is_over: Callable[[], bool]) -> None:
        """Jump ahead, or to the end of all that is to come."""
        if seconds is None:
            self._emulator.post("/control/drain")
        else:
            self._emulator.post("/control/jump", by=f"{seconds}s")

    def deliveries(self) -> Sequence[Delivery]:
        """Return what came."""
        return [Delivery(one.method, one.target, dict(one.headers), one.body) for one in self._worker.received]

    def gaps(self) -> Sequence[int]:
        """Return the seconds between the attempts, rounded."""
        attempts = self._emulator.get("/control/attempts")["attempts"]
        return _gaps([datetime.fromisoformat(attempt["dispatch_time"]) for attempt in attempts])


def over_the_emulator(emulator: Emulator, worker: EmulatorWorker, client: Any) -> Way:
    """A client that is connected to the emulator, a process of its own."""

    @contextmanager
    def way() -> Iterator[Session]:
        worker.forget()
        now = int(datetime.fromisoformat(emulator.get("/healthz")["now"]).timestamp())
        jumping = Jumping(emulator, worker)
        try:
            yield Session(SyncClient(client), now, soon=60, http=_send(emulator.url), worker=jumping)
        finally:
            emulator.post("/control/wait")  # nothing is on its way into the next case
            emulator.post("/control/reset")

    return way
