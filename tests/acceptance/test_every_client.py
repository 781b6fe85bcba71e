"""The stories of every client of Cloud Tasks: a task arrives, is retried and deduplicated, and a call is rejected.

test_firebase.py and test_app_engine_sdk.py tell them of Firebase's SDK and of App Engine's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, NamedTuple

import aiohttp
import pytest
from google.api_core import exceptions
from googleapiclient import errors

from pytest_cloudtasks import FakeCloudTasks
from tests.ways import google_clients, http_libraries
from tests.ways.http_libraries import AIOHTTP, HOST, HTTPX, QUEUES, name_of

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
URL = "https://app.test/"
REGIONAL = "europe-west1-cloudtasks.googleapis.com"
MTLS = "cloudtasks.mtls.googleapis.com"

pytestmark = [
    pytest.mark.cloud_tasks(start=START, queues={"work": {"retry_config": {"min_backoff": "10s"}}}),
    pytest.mark.usefixtures("no_network"),
]


class Rejection(NamedTuple):
    """What the service says to a call that it rejects."""

    status: int
    reason: str
    code: str
    message: str

    @property
    def json(self) -> dict[str, Any]:
        return {"error": {"code": self.status, "message": self.message, "status": self.code}}


EXISTS = Rejection(409, "Conflict", "ALREADY_EXISTS", "Requested entity already exists")
EXISTED = Rejection(
    409,
    "Conflict",
    "ALREADY_EXISTS",
    "The task cannot be created because a task with this name existed too recently. For more information about task"
    " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task.",
)
NO_QUEUE = Rejection(
    404,
    "Not Found",
    "NOT_FOUND",
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
)

# What a client returns or raises for a rejection: each takes the rejection, and the URL that the client has called.


def a_response(rejection: Rejection, url: str) -> object:
    """HTTP libraries return a response like any other."""
    return rejection.status, rejection.json


def a_class_of_its_code(rejection: Rejection, url: str) -> object:
    """Google's clients over gRPC raise the class of the gRPC code."""
    raised = {"ALREADY_EXISTS": exceptions.AlreadyExists, "NOT_FOUND": exceptions.NotFound}[rejection.code]
    return raised, f"{rejection.status} {rejection.message}"


def a_class_of_its_status(rejection: Rejection, url: str) -> object:
    """Google's clients over REST raise the class of the HTTP status, with method and URL before the text."""
    raised = {409: exceptions.Conflict, 404: exceptions.NotFound}[rejection.status]
    return raised, f"{rejection.status} POST {url}?%24alt=json%3Benum-encoding%3Dint: {rejection.message}"


def an_http_error(rejection: Rejection, url: str) -> object:
    """google-api-python-client raises one class for everything."""
    text = (
        f'<HttpError {rejection.status} when requesting {url}?alt=json returned "{rejection.message}".'
        f' Details: "{rejection.message}">'
    )
    return errors.HttpError, text


def a_client_response_error(rejection: Rejection, url: str) -> object:
    """gcloud-aio-taskqueue raises aiohttp's error with the response in its message."""
    message = f"{rejection.reason}: {json.dumps(rejection.json, indent=2)}\n"
    return aiohttp.ClientResponseError, f"{rejection.status}, message={message!r}, url={url!r}"


class Way(NamedTuple):
    """A client as an application uses it: it creates a task by the task's ID and the queue's."""

    client: Callable[..., Any]
    rejected: Callable[[Rejection, str], object]
    version: str = "v2"
    host: str = HOST

    def create(self, task: str = "", queue: str = "work") -> Any:
        return self.client(task, queue, self.host)

    def outcome(self, task: str = "", queue: str = "work") -> object:
        """Return what `create` returns, or class and text of what it raises."""
        try:
            return self.create(task, queue)
        except Exception as error:
            return type(error), str(error)

    def rejection(self, rejection: Rejection, queue: str = "work") -> object:
        """Return the outcome of a call that the service rejects."""
        return self.rejected(rejection, f"https://{self.host}/{self.version}/{QUEUES}/{queue}/tasks")


def google_ways() -> dict[str, Way]:
    """Return the clients of google-cloud-tasks."""
    ways = {}
    for kind, builds in (
        (google_clients.by_sync_client, google_clients.SYNC),
        (google_clients.by_async_client, google_clients.ASYNC),
    ):
        for name, build in builds.items():
            version = name.split()[0] if name.startswith("v2") else "v2"
            rejected = a_class_of_its_status if "rest" in name.split() else a_class_of_its_code
            ways[name] = Way(partial(kind, build), rejected, version)
    return ways


LIBRARIES = {name_of(way): Way(way, a_response) for way in (*http_libraries.SYNC, *HTTPX, *AIOHTTP)}
ALL = {
    **google_ways(),
    "surface of 1.x": Way(google_clients.by_legacy_client, a_class_of_its_code),
    **LIBRARIES,
    "googleapiclient": Way(http_libraries.by_googleapiclient, an_http_error),
    "gcloud_aio": Way(http_libraries.by_gcloud_aio, a_client_response_error, "v2beta3"),
}
ONE_OF_EACH_KIND = [
    *("v2 grpc", "v2 rest", "v2 grpc_asyncio", "own channel", "own channel of asyncio", "rest with an interceptor"),
    *("surface of 1.x", "http_client", "requests", "httplib2", "googleapiclient", "httpx", "httpx_async"),
    *("aiohttp", "gcloud_aio"),
]
ALL |= {
    f"{name} to {where}": ALL[name]._replace(host=host)
    for name in ONE_OF_EACH_KIND
    for where, host in (("a region", REGIONAL), ("mTLS", MTLS))
}
each_way = pytest.mark.parametrize("way", ALL.values(), ids=ALL)


@each_way
def test_a_task_arrives(cloud_tasks: FakeCloudTasks, way: Way) -> None:
    """The task is in the queue under the name that the client returns, and no socket was connected."""
    created = way.create()
    task = cloud_tasks.assert_enqueued(queue="work", url=URL, method="POST", at=START)
    assert task.name == (created[1]["name"] if isinstance(created, tuple) else created.name)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task"]


@each_way
def test_a_task_is_retried(cloud_tasks: FakeCloudTasks, way: Way) -> None:
    """A target that answers 503 gets the task again when the queue's backoff is over."""
    target = cloud_tasks.route(URL).returns(503, 200)
    way.create("order-42")
    assert cloud_tasks.drain().succeeded == 1
    task = cloud_tasks.assert_dispatched(name="order-42")
    cloud_tasks.assert_attempts(task, [503, 200])
    assert [attempt.dispatch_time - START for attempt in task.attempts] == [timedelta(), timedelta(seconds=10)]
    assert [call.headers["X-CloudTasks-TaskRetryCount"] for call in target.calls] == ["0", "1"]


@each_way
def test_a_name_is_used_once(cloud_tasks: FakeCloudTasks, way: Way) -> None:
    """The same name is rejected while its task is in the queue, and for some time after the task has run."""
    cloud_tasks.route(URL)
    way.create("order-42")
    assert way.outcome("order-42") == way.rejection(EXISTS)
    cloud_tasks.drain()
    assert way.outcome("order-42") == way.rejection(EXISTED)
    cloud_tasks.assert_dispatched(name="order-42", count=1)


@each_way
def test_a_queue_is_missing(cloud_tasks: FakeCloudTasks, way: Way) -> None:
    """The call is rejected with Google's text, in the form that the client gives it."""
    assert way.outcome(queue="missing") == way.rejection(NO_QUEUE, "missing")
    cloud_tasks.assert_nothing_enqueued()
