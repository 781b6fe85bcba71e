"""The RPCs of each API version that the installed library has messages for: their messages and paths."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from .api_versions import TYPES, speaking
from .backported_types import buffer_messages
from .proto import proto_class
from .rpc_call import rpc_of
from .versioned_rpcs import NOT_SERVED

_IAM = "google.iam.v1.iam_policy_pb2"
_OPERATIONS = ("google.longrunning", "Operations", "google.longrunning.operations_pb2")
_LOCATIONS = ("google.cloud.location", "Locations", "google.cloud.location.locations_pb2")
_OF_OTHERS = {
    "get_operation": _OPERATIONS,
    "get_location": _LOCATIONS,
    "list_locations": _LOCATIONS,
    **dict.fromkeys(NOT_SERVED, _OPERATIONS),
}
"""RPCs of services of their own, which are one for all versions: package, service, and where their messages are."""


class Method(NamedTuple):
    """An RPC of a version."""

    api: str
    """Its package: ``google.cloud.tasks.v2``."""
    rpc: str
    """By the client's name: ``create_task``."""
    path: str
    """What gRPC calls it: ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
    request: Any
    """The class of its request, the library's own, which may wrap protobuf's."""

    @property
    def request_class(self) -> Any:
        """Protobuf's class of its request."""
        return proto_class(self.request)


@cache
def methods_of(api: str) -> dict[str, Method]:
    """The RPCs of a version that the installed library has messages for, by the client's names."""
    types = speaking(api).messages.types
    found = {}
    for rpc in (*sorted(speaking(api).rpcs), *NOT_SERVED):
        package, service, module = _OF_OTHERS.get(rpc, (api, "CloudTasks", ""))
        name = "".join(word.capitalize() for word in rpc.split("_"))
        home = import_module(module or _IAM) if module or _is_iam(rpc) else types
        request = buffer_messages(types).request if rpc == "buffer_task" else getattr(home, f"{name}Request", None)
        if request is not None:
            found[rpc] = Method(package, rpc, f"/{package}.{service}/{name}", request)
    return found


@cache
def method_at(path: str) -> Method | None:
    """The RPC that gRPC calls by this path; None if there is none."""
    _, rpc = rpc_of(path)
    for api in TYPES:
        method = methods_of(api).get(rpc)
        if method is not None and method.path == path:
            return method
    return None


def _is_iam(rpc: str) -> bool:
    return "_iam_" in rpc
