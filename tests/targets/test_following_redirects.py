"""Redirects that an attempt follows, at every kind of target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks, TargetRequest

from .receivers import HTTP_URL, create

on = pytest.mark.cloud_tasks
FOLLOWING: dict[str, Any] = {"queues": {"work": {"retry_config": {"max_attempts": 1}}}}


def to(location: str, status: int = 302) -> Callable[[TargetRequest], Any]:
    return lambda request: (status, {"Location": location})


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b?c=d", "https://app.test/b?c=d"),
        ("b", "https://app.test/b"),
        ("../b", "https://app.test/b"),
        ("?c=d", "https://app.test/work?c=d"),
        ("//other.test/b", "https://other.test/b"),
        ("http://other.test:8080", "http://other.test:8080"),
        ("HTTPS://App.Test:443/b", "https://App.Test:443/b"),
        ("/b#top", "https://app.test/b#top"),
    ],
)
@on(**FOLLOWING)
def test_a_location_is_relative_to_its_request(cloud_tasks: FakeCloudTasks, location: str, url: str) -> None:
    """It leads to the route of the URL that results, on another origin as well."""
    cloud_tasks.route(HTTP_URL, handler=to(location, 307))
    rest = cloud_tasks.route("*")
    create(cloud_tasks, "HTTP", body=b"order")
    assert cloud_tasks.drain().succeeded == 1
    assert [(call.url, call.method, call.body) for call in rest.calls] == [(url, "POST", b"order")]


@pytest.mark.parametrize("location", ["mailto:me@app.test", "ftp://app.test/", "https://[bad/", None])
@on(**FOLLOWING)
def test_an_invalid_location_makes_the_redirect_the_answer(cloud_tasks: FakeCloudTasks, location: str | None) -> None:
    """The redirect counts as a response like any other."""
    headers = {} if location is None else {"Location": location}
    cloud_tasks.route(HTTP_URL, handler=lambda request: (302, headers))
    rest = cloud_tasks.route("*")
    create(cloud_tasks, "HTTP")
    cloud_tasks.drain()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [302]
    assert rest.calls == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@on(**FOLLOWING)
def test_the_method_after_a_redirect(cloud_tasks: FakeCloudTasks, status: int, method: str) -> None:
    """307 and 308 keep method and body; the others make a GET without one, but for GET and HEAD."""
    cloud_tasks.route(HTTP_URL, handler=to("/b", status))
    second = cloud_tasks.route("https://app.test/b")
    body = b"order" if method in ("POST", "PUT", "PATCH") else b""
    create(cloud_tasks, "HTTP", http_method=method, body=body, headers={"Content-Type": "text/plain", "X-Own": "1"})
    cloud_tasks.drain()
    (call,) = second.calls
    keeps = status in (307, 308) or method in ("GET", "HEAD")
    assert (call.method, call.body) == ((method, body) if keeps else ("GET", b""))
    assert ("Content-Type" in call.headers) is keeps
    assert ("Content-Length" in call.headers) is (keeps and bool(body))
    assert (call.headers["X-Own"], call.headers["X-CloudTasks-TaskRetryCount"]) == ("1", "0")


@pytest.mark.parametrize("status", [300, 304, 305, 306])
@on(**FOLLOWING)
def test_other_statuses_redirect_nowhere(cloud_tasks: FakeCloudTasks, status: int) -> None:
    """With a Location or not."""
    cloud_tasks.route(HTTP_URL, handler=to("/b", status))
    create(cloud_tasks, "HTTP")
    cloud_tasks.drain()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [status]


@pytest.mark.parametrize(
    ("location", "is_sent"),
    [
        ("/b", True),
        ("https://APP.test:443/b", True),
        ("http://app.test/b", False),
        ("https://app.test:8443/b", False),
        ("https://other.test/b", False),
    ],
)
@on(**FOLLOWING)
def test_a_token_stays_with_its_origin(cloud_tasks: FakeCloudTasks, location: str, is_sent: bool) -> None:
    """The same origin is the same however it is written; another one doesn't see the token."""
    cloud_tasks.route(HTTP_URL, handler=to(location))
    rest = cloud_tasks.route("*")
    create(cloud_tasks, "HTTP", oidc_token={"service_account_email": "a@test-project.iam.gserviceaccount.com"})
    cloud_tasks.drain()
    assert ("Authorization" in rest.calls[0].headers) is is_sent


@on(**FOLLOWING)
def test_the_attempt_has_the_last_request(cloud_tasks: FakeCloudTasks) -> None:
    """Each target has its own call; the attempt has the one that was answered for good, with its Host."""
    cloud_tasks.route(HTTP_URL, handler=to("https://b.test/"))
    cloud_tasks.route("https://b.test", handler=to("https://c.test:8443/x", 308))
    last = cloud_tasks.route("https://c.test:8443/x").returns(500)
    create(cloud_tasks, "HTTP")
    cloud_tasks.drain()
    (attempt,) = cloud_tasks.attempts()
    assert attempt.request is last.calls[0]
    assert (attempt.request.url, attempt.request.headers["Host"]) == ("https://c.test:8443/x", "c.test:8443")
    assert attempt.result == 500


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@on(**FOLLOWING)
def test_app_engine_never_follows(cloud_tasks: FakeCloudTasks, status: int) -> None:
    """Whatever the redirect, it is the answer."""
    route = cloud_tasks.route("/*", handler=to("/b", status))
    create(cloud_tasks, "App Engine")
    cloud_tasks.drain()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [status]
    assert [call.url[-5:] for call in route.calls] == ["/work"]


@on(**FOLLOWING)
def test_an_http_task_is_not_redirected_into_app_engine(cloud_tasks: FakeCloudTasks) -> None:
    """A relative URI is the target of App Engine tasks alone."""
    cloud_tasks.route(HTTP_URL, handler=to("/b"))
    relative = cloud_tasks.route("/b")
    absolute = cloud_tasks.route("https://app.test/b")
    create(cloud_tasks, "HTTP")
    cloud_tasks.drain()
    assert (len(relative.calls), len(absolute.calls)) == (0, 1)


@on(**FOLLOWING)
def test_a_route_for_one_task_answers_for_its_redirect(cloud_tasks: FakeCloudTasks) -> None:
    """A route with a task's name is asked where a redirect leads that task, before those for every task."""
    cloud_tasks.route(HTTP_URL, handler=to("https://b.test/"))
    everyones = cloud_tasks.route("https://b.test/")
    create(cloud_tasks, "HTTP")
    (task,) = cloud_tasks.tasks()
    its_own = cloud_tasks.route("https://b.test/", name=task.name)
    cloud_tasks.drain()
    assert (len(its_own.calls), len(everyones.calls)) == (1, 0)
