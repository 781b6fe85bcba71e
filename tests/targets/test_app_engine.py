"""Applications that are mounted for App Engine tasks."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import Any

import flask
import pytest
from google.cloud.tasks_v2 import CloudTasksClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as StarletteRoute

from pytest_cloudtasks import AppEngineMount, FakeCloudTasks, NoTarget

Task = dict[str, Any]
on = pytest.mark.cloud_tasks


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A WSGI application."""
    start_response("200 OK", [])
    return []


def enqueue(cloud_tasks: FakeCloudTasks, uri: str = "/work", *, queue: str = "work", **routing: str) -> None:
    request: Task = {"relative_uri": uri}
    if routing:
        request["app_engine_routing"] = routing
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path(queue), task={"app_engine_http_request": request})


# --- which one ---------------------------------------------------------------------------------------------------


ROUTINGS: list[dict[str, str]] = [
    {},
    {"service": "default"},
    {"service": "api"},
    {"service": "api", "version": "v2"},
    {"service": "api", "version": "v2", "instance": "0"},
    {"version": "v2"},
]


@pytest.mark.parametrize(
    ("limits", "matched"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"service": "default"}, [0, 1, 5]),
        ({"service": ""}, [0, 1, 5]),
        ({"service": "api"}, [2, 3, 4]),
        ({"version": "v2"}, [3, 4, 5]),
        ({"version": ""}, [0, 1, 2]),
        ({"service": "api", "version": "v2"}, [3, 4]),
        ({"service": "api", "version": ""}, [2]),
        ({"instance": "0"}, [4]),
        ({"service": "API"}, []),
    ],
    ids=str,
)
@on(queues=["work"])
def test_a_mount_takes_the_tasks_of_its_routing(
    cloud_tasks: FakeCloudTasks, limits: dict[str, str], matched: list[int]
) -> None:
    """An unset part matches any, an empty text none; a task without a service goes to the default service."""
    rest = cloud_tasks.mount_app_engine(app)
    mount = cloud_tasks.mount_app_engine(app, **limits)
    for number, routing in enumerate(ROUTINGS):
        enqueue(cloud_tasks, f"/{number}", **routing)
    cloud_tasks.drain()
    assert sorted(call.url[-1] for call in mount.calls) == [str(number) for number in matched]
    assert len(rest.calls) == len(ROUTINGS) - len(matched)


@on(queues=["work"])
def test_the_most_specific_mount_wins(cloud_tasks: FakeCloudTasks) -> None:
    """The more of service, version and instance is given; then an instance before a version before a service."""
    in_order: list[dict[str, str]] = [
        {"service": "api", "version": "v2", "instance": "0"},
        {"version": "v2", "instance": "0"},
        {"service": "api", "instance": "0"},
        {"service": "api", "version": "v2"},
        {"instance": "0"},
        {"version": "v2"},
        {"service": "api"},
        {},
    ]
    mounts: list[AppEngineMount] = []
    for limits in reversed(in_order):
        mounts.insert(0, cloud_tasks.mount_app_engine(app, **limits))
        enqueue(cloud_tasks, service="api", version="v2", instance="0")
        cloud_tasks.drain()
        assert [len(mount.calls) for mount in mounts] == [1] * len(mounts)


@on(queues=["work"])
def test_of_equals_the_later_mount_wins(cloud_tasks: FakeCloudTasks) -> None:
    """So that a test overrides its fixture."""
    earlier, later = (cloud_tasks.mount_app_engine(app, service="api") for _ in range(2))
    enqueue(cloud_tasks, service="api")
    cloud_tasks.drain()
    assert (len(earlier.calls), len(later.calls)) == (0, 1)


