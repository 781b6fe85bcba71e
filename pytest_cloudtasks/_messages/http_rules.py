"""Verb, path and body of each RPC over REST."""

from __future__ import annotations

_LOCATION = "projects/*/locations/*"
_QUEUE = f"{_LOCATION}/queues/*"
_TASK = f"{_QUEUE}/tasks/*"

HTTP_RULES: dict[str, tuple[str, str]] = {
    "create_queue": ("post", f"{{parent={_LOCATION}}}/queues"),
    "get_queue": ("get", f"{{name={_QUEUE}}}"),
    "list_queues": ("get", f"{{parent={_LOCATION}}}/queues"),
    "update_queue": ("patch", f"{{queue.name={_QUEUE}}}"),
    "delete_queue": ("delete", f"{{name={_QUEUE}}}"),
    "purge_queue": ("post", f"{{name={_QUEUE}}}:purge"),
    "pause_queue": ("post", f"{{name={_QUEUE}}}:pause"),
    "resume_queue": ("post", f"{{name={_QUEUE}}}:resume"),
    "get_iam_policy": ("post", f"{{resource={_QUEUE}}}:getIamPolicy"),
    "set_iam_policy": ("post", f"{{resource={_QUEUE}}}:setIamPolicy"),
    "test_iam_permissions": ("post", f"{{resource={_QUEUE}}}:testIamPermissions"),
    "create_task": ("post", f"{{parent={_QUEUE}}}/tasks"),
    "get_task": ("get", f"{{name={_TASK}}}"),
    "list_tasks": ("get", f"{{parent={_QUEUE}}}/tasks"),
    "delete_task": ("delete", f"{{name={_TASK}}}"),
    "run_task": ("post", f"{{name={_TASK}}}:run"),
    "lease_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:lease"),
    "acknowledge_task": ("post", f"{{name={_TASK}}}:acknowledge"),
    "renew_lease": ("post", f"{{name={_TASK}}}:renewLease"),
    "cancel_lease": ("post", f"{{name={_TASK}}}:cancelLease"),
    "batch_create_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:batchCreate"),
    "batch_delete_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:batchDelete"),
    "buffer_task": ("post", f"{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer"),
    "get_operation": ("get", f"{{name={_LOCATION}/operations/*}}"),
    "get_location": ("get", f"{{name={_LOCATION}}}"),
    "list_locations": ("get", "{name=projects/*}/locations"),
    "get_cmek_config": ("get", f"{{name={_LOCATION}/cmekConfig}}"),
    "update_cmek_config": ("patch", f"{{cmek_config.name={_LOCATION}/cmekConfig}}"),
}
"""RPC to HTTP verb and path template. Evidence: documented (the google.api.http annotations)."""

BODIES = {
    "create_queue": "queue",
    "update_queue": "queue",
    "update_cmek_config": "cmek_config",
    "upload_queue_yaml": "http_body",
}
"""The field that is the body of a request; of other POST requests the body is all of the message.

Evidence: documented (the google.api.http annotations), as are verbs and paths.
"""

SECOND_PATHS = (
    ("buffer_task", "post", "/{version}/{{queue=projects/*/locations/*/queues/*}}/tasks:buffer"),
    ("buffer_task", "post", "/{version}/{{queue=projects/*/locations/*/queues/*}}/tasks/:buffer"),
    ("upload_queue_yaml", "post", "/api/queue/update"),
)
"""Paths that the library's transport doesn't know: two for tasks without an ID, and one without a version.

Evidence: documented; of the one with an empty ID reported, since ``gcloud tasks buffer`` and discovery clients send it.
"""
