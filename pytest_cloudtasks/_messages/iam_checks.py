"""What a request needs permission for, asked of the model before the request is answered (``iam_emulation``)."""

from __future__ import annotations

from typing import Any

from .._service import errors, iam
from .._service import resource_names as names
from .._service.service import Service
from .tasks import VIEW_FULL


def authorize(service: Service, rpc: str, request: Any) -> None:
    """Refuse what the caller may not do. Evidence: documented (permissions); recorded (a parent that is no resource).

    That the check comes before all others is our choice.
    """
    if rpc == "create_queue" and not request.parent.startswith("projects/"):
        raise errors.CONSUMER_INVALID.error(parent=request.parent)
    permission = iam.PERMISSIONS.get(rpc)
    if permission is None and not hasattr(request, "response_view"):
        return
    resource = _resource(rpc, request)
    if permission is not None:
        service.authorize(permission, resource)
    creations = request.requests if rpc == "batch_create_tasks" else [request] if rpc == "create_task" else []
    if any(getattr(one, "response_view", None) == VIEW_FULL for one in (request, *creations)):
        service.authorize(iam.FULL_VIEW, resource)
    for creation in creations:
        account = _account(creation.task)
        if account:
            service.authorize(iam.ACT_AS, names.queue_of(resource) or resource, account)


def _resource(rpc: str, request: Any) -> str:
    if rpc == "update_queue":
        return str(request.queue.name)
    field = next(name for name in ("parent", "resource", "name", "queue") if name in request.DESCRIPTOR.fields_by_name)
    return str(getattr(request, field))


def _account(task: Any) -> str:
    """The service account in whose name the task is to be sent."""
    if "http_request" not in task.DESCRIPTOR.fields_by_name:
        return ""  # older releases of v2beta2 have App Engine and pull tasks only
    token = task.http_request.WhichOneof("authorization_header")
    return getattr(task.http_request, token).service_account_email if token else ""
