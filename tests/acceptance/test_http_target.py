"""What Queue.http_target changes, seen at the target: URL, method and headers, in both enforce modes."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, TargetRequest

OVERRIDDEN = [
    ({"host": "queue.test"}, "https://queue.test:8443/own?a=1", "queue.test:8443"),
    ({"host": "queue.test", "port": 0}, "https://queue.test/own?a=1", "queue.test"),
    ({"port": 9000}, "https://own.test:9000/own?a=1", "own.test:9000"),
    ({"scheme": "HTTP"}, "http://own.test:8443/own?a=1", "own.test:8443"),
    ({"path_override": {"path": "/all"}}, "https://own.test:8443/all?a=1", "own.test:8443"),
    ({"query_override": {"query_params": "b=2"}}, "https://own.test:8443/own?b=2", "own.test:8443"),
    ({"path_override": {}, "query_override": {}}, "https://own.test:8443", "own.test:8443"),
]


@pytest.mark.parametrize("kind", ["route", "WSGI", "ASGI"])
@pytest.mark.parametrize(("override", "url", "host"), OVERRIDDEN)
def test_an_overridden_url_finds_its_target(
    cloud_tasks: FakeCloudTasks, queue: str, kind: str, override: dict[str, Any], url: str, host: str
) -> None:
    """ALWAYS replaces: the target is that of the URL in force, and the Host header follows it."""
    client: Any = CloudTasksClient()
    client.update_queue(queue={"name": queue, "http_target": {"uri_override": override}})
    seen: list[TargetRequest] = []
    attach(cloud_tasks, kind, url, seen)
    client.create_task(parent=queue, task={"http_request": {"url": "https://own.test:8443/own?a=1"}})
    assert cloud_tasks.drain().succeeded == 1
    assert [(request.url, request.headers["Host"]) for request in seen] == [(url, host)]


@pytest.mark.parametrize("kind", ["route", "WSGI", "ASGI"])
@pytest.mark.parametrize(
    ("own", "url"),
    [
        ("https://own.test", "https://own.test:9000/all?b=2"),
        ("https://own.test/own", "https://own.test:9000/own"),
        ("http://own.test:8080?a=1", "http://own.test:8080/all?a=1"),
        ("https://own.test:8443/own?a=1", "https://own.test:8443/own?a=1"),
    ],
)
def test_an_override_may_fill_in_only(cloud_tasks: FakeCloudTasks, queue: str, kind: str, own: str, url: str) -> None:
    """IF_NOT_EXISTS leaves what the task has, path and query together; method and headers are the queue's."""
    client: Any = CloudTasksClient()
    override = {
        "scheme": "HTTPS",
        "host": "queue.test",
        "port": 9000,
        "path_override": {"path": "/all"},
        "query_override": {"query_params": "b=2"},
        "uri_override_enforce_mode": "IF_NOT_EXISTS",
    }
    header = {"header": {"key": "X-Queue", "value": "1"}}
    settings = {"uri_override": override, "http_method": "PUT", "header_overrides": [header]}
    client.update_queue(queue={"name": queue, "http_target": settings})
    seen: list[TargetRequest] = []
    attach(cloud_tasks, kind, url, seen)
    client.create_task(parent=queue, task={"http_request": {"url": own, "headers": {"x-queue": "0"}}})
    assert cloud_tasks.drain().succeeded == 1
    (request,) = seen
    assert (request.url, request.method, request.headers.getlist("x-queue")) == (url, "PUT", ["1"])


def attach(cloud_tasks: FakeCloudTasks, kind: str, url: str, seen: list[TargetRequest]) -> None:
    """A target for ``url`` alone that remembers the requests, as its application finds them."""

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        request = environ["pytest_cloudtasks.request"]
        assert environ["HTTP_HOST"] == request.headers["Host"]
        assert environ["REQUEST_METHOD"] == request.method
        seen.append(request)
        start_response("200 OK", [])
        return []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        request = scope["extensions"]["pytest_cloudtasks.request"]["request"]
        assert (scope["method"], dict(scope["headers"])[b"host"]) == (request.method, request.headers["Host"].encode())
        seen.append(request)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    if kind == "route":
        cloud_tasks.route(url, handler=seen.append)
    else:
        cloud_tasks.mount("/".join(url.partition("?")[0].split("/")[:3]), wsgi if kind == "WSGI" else asgi)
