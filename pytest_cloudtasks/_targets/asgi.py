"""Delivering a request to an ASGI application (ASGI 3: HTTP and lifespan)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from .._arguments import is_whole
from .announced import announced_exceptions
from .answers import Answer, Interface, NotOfInterface, application_answer
from .headers import header_bytes
from .request import TargetRequest
from .urls import wire_url

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
REQUEST_KEY = "pytest_cloudtasks.request"
"""The key of the `TargetRequest` in the scope's extensions."""
_ASGI = Interface("ASGI", "pairs of bytes, such as (b'retry-after', b'5')", lambda text: isinstance(text, bytes))
_VERSION = {"version": "3.0", "spec_version": "2.3"}


def is_asgi(app: Any) -> bool:
    """Return whether ``app`` has the interface of ASGI rather than WSGI: coroutines, or three arguments."""
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__):
        return True
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters) == 3


async def call_asgi(app: AsgiApp, request: TargetRequest, state: dict[str, Any]) -> Answer:
    """Return the application's answer after it has returned, its background tasks included."""
    __tracebackhide__ = True
    sent: list[Any] = []
    unread = [request.body]
    finished = asyncio.Event()

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        await finished.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if _type_of(message) == "http.response.body" and not message.get("more_body", False):
            finished.set()

    with announced_exceptions() as announced:
        await app(scope_of(request, state), receive, send)
    for message in sent:
        if not isinstance(_type_of(message), str):
            raise NotOfInterface(_ASGI.name, "the message", message, "dicts with a type, such as 'http.response.start'")
    started = [message for message in sent if message["type"] == "http.response.start"]
    if not started:
        raise RuntimeError(f"The ASGI application {app!r} returned without starting a response.")
    status = started[-1].get("status")
    if not is_whole(status):
        raise NotOfInterface(_ASGI.name, "the status", status, "a number such as 200")
    written = [message.get("body", b"") for message in sent if message["type"] == "http.response.body"]
    return application_answer(_ASGI, status, started[-1].get("headers", ()), written, announced)


def _type_of(message: Any) -> Any:
    return message.get("type") if isinstance(message, Mapping) else None


def scope_of(request: TargetRequest, state: dict[str, Any]) -> Message:
    """Return the ASGI scope of a request."""
    url = wire_url(request.url)
    return {
        "type": "http",
        "asgi": dict(_VERSION),
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(header_bytes(name.lower()), header_bytes(value)) for name, value in request.headers.pairs()],
        "client": (request.client_address, 0),
        "server": (url.host, url.port or 0),
        "state": dict(state),
        "extensions": {REQUEST_KEY: {"request": request}},
    }


class AsgiServer:
    """Serves an application, whose lifespan begins with the first request in each event loop.

    With ``lifespan=False`` there is no lifespan: the test has started the application itself.
    """

    def __init__(self, app: AsgiApp, *, lifespan: bool = True) -> None:
        self._app = app
        self._has_lifespan = lifespan
        self._lifespans: WeakKeyDictionary[asyncio.AbstractEventLoop, Lifespan] = WeakKeyDictionary()

    async def answer(self, request: TargetRequest) -> Answer:
        """Return the application's answer to ``request``."""
        __tracebackhide__ = True
        if not self._has_lifespan:
            return await call_asgi(self._app, request, {})
        lifespan = self._lifespans.setdefault(asyncio.get_running_loop(), Lifespan(self._app))
        await lifespan.begin()
        return await call_asgi(self._app, request, lifespan.state)

    async def end(self) -> None:
        """End the lifespan in the running loop."""
        lifespan = self._lifespans.pop(asyncio.get_running_loop(), None)
        if lifespan is not None:
            await lifespan.end()

    def close(self) -> None:
        """End the lifespans in all loops: by a shutdown if the loop is idle, otherwise by cancelling them.

        A closed loop has already cancelled its lifespan.
        """
        while self._lifespans:
            loop, lifespan = self._lifespans.popitem()
            if loop.is_closed():
                continue
            if loop.is_running() or in_a_loop():
                loop.call_soon_threadsafe(lifespan.cancel)
            else:
                loop.run_until_complete(lifespan.end())


class Lifespan:
    """An application's lifespan in one event loop."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self.state: dict[str, Any] = {}
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Future[None] | None = None
        self._starting = asyncio.Lock()

    async def begin(self) -> None:
        """Run the application's start-up once. An application without a lifespan is served, too.

        Requests wait for it meanwhile. A failed start-up is repeated for the next request.
        """
        async with self._starting:
            if self._task is not None:
                return
            self._to_app, self._from_app = asyncio.Queue(), asyncio.Queue()
            scope: Message = {"type": "lifespan", "asgi": dict(_VERSION), "state": self.state}
            task = asyncio.ensure_future(self._app(scope, self._to_app.get, self._from_app.put))
            task.add_done_callback(_seen)
            self._to_app.put_nowait({"type": "lifespan.startup"})
            reply = await _reply(task, self._from_app)
            if reply is not None and reply["type"] == "lifespan.startup.failed":
                raise RuntimeError(f"The start-up of {self._app!r} failed: {reply.get('message', '')}")
            self._task = task

    async def end(self) -> None:
        """Run the application's shutdown."""
        if self._task is not None and not self._task.done():
            self._to_app.put_nowait({"type": "lifespan.shutdown"})
            await _reply(self._task, self._from_app)
            await asyncio.wait([self._task])

    def cancel(self) -> None:
        """End the lifespan without a shutdown."""
        if self._task is not None:
            self._task.cancel()


def in_a_loop() -> bool:
    """Return whether this thread has a running event loop, and can't run another one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _reply(task: asyncio.Future[None], from_app: asyncio.Queue[Message]) -> Message | None:
    """Return the application's next message; None if it returned or raised instead, because it has no lifespan."""
    message = asyncio.ensure_future(from_app.get())
    either: set[asyncio.Future[Any]] = {task, message}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if message.done():
        return message.result()
    message.cancel()
    return None


def _seen(task: asyncio.Future[None]) -> None:
    """Ignore an exception by which an application rejects the lifespan, but not one that it has reported."""
    if not task.cancelled():
        task.exception()
