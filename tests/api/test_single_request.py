"""`task_request`: the request of one attempt, for a unit test of a single handler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timezone
from typing import Any

import flask
import pytest
from fastapi import FastAPI, Request
from google.auth.transport import requests
from google.oauth2.id_token import verify_oauth2_token
from starlette.requests import Request as StarletteRequest
from werkzeug.wrappers import Request as WerkzeugRequest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest, TaskRequest

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Message = MutableMapping[str, Any]
pytestmark = pytest.mark.cloud_tasks(start=START)


def flask_app() -> flask.Flask:
    app = flask.Flask("worker")

    @app.post("/work")
    def work() -> tuple[str, int]:
        order = flask.request.get_json()["order"]
        return f"{order} at retry {flask.request.headers['X-CloudTasks-TaskRetryCount']}", 201

    return app


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.post("/work", status_code=201)
    async def work(body: dict[str, int], request: Request) -> str:
        return f"{body['order']} at retry {request.headers['x-cloudtasks-taskretrycount']}"

    return app


# --- headers and body --------------------------------------------------------------------------------------------


def test_the_first_attempts_headers(cloud_tasks: FakeCloudTasks) -> None:
    """Without arguments it is an empty POST of a task in the queue ``default``, as the service would send it."""
    request = cloud_tasks.task_request()
    assert isinstance(request, TargetRequest)
    headers = dict(request.headers)
    assert headers.pop("X-CloudTasks-TaskName").isdigit()
    assert headers == {
        "Host": "worker.test",
        "User-Agent": "Google-Cloud-Tasks",
        "Content-Length": "0",
        "Accept-Encoding": "gzip",
        "X-CloudTasks-QueueName": "default",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": "1893456000",
    }
    assert (request.method, request.url, request.body) == ("POST", "https://worker.test/", b"")


def test_everything_may_be_chosen(cloud_tasks: FakeCloudTasks) -> None:
    """URL, method, body, headers, queue and name come out as they went in."""
    request = cloud_tasks.task_request(
        url="https://app.test:8443/a?b=c", method="PUT", body=b"raw", headers={"X-Mine": "1"}, queue="mails", name="t1"
    )
    assert (request.method, request.url, request.body) == ("PUT", "https://app.test:8443/a?b=c", b"raw")
    for name, value in {
        "Host": "app.test:8443",
        "X-Mine": "1",
        "Content-Length": "3",
        "X-CloudTasks-QueueName": "mails",
        "X-CloudTasks-TaskName": "t1",
    }.items():
        assert request.headers.getlist(name) == [value]


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        (None, "application/json"),
        ({"content-type": "application/vnd.shop+json"}, "application/vnd.shop+json"),
    ],
    ids=["default", "own"],
)
def test_json_is_the_body(cloud_tasks: FakeCloudTasks, headers: dict[str, str] | None, content_type: str) -> None:
    """It is serialised, with its Content-Type unless the test gives one."""
    request = cloud_tasks.task_request(json={"order": 42}, headers=headers)
    assert json.loads(request.body) == request.json == {"order": 42}
    assert request.headers.getlist("Content-Type") == [content_type]
    assert request.headers["Content-Length"] == str(len(request.body))


@pytest.mark.parametrize("url", ["/tasks/send", "worker.test", None])
def test_the_url_is_absolute(cloud_tasks: FakeCloudTasks, url: Any) -> None:
    """A path alone is rejected: the request has a host."""
    with pytest.raises(ValueError) as refused:
        cloud_tasks.task_request(url=url)
    assert str(refused.value) == (
        f"task_request(url=…) takes an absolute URL, such as https://worker.test/, but got {url!r}. A web framework's"
        " test client takes the path of that URL. For an App Engine task, pass relative_uri=… instead."
    )


@pytest.mark.parametrize("count", [-1, "2", 1.5])
def test_the_retry_count_is_a_number(cloud_tasks: FakeCloudTasks, count: Any) -> None:
    """Anything but a whole number of zero or more is rejected."""
    with pytest.raises(ValueError) as refused:
        cloud_tasks.task_request(retry_count=count)
    assert str(refused.value) == f"retry_count is the number of failures so far, zero or more, but got {count!r}."


def test_a_retrys_headers(cloud_tasks: FakeCloudTasks) -> None:
    """After failures the count says how many, and the previous response is a 500."""
    request = cloud_tasks.task_request(retry_count=3)
    assert request.headers["X-CloudTasks-TaskRetryCount"] == "3"
    assert request.headers["X-CloudTasks-TaskPreviousResponse"] == "500"
    assert request.headers["X-CloudTasks-TaskRetryReason"] == ""
    assert request.attempt_number == 4


def test_a_retrys_history_may_be_given(cloud_tasks: FakeCloudTasks) -> None:
    """Previous response and execution count can be set by the test."""
    request = cloud_tasks.task_request(retry_count=5, execution_count=2, previous_response=429)
    assert request.headers["X-CloudTasks-TaskRetryCount"] == "5"
    assert request.headers["X-CloudTasks-TaskExecutionCount"] == "2"
    assert request.headers["X-CloudTasks-TaskPreviousResponse"] == "429"


def test_an_audience_adds_a_token(cloud_tasks: FakeCloudTasks) -> None:
    """It can be verified like a dispatched task's; without an audience there is none."""
    request = cloud_tasks.task_request(audience="https://aud.test", service_account_email="me@p.test")
    scheme, _, token = request.headers["Authorization"].partition(" ")
    claims = verify_oauth2_token(token, requests.Request(), "https://aud.test")
    assert (scheme, claims["email"], claims["iat"]) == ("Bearer", "me@p.test", START.timestamp())
    assert "Authorization" not in cloud_tasks.task_request().headers


