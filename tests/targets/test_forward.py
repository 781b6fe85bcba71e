"""Tasks that go over real HTTP, to servers of the test's own on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, Forward, NoTarget, TaskState

from .servers import Received, Reply, answering_raw, closed_port, replying, serving, talking_for_ever

URL = "https://app.test/work"
START = datetime(2031, 1, 1, tzinfo=timezone.utc)
on = pytest.mark.cloud_tasks


def enqueue(cloud_tasks: FakeCloudTasks, url: str = URL, **fields: Any) -> None:
    outer = {name: fields.pop(name) for name in ("dispatch_deadline",) if name in fields}
    task = {"http_request": {"url": url, **fields}, **outer}
    CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)


# --- what goes over the wire -------------------------------------------------------------------------------------


@on(queues=["work"], start=START)
def test_a_server_gets_the_request(cloud_tasks: FakeCloudTasks) -> None:
    """Method, path, query, headers and body are the task's, while time is held; the answer ends the task."""
    with serving(replying(503, 204)) as server:
        forward = cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, "https://app.test/a%2Fb/~?x=1&y=%20", body=b"order", headers={"X-Own": "kept"})
        (task,) = cloud_tasks.tasks()
        summary = cloud_tasks.drain()
    assert (summary.attempts, summary.succeeded, task.state) == (2, 1, TaskState.SUCCEEDED)
    first, second = server.received
    assert (first.method, first.target, first.body) == ("POST", "/a%2Fb/~?x=1&y=%20", b"order")
    assert dict(first.headers) == {
        "Host": "app.test",
        "User-Agent": "Google-Cloud-Tasks",
        "X-Own": "kept",
        "Content-Length": "5",
        "Accept-Encoding": "gzip",
        "X-CloudTasks-QueueName": "work",
        "X-CloudTasks-TaskName": task.id,
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": f"{START.timestamp():.0f}",
        "X-Forwarded-Proto": "https",
    }
    assert dict(second.headers)["X-CloudTasks-TaskPreviousResponse"] == "503"
    assert [call.url for call in forward.calls] == ["https://app.test/a%2Fb/~?x=1&y=%20"] * 2
    assert cloud_tasks.clock.elapsed == timedelta(seconds=0.1)


@pytest.mark.parametrize(
    ("base", "path", "url", "target"),
    [
        ("https://app.test", "", "https://app.test", "/"),
        ("https://app.test", "/", "https://app.test/work", "/work"),
        ("https://app.test/api", "", "https://app.test/api/work", "/api/work"),
        ("https://app.test/api", "/v1/", "https://app.test/api/work?x=1", "/v1/api/work?x=1"),
        ("https://app.test", "/v1", "https://app.test?x=1", "/v1/?x=1"),
        ("https://app.test", "", "https://app.test/%zz#now", "/%zz"),
        ("https://app.test", "", "https://app.test/grüße a?q=ö", "/gr%C3%BC%C3%9Fe%20a?q=%C3%B6"),
        ("https://app.test", "", "https://app.test//double//slash", "//double//slash"),
        ("https://app.test", "", "https://app.test/line\r\nX-Evil: yes", "/line%0D%0AX-Evil:%20yes"),
    ],
)
@on(queues=["work"])
def test_paths_are_joined(cloud_tasks: FakeCloudTasks, base: str, path: str, url: str, target: str) -> None:
    """The server's own path comes before the task's whole one; nothing is sent that a URL can't have."""
    with serving(replying(200)) as server:
        cloud_tasks.forward(base, server.url + path)
        enqueue(cloud_tasks, url)
        cloud_tasks.drain()
    # http.server itself makes one slash of two at the beginning of a path.
    assert [one.target.lstrip("/") for one in server.received] == [target.lstrip("/")]
    assert "X-Evil" not in dict(server.received[0].headers)


@on(queues=["work"])
def test_a_request_goes_out_byte_for_byte(cloud_tasks: FakeCloudTasks) -> None:
    """Escapes stay as they are, also next to an invalid one, and so do names of headers that differ in case."""
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, "https://app.test/a%2fb/%zz/../x?q=%c3", headers={"X-Tag": "a", "x-tag": "b"})
        cloud_tasks.drain()
    (one,) = server.received
    assert one.target == "/a%2fb/%zz/../x?q=%c3"
    assert [pair for pair in one.headers if pair[0].lower() == "x-tag"] == [("X-Tag", "a"), ("x-tag", "b")]


