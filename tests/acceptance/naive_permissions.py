"""The naive service, to begin with: what all of its RPCs share, and who may do what by which policy."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..service import reference_parts as reference
from ..service.reference import Reference
from ..service.reference_parts import Answer, Laws, Queue, Refused
from . import naive_fields as fields

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
NO_POLICY = b"\x00\x20\x01"
ON_A_QUEUE = (QUEUE_PERMISSIONS | TASK_PERMISSIONS) - {"cloudtasks.queues.create", "cloudtasks.queues.list"}


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


class NaivePermissions:
    """Errors, and the policies of queues."""

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
        self.reference = Reference(start, laws)
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
        """The error that the client gets."""
        self.observed = observed if isinstance(observed, dict) else {}
        try:
            self._check(name, request)
            method: Callable[..., Any] = getattr(self, name)
            return method(request, **options)
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

    def _check(self, rpc: str, request: Mapping[str, Any]) -> None:
        """What comes before all else: the name's shape, the permission, the IDs, the name of what is new."""
        resource = fields.resource_of(rpc, request)
        fields.check_shape(rpc, resource)
        self._authorize(rpc, resource, request)
        fields.check_ids(resource)
        if rpc == "create_queue":
            fields.check_new_queue(resource, request.get("queue", {}).get("name", ""))
        elif rpc == "create_task" and request.get("task", {}).get("name"):
            fields.check_new_task(resource, request["task"]["name"])

    def _authorize(self, rpc: str, resource: str, request: Mapping[str, Any]) -> None:
        if not self.caller or (rpc not in QUEUE_RPCS and rpc not in TASK_RPCS):
            return
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
        queue = self.reference.queue(request["resource"])
        policy = self.policies.get(queue, {"etag": NO_POLICY})
        return {**policy, "etag": base64.b64encode(policy["etag"]).decode()}

    def set_iam_policy(self, request: Mapping[str, Any]) -> Any:
        queue = self.reference.queue(request["resource"])
        given = request["policy"]
        bindings: dict[str, list[str]] = {}
        for binding in given.get("bindings", []):
            if not re.match("((projects|organizations)/[^/]+/)?roles/", binding["role"]):
                raise fields.invalid(
                    'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}",'
                    ' or "projects/{project_id}/roles/{role}".'
                )
            for member in binding["members"]:
                if member != "allUsers" and member.partition(":")[0] not in ("user", "serviceAccount", "group"):
                    raise fields.invalid(
                        f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
                    )
                members = bindings.setdefault(binding["role"], [])
                if member not in members:
                    members.append(member)
        current = self.policies.get(queue, {"etag": NO_POLICY})["etag"]
        if given.get("etag", b"") not in (b"", current):
            raise Refused(
                "ABORTED",
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential"
                f" backoff. The request's ETag '{in_octal(given['etag'])}' did not match the current policy's ETag"
                f" '{in_octal(current)}'.",
            )
        etag = self.observed.get("etag", "")
        if base64.b64decode(etag) in (b"", current, NO_POLICY):
            etag = "<a new etag>"
        stored: dict[str, Any] = {"version": 1, "etag": b"" if etag.startswith("<") else base64.b64decode(etag)}
        if bindings:
            stored["bindings"] = [{"role": role, "members": members} for role, members in bindings.items()]
        self.policies[queue] = stored
        return {**stored, "etag": etag}

    def test_iam_permissions(self, request: Mapping[str, Any]) -> Any:
        queue = self.reference.queue(request["resource"])
        asked = sorted(request.get("permissions", []))
        if not asked:
            raise fields.invalid("At least one permission must be specified.")
        for permission in request["permissions"]:
            if not re.fullmatch("[a-zA-Z]+[.][a-zA-Z]+[.][a-zA-Z]+", permission):
                raise fields.invalid(f"The permission {permission} is invalid.")
            if permission not in ON_A_QUEUE:
                raise fields.invalid(f"Permission {permission} is not valid for this resource.")
        if self.caller and queue in self.policies:
            asked = [one for one in asked if one in self._granted(queue)]
        return {"permissions": asked} if asked else {}


def in_octal(etag: bytes) -> str:
    """As C would write it in quotes."""
    shown = ""
    for character in etag.decode("latin-1"):
        if character in "\t\n\r":
            shown += {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[character]
        elif " " <= character <= "~":
            shown += f"\\{character}" if character in "\"'\\" else character
        else:
            shown += f"\\{oct(ord(character))[2:]:0>3}"
    return shown