def test_an_app_engine_request(cloud_tasks: FakeCloudTasks) -> None:
    """With a relative URI in place of a URL, host, headers and address are those of App Engine."""
    request = cloud_tasks.task_request(relative_uri="/work?a=1", service="mailer", version="v2", name="t1")
    assert dict(request.headers) == {
        "Host": "v2.mailer.test-project.uc.r.appspot.com",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
        "Content-Length": "0",
        "X-AppEngine-QueueName": "default",
        "X-AppEngine-TaskName": "t1",
        "X-AppEngine-TaskRetryCount": "0",
        "X-AppEngine-TaskExecutionCount": "0",
        "X-AppEngine-TaskETA": "1893456000",
    }
    assert request.url == "http://v2.mailer.test-project.uc.r.appspot.com/work?a=1"
    assert (request.method, request.body, request.client_address) == ("POST", b"", "0.1.0.2")
    environ = request.wsgi_environ()
    assert (environ["REMOTE_ADDR"], environ["PATH_INFO"]) == ("0.1.0.2", "/work")


def test_an_app_engine_retry(cloud_tasks: FakeCloudTasks) -> None:
    """An App Engine task counts a 500 as an execution, which an HTTP task does not."""
    of_app_engine = cloud_tasks.task_request(relative_uri="/work", retry_count=3).headers
    of_http = cloud_tasks.task_request(retry_count=3).headers
    after_429 = cloud_tasks.task_request(retry_count=3, previous_response=429).headers
    assert of_app_engine["X-AppEngine-TaskExecutionCount"] == "3"
    assert of_app_engine["X-AppEngine-TaskPreviousResponse"] == "500"
    assert of_http["X-CloudTasks-TaskExecutionCount"] == "0"
    assert after_429["X-CloudTasks-TaskExecutionCount"] == "3"


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (
            {"relative_uri": "work"},
            ValueError,
            "task_request(relative_uri=…) takes the path of an App Engine task, such as /work, but got 'work'.",
        ),
        (
            {"relative_uri": 5},
            ValueError,
            "task_request(relative_uri=…) takes the path of an App Engine task, such as /work, but got 5.",
        ),
        (
            {"relative_uri": "/", "url": "https://app.test/"},
            TypeError,
            "task_request() takes url=… or, for an App Engine task, relative_uri=…, not both.",
        ),
        (
            {"relative_uri": "/", "audience": "https://app.test/"},
            TypeError,
            "task_request() takes no audience=… with relative_uri=…: App Engine tasks have no token.",
        ),
        (
            {"service": "mailer"},
            TypeError,
            "task_request(service=…) is for App Engine tasks only. Pass relative_uri=… as well.",
        ),
        ({"relative_uri": "/", "version": 2}, TypeError, "task_request(version=…) takes a text, but got 2."),
    ],
)
def test_what_no_app_engine_request_has(
    cloud_tasks: FakeCloudTasks, arguments: dict[str, Any], kind: type[Exception], text: str
) -> None:
    """Its arguments are its own, and a wrong one is rejected in a sentence."""
    with pytest.raises(kind) as refused:
        cloud_tasks.task_request(**arguments)
    assert str(refused.value) == text


