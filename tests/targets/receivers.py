"""The same requests to every kind of target: what each of them makes of one, in one form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pytest_cloudtasks import FakeCloudTasks, TargetRequest

from .servers import Received, Reply, serving

HTTP_URL = "https://app.test/work"
APP_ENGINE_URI = "/work"
APP_ENGINE_URL = "http://test-project.uc.r.appspot.com"
DEADLINE, REFUSED = "no answer by the deadline", "no connection"
Step = int | str
"""How an attempt is answered: an HTTP status, or one of the two that are none."""
Seen = dict[str, list[str]]
"""The headers of a request: names in lower case, all values of each."""


class Receiver:
    """Answers by a script, and remembers what it got."""

    def __init__(self, steps: list[Step]) -> None:
        self.seen: list[Seen] = []
        self.bodies: list[bytes] = []
        self._steps = iter(steps)

    def take(self, pairs: list[tuple[str, str]], body: bytes, request: TargetRequest | None) -> int:
        """The status to answer with; past the deadline, where the step says so."""
        self.seen.append(seen(pairs))
        self.bodies.append(body)
        step = next(self._steps)
        if step == DEADLINE:
            assert request is not None, "a forward's server knows of no request"
            request.takes(timedelta(days=2))
            return 200
        assert isinstance(step, int)
        return step

    def handle(self, request: TargetRequest) -> int:
        """A route's handler."""
        return self.take(list(request.headers.pairs()), request.body, request)

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """A WSGI application."""
        names = [name for name in environ if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")]
        pairs = [(name.removeprefix("HTTP_").replace("_", "-"), environ[name]) for name in names]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status = self.take(pairs, body, environ["pytest_cloudtasks.request"])
        start_response(f"{status} As Scripted", [])
        return []

    async def asgi(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """An ASGI application."""
        assert scope["type"] == "http"
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        body = (await receive())["body"]
        await asyncio.sleep(0)
        status = self.take(pairs, body, scope["extensions"]["pytest_cloudtasks.request"]["request"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})

    def reply(self, received: Received) -> Reply:
        """A server's answer."""
        return self.take(received.headers, received.body, None), [], b""


def seen(pairs: list[tuple[str, str]]) -> Seen:
    """Headers in the form that tests compare."""
    result: Seen = {}
    for name, value in pairs:
        result.setdefault(name.lower(), []).append(value)
    return result


@contextmanager
def receiving(kind: str, family: str, cloud_tasks: FakeCloudTasks, steps: list[Step]) -> Iterator[Receiver]:
    """A receiver for the tasks of a family (HTTP or App Engine), as a target of that kind."""
    is_http = family == "HTTP"
    if kind != "forward":
        receiver = Receiver([step for step in steps if step != REFUSED])
        if kind == "route":
            cloud_tasks.route(HTTP_URL if is_http else APP_ENGINE_URI, handler=receiver.handle)
        else:
            app: Callable[..., Any] = receiver.wsgi if kind == "WSGI" else receiver.asgi
            if is_http:
                cloud_tasks.mount("https://app.test", app)
            else:
                cloud_tasks.mount_app_engine(app)
        yield receiver
        return
    receiver = Receiver([step for step in steps if isinstance(step, int)])
    with serving(receiver.reply) as server:
        cloud_tasks.forward("https://app.test" if is_http else APP_ENGINE_URL, server.url)
        yield receiver


def create(cloud_tasks: FakeCloudTasks, family: str, **fields: Any) -> None:
    """A task ``t`` of the family in the queue ``work``; App Engine's has the fields that HTTP's has."""
    request: dict[str, Any] = {"http_request": {"url": HTTP_URL} | fields}
    if family != "HTTP":
        request = {"app_engine_http_request": {"relative_uri": APP_ENGINE_URI, **fields}}
    parent = cloud_tasks.queue_path("work")
    cloud_tasks.client().create_task(parent=parent, task={"name": f"{parent}/tasks/t", **request})


def attempts(cloud_tasks: FakeCloudTasks, receiver: Receiver, steps: list[Step], kind: str) -> list[Seen]:
    """Make one attempt a step, each to its end; the headers of each, as the receiver or a route before it got them."""
    told: list[Seen] = []
    for step in steps:
        silent: BaseException | None = ConnectionError("scripted") if step == REFUSED else None
        if step == DEADLINE and kind == "forward":
            silent = TimeoutError("scripted")
        before = None
        if silent is not None:
            exact = cloud_tasks.tasks()[0].url
            before = cloud_tasks.route(exact, method="POST", queue="work").raises(silent).then_pass_through()
        attempt = cloud_tasks.step()
        assert attempt is not None
        while attempt.code is None:
            cloud_tasks.step()
        told.append(seen(list(before.calls[0].headers.pairs())) if before is not None else receiver.seen[-1])
    return told
