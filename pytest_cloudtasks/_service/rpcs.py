"""The RPCs, and what the service checks of a call before it carries it out.

The checks come in this order:

1. the project that the resource's name begins with;
2. the shape of the name: another one is answered as a missing permission;
3. the caller's permission, with the option ``iam_emulation``;
4. the IDs in the name;
5. the name of what is to be created;
6. the paths of UpdateQueue's mask;
7. whether the resource exists;
8. all other fields.

`check` makes the first five by the table `RPCS`; nothing else looks at the name of a resource. The methods of `Service`
go on with the others and raise what the table says of unknown queues and tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from . import errors
from .resource_names import (
    CMEK_CONFIG,
    LOCATION,
    OPERATION,
    PROJECT,
    QUEUE,
    TASK,
    Shape,
    check_new_queue,
    check_new_task,
    check_project,
)

_OPERATIONS = "google.longrunning.Operations"
_LOCATIONS = "google.cloud.location.Locations"
_QUEUE_MISSING = errors.QUEUE_MISSING
_ENTITY_MISSING = errors.ENTITY_MISSING


@dataclass(frozen=True, eq=False)
class Rpc:
    """What the service knows of an RPC."""

    name_of: Callable[[Any], str]
    """Return the resource's name from a request: the field that has it."""
    shape: Shape
    """The shape of the resource's name."""
    permission: str = ""
    """What the caller needs; "" for nothing that is known."""
    unknown: errors.Refusal = _ENTITY_MISSING
    """The error for a resource that doesn't exist."""
    unknown_queue: errors.Refusal = _QUEUE_MISSING
    """The error for a task whose queue doesn't exist."""
    lacks: str = ""
    """The permission that a name of another shape is said to lack, where it isn't the one that the caller needs."""
    misshapen: errors.Refusal = errors.PERMISSION_MISSING
    """The error for a name of another shape."""
    new_name_of: Callable[[Any], str] | None = None
    """Return the name of what is to be created."""
    check_new: Callable[[str, str], None] = check_new_task
    """Raise ServiceError for a new name that can't be one under the resource."""
    limits_wait: bool = False
    """Whether a caller may wait for 30 seconds at the most. Evidence: reported."""
    api_service: str = ""
    """The API's service in which the RPC is, where it isn't CloudTasks of the version that was called."""

    def check_shape(self, name: str) -> None:
        """Raise ServiceError for a name that has another shape than the resource's."""
        if not self.shape.fits(name):
            raise self.misshapen.error(permission=self.lacks or self.permission, resource=name)


