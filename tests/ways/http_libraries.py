"""Tasks created through each HTTP library, and through the clients that speak HTTP.

Each way takes the task's ID, the queue's ID and a host of Google's. It returns the status and the JSON of the response.
For an error google-api-python-client and gcloud-aio-taskqueue raise exceptions of their own instead.

A test copies this file as an application, so it imports nothing of the tests.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import io
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import aiohttp
import google.auth.transport.requests
import httpcore
import httplib2
import httpx
import requests
import trio
import urllib3
from gcloud.aio.auth import Token
from gcloud.aio.taskqueue import PushQueue
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery

QUEUES = "projects/test-project/locations/us-central1/queues"
QUEUE = f"{QUEUES}/work"
HOST = "cloudtasks.googleapis.com"
PATH = f"/v2/{QUEUE}/tasks"
URL = f"https://{HOST}{PATH}"
TASK: dict[str, Any] = {"task": {"httpRequest": {"url": "https://app.test/"}}}
BODY = json.dumps(TASK).encode()
JSON = {"Content-Type": "application/json"}

Answer = tuple[int, Any]
"""The status, and the JSON of the body."""
Way = Callable[..., Answer]


def path_of(queue: str) -> str:
    return f"/v2/{QUEUES}/{queue}/tasks"


def url_of(queue: str, host: str) -> str:
    return f"https://{host}{path_of(queue)}"


def json_of(task: str, queue: str) -> dict[str, Any]:
    """Return the body of a request, whose task has a name if one is asked for."""
    return {"task": {"name": f"{QUEUES}/{queue}/tasks/{task}", **TASK["task"]}} if task else TASK


def bytes_of(task: str, queue: str) -> bytes:
    return json.dumps(json_of(task, queue)).encode()


@functools.cache
def certificates() -> ssl.SSLContext:
    """Return the certificates of authorities, which take longer to read than a request."""
    return ssl.create_default_context()


def by_http_client(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    connection = http.client.HTTPSConnection(host, timeout=5, context=certificates())
    connection.request("POST", path_of(queue), bytes_of(task, queue), JSON)
    response = connection.getresponse()
    return response.status, json.load(response)


def by_urllib_request(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    request = urllib.request.Request(url_of(queue, host), bytes_of(task, queue), JSON)
    try:
        with urllib.request.urlopen(request, timeout=5, context=certificates()) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def by_urllib3(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    response = urllib3.PoolManager().request("POST", url_of(queue, host), body=bytes_of(task, queue), headers=JSON)
    return response.status, json.loads(response.data)


def by_requests(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    response = requests.post(url_of(queue, host), json=json_of(task, queue), timeout=5)
    return response.status_code, response.json()


def by_authorized_session(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    session = google.auth.transport.requests.AuthorizedSession(AnonymousCredentials())
    response = session.post(url_of(queue, host), json=json_of(task, queue))
    return response.status_code, response.json()


def by_httplib2(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    response, content = httplib2.Http(timeout=5).request(url_of(queue, host), "POST", bytes_of(task, queue), JSON)
    return response.status, json.loads(content)


def by_googleapiclient(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    options = {"api_endpoint": f"https://{host}"}
    client = discovery.build("cloudtasks", "v2", credentials=AnonymousCredentials(), client_options=options)
    tasks = client.projects().locations().queues().tasks()
    return 200, tasks.create(parent=f"{QUEUES}/{queue}", body=json_of(task, queue)).execute()


SYNC: list[Way] = [
    by_http_client,
    by_urllib_request,
    by_urllib3,
    by_requests,
    by_authorized_session,
    by_httplib2,
    by_googleapiclient,
]


def name_of(way: Any) -> str:
    """Return the name of a way as an ID of a test."""
    return str(way.__name__).removeprefix("by_")


def by_httpx(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    response = httpx.post(url_of(queue, host), json=json_of(task, queue), verify=certificates())
    return response.status_code, response.json()


def by_httpx_client(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    with (
        httpx.Client(http2=False, verify=certificates()) as client,
        client.stream("POST", url_of(queue, host), json=json_of(task, queue)) as response,
    ):
        response.read()
        return response.status_code, response.json()


def by_httpx_async(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    async def post() -> Answer:
        async with httpx.AsyncClient(verify=certificates()) as client:
            response = await client.post(url_of(queue, host), json=json_of(task, queue))
            return response.status_code, response.json()

    return asyncio.run(post())


def by_httpx_in_trio(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    async def post() -> Answer:
        async with httpx.AsyncClient(verify=certificates()) as client:
            response = await client.post(url_of(queue, host), json=json_of(task, queue))
            return response.status_code, response.json()

    return trio.run(post)


def by_httpcore(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    with httpcore.ConnectionPool(ssl_context=certificates()) as pool:
        response = pool.request("POST", url_of(queue, host), headers=JSON, content=bytes_of(task, queue))
    return response.status, json.loads(response.content)


def by_a_connection_of_httpcore(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    url = url_of(queue, host)
    with httpcore.HTTPConnection(httpcore.URL(url).origin, ssl_context=certificates()) as connection:
        response = connection.request("POST", url, headers=JSON, content=bytes_of(task, queue))
    return response.status, json.loads(response.content)


def by_an_async_connection_of_httpcore(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    async def post() -> Answer:
        url = url_of(queue, host)
        async with httpcore.AsyncHTTPConnection(httpcore.URL(url).origin, ssl_context=certificates()) as connection:
            response = await connection.request("POST", url, headers=JSON, content=bytes_of(task, queue))
            return response.status, json.loads(response.content)

    return asyncio.run(post())


HTTPX: list[Way] = [
    by_httpx,
    by_httpx_client,
    by_httpx_async,
    by_httpx_in_trio,
    by_httpcore,
    by_a_connection_of_httpcore,
    by_an_async_connection_of_httpcore,
]


def by_aiohttp(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    async def post() -> Answer:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url_of(queue, host), json=json_of(task, queue)) as response,
        ):
            return response.status, await response.json()

    return asyncio.run(post())


def by_gcloud_aio(task: str = "", queue: str = "work", host: str = HOST) -> Answer:
    async def post() -> Answer:
        async with aiohttp.ClientSession() as session:
            push_queue = PushQueue(
                "test-project",
                queue,
                session=session,
                token=GivenToken(io.StringIO(CREDENTIALS), session),
                api_root=None if host == HOST else f"https://{host}/v2beta3",
            )
            return 200, await push_queue.create(json_of(task, queue)["task"])

    return asyncio.run(post())


CREDENTIALS = '{"type": "authorized_user"}'
"""Credentials that exist: some releases of gcloud-aio-auth look for a file, whoever makes the token."""


class GivenToken(Token):
    async def get(self) -> str | None:
        return "token"


AIOHTTP: list[Way] = [by_aiohttp, by_gcloud_aio]
