from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import threading
from types import SimpleNamespace
from typing import Any, NoReturn

import aiohttp
import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._server.emulator.destinations import Destinations, Forwarding, NotSent, Route
from pytest_cloudtasks._server.emulator.log import Log
from pytest_cloudtasks._server.emulator.scheduler_loop import SchedulerLoop
from pytest_cloudtasks._server.emulator.sender import Sender, Sent
from pytest_cloudtasks._server.emulator.time_jumps import TimeJumps
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Attempt, Outcome, OutcomeKind, response
from pytest_cloudtasks._simulation.settings.settings import Settings
from pytest_cloudtasks._targets.headers import Headers
from pytest_cloudtasks._targets.request import TargetRequest
from pytest_cloudtasks._time.clock import WallClock
from pytest_cloudtasks._units import MINUTE, SECOND
from tests.each import each
from tests.patience import PATIENCE
from tests.targets.servers import answering_raw, serving

QUEUE = "projects/test-project/locations/us-central1/queues/emails"


# --- where requests go -------------------------------------------------------------------------------------------


@each(
    ("url", "goes_to"),
    [
        ("https://worker.test/a/b?c=d", Route("http://127.0.0.1:8080/a/b?c=d", True)),
        ("https://WORKER.test:443/a", Route("http://127.0.0.1:8080/a", True)),
        ("https://shop.test/deep/x", Route("http://worker:9000/base/deep/x", True)),
        ("http://localhost:3000/x#there", Route("http://localhost:3000/x", False)),
        ("http://localhost.:3000/x", Route("http://localhost.:3000/x", False)),
        ("http://[::1]:3000", Route("http://[::1]:3000/", False)),
        ("https://127.9.9.9/\u00e9", Route("https://127.9.9.9/%C3%A9", False)),
        ("http://127.1:3000/", Route("http://127.1:3000/", False)),
    ],
)
def test_a_request_goes_where_its_url_or_a_forwarding_says(url: str, goes_to: Route) -> None:
    """The path stays; a forwarding may go to any machine, a URL itself only to this one."""
    given = ["https://worker.test=http://127.0.0.1:8080/", "https://shop.test/deep=http://worker:9000/base"]
    destinations = Destinations([Forwarding(one) for one in given])
    assert destinations.route(url, is_app_engine=False) == goes_to


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "https://a.b/"]
)
def test_other_machines_are_rejected_unless_they_are_allowed(url: str) -> None:
    """Only the name counts: it is not resolved."""
    refused = Destinations().route(url, is_app_engine=False)
    assert isinstance(refused, NotSent)
    assert refused.sentence.startswith(
        f"{url.split('/')[2]} is not a loopback address, and this server sends to no other."
    )
    assert Destinations(allow_remote=True).route(url, is_app_engine=False) == Route(url, False)


@pytest.mark.parametrize(
    ("url", "host"), [("http://0.0.0.0:8097/x", "0.0.0.0"), ("http://[::]:8097/x", "::"), ("http://0:8097/x", "0")]
)
def test_an_address_to_listen_on_is_rejected(url: str, host: str) -> None:
    """Such an address works for this machine, but the service could not send to it."""
    refused = Destinations().route(url, is_app_engine=False)
    assert isinstance(refused, NotSent)
    assert refused.sentence == (
        f"{host} is an address to listen on, not one to send to. Create tasks for 127.0.0.1, or send what goes there to"
        f" a server here with --forward {url.removesuffix('/x')}=http://127.0.0.1:8097."
    )
    assert Destinations(allow_remote=True).route(url, is_app_engine=False) == Route(url, False)


def test_an_invalid_url_is_rejected() -> None:
    """The service accepts any text that begins like a URL, and so does this server; the attempt then fails."""
    refused = Destinations(allow_remote=True).route("http://:99999/", is_app_engine=False)
    assert isinstance(refused, NotSent)
    assert refused.sentence == "http://:99999/ is not a URL that a request can be sent to."


# --- the clock ---------------------------------------------------------------------------------------------------


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the wall clock's time as a list that tests can change."""
    shows = [1_000 * SECOND]
    monkeypatch.setattr(WallClock, "wall_now", staticmethod(lambda: shows[0]))
    return shows


def begun() -> WallClock:
    """Return a clock that has begun to run."""
    clock = WallClock()
    clock.use()
    return clock


def test_the_clock_follows_the_wall_clock(wall: list[int]) -> None:
    """It shows the wall clock's instant at the last observation."""
    clock = begun()
    wall[0] += 5 * SECOND
    assert clock.now == 1_000 * SECOND
    clock.observe()
    assert (clock.now, clock.elapsed) == (1_005 * SECOND, 5 * SECOND)


def test_the_clock_does_not_go_back_with_the_wall_clock(wall: list[int]) -> None:
    """If the wall clock goes back, this clock waits until it has caught up."""
    clock = begun()
    wall[0] -= 100 * SECOND
    clock.observe()
    assert clock.now == 1_000 * SECOND