@on(queues=["work"])
def test_mocks_of_the_applications_http_see_no_forward(
    cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that replaces http.client's classes, urllib3's or requests' would record or block the fake's own."""

    def blocked(*args: Any, **options: Any) -> Any:
        raise AssertionError("The application has sent a request.")

    monkeypatch.setattr("http.client.HTTPConnection", blocked)
    monkeypatch.setattr("http.client.HTTPSConnection", blocked)
    monkeypatch.setattr("urllib3.connectionpool.HTTPConnectionPool.urlopen", blocked)
    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", blocked)
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks)
        assert cloud_tasks.drain().succeeded == 1
    assert [one.target for one in server.received] == ["/work"]


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", b""), ("HEAD", b""), ("DELETE", b""), ("OPTIONS", b""), ("PUT", b"x"), ("PATCH", bytes(range(256)))],
)
@on(queues=["work"])
def test_methods_and_bodies_arrive(cloud_tasks: FakeCloudTasks, method: str, body: bytes) -> None:
    """Every method that a task may have, and every byte."""
    with serving(lambda received: (200, [], b"" if received.method == "HEAD" else b"done")) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, http_method=method, body=body)
        summary = cloud_tasks.drain()
    assert summary.succeeded == 1
    assert [(one.method, one.body) for one in server.received] == [(method, body)]
    assert ("Content-Length" in dict(server.received[0].headers)) is (method in ("PUT", "PATCH"))


@on(queues=["work"])
def test_headers_about_the_connection_stay_behind(cloud_tasks: FakeCloudTasks) -> None:
    """The service drops them; so it does with values beyond ASCII. Names that differ in case go through."""
    headers = {"connection": "close", "Transfer-Encoding": "chunked", "TE": "x", "X-Tag": "a", "x-tag": "b", "X": "ü日"}
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, headers=headers, body=b"abc")
        cloud_tasks.drain()
    (one,) = server.received
    told = [(name, value) for name, value in one.headers if not name.startswith(("X-Cl", "X-F"))]
    assert one.body == b"abc"
    assert told == [
        ("Host", "app.test"),
        ("User-Agent", "Google-Cloud-Tasks"),
        ("X-Tag", "a"),
        ("x-tag", "b"),
        ("Content-Length", "3"),
        ("Accept-Encoding", "gzip"),
    ]


@on(queues=["work"])
def test_a_tasks_own_scheme_header_stays(cloud_tasks: FakeCloudTasks) -> None:
    """A task that says how it was forwarded is believed."""
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, headers={"x-forwarded-proto": "http"})
        cloud_tasks.drain()
    assert [value for name, value in server.received[0].headers if name.lower() == "x-forwarded-proto"] == ["http"]


@on(queues=["work"])
def test_a_large_body_arrives(cloud_tasks: FakeCloudTasks) -> None:
    """A task of nearly the largest size, and an answer of the same, which nobody reads but the connection."""
    body = bytes(range(256)) * 4000
    with serving(lambda received: (200, [], received.body)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, body=body)
        assert cloud_tasks.drain().succeeded == 1
    assert server.received[0].body == body


@on(queues=["work"])
def test_a_token_goes_along(cloud_tasks: FakeCloudTasks) -> None:
    """The server verifies it as it would verify the service's."""
    from google.auth.transport.requests import Request
    from google.oauth2 import id_token

    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, oidc_token={"service_account_email": "a@test-project.iam.gserviceaccount.com"})
        cloud_tasks.drain()
        token = dict(server.received[0].headers)["Authorization"].removeprefix("Bearer ")
        assert id_token.verify_token(token, Request())["aud"] == URL


@on(queues=["work"])
def test_a_server_may_enqueue(cloud_tasks: FakeCloudTasks) -> None:
    """What the server's thread creates while it answers is dispatched, too."""

    def reply(received: Received) -> Reply:
        if received.target == "/work":
            enqueue(cloud_tasks, "https://app.test/next")
        return 200, [], b""

    with serving(reply) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks)
        assert cloud_tasks.drain().succeeded == 2
    assert [one.target for one in server.received] == ["/work", "/next"]


# --- which tasks -------------------------------------------------------------------------------------------------


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