@on(queues={"work": {"app_engine_routing_override": {"service": "fixed"}}, "free": {}})
def test_the_queues_override_wins_always(cloud_tasks: FakeCloudTasks) -> None:
    """It counts as it is at the dispatch, as a whole, and for its own queue only."""
    fixed, own = (cloud_tasks.mount_app_engine(app, service=service) for service in ("fixed", "own"))
    versioned = cloud_tasks.mount_app_engine(app, service="fixed", version="v1")
    enqueue(cloud_tasks, service="own", version="v1")
    enqueue(cloud_tasks, queue="free", service="own", version="v1")
    cloud_tasks.drain()
    assert (len(fixed.calls), len(own.calls), len(versioned.calls)) == (1, 1, 0)
    assert fixed.calls[0].headers["Host"] == "fixed.test-project.uc.r.appspot.com"
    assert own.calls[0].headers["Host"] == "v1.own.test-project.uc.r.appspot.com"


@on(queues=["work"])
def test_an_override_that_comes_later_counts(cloud_tasks: FakeCloudTasks) -> None:
    """A waiting task follows its queue; the queue's message has the host."""
    own, moved = (cloud_tasks.mount_app_engine(app, service=service) for service in ("own", "moved"))
    enqueue(cloud_tasks, service="own")
    override = {"service": "moved", "version": "v3"}
    name = cloud_tasks.queue_path("work")
    queue = CloudTasksClient().update_queue(queue={"name": name, "app_engine_routing_override": override})
    assert queue.app_engine_routing_override.host == "v3.moved.test-project.uc.r.appspot.com"
    cloud_tasks.drain()
    assert (len(own.calls), len(moved.calls)) == (0, 1)
    assert moved.calls[0].url == "http://v3.moved.test-project.uc.r.appspot.com/work"
    (task,) = (attempt.task for attempt in cloud_tasks.attempts())
    assert task.app_engine_http_request.app_engine_routing.host == "own.test-project.uc.r.appspot.com"