def test_a_held_clock_moves_only_when_it_is_moved(wall: list[int]) -> None:
    """After it is released it goes on from its instant, ahead of the wall clock."""
    clock = begun()
    clock.hold()
    wall[0] += SECOND
    clock.observe()
    assert (clock.now, clock.is_held) == (1_000 * SECOND, True)
    clock.move(2_000 * SECOND)
    clock.let_go()
    wall[0] += SECOND
    clock.observe()
    assert (clock.now, clock.is_held) == (2_001 * SECOND, False)


def test_the_clock_is_never_less_far_ahead(wall: list[int]) -> None:
    """A jump that takes longer in real time than it moves does not slow the clock down."""
    clock = begun()
    clock.hold()
    clock.move(1_060 * SECOND)
    clock.let_go()
    clock.hold()
    wall[0] += 30 * SECOND
    clock.move(1_061 * SECOND)
    clock.let_go()
    assert clock.now == 1_090 * SECOND


def test_a_clock_that_begins_again_is_as_far_ahead(wall: list[int]) -> None:
    """A reset doesn't turn time back: the new clock has the same lead."""
    clock = begun()
    clock.hold()
    clock.move(5_000 * SECOND)
    clock.let_go()
    anew = clock.again()
    anew.use()
    assert (anew.now, anew.elapsed) == (5_000 * SECOND, 0)


# --- sending -----------------------------------------------------------------------------------------------------


def request_to(url: str) -> TargetRequest:
    """Return the request of a task for ``url``."""
    with FakeCloudTasks(queues=["emails"]) as cloud_tasks:
        route = cloud_tasks.route(url)
        cloud_tasks.client().create_task(parent=QUEUE, task={"http_request": {"url": url}})
        cloud_tasks.step()
        return route.calls[0]


def sent(url: str, seconds: float = 60) -> Sent:
    """Return the outcome of a request for ``url``."""
    request = request_to(url)

    async def send() -> Sent:
        async with Sender(Destinations(allow_remote=True)) as sender:
            return await sender.send(request, seconds)

    return asyncio.run(send())


def test_no_answer_until_the_deadline() -> None:
    """The sender stops waiting for a response after the deadline's seconds."""
    released = threading.Event()
    with serving(lambda _: (200 if released.wait(60) else 500, [], b"")) as server:
        outcome = sent(f"{server.url}/slow", 0.01)
        released.set()
    assert outcome == Sent(DEADLINE_EXCEEDED, diagnostic=f"{server.url}/slow did not answer within 0.01 s")


