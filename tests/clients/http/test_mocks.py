"""What a test has mocked itself comes before the fake, by whichever library; past the mock, the fake is reached again.

Libraries of mocks that are plugins of pytest are not installed with the others, for every session would load them: the
tox environment `mocks` has them.
"""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pytest_cloudtasks import FakeCloudTasks
from tests.ways.http_libraries import (
    HOST,
    URL,
    Answer,
    by_aiohttp,
    by_authorized_session,
    by_gcloud_aio,
    by_googleapiclient,
    by_http_client,
    by_httplib2,
    by_httpx,
    by_httpx_async,
    by_requests,
    by_urllib3,
    by_urllib_request,
    name_of,
)

MOCKED = {"error": {"status": "MOCKED"}}
Mock = Callable[[pytest.FixtureRequest], AbstractContextManager[Any]]
pytestmark = [
    pytest.mark.cloud_tasks(queues=["work"]),
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:httpretty"),
]


@contextmanager
def responses(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("responses")
    with library.RequestsMock() as mocked:
        mocked.post(URL, json=MOCKED, status=418)
        yield


@contextmanager
def aioresponses(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("aioresponses")
    with library.aioresponses() as mocked:
        mocked.post(URL, exception=ValueError("mocked"))  # the responses it makes are not those of each aiohttp
        yield


@contextmanager
def httpretty(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("httpretty")
    with library.enabled(allow_net_connect=False):
        library.register_uri("POST", URL, body='{"error": {"status": "MOCKED"}}', status=418)
        yield


@contextmanager
def requests_mock(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("requests_mock")
    with library.Mocker() as mocked:
        mocked.post(URL, json=MOCKED, status_code=418)
        yield


@contextmanager
def respx(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("respx")
    with library.mock:
        library.post(URL).respond(418, json=MOCKED)
        yield


@contextmanager
def pook(request: pytest.FixtureRequest) -> Any:
    library = pytest.importorskip("pook")
    with library.use():
        library.post(URL).reply(418).json(MOCKED)
        yield


@contextmanager
def pytest_httpx(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("pytest_httpx")
    request.getfixturevalue("httpx_mock").add_response(url=URL, method="POST", json=MOCKED, status_code=418)
    yield


@pytest.mark.parametrize(
    ("mocks", "way"),
    [
        (responses, by_requests),
        (responses, by_authorized_session),
        (requests_mock, by_requests),
        pytest.param(
            httpretty,
            by_http_client,
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="HTTPretty 1.1 has no TLS on Python 3.14"),
        ),
        (respx, by_httpx),
        (respx, by_httpx_async),
        (pytest_httpx, by_httpx),
        (pytest_httpx, by_httpx_async),
        (pook, by_http_client),
        (pook, by_requests),
        (pook, by_httpx),
        (pook, by_httpx_async),
    ],
    ids=lambda value: value.__name__,
)
def test_a_mocked_url_is_answered_by_the_mock(
    cloud_tasks: FakeCloudTasks, request: pytest.FixtureRequest, mocks: Mock, way: Callable[[], Answer]
) -> None:
    """The fake gets no call while the URL is mocked."""
    with mocks(request):
        assert way() == (418, MOCKED)
    assert cloud_tasks.rpcs == []


@pytest.mark.cloud_tasks(redirect_endpoints=["tasks.test"])
def test_httpretty_over_plain_http(cloud_tasks: FakeCloudTasks, request: pytest.FixtureRequest) -> None:
    """A mocked URL of a redirected host is HTTPretty's, and any other is answered by the fake."""
    library = pytest.importorskip("httpretty")
    with library.enabled(allow_net_connect=False):
        library.register_uri("GET", "http://tasks.test/v2", status=418)
        assert get("tasks.test", "/v2") == 418
        assert get(HOST, "/v2") == 404
    assert get("tasks.test", "/v2") == 404


def get(host: str, path: str) -> int:
    connection = http.client.HTTPConnection(host)
    connection.request("GET", path)
    return connection.getresponse().status


def test_aioresponses(cloud_tasks: FakeCloudTasks, request: pytest.FixtureRequest) -> None:
    """The fake gets no call while the URL is mocked."""
    with aioresponses(request), pytest.raises(ValueError, match=r"^mocked$"):
        by_aiohttp()
    assert cloud_tasks.rpcs == []


@pytest.mark.parametrize(
    "way", [by_http_client, by_urllib_request, by_urllib3, by_requests, by_httplib2, by_httpx], ids=name_of
)
def test_vcr(cloud_tasks: FakeCloudTasks, tmp_path: Path, way: Callable[[], Answer]) -> None:
    """What the fake has answered is recorded; a cassette that has an answer gives it, and the fake gets no call."""
    vcr = pytest.importorskip("vcr")
    for _ in range(2):
        with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
            status, task = way()
        assert (status, task["name"]) == (200, cloud_tasks.assert_enqueued().name)
    assert len(cloud_tasks.rpcs) == 1


class Mocked(Exception):
    """What a mock raises."""


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("http.client.HTTPConnection.request", by_http_client),
        ("http.client.HTTPConnection.putrequest", by_http_client),
        ("http.client.HTTPSConnection.connect", by_http_client),
        ("http.client.HTTPConnection.getresponse", by_http_client),
        ("urllib.request.urlopen", by_urllib_request),
        ("urllib3.PoolManager.urlopen", by_urllib3),
        ("urllib3.connection.HTTPSConnection.connect", by_urllib3),
        ("requests.Session.send", by_requests),
        ("requests.adapters.HTTPAdapter.send", by_authorized_session),
        ("httplib2.Http.request", by_httplib2),
        ("httplib2.HTTPSConnectionWithTimeout.connect", by_httplib2),
        ("googleapiclient.http.HttpRequest.execute", by_googleapiclient),
        ("httpx.HTTPTransport.handle_request", by_httpx),
        ("httpcore.ConnectionPool.handle_request", by_httpx),
        ("httpx.AsyncHTTPTransport.handle_async_request", by_httpx_async),
        ("httpcore.AsyncConnectionPool.handle_async_request", by_httpx_async),
        ("aiohttp.ClientSession._request", by_aiohttp),
        ("aiohttp.TCPConnector.connect", by_aiohttp),
        ("gcloud.aio.taskqueue.PushQueue.create", by_gcloud_aio),
    ],
)
def test_a_mock_by_hand(cloud_tasks: FakeCloudTasks, name: str, way: Callable[[], Answer]) -> None:
    """A method of the library's that a test has replaced is the test's, the seam's own one too."""
    with mock.patch(name, side_effect=Mocked), pytest.raises(Mocked):
        way()
    assert cloud_tasks.rpcs == []
    assert way()[0] == 200
    cloud_tasks.assert_enqueued()
