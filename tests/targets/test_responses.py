"""`attempt.response`: what a target answered."""

from __future__ import annotations

import dataclasses
import gzip
from datetime import timedelta
from typing import Any

import fastapi
import flask
import pytest
from fastapi.responses import JSONResponse
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import Attempt, FakeCloudTasks, TargetResponse

from .servers import Received, Reply, serving

URL = "https://app.test/work"
pytestmark = pytest.mark.cloud_tasks(queues=["work"])


def step(cloud_tasks: FakeCloudTasks, **fields: Any) -> Attempt:
    """Create a task, dispatch it, and return its attempt."""
    task = {"http_request": {"url": URL}, **fields}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    attempt = cloud_tasks.step()
    assert attempt is not None
    return attempt


def answer_of(attempt: Attempt) -> TargetResponse:
    assert attempt.response is not None
    return attempt.response


@pytest.fixture
def flask_app() -> flask.Flask:
    app = flask.Flask("app")

    @app.post("/work")
    def work() -> Any:
        return {"stock": 0}, 409, {"X-Reason": "sold out"}

    return app


@pytest.fixture
def fastapi_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.post("/work")
    async def work() -> Any:
        return JSONResponse({"stock": 0}, 409, {"X-Reason": "sold out"})

    return app


@pytest.mark.parametrize("name", ["flask_app", "fastapi_app"])
def test_it_is_what_an_application_sent(cloud_tasks: FakeCloudTasks, name: str, request: pytest.FixtureRequest) -> None:
    """Status, headers and body are those of the response; text and json read the body."""
    cloud_tasks.mount(URL, request.getfixturevalue(name))
    response = answer_of(step(cloud_tasks))
    assert (response.status, response.headers["x-reason"], response.json) == (409, "sold out", {"stock": 0})
    assert response.body == response.text.encode()
    assert repr(response) == f"<response 409, {len(response.body)} bytes>"
    with pytest.raises(dataclasses.FrozenInstanceError):
        response.status = 200  # type: ignore[misc]


def test_it_is_what_a_server_sent(cloud_tasks: FakeCloudTasks) -> None:
    """The body is the one that went over the wire; text and json decompress it."""

    def reply(received: Received) -> Reply:
        return 500, [("Content-Encoding", "gzip")], gzip.compress(b'"busy"')

    with serving(reply) as server:
        cloud_tasks.forward("https://app.test", server.url)
        response = answer_of(step(cloud_tasks))
    assert (response.status, gzip.decompress(response.body)) == (500, b'"busy"')
    assert (response.text, response.json) == ('"busy"', "busy")


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (None, (200, {}, b"")),
        (503, (503, {}, b"")),
        ((429, {"Retry-After": "5"}), (429, {"Retry-After": "5"}, b"")),
        (flask.Response("busy", 503, {"X-Own": "1"}, content_type="text/plain"), (503, {"X-Own": "1"}, b"busy")),
        (JSONResponse("busy", 503, {"X-Own": "1"}), (503, {"x-own": "1"}, b'"busy"')),
    ],
)
def test_it_is_what_a_handler_returned(
    cloud_tasks: FakeCloudTasks, result: Any, response: tuple[int, dict[str, str], bytes]
) -> None:
    """A status, a pair, or the response of a framework with its body."""
    cloud_tasks.route(URL, handler=lambda request: result)
    found = answer_of(step(cloud_tasks))
    status, headers, body = response
    assert (found.status, found.body) == (status, body)
    assert headers.items() <= dict(found.headers.items()).items()


def test_there_is_no_response_without_an_answer(cloud_tasks: FakeCloudTasks) -> None:
    """A route that raises ConnectionError or TimeoutError gives no answer."""
    cloud_tasks.route(URL).raises(ConnectionError).raises(TimeoutError)
    assert step(cloud_tasks).response is None
    cloud_tasks.drain(until=timedelta(hours=1))
    assert [attempt.response for attempt in cloud_tasks.attempts()[:2]] == [None, None]


def test_it_is_there_if_the_service_never_got_it(cloud_tasks: FakeCloudTasks) -> None:
    """The target has answered, though a fault lost it."""
    cloud_tasks.route(URL).returns(200)
    cloud_tasks.lose_handler_response()
    attempt = step(cloud_tasks)
    assert (attempt.status, answer_of(attempt).status) == (None, 200)


def test_to_read_it_is_to_have_seen_an_error() -> None:
    """`strict` takes an error of a handler for seen once the test has read the response."""

    def failing(request: Any) -> None:
        raise ValueError("no such order")

    with FakeCloudTasks(queues=["work"], strict=True, on_exception="500") as cloud_tasks:
        cloud_tasks.route(URL, handler=failing)
        assert answer_of(step(cloud_tasks)).status == 500
