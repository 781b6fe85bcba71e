"""What an application gets of URLs, headers and bodies of every kind, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks, Mount

from .receivers import APP_ENGINE_URL, create, receiving

on = pytest.mark.cloud_tasks

URLS = [
    ("https://app.test", "/", "/", "", "app.test", 443),
    ("http://app.test:8080/a/b?x=1&y=2", "/a/b", "/a/b", "x=1&y=2", "app.test:8080", 8080),
    ("https://APP.test:443/", "/", "/", "", "APP.test:443", 443),
    ("https://app.test:/", "/", "/", "", "app.test", 443),
    ("https://me:secret@app.test/", "/", "/", "", "app.test", 443),
    ("https://app.test/a%20b+c", "/a b+c", "/a%20b+c", "", "app.test", 443),
    ("https://app.test/a b?c d", "/a b", "/a%20b", "c%20d", "app.test", 443),
    ("https://app.test/a%2Fb%3Fc%23d", "/a/b?c#d", "/a%2Fb%3Fc%23d", "", "app.test", 443),
    ("https://app.test/%zz?%zz", "/%zz", "/%zz", "%zz", "app.test", 443),
    ("https://app.test/grüße?q=日", "/grüße", "/gr%C3%BC%C3%9Fe", "q=%E6%97%A5", "app.test", 443),
    ("https://app.test/gr%C3%BC%c3%9fe", "/grüße", "/gr%C3%BC%c3%9fe", "", "app.test", 443),
    ("https://app.test/x?a=%2f&a=&&b=+#top", "/x", "/x", "a=%2f&a=&&b=+", "app.test", 443),
    ("https://app.test/a\nb", "/a\nb", "/a%0Ab", "", "app.test", 443),
    ("https://app.test//a/../b/.", "//a/../b/.", "//a/../b/.", "", "app.test", 443),
    ("https://bücher.test/", "/", "/", "", "xn--bcher-kva.test", 443),
    ("http://[::1]:8080/x", "/x", "/x", "", "[::1]:8080", 8080),
]
"""URL, decoded path, path as it is sent, query, Host header, port."""


class Seen:
    """An application of either protocol that remembers what it was called with."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.scope: Any = {}
        self.body = b""

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environ, self.body = environ, environ["wsgi.input"].read()
        start_response("200 OK", [])
        return []

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.scope, self.body = scope, (await receive())["body"]
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})


def mounted(cloud_tasks: FakeCloudTasks, url: str, protocol: str) -> Seen:
    seen = Seen()
    origin = "/".join(url.split("/")[:3])
    cloud_tasks.mount(origin, seen.wsgi if protocol == "WSGI" else seen.asgi)
    return seen


def deliver(cloud_tasks: FakeCloudTasks, **fields: Any) -> None:
    create(cloud_tasks, "HTTP", **fields)
    assert cloud_tasks.drain().succeeded == 1


@pytest.mark.parametrize(("url", "path", "raw_path", "query", "host", "port"), URLS)
@on(queues=["work"])
def test_a_url_under_wsgi(
    cloud_tasks: FakeCloudTasks, url: str, path: str, raw_path: str, query: str, host: str, port: int
) -> None:
    """The path is decoded byte by byte, the query as it is sent; credentials and fragment are not sent at all."""
    seen = mounted(cloud_tasks, url, "WSGI")
    deliver(cloud_tasks, url=url)
    environ = seen.environ
    assert environ["PATH_INFO"].encode("latin-1") == path.encode()
    assert (environ["QUERY_STRING"], environ["HTTP_HOST"], environ["SERVER_PORT"]) == (query, host, str(port))
    assert environ["wsgi.url_scheme"] == url.partition(":")[0]
    assert environ["SCRIPT_NAME"] == ""
    assert not [value for value in environ.values() if isinstance(value, str) and "secret" in value]


@pytest.mark.parametrize(("url", "path", "raw_path", "query", "host", "port"), URLS)
@on(queues=["work"])
def test_a_url_under_asgi(
    cloud_tasks: FakeCloudTasks, url: str, path: str, raw_path: str, query: str, host: str, port: int
) -> None:
    """The path comes decoded and as it is sent, the query as it is sent, all in ASCII."""
    seen = mounted(cloud_tasks, url, "ASGI")
    deliver(cloud_tasks, url=url)
    scope = seen.scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path.encode(), query.encode())
    assert (dict(scope["headers"])[b"host"], scope["server"][1]) == (host.encode(), port)
    assert (scope["scheme"], scope["root_path"]) == (url.partition(":")[0], "")


def test_a_path_that_is_not_utf8(cloud_tasks: FakeCloudTasks) -> None:
    """Other bytes than UTF-8 arrive complete under WSGI, and as ASGI servers pass them."""
    request = cloud_tasks.task_request(url="https://app.test/%FF%fe")
    assert request.wsgi_environ()["PATH_INFO"] == "/\xff\xfe"
    scope = request.asgi_scope()
    assert (scope["path"], scope["raw_path"]) == ("/\ufffd\ufffd", b"/%FF%fe")


