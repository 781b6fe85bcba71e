"""What a client's call, a driving method and a fake tell, as plain values.

`reproducing` prints this module's functions at the head of a reproduction, so that it needs nothing of the tests.
"""

from __future__ import annotations

import re
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.protobuf.json_format import MessageToDict


def plain(message: Any) -> Any:
    """A message as JSON has it, under the names of the fields in Python."""
    pb = getattr(message, "_pb", message)
    return None if pb is None else MessageToDict(pb, preserving_proto_field_name=True)


def answer_to(method: Any, request: dict[str, Any], **options: Any) -> Any:
    """A call's response, a listing's first page, a batch's operation and its result, or the error."""
    try:
        response = method(request=request, **options)
        if hasattr(response, "pages"):
            return plain(next(iter(response.pages)))
        if not hasattr(response, "operation"):
            return plain(response)
        return {"operation": plain(response.operation), "result": result_of(response)}
    except GoogleAPICallError as error:
        return told(error)


def result_of(operation: Any) -> Any:
    """What the client makes of an operation that is done."""
    try:
        return plain(operation.result())
    except GoogleAPICallError as error:
        return {"error": type(error).__name__}


def told(error: GoogleAPICallError) -> dict[str, Any]:
    """The class and the text; over REST the client puts method and URL before it."""
    return {"error": type(error).__name__, "text": re.sub(r"\A[A-Z]+ https://\S+: ", "", str(error.message))}


def all_of(method: Any, request: dict[str, Any]) -> Any:
    """The names in a listing, page after page."""
    try:
        return [one.name for one in method(request=request)]
    except GoogleAPICallError as error:
        return told(error)


def moved(result: Any) -> Any:
    """A driving method's result: a summary, or the attempt of step()."""
    if hasattr(result, "blocked"):
        counts = {name: getattr(result, name) for name in ("attempts", "succeeded", "failed", "exhausted", "expired")}
        return {**counts, "blocked": sorted([one.task.name, one.reason.name] for one in result.blocked)}
    return None if result is None else [result.task.name, result.number, result.result]


def delivered(request: Any) -> list[Any]:
    """A delivery as its target sees it."""
    names = ("QueueName", "TaskName", "TaskRetryCount", "TaskExecutionCount", "TaskETA", "TaskPreviousResponse")
    family = "X-AppEngine-" if "X-AppEngine-TaskName" in request.headers else "X-CloudTasks-"
    counters = [request.headers.get(family + name) for name in names]
    return [request.method, request.url, request.body, request.headers.get("X-Queue"), *counters]


def state_of(cloud_tasks: Any, client: Any, routes: list[Any], parents: list[str]) -> dict[str, Any]:
    """The instant, the queues, the tasks that are in them, and the latest delivery to each route."""
    return {
        "now": cloud_tasks.clock.now().isoformat(),
        "queues": [answer_to(client.list_queues, {"parent": parent}).get("queues", []) for parent in parents],
        "tasks": [plain(task.message) for task in cloud_tasks.tasks()],
        "calls": [[len(route.calls), *(delivered(one) for one in route.calls[-1:])] for route in routes],
    }
