"""The RPCs of 1.x: the parameters and default retries of its client's methods.

Evidence: documented (google-cloud-tasks 1.5.0).
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Rpc(NamedTuple):
    """A method of the client.

    Its request is the message ``<name>Request`` with the parameters as fields. ``retry``, ``timeout`` and ``metadata``
    follow after the parameters.
    """

    name: str
    """The RPC's name on the wire."""
    response: str
    """The response's message."""
    required: tuple[str, ...]
    """The parameters without a default. A field's name may have an underscore appended."""
    optional: tuple[str, ...] = ()
    """The parameters that are None by default."""
    is_retried: bool = False
    """Whether the default policy repeats the call when the service is unavailable or late."""
    items: str = ""
    """The list's field; the method returns an iterator over all pages."""


RPCS = {
    "list_queues": Rpc(
        "ListQueues", "ListQueuesResponse", ("parent",), ("filter_", "page_size"), is_retried=True, items="queues"
    ),
    "get_queue": Rpc("GetQueue", "Queue", ("name",), is_retried=True),
    "create_queue": Rpc("CreateQueue", "Queue", ("parent", "queue")),
    "update_queue": Rpc("UpdateQueue", "Queue", ("queue",), ("update_mask",)),
    "delete_queue": Rpc("DeleteQueue", "Empty", ("name",), is_retried=True),
    "purge_queue": Rpc("PurgeQueue", "Queue", ("name",)),
    "pause_queue": Rpc("PauseQueue", "Queue", ("name",)),
    "resume_queue": Rpc("ResumeQueue", "Queue", ("name",)),
    "get_iam_policy": Rpc("GetIamPolicy", "Policy", ("resource",), ("options_",), is_retried=True),
    "set_iam_policy": Rpc("SetIamPolicy", "Policy", ("resource", "policy")),
    "test_iam_permissions": Rpc(
        "TestIamPermissions", "TestIamPermissionsResponse", ("resource", "permissions"), is_retried=True
    ),
    "list_tasks": Rpc(
        "ListTasks", "ListTasksResponse", ("parent",), ("response_view", "page_size"), is_retried=True, items="tasks"
    ),
    "get_task": Rpc("GetTask", "Task", ("name",), ("response_view",), is_retried=True),
    "create_task": Rpc("CreateTask", "Task", ("parent", "task"), ("response_view",)),
    "delete_task": Rpc("DeleteTask", "Empty", ("name",), is_retried=True),
    "run_task": Rpc("RunTask", "Task", ("name",), ("response_view",)),
}

INTERFACE = "google.cloud.tasks.v2.CloudTasks"
CLIENT_CONFIG: dict[str, Any] = {
    "interfaces": {
        INTERFACE: {
            "retry_codes": {"idempotent": ["DEADLINE_EXCEEDED", "UNAVAILABLE"], "non_idempotent": []},
            "retry_params": {
                "default": {
                    "initial_retry_delay_millis": 100,
                    "retry_delay_multiplier": 1.3,
                    "max_retry_delay_millis": 60_000,
                    "initial_rpc_timeout_millis": 20_000,
                    "rpc_timeout_multiplier": 1.0,
                    "max_rpc_timeout_millis": 20_000,
                    "total_timeout_millis": 600_000,
                }
            },
            "methods": {
                rpc.name: {
                    "retry_codes_name": "idempotent" if rpc.is_retried else "non_idempotent",
                    "retry_params_name": "default",
                }
                for rpc in RPCS.values()
            },
        }
    }
}
"""Default retries and time-outs, which the client's ``client_config`` replaces.

``timeout_millis`` is left out: google.api_core reads it only of methods that have no retry parameters.
"""
