"""The order of checks, and the table of RPCs that they read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import PERMISSION_MISSING, Code, ErrorInfo, Help, LocalizedMessage, ServiceError
from pytest_cloudtasks._service.validation import (
    CMEK_CONFIG,
    LOCATION,
    OPERATION,
    PROJECT,
    QUEUE,
    RPCS,
    TASK,
    Rpc,
    Shape,
    check_call,
    full_rpc_name,
)
from tests.each import each

from .test_names import NAME_FORMAT, QUEUE_ID_HELP, TASK_ID_HELP, queue_id_text, task_id_text

V2 = "google.cloud.tasks.v2"
PLACE = "projects/p/locations/l"
NAMES: dict[Shape, str] = {
    PROJECT: "projects/p",
    LOCATION: PLACE,
    QUEUE: f"{PLACE}/queues/q",
    TASK: f"{PLACE}/queues/q/tasks/t",
    OPERATION: f"{PLACE}/operations/o",
    CMEK_CONFIG: f"{PLACE}/cmekConfig",
}
LACKING = {
    "create_queue": "cloudtasks.queues.create",
    "list_queues": "cloudtasks.queues.list",
    "update_queue": "cloudtasks.queues.update",
    "get_queue": "cloudtasks.queues.get",
    "delete_queue": "cloudtasks.queues.delete",
    "purge_queue": "cloudtasks.queues.purge",
    "pause_queue": "cloudtasks.queues.pause",
    "resume_queue": "cloudtasks.queues.resume",
    "get_iam_policy": "cloudtasks.queues.list",
    "set_iam_policy": "cloudtasks.queues.list",
    "test_iam_permissions": "cloudtasks.queues.list",
    "create_task": "cloudtasks.tasks.create",
    "buffer_task": "cloudtasks.tasks.create",
    "list_tasks": "cloudtasks.tasks.list",
    "get_task": "cloudtasks.tasks.get",
    "delete_task": "cloudtasks.tasks.delete",
    "run_task": "cloudtasks.tasks.run",
    "batch_create_tasks": "cloudtasks.tasks.create",
    "batch_delete_tasks": "cloudtasks.tasks.delete",
    "get_operation": "cloudtasks.operations.get",
    "get_location": "cloudtasks.locations.get",
    "list_locations": "cloudtasks.locations.list",
    "lease_tasks": "cloudtasks.tasks.lease",
    "acknowledge_task": "cloudtasks.tasks.acknowledge",
    "renew_lease": "cloudtasks.tasks.renewLease",
    "cancel_lease": "cloudtasks.tasks.cancelLease",
}
FULL_NAMES = {
    "get_queue": "google.cloud.tasks.v2.CloudTasks.GetQueue",
    "set_iam_policy": "google.cloud.tasks.v2.CloudTasks.SetIamPolicy",
    "update_cmek_config": "google.cloud.tasks.v2.CloudTasks.UpdateCmekConfig",
    "get_operation": "google.longrunning.Operations.GetOperation",
    "list_locations": "google.cloud.location.Locations.ListLocations",
}
NAMED = [rpc for rpc in RPCS if rpc != "upload_queue_yaml"]
"""The RPCs whose request has the resource's name. UploadQueueYaml has the project's ID."""


class Request(SimpleNamespace):
    """A request whose resource is ``name``, whichever field has it, and that creates ``new``."""

    def __init__(self, name: str, new: str = "") -> None:
        queue = _QueueField(name)
        queue.name = new or name
        super().__init__(
            name=name,
            parent=name,
            resource=name,
            queue=queue,
            cmek_config=SimpleNamespace(name=name),
            task=SimpleNamespace(name=new),
            task_id="",
            app_id=name,
        )


class _QueueField(str):
    """BufferTask's ``queue`` is a name, UpdateQueue's and CreateQueue's a message."""

    name: str


