"""Application factories that are given in place of the application."""

from __future__ import annotations

from functools import partial
from typing import Any

import fastapi
import flask
import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks

URL = "https://app.test/work"
pytestmark = pytest.mark.cloud_tasks(queues=["work"])


def create_app() -> flask.Flask:
    return flask.Flask("app")


async def create_async_app() -> fastapi.FastAPI:
    return fastapi.FastAPI()


def configured_app(config: Any = None, *, debug: bool = False) -> flask.Flask:
    return flask.Flask("app")


def named_app(name: Any) -> flask.Flask:
    return flask.Flask("app")


def api(request: Any) -> fastapi.FastAPI:
    return fastapi.FastAPI()


class Application:
    """A WSGI application as PEP 3333 has it: its class is called."""

    def __init__(self, environ: dict[str, Any], start_response: Any) -> None:
        start_response("204 No Content", [])

    def __iter__(self) -> Any:
        yield b""


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        (
            create_app,
            "{} takes an application, but got create_app, which needs no argument: it is an application factory. Pass"
            " its result: create_app().",
        ),
        (
            configured_app,
            "{} takes an application, but got configured_app, which needs no argument: it is an application factory."
            " Pass its result: configured_app().",
        ),
        (
            partial(named_app, "app"),
            "{} takes an application, but got named_app, which needs no argument: it is an application factory. Pass"
            " its result: named_app(…).",
        ),
        (
            create_async_app,
            "{} takes an application, but got create_async_app, which needs no argument: it is an application factory."
            " Pass its result: await create_async_app().",
        ),
        (
            flask.Flask,
            "{} takes an application, but got the class Flask, which is an application factory. Pass an instance:"
            " Flask(…).",
        ),
        (
            fastapi.FastAPI,
            "{} takes an application, but got the class FastAPI, which is an application factory. Pass an instance:"
            " FastAPI().",
        ),
    ],
)
def test_a_factory_is_an_error_at_once(cloud_tasks: FakeCloudTasks, factory: Any, text: str) -> None:
    """The error says what to give instead, for URLs, for App Engine and for a single request."""
    with pytest.raises(TypeError) as caught:
        cloud_tasks.mount(URL, factory)
    assert str(caught.value) == text.format("mount()")
    with pytest.raises(TypeError) as caught:
        cloud_tasks.task_request(url=URL).send(factory)
    assert str(caught.value) == text.format("send()")
    with pytest.raises(TypeError) as caught:
        cloud_tasks.mount_app_engine(factory)
    assert str(caught.value) == text.format("mount_app_engine()")


@pytest.mark.parametrize(("factory", "made"), [(named_app, "Flask"), (api, "FastAPI")])
def test_a_factory_of_one_argument_is_an_error_at_its_first_request(
    cloud_tasks: FakeCloudTasks, factory: Any, made: str
) -> None:
    """Until it returns an application instead of a response, it looks like a function of a request."""
    cloud_tasks.mount(URL, factory)
    task = {"http_request": {"url": URL}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    with pytest.raises(TypeError) as caught:
        cloud_tasks.drain()
    name = factory.__name__
    assert str(caught.value) == (
        f"The function {name} returned an application, {made}, instead of a response: it is an application factory."
        f" Mount its result: mount(base_url, {name}(…))."
    )


@pytest.mark.parametrize("app", [Application, lambda *args: [args[1]("204 No Content", []) and b""][:0]])
def test_applications_of_any_shape_are_no_factories(cloud_tasks: FakeCloudTasks, app: Any) -> None:
    """A class that WSGI can call, and a function of any number of arguments, answer as before."""
    mount = cloud_tasks.mount(URL, app)
    assert (mount.called, mount.call_count) == (False, 0)
    task = {"http_request": {"url": URL}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    assert cloud_tasks.step().status == 204  # type: ignore[union-attr]
    assert (mount.called, mount.call_count, len(mount.calls)) == (True, 1, 1)
