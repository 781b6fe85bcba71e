"""What a request needs permission for, checked against the queue's policy (``iam_emulation``)."""

from __future__ import annotations

from typing import Any

from .._service import iam
from .._service.service import Service
from .._service.validation import Rpc, queue_of
from .tasks import VIEW_FULL


def authorize(service: Service, rpc: Rpc, resource: str, request: Any) -> None:
    """Raise ServiceError for what the caller may not do with the queue or task ``resource``. Evidence: documented."""
    if rpc.permission:
        service.authorize(rpc.permission, resource)
    fields = request.DESCRIPTOR.fields_by_name
    creations = request.requests if "requests" in fields else [request] if "task" in fields else []
    if any(getattr(one, "response_view", None) == VIEW_FULL for one in (request, *creations)):
        service.authorize(iam.FULL_VIEW, resource)
    for creation in creations:
        account = _account(creation.task)
        if account:
            service.authorize(iam.ACT_AS, queue_of(resource) or resource, account)


def _account(task: Any) -> str:
    """The service account in whose name the task is to be sent."""
    if "http_request" not in task.DESCRIPTOR.fields_by_name:
        return ""  # older releases of v2beta2 have App Engine and pull tasks only
    token = task.http_request.WhichOneof("authorization_header")
    return getattr(task.http_request, token).service_account_email if token else ""
