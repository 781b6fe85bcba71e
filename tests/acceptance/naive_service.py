"""The service's RPCs over the naive reference: what a client should be told, whatever it asks.

It takes the requests that the real client is given, as dicts, and answers in the form of `telling`. Names that the
service makes up (task IDs, operations, etags, page tokens) it takes from what was observed, if they can be right.
It imports nothing of the package and nothing of Google's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any
from unittest.mock import ANY

from ..model import reference_parts as reference
from ..model.reference import Reference
from ..model.reference_parts import HOUR, SECOND, Answer, Attempt, Laws, Queue, Refused, Script, Task
from . import naive_fields as fields
from .naive_fields import invalid, shown_instant, shown_queue, shown_task

CODES = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "UNIMPLEMENTED": 12,
}
CLASSES = {
    "grpc": {
        "INVALID_ARGUMENT": "InvalidArgument",
        "NOT_FOUND": "NotFound",
        "ALREADY_EXISTS": "AlreadyExists",
        "PERMISSION_DENIED": "PermissionDenied",
        "FAILED_PRECONDITION": "FailedPrecondition",
        "ABORTED": "Aborted",
        "UNIMPLEMENTED": "MethodNotImplemented",
    },
    "rest": {
        "INVALID_ARGUMENT": "BadRequest",
        "NOT_FOUND": "NotFound",
        "ALREADY_EXISTS": "Conflict",
        "PERMISSION_DENIED": "Forbidden",
        "FAILED_PRECONDITION": "BadRequest",
        "ABORTED": "Conflict",
        "UNIMPLEMENTED": "MethodNotImplemented",
    },
}
"""What a code is in Python: over REST its HTTP status decides."""
QUEUE_RPCS = {
    "get_queue": "get",
    "update_queue": "update",
    "delete_queue": "delete",
    "purge_queue": "purge",
    "pause_queue": "pause",
    "resume_queue": "resume",
    "get_iam_policy": "getIamPolicy",
    "set_iam_policy": "setIamPolicy",
}
TASK_RPCS = {
    "create_task": "create",
    "batch_create_tasks": "create",
    "get_task": "get",
    "list_tasks": "list",
    "delete_task": "delete",
    "batch_delete_tasks": "delete",
    "run_task": "run",
}
QUEUE_PERMISSIONS = {f"cloudtasks.queues.{one}" for one in [*QUEUE_RPCS.values(), "create", "list"]}
TASK_PERMISSIONS = {f"cloudtasks.tasks.{one}" for one in [*TASK_RPCS.values(), "fullView"]}
ROLES = {
    "roles/cloudtasks.admin": QUEUE_PERMISSIONS | TASK_PERMISSIONS,
    "roles/cloudtasks.queueAdmin": QUEUE_PERMISSIONS,
    "roles/cloudtasks.enqueuer": {"cloudtasks.tasks.create", "cloudtasks.tasks.fullView"},
    "roles/cloudtasks.taskRunner": {"cloudtasks.tasks.run", "cloudtasks.tasks.fullView"},
    "roles/iam.serviceAccountUser": {"iam.serviceAccounts.actAs"},
    "projects/test-project/roles/creator": {"cloudtasks.tasks.create", "cloudtasks.tasks.get"},
}
TYPE = "type.googleapis.com/"
NO_POLICY = b"\x00\x20\x01"


@dataclass
class Route:
    """What the test's own target for a URL answers, call by call; the last answer repeats."""

    url: str
    answers: Sequence[Answer]
    calls: int = 0
    latest: list[Any] = field(default_factory=list)
    """The latest delivery, as it is shown."""

    def next(self, delivery: Any) -> Answer:
        self.calls += 1
        self.latest = [delivery]
        return self.answers[min(self.calls, len(self.answers)) - 1]


