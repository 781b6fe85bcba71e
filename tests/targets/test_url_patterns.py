"""Which URL finds which route, through the fake."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, NoTarget
from pytest_cloudtasks._service.request import Routing
from pytest_cloudtasks._targets.base import AppEngineDestination, Destination
from pytest_cloudtasks._targets.routes import RouteTarget
from tests.each import each

QUEUE = "projects/test-project/locations/us-central1/queues/work"


def route(url: str | re.Pattern[str]) -> RouteTarget:
    return RouteTarget(url, method=None, queue=None, handler=None, on_exception=None)


def http(url: str) -> Destination:
    return Destination(url, "POST", QUEUE)


def app_engine(uri: str) -> Destination:
    return Destination(f"http://p.test{uri}", "POST", QUEUE, AppEngineDestination(uri, Routing()))


def enqueue(cloud_tasks: FakeCloudTasks, url: str) -> None:
    request = {"app_engine_http_request": {"relative_uri": url}} if url[0] == "/" else {"http_request": {"url": url}}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=request)


@pytest.mark.parametrize(
    ("url", "asked_for"),
    [
        ("https://app.test/work", "HTTPS://App.Test:443/work#now"),
        ("https://APP.test:443", "https://app.test/"),
        ("https://app.test/%7Eme?x=%C3%BC", "https://app.test/~me?x=ü"),
        ("https://app.test/a b", "https://app.test/a%20b"),
        ("https://[bad/", "https://[bad/"),
    ],
)
def test_an_exact_url_matches_every_form_of_the_request(url: str, asked_for: str) -> None:
    """It matches every URL of the same request, in both directions."""
    assert route(url).matches(http(asked_for))
    assert route(asked_for).matches(http(url))


@pytest.mark.parametrize(
    "asked_for",
    [
        "https://app.test/work?",
        "https://app.test/work?x=1",
        "https://app.test/work?y=2&x=1",
        "https://app.test/work/",
        "https://app.test/a/../work",
    ],
)
def test_the_query_counts(asked_for: str) -> None:
    """With its parameters in order; a URL without a query does not match one with a query, nor the reverse."""
    assert not route("https://app.test/work?x=1&y=2").matches(http(asked_for))
    assert route("https://app.test/work?x=1&y=2").matches(http("https://app.test/work?x=1&y=2"))


@each(
    ("glob", "asked_for", "is_matched"),
    [
        ("https://app.test/*", "https://APP.test:443/x", True),
        ("https://APP.test:443/*", "https://app.test/x", True),
        ("https://app.test/~me/*", "https://app.test/%7eme/x", True),
        ("https://app.test/%zz*", "https://app.test/%zz", True),
        ("https://app.test/a%2F*", "https://app.test/a/b", False),
        ("https://*/work", "https://me@app.test/work", True),
        ("https://app.test/*?x=1", "https://app.test/work?x=1", True),
    ],
)
def test_a_glob_matches_the_url_as_written_or_its_normal_form(glob: str, asked_for: str, is_matched: bool) -> None:
    """What is said of exact URLs holds for the fixed parts of a glob."""
    assert route(glob).matches(http(asked_for)) is is_matched


@each(
    ("url", "uri", "is_matched"),
    [
        ("/work", "/work", True),
        ("/%7eme", "/~me", True),
        ("/work", "/work?x=1", False),
        ("/work", "/api/work", False),
        ("/work/*", "/work/7?x=1", True),
        ("/*", "/", True),
        ("http://p.test/work", "/work", True),
        ("*", "/work", True),
        ("*/work", "/work", True),
        (re.compile("^/work$"), "/work", True),
        (re.compile("p.test/work"), "/work", True),
        (re.compile("^/work$"), "/work/", False),
    ],
)
def test_app_engine_tasks_are_found_by_their_relative_uri(
    url: str | re.Pattern[str], uri: str, is_matched: bool
) -> None:
    """A URL without a host is that of App Engine tasks; one with a host, a star or a pattern may find them, too."""
    assert route(url).matches(app_engine(uri)) is is_matched


@pytest.mark.parametrize("url", ["/work", "/*", re.compile("^/work")], ids=str)
def test_http_tasks_have_no_relative_uri(url: str | re.Pattern[str]) -> None:
    """An HTTP task of the same path goes elsewhere."""
    assert not route(url).matches(http("https://app.test/work"))


def answered(name: str) -> Any:
    return lambda environ, start_response: start_response("200 OK", [("X-Name", name)]) and []


@pytest.mark.cloud_tasks(queues=["work"])
def test_the_most_specific_answers_an_app_engine_task(cloud_tasks: FakeCloudTasks) -> None:
    """Exact with a host, exact without, the longer glob, the shorter, a pattern, a mounted URL, an App Engine mount."""
    host = "http://test-project.uc.r.appspot.com"
    in_order = [
        cloud_tasks.mount_app_engine(answered("any")),
        cloud_tasks.mount_app_engine(answered("default"), service="default"),
        cloud_tasks.mount(host, answered("host")),
        cloud_tasks.mount(f"{host}/api", answered("path")),
        cloud_tasks.route(re.compile("work")),
        cloud_tasks.route("*"),
        cloud_tasks.route("/api/*"),
        cloud_tasks.route(f"{host}/api/*"),
        cloud_tasks.route("/api/work"),
        cloud_tasks.route(f"{host}/api/work"),
        cloud_tasks.route("/api/work", method="POST"),
    ]
    simulation = cloud_tasks._synced()
    shown = simulation.targets.describe()
    assert shown == [repr(one).split(" ", 1)[1].removesuffix(", 0 calls>") for one in reversed(in_order)]
    enqueue(cloud_tasks, "/api/work")
    cloud_tasks.drain()
    assert [len(one.calls) for one in in_order] == [0] * 10 + [1]


@pytest.mark.parametrize(
    ("url", "kind"),
    [("app.test/work", ValueError), ("", ValueError), (b"/work", TypeError), (re.compile(b"w"), TypeError)],
)
@pytest.mark.cloud_tasks(queues=["work"])
def test_a_route_that_nothing_could_reach_is_rejected(cloud_tasks: FakeCloudTasks, url: Any, kind: type) -> None:
    """An impossible URL of a task is an error at once, and no route is added."""
    with pytest.raises(kind) as refused:
        cloud_tasks.route(url)
    assert str(refused.value) == (
        "route() takes a URL such as https://app.test/work, the relative URI of App Engine tasks such as /work, a glob"
        f" with *, or a compiled pattern of text, but got {url!r}."
    )
    enqueue(cloud_tasks, "https://app.test/work")
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert "\nTargets of this test: none\n" in str(failure.value)


@pytest.mark.cloud_tasks(queues=["work"])
def test_the_hint_about_the_query_is_for_app_engine_too(cloud_tasks: FakeCloudTasks) -> None:
    """A user who forgot the query string gets the route to write."""
    cloud_tasks.route("/work")
    enqueue(cloud_tasks, "/work?x=1")
    (task,) = cloud_tasks.tasks()
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert str(failure.value) == (
        f"The task work/{task.id} is due, but its URL has no target: POST"
        " http://test-project.uc.r.appspot.com/work?x=1. The query string counts: a route for '/work*' matches"
        " any.\nTargets of this test:\n  /work\nAdd one with cloud_tasks.route('/work?x=1'), or mount the App Engine"
        " application that serves it with cloud_tasks.mount_app_engine(app). Nothing was sent."
    )
    assert task.attempts == []