@on(queues=["work"])
def test_a_forward_is_asked_as_a_mount_is(cloud_tasks: FakeCloudTasks) -> None:
    """After all routes; among mounts the longer base first, and of equals the later."""
    with serving(replying(200, 200)) as server:
        forward = cloud_tasks.forward("https://app.test", server.url)
        deeper = cloud_tasks.mount("https://app.test/deep", app)
        route = cloud_tasks.route("https://app.test/rou*")
        for path in ("other", "deep/x", "route"):
            enqueue(cloud_tasks, f"https://app.test/{path}")
        cloud_tasks.drain()
        assert [len(one.calls) for one in (forward, deeper, route)] == [1, 1, 1]
        later = cloud_tasks.mount("https://app.test", app)
        enqueue(cloud_tasks)
        cloud_tasks.drain()
        assert (len(forward.calls), len(later.calls)) == (1, 1)


@on(queues=["work"])
def test_a_forward_takes_app_engine_tasks_by_their_host(cloud_tasks: FakeCloudTasks) -> None:
    """They come as plain HTTP, before any App Engine mount."""
    with serving(replying(200)) as server:
        mount = cloud_tasks.mount_app_engine(app)
        cloud_tasks.forward("http://test-project.uc.r.appspot.com", server.url)
        task = {"app_engine_http_request": {"relative_uri": "/work?x=1"}}
        CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
        cloud_tasks.drain()
    headers = dict(server.received[0].headers)
    assert (server.received[0].target, headers["X-Forwarded-Proto"], mount.calls) == ("/work?x=1", "http", [])
    assert headers["Host"] == "test-project.uc.r.appspot.com"


@on(queues=["work"])
def test_an_answer_may_take_the_queues_time(cloud_tasks: FakeCloudTasks) -> None:
    """takes() is about the queue's time alone."""
    with serving(replying(200)) as server:
        forward = cloud_tasks.forward("https://app.test", server.url)
        assert forward.takes(timedelta(minutes=5)) is forward
        enqueue(cloud_tasks)
        cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(minutes=5)


# --- answers -----------------------------------------------------------------------------------------------------


@on(queues=["work"], service={"follow_redirects": False})
def test_a_redirect_is_an_answer(cloud_tasks: FakeCloudTasks) -> None:
    """With the option off it is a failure, and the server isn't asked again within the attempt."""
    replies = iter([(302, [("Location", "/elsewhere")], b""), (200, [], b"")])
    with serving(lambda received: next(replies)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks)
        cloud_tasks.drain()
    assert [one.target for one in server.received] == ["/work", "/work"]
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [302, 200]


@on(queues=["work"])
def test_a_redirect_is_followed(cloud_tasks: FakeCloudTasks) -> None:
    """By way of the targets, so that it may lead to a route, and to nowhere else."""
    with serving(lambda received: (307, [("Location", "//done.test/x")], b"")) as server:
        cloud_tasks.forward("https://app.test", server.url)
        done = cloud_tasks.route("https://done.test/x")
        enqueue(cloud_tasks, body=b"order")
        cloud_tasks.drain()
    assert [call.body for call in done.calls] == [b"order"]
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [200]


@on(queues=["work"], service={"honour_retry_after": True})
def test_the_answers_headers_are_read(cloud_tasks: FakeCloudTasks) -> None:
    """A Retry-After counts as any other target's."""
    replies = iter([(503, [("Retry-After", "60")], b"later"), (200, [], b"")])
    with serving(lambda received: next(replies)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks)
        cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(seconds=60)


def one_attempt(cloud_tasks: FakeCloudTasks) -> tuple[str | None, str, type[BaseException]]:
    """The first attempt's code, its text, and what broke."""
    cloud_tasks.dispatch_due()
    (attempt,) = cloud_tasks.attempts()
    if attempt.code is None:
        cloud_tasks.step()
    return attempt.code, attempt.task.last_attempt.response_status.message, type(attempt.exception)


@on(queues=["work"])
def test_a_refused_connection_counts_as_no_response(cloud_tasks: FakeCloudTasks) -> None:
    """The attempt is UNKNOWN with status code 0, it is retried, and the test does not fail."""
    cloud_tasks.forward("https://app.test", closed_port())
    enqueue(cloud_tasks)
    assert one_attempt(cloud_tasks) == ("UNKNOWN", "UNKNOWN(2): HTTP status code 0", ConnectionRefusedError)
    (task,) = cloud_tasks.tasks()
    assert (task.dispatch_count, task.response_count) == (1, 0)
    route = cloud_tasks.route(URL)
    cloud_tasks.drain()
    assert route.calls[0].headers["X-CloudTasks-TaskPreviousResponse"] == "0"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ],
    ids=["nothing", "no HTTP", "a part", "a part of a chunk"],
)
@on(queues=["work"])
def test_a_broken_connection_counts_as_no_response(cloud_tasks: FakeCloudTasks, answer: bytes) -> None:
    """A server that closes the connection before its answer is complete has not answered."""
    with answering_raw(answer) as url:
        cloud_tasks.forward("https://app.test", url)
        enqueue(cloud_tasks)
        code, text, _ = one_attempt(cloud_tasks)
    assert (code, text) == ("UNKNOWN", "UNKNOWN(2): HTTP status code 0")


