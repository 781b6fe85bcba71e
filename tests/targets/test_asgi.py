from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._service.task import response
from pytest_cloudtasks._targets.answers import Answer, WrongAnswer
from pytest_cloudtasks._targets.asgi import REQUEST_KEY, AsgiServer, call_asgi, in_a_loop, is_asgi, scope_of

RequestFor = Callable[..., TargetRequest]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def answering(status: int, send: Send, body: bytes = b"", *headers: tuple[bytes, bytes]) -> None:
    """A whole response."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


def call(app: Any, request: TargetRequest) -> Answer:
    return asyncio.run(call_asgi(app, request, {}))


# --- which is which ----------------------------------------------------------------------------------------------


async def coroutine_app(scope: Message, receive: Receive, send: Send) -> None:
    """ASGI as a function."""


class CallableApp:
    """ASGI as an object."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None: ...


class DelegatingApp:
    """ASGI without a coroutine function."""

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Any: ...


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """WSGI as a function."""
    return []


def wsgi_with_option(environ: dict[str, Any], start_response: Any, prefix: str = "") -> list[bytes]:
    """WSGI, with an option that nobody has to give."""
    return []


@pytest.mark.parametrize(
    "app",
    [coroutine_app, CallableApp(), DelegatingApp(), partial(coroutine_app), lambda scope, receive, send: None],
    ids=["function", "object", "delegating", "partial", "lambda"],
)
def test_asgi_applications_are_reported_by_their_call(app: Any) -> None:
    """A coroutine function, an object whose call is one, and any callable of three arguments is ASGI."""
    assert is_asgi(app)


@pytest.mark.parametrize("app", [wsgi_app, wsgi_with_option, partial(wsgi_app), dict], ids=lambda app: str(app)[:12])
def test_anything_else_is_wsgi(app: Any) -> None:
    """Two arguments that have to be given, or a signature that can't be read."""
    assert not is_asgi(app)


# --- the request -------------------------------------------------------------------------------------------------


def test_the_scope_is_the_request(request_for: RequestFor) -> None:
    """Method, path, query, server and headers are where ASGI has them, names in lower case."""
    request = request_for("https://app.test:8443/a%20b/c?x=1&y=%20", "PUT", headers=(("X-Tag", "one"),), body=b"abc")
    scope = scope_of(request, {"db": "open"})
    headers = scope.pop("headers")
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "https",
        "path": "/a b/c",
        "raw_path": b"/a%20b/c",
        "query_string": b"x=1&y=%20",
        "root_path": "",
        "client": ("127.0.0.1", 0),
        "server": ("app.test", 8443),
        "state": {"db": "open"},
        "extensions": {REQUEST_KEY: {"request": request}},
    }
    assert dict(headers)[b"x-tag"] == b"one"
    assert dict(headers)[b"content-length"] == b"3"
    assert dict(headers)[b"host"] == b"app.test:8443"
    assert dict(headers)[b"x-cloudtasks-queuename"] == b"mails"


@pytest.mark.parametrize(
    ("url", "server", "path"),
    [
        ("https://app.test", ("app.test", 443), "/"),
        ("http://app.test/", ("app.test", 80), "/"),
        ("http://app.test/caf%C3%A9%2Fx", ("app.test", 80), "/café/x"),
        ("http://app.test/a+b", ("app.test", 80), "/a+b"),
    ],
)
def test_ports_and_paths(request_for: RequestFor, url: str, server: tuple[str, int], path: str) -> None:
    """The port follows from the scheme, and the path is decoded as UTF-8."""
    scope = scope_of(request_for(url), {})
    assert (scope["server"], scope["path"]) == (server, path)


def test_several_values_of_a_header_come_apart(request_for: RequestFor) -> None:
    """A header that comes twice is there twice."""
    request = request_for(headers=(("X-Tag", "one"), ("x-tag", "two")))
    headers = scope_of(request, {})["headers"]
    assert [value for name, value in headers if name == b"x-tag"] == [b"one", b"two"]


