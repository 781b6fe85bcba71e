"""FastAPI applications as targets: handlers of both kinds, dependencies, background tasks, lifespan."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from google.cloud import tasks_v2
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pytest_cloudtasks import FakeCloudTasks, Summary, current

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
PARENT = "projects/test-project/locations/us-central1/queues/work"
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["work"])


class Order(BaseModel):
    """What the handlers are sent."""

    order: int


def enqueue(path: str, body: bytes = b'{"order": 42}', **fields: Any) -> str:
    """As application code does it."""
    request = {"url": f"https://shop.test{path}", "body": body, "headers": {"Content-Type": "application/json"}}
    task = {"http_request": request, **fields}
    return str(tasks_v2.CloudTasksClient().create_task(parent=PARENT, task=task).name)


def drained_by_sync_verb(cloud_tasks: FakeCloudTasks) -> Summary:
    return cloud_tasks.drain()


def drained_by_awaitable_verb(cloud_tasks: FakeCloudTasks) -> Summary:
    return asyncio.run(cloud_tasks.aio.drain())


Drain = Callable[[FakeCloudTasks], Summary]


@pytest.fixture(params=[drained_by_sync_verb, drained_by_awaitable_verb], ids=["sync", "aio"])
def drain(request: pytest.FixtureRequest) -> Drain:
    """Drains the queue by either kind of driving method."""
    return request.param  # type: ignore[no-any-return]


def test_both_kinds_of_handlers_answer(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """`async def` runs in the loop's thread and `def` in another; both see body, headers and the held time."""
    app, seen = FastAPI(), []

    @app.post("/async")
    async def in_loop(order: Order, request: Request) -> None:
        seen.append((order.order, request.headers["x-cloudtasks-queuename"], datetime.now(timezone.utc), here()))

    @app.post("/sync")
    def in_thread(order: Order, request: Request) -> None:
        seen.append((order.order, request.headers["x-cloudtasks-queuename"], datetime.now(timezone.utc), here()))

    def here() -> bool:
        return threading.current_thread() is threading.main_thread()

    mount = cloud_tasks.mount("https://shop.test", app)
    enqueue("/async")
    enqueue("/sync", schedule_time=START + timedelta(hours=1))
    assert drain(cloud_tasks).succeeded == 2
    assert seen == [(42, "work", START, True), (42, "work", START + timedelta(hours=1), False)]
    assert [call.url for call in mount.calls] == ["https://shop.test/async", "https://shop.test/sync"]