@on(queues=["work"])
@pytest.mark.needs("clients of 2.x")
def test_a_silent_server_misses_the_deadline(cloud_tasks: FakeCloudTasks) -> None:
    """After a moment of real time the attempt is given up, and ends at its deadline in the queue's time."""
    released = threading.Event()

    def stall(received: Received) -> Reply:
        released.wait()
        return 200, [], b""

    with serving(stall) as server:
        try:
            cloud_tasks.forward("https://app.test", server.url, timeout=timedelta(milliseconds=50))
            enqueue(cloud_tasks, dispatch_deadline=timedelta(seconds=15))
            told = one_attempt(cloud_tasks)
        finally:
            released.set()
    assert told == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED(4): HTTP status code 504", TimeoutError)
    assert cloud_tasks.clock.elapsed == timedelta(seconds=15)


@on(queues=["work"])
def test_an_answer_without_end_misses_the_deadline(cloud_tasks: FakeCloudTasks) -> None:
    """A server that goes on talking is cut off, too."""
    released = threading.Event()

    with talking_for_ever(released) as url:
        try:
            cloud_tasks.forward("https://app.test", url, timeout=timedelta(milliseconds=50))
            enqueue(cloud_tasks)
            code, _, kind = one_attempt(cloud_tasks)
        finally:
            released.set()
    assert (code, kind) == ("DEADLINE_EXCEEDED", TimeoutError)


# --- in an event loop --------------------------------------------------------------------------------------------


async def asyncio_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers 200 in the test's own loop, which nobody may block meanwhile."""
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    await writer.drain()
    writer.close()


@on(queues=["work"], start=START)
def test_a_server_may_live_in_the_tests_own_loop(cloud_tasks: FakeCloudTasks) -> None:
    """The awaited driving methods leave the loop free while a request is under way."""

    async def story() -> int:
        async with await asyncio.start_server(asyncio_server, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            cloud_tasks.forward("https://app.test", f"http://localhost:{port}")
            enqueue(cloud_tasks, http_method="GET")
            return (await cloud_tasks.aio.drain()).succeeded

    assert asyncio.run(story()) == 1


@on(queues=["work"])
def test_an_async_test_sees_the_same_failures(cloud_tasks: FakeCloudTasks) -> None:
    """A refused connection counts as no response there, too."""

    async def story() -> None:
        cloud_tasks.forward("https://app.test", closed_port())
        enqueue(cloud_tasks)
        await cloud_tasks.aio.dispatch_due()

    asyncio.run(story())
    assert [attempt.result for attempt in cloud_tasks.attempts()] == ["UNKNOWN"]


@on(queues=["work"], eager=True)
def test_eager_forwards(cloud_tasks: FakeCloudTasks) -> None:
    """The server has answered before the creating call returns."""
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks)
        assert [one.target for one in server.received] == ["/work"]
    assert cloud_tasks.tasks() == []


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to",
    [
        "https://app.example.com",
        "http://10.0.0.1:8000",
        "http://0.0.0.0:8000",
        "http://128.0.0.1",
        "http://[::2]:8000",
        "http://[::ffff:10.0.0.1]",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://128.1",
        "http://2147483649",
        "http://127.0.0.256",
        "http://127.0.0.1.5",
    ],
)
@on(queues=["work"])
def test_another_machine_is_rejected(cloud_tasks: FakeCloudTasks, to: str) -> None:
    """Nothing leaves this machine by accident: whatever isn't loopback by its name is rejected."""
    with pytest.raises(ValueError) as refused:
        cloud_tasks.forward("https://app.test", to)
    assert str(refused.value) == (
        f"forward() sends real HTTP, but {to} is not a loopback address. Start the server on 127.0.0.1, ::1 or"
        " localhost, or pass allow_remote=True if this test is to send its tasks there."
    )
    assert_no_target(cloud_tasks)


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:8000",
        "http://127.9.9.9",
        "http://LOCALHOST:8000/",
        "http://[::1]:8000",
        "http://[::ffff:127.0.0.1]:8000",
        "https://localhost",
        "http://127.1:8000",
        "http://2130706433",
        "http://0x7f.1",
        "http://017700000001",
    ],
)
@on(queues=["work"])
def test_this_machine_is_not(cloud_tasks: FakeCloudTasks, to: str) -> None:
    """All of 127.0.0.0/8, ::1 and localhost are loopback; making a forward connects to nobody."""
    assert repr(cloud_tasks.forward("https://app.test", to)) == (
        f"<forward https://app.test (forwarded to {to}), 0 calls>"
    )


