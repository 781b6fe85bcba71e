"""Functions of a Flask request as targets, as functions-framework runs them."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import flask
import pytest

from pytest_cloudtasks import FakeCloudTasks

URL = "https://us-central1-shop.cloudfunctions.net/resize"
pytestmark = pytest.mark.cloud_tasks(queues={"resize": {"retry_config": {"min_backoff": "1s", "max_attempts": 3}}})


@pytest.fixture
def create(cloud_tasks_client: Any) -> Any:
    """Create a task for the function."""

    def create_task(url: str = URL, **request: Any) -> Any:
        parent = cloud_tasks_client.queue_path("test-project", "us-central1", "resize")
        return cloud_tasks_client.create_task(parent=parent, task={"http_request": {"url": url, **request}})

    return create_task


def test_a_function_gets_the_request(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """It is Flask's own, with the headers of the service; the response is what a view may return."""
    seen: list[flask.Request] = []

    def resize(request: flask.Request) -> tuple[dict[str, str], int]:
        seen.append(request)
        assert flask.request == request
        return {"status": "done"}, 202

    mount = cloud_tasks.mount(URL, resize)
    create(body=b'{"image": 7}', headers={"Content-Type": "application/json"})
    attempt = cloud_tasks.step()
    (request,) = seen
    assert type(request) is flask.Request
    assert (request.method, request.url, request.get_json()) == ("POST", f"{URL}/", {"image": 7})
    assert request.headers["X-CloudTasks-QueueName"] == "resize"
    assert attempt is not None
    assert attempt.result == 202
    assert repr(mount) == f"<mount {URL} (mounted resize), 1 calls>"


@pytest.mark.parametrize(
    ("base", "url", "path"),
    [
        (URL, URL, "/"),
        (URL, f"{URL}/", "/"),
        (URL, f"{URL}/large/7?a=b", "/large/7"),
        (f"{URL}/", f"{URL}/large", "/large"),
        ("https://resize-abc-uc.a.run.app", "https://resize-abc-uc.a.run.app/resize", "/resize"),
        ("https://resize-abc-uc.a.run.app", "https://resize-abc-uc.a.run.app", "/"),
    ],
)
def test_a_function_sees_the_path_below_its_url(
    cloud_tasks: FakeCloudTasks, create: Any, base: str, url: str, path: str
) -> None:
    """Functions have a URL each; what follows it is the path."""
    seen: list[str] = []

    def resize(request: flask.Request) -> str:
        seen.append(request.path)
        return "done"

    cloud_tasks.mount(base, resize)
    create(url)
    cloud_tasks.drain()
    assert seen == [path]


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("done", 200),
        (("late", 503), 503),
        (flask.Response(status=429), 429),
        ({"a": 1}, 200),
        (("", 204, {"A": "b"}), 204),
    ],
    ids=["text", "pair", "response", "JSON", "headers"],
)
def test_what_a_function_returns(cloud_tasks: FakeCloudTasks, create: Any, result: Any, status: int) -> None:
    """Everything that a view of Flask may return."""
    cloud_tasks.mount(URL, lambda request: result)
    create()
    attempt = cloud_tasks.step()
    assert attempt is not None
    assert attempt.result == status


def test_an_abort_is_an_answer(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """As in a view; the task is attempted again."""
    cloud_tasks.mount(URL, lambda request: flask.abort(503))
    task = create()
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [503, 503, 503])


def test_an_exception_fails_the_test(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """The driving method raises it; the attempt is a 500."""

    def resize(request: flask.Request) -> str:
        raise KeyError("image")

    cloud_tasks.mount(URL, resize)
    task = create()
    with pytest.raises(KeyError, match="image") as raised:
        cloud_tasks.drain()
    assert raised.traceback[-1].name == "resize"
    cloud_tasks.assert_attempts(task, [500])


def test_an_exception_may_be_retried(cloud_tasks: FakeCloudTasks, create: Any) -> None:
    """With on_exception="500" it is what functions-framework answers."""
    errors: list[Exception | None] = [KeyError("image"), None]

    def resize(request: flask.Request) -> str:
        if error := errors.pop(0):
            raise error
        return "done"

    cloud_tasks.mount(URL, resize, on_exception="500")
    task = create()
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [500, 200])


class Resizer:
    def __call__(self, request: flask.Request) -> str:
        return f"called at {request.path}"

    def resize(self, request: flask.Request, /, size: int = 7) -> str:
        return f"{size} at {request.path}"


@pytest.mark.parametrize("function", [Resizer(), Resizer().resize], ids=["object", "method"])
def test_other_callables_of_one_argument(cloud_tasks: FakeCloudTasks, create: Any, function: Any) -> None:
    """An object that can be called, and a method with defaults."""
    cloud_tasks.mount(URL, function).takes(timedelta(seconds=1))
    create()
    cloud_tasks.drain()
    cloud_tasks.assert_dispatched(url=URL)


def test_a_function_for_app_engine(cloud_tasks: FakeCloudTasks, cloud_tasks_client: Any) -> None:
    """It sees the task's whole path."""
    seen: list[str] = []

    def handler(request: flask.Request) -> str:
        seen.append(request.path)
        return "done"

    cloud_tasks.mount_app_engine(handler)
    parent = cloud_tasks_client.queue_path("test-project", "us-central1", "resize")
    task = {"app_engine_http_request": {"relative_uri": "/tasks/resize"}}
    cloud_tasks_client.create_task(parent=parent, task=task)
    cloud_tasks.drain()
    assert seen == ["/tasks/resize"]


def test_one_request_to_a_function(cloud_tasks: FakeCloudTasks) -> None:
    """`TaskRequest.send` takes functions as well."""
    answer = cloud_tasks.task_request(url=URL, json={"image": 7}).send(lambda request: request.get_json())
    assert (answer.status, answer.body) == (200, b'{"image":7}\n')


def test_a_function_needs_flask(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is missing, the mount says so."""

    def resize(request: Any) -> str:
        return "done"

    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(TypeError) as refusal:
        cloud_tasks.mount(URL, resize)
    assert str(refusal.value) == (
        f"mount() got {resize!r}, which takes one argument. A function of a request, as Cloud Run functions and"
        " Firebase have it, needs Flask, which is not installed."
    )