def test_state_is_each_requests_own(request_for: RequestFor) -> None:
    """What one request puts into its state another one does not see; what is in it is shared."""
    state: dict[str, Any] = {"pool": []}
    request = request_for()
    scope_of(request, state)["state"]["mine"] = 1
    assert state == {"pool": []}
    assert scope_of(request, state)["state"]["pool"] is state["pool"]


def test_the_body_comes_whole_and_the_end_after_the_response(request_for: RequestFor) -> None:
    """The first message is the body, the next one a disconnect, which waits until the response is complete."""
    seen: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        gone = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        seen.append(gone.done())
        await answering(200, send)
        seen.append(await gone)

    call(app, request_for(body=b"abc"))
    assert seen == [
        {"type": "http.request", "body": b"abc", "more_body": False},
        False,
        {"type": "http.disconnect"},
    ]


# --- the answer --------------------------------------------------------------------------------------------------


def test_status_headers_and_body_are_the_answer(request_for: RequestFor) -> None:
    """The body may come in pieces."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"5"), (b"x", b"a")]})
        await send({"type": "http.response.body", "body": b"bu", "more_body": True})
        await send({"type": "http.response.body", "body": b"sy"})

    answer = call(app, request_for())
    assert (answer.outcome, answer.status, answer.body) == (response(503), 503, b"busy")
    assert answer.headers.pairs() == (("retry-after", "5"), ("x", "a"))


def test_the_least_response(request_for: RequestFor) -> None:
    """Headers and a body may be left out."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    answer = call(app, request_for())
    assert (answer.status, answer.headers.pairs(), answer.body) == (204, (), b"")


def test_the_answer_waits_until_the_application_has_returned(request_for: RequestFor) -> None:
    """Background work after the response is done when the answer is there."""
    done: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answering(200, send)
        await asyncio.sleep(0)
        done.append("background")

    assert call(app, request_for()).status == 200
    assert done == ["background"]


def test_what_an_application_raises_comes_through(request_for: RequestFor) -> None:
    """An exception is not turned into a response here, even after one was sent."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answering(200, send)
        raise KeyError("order")

    with pytest.raises(KeyError):
        call(app, request_for())


def test_an_application_has_to_start(request_for: RequestFor) -> None:
    """An application that returns without a response is named in the error."""
    with pytest.raises(RuntimeError) as refused:
        call(coroutine_app, request_for())
    assert str(refused.value) == f"The ASGI application {coroutine_app!r} returned without starting a response."


PAIRS = "ASGI takes pairs of bytes, such as (b'retry-after', b'5')."
START = {"type": "http.response.start"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (START, "An ASGI application sent the status None. ASGI takes a number such as 200."),
        ({**START, "status": "200"}, "An ASGI application sent the status '200'. ASGI takes a number such as 200."),
        ({**START, "status": 99}, "99 is not an HTTP status. Use a number from 100 to 599."),
        ({**START, "status": 200, "headers": None}, f"An ASGI application sent the headers None. {PAIRS}"),
        ({**START, "status": 200, "headers": [("x", "y")]}, f"An ASGI application sent the header ('x', 'y'). {PAIRS}"),
        ({**START, "status": 200, "headers": [b"xy"]}, f"An ASGI application sent the header b'xy'. {PAIRS}"),
        (
            {**START, "status": 200, "headers": [(b"x", b"a\0")]},
            "An answer has the header 'x' with the value 'a\\x00', which HTTP can't have. Use a text of one line, or a"
            " whole number.",
        ),
        (
            {"type": "http.response.body", "body": "text"},
            "An ASGI application sent the body 'text'. ASGI takes parts of bytes.",
        ),
        (
            {"status": 200},
            "An ASGI application sent the message {'status': 200}. ASGI takes dicts with a type, such as"
            " 'http.response.start'.",
        ),
        (
            None,
            "An ASGI application sent the message None. ASGI takes dicts with a type, such as 'http.response.start'.",
        ),
    ],
)
def test_an_answer_that_no_server_takes(request_for: RequestFor, message: Any, text: str) -> None:
    """What an application sends is checked as a server checks it, and the error is one sentence."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answering(200, send)
        await send(message)

    with pytest.raises(WrongAnswer) as refused:
        call(app, request_for())
    assert str(refused.value) == text