def test_nothing_of_it_is_in_the_fake(cloud_tasks: FakeCloudTasks) -> None:
    """It adds no queue, task, call or timeline entry, and no assertion sees it."""
    before = cloud_tasks.timeline()
    cloud_tasks.task_request(queue="mails", name="t1", json={}, retry_count=2)
    cloud_tasks.assert_nothing_enqueued()
    assert (cloud_tasks.tasks(), cloud_tasks.attempts(), list(cloud_tasks.rpcs)) == ([], [], [])
    assert cloud_tasks.timeline() == before
    with pytest.raises(LookupError):
        cloud_tasks.tasks(queue="mails")


# --- for frameworks ----------------------------------------------------------------------------------------------


def test_a_handler_of_flask_is_called_by_its_environ(cloud_tasks: FakeCloudTasks) -> None:
    """The environ serves `app.request_context` and werkzeug's Request."""
    request = cloud_tasks.task_request(json={"order": 42}, retry_count=1)
    with flask_app().request_context(request.wsgi_environ()):
        assert flask.request.get_json() == {"order": 42}
        assert flask.request.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert WerkzeugRequest(request.wsgi_environ()).get_data() == request.body


def test_a_handler_of_starlette_is_called_by_its_scope(cloud_tasks: FakeCloudTasks) -> None:
    """The scope serves starlette's Request."""
    request = StarletteRequest(cloud_tasks.task_request(url="https://app.test/a?b=c", retry_count=1).asgi_scope())
    assert str(request.url) == "https://app.test/a?b=c"
    assert request.headers["x-cloudtasks-taskretrycount"] == "1"


def test_a_handler_of_flask_is_called_by_its_test_client(cloud_tasks: FakeCloudTasks) -> None:
    """Plain headers and body serve any test client."""
    request = cloud_tasks.task_request(json={"order": 42}, retry_count=1)
    answer = flask_app().test_client().post("/work", headers=dict(request.headers), data=request.body)
    assert (answer.status_code, answer.text) == (201, "42 at retry 1")


@pytest.mark.parametrize("make", [flask_app, fastapi_app])
def test_an_application_answers(cloud_tasks: FakeCloudTasks, make: Callable[[], Any]) -> None:
    """`send` gives status, headers and body, of a WSGI and of an ASGI application."""
    request = cloud_tasks.task_request(url="https://worker.test/work", json={"order": 42}, retry_count=1)
    answer = request.send(make())
    assert (answer.status, answer.body.strip(b'"')) == (201, b"42 at retry 1")
    assert answer.headers["Content-Type"].startswith(("text/html", "application/json"))


@pytest.mark.parametrize("make", [flask_app, fastapi_app])
def test_an_application_answers_in_a_running_loop(cloud_tasks: FakeCloudTasks, make: Callable[[], Any]) -> None:
    """`asend` is for async tests, and takes either kind of application."""
    request = cloud_tasks.task_request(url="https://worker.test/work", json={"order": 42}, retry_count=1)
    answer = asyncio.run(request.asend(make()))
    assert (answer.status, answer.body.strip(b'"')) == (201, b"42 at retry 1")


def test_send_in_a_running_loop_names_asend(cloud_tasks: FakeCloudTasks) -> None:
    """An ASGI application would need the loop; the error says what to await, and nothing was sent."""
    app = fastapi_app()

    async def story(request: TaskRequest) -> str:
        with pytest.raises(RuntimeError) as refused:
            request.send(app)
        return str(refused.value)

    assert asyncio.run(story(cloud_tasks.task_request())) == (
        f"TaskRequest.send() was called in a running event loop, which {app!r} would need. Write"
        " `await request.asend(app)` there instead."
    )


def test_a_lifespan_is_run_around_the_request(cloud_tasks: FakeCloudTasks) -> None:
    """Start-up before, shutdown after, the application's exceptions included."""
    seen: list[str] = []

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "http":
            seen.append("request")
            raise KeyError("order")
        for step in ("startup", "shutdown"):
            assert await receive() == {"type": f"lifespan.{step}"}
            seen.append(step)
            await send({"type": f"lifespan.{step}.complete"})

    with pytest.raises(KeyError):
        cloud_tasks.task_request().send(app)
    assert seen == ["startup", "request", "shutdown"]


def test_an_exception_that_flask_announces_comes_through(cloud_tasks: FakeCloudTasks) -> None:
    """What the framework would hide behind a 500 the test sees."""
    with pytest.raises(KeyError, match="order"):
        cloud_tasks.task_request(url="https://worker.test/work", json={}).send(flask_app())