@on(queues=["work"])
def test_another_machine_may_be_allowed(cloud_tasks: FakeCloudTasks) -> None:
    """The option allows it; nothing is sent before a task goes there."""
    forward = cloud_tasks.forward("https://app.test", "https://staging.example.com/v1", allow_remote=True)
    assert isinstance(forward, Forward)
    assert repr(forward) == "<forward https://app.test (forwarded to https://staging.example.com/v1), 0 calls>"


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        *(
            (
                lambda fake, to=to: fake.forward("https://app.test", to),
                ValueError,
                f"forward(to=…) takes the base URL of a server such as http://127.0.0.1:8000, but got {to!r}.",
            )
            for to in (
                "localhost:8000",
                "",
                "ftp://localhost",
                "http://localhost:notaport",
                "http://localhost:0",
                "http://me@localhost",
                "http://localhost?x=1",
                "http://localhost/#x",
                8000,
            )
        ),
        (
            lambda fake: fake.forward("app.test"),
            ValueError,
            "forward() takes a base URL such as https://app.test, or one of App Engine tasks such as /reports, but got"
            " 'app.test'.",
        ),
        (
            lambda fake: fake.forward("https://app.test", timeout=timedelta(0)),
            ValueError,
            "forward(timeout=…) takes a duration of more than zero, but got datetime.timedelta(0).",
        ),
        (
            lambda fake: fake.forward("https://app.test", "http://example.com", allow_remote="false"),
            TypeError,
            "forward(allow_remote=…) takes True or False, but got 'false'.",
        ),
        (
            lambda fake: fake.forward("https://app.test", timeout=5),
            TypeError,
            "forward(timeout=…) takes a duration such as timedelta(seconds=30) or '30s', but got 5.",
        ),
    ],
)
@on(queues=["work"])
def test_what_can_be_no_forward_is_rejected(
    cloud_tasks: FakeCloudTasks, make: Callable[[FakeCloudTasks], object], kind: type[Exception], text: str
) -> None:
    """The error is a sentence, and no target is added."""
    with pytest.raises(kind) as refused:
        make(cloud_tasks)
    assert str(refused.value) == text
    assert_no_target(cloud_tasks)


def assert_no_target(cloud_tasks: FakeCloudTasks) -> None:
    enqueue(cloud_tasks)
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert "\nTargets of this test: none\n" in str(failure.value)


@on(queues=["work"])
def test_a_header_has_no_line_ends(cloud_tasks: FakeCloudTasks) -> None:
    """The service makes underscores of them, so that one header stays one."""
    with serving(replying(200)) as server:
        cloud_tasks.forward("https://app.test", server.url)
        enqueue(cloud_tasks, headers={"X-Two": "one\r\nX-Evil: two"})
        cloud_tasks.dispatch_due()
    assert dict(server.received[0].headers)["X-Two"] == "one__X-Evil: two"


# --- loopback ----------------------------------------------------------------------------------------------------


@on(queues=["work"])
def test_tasks_on_loopback_go_to_the_server_that_listens_there(cloud_tasks: FakeCloudTasks) -> None:
    """Whatever its port, also by the name localhost; the request is the task's, without a header of a proxy."""
    forward = cloud_tasks.forward_loopback()
    with serving(replying(200)) as one, serving(replying(204)) as other:
        enqueue(cloud_tasks, f"{one.url}/a%2Fb?x=1", body=b"order")
        enqueue(cloud_tasks, other.url.replace("127.0.0.1", "localhost"))
        cloud_tasks.drain()
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [200, 204]
    (first,), (second,) = one.received, other.received
    assert (first.method, first.target, first.body) == ("POST", "/a%2Fb?x=1", b"order")
    headers = dict(first.headers)
    assert (headers["Host"], "X-Forwarded-Proto" in headers) == (one.url.removeprefix("http://"), False)
    assert dict(second.headers)["Host"].startswith("localhost:")
    assert forward.call_count == 2
    assert repr(forward) == "<forward every URL on loopback (forwarded to the server that listens there), 2 calls>"


