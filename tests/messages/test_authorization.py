"""Which permission a request needs, and of which resource."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from google.cloud import tasks_v2 as v2
from google.cloud import tasks_v2beta2 as v2beta2

from pytest_cloudtasks._messages.rpc_handlers import authorize
from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.iam import Binding, Policy
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.validation import RPCS

NOW = 1_900_000_000_000_000_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"
ME = "user:me@example.com"
ACCOUNT = "sender@p.iam.gserviceaccount.com"
URL = "https://app.test/work"
CREATOR = "projects/p/roles/creator"
ENQUEUER, ADMIN, ACTOR = "roles/cloudtasks.enqueuer", "roles/cloudtasks.admin", "roles/iam.serviceAccountUser"


def service_where(*roles: str) -> Service:
    """A service whose queue ``q`` gives `ME` these roles, and nothing else."""
    service = Service(lambda: "1", ServiceOptions(iam_emulation=ME, iam_roles={CREATOR: {"cloudtasks.tasks.create"}}))
    service.create_queue(NOW, LOCATION, QUEUE, {})
    service.set_iam_policy(NOW, QUEUE, Policy(tuple(Binding(role, (ME,)) for role in roles)))
    return service


def ask(service: Service, rpc: str, request: Any) -> None:
    """Raise what the service raises for a request, if the caller may not make it."""
    authorize(service, RPCS[rpc], RPCS[rpc].name_of(request), request)


def needed(rpc: str, request: Any, *roles: str) -> tuple[str, str] | None:
    """What is missing, and for what, to a caller with these roles; None if nothing is."""
    try:
        ask(service_where(*roles), rpc, type(request).pb(request))
    except ServiceError as error:
        found = error
    else:
        return None
    _, permission, _, resource, _ = found.message.split('"')
    assert found.code is Code.PERMISSION_DENIED
    assert found.message == (
        f'The principal (user or service account) lacks IAM permission "{permission}" for the resource "{resource}"'
        " (or the resource may not exist)."
    )
    return permission, resource


def http(**fields: Any) -> dict[str, Any]:
    return {"http_request": {"url": URL, **fields}}


@pytest.mark.parametrize(
    ("rpc", "request_", "permission"),
    [
        ("get_queue", v2.GetQueueRequest(name=QUEUE), "cloudtasks.queues.get"),
        ("update_queue", v2.UpdateQueueRequest(queue={"name": QUEUE}), "cloudtasks.queues.update"),
        ("get_task", v2.GetTaskRequest(name=TASK), "cloudtasks.tasks.get"),
        ("create_task", v2.CreateTaskRequest(parent=QUEUE, task=http()), "cloudtasks.tasks.create"),
    ],
)
def test_an_rpc_needs_its_permission_for_the_queue(rpc: str, request_: Any, permission: str) -> None:
    """It is found by whichever field has its name; a caller with the role may call."""
    resource = TASK if rpc == "get_task" else QUEUE
    assert needed(rpc, request_) == (permission, resource)
    assert needed(rpc, request_, ADMIN) is None


def test_a_queue_can_be_made_in_any_location() -> None:
    """Policies are those of queues, and a location has none."""
    assert needed("create_queue", v2.CreateQueueRequest(parent=LOCATION)) is None


def test_the_full_view_needs_a_permission_of_its_own() -> None:
    """Asked for a task that is created, or one that is got."""
    full = {"parent": QUEUE, "task": http(), "response_view": v2.Task.View.FULL}
    assert needed("create_task", v2.CreateTaskRequest(parent=QUEUE, task=http()), CREATOR) is None
    assert needed("create_task", v2.CreateTaskRequest(**full), CREATOR) == ("cloudtasks.tasks.fullView", QUEUE)
    assert needed("create_task", v2.CreateTaskRequest(**full), ENQUEUER) is None
    got = v2.GetTaskRequest(name=TASK, response_view=v2.Task.View.FULL)
    assert needed("get_task", got, "roles/cloudtasks.viewer") is None
    assert needed("run_task", v2.RunTaskRequest(name=TASK, response_view=v2.Task.View.FULL), ENQUEUER) == (
        "cloudtasks.tasks.run",
        TASK,
    )


@pytest.mark.parametrize("token", ["oidc_token", "oauth_token"])
def test_a_token_s_account_has_to_let_the_caller_act(token: str) -> None:
    """The permission is the account's, not the queue's; a task without a token needs none."""
    request = v2.CreateTaskRequest(parent=QUEUE, task=http(**{token: {"service_account_email": ACCOUNT}}))
    assert needed("create_task", request, ENQUEUER) == ("iam.serviceAccounts.actAs", ACCOUNT)
    assert needed("create_task", request, ENQUEUER, ACTOR) is None


def test_an_app_engine_task_needs_no_service_account() -> None:
    """It carries no token."""
    request = v2.CreateTaskRequest(parent=QUEUE, task={"app_engine_http_request": {"relative_uri": "/"}})
    assert needed("create_task", request, ENQUEUER) is None


def test_a_lease_needs_a_permission_for_the_full_view_alone() -> None:
    """Leases have no permission that is modelled; what the view shows of a task has."""
    request = v2beta2.LeaseTasksRequest(parent=QUEUE, response_view=v2beta2.Task.View.FULL)
    assert needed("lease_tasks", request) == ("cloudtasks.tasks.fullView", QUEUE)
    assert needed("lease_tasks", request, ENQUEUER) is None
    assert needed("lease_tasks", v2beta2.LeaseTasksRequest(parent=QUEUE)) is None


def test_a_task_of_a_release_without_http_tasks_needs_no_service_account() -> None:
    """Older releases of v2beta2 have only App Engine and pull tasks."""
    task = SimpleNamespace(DESCRIPTOR=SimpleNamespace(fields_by_name={"app_engine_http_request": None}))
    request = SimpleNamespace(parent=QUEUE, task=task, DESCRIPTOR=SimpleNamespace(fields_by_name={"parent": None}))
    ask(service_where(ENQUEUER), "create_task", request)
    with pytest.raises(ServiceError) as refused:
        ask(service_where(), "create_task", request)
    assert refused.value.message == (
        f'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.create" for the resource'
        f' "{QUEUE}" (or the resource may not exist).'
    )
