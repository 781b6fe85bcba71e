"""``cloud_tasks.task_request``: the request of one attempt, for a unit test of a single handler."""

from __future__ import annotations

import asyncio
import json as json_module
from collections.abc import Mapping
from typing import Any, cast

from .._arguments import checked_call, checked_text, is_whole
from .._clients.identity.tokens import authorization_for
from .._service.request import AppEngineTarget, HttpTarget, OidcToken, PushTarget, Routing
from .._service.service import Service
from .._service.task import Attempt, TaskSpec, response
from .._simulation.simulation import Simulation
from .._targets.answers import Answer
from .._targets.asgi import AsgiApp, AsgiServer, Message, in_a_loop, is_asgi, scope_of
from .._targets.factories import check_no_factory
from .._targets.mounts import App
from .._targets.request import TargetRequest
from .._targets.wsgi import as_wsgi, call_wsgi, environ_of
from .._text import is_encodable, safe_repr, safe_str

URL = "https://worker.test/"


class TaskRequest(TargetRequest):
    """The request of one attempt that is in no queue. `FakeCloudTasks.task_request` makes one."""

    __slots__ = ()

    @checked_call
    def wsgi_environ(self) -> dict[str, Any]:
        """Return the WSGI environ, for ``app.request_context(environ)`` or ``werkzeug.Request(environ)``."""
        return environ_of(self)

    @checked_call
    def asgi_scope(self) -> Message:
        """Return the ASGI scope, for ``starlette.requests.Request(scope)``. The body is ``body``."""
        return scope_of(self, {})

    @checked_call
    def send(self, app: App) -> Answer:
        """Send the request to an application, and return its answer, with ``status``, ``headers`` and ``body``.

        Args:
            app: A WSGI application, an ASGI application, or a function of a Flask request.

        Raises:
            RuntimeError: An event loop is running; await `asend` there.
            TypeError: ``app`` can't be called.
            Exception: Whatever the application raises.
        """
        _check_app(app)
        if is_asgi(app):
            if in_a_loop():
                raise RuntimeError(
                    f"TaskRequest.send() was called in a running event loop, which {safe_repr(app)} would need. Write"
                    " `await request.asend(app)` there instead."
                )
            return asyncio.run(self.asend(app))
        answer = call_wsgi(as_wsgi(app, "send()"), self)
        return _raised(answer)

    @checked_call
    async def asend(self, app: App) -> Answer:
        """Send the request in the running event loop. An ASGI application's lifespan runs around it. See `send`."""
        _check_app(app)
        if not is_asgi(app):
            return self.send(app)
        server = AsgiServer(cast("AsgiApp", app))
        try:
            return _raised(await server.answer(self))
        finally:
            await server.end()


def _check_app_engine(
    relative_uri: str | None, routing: Mapping[str, str | None], url: str, audience: str | None
) -> None:
    """Raise for arguments that an App Engine task doesn't have, and for those that only it has."""
    for name, value in routing.items():
        if value is not None and (not isinstance(value, str) or not is_encodable(value)):
            raise TypeError(f"task_request({name}=…) takes a text, but got {safe_repr(value)}.")
        if value is not None and relative_uri is None:
            raise TypeError(f"task_request({name}=…) is for App Engine tasks only. Pass relative_uri=… as well.")
    if relative_uri is None:
        return
    if not isinstance(relative_uri, str) or not is_encodable(relative_uri) or not relative_uri.startswith("/"):
        raise ValueError(
            "task_request(relative_uri=…) takes the path of an App Engine task, such as /work, but got"
            f" {safe_repr(relative_uri)}."
        )
    if url != URL:
        raise TypeError("task_request() takes url=… or, for an App Engine task, relative_uri=…, not both.")
    if audience is not None:
        raise TypeError("task_request() takes no audience=… with relative_uri=…: App Engine tasks have no token.")


def _check_app(app: object) -> None:
    if not callable(app):
        raise TypeError(
            f"send() takes a WSGI or an ASGI application, but got {safe_repr(app)}, which can't be called. Pass the"
            " application itself, not a client, a module or its name."
        )
    check_no_factory(app, "send()")


def _raised(answer: Answer) -> Answer:
    if answer.exception is not None:
        raise answer.exception
    return answer


