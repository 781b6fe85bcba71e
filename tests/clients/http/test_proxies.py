"""What goes through a proxy counts by where it is meant for."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Iterator

import aiohttp
import httpx
import pytest
import requests
import urllib3

from pytest_cloudtasks import FakeCloudTasks
from tests.ways.http_libraries import (
    BODY,
    HOST,
    JSON,
    PATH,
    TASK,
    URL,
    Answer,
    by_authorized_session,
    by_googleapiclient,
    by_httplib2,
    by_httpx,
    by_httpx_async,
    by_requests,
    by_urllib_request,
    name_of,
)

from .servers import Server, serving


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that the environment names as proxy for everything."""
    with serving() as server:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
        yield server


def by_a_tunnel() -> Answer:
    connection = http.client.HTTPSConnection("127.0.0.1", 9)
    connection.set_tunnel(HOST, 443)
    connection.request("POST", PATH, BODY, JSON)
    response = connection.getresponse()
    return response.status, json.load(response)


def by_a_proxy_manager() -> Answer:
    response = urllib3.ProxyManager("http://127.0.0.1:9").request("POST", URL, body=BODY)
    return response.status, json.loads(response.data)


def by_aiohttp_with_the_environment() -> Answer:
    async def post() -> Answer:
        async with aiohttp.ClientSession(trust_env=True) as session, session.post(URL, json=TASK) as response:
            return response.status, await response.json()

    return asyncio.run(post())


@pytest.mark.parametrize(
    "way",
    [
        by_a_tunnel,
        by_a_proxy_manager,
        by_aiohttp_with_the_environment,
        by_urllib_request,
        by_requests,
        by_authorized_session,
        by_httplib2,
        by_googleapiclient,
        by_httpx,
        by_httpx_async,
    ],
    ids=name_of,
)
@pytest.mark.cloud_tasks(queues=["work"])
def test_no_proxy_hears_of_a_request(cloud_tasks: FakeCloudTasks, proxy: Server, way: Callable[[], Answer]) -> None:
    """The task is in the queue, and nobody has connected to the proxy."""
    status, task = way()
    assert (status, task["name"]) == (200, cloud_tasks.assert_enqueued().name)
    assert proxy.connections == 0


def get_by_requests(url: str) -> str:
    return requests.get(url).text


def get_by_httpx(url: str) -> str:
    return httpx.get(url).text


def get_by_urllib3(url: str) -> str:
    return str(urllib3.ProxyManager("http://127.0.0.1:9").request("GET", url).data.decode())


def get_by_aiohttp(url: str) -> str:
    async def get() -> str:
        async with aiohttp.ClientSession(trust_env=True) as session, session.get(url) as response:
            return await response.text()

    return asyncio.run(get())


@pytest.mark.parametrize(
    "get", [get_by_requests, get_by_httpx, get_by_urllib3, get_by_aiohttp], ids=lambda f: f.__name__
)
@pytest.mark.cloud_tasks(queues=["work"], redirect_endpoints=["tasks.test"])
def test_a_url_that_a_proxy_is_to_fetch(cloud_tasks: FakeCloudTasks, proxy: Server, get: Callable[[str], str]) -> None:
    """Over plain http a proxy gets the whole URL, which decides, and another URL is the proxy's."""
    path = cloud_tasks.queue_path("work")
    assert json.loads(get(f"http://tasks.test/v2/{path}"))["name"] == path
    assert proxy.connections == 0
    if get is not get_by_urllib3:  # whose proxy is none
        assert get("http://other.test/v2") == "real"
        assert proxy.received[0].startswith(b"GET http://other.test/v2 HTTP/1.1\r\n")