def _rpcs() -> dict[str, Rpc]:
    name, parent, resource, queue = map(attrgetter, ("name", "parent", "resource", "queue"))
    in_queue_message, in_config = attrgetter("queue.name"), attrgetter("cmek_config.name")
    cmek = errors.CMEK_NAME_FORMAT
    listing = "cloudtasks.queues.list"
    return {
        "create_queue": Rpc(
            parent, LOCATION, "cloudtasks.queues.create", new_name_of=in_queue_message, check_new=check_new_queue
        ),
        "list_queues": Rpc(parent, LOCATION, listing),
        "update_queue": Rpc(in_queue_message, QUEUE, "cloudtasks.queues.update"),
        "get_queue": Rpc(name, QUEUE, "cloudtasks.queues.get", _QUEUE_MISSING, limits_wait=True),
        "delete_queue": Rpc(name, QUEUE, "cloudtasks.queues.delete", _ENTITY_MISSING),
        "purge_queue": Rpc(name, QUEUE, "cloudtasks.queues.purge", _QUEUE_MISSING),
        "pause_queue": Rpc(name, QUEUE, "cloudtasks.queues.pause", _QUEUE_MISSING),
        "resume_queue": Rpc(name, QUEUE, "cloudtasks.queues.resume", _QUEUE_MISSING),
        "get_iam_policy": Rpc(resource, QUEUE, "cloudtasks.queues.getIamPolicy", _QUEUE_MISSING, lacks=listing),
        "set_iam_policy": Rpc(resource, QUEUE, "cloudtasks.queues.setIamPolicy", _QUEUE_MISSING, lacks=listing),
        "test_iam_permissions": Rpc(resource, QUEUE, "", _QUEUE_MISSING, lacks=listing),
        "create_task": Rpc(
            parent,
            QUEUE,
            "cloudtasks.tasks.create",
            _QUEUE_MISSING,
            new_name_of=attrgetter("task.name"),
            limits_wait=True,
        ),
        "buffer_task": Rpc(
            queue, QUEUE, "cloudtasks.tasks.create", _QUEUE_MISSING, new_name_of=_buffered_name, limits_wait=True
        ),
        "list_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.list", _QUEUE_MISSING),
        "get_task": Rpc(name, TASK, "cloudtasks.tasks.get", _ENTITY_MISSING, _ENTITY_MISSING),
        "delete_task": Rpc(name, TASK, "cloudtasks.tasks.delete", _ENTITY_MISSING, _ENTITY_MISSING),
        "run_task": Rpc(name, TASK, "cloudtasks.tasks.run", _ENTITY_MISSING, _QUEUE_MISSING),
        "batch_create_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.create", _QUEUE_MISSING, limits_wait=True),
        "batch_delete_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.delete", _ENTITY_MISSING, limits_wait=True),
        "get_operation": Rpc(name, OPERATION, "cloudtasks.operations.get", api_service=_OPERATIONS),
        "get_location": Rpc(name, LOCATION, "cloudtasks.locations.get", api_service=_LOCATIONS),
        "list_locations": Rpc(name, PROJECT, "cloudtasks.locations.list", api_service=_LOCATIONS),
        "get_cmek_config": Rpc(name, CMEK_CONFIG, "cloudtasks.cmekConfig.get", misshapen=cmek),
        "update_cmek_config": Rpc(in_config, CMEK_CONFIG, "cloudtasks.cmekConfig.update", misshapen=cmek),
        "lease_tasks": Rpc(parent, QUEUE, "", _QUEUE_MISSING, lacks="cloudtasks.tasks.lease"),
        "acknowledge_task": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.acknowledge"),
        "renew_lease": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.renewLease"),
        "cancel_lease": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.cancelLease"),
        "upload_queue_yaml": Rpc(_project_of_app, PROJECT, "", lacks="cloudtasks.queues.create"),
    }


def _buffered_name(request: Any) -> str:
    return f"{request.queue}/tasks/{request.task_id}" if request.task_id else ""


def _project_of_app(request: Any) -> str:
    return f"projects/{request.app_id}"


RPCS: Mapping[str, Rpc] = _rpcs()
"""The RPCs by the names of Google's Python client: where the resource's name is, its shape, the permission that is
needed, and the errors for an unknown resource and for an unknown queue of a task."""


def check(rpc_name: str, api: str, request: Any, authorize: Callable[[Rpc, str], None] | None = None) -> None:
    """Make the checks 1 to 5 of a call, and raise ServiceError where one fails.

    Args:
        rpc_name: The RPC by its name in `RPCS`.
        api: The package of the API that was called, such as ``google.cloud.tasks.v2``.
        request: The request's message.
        authorize: Raises ServiceError if the caller lacks a permission; called with the RPC and the resource's name.
    """
    rpc = RPCS[rpc_name]
    name = rpc.name_of(request)
    if authorize is not None or not _is_good(rpc, name):
        check_project(name, full_name(rpc_name, api))
        rpc.check_shape(name)
        if authorize is not None:
            authorize(rpc, name)
        rpc.shape.check_ids(name)
    if rpc.new_name_of is not None:
        rpc.check_new(rpc.new_name_of(request), name)


@lru_cache(maxsize=1024)
def _is_good(rpc: Rpc, name: str) -> bool:
    """Return whether nothing is wrong with ``name``: most calls are about few names, again and again."""
    try:
        rpc.check_shape(name)
        rpc.shape.check_ids(name)
    except errors.ServiceError:
        return False
    return True


def full_name(rpc_name: str, api: str) -> str:
    """Return the name of an RPC as the API's ErrorInfo has it: ``google.cloud.tasks.v2.CloudTasks.GetQueue``."""
    method = "".join(word.capitalize() for word in rpc_name.split("_"))
    return f"{RPCS[rpc_name].api_service or f'{api}.CloudTasks'}.{method}"