def task_request(
    simulation: Simulation,
    *,
    url: str,
    method: str,
    json: Any,
    body: bytes,
    headers: Mapping[str, str],
    queue: str,
    name: str | None,
    audience: str | None,
    service_account_email: str,
    retry_count: int,
    execution_count: int | None,
    previous_response: int | None,
    relative_uri: str | None,
    routing: Mapping[str, str | None],
) -> TaskRequest:
    """Return the request of attempt number ``retry_count`` + 1; nothing of it is in the fake's queues."""
    _check_app_engine(relative_uri, routing, url, audience)
    if not is_encodable(url) or not url.lower().startswith(("http://", "https://")):
        raise ValueError(
            f"task_request(url=…) takes an absolute URL, such as {URL}, but got {safe_repr(url)}. A web framework's"
            " test client takes the path of that URL. For an App Engine task, pass relative_uri=… instead."
        )
    if json is not None and body:
        raise TypeError("task_request() takes json=… or body=…, not both.")
    if not isinstance(body, bytes):
        raise TypeError(f"task_request(body=…) takes bytes, but got {safe_repr(body)}. To send JSON, pass json=….")
    if not is_whole(retry_count) or retry_count < 0:
        raise ValueError(
            f"retry_count is the number of failures so far, zero or more, but got {safe_repr(retry_count)}."
        )
    if previous_response is not None and not retry_count:
        raise ValueError(
            f"previous_response={safe_repr(previous_response)} needs a retry_count of 1 or more: a"
            f" first attempt has no previous"
            " response."
        )
    if not isinstance(headers, Mapping) or not all(is_encodable(text) for pair in headers.items() for text in pair):
        raise TypeError(f"task_request(headers=…) takes a dict of texts, but got {safe_repr(headers)}.")
    checked_text("task_request(method=…)", method, "POST")
    checked_text("task_request(queue=…)", queue, "receipts")
    if name is not None:
        checked_text("task_request(name=…)", name, "order-42")
    if audience is not None:
        checked_text("task_request(audience=…)", audience, URL)
    checked_text("task_request(service_account_email=…)", service_account_email, "me@project.iam.gserviceaccount.com")
    for argument, number in (("execution_count", execution_count), ("previous_response", previous_response)):
        if number is not None and (not is_whole(number) or number < 0):
            raise TypeError(f"task_request({argument}=…) takes a number of zero or more, but got {safe_repr(number)}.")
    sent = dict(headers)
    if json is not None:
        try:
            body = json_module.dumps(json).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"task_request(json=…) takes an object that JSON can express: {safe_str(error)}, in {safe_repr(json)}."
            ) from None
        if not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
    target: PushTarget
    if relative_uri is None:
        token = None if audience is None else OidcToken(service_account_email, audience)
        target = HttpTarget(url, method, tuple(sent.items()), body, token)
    else:
        names = {name: value or "" for name, value in routing.items()}
        target = AppEngineTarget(relative_uri, method, tuple(sent.items()), body, Routing(**names))
    attempt = _attempt(simulation, target, queue, name, retry_count, execution_count, previous_response)
    return TaskRequest(attempt, authorization_for(target, simulation.clock.now))


def _attempt(
    simulation: Simulation,
    target: PushTarget,
    queue: str,
    name: str | None,
    retry_count: int,
    execution_count: int | None,
    previous_response: int | None,
) -> Attempt:
    """Return an attempt after ``retry_count`` failures, in a separate service."""
    now, queue_name = simulation.clock.now, simulation.settings.queue_name(queue)
    service = Service(simulation.randomness.task_id, simulation.settings.service)
    service.create_queue(now, queue_name.rpartition("/queues/")[0], queue_name, {})
    task_name = f"{queue_name}/tasks/{name}" if name else ""
    task = service.create_task(now, queue_name, TaskSpec(target, name=task_name))
    task.failures = task.dispatch_count = retry_count
    if retry_count:
        task.last_outcome = response(500 if previous_response is None else previous_response)
        task.response_count = retry_count if task.last_outcome.is_counted(target) else 0
    if execution_count is not None:
        task.response_count = execution_count
    return service.begin(now, task, forced=True)