@on(queues=["work"])
def test_every_other_target_comes_before_loopback(cloud_tasks: FakeCloudTasks) -> None:
    """Routes, mounts and forwards of a base are asked first, though they were there first."""
    route = cloud_tasks.route("http://127.0.0.1:8001/*")
    cloud_tasks.forward_loopback()
    enqueue(cloud_tasks, "http://127.0.0.1:8001/work")
    cloud_tasks.drain()
    assert route.called


@pytest.mark.parametrize("url", ["https://app.test/work", "http://10.0.0.1:8000", "http://127.0.0.1:99999/"])
@on(queues=["work"])
def test_loopback_takes_no_other_url(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Other machines, and invalid ports, still have no target."""
    cloud_tasks.forward_loopback()
    enqueue(cloud_tasks, url)
    with pytest.raises(NoTarget):
        cloud_tasks.drain()


@on(queues=["work"])
def test_a_task_on_loopback_without_a_target_names_forward_loopback(cloud_tasks: FakeCloudTasks) -> None:
    """The error says what most likely is missing."""
    enqueue(cloud_tasks, "http://127.0.0.1:8001/work")
    with pytest.raises(NoTarget) as caught:
        cloud_tasks.drain()
    assert str(caught.value).endswith(
        "\nAdd one with cloud_tasks.route('http://127.0.0.1:8001/work'), or mount the application that serves it with"
        " cloud_tasks.mount(base_url, app), or, if a server listens there, with cloud_tasks.forward_loopback(). Nothing"
        " was sent."
    )


@on(queues=["work"])
def test_a_loopback_port_without_a_server_counts_as_no_response(cloud_tasks: FakeCloudTasks) -> None:
    """The attempt is UNKNOWN, and is retried."""
    cloud_tasks.forward_loopback().takes(timedelta(seconds=2))
    enqueue(cloud_tasks, closed_port())
    cloud_tasks.advance(seconds=2)
    (attempt,) = cloud_tasks.attempts()
    assert (attempt.result, attempt.response) == ("UNKNOWN", None)
    assert isinstance(attempt.exception, ConnectionRefusedError)


# --- App Engine --------------------------------------------------------------------------------------------------


def enqueue_app_engine(cloud_tasks: FakeCloudTasks, relative_uri: str, service: str = "") -> None:
    target = {"relative_uri": relative_uri, "app_engine_routing": {"service": service}}
    CloudTasksClient().create_task(
        parent=cloud_tasks.queue_path("work"), task={"app_engine_http_request": {**target, "body": b"order"}}
    )


@on(queues=["work"], project="my-shop")
def test_app_engine_tasks_go_to_a_server(cloud_tasks: FakeCloudTasks) -> None:
    """A base of relative URIs takes whole segments; a longer one comes first, and a mount of a service before both."""
    with serving(replying(200, 200)) as server, serving(replying(200)) as reports:
        every = cloud_tasks.forward("/", server.url)
        some = cloud_tasks.forward("/reports", reports.url)
        mount = cloud_tasks.mount_app_engine(lambda request: "done", service="mailer")
        for uri in ("/reports/monthly?year=2031", "/reportsx", "/"):
            enqueue_app_engine(cloud_tasks, uri)
        enqueue_app_engine(cloud_tasks, "/reports", service="mailer")
        assert cloud_tasks.drain().succeeded == 4
    assert [one.target for one in server.received] == ["/reportsx", "/"]
    assert [(one.target, one.body) for one in reports.received] == [("/reports/monthly?year=2031", b"order")]
    assert dict(reports.received[0].headers)["X-AppEngine-QueueName"] == "work"
    assert (every.call_count, some.call_count, mount.call_count) == (2, 1, 1)


@on(queues=["work"])
def test_a_base_of_relative_uris_takes_no_url(cloud_tasks: FakeCloudTasks) -> None:
    """It is for App Engine tasks alone."""
    cloud_tasks.forward("/")
    enqueue(cloud_tasks)
    with pytest.raises(NoTarget):
        cloud_tasks.drain()
