"""The REST form of the RPCs: verb and path, and errors as HTTP responses carry them."""

from __future__ import annotations

import io
import json
from typing import Any

from .._messages.grpc_errors import InProcessRpcError
from .._messages.proto import raw

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


def verb_and_path(api: str, rpc: str, request: Any) -> tuple[str, str]:
    """How the REST transport would ask: ``("POST", "/v2/projects/…/tasks")``.

    Raises ValueError, as that transport does, for a name that fits no path.
    """
    from google.api_core import path_template

    verb, template = HTTP_RULES[rpc]
    option = {"method": verb, "uri": f"/{api.rpartition('.')[2]}/{template}"}
    return verb.upper(), path_template.transcode([option], message=raw(request))["uri"]


def http_error(error: InProcessRpcError, verb: str, url: str) -> Exception:
    """Google's exception for an HTTP response that carries ``error`` in Google's JSON form."""
    import requests
    from google.api_core import exceptions

    code = status_code_of(error)
    status: dict[str, Any] = {"code": code, "message": error.details(), "status": error.code().name}
    details = status_details(error)
    if details:
        status["details"] = details
    response = requests.Response()
    response.status_code = code
    response.raw = io.BytesIO(json.dumps({"error": status}).encode())
    response.request = requests.Request(verb, url).prepare()
    return exceptions.from_http_response(response)  # type: ignore[no-any-return]


def status_code_of(error: InProcessRpcError) -> int:
    """The HTTP status of an error.

    UNKNOWN and DATA_LOSS, which have none in the library, are 500. Evidence: documented (google.rpc.Code).
    """
    from google.api_core import exceptions

    return int(exceptions.from_grpc_status(error.code(), error.details()).code or 500)


def status_details(error: InProcessRpcError) -> list[Any]:
    """The error's details, which gRPC sends in binary form, in JSON's."""
    if not error.trailing_metadata():
        return []
    from google.protobuf import json_format
    from google.rpc import error_details_pb2, status_pb2

    ((_, value),) = error.trailing_metadata()
    # JSON needs the types that the details are of: the pool has them once their module is imported.
    pool = error_details_pb2.DESCRIPTOR.pool
    status = status_pb2.Status.FromString(value)
    return [json_format.MessageToDict(detail, descriptor_pool=pool) for detail in status.details]
