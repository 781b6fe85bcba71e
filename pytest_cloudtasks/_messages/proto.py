"""Messages of protobuf and of the installed library, their fields, and the values in these.

Since 2.0 the library wraps protobuf's messages in proto-plus. Before, its messages were protobuf's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from .._arguments import is_whole
from .._text import did_you_mean, is_encodable, listed, safe_repr, safe_str
from .._units import SECOND

PACKAGE = "google.cloud.tasks."
"""The package of Google's messages for tasks."""


def proto_class(kind: Any) -> Any:
    """Return protobuf's class for one of the library's."""
    return kind.pb(None) if hasattr(kind, "pb") else kind


def proto_of(message: Any) -> Any:
    """Return protobuf's message within one of the library's: the same message, not a copy."""
    return getattr(message, "_pb", message)


def is_message(value: object) -> bool:
    """Return whether ``value`` is one of Google's messages for tasks, wrapped or not. Read none of its attributes."""
    return is_message_of_tasks(_described(type(value)))


def protos_within(value: Any) -> Any:
    """Return ``value`` with protobuf's messages in place of the library's, at any depth of dicts and lists."""
    if isinstance(value, Mapping):
        return {key: protos_within(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [protos_within(item) for item in value]
    return proto_of(value)


def parsed_as(kind: Any, content: bytes) -> Any:
    """Return the message of ``kind``, the library's or protobuf's, whose bytes are ``content``."""
    return wrapped(kind, proto_class(kind).FromString(content))


def wrapped(kind: Any, message: Any) -> Any:
    """Return protobuf's message, wrapped as the library's ``kind``."""
    return kind.wrap(message) if hasattr(kind, "wrap") else message


def wrapper_of(kind: Any) -> Callable[[Any], Any]:
    """Return a function that wraps protobuf's messages as the library's ``kind``."""
    return kind.wrap if hasattr(kind, "wrap") else lambda message: message


def built(kind: Any, fields: Mapping[str, Any]) -> Any:
    """Return protobuf's message for ``fields`` in any form that the current library accepts.

    Messages of an older library are protobuf's, which accept neither datetimes nor texts for durations.
    """
    if hasattr(kind, "pb"):
        return kind(fields)._pb
    return kind(**_as_protobuf_takes(kind.DESCRIPTOR, fields))


def _as_protobuf_takes(descriptor: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    known = descriptor.fields_by_name
    return {name: _value(known[name], value) if name in known else value for name, value in fields.items()}


def _value(field: Any, value: Any) -> Any:
    kind = field.message_type
    if kind is None or hasattr(value, "DESCRIPTOR"):
        return value
    if isinstance(value, Mapping) and not kind.GetOptions().map_entry:
        return _as_protobuf_takes(kind, value)
    if isinstance(value, (str, timedelta, datetime)):
        return _well_known(kind.full_name, value)
    return value


def _well_known(name: str, value: str | timedelta | datetime) -> Any:
    """Return a Duration or a Timestamp. Return any other value unchanged, so that protobuf rejects it."""
    from google.protobuf import duration_pb2, timestamp_pb2  # loads protobuf, which is_message() must not do

    kinds = {"google.protobuf.Duration": duration_pb2.Duration, "google.protobuf.Timestamp": timestamp_pb2.Timestamp}
    if name not in kinds:
        return value
    message = kinds[name]()
    if isinstance(value, str):
        message.FromJsonString(value)
    elif isinstance(value, timedelta):
        message.FromTimedelta(value)
    else:
        message.FromDatetime(value)
    return message


def is_message_type(kind: object) -> bool:
    """Return whether ``kind`` is a class of Google's messages for tasks. Read no attribute of another class."""
    if not isinstance(kind, type):
        return False
    described = _described(kind)
    return is_message_of_tasks(described) and hasattr(described, "fields")


def _described(kind: type) -> Any:
    """Return the descriptor of a class of messages, by protobuf or proto-plus; None for another class."""
    return getattr(kind, "DESCRIPTOR", None) or getattr(kind, "meta", None)


def is_message_of_tasks(described: Any) -> bool:
    name = getattr(described, "full_name", None)
    return isinstance(name, str) and name.startswith(PACKAGE)


def plain(message: Any) -> Any:
    """Return the set fields of a message as a dict, with durations as nanoseconds."""
    kind = message.DESCRIPTOR.full_name if hasattr(message, "DESCRIPTOR") else None
    if kind is None:
        return message
    if kind in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        return nanoseconds(message)
    return {field.name: plain(value) for field, value in message.ListFields()}


def fields_set_in(message: Any) -> dict[str, Any]:
    """Return the fields that one of Google's messages has set, as protobuf's values."""
    return {field.name: value for field, value in proto_of(message).ListFields()}


def is_repeated(field: Any) -> bool:
    """Return whether a field is a list. Newer releases of protobuf warn of ``label``."""
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if repeated is None else repeated)


def nanoseconds(message: Any) -> int:
    """Return a Timestamp or a Duration as an integer of nanoseconds."""
    return message.seconds * SECOND + message.nanos  # type: ignore[no-any-return]


def set_instant(message: Any, nanoseconds: int) -> None:
    """Set a Timestamp or a non-negative Duration."""
    message.seconds, message.nanos = divmod(nanoseconds, SECOND)
    if not nanoseconds:
        message.SetInParent()  # marks a duration of zero as set


SYNONYMS = {
    "body": "payload",
    "dispatch_count": "attempt_dispatch_count",
    "first_attempt": "first_attempt_status",
    "last_attempt": "last_attempt_status",
    "max_concurrent_dispatches": "max_concurrent_tasks",
    "max_dispatches_per_second": "max_tasks_dispatched_per_second",
    "relative_uri": "relative_url",
    "response_count": "attempt_response_count",
    "type": "type_",
}
"""Names of v2 (or v2-like names), and the names that other versions have instead."""
OURS = {theirs: ours for ours, theirs in SYNONYMS.items()}
"""The inverse of `SYNONYMS`."""
ROUTING_WITHIN = ("app_engine_http_queue", "app_engine_http_target")
"""The fields in which v2beta3 and v2beta2 keep a queue's app_engine_routing_override."""


def field_name(descriptor: Any, name: str) -> str:
    """Return a message's name for the field that v2 calls ``name``; "" if it has none."""
    return next(
        (candidate for candidate in (name, SYNONYMS.get(name, "")) if candidate in descriptor.fields_by_name), ""
    )


def camel_case(name: str) -> str:
    """Return a field's name as Google's error texts write it: ``maxAttempts``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


# --- fields that a message can't have ------------------------------------------------------------------------------

_DURATION = "google.protobuf.Duration"
_INSTANT = "google.protobuf.Timestamp"
_WELL_KNOWN = {
    _DURATION: 'a timedelta or a text such as "10s"',
    _INSTANT: 'an aware datetime or a text such as "2030-01-01T00:00:00Z"',
}
_NOT_OFFERED = ("name", "purge_time", "stats")
"""Fields of a Queue that are set in other ways, or only by the service."""
Takes = Callable[[Any], bool]
"""Whether the library accepts a value for the field."""


def built_queue(kind: Any, fields: Mapping[str, Any], name: str) -> Any:
    """Return protobuf's message of the queue ``name``, of the library's ``kind``.

    Raises ValueError, or TypeError for a value of a wrong class, with a sentence about the first wrong field.
    """
    try:
        return built(kind, {**fields, "name": name})
    except Exception as error:  # an error from within the library, or from a value's repr
        mistake = mistake_in(kind, fields) or f"{safe_str(error)}."
        raise (TypeError if isinstance(error, TypeError) else ValueError)(mistake) from None


def mistake_in(kind: Any, fields: Mapping[Any, Any], names: Mapping[str, str] | None = None) -> str:
    """Return a sentence about the first of ``fields`` that the message ``kind`` can't have; "" if there is none.

    A naive datetime is wrong, too: Google's library takes it for local time, so the test would mean another instant
    elsewhere. ``names`` maps names of the message to those to show in their place.
    """
    takes_all = _builds(kind, fields)
    walk = _Walk(names or {})
    return walk.fields(proto_class(kind).DESCRIPTOR, fields, "", lambda value: takes_all or _builds(kind, value))


def _builds(kind: Any, fields: Mapping[str, Any]) -> bool:
    try:
        built(kind, fields)
    except Exception:
        return False
    return True


def _field(message: Any, name: Any) -> Any:
    """Return the field with that name, if any. protobuf raises for a text that can't be encoded."""
    return message.fields_by_name.get(name) if is_encodable(name) else None


class _Walk:
    """A walk along fields and the descriptor of their message, to the first wrong field."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def fields(self, message: Any, fields: Mapping[Any, Any], path: str, takes: Takes) -> str:
        for name, value in fields.items():
            field = _field(message, name)
            if field is None:
                return self._unknown(message, name, path)
            mistake = self._value(field, value, f"{path}{name}", lambda content, name=name: takes({name: content}))  # type: ignore[misc]
            if mistake:
                return mistake
        return ""

    def _value(self, field: Any, value: Any, path: str, takes: Takes) -> str:
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return self._map(message, value, path, takes)
        if message is not None and message.full_name not in _WELL_KNOWN and isinstance(value, Mapping):
            return self.fields(message, value, f"{path}.", takes)
        if isinstance(value, (list, tuple)) and is_repeated(field):
            each = (
                self._value(field, item, f"{path}[{at}]", lambda content: takes([content]))
                for at, item in enumerate(value)
            )
            return next(filter(None, each), "")
        is_naive = isinstance(value, datetime) and value.utcoffset() is None
        if takes(value) and not (is_naive and message is not None and message.full_name == _INSTANT):
            return ""
        many = "a list, each " if is_repeated(field) and not path.endswith("]") else ""
        return f"{path} takes {many}{_taken(field, value)}, but got {safe_repr(value)}.{_near_member(field, value)}"

    def _map(self, entry: Any, value: Any, path: str, takes: Takes) -> str:
        if takes(value):
            return ""
        if not isinstance(value, Mapping):
            return f"{path} takes a mapping of names to values, but got {safe_repr(value)}."
        for name, content in value.items():
            if not isinstance(name, (str, bytes)):
                return f"{path} takes a mapping of names to values, but got the name {safe_repr(name)}."
            place = f"{path}[{safe_repr(name)}]"
            mistake = self._value(
                entry.fields_by_name["value"],
                content,
                place,
                lambda inner, name=name: takes({name: inner}),  # type: ignore[misc]
            )
            if mistake:
                return mistake
        return ""

    def _unknown(self, message: Any, name: Any, path: str) -> str:
        fields = [
            field for field in message.fields if path or message.name != "Queue" or field.name not in _NOT_OFFERED
        ]
        within = [
            field.name
            for field in fields
            if field.message_type is not None and _field(field.message_type, name) is not None
        ]
        names = [self._names.get(field.name, field.name) for field in fields]
        near = f" Did you mean '{within[0]}.{name}'?" if within else did_you_mean(name, names)
        kinds = [field.message_type for field in fields if field.message_type is not None]
        if not path:
            kinds += [field.message_type for kind in kinds for field in kind.fields if field.message_type is not None]
        durations = (
            f", durations as {_WELL_KNOWN[_DURATION]}" if any(kind.full_name == _DURATION for kind in kinds) else ""
        )
        return (
            f"{path}{safe_str(name)} is no field of Google's {message.name}.{near} Its fields are"
            f" {listed(names)}{durations}."
        )


def _taken(field: Any, value: Any) -> str:
    """Return what ``field`` takes, for an error about ``value``."""
    message = field.message_type
    if message is not None:
        return _WELL_KNOWN.get(message.full_name, f"a mapping of the fields of Google's {message.name}")
    if field.enum_type is not None:
        return listed(map(repr, _members(field)), "or")
    if field.type == field.TYPE_STRING:
        return "a text"
    if field.type == field.TYPE_BOOL:
        return "True or False"
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return "a number"
    return "a whole number of 32 bits" if is_whole(value) else "a whole number"


def _members(field: Any) -> list[str]:
    return [name for name in field.enum_type.values_by_name if not name.endswith("_UNSPECIFIED")]


def _near_member(field: Any, value: Any) -> str:
    return (
        did_you_mean(value.upper(), _members(field)) if field.enum_type is not None and isinstance(value, str) else ""
    )