def test_a_handler_in_a_thread_finds_the_fake_and_enqueues(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """Both `current()` and a client that the handler builds reach the test's fake from another thread."""
    app, found = FastAPI(), []

    @app.post("/first")
    def first() -> None:
        found.append(current())
        enqueue("/second")

    @app.post("/second")
    async def second() -> None:
        found.append(current())
        await tasks_v2.CloudTasksAsyncClient().create_task(
            parent=PARENT, task={"http_request": {"url": "https://shop.test/third"}}
        )

    @app.post("/third", status_code=204)
    def third() -> None: ...

    cloud_tasks.mount("https://shop.test", app)
    enqueue("/first")
    assert drain(cloud_tasks).attempts == 3
    assert found == [cloud_tasks, cloud_tasks]
    cloud_tasks.assert_empty()


def test_a_driving_method_in_a_threads_handler_is_rejected(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """The guard holds in a framework's thread, and the application's `except Exception` does not swallow it."""
    app = FastAPI()

    @app.post("/work")
    def work() -> str:
        try:
            cloud_tasks.advance(seconds=1)
        except Exception:
            return "swallowed"
        return "done"

    cloud_tasks.mount("https://shop.test", app)
    enqueue("/work", b"")
    name = cloud_tasks.assert_enqueued().id
    with pytest.raises(pytest.fail.Exception) as refused:
        drain(cloud_tasks)
    message = (
        f"cloud_tasks.advance() was called while the handler of work/{name} was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    )
    assert str(refused.value) == message
    assert cloud_tasks._active.failures.messages == [message]
    cloud_tasks._active.failures.messages.clear()
    assert cloud_tasks.clock.elapsed == timedelta(0)


def test_dependencies_and_background_tasks_are_done_when_the_answer_is(
    cloud_tasks: FakeCloudTasks, drain: Drain
) -> None:
    """A dependency is set up and torn down around the handler, and background tasks have run at its return."""
    app, seen = FastAPI(), []

    def session() -> Iterator[str]:
        seen.append("open")
        yield "session"
        seen.append("closed")

    @app.post("/work")
    async def work(background: BackgroundTasks, session: str = Depends(session)) -> None:
        seen.append(f"work with {session}")
        background.add_task(seen.append, "background")

    cloud_tasks.mount("https://shop.test", app)
    enqueue("/work")
    drain(cloud_tasks)
    assert seen[:2] == ["open", "work with session"]
    assert sorted(seen[2:]) == ["background", "closed"]


def test_background_tasks_may_sleep_in_the_queues_time(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """They are part of the delivery, which ends when they do."""
    app, woken = FastAPI(), []

    async def later() -> None:
        await cloud_tasks.aio.sleep(timedelta(minutes=2))
        woken.append(cloud_tasks.clock.elapsed)

    @app.post("/work")
    async def work(background: BackgroundTasks) -> None:
        background.add_task(later)

    cloud_tasks.mount("https://shop.test", app)
    enqueue("/work")
    assert drain(cloud_tasks).succeeded == 1
    assert woken == [timedelta(minutes=2)]


# --- exceptions --------------------------------------------------------------------------------------------------


def failing_app(error: Exception, **options: Any) -> FastAPI:
    """Its handlers raise ``error`` once, and answer afterwards."""
    app, errors = FastAPI(**options), [error]

    @app.post("/async")
    async def in_loop() -> None:
        if errors:
            raise errors.pop()

    @app.post("/sync")
    def in_thread() -> None:
        if errors:
            raise errors.pop()

    return app


@pytest.mark.parametrize("path", ["/async", "/sync"])
def test_an_http_exception_is_a_status(cloud_tasks: FakeCloudTasks, drain: Drain, path: str) -> None:
    """HTTPException is the application's way to answer: the status is recorded and retried, and no test fails."""
    cloud_tasks.mount("https://shop.test", failing_app(HTTPException(503, "the mail server is down")))
    enqueue(path)
    drain(cloud_tasks)
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [503, 200])


def test_a_request_that_does_not_validate_is_a_status(cloud_tasks: FakeCloudTasks) -> None:
    """FastAPI's 422 is an answer like any other; the task is retried until its queue gives up."""
    app = FastAPI()

    @app.post("/work")
    def work(order: Order) -> None: ...

    cloud_tasks.create_queue("twice", retry_config={"max_attempts": 2})
    cloud_tasks.mount("https://shop.test", app)
    task = {"http_request": {"url": "https://shop.test/work", "body": b'{"odrer": 42}'}}
    tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("twice"), task=task)
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [422, 422])


@pytest.mark.parametrize("path", ["/async", "/sync"])
def test_an_exception_fails_the_test(cloud_tasks: FakeCloudTasks, drain: Drain, path: str) -> None:
    """What a handler raises comes out of the driving method, with the attempt recorded as the 500 that it was."""
    error = KeyError("order")
    cloud_tasks.mount("https://shop.test", failing_app(error))
    enqueue(path)
    with pytest.raises(KeyError) as raised:
        drain(cloud_tasks)
    assert raised.value is error
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500])
    assert drain(cloud_tasks).succeeded == 1


@pytest.mark.parametrize("path", ["/async", "/sync"])
def test_an_exception_may_be_a_500(cloud_tasks: FakeCloudTasks, drain: Drain, path: str) -> None:
    """With on_exception="500" it is recorded and retried."""
    error = KeyError("order")
    cloud_tasks.mount("https://shop.test", failing_app(error), on_exception="500")
    enqueue(path)
    drain(cloud_tasks)
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500, 200])
    assert task.attempts[0].exception is error


