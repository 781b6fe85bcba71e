"""The first line of a failing body, in the timeline and the report."""

from __future__ import annotations

import gzip
import json
from typing import Any

import fastapi
import flask
import pydantic
import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, TargetResponse
from pytest_cloudtasks._diagnostics.failing_bodies import line_of
from pytest_cloudtasks._targets.headers import Headers

URL = "https://app.test/work"
COMPRESSED = gzip.compress(b"busy")


def error(*loc: str | int, msg: str = "Field required") -> dict[str, Any]:
    return {"type": "missing", "loc": loc, "msg": msg, "input": {}}


def as_json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", ""),
        (b"  \n", ""),
        (b"out of stock\nTraceback", "out of stock"),
        (b"\n\n  out \t of\x1b[0m stock", "out of [0m stock"),
        ("Größe fehlt".encode(), "Größe fehlt"),
        (b"x" * 130, f"{'x' * 120}… (10 more characters)"),
        (b"x" * 100_001, ""),
        (b"\xff\xfe", ""),
        (as_json({"detail": "Not authenticated"}), '{"detail": "Not authenticated"}'),
        (as_json(["a", {"b": 1}]), '["a", {"b": 1}]'),
        (b"{no json\nat all", "{no json"),
        (b"[" * 50_000, f"{'[' * 120}… (49880 more characters)"),
        (as_json({"detail": [error("body", "order")]}), "body.order: Field required"),
        (
            as_json({"detail": [error("query", "id"), error("body", "items", 0, "price", msg="Too small")]}),
            "body.items.0.price: Too small (and 1 more)",
        ),
        (as_json({"detail": []}), '{"detail": []}'),
        (as_json({"detail": [{"loc": "body", "msg": 1}]}), '{"detail": [{"loc": "body", "msg": 1}]}'),
        (b"<!doctype html>\n<title>ValueError\n at /work</title>", "ValueError at /work"),
        (b"<html><title>422 Wrong</title><pre>1</pre><p>No &lt;b&gt; <i>order</i></p>", "No <b> order"),
        (b"<html><title>422 Wrong</title>", ""),
    ],
)
def test_bodies_in_one_line(body: bytes, line: str) -> None:
    """Texts by their first line, JSON in one, validation errors by the deepest, pages by their title."""
    assert line_of(TargetResponse(422, Headers(), body)) == line


@pytest.mark.parametrize(
    ("body", "line"),
    [(COMPRESSED, "busy"), (b"busy", ""), (COMPRESSED[:-9], "")],
    ids=["whole", "uncompressed", "cut off"],
)
def test_compressed_bodies(body: bytes, line: str) -> None:
    """What the server sent with gzip is read as text; what is broken is left out."""
    assert line_of(TargetResponse(503, Headers([("Content-Encoding", "gzip")]), body)) == line


class Order(pydantic.BaseModel):
    order: int


@pytest.fixture
def fastapi_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.post("/work")
    async def work(order: Order) -> None:
        pass

    return app


@pytest.fixture
def flask_app() -> flask.Flask:
    app = flask.Flask("app")

    @app.post("/work")
    def work() -> None:
        flask.abort(400, "The order is missing.")

    return app


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fastapi_app", "work/one attempt 1 → 422 (body.order: Field required), retry in 0.1 s"),
        ("flask_app", "work/one attempt 1 → 400 (The order is missing.), retry in 0.1 s"),
    ],
)
@pytest.mark.cloud_tasks(queues=["work"])
def test_a_failed_attempts_line_has_it(
    cloud_tasks: FakeCloudTasks, name: str, text: str, request: pytest.FixtureRequest
) -> None:
    """It follows the status, in the timeline as text and as data, from which reports are made."""
    cloud_tasks.mount("https://app.test", request.getfixturevalue(name))
    parent = cloud_tasks.queue_path("work")
    http_request = {"url": URL, "body": b"{}", "headers": {"Content-Type": "application/json"}}
    CloudTasksClient().create_task(parent=parent, task={"name": f"{parent}/tasks/one", "http_request": http_request})
    cloud_tasks.step()
    assert cloud_tasks.timeline().splitlines()[-1].endswith(text)
    assert text in [event["text"] for event in json.loads(cloud_tasks.timeline(format="json"))]


@pytest.mark.cloud_tasks(queues=["work"])
def test_an_answer_that_succeeded_or_never_came_has_none(cloud_tasks: FakeCloudTasks) -> None:
    """The body of a success says nothing of a failure, and neither does one that a fault has lost."""
    cloud_tasks.route(URL, handler=lambda request: flask.Response("done"))
    cloud_tasks.lose_handler_response()
    task = {"http_request": {"url": URL}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    cloud_tasks.drain()
    assert "done" not in cloud_tasks.timeline()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == ["UNKNOWN", 200]