def rejected(rpc: str, request: Any, **others: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        check_call(rpc, V2, request, **others)
    return caught.value


@each("rpc", NAMED)
def test_an_empty_name_is_no_resource(rpc: str) -> None:
    """The ErrorInfo names the RPC as the API has it."""
    error = rejected(rpc, Request(""))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Invalid resource field value in the request.")
    metadata = (("method", full_rpc_name(rpc, V2)), ("service", "cloudtasks.googleapis.com"))
    assert error.details == (ErrorInfo("RESOURCE_PROJECT_INVALID", "googleapis.com", metadata),)


@pytest.mark.parametrize("rpc", FULL_NAMES)
def test_the_full_name_of_an_rpc_is_its_services(rpc: str) -> None:
    """Operations and locations are services of their own; all other RPCs are of the version that was called."""
    assert full_rpc_name(rpc, V2) == FULL_NAMES[rpc]


def test_the_full_name_of_an_rpc_follows_the_version() -> None:
    """A call of v2beta3 is told v2beta3's name."""
    assert full_rpc_name("get_queue", "google.cloud.tasks.v2beta3") == "google.cloud.tasks.v2beta3.CloudTasks.GetQueue"


@each("rpc", NAMED)
@each(
    ("name", "project"),
    [("not-a-valid-name", "not-a-valid-name"), ("folders/f", "folders/f"), ("projects/a b/locations/l", "a b")],
)
def test_a_name_under_no_project_is_no_consumer(rpc: str, name: str, project: str) -> None:
    """The whole name counts as the project where it doesn't begin with one."""
    error = rejected(rpc, Request(name))
    text = f"Permission denied on resource project {project}."
    assert (error.code, error.message) == (Code.PERMISSION_DENIED, text)
    metadata = (
        ("consumer", f"projects/{project}"),
        ("containerInfo", project),
        ("service", "cloudtasks.googleapis.com"),
    )
    assert error.details == (
        ErrorInfo("CONSUMER_INVALID", "googleapis.com", metadata),
        LocalizedMessage("en-US", text),
        Help("Google developers console", "https://console.developers.google.com"),
    )


@pytest.mark.parametrize("name", ["projects/", "projects//locations/l/queues/q"])
def test_a_name_with_an_empty_project_is_no_resource(name: str) -> None:
    """It is as good as none."""
    assert rejected("get_queue", Request(name)).message == "Invalid resource field value in the request."


@each("rpc", LACKING)
@each("change", ["fewer", "more"])
def test_a_name_of_another_shape_lacks_the_permission(rpc: str, change: str) -> None:
    """One segment too few or too many is answered as a missing permission, without details."""
    name = NAMES[RPCS[rpc].shape]
    name = name.rpartition("/")[0] if change == "fewer" else f"{name}/extra"
    if name == "projects":
        return  # that is under no project
    error = rejected(rpc, Request(name))
    expected = PERMISSION_MISSING.error(permission=LACKING[rpc], resource=name)
    assert (error.code, error.message, error.details) == (Code.PERMISSION_DENIED, expected.message, ())


@each("rpc", ["get_cmek_config", "update_cmek_config"])
@each("name", ["projects/p", PLACE, f"{PLACE}/cmekConfigs", f"{PLACE}/cmekConfig/extra"])
def test_a_cmek_config_of_another_shape_has_a_text_of_its_own(rpc: str, name: str) -> None:
    """It is an invalid argument, without details."""
    error = rejected(rpc, Request(name))
    text = 'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".'
    assert (error.code, error.message, error.details) == (Code.INVALID_ARGUMENT, text, ())


def test_each_rpc_is_in_one_of_the_tables() -> None:
    """Every RPC with a name says what a name of another shape lacks, but for those on CMEK configs."""
    assert {*LACKING, "get_cmek_config", "update_cmek_config"} == set(NAMED)


@each("rpc", [rpc for rpc in NAMED if RPCS[rpc].shape in (QUEUE, TASK)])
def test_a_bad_queue_id_is_rejected(rpc: str) -> None:
    """Also in a task's name, and with a link to the definition."""
    name = NAMES[RPCS[rpc].shape].replace("queues/q", "queues/not_valid")
    error = rejected(rpc, Request(name))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, queue_id_text("not_valid"))
    assert error.details == (QUEUE_ID_HELP,)


@each("rpc", [rpc for rpc in NAMED if RPCS[rpc].shape is TASK])
def test_a_bad_task_id_is_rejected(rpc: str) -> None:
    """With a link to the definition."""
    error = rejected(rpc, Request(f"{PLACE}/queues/q/tasks/not valid"))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, task_id_text("not valid"))
    assert error.details == (TASK_ID_HELP,)


@pytest.mark.parametrize("rpc", ["create_queue", "list_queues", "get_location"])
def test_all_locations_are_none(rpc: str) -> None:
    """Other services take "-" for every location; this one rejects it in words of its own."""
    error = rejected(rpc, Request("projects/p/locations/-"))
    text = "Location '-' is not a valid location. Use ListLocations to list valid locations."
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, text)


@each("rpc", NAMED)
def test_a_good_name_is_accepted(rpc: str) -> None:
    """Whether the resource exists is another question."""
    new = f"{PLACE}/queues/q" if rpc == "create_queue" else ""
    check_call(rpc, V2, Request(NAMES[RPCS[rpc].shape], new))


def test_the_parent_comes_before_the_name_of_a_new_queue() -> None:
    """CreateQueue looks at its parent first, then at the queue's name."""
    assert rejected("create_queue", Request("projects/p", "bad")).code is Code.PERMISSION_DENIED
    assert rejected("create_queue", Request(PLACE, "bad")).message == NAME_FORMAT


def test_the_parent_comes_before_the_name_of_a_new_task() -> None:
    """CreateTask looks at its parent first, then at the task's name."""
    bad = f"{PLACE}/queues/q/tasks/not valid"
    assert rejected("create_task", Request(f"{PLACE}/queues/not_valid", bad)).message == queue_id_text("not_valid")
    assert rejected("create_task", Request(f"{PLACE}/queues/q", bad)).message == task_id_text("not valid")


def test_the_id_of_a_buffered_task_is_checked() -> None:
    """BufferTask takes an ID where CreateTask takes a name."""
    request = SimpleNamespace(queue=f"{PLACE}/queues/q", task_id="not valid")
    assert rejected("buffer_task", request).message == task_id_text("not valid")
    request.task_id = ""
    check_call("buffer_task", V2, request)


def test_permission_is_checked_between_shape_and_ids() -> None:
    """A caller without it learns that of a name of the right shape, and nothing of its IDs."""
    seen: list[str] = []

    def refuse(rpc: Rpc, name: str) -> None:
        seen.append(name)
        raise PERMISSION_MISSING.error(permission=rpc.permission, resource=name)

    assert rejected("get_task", Request("t"), authorize=refuse).message == "Permission denied on resource project t."
    assert rejected("get_task", Request("projects/p/t"), authorize=refuse).code is Code.PERMISSION_DENIED
    assert seen == []
    bad = f"{PLACE}/queues/q/tasks/not valid"
    assert "cloudtasks.tasks.get" in rejected("get_task", Request(bad), authorize=refuse).message
    assert seen == [bad]


@pytest.mark.parametrize(
    ("app_id", "text"),
    [
        ("", "Invalid resource field value in the request."),
        ("my project", "Permission denied on resource project my project."),
    ],
)
def test_the_project_of_an_upload_is_checked(app_id: str, text: str) -> None:
    """UploadQueueYaml has the ID of the project alone."""
    assert rejected("upload_queue_yaml", SimpleNamespace(app_id=app_id)).message == text
