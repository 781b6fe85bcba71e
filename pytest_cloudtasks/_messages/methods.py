"""The RPCs of each API version that the installed library has messages for, with paths and routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

from .api_versions import TYPES, speaking
from .backported_types import buffer_messages
from .proto import proto_class
from .rest_http import BODIES, HTTP_RULES, SECOND_PATHS
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
"""RPCs of other services that all versions share: package, service, and where their messages are."""

_EMPTY = ("google.protobuf.empty_pb2", "Empty")
_OPERATION = ("google.longrunning.operations_pb2", "Operation")
_POLICY = ("google.iam.v1.policy_pb2", "Policy")
_RESPONSES_OF_OTHERS = {
    "delete_queue": _EMPTY,
    "delete_task": _EMPTY,
    "acknowledge_task": _EMPTY,
    "upload_queue_yaml": _EMPTY,
    "batch_create_tasks": _OPERATION,
    "batch_delete_tasks": _OPERATION,
    "get_operation": _OPERATION,
    "get_iam_policy": _POLICY,
    "set_iam_policy": _POLICY,
    "test_iam_permissions": (_IAM, "TestIamPermissionsResponse"),
    "get_location": (_LOCATIONS[2], "Location"),
    "list_locations": (_LOCATIONS[2], "ListLocationsResponse"),
}
"""Responses that aren't messages of Cloud Tasks: module and name."""


class Method(NamedTuple):
    """An RPC of one API version."""

    api: str
    """The package: ``google.cloud.tasks.v2``."""
    rpc: str
    """The client's name of the RPC: ``create_task``."""
    path: str
    """The path of gRPC: ``/google.cloud.tasks.v2.CloudTasks/CreateTask``."""
    request: Any
    """The library's class of the request, which may wrap protobuf's."""

    @property
    def request_class(self) -> Any:
        """Protobuf's class of the request."""
        return proto_class(self.request)

    @property
    def response_class(self) -> Any:
        """Protobuf's class of the response."""
        if self.rpc in _RESPONSES_OF_OTHERS:
            module, name = _RESPONSES_OF_OTHERS[self.rpc]
            return getattr(import_module(module), name)
        types = speaking(self.api).messages.types
        if self.rpc == "buffer_task":
            return buffer_messages(types).response
        resource = {"queue": "Queue", "config": "CmekConfig"}.get(self.rpc.rpartition("_")[2], "Task")
        return proto_class(getattr(types, f"{_camel(self.rpc)}Response", None) or getattr(types, resource))


@cache
def methods_of(api: str) -> dict[str, Method]:
    """Return the RPCs of a version that the installed library has messages for, by the client's names."""
    types = speaking(api).messages.types
    methods = {}
    for rpc in (*sorted(speaking(api).rpcs), *NOT_SERVED):
        package, service, module = _OF_OTHERS.get(rpc, (api, "CloudTasks", ""))
        name = _camel(rpc)
        home = import_module(module or _IAM) if module or _is_iam(rpc) else types
        request = buffer_messages(types).request if rpc == "buffer_task" else getattr(home, f"{name}Request", None)
        if request is not None:
            methods[rpc] = Method(package, rpc, f"/{package}.{service}/{name}", request)
    return methods


@cache
def method_at(path: str) -> Method | None:
    """Return the RPC with this gRPC path, or None."""
    _, rpc = rpc_of(path)
    for api in TYPES:
        method = methods_of(api).get(rpc)
        if method is not None and method.path == path:
            return method
    return None


def _camel(rpc: str) -> str:
    return "".join(word.capitalize() for word in rpc.split("_"))


def _is_iam(rpc: str) -> bool:
    return "_iam_" in rpc


class Route(NamedTuple):
    """The RPC of a REST path."""

    method: Method
    values: Mapping[str, str]
    """The fields that the path sets."""
    body: str | None
    """The field that the body sets; "*" for the whole request, None if the query sets the other fields."""
    is_firebase: bool
    """Whether the path has no version, as those of Firebase's Admin SDKs."""


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    fields: tuple[str, ...]
    verb: str
    method: Method
    is_firebase: bool

    @property
    def body(self) -> str | None:
        return BODIES.get(self.method.rpc, "*" if self.verb == "POST" else None)


def route_of(verb: str, path: str) -> Route | None:
    """Return the RPC of a request by its unmodified ``path``; None for an unknown path.

    Names may be percent-encoded in whole or in part; no ID has a character that this could change. A colon followed by
    the custom verb of any RPC does not belong to a name. Evidence: recorded (rest-11).
    """
    name, colon, custom_verb = path.rpartition(":")
    if not colon or custom_verb not in _custom_verbs():
        name, custom_verb = path, ""
    plain = unquote(name)
    for rule in _rules().get((verb, custom_verb), ()):
        if match := rule.pattern.fullmatch(plain):
            values = dict(zip(rule.fields, match.groups(), strict=True))
            return Route(rule.method, values, rule.body, rule.is_firebase)
    return None


@cache
def _custom_verbs() -> frozenset[str]:
    return frozenset(custom_verb for _, custom_verb in _rules()) - {""}


@cache
def _rules() -> dict[tuple[str, str], list[_Rule]]:
    """Return the rules of all versions, and of paths without a version, by verb and custom verb.

    A custom verb is what follows the path's last colon, such as ``pause``; "" without one.
    """
    rules: dict[tuple[str, str], list[_Rule]] = {}
    for api in TYPES:
        version, methods = api.rpartition(".")[2], methods_of(api)
        paths = [(rpc, verb, f"/{version}/{template}", False) for rpc, (verb, template) in HTTP_RULES.items()]
        paths += [(rpc, verb, template.format(version=version), False) for rpc, verb, template in SECOND_PATHS]
        if version == "v2":
            paths += [(rpc, verb, f"/{template}", True) for rpc, (verb, template) in HTTP_RULES.items()]
        for rpc, verb, template, is_firebase in paths:
            if rpc in methods:
                path, _, custom_verb = template.partition(":")
                rule = _Rule(*_compiled(path), verb.upper(), methods[rpc], is_firebase)
                rules.setdefault((rule.verb, custom_verb), []).append(rule)
    return rules


def _compiled(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return a template as a regular expression with a group for each field, and its fields."""
    pattern, fields = "", []
    for literal, field, segments in re.findall(r"([^{]+)|\{([^=}]+)=([^}]+)\}", template):
        if field:
            fields.append(field)
            pattern += f"({segments.replace('*', '[^/]+')})"
        else:
            pattern += re.escape(literal)
    return re.compile(pattern), tuple(fields)