TOO_LONG = "a header or its status line is longer than 65,536 bytes. Send shorter headers"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "Server disconnected"),
        (b"nonsense\r\n\r\n", "what it sent is not an HTTP response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "the connection broke in the middle of the response"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 65_537 + b"\r\n\r\n", TOO_LONG),
        (b"HTTP/1.1 200 " + b"a" * 65_537 + b"\r\n\r\n", TOO_LONG),
    ],
    ids=["nothing", "no HTTP", "half an answer", "long header", "long status line"],
)
def test_a_broken_answer_counts_as_no_response(answer: bytes, reason: str) -> None:
    """It counts like a missing connection; the diagnostic names the URL."""
    with answering_raw(answer) as url:
        outcome = sent(f"{url}/x")
    assert outcome.outcome == NO_RESPONSE
    assert outcome.diagnostic == f"{url}/x sent no response: {reason}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "its host name doesn't resolve to an address",
        ),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "nothing listens there"),
        (OSError(errno.EHOSTUNREACH, "Connect call failed ('10.0.0.1', 1)"), os.strerror(errno.EHOSTUNREACH)),
        (OSError("Multiple exceptions"), "Multiple exceptions"),
        (OSError(), "OSError"),
    ],
)
def test_the_reason_is_reported_without_the_librarys_words(
    error: OSError, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp's message would begin with the host and its internal state of TLS."""

    async def fails(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(aiohttp.TCPConnector, "_resolve_host", fails)
    assert sent("http://worker.test/x") == Sent(
        NO_RESPONSE, diagnostic=f"http://worker.test/x sent no response: {reason}"
    )


def test_an_untrusted_certificate_counts_as_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """The diagnostic has OpenSSL's reason."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"

    async def fails(*_: object, **__: object) -> NoReturn:
        raise aiohttp.ClientConnectorCertificateError(SimpleNamespace(host="worker.test", port=443), error)

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", fails)
    assert sent("https://worker.test/x") == Sent(
        NO_RESPONSE,
        diagnostic="https://worker.test/x sent no response: its certificate is not trusted (self-signed certificate)."
        " Name its authority's file in SSL_CERT_FILE, or start this server with --insecure-target and the host",
    )


def test_a_server_without_tls_counts_as_no_response() -> None:
    """The diagnostic says that the network is not the cause."""
    with answering_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
        secure = url.replace("http:", "https:")
        outcome = sent(f"{secure}/x")
    assert outcome.outcome == NO_RESPONSE
    assert outcome.diagnostic.startswith(f"{secure}/x sent no response: the TLS handshake failed (")


def test_a_header_may_have_64_kb() -> None:
    """Other HTTP clients accept that, too; with aiohttp's own limit of 8 KB the attempt would have no response."""
    with serving(lambda _: (200, [("X-Long", "a" * 65_500)], b"")) as server:
        outcome = sent(f"{server.url}/x")
    assert (outcome.outcome, len(outcome.headers["x-long"])) == (response(200), 65_500)


def test_an_answer_comes_with_its_headers() -> None:
    """The service reads some of them, such as Retry-After."""
    with serving(lambda _: (429, [("Retry-After", "7")], b"not now")) as server:
        outcome = sent(f"{server.url}/x")
    assert (outcome.outcome, outcome.headers["retry-after"]) == (response(429), "7")


class Connections:
    """A server that counts connections, and answers only after a number of requests has come."""

    def __init__(self, together: int) -> None:
        self.count = 0
        self._missing = together
        self._has_all = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until its client closes it."""
        self.count += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                self._missing -= 1
                if self._missing <= 0:
                    self._has_all.set()
                await self._has_all.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(("requests", "at_once", "connections"), [(5, False, 1), (101, True, 101)])
def test_connections_are_kept_for_the_next_requests(requests: int, at_once: bool, connections: int) -> None:
    """A free connection is used again; aiohttp's limit of 100 is off, because the queues have limits."""
    listener = socket.create_server(("127.0.0.1", 0))
    request = request_to(f"http://127.0.0.1:{listener.getsockname()[1]}/x")

    async def run() -> tuple[int, set[tuple[Outcome, str]]]:
        server = Connections(requests if at_once else 1)
        listening = await asyncio.start_server(server.serve, sock=listener)
        async with Sender(Destinations()) as sender:
            if at_once:
                results = await asyncio.gather(*[sender.send(request, PATIENCE) for _ in range(requests)])
            else:
                results = [await sender.send(request, PATIENCE) for _ in range(requests)]
        listening.close()
        return server.count, {(sent.outcome, sent.diagnostic) for sent in results}

    assert asyncio.run(run()) == (connections, {(response(200), "")})


# --- the scheduler loop -------------------------------------------------------------------------------------------


class Scripted(Sender):
    """A sender that returns or raises the scripted answers, one after another."""

    def __init__(self, *answers: Sent | Exception) -> None:
        super().__init__(Destinations())
        self._answers = list(answers)

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Return the next answer."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def outcomes(*answers: Sent | Exception, **options: Any) -> list[Outcome | None]:
    """Return the outcomes of the attempts at one task with these answers."""
    return [attempt.outcome for attempt in attempts(*answers, **options)]


def attempts(*answers: Sent | Exception, **options: Any) -> list[Attempt]:
    """Return the attempts at one task with these answers."""

    async def course() -> list[Attempt]:
        settings = Settings(queues={"emails": {"retry_config": {"max_attempts": len(answers)}}}, **options)
        scheduler = SchedulerLoop(settings, Scripted(*answers), Log("none", print))
        running = asyncio.create_task(scheduler.run())
        task = {"http_request": {"url": "https://worker.test/"}}
        message = tasks_v2.CreateTaskRequest(parent=QUEUE, task=task)
        scheduler.receive(IncomingCall("create_task", "google.cloud.tasks.v2", message, 10, ()))
        await TimeJumps(scheduler).to_the_end()
        running.cancel()
        (one,) = scheduler.simulation.service.accepted
        return one.attempts

    return asyncio.run(course())


def test_an_error_of_the_server_ends_the_attempt() -> None:
    """An error in the server itself loses no task: the task is retried."""
    assert outcomes(RuntimeError("a bug"), Sent(response(200))) == [NO_RESPONSE, response(200)]


def test_an_answer_that_never_came_ends_the_attempt_at_its_deadline() -> None:
    """It ends exactly at the deadline, and a jump stops there; the retry follows after its backoff."""
    late, after = attempts(Sent(DEADLINE_EXCEEDED), Sent(response(200)))
    assert late.outcome == DEADLINE_EXCEEDED
    assert late.response_time == late.dispatch_time + 10 * MINUTE
    assert after.dispatch_time == (late.response_time + SECOND // 10) // 1_000 * 1_000


def test_an_answer_may_ask_for_a_later_retry() -> None:
    """If the service option is on, the outcome has the instant of Retry-After."""
    (late,) = outcomes(
        Sent(response(503), Headers([("Retry-After", "7")])), service=ServiceOptions(honour_retry_after=True)
    )
    assert late is not None
    assert late.retry_at is not None
    assert (late.kind, late.http_status) == (OutcomeKind.RESPONSE, 503)
