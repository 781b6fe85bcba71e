"""Firebase's task queue functions as targets: what `on_task_dispatched` makes is mounted as it is."""

from __future__ import annotations

import json
import logging
from typing import Any

import flask
import pytest
from google.auth.transport.requests import Request
from google.oauth2.id_token import verify_oauth2_token

from pytest_cloudtasks import FakeCloudTasks

tasks_fn: Any = pytest.importorskip("firebase_functions.tasks_fn")
https_fn: Any = pytest.importorskip("firebase_functions.https_fn")
URL = "https://us-central1-shop.cloudfunctions.net/resize"
pytestmark = pytest.mark.cloud_tasks(
    project="shop", queues={"resize": {"retry_config": {"min_backoff": "1s", "max_attempts": 3}}}
)


@pytest.fixture
def create(cloud_tasks_client: Any) -> Any:
    """Create a task with the data, as an Admin SDK does."""

    def create_task(body: Any, **request: Any) -> Any:
        parent = cloud_tasks_client.queue_path("shop", "us-central1", "resize")
        headers = {"Content-Type": "application/json"}
        http = {"url": URL, "body": json.dumps(body).encode(), "headers": headers, **request}
        return cloud_tasks_client.create_task(parent=parent, task={"http_request": http})

    return create_task


def test_a_function_gets_its_data(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """The data of the task, and in the raw request the headers of the service and the token."""
    seen: list[Any] = []

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> str:
        seen.append(request)
        return "done"

    cloud_tasks.mount(URL, resize)
    token = {"service_account_email": "functions@shop.iam.gserviceaccount.com"}
    task = create({"data": {"image": 7}}, oidc_token=token)
    cloud_tasks.drain()
    (request,) = seen
    assert (request.data, request.auth) == ({"image": 7}, None)
    headers = request.raw_request.headers
    assert headers["X-CloudTasks-TaskName"] == task.name.rpartition("/")[2]
    assert headers["X-CloudTasks-TaskRetryCount"] == "0"
    bearer = headers["Authorization"].removeprefix("Bearer ")
    assert verify_oauth2_token(bearer, Request(), audience=URL)["email"] == token["service_account_email"]
    cloud_tasks.assert_attempts(task, [200])


def test_an_exception_fails_the_test(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """Though the decorator answers 500 for it, the driving method raises it, with the function's own frame."""

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> None:
        raise KeyError("image")

    cloud_tasks.mount(URL, resize)
    task = create({"data": {}})
    with pytest.raises(KeyError, match="image") as raised:
        cloud_tasks.drain()
    assert raised.traceback[-1].name == "resize"
    cloud_tasks.assert_attempts(task, [500])


@pytest.mark.parametrize("silenced", [True, False])
def test_an_exception_may_be_retried(
    cloud_tasks: FakeCloudTasks, create: Any, silenced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With on_exception="500", as Cloud Tasks does it, whether or not anything is logged."""
    if silenced:
        caplog.set_level(logging.CRITICAL + 1)
    errors: list[Exception | None] = [KeyError("image"), KeyError("image"), None]

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> None:
        if error := errors.pop(0):
            raise error

    cloud_tasks.mount(URL, resize, on_exception="500")
    task = create({"data": {}})
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [500, 500, 200])
    assert [record.getMessage() for record in caplog.records] == [] if silenced else ["Unhandled error: 'image'"] * 2


@pytest.mark.parametrize(
    ("code", "status"), [("INTERNAL", 500), ("UNAVAILABLE", 503), ("INVALID_ARGUMENT", 400), ("NOT_FOUND", 404)]
)
def test_an_https_error_is_an_answer(cloud_tasks: FakeCloudTasks, create: Any, code: str, status: int) -> None:
    """It chooses the status, and the task is attempted again; it fails no test."""

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> None:
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode[code], "later")

    cloud_tasks.mount(URL, resize)
    task = create({"data": {}})
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [status, status, status])


def test_an_https_error_while_another_exception_is_handled(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """What a function has handled is not a failure of the test, neither is what the test itself handles."""

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> None:
        try:
            raise KeyError("image")
        except KeyError as error:
            raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "later") from error

    cloud_tasks.mount(URL, resize)
    task = create({"data": {}})
    try:
        raise ValueError("of the test")
    except ValueError:
        cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [503, 503, 503])


@pytest.mark.parametrize("body", [{"image": 7}, {"data": 1, "more": 2}], ids=["no data", "more than data"])
def test_data_that_is_not_wrapped(cloud_tasks: FakeCloudTasks, create: Any, body: Any) -> None:
    """A function answers 400 to a body that is not an object with ``data`` alone."""
    called: list[Any] = []
    cloud_tasks.mount(URL, tasks_fn.on_task_dispatched()(lambda request: called.append(request)))
    task = create(body)
    cloud_tasks.step()
    cloud_tasks.assert_attempts(task, [400])
    assert called == []


def test_a_callable_function(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """`on_call` answers for exceptions in the same way; its exception fails the test, too."""

    @https_fn.on_call()
    def resize(request: Any) -> None:
        raise KeyError("image")

    cloud_tasks.mount(URL, resize)
    create({"data": {}})
    with pytest.raises(KeyError, match="image"):
        cloud_tasks.drain()


def test_a_function_that_answers_by_itself(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """Of `on_request`, the response is the function's own, also where it has handled an exception."""

    @https_fn.on_request()
    def resize(request: flask.Request) -> Any:
        try:
            raise KeyError("image")
        except KeyError:
            return flask.make_response("later", 503)

    cloud_tasks.mount(URL, resize)
    task = create({"data": {}})
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [503, 503, 503])