@on(queues=["work"])
def test_http_tasks_never_go_to_app_engine(cloud_tasks: FakeCloudTasks) -> None:
    """Not even to the host that an App Engine task would have."""
    mount = cloud_tasks.mount_app_engine(app)
    task = {"http_request": {"url": "http://test-project.uc.r.appspot.com/work"}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    with pytest.raises(NoTarget):
        cloud_tasks.drain()
    assert mount.calls == []


# --- what it sees ------------------------------------------------------------------------------------------------


@on(queues=["work"])
def test_flask_sees_app_engine(cloud_tasks: FakeCloudTasks) -> None:
    """Plain HTTP, from App Engine's address, at the host of the routing, with the path and the query of the task."""
    shop, seen = flask.Flask("shop"), []

    @shop.post("/w/<path:rest>")
    def work(rest: str) -> str:
        request = flask.request
        seen.append((request.url, request.scheme, request.remote_addr, rest, request.environ["SERVER_PORT"]))
        return "done"

    cloud_tasks.mount_app_engine(shop, service="api", version="v2")
    enqueue(cloud_tasks, "/w/a%20b/%7E?x=%26&y", service="api", version="v2")
    cloud_tasks.drain()
    host = "v2.api.test-project.uc.r.appspot.com"
    assert seen == [(f"http://{host}/w/a%20b/~?x=%26&y", "http", "0.1.0.2", "a b/~", "80")]


@on(queues=["work"])
def test_starlette_sees_app_engine(cloud_tasks: FakeCloudTasks) -> None:
    """The same for ASGI, whose lifespan is run as for any mount."""
    seen: list[object] = []

    async def work(request: Request) -> Response:
        client = request.client
        assert client is not None
        seen.append((str(request.url), client.host, request.scope["server"], request.headers["x-appengine-taskname"]))
        return PlainTextResponse("done")

    cloud_tasks.mount_app_engine(Starlette(routes=[StarletteRoute("/work", work, methods=["POST"])]))
    enqueue(cloud_tasks, "/work?x=1")
    (task,) = cloud_tasks.tasks()
    cloud_tasks.drain()
    host = "test-project.uc.r.appspot.com"
    assert seen == [(f"http://{host}/work?x=1", "0.1.0.2", (host, 80), task.id)]


@on(queues=["work"])
def test_http_tasks_come_from_loopback(cloud_tasks: FakeCloudTasks) -> None:
    """App Engine's address is for its own tasks."""
    seen = []

    def remember(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        return app(environ, start_response)

    mount = cloud_tasks.mount("https://app.test", remember)
    task = {"http_request": {"url": "https://app.test/"}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
    cloud_tasks.drain()
    assert seen == ["127.0.0.1"] == [mount.calls[0].client_address]


@on(queues=["work"], on_exception="500")
def test_a_mount_has_options_of_its_own(cloud_tasks: FakeCloudTasks) -> None:
    """takes() and on_exception are those of any mount."""

    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise KeyError("order")

    cloud_tasks.mount_app_engine(broken, on_exception="raise").takes(timedelta(seconds=3))
    enqueue(cloud_tasks)
    with pytest.raises(KeyError):
        cloud_tasks.drain()
    cloud_tasks.step()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [500]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=3)


# --- records -----------------------------------------------------------------------------------------------------


@on(queues=["work"])
def test_the_error_for_a_missing_target_says_what_to_add(cloud_tasks: FakeCloudTasks) -> None:
    """The message lists the targets, and proposes a mount of the current routing."""
    cloud_tasks.route("/other")
    cloud_tasks.mount("https://app.test", app)
    cloud_tasks.mount_app_engine(app, service="worker")
    cloud_tasks.mount_app_engine(app, service="api", version="")
    enqueue(cloud_tasks, "/jobs/7", service="api", version="v2")
    (task,) = cloud_tasks.tasks()
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert str(failure.value) == (
        f"The task work/{task.id} is due, but its URL has no target: POST"
        " http://v2.api.test-project.uc.r.appspot.com/jobs/7.\nTargets of this test:\n  /other\n  https://app.test"
        " (mounted app)\n  App Engine service api, version '' (mounted app)\n  App Engine service worker (mounted"
        " app)\nAdd one with cloud_tasks.route('/jobs/7'), or mount the App Engine application that serves it with"
        " cloud_tasks.mount_app_engine(app, service='api', version='v2'). Nothing was sent."
    )
    assert (task.attempts, cloud_tasks.tasks()) == ([], [task])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda fake: fake.mount_app_engine("app"),
            TypeError,
            "mount_app_engine() takes a WSGI or an ASGI application, but got 'app', which can't be called. Pass the"
            " application itself, not a client, a module or its name.",
        ),
        (
            lambda fake: fake.mount_app_engine(app, version=2),
            TypeError,
            "mount_app_engine(version=…) takes a text, or None for any version, but got 2.",
        ),
        (
            lambda fake: fake.mount_app_engine(app, on_exception="rise"),
            ValueError,
            "on_exception takes 'raise' or '500', but got 'rise'. Did you mean 'raise'?",
        ),
    ],
    ids=["app", "version", "on_exception"],
)
@on(queues=["work"])
def test_what_can_be_no_mount_is_rejected(
    cloud_tasks: FakeCloudTasks, make: Callable[[FakeCloudTasks], object], kind: type[Exception], text: str
) -> None:
    """In a sentence, and nothing is mounted."""
    with pytest.raises(kind) as refused:
        make(cloud_tasks)
    assert str(refused.value) == text
    enqueue(cloud_tasks)
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert "\nTargets of this test: none\n" in str(failure.value)


@on(queues=["work"])
def test_a_mount_describes_itself(cloud_tasks: FakeCloudTasks) -> None:
    """By what it is for, and by its application."""

    async def asgi(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None: ...

    assert repr(cloud_tasks.mount_app_engine(asgi)) == "<mount App Engine (mounted asgi), 0 calls>"
    mount = cloud_tasks.mount_app_engine(app, instance="0", version="v", service="s")
    assert repr(mount) == "<mount App Engine service s, version v, instance 0 (mounted app), 0 calls>"
