"""Requests of every shape arrive as they would at the service, and their responses are those of the library."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import aiohttp
import httplib2
import httpx
import pytest
import requests
import urllib3
import yarl

from pytest_cloudtasks import FakeCloudTasks, current
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from tests.ways.http_libraries import BODY, HOST, JSON, QUEUE, TASK, URL, certificates, name_of

LOCATION = QUEUE.rpartition("/queues/")[0]
BASE = f"https://{HOST}/v2"
pytestmark = pytest.mark.cloud_tasks(queues=["work"])


class Got:
    """A response."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in dict(headers).items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http_client(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    connection = http.client.HTTPSConnection(HOST, context=certificates())
    connection.request(method, url.removeprefix(f"https://{HOST}"), body, headers or {})
    response = connection.getresponse()
    return Got(response.status, response.getheaders(), response.read())


def urllib3_pool(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    response = urllib3.PoolManager().request(method, url, body=body, headers=headers)
    return Got(response.status, response.headers, response.data)


def by_requests(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    response = requests.request(method, url, data=body, headers=headers)
    return Got(response.status_code, response.headers, response.content)


def by_httplib2(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    response, content = httplib2.Http().request(url, method, body, headers)
    return Got(response.status, response, content)


def by_httpx(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    response = httpx.request(method, url, content=body, headers=headers, verify=certificates())
    return Got(response.status_code, response.headers, response.content)


def by_httpx_async(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    async def ask() -> Got:
        async with httpx.AsyncClient(verify=certificates()) as client:
            response = await client.request(method, url, content=later(body), headers=headers)
            return Got(response.status_code, response.headers, response.content)

    return asyncio.run(ask())


def by_aiohttp(method: str, url: str, body: Any = None, headers: Any = None) -> Got:
    async def ask() -> Got:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, data=later(body), headers=headers) as response,
        ):
            return Got(response.status, response.headers, await response.read())

    return asyncio.run(ask())


def later(body: Any) -> Any:
    """Return ``body``; one that comes in pieces is given by coroutines."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in body:
            await asyncio.sleep(0)
            yield piece

    return pieces() if isinstance(body, Iterator) else body


Ask = Callable[..., Got]
each_library = pytest.mark.parametrize(
    "ask", [http_client, urllib3_pool, by_requests, by_httplib2, by_httpx, by_httpx_async, by_aiohttp], ids=name_of
)


@each_library
def test_a_body_in_pieces(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """A generator is sent in chunks, and the task has all of it."""
    pieces = (BODY[at : at + 7] for at in range(0, len(BODY), 7))
    if ask is by_httplib2:  # which needs the length
        pieces = b"".join(pieces)  # type: ignore[assignment]
    assert ask("POST", URL, pieces, JSON).json["name"] == cloud_tasks.assert_enqueued(url="https://app.test/").name


@each_library
def test_a_packed_body(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """A body with a Content-Encoding is unpacked."""
    assert ask("POST", URL, gzip.compress(BODY), {**JSON, "Content-Encoding": "gzip"}).status == 200
    cloud_tasks.assert_enqueued(url="https://app.test/")


@each_library
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning:aiohttp")
def test_a_large_body(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """A body that takes many writes is one task, and one beyond the limit is rejected."""
    payload = "QUJD" * 25_000
    large = json.dumps({"task": {"httpRequest": {"url": "https://app.test/", "body": payload}}}).encode()
    assert ask("POST", URL, large, JSON).status == 200
    assert len(cloud_tasks.assert_enqueued().body) == 75_000
    too_large = ask("POST", URL, b" " * (10 * 1024 * 1024 + 1), JSON)
    assert too_large.json["error"]["message"] == "Request payload size exceeds the limit: 10485760 bytes."


@each_library
def test_methods_without_a_body(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """GET, PATCH and DELETE are the RPCs that they are at the service, with the query's parameters."""
    assert ask("GET", f"{BASE}/{QUEUE}").json["state"] == "RUNNING"
    changed = ask("PATCH", f"{BASE}/{QUEUE}?updateMask=retryConfig.maxAttempts", b'{"retryConfig":{"maxAttempts":3}}')
    assert changed.json["retryConfig"]["maxAttempts"] == 3
    assert ask("GET", f"{BASE}/{LOCATION}/queues?pageSize=1&prettyPrint=false").body.count(b"\n") == 0
    assert ask("DELETE", f"{BASE}/{QUEUE}").json == {}
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue", "update_queue", "list_queues", "delete_queue"]


@each_library
def test_a_response(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """It has its type and its length; one to HEAD would have no body."""
    got = ask("GET", f"{BASE}/{QUEUE}")
    assert (got.headers["content-type"], got.headers["content-length"]) == (
        "application/json; charset=UTF-8",
        str(len(got.body)),
    )
    got = ask("HEAD", f"{BASE}/{QUEUE}")
    assert (got.status, got.body, got.headers["content-type"]) == (404, b"", "text/html; charset=UTF-8")
    assert int(got.headers["content-length"]) > 100


@each_library
def test_headers_of_a_request(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """They are the metadata of the call, as at the service."""
    ask("GET", f"{BASE}/{QUEUE}", None, {"X-Goog-User-Project": "billed", "Authorization": "Bearer mine"})
    metadata = dict(cloud_tasks.rpcs[0].metadata)
    assert (metadata["x-goog-user-project"], metadata["authorization"], metadata["host"]) == (
        "billed",
        "Bearer mine",
        HOST,
    )


@each_library
def test_a_path_that_leads_nowhere(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """It is Google's page, at the root as well."""
    for path in ("", "/", "/v2/nothing", "/v3/projects"):
        got = ask("GET", f"https://{HOST}{path}")
        assert (got.status, got.headers["content-type"]) == (404, "text/html; charset=UTF-8")
    assert cloud_tasks.rpcs == []


class Fails(BaseException):
    """What fails a test, as pytest's own."""


class Failing:
    """A backend that fails the test."""

    redirect_endpoints = ()

    def receive(self, call: IncomingCall) -> Any:
        raise Fails(call.method)

    receive_async = receive


@each_library
def test_what_fails_a_test(ask: Ask) -> None:
    """It is raised where the request is made, through the library."""
    backend: Any = Failing()
    router.enter(backend)
    try:
        with pytest.raises(Fails) as raised:
            ask("POST", URL, BODY, JSON)
    finally:
        router.leave(backend)
    assert str(raised.value) == "create_task"


@each_library
def test_a_planned_fault(cloud_tasks: FakeCloudTasks, ask: Ask) -> None:
    """It has its HTTP status, and the library makes of it what it makes of the service's."""
    cloud_tasks.fail_rpc("create_task", "UNAVAILABLE")
    got = ask("POST", URL, BODY, JSON)
    assert (got.status, got.json["error"]["status"]) == (503, "UNAVAILABLE")


def test_a_request_that_waits_for_a_word(cloud_tasks: FakeCloudTasks) -> None:
    """aiohttp sends the body after "100 Continue"."""

    async def post() -> int:
        async with aiohttp.ClientSession() as session, session.post(URL, json=TASK, expect100=True) as response:
            return response.status

    assert asyncio.run(post()) == 200
    cloud_tasks.assert_enqueued()


def test_a_body_that_fails(cloud_tasks: FakeCloudTasks) -> None:
    """aiohttp says so where the request is made, and the fake gets no call."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"{"
        raise OSError("The disk is gone.")

    async def post() -> None:
        async with aiohttp.ClientSession() as session:
            await session.post(URL, data=broken())

    with pytest.raises(aiohttp.ClientConnectionError):
        asyncio.run(post())
    assert cloud_tasks.rpcs == []


def test_a_body_that_is_shorter_than_its_length(cloud_tasks: FakeCloudTasks) -> None:
    """The service would wait for the rest, so it is a time-out."""
    with pytest.raises(TimeoutError) as raised:
        http_client("POST", URL, BODY, {**JSON, "Content-Length": "9999"})
    assert str(raised.value) == f"The rest of the request to https://{HOST} did not come."


def test_invalid_http(cloud_tasks: FakeCloudTasks) -> None:
    """The answer is a bad request in Google's form."""
    got = http_client("POST", URL, BODY, {**JSON, "Content-Length": "many"})
    assert (got.status, got.json["error"]["message"]) == (400, "Bad Request")


def test_a_response_that_is_streamed(cloud_tasks: FakeCloudTasks) -> None:
    """requests, httpx and aiohttp read it piece by piece."""
    with requests.get(f"{BASE}/{QUEUE}", stream=True) as response:
        assert b"".join(response.iter_content(5)).startswith(b'{\n  "name"')
    with httpx.stream("GET", f"{BASE}/{QUEUE}") as streamed:
        assert next(streamed.iter_lines()) == "{"

    async def read() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(f"{BASE}/{QUEUE}") as response:
            return await response.content.readline()

    assert asyncio.run(read()) == b"{\n"


def test_threads_share_a_session(cloud_tasks: FakeCloudTasks) -> None:
    """Each request of each thread arrives once."""
    with requests.Session() as session, httpx.Client() as client:

        def post() -> None:
            for _ in range(5):
                session.post(URL, BODY, headers=JSON).raise_for_status()
                client.post(URL, content=BODY, headers=JSON).raise_for_status()

        threads = [threading.Thread(target=post) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    cloud_tasks.assert_enqueued(count=40)


async def post_by_httpx() -> int:
    async with httpx.AsyncClient(verify=certificates()) as client:
        return (await client.post(URL, json=TASK)).status_code


async def post_by_aiohttp() -> int:
    async with aiohttp.ClientSession() as session, session.post(URL, json=TASK) as response:
        return response.status


each_async = pytest.mark.parametrize("post", [post_by_httpx, post_by_aiohttp], ids=lambda post: post.__name__)


@each_async
def test_several_loops_and_tasks(cloud_tasks: FakeCloudTasks, post: Callable[[], Awaitable[int]]) -> None:
    """Requests of one loop at the same time, and of several loops one after the other, arrive once each."""

    async def several() -> list[int]:
        return await asyncio.gather(*(post() for _ in range(5)))

    assert asyncio.run(several()) + asyncio.run(several()) == [200] * 10
    cloud_tasks.assert_enqueued(count=10)


@each_async
@pytest.mark.cloud_tasks(queues=["work"], eager=True)
def test_an_eager_dispatch_awaits_handlers_in_the_callers_loop(
    cloud_tasks: FakeCloudTasks, post: Callable[[], Awaitable[int]]
) -> None:
    """The handler has run, in the loop that the request was made in, before the response is given."""
    loops = []

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    cloud_tasks.mount("https://app.test", handler)

    async def talk() -> bool:
        assert await post() == 200
        return loops == [asyncio.get_running_loop()]

    assert asyncio.run(talk())
    cloud_tasks.assert_attempts(cloud_tasks.rpcs[0].result.name, [204])


@each_async
@pytest.mark.cloud_tasks(queues=["work"], eager=True)
def test_a_request_that_is_cancelled(cloud_tasks: FakeCloudTasks, post: Callable[[], Awaitable[int]]) -> None:
    """A caller that leaves before its handler has answered takes nothing with it."""
    started = asyncio.Event()

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        started.set()
        await asyncio.Event().wait()

    cloud_tasks.mount("https://app.test", handler)

    async def talk() -> None:
        request = asyncio.ensure_future(post())
        await started.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(talk())
    assert current() is cloud_tasks


@each_async
@pytest.mark.cloud_tasks(queues=["work"], eager=True)
def test_a_request_that_is_cancelled_before_its_dispatch(
    cloud_tasks: FakeCloudTasks, post: Callable[[], Awaitable[int]]
) -> None:
    """The task was created, and its handler is not called."""
    route = cloud_tasks.route("https://app.test/")

    async def talk() -> None:
        request = asyncio.ensure_future(post())
        while not cloud_tasks.rpcs:
            await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(talk())
    cloud_tasks.assert_enqueued()
    assert route.calls == []


class Key(NamedTuple):
    """What a connector keeps connections by."""

    is_ssl: bool


class Request(NamedTuple):
    """A request of aiohttp's, as a connector sees it."""

    method: str
    url: yarl.URL
    connection_key: Key


def test_an_invalid_aiohttp_request(cloud_tasks: FakeCloudTasks) -> None:
    """Its connection has a bad request in Google's form for it, and can be aborted as often as one likes."""

    async def talk() -> int:
        async with aiohttp.TCPConnector() as connector:
            request: Any = Request("GET", yarl.URL(URL), Key(True))
            connection = await connector.connect(request, [], aiohttp.ClientTimeout())
            protocol, transport = connection.protocol, connection.transport
            assert protocol is not None
            assert transport is not None
            assert transport.get_extra_info("peername") == (HOST, 443)
            protocol.set_response_params()
            transport.writelines([b"nonsense\r\n", b"\r\n"])
            message, _ = await protocol.read()
            connection.close()
            transport.abort()
            assert transport.is_closing()
            return message.code

    assert asyncio.run(talk()) == 400
