"""Default retries and time-outs of 1.x, in the form of its ``client_config``.

Evidence: documented (google-cloud-tasks 1.5.0, ``tasks_v2/gapic/cloud_tasks_client_config.py``). Its
``timeout_millis`` is left out: google.api_core reads it only of methods that have no retry parameters.
"""

from __future__ import annotations

from typing import Any

from .transport import METHODS

INTERFACE = "google.cloud.tasks.v2.CloudTasks"
_IDEMPOTENT = frozenset(
    {
        "list_queues",
        "get_queue",
        "delete_queue",
        "get_iam_policy",
        "test_iam_permissions",
        "list_tasks",
        "get_task",
        "delete_task",
    }
)


def _method(rpc: str) -> dict[str, str]:
    codes = "idempotent" if rpc in _IDEMPOTENT else "non_idempotent"
    return {"retry_codes_name": codes, "retry_params_name": "default"}


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
            "methods": {name: _method(rpc) for rpc, (name, _) in METHODS.items()},
        }
    }
}
"""What ``client_config`` is where none is given."""