def test_middleware_is_no_obstacle(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """Guard, sleep and exceptions work with a middleware that runs the application in its own task."""
    app, woken = failing_app(KeyError("order")), []

    @app.post("/sleep")
    async def sleep() -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=9))
        woken.append(cloud_tasks.clock.elapsed)

    async def passing(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    cloud_tasks.mount("https://shop.test", app)
    enqueue("/async")
    with pytest.raises(KeyError):
        drain(cloud_tasks)
    drain(cloud_tasks)
    enqueue("/sleep")
    before = cloud_tasks.clock.elapsed
    drain(cloud_tasks)
    assert woken == [before + timedelta(seconds=9)]


# --- lifespan ----------------------------------------------------------------------------------------------------


def living_app(seen: list[str], *failures: Exception) -> FastAPI:
    """An application with start-up, state and shutdown."""
    to_raise = list(failures)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        seen.append("start-up")
        if to_raise:
            raise to_raise.pop()
        yield {"pool": "a pool"}
        seen.append("shutdown")

    app = FastAPI(lifespan=lifespan)

    @app.post("/work")
    async def work(request: Request) -> None:
        seen.append(request.state.pool)

    return app


def test_the_lifespan_of_sync_driving_methods_spans_the_fake() -> None:
    """Start-up with the first request, its state with every request, shutdown when the fake ends."""
    seen: list[str] = []
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        cloud_tasks.mount("https://shop.test", living_app(seen))
        assert seen == []
        for _ in range(2):
            enqueue("/work")
            cloud_tasks.drain()
    assert seen == ["start-up", "a pool", "a pool", "shutdown"]


def test_the_lifespan_of_awaitable_driving_methods_ends_with_their_loop(cloud_tasks: FakeCloudTasks) -> None:
    """Several methods in one loop are one lifespan; when the loop closes it is cancelled with everything in it."""
    seen: list[str] = []

    async def story() -> None:
        for _ in range(2):
            enqueue("/work")
            await cloud_tasks.aio.drain()

    cloud_tasks.mount("https://shop.test", living_app(seen))
    asyncio.run(story())
    assert seen == ["start-up", "a pool", "a pool"]
    asyncio.run(story())
    assert seen == ["start-up", "a pool", "a pool"] * 2


def test_a_failed_start_up_fails_the_test(
    cloud_tasks: FakeCloudTasks, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    """The method raises what start-up raised, as text; the attempt is a 500, and its retry starts the app again."""
    seen: list[str] = []
    app = living_app(seen, ConnectionError("no database"))
    cloud_tasks.mount("https://shop.test", app)
    enqueue("/work")
    with pytest.raises(RuntimeError) as failed:
        drain(cloud_tasks)
    told = str(failed.value)
    assert told.startswith(f"The start-up of {app!r} failed: Traceback (most recent call last):\n")
    assert told.endswith("\nConnectionError: no database\n")
    drain(cloud_tasks)
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500, 200])
    assert seen[:3] == ["start-up", "start-up", "a pool"]
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_starlette_application_is_a_target(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """Starlette without FastAPI works as well, with handlers of both kinds."""

    async def in_loop(request: Request) -> PlainTextResponse:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        return PlainTextResponse(await request.body(), 201)

    def in_thread(request: Request) -> PlainTextResponse:
        return PlainTextResponse("busy", 429)

    app = Starlette(routes=[Route("/async", in_loop, methods=["POST"]), Route("/sync", in_thread, methods=["POST"])])
    cloud_tasks.create_queue("once", retry_config={"max_attempts": 1})
    cloud_tasks.mount("https://shop.test", app)
    enqueue("/async")
    task = {"http_request": {"url": "https://shop.test/sync"}}
    tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("once"), task=task)
    drain(cloud_tasks)
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [201, 429]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=5)


def test_handlers_that_sleep_overlap_in_an_application(cloud_tasks: FakeCloudTasks, drain: Drain) -> None:
    """Three requests of ten seconds each, two at a time, take twenty seconds of the queue's time."""
    app, at = FastAPI(), []

    @app.post("/work")
    async def work() -> None:
        at.append(cloud_tasks.clock.elapsed.total_seconds())
        await cloud_tasks.aio.sleep(timedelta(seconds=10))

    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 2})
    cloud_tasks.mount("https://shop.test", app)
    for _ in range(3):
        task = {"http_request": {"url": "https://shop.test/work"}}
        tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("narrow"), task=task)
    drain(cloud_tasks)
    assert at == [0, 0, 10]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=20)


# --- the application under test ----------------------------------------------------------------------------------


def shop() -> FastAPI:
    """An application that enqueues by either client, and works off its own tasks."""
    app = FastAPI()

    @app.post("/orders-async")
    async def order_async() -> str:
        task = {"http_request": {"url": "https://shop.test/mail"}}
        return str((await tasks_v2.CloudTasksAsyncClient().create_task(parent=PARENT, task=task)).name)

    @app.post("/orders-sync")
    def order_sync() -> str:
        return enqueue("/mail")

    @app.post("/mail", status_code=202)
    async def mail() -> None: ...

    return app


@pytest.fixture
def test_client() -> Callable[[FastAPI], Any]:
    """Starlette's TestClient, which warns where it finds an HTTP library older than it would like."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    return TestClient


@pytest.mark.parametrize("path", ["/orders-async", "/orders-sync"])
def test_an_application_behind_its_test_client_enqueues_into_the_fake(
    cloud_tasks: FakeCloudTasks, test_client: Callable[[FastAPI], Any], path: str
) -> None:
    """The test client's event loop is in a thread of its own; tasks made there are driven from the test."""
    app = shop()
    cloud_tasks.mount("https://shop.test", app)
    with test_client(app) as client:
        name = client.post(path).json()
    task = cloud_tasks.assert_enqueued(url="https://shop.test/mail")
    assert task.name == name
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(task, [202])


@pytest.mark.parametrize("path", ["/orders-async", "/orders-sync"])
def test_an_application_behind_its_test_client_runs_eagerly(test_client: Callable[[FastAPI], Any], path: str) -> None:
    """With eager dispatch its tasks have been worked off when the response is there."""
    with FakeCloudTasks(queues=["work"], eager=True) as cloud_tasks:
        app = shop()
        cloud_tasks.mount("https://shop.test", app)
        with test_client(app) as client:
            assert client.post(path).status_code == 200
        cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [202])
