"""Strategies for every public message type: a public strategy if there is one, or else one by the type's descriptor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._messages.proto import PACKAGE, built, is_repeated, proto_class, wrapped
from .._service.pull_queues import MAX_TASKS
from . import names as naming
from . import queues, requests, tasks
from .field_defaults import durations
from .versions import Version

_OWN: Mapping[str, Callable[..., SearchStrategy[Any]]] = {
    "Task": tasks.tasks,
    "HttpRequest": requests.http_requests,
    "AppEngineHttpRequest": requests.app_engine_http_requests,
    "Queue": queues.queues,
    "RateLimits": queues.rate_limits,
    "RetryConfig": queues.retry_configs,
    "CreateTaskRequest": tasks.create_task_requests,
}
_QUEUE_NAMES = naming.resource_names(of="queue")
_TASK_NAMES = naming.resource_names(of="task")
_LOCATION_NAMES = naming.resource_names(of="location")
_OF_QUEUES = ("GetQueueRequest", "DeleteQueueRequest", "PurgeQueueRequest", "PauseQueueRequest", "ResumeQueueRequest")
_OF_LOCATIONS = ("CreateQueueRequest", "ListQueuesRequest")
_LEAVES_OUT = frozenset({"filter", "page_token", "next_page_token", "read_mask", "update_mask", "request_id"})
"""Texts with a grammar of their own, which most callers leave unset."""
_OF_LEASES: Mapping[str, SearchStrategy[Any]] = {
    "max_tasks": st.integers(1, MAX_TASKS),
    "lease_duration": durations(timedelta(0), timedelta(days=7)),
}
"""Fields that a LeaseTasksRequest and a RenewLeaseRequest need, within the limits."""
_SCALARS: Mapping[type, SearchStrategy[Any]] = {
    str: st.text(max_size=16),
    bytes: st.binary(max_size=16),
    bool: st.booleans(),
    int: st.integers(0, 1000),
    float: st.floats(0, 1),
}
_instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=timezone.utc))


def messages_of_type(kind: Any) -> SearchStrategy[Any]:
    """Draw messages of the library's class ``kind``."""
    descriptor = proto_class(kind).DESCRIPTOR
    version = cast(Version, descriptor.full_name.removeprefix(PACKAGE).partition(".")[0])
    own = _OWN.get(descriptor.name)
    if own is not None:
        return own(version=version)
    if descriptor.name == "PullMessage" and version == requests.PULLING:
        return requests.pull_messages()
    fields = _fields(descriptor, version)
    return fields.map(lambda fields: wrapped(kind, built(kind, fields)))


def _fields(descriptor: Any, version: Version) -> SearchStrategy[dict[str, Any]]:
    """Draw some of a message's fields, at most one of each oneof. Shrinks to the required fields, such as names."""
    own = _OWN.get(descriptor.name)
    if own is not None and descriptor.full_name.startswith(PACKAGE):
        return cast("SearchStrategy[dict[str, Any]]", own(version=version, as_dict=True))
    names, others = {}, {}
    for field in descriptor.fields:
        if field.name in ("name", "parent", "names"):
            names[field.name] = _named(descriptor, field)
        elif field.name in _OF_LEASES:
            names[field.name] = _OF_LEASES[field.name]
        elif field.name not in _LEAVES_OUT:
            others[field.name] = _values(field, version)
    rivals = [[field.name for field in oneof.fields] for oneof in descriptor.oneofs]
    return st.fixed_dictionaries(names, optional=others).map(lambda fields: _one_of_each(fields, rivals))


def _one_of_each(fields: dict[str, Any], rivals: list[list[str]]) -> dict[str, Any]:
    for group in rivals:
        for name in [name for name in group if name in fields][1:]:
            del fields[name]
    return fields


def _named(descriptor: Any, field: Any) -> SearchStrategy[Any]:
    if field.name == "names":
        return st.lists(_TASK_NAMES, min_size=1, max_size=3)
    if descriptor.name in _OF_QUEUES or (field.name == "parent" and descriptor.name not in _OF_LOCATIONS):
        return _QUEUE_NAMES
    if descriptor.name in _OF_LOCATIONS:
        return _LOCATION_NAMES
    return _LOCATION_NAMES.map("{}/cmekConfig".format) if "Cmek" in descriptor.name else _TASK_NAMES


def _values(field: Any, version: Version) -> SearchStrategy[Any]:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        entry = kind.fields_by_name
        if entry["value"].message_type is None:
            return requests.headers.map(dict)
        return st.dictionaries(_one_value(entry["key"], version), _one_value(entry["value"], version), max_size=2)
    one = _one_value(field, version)
    return st.lists(one, max_size=2) if is_repeated(field) else one


def _one_value(field: Any, version: Version) -> SearchStrategy[Any]:
    kind = field.message_type
    if kind is not None:
        if kind.full_name == "google.protobuf.Timestamp":
            return _instants
        if kind.full_name == "google.protobuf.Duration":
            return durations(timedelta(0), timedelta(days=7))
        return _fields(kind, version) if kind.full_name.startswith(PACKAGE) else st.just({})
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return _SCALARS[type(field.default_value)]
