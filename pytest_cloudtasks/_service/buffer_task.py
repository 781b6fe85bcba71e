"""BufferTask: a task whose request is the queue's, but for its body.

Evidence: documented (the queue must have an HTTP target, the body is the payload, JSON is its default type); the rest
is our choice, each said at its place.
"""

from __future__ import annotations

from . import errors
from . import http_overrides as http_target
from .queue import Queue
from .request import HTTP_BODY_METHODS, HttpTarget
from .task import TaskSpec

DEFAULT_TYPE = "application/json"


def spec_for(queue: Queue, task_id: str, body: bytes, content_type: str) -> TaskSpec:
    """What a CreateTask would have to ask for; without a host in its HTTP target the queue has nowhere to send to."""
    given = queue.config.http_target or {}
    uri = {**given.get("uri_override", {}), "uri_override_enforce_mode": "ALWAYS"}
    if not uri.get("host"):
        raise errors.BUFFER_NEEDS_HTTP_TARGET.error()
    # Headers and tokens of the queue are put in where they are for any task; a method without a body drops it there.
    method = given.get("http_method", "")
    return TaskSpec(
        target=HttpTarget(
            http_target.overridden(f"https://{uri['host']}/", uri),
            method if method in HTTP_BODY_METHODS else "POST",
            (("Content-Type", content_type or DEFAULT_TYPE),),
            body,
            None,
            None,
        ),
        name=f"{queue.name}/tasks/{task_id}" if task_id else "",
    )
