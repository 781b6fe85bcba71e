"""The naive service's RPCs on tasks, one by one and in batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..service import reference_parts as reference
from ..service.reference_parts import SECOND, Answer, Refused, Script, Task
from ..service.reference_requests import Request
from . import naive_fields as fields
from .naive_fields import invalid, shown_instant, shown_task
from .naive_permissions import CLASSES, Route
from .naive_queues import NaiveQueues

CODES = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "UNIMPLEMENTED": 12,
}
TYPE = "type.googleapis.com/"


class NaiveTasks(NaiveQueues):
    """Tasks and operations."""

    # --- tasks ---------------------------------------------------------------------------------------------------

    def create_task(self, request: Mapping[str, Any], timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 30:
            deadline = fields.in_pacific_time(self.reference.now + int(timeout * SECOND))
            raise invalid(f"The request deadline is {deadline}. The deadline cannot be more than 30s in the future.")
        task = self._created(request, self.observed.get("name"))
        return shown_task(task, full=request.get("response_view") == "FULL")

    def _created(self, request: Mapping[str, Any], observed_name: Any) -> Task:
        parent, given = request["parent"], request.get("task")
        self.reference.queue_for_task(parent)
        if given is None:
            raise invalid("Task.payload_type is not set.")
        name = given.get("name", "")
        target = fields.request_in(given, parent)
        deadline = fields.duration_in(given["dispatch_deadline"]) if "dispatch_deadline" in given else None
        fields.check_deadline(target, deadline)
        schedule_time = fields.instant_in(given["schedule_time"]) if "schedule_time" in given else None
        if schedule_time is not None and schedule_time > self.reference.now + reference.FARTHEST_SCHEDULE:
            raise invalid(
                f"The Task.scheduleTime, {fields.in_pacific_time(schedule_time)}, is too far in the future. Schedule"
                " time must be no more than 720h in the future."
            )
        retries = None if "retry_config" not in given else fields.retries_in(given["retry_config"])

        def new_name() -> str:
            if len(target.body) + sum(len(header) + len(value) for header, value in target.headers) > self.largest_task:
                self._refuse_size(parent, name)
            return str(name or self._new(observed_name, re.escape(parent) + r"/tasks/[0-9]{17,20}"))

        stored = fields.stored_deadline(target, deadline)
        created = self.reference.create_task(
            parent, new_name, schedule_time, stored or 600 * SECOND, None, lambda number: Answer(200), target, stored
        )
        created.retries = retries
        created.script = self._script_of(created)
        return created

    def _refuse_size(self, parent: str, name: str) -> None:
        """A task that is too large, and has no other fault."""
        for task in self.reference.queue(parent).tasks:
            if task.name == name and (task.is_live or self.reference.is_reserved(task)):
                return
        raise invalid("Task size too large")

    def _script_of(self, task: Task) -> Script:
        """Return the answer of the route for the request, or of the route that a redirect leads to in time."""

        def answer(number: int) -> Answer:
            attempt = task.attempts[number - 1]
            sent, takes = attempt.sent, 0
            while True:
                one = self._route_of(sent).next(self._shown_delivery(task, attempt, sent))
                takes += one.takes
                if one.location is None or sent.is_app_engine or takes > task.deadline:
                    return replace(one, takes=takes)
                method = "HEAD" if sent.method == "HEAD" else "GET"
                sent = replace(sent, url=one.location, method=method, body=b"")

        return answer

    def _route_of(self, sent: Request) -> Route:
        return next(route for route in self.routes if route.url in (self._url(sent), "*"))

    def _url(self, sent: Request) -> str:
        return f"http://{sent.routing[3]}{sent.url}" if sent.is_app_engine else sent.url

    def get_task(self, request: Mapping[str, Any]) -> Any:
        task = self.reference.get_task(request["name"].partition("/tasks/")[0], request["name"])
        return shown_task(task, full=request.get("response_view") == "FULL")

    def list_tasks(self, request: Mapping[str, Any]) -> Any:
        queue = self.reference.queue(request["parent"])
        full = request.get("response_view") == "FULL"
        items = [(task.sequence, shown_task(task, full=full)) for task in queue.live_tasks]
        listing = f"tasks {queue.name}"
        return self._with_token("tasks", self._page(request, listing, items), listing)

    def delete_task(self, request: Mapping[str, Any]) -> None:
        self._delete(request["name"])

    def _delete(self, name: str) -> None:
        self.reference.delete_task(name.partition("/tasks/")[0], name)

    def run_task(self, request: Mapping[str, Any]) -> Any:
        task = self.reference.run_task(request["name"].partition("/tasks/")[0], request["name"])
        return shown_task(task, full=request.get("response_view") == "FULL")

    # --- batches -------------------------------------------------------------------------------------------------

    def batch_create_tasks(self, request: Mapping[str, Any]) -> Any:
        parent, creations = request["parent"], request.get("requests", [])
        if not creations:
            raise invalid("Request must contain at least one task.")
        if len(creations) > 100:
            raise invalid(f"A maximum of 100 tasks can be created in a single batch, but got {len(creations)} tasks.")
        seen: list[str] = []
        for creation in creations:
            if creation["parent"] != parent:
                raise invalid(
                    "All tasks in a batch request must target the same queue. Found task for queue"
                    f" {creation['parent']} in batch request for queue {parent}."
                )
            if name := creation.get("task", {}).get("name"):
                fields.check_new_task(parent, name)
                if name in seen:
                    raise invalid(f"Duplicate task name in the batch request: {name}")
                seen.append(name)
        names = [task["name"] for task in self._observed_tasks()]
        deeds = [lambda one=one: self._created_in_batch(one, names) for one in creations]
        return self._batch("Create", request, deeds)

    def _observed_tasks(self) -> list[dict[str, Any]]:
        operation = self.observed.get("operation", {})
        return list(operation.get("response", {}).get("tasks", []))

    def _created_in_batch(self, request: Mapping[str, Any], names: list[str]) -> Task:
        # Made-up names come in the order of the requests, beside those that were asked for.
        nameless = [name for name in names if re.search("/tasks/[0-9]{17,20}$", name)]
        is_empty = not {"http_request", "app_engine_http_request", "pull_message"} & set(request.get("task", {}))
        if is_empty and any(queue.name == request["parent"] for queue in self.reference.live_queues):
            raise invalid("Payload type must be set.")
        task = self._created(request, nameless[0] if nameless else None)
        if nameless and task.name == nameless[0]:
            names.remove(task.name)
        return task

    def batch_delete_tasks(self, request: Mapping[str, Any]) -> Any:
        parent, names = request["parent"], request.get("names", [])
        if not names:
            raise invalid("Request contains an invalid argument.")
        if len(names) > 1000:
            raise invalid(f"A maximum of 1000 tasks can be handled in a batch, but {len(names)} were requested.")
        deleted: list[str] = []
        deeds = [lambda one=one: self._deleted_in_batch(one, parent, deleted) for one in names]
        return self._batch("Delete", request, deeds)

    def _deleted_in_batch(self, name: str, parent: str, deleted: list[str]) -> None:
        if name in deleted:
            return
        queue = name.partition("/tasks/")[0]
        try:
            fields.check_new_task(queue, name)
        except Refused as refused:
            raise invalid(f"Invalid task name: {refused.text}") from None
        fields.check_new_task(parent, name)
        self._delete(name)
        deleted.append(name)

    def _batch(self, kind: str, request: Mapping[str, Any], deeds: Sequence[Callable[[], Any]]) -> Any:
        before = len(self.reference.operations)
        operation = self.reference.batch(kind, request["parent"], request.get("request_id", ""), deeds)
        if len(self.reference.operations) > before:
            location = request["parent"].partition("/queues/")[0]
            observed = self.observed.get("operation", {}).get("name")
            wanted = re.escape(request["request_id"]) if request.get("request_id") else "[0-9a-f-]{36}"
            name = self._new(observed, f"{re.escape(location)}/operations/{wanted}")
            self.operations[name] = self._shown_operation(name, kind, operation, request)
            self.names_of_operations[operation] = name
        shown = self.operations[self.names_of_operations[operation]]
        if "error" in shown:
            return {"operation": shown, "result": {"error": CLASSES["grpc"]["ABORTED"]}}
        if "response" not in shown:
            return {"operation": shown, "result": {"error": "GoogleAPICallError"}}
        result = {name: one for name, one in shown["response"].items() if name != "@type"}
        return {"operation": shown, "result": result}

    def _shown_operation(
        self, name: str, kind: str, operation: reference.Operation, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = shown_instant(operation.at)
        metadata: dict[str, Any] = {
            "@type": f"{TYPE}google.cloud.tasks.v2.Batch{kind}TasksMetadata",
            "start_time": now,
            "end_time": now,
            "state": "PARTIALLY_SUCCEEDED" if operation.failed else "SUCCEEDED",
        }
        if operation.failed:
            metadata["failed_requests"] = {
                str(index): self._status(refused) for index, refused in operation.failed.items()
            }
        shown: dict[str, Any] = {"name": name, "done": True, "metadata": metadata}
        if not operation.done and kind == "Create":
            metadata["state"] = "FAILED"
        elif not operation.done:
            text = (
                "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error"
            )
            shown["error"] = {"code": 10, "message": f"{text} details"}
        elif kind == "Delete":
            shown["response"] = {"@type": f"{TYPE}google.protobuf.Empty"}
        else:
            views = [one.get("response_view") == "FULL" for one in request["requests"]]
            tasks = [shown_task(task, full=views[index]) for index, task in operation.done.items()]
            shown["response"] = {"@type": f"{TYPE}google.cloud.tasks.v2.BatchCreateTasksResponse", "tasks": tasks}
        return shown

    def _status(self, refused: Refused) -> dict[str, Any]:
        return {"code": CODES[refused.code], "message": refused.text}

    def get_operation(self, request: Mapping[str, Any]) -> Any:
        if request["name"] not in self.operations:
            raise Refused("NOT_FOUND", reference.ENTITY_MISSING)
        return self.operations[request["name"]]