@pytest.mark.parametrize("uri", ["/a%2Fb?x=%20&y", "/grüße?q=ü", "//double", "/?", "/%zz"])
@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
@on(queues=["work"])
def test_relative_uris_are_sent_alike(cloud_tasks: FakeCloudTasks, uri: str, protocol: str) -> None:
    """An App Engine task's path is that of an HTTP task of the same."""
    http, app_engine = mounted(cloud_tasks, "https://app.test", protocol), Seen()
    cloud_tasks.mount_app_engine(app_engine.wsgi if protocol == "WSGI" else app_engine.asgi)
    deliver(cloud_tasks, url=f"https://app.test{uri}")
    cloud_tasks.create_queue("other")
    parent = cloud_tasks.queue_path("other")
    task: Any = {"app_engine_http_request": {"relative_uri": uri}}
    cloud_tasks.client().create_task(parent=parent, task=task)
    assert cloud_tasks.drain().succeeded == 1
    if protocol == "WSGI":
        parts = ("PATH_INFO", "QUERY_STRING")
        assert [app_engine.environ[part] for part in parts] == [http.environ[part] for part in parts]
        assert app_engine.environ["HTTP_HOST"] == APP_ENGINE_URL.removeprefix("http://")
    else:
        parts = ("path", "raw_path", "query_string")
        assert [app_engine.scope[part] for part in parts] == [http.scope[part] for part in parts]


BODIES = {
    "nothing": b"",
    "every byte": bytes(range(256)),
    "a megabyte": bytes(range(256)) * 4000,
    "zeros": b"\x00" * 3,
    "text": "grüße 日本".encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("kind", ["route", "WSGI", "ASGI", "forward"])
@pytest.mark.parametrize("family", ["HTTP", "App Engine"])
@on(queues=["work"])
def test_a_body_arrives_byte_by_byte(cloud_tasks: FakeCloudTasks, family: str, kind: str, body: bytes) -> None:
    """Whatever it is, and on every attempt."""
    with receiving(kind, family, cloud_tasks, [500, 200]) as receiver:
        create(cloud_tasks, family, body=body)
        assert cloud_tasks.drain().succeeded == 1
    assert receiver.bodies == [body, body]
    assert receiver.seen[0]["content-length"] == [str(len(body))]


HEADERS = {"X-Tag": "one", "x-tag": "two", "X-TAG": " ", "X-List": "a, b"}


@on(queues=["work"])
def test_headers_keep_their_case_for_a_handler(cloud_tasks: FakeCloudTasks) -> None:
    """As stored: names that differ in case are headers of their own, found by any case."""
    route = cloud_tasks.route("https://app.test/work")
    deliver(cloud_tasks, headers=HEADERS)
    headers = route.calls[0].headers
    assert [pair for pair in headers.pairs() if pair[0] in HEADERS] == sorted(HEADERS.items())
    assert headers.getlist("x-TAG") == [" ", "one", "two"]
    stored = dict(cloud_tasks.assert_enqueued(name="t").http_request.headers)
    assert stored == {**HEADERS, "User-Agent": "Google-Cloud-Tasks"}


@on(queues=["work"])
def test_headers_under_wsgi(cloud_tasks: FakeCloudTasks) -> None:
    """One variable a name, values joined by commas."""
    seen = mounted(cloud_tasks, "https://app.test", "WSGI")
    deliver(cloud_tasks, headers=HEADERS)
    assert seen.environ["HTTP_X_TAG"] == " ,one,two"
    assert seen.environ["HTTP_X_LIST"] == "a, b"


@on(queues=["work"])
def test_headers_under_asgi(cloud_tasks: FakeCloudTasks) -> None:
    """Names in lower case, each value by itself, all of it bytes."""
    seen = mounted(cloud_tasks, "https://app.test", "ASGI")
    deliver(cloud_tasks, headers=HEADERS)
    names = {name.lower().encode() for name in HEADERS}
    own = [(name, value) for name, value in seen.scope["headers"] if name in names]
    assert sorted(own) == [
        (b"x-list", b"a, b"),
        (b"x-tag", b" "),
        (b"x-tag", b"one"),
        (b"x-tag", b"two"),
    ]
    assert all(name == name.lower() for name, _ in seen.scope["headers"])


@pytest.mark.parametrize("base", ["https://app.test", "HTTPS://APP.test:443", "https://app.test/%61"])
@on(queues=["work"])
def test_a_mounts_application_gets_the_full_path(cloud_tasks: FakeCloudTasks, base: str) -> None:
    """However the base is written, and without a SCRIPT_NAME."""
    seen = Seen()
    mount = cloud_tasks.mount(base, seen.wsgi)
    assert isinstance(mount, Mount)
    deliver(cloud_tasks, url="https://app.test/a/b")
    assert (seen.environ["SCRIPT_NAME"], seen.environ["PATH_INFO"]) == ("", "/a/b")
