"""Requests to Cloud Tasks by each HTTP library, and what they carry."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import aiohttp
import google.auth.transport.requests
import httplib2
import httpx
import requests
import trio
import urllib3
from gcloud.aio.auth import Token
from gcloud.aio.taskqueue import PushQueue
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery, errors

QUEUE = "projects/test-project/locations/us-central1/queues/work"
HOST = "cloudtasks.googleapis.com"
PATH = f"/v2/{QUEUE}/tasks"
URL = f"https://{HOST}{PATH}"
TASK = {"task": {"httpRequest": {"url": "https://app.test/"}}}
BODY = json.dumps(TASK).encode()
JSON = {"Content-Type": "application/json"}

Answer = tuple[int, Any]
"""The status, and the JSON of the body."""


def by_http_client() -> Answer:
    connection = http.client.HTTPSConnection(HOST, timeout=5)
    connection.request("POST", PATH, BODY, JSON)
    response = connection.getresponse()
    return response.status, json.load(response)


def by_urllib_request() -> Answer:
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, BODY, JSON), timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def by_urllib3() -> Answer:
    response = urllib3.PoolManager().request("POST", URL, body=BODY, headers=JSON)
    return response.status, json.loads(response.data)


def by_requests() -> Answer:
    response = requests.post(URL, json=TASK, timeout=5)
    return response.status_code, response.json()


def by_authorized_session() -> Answer:
    session = google.auth.transport.requests.AuthorizedSession(AnonymousCredentials())
    response = session.post(URL, json=TASK)
    return response.status_code, response.json()


def by_httplib2() -> Answer:
    response, content = httplib2.Http(timeout=5).request(URL, "POST", BODY, JSON)
    return response.status, json.loads(content)


def by_googleapiclient() -> Answer:
    client = discovery.build("cloudtasks", "v2", credentials=AnonymousCredentials())
    try:
        return 200, client.projects().locations().queues().tasks().create(parent=QUEUE, body=TASK).execute()
    except errors.HttpError as error:
        return error.status_code, json.loads(error.content)


SYNC: list[Callable[[], Answer]] = [
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


def by_httpx() -> Answer:
    response = httpx.post(URL, json=TASK)
    return response.status_code, response.json()


def by_httpx_client() -> Answer:
    with httpx.Client(http2=False) as client, client.stream("POST", URL, json=TASK) as response:
        response.read()
        return response.status_code, response.json()


def by_httpx_async() -> Answer:
    async def post() -> Answer:
        async with httpx.AsyncClient() as client:
            response = await client.post(URL, json=TASK)
            return response.status_code, response.json()

    return asyncio.run(post())


def by_httpx_in_trio() -> Answer:
    async def post() -> Answer:
        async with httpx.AsyncClient() as client:
            response = await client.post(URL, json=TASK)
            return response.status_code, response.json()

    return trio.run(post)


HTTPX = [by_httpx, by_httpx_client, by_httpx_async, by_httpx_in_trio]


def by_aiohttp() -> Answer:
    async def post() -> Answer:
        async with aiohttp.ClientSession() as session, session.post(URL, json=TASK) as response:
            return response.status, await response.json()

    return asyncio.run(post())


def by_gcloud_aio() -> Answer:
    async def post() -> Answer:
        async with aiohttp.ClientSession() as session:
            queue = PushQueue("test-project", "work", session=session, token=GivenToken(session=session))
            try:
                return 200, await queue.create(TASK["task"])
            except aiohttp.ClientResponseError as error:
                return error.status, json.loads(error.message.partition(": ")[2])

    return asyncio.run(post())


class GivenToken(Token):
    async def get(self) -> str | None:
        return "token"


AIOHTTP = [by_aiohttp, by_gcloud_aio]