# --- lifespan ----------------------------------------------------------------------------------------------------


@pytest.fixture
def work(request_for: RequestFor) -> TargetRequest:
    """A request, which may be sent again."""
    return request_for()


class App:
    """An application with a lifespan that records what it sees."""

    def __init__(self, *failing: str) -> None:
        self.seen: list[str] = []
        self._failing = list(failing)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.seen.append(f"request with {sorted(scope['state'])}")
            await answering(200, send)
            return
        assert (await receive())["type"] == "lifespan.startup"
        self.seen.append("start-up begins")
        await asyncio.sleep(0)
        if self._failing:
            await send({"type": "lifespan.startup.failed", "message": self._failing.pop(0)})
            raise ConnectionError("no database")
        scope["state"]["db"] = "open"
        self.seen.append("start-up ends")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        self.seen.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})


def test_a_lifespan_begins_with_the_first_request_and_ends_with_end(work: TargetRequest) -> None:
    """Start-up runs once, its state comes with every request, and shutdown follows; then it may begin again."""
    app = App()
    server = AsgiServer(app)

    async def story() -> None:
        for _ in range(2):
            await server.answer(work)
        await server.end()
        await server.end()
        await server.answer(work)
        await server.end()

    asyncio.run(story())
    request = "request with ['db']"
    life = ["start-up begins", "start-up ends", request, request, "shutdown"]
    assert app.seen == [*life, "start-up begins", "start-up ends", request, "shutdown"]


def test_an_application_that_the_test_has_started_gets_no_lifespan(work: TargetRequest) -> None:
    """With lifespan=False only requests come, whose state is empty."""
    app = App()
    server = AsgiServer(app, lifespan=False)

    async def story() -> None:
        for _ in range(2):
            await server.answer(work)
        await server.end()

    asyncio.run(story())
    server.close()
    assert app.seen == ["request with []"] * 2


@pytest.mark.cloud_tasks(queues=["work"])
def test_mounts_pass_the_lifespan_on(cloud_tasks: FakeCloudTasks) -> None:
    """Of both kinds of mounts; anything but True and False is an error."""
    apps = [App(), App()]
    cloud_tasks.mount("https://app.test", apps[0], lifespan=False)
    cloud_tasks.mount_app_engine(apps[1], lifespan=False)
    parent = cloud_tasks.queue_path("work")
    for task in ({"http_request": {"url": "https://app.test"}}, {"app_engine_http_request": {}}):
        CloudTasksClient().create_task(parent=parent, task=task)
    assert cloud_tasks.drain().succeeded == 2
    assert [app.seen for app in apps] == [["request with []"]] * 2
    with pytest.raises(TypeError) as rejected:
        cloud_tasks.mount("https://app.test", apps[0], lifespan="off")  # type: ignore[arg-type]
    assert str(rejected.value) == "mount(lifespan=…) takes True or False, but got 'off'."
    with pytest.raises(TypeError) as rejected:
        cloud_tasks.mount_app_engine(apps[1], lifespan=None)  # type: ignore[arg-type]
    assert str(rejected.value) == "mount_app_engine(lifespan=…) takes True or False, but got None."


def test_each_loop_has_a_lifespan_of_its_own(work: TargetRequest) -> None:
    """What start-up has opened belongs to its loop; another loop's requests get their own."""
    app = App()
    server = AsgiServer(app)
    for _ in range(2):
        asyncio.run(server.answer(work))
    assert app.seen == ["start-up begins", "start-up ends", "request with ['db']"] * 2