class NaiveService:
    """Answers `rpc` and the driving verbs, and tells its `state`."""

    def __init__(
        self,
        start: int,
        laws: Laws,
        routes: Sequence[Route],
        *,
        transport: str,
        caller: str,
        burst: int | None,
        largest_task: int,
        location: str,
    ) -> None:
        self.reference = Reference(start, replace(laws, keeps_fractions=True))
        self.laws = laws
        self.routes = routes
        self.transport = transport
        self.caller = caller
        """For whom policies count; nobody if it is empty."""
        self.burst = burst
        self.largest_task = largest_task
        self.location = location
        self.observed: Any = None
        self.policies: dict[Queue, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.tokens: dict[str, tuple[str, Any, int]] = {}
        """Page tokens: of which listing, behind what, and of when."""
        self.operations: dict[str, Any] = {}
        self.names_of_operations: dict[reference.Operation, str] = {}
        self.made_up: set[Any] = set()

    # --- answering -----------------------------------------------------------------------------------------------

    def rpc(self, name: str, request: Mapping[str, Any], options: Mapping[str, Any], observed: Any) -> Any:
        """What the client is told."""
        self.observed = observed if isinstance(observed, dict) else {}
        try:
            self._authorize(name, request)
            method: Callable[..., Any] = getattr(self, name)
            return method(request, **options)
        except Refused as refused:
            return self._error(refused)

    def every(self, name: str, request: Mapping[str, Any]) -> Any:
        """The names in all pages of a listing."""
        try:
            self._authorize(name, request)
            if name == "list_queues":
                return [queue.name for queue in self._matching(request)]
            fields.check_queue(request["parent"])
            return [task.name for task in self.reference.queue(request["parent"]).live_tasks]
        except Refused as refused:
            return self._error(refused)

    def _error(self, refused: Refused) -> dict[str, Any]:
        return {"error": CLASSES[self.transport][refused.code], "text": refused.text}

    def _new(self, observed: Any, pattern: str) -> Any:
        """A text that the service makes up, as it was observed, if it is one of its kind and new."""
        if isinstance(observed, str) and re.fullmatch(pattern, observed) and observed not in self.made_up:
            self.made_up.add(observed)
            return observed
        return f"<a new text like {pattern}>"

    # --- permissions ---------------------------------------------------------------------------------------------

    def _authorize(self, rpc: str, request: Mapping[str, Any]) -> None:
        if not self.caller:
            return
        if rpc == "create_queue" and not request["parent"].startswith("projects/"):
            raise Refused("PERMISSION_DENIED", f"Permission denied on resource project {request['parent']}.")
        if rpc not in QUEUE_RPCS and rpc not in TASK_RPCS:
            return
        if rpc == "update_queue":
            resource = request["queue"].get("name", "")
        else:
            resource = request.get("parent") or request.get("resource") or request.get("name") or ""
        kind = f"queues.{QUEUE_RPCS[rpc]}" if rpc in QUEUE_RPCS else f"tasks.{TASK_RPCS[rpc]}"
        self._need(f"cloudtasks.{kind}", resource, resource)
        creations = {"batch_create_tasks": request.get("requests", []), "create_task": [request]}.get(rpc, [])
        if any(one.get("response_view") == "FULL" for one in [request, *creations]):
            self._need("cloudtasks.tasks.fullView", resource, resource)
        for creation in creations:
            target = creation.get("task", {}).get("http_request", {})
            token = target.get("oidc_token") or target.get("oauth_token") or {}
            if token.get("service_account_email"):
                self._need("iam.serviceAccounts.actAs", resource, token["service_account_email"])

    def _need(self, permission: str, resource: str, asked_for: str) -> None:
        queue_name = resource.partition("/tasks/")[0]
        for queue in self.reference.live_queues:
            if queue.name == queue_name and queue in self.policies and permission not in self._granted(queue):
                raise Refused(
                    "PERMISSION_DENIED",
                    f'The principal (user or service account) lacks IAM permission "{permission}" for the resource'
                    f' "{asked_for}" (or the resource may not exist).',
                )

    def _granted(self, queue: Queue) -> set[str]:
        granted: set[str] = set()
        for binding in self.policies[queue].get("bindings", []):
            if self.caller in binding["members"] or "allUsers" in binding["members"]:
                granted |= ROLES.get(binding["role"], set())
        return granted

    def get_iam_policy(self, request: Mapping[str, Any]) -> Any:
        queue = self._queue(request["resource"])
        policy = self.policies.get(queue, {"etag": NO_POLICY})
        return {**policy, "etag": base64.b64encode(policy["etag"]).decode()}

    def set_iam_policy(self, request: Mapping[str, Any]) -> Any:
        queue = self._queue(request["resource"])
        given = dict(request["policy"])
        current = self.policies.get(queue, {"etag": NO_POLICY})["etag"]
        if given.get("etag", b"") not in (b"", current):
            raise Refused(
                "ABORTED",
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential"
                " backoff.",
            )
        etag = self.observed.get("etag", "")
        if base64.b64decode(etag) in (b"", current, NO_POLICY):
            etag = "<a new etag>"
        given["etag"] = base64.b64decode(etag) if not etag.startswith("<") else b""
        self.policies[queue] = given
        return {**given, "etag": etag}

    def test_iam_permissions(self, request: Mapping[str, Any]) -> Any:
        fields.check_queue(request["resource"])
        held: list[str] = []
        for queue in self.reference.live_queues:
            if queue.name == request["resource"]:
                held = list(request["permissions"])
                if self.caller and queue in self.policies:
                    held = [one for one in held if one in self._granted(queue)]
        return {"permissions": held} if held else {}

    # --- queues --------------------------------------------------------------------------------------------------

    def _queue(self, name: str) -> Queue:
        fields.check_queue(name)
        return self.reference.queue(name)

    def create_queue(self, request: Mapping[str, Any]) -> Any:
        given = request.get("queue", {})
        name = given.get("name", "")
        fields.check_new_queue(request["parent"], name)
        fields.check_others(given)
        rates = fields.rates_in(given.get("rate_limits", {}), self.burst)
        retries = self._retries(given.get("retry_config", {}))
        return shown_queue(self._create(name, rates, retries, fields.others_in(given, name)))

    def _create(self, name: str, rates: Any, retries: Any, others: dict[str, Any]) -> Queue:
        created = self.reference.create_queue(name, rates, retries, others)
        created.retries = retries
        return created

    def _retries(self, given: Mapping[str, Any], *, zero_is_zero: bool = False) -> reference.Retries:
        zero_is_zero = zero_is_zero or self.laws.zero_doublings_are_zero
        return fields.retries_in(given, zero_is_zero=zero_is_zero, keeps_fractions=self.laws.keeps_fractions)

    def get_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self._queue(request["name"]))

    def update_queue(self, request: Mapping[str, Any]) -> Any:
        given = request["queue"]
        name = given.get("name", "")
        if not re.fullmatch(fields.PROJECT_PART + fields.LOCATION_PART + "/queues/[^/]*", name):
            raise invalid(
                'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
            )
        paths = request.get("update_mask", {}).get("paths", [])
        for path in paths:
            if not self._is_a_field(path):
                raise invalid(f"The update mask names {path}, which is no field of a queue.")
        live = [queue for queue in self.reference.live_queues if queue.name == name]
        if not live:
            return self.create_queue({"parent": name.partition("/queues/")[0], "queue": given})
        queue = live[0]
        merged = self._merged(queue, given, paths) if paths else dict(given)
        fields.check_others(merged)
        rates = fields.rates_in(merged.get("rate_limits", {}), self.burst)
        zero_is_zero = bool(paths) and self._asks_for_zero(queue, given, paths)
        retries = self._retries(merged.get("retry_config", {}), zero_is_zero=zero_is_zero)
        queue.other = fields.others_in(merged, name)
        self.reference.update_rates(name, rates)
        queue.retries = retries
        return shown_queue(queue)

    def _is_a_field(self, path: str) -> bool:
        known = {
            "rate_limits": {*fields.RATES, "max_burst_size"},
            "retry_config": set(fields.RETRIES),
            "stackdriver_logging_config": {"sampling_ratio"},
            "app_engine_routing_override": {"service", "version", "instance", "host"},
            "http_target": {"uri_override", "http_method", "uri_override.host", "uri_override.port", "oidc_token"},
        }
        head, dot, rest = path.partition(".")
        if head in ("name", "state", "purge_time", "stats"):
            return True
        return head in known and (not dot or rest in known[head])

    def _merged(self, queue: Queue, given: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """The queue's settings with those that the mask names taken from the request, or unset."""
        stored = queue.retries
        merged: dict[str, Any] = {
            "rate_limits": {
                "max_dispatches_per_second": queue.rates.rate,
                "max_concurrent_dispatches": queue.rates.concurrency,
            },
            "retry_config": {
                "max_attempts": stored.max_attempts,
                "max_retry_duration": f"{stored.max_retry_duration / SECOND}s",
                "max_backoff": f"{stored.max_backoff / SECOND}s",
                "max_doublings": stored.max_doublings,
            },
            **queue.other,
        }
        if stored.min_backoff != fields.DEFAULT_RETRIES.min_backoff:
            merged["retry_config"]["min_backoff"] = f"{stored.min_backoff / SECOND}s"
        for path in paths:
            if path.partition(".")[0] in ("name", "state", "purge_time", "stats"):
                continue
            self._take(merged, given, path.split("."))
        return merged

    def _take(self, merged: dict[str, Any], given: Mapping[str, Any], path: Sequence[str]) -> None:
        name, *rest = path
        if rest:
            inner = dict(merged.get(name, {}))
            self._take(inner, given.get(name, {}), rest)
            if inner or name in given:
                merged[name] = inner
            else:
                merged.pop(name, None)
        elif name in given:
            merged[name] = given[name]
        else:
            merged.pop(name, None)

    def _asks_for_zero(self, queue: Queue, given: Mapping[str, Any], paths: Sequence[str]) -> bool:
        is_zero = queue.retries.max_doublings == 0
        for path in paths:
            if path == "retry_config":
                is_zero = False
            if path == "retry_config.max_doublings":
                is_zero = "retry_config" in given
        return is_zero

    def delete_queue(self, request: Mapping[str, Any]) -> None:
        fields.check_queue(request["name"])
        self.reference.delete_queue(request["name"])

    def purge_queue(self, request: Mapping[str, Any]) -> Any:
        fields.check_queue(request["name"])
        return shown_queue(self.reference.purge_queue(request["name"]))

    def pause_queue(self, request: Mapping[str, Any]) -> Any:
        fields.check_queue(request["name"])
        return shown_queue(self.reference.pause_queue(request["name"]))

    def resume_queue(self, request: Mapping[str, Any]) -> Any:
        fields.check_queue(request["name"])
        return shown_queue(self.reference.resume_queue(request["name"]))

    def _matching(self, request: Mapping[str, Any]) -> list[Queue]:
        fields.check_location(request["parent"])
        condition = fields.FILTERS[request.get("filter", "")]
        if condition is None:
            raise invalid()
        found = [
            queue
            for queue in self.reference.live_queues
            if queue.name.startswith(request["parent"] + "/queues/") and condition(queue)
        ]
        return sorted(found, key=lambda queue: queue.name)

    def list_queues(self, request: Mapping[str, Any]) -> Any:
        found = self._matching(request)
        listing = f"queues {request['parent']} {request.get('filter', '')}"
        page = self._page(request, listing, [(queue.name, shown_queue(queue)) for queue in found])
        return self._with_token("queues", page, listing)

    def _page(
        self, request: Mapping[str, Any], listing: str, items: Sequence[tuple[Any, Any]]
    ) -> tuple[list[tuple[Any, Any]], bool]:
        """The items of a page, with their keys, and whether there are more."""
        size, token = request.get("page_size", 0), request.get("page_token", "")
        if size < 0:
            raise invalid("The page size cannot be negative.")
        if token:
            if token not in self.tokens:
                raise invalid("The page token is invalid.")
            of, behind, given_at = self.tokens[token]
            if of != listing:
                raise invalid(
                    "The page token is of another listing: parent and filter must stay as they were when it was given."
                )
            if self.reference.now > given_at + 2 * HOUR:
                raise invalid("The page token has expired: it is valid for 2 hours.")
            items = [item for item in items if item[0] > behind]
        size = size or len(items)
        return list(items[:size]), len(items) > size

    def _with_token(self, field: str, page: tuple[list[tuple[Any, Any]], bool], listing: str) -> dict[str, Any]:
        items, has_more = page
        shown: dict[str, Any] = {field: [item for _, item in items]} if items else {}
        if has_more:
            token = self.observed.get("next_page_token") or "<a token>"
            self.tokens[token] = (listing, items[-1][0], self.reference.now)
            shown["next_page_token"] = token
        return shown

    # --- tasks ---------------------------------------------------------------------------------------------------

    def create_task(self, request: Mapping[str, Any], timeout: float | None = None) -> Any:
        fields.check_queue(request["parent"])
        if timeout is not None and timeout > 30:
            deadline = fields.in_pacific_time(self.reference.now + int(timeout * SECOND))
            raise invalid(f"The request deadline is {deadline}. The deadline cannot be more than 30s in the future.")
        task = self._created(request, self.observed.get("name"))
        return shown_task(task, full=request.get("response_view") == "FULL")

    def _created(self, request: Mapping[str, Any], observed_name: Any) -> Task:
        parent, given = request["parent"], request.get("task")
        if given is None:
            raise invalid("CreateTaskRequest.task is required.")
        name = given.get("name", "")
        if name:
            fields.check_new_task(parent, name)
        target = fields.request_in(given, parent)
        deadline = fields.duration_in(given["dispatch_deadline"]) if "dispatch_deadline" in given else None
        fields.check_deadline(target, deadline)
        schedule_time = fields.instant_in(given["schedule_time"]) if "schedule_time" in given else None
        if schedule_time is not None and schedule_time > self.reference.now + reference.FARTHEST_SCHEDULE:
            raise invalid(
                f"The Task.scheduleTime, {fields.in_pacific_time(schedule_time)}, is too far in the future. Schedule"
                " time must be no more than 720h in the future."
            )
        retries = None if "retry_config" not in given else self._retries(given["retry_config"])

        def new_name() -> str:
            if len(target.body) > self.largest_task:
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
        """The answer of the route for what is sent."""

        def answer(number: int) -> Answer:
            attempt = task.attempts[number - 1]
            return self._route_of(attempt).next(self._shown_delivery(task, attempt))

        return answer

    def _route_of(self, attempt: Attempt) -> Route:
        url = self._url(attempt)
        return next(route for route in self.routes if route.url in (url, "*"))

    def _url(self, attempt: Attempt) -> str:
        sent = attempt.sent
        return f"http://{sent.routing[3]}{sent.url}" if sent.is_app_engine else sent.url

    def get_task(self, request: Mapping[str, Any]) -> Any:
        fields.check_task(request["name"])
        task = self.reference.get_task(request["name"].partition("/tasks/")[0], request["name"])
        return shown_task(task, full=request.get("response_view") == "FULL")

    def list_tasks(self, request: Mapping[str, Any]) -> Any:
        queue = self._queue(request["parent"])
        full = request.get("response_view") == "FULL"
        items = [(task.sequence, shown_task(task, full=full)) for task in queue.live_tasks]
        listing = f"tasks {queue.name}"
        return self._with_token("tasks", self._page(request, listing, items), listing)

    def delete_task(self, request: Mapping[str, Any]) -> None:
        self._delete(request["name"])

    def _delete(self, name: str) -> None:
        fields.check_task(name)
        self.reference.delete_task(name.partition("/tasks/")[0], name)

    def run_task(self, request: Mapping[str, Any]) -> Any:
        fields.check_task(request["name"])
        task = self.reference.run_task(request["name"].partition("/tasks/")[0], request["name"])
        return shown_task(task, full=request.get("response_view") == "FULL")

    # --- batches -------------------------------------------------------------------------------------------------

    def batch_create_tasks(self, request: Mapping[str, Any]) -> Any:
        parent, creations = request["parent"], request.get("requests", [])
        fields.check_queue(parent)
        if not 1 <= len(creations) <= 100:
            raise invalid(f"BatchCreateTasksRequest.requests must have 1 to 100 requests, and has {len(creations)}.")
        for creation in creations:
            if creation["parent"] != parent:
                raise invalid(
                    f"The parent of each request ('{creation['parent']}') must be the same as the parent of the batch"
                    f" ('{parent}')."
                )
        names = [task["name"] for task in self._observed_tasks()]
        deeds = [lambda one=one: self._created_in_batch(one, names) for one in creations]
        return self._batch("Create", request, deeds)

    def _observed_tasks(self) -> list[dict[str, Any]]:
        operation = self.observed.get("operation", {})
        return list(operation.get("response", {}).get("tasks", []))

    def _created_in_batch(self, request: Mapping[str, Any], names: list[str]) -> Task:
        # Made-up names come in the order of the requests, beside those that were asked for.
        nameless = [name for name in names if re.search("/tasks/[0-9]{17,20}$", name)]
        task = self._created(request, nameless[0] if nameless else None)
        if nameless and task.name == nameless[0]:
            names.remove(task.name)
        return task

    def batch_delete_tasks(self, request: Mapping[str, Any]) -> Any:
        parent, names = request["parent"], request.get("names", [])
        fields.check_queue(parent)
        if not 1 <= len(names) <= 1000:
            raise invalid(f"BatchDeleteTasksRequest.names must have 1 to 1000 names, and has {len(names)}.")
        for name in names:
            if name.partition("/tasks/")[0] != parent:
                raise invalid(f"The task '{name}' must be in the queue that is the parent of the batch ('{parent}').")
        return self._batch("Delete", request, [lambda one=one: self._delete(one) for one in names])

    def _batch(self, kind: str, request: Mapping[str, Any], deeds: Sequence[Callable[[], Any]]) -> Any:
        before = len(self.reference.operations)
        operation = self.reference.batch(kind, request["parent"], request.get("request_id", ""), deeds)
        if len(self.reference.operations) > before:
            location = request["parent"].partition("/queues/")[0]
            observed = self.observed.get("operation", {}).get("name")
            name = self._new(observed, re.escape(location) + "/operations/[0-9a-f-]{36}")
            self.operations[name] = self._shown_operation(name, kind, operation, request)
            self.names_of_operations[operation] = name
        shown = self.operations[self.names_of_operations[operation]]
        if "error" in shown:
            return {"operation": shown, "result": {"error": CLASSES["grpc"]["ABORTED"]}}
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
        if not operation.done:
            text = "None of the requests succeeded, refer to Batch{}TasksMetadata.failed_requests for individual error"
            shown["error"] = {"code": 10, "message": text.format(kind) + " details"}
        elif kind == "Delete":
            shown["response"] = {"@type": f"{TYPE}google.protobuf.Empty"}
        else:
            views = [one.get("response_view") == "FULL" for one in request["requests"]]
            tasks = [shown_task(task, full=views[index]) for index, task in operation.done.items()]
            shown["response"] = {"@type": f"{TYPE}google.cloud.tasks.v2.BatchCreateTasksResponse", "tasks": tasks}
        return shown

    def _status(self, refused: Refused) -> dict[str, Any]:
        status: dict[str, Any] = {"code": CODES[refused.code], "message": refused.text}
        if str(refused.text).startswith("Task ID "):
            status["details"] = [ANY]  # a link, which the tests of error details know
        return status

    def get_operation(self, request: Mapping[str, Any]) -> Any:
        if not re.fullmatch(fields.PROJECT_PART + fields.LOCATION_PART + "/operations/[^/]+", request["name"]):
            raise invalid(fields.BAD_RESOURCE)
        if request["name"] not in self.operations:
            raise Refused("NOT_FOUND", reference.ENTITY_MISSING)
        return self.operations[request["name"]]

    # --- keys and locations --------------------------------------------------------------------------------------

    def get_cmek_config(self, request: Mapping[str, Any]) -> Any:
        if not re.fullmatch(fields.PROJECT_PART + fields.LOCATION_PART + "/cmekConfig", request["name"]):
            raise invalid(fields.BAD_RESOURCE)
        key = self.keys.get(request["name"], "")
        return {"name": request["name"], "kms_key": key} if key else {"name": request["name"]}

    def update_cmek_config(self, request: Mapping[str, Any]) -> Any:
        config, paths = request["cmek_config"], request.get("update_mask", {}).get("paths", [])
        self.get_cmek_config(config)
        for path in paths:
            if path not in ("name", "kms_key"):
                raise invalid(f"The update mask names {path}, which is no field of a CMEK config.")
        if not paths or "kms_key" in paths:
            key = config.get("kms_key", "")
            if key and not re.fullmatch("projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+", key):
                raise invalid()
            self.keys[config["name"]] = key
        return self.get_cmek_config(config)

    def _locations(self, project: str) -> list[dict[str, Any]]:
        if not re.fullmatch(fields.PROJECT_PART, project):
            raise invalid(fields.BAD_RESOURCE)
        names = {f"{project}/locations/{self.location}"}
        names |= {queue.name.partition("/queues/")[0] for queue in self.reference.live_queues}
        inside = sorted(name for name in names if name.startswith(project + "/"))
        return [{"name": name, "location_id": name.rpartition("/")[2]} for name in inside]

    def get_location(self, request: Mapping[str, Any]) -> Any:
        fields.check_location(request["name"])
        for location in self._locations(request["name"].partition("/locations/")[0]):
            if location["name"] == request["name"]:
                return location
        raise Refused("NOT_FOUND", reference.ENTITY_MISSING)

    def list_locations(self, request: Mapping[str, Any]) -> Any:
        if request.get("filter"):
            raise Refused("UNIMPLEMENTED", ANY)
        return {"locations": self._locations(request["name"])}

    # --- driving -------------------------------------------------------------------------------------------------

    def drive(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """What a driving verb tells."""
        before = dict(self.reference.tally)
        only = arguments.get("queue")
        if verb == "step":
            attempt = self.reference.step()
            return None if attempt is None else self._shown_step(attempt)
        if verb == "advance":
            self.reference.advance(int(arguments["seconds"] * SECOND))
        elif verb == "dispatch_due":
            while self.reference.step(self.reference.now, only) is not None:
                pass
        else:
            until = arguments.get("until")
            self.reference.drain(None if until is None else until * SECOND)
        counts = {name: count - before[name] for name, count in self.reference.tally.items()}
        return {**counts, "blocked": sorted(self._blocked(only))}

    def _shown_step(self, attempt: Attempt) -> Any:
        task = next(task for task in self.reference.all_tasks if attempt in task.attempts)
        result: Any = attempt.answer_status
        if attempt.response_time is not None and result is None:
            result = fields.status_of(attempt)[0]
        return [task.name, attempt.number, None if attempt.response_time is None else result]

    def _blocked(self, only: str | None) -> list[list[str]]:
        found = []
        for queue in self.reference.live_queues:
            plan = queue.next_dispatch(self.reference.now)
            tasks = queue.in_line
            reason = "PAUSED"
            if queue.state == "RUNNING":
                tasks = [task for task in tasks if task.schedule_time <= self.reference.now]
                if len(queue.under_way) >= queue.rates.concurrency:
                    reason = "CONCURRENCY"
                elif only not in (None, queue.name):
                    reason = "NOT_ASKED"
                elif plan is None or plan[0] > self.reference.now:
                    reason = "RATE"
                else:
                    continue
            found += [[task.name, reason] for task in tasks]
        return found

    # --- what can be seen ----------------------------------------------------------------------------------------

    def state(self, parents: Sequence[str]) -> dict[str, Any]:
        """As `telling.state_of` has it."""
        now = datetime.fromtimestamp(self.reference.now // SECOND, timezone.utc)
        now = now.replace(microsecond=self.reference.now % SECOND // 1000)
        live = self.reference.live_queues
        queues = [
            [shown_queue(queue) for queue in sorted(live, key=lambda queue: queue.name) if self._is_in(queue, parent)]
            for parent in parents
        ]
        return {
            "now": now.isoformat(),
            "queues": queues,
            "tasks": [shown_task(task, full=True) for queue in live for task in queue.live_tasks],
            "calls": [[route.calls, *route.latest] for route in self.routes],
        }

    def _is_in(self, queue: Queue, parent: str) -> bool:
        return queue.name.startswith(parent + "/queues/")

    def _shown_delivery(self, task: Task, attempt: Attempt) -> list[Any]:
        sent = attempt.sent
        previous = {"": None, "NO_RESPONSE": "0", "DEADLINE_EXCEEDED": "0" if sent.is_app_engine else "504"}
        queue_name, _, task_id = task.name.partition("/tasks/")
        return [
            sent.method,
            self._url(attempt),
            sent.body,
            dict(sent.headers).get("X-Queue"),
            queue_name.rpartition("/")[2],
            task_id,
            str(attempt.retry_count),
            str(attempt.execution_count),
            f"{attempt.schedule_time // SECOND}.{attempt.schedule_time % SECOND // 1000:06d}",
            previous.get(attempt.previous, attempt.previous),
        ]