def test_requests_wait_for_a_start_up_under_way(work: TargetRequest) -> None:
    """Two requests at once make one start-up, and both are served after it."""
    app = App()
    server = AsgiServer(app)

    async def story() -> None:
        await asyncio.gather(server.answer(work), server.answer(work))
        await server.end()

    asyncio.run(story())
    assert app.seen == ["start-up begins", "start-up ends", *["request with ['db']"] * 2, "shutdown"]


async def refusing_by_raising(scope: Message, receive: Receive, send: Send) -> None:
    """An application that knows HTTP only, and is strict about it."""
    assert scope["type"] == "http"
    await answering(200, send)


async def refusing_by_returning(scope: Message, receive: Receive, send: Send) -> None:
    """An application that knows HTTP only, and ignores the rest."""
    if scope["type"] == "http":
        await answering(200, send)


@pytest.mark.parametrize("app", [refusing_by_raising, refusing_by_returning])
def test_an_application_without_a_lifespan_is_served_as_well(
    work: TargetRequest, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It may raise for an unknown scope, or return; neither is an error."""
    server = AsgiServer(app)

    async def story() -> Answer:
        answer = await server.answer(work)
        await server.end()
        return answer

    assert asyncio.run(story()).status == 200
    assert caplog.records == []


def test_a_failed_start_up_is_the_requests_failure(work: TargetRequest, caplog: pytest.LogCaptureFixture) -> None:
    """The request that needed it raises, with the application's message; the next request has it run again."""
    app = App("no database", "no database yet")
    server = AsgiServer(app)

    async def story() -> list[str]:
        told = []
        for _ in range(2):
            with pytest.raises(RuntimeError) as failed:
                await server.answer(work)
            told.append(str(failed.value))
        assert (await server.answer(work)).status == 200
        await server.end()
        return told

    assert asyncio.run(story()) == [
        f"The start-up of {app!r} failed: no database",
        f"The start-up of {app!r} failed: no database yet",
    ]
    assert app.seen == [*["start-up begins"] * 3, "start-up ends", "request with ['db']", "shutdown"]
    assert caplog.records == []


def test_closing_shuts_down_in_loops_that_are_idle(work: TargetRequest) -> None:
    """A loop that outlives the fake sees the shutdown; one that is closed has cancelled its lifespan before."""
    app = App()
    server = AsgiServer(app)
    idle = asyncio.new_event_loop()
    idle.run_until_complete(server.answer(work))
    asyncio.run(server.answer(work))
    assert "shutdown" not in app.seen
    server.close()
    server.close()
    assert app.seen.count("shutdown") == 1
    assert asyncio.all_tasks(idle) == set()
    idle.close()


def test_closing_cancels_in_a_loop_that_is_running(work: TargetRequest) -> None:
    """Where the fake ends within a coroutine nobody can wait for a shutdown."""
    app = App()
    server = AsgiServer(app)

    async def story() -> set[Any]:
        await server.answer(work)
        server.close()
        for _ in range(3):
            await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(story()) == set()
    assert "shutdown" not in app.seen


def test_in_a_loop_is_about_this_thread() -> None:
    """A coroutine is in a loop; the thread it starts is not."""

    async def story() -> tuple[bool, bool]:
        return in_a_loop(), await asyncio.to_thread(in_a_loop)

    assert asyncio.run(story()) == (True, False)
    assert not in_a_loop()


def test_a_message_of_an_extension_is_passed_over(request_for: RequestFor) -> None:
    """Other messages of an application are not part of the answer."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.push", "path": "/style.css", "headers": []})
        await answering(204, send)

    answer = call(app, request_for())
    assert (answer.status, answer.headers.pairs(), answer.body) == (204, (), b"")


def test_closing_leaves_a_lifespan_that_never_began(work: TargetRequest) -> None:
    """After a failed start-up there is nothing to cancel in a running loop."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    server = AsgiServer(app)
    unhandled: list[Any] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unhandled.append(context))
        with pytest.raises(RuntimeError) as failed:
            await server.answer(work)
        assert str(failed.value) == f"The start-up of {app!r} failed: no database"
        server.close()
        await asyncio.sleep(0)

    asyncio.run(story())
    assert unhandled == []
