"""Messages as protobuf has them, and as the installed library shows them.

From 2.0 on the library wraps protobuf's messages in proto-plus's; before, they were its messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

PACKAGE = "google.cloud.tasks."
"""What the full names of Google's messages for tasks begin with."""


def raw_class(kind: Any) -> Any:
    """Protobuf's class behind one of the library's."""
    return kind.pb(None) if hasattr(kind, "pb") else kind


def raw(message: Any) -> Any:
    """Protobuf's message behind one of the library's; the same message, not a copy."""
    return getattr(message, "_pb", message)


def is_message(value: object) -> bool:
    """Whether ``value`` is one of Google's messages for tasks, wrapped or not; no attribute of it is touched."""
    return is_message_of_tasks(_described(type(value)))


def raw_within(value: Any) -> Any:
    """``value`` with every message of the library's in it, at any depth of dicts and lists, as protobuf's."""
    if isinstance(value, Mapping):
        return {key: raw_within(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [raw_within(one) for one in value]
    return raw(value)


def restored(kind: Any, content: bytes) -> Any:
    """The message of ``kind``, the library's or protobuf's, whose bytes are ``content``."""
    return shown(kind, raw_class(kind).FromString(content))


def shown(kind: Any, message: Any) -> Any:
    """Protobuf's message as the library's ``kind`` shows it."""
    return kind.wrap(message) if hasattr(kind, "wrap") else message


def shown_as(kind: Any) -> Callable[[Any], Any]:
    """What shows protobuf's messages as the library's ``kind``."""
    return kind.wrap if hasattr(kind, "wrap") else lambda message: message


def built(kind: Any, fields: Mapping[str, Any]) -> Any:
    """Protobuf's message for ``fields`` in any form that the newest library takes.

    An older library's messages are protobuf's, which know neither datetimes nor texts for durations.
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
    """A Duration or a Timestamp; anything else is left to protobuf's refusal."""
    from google.protobuf import duration_pb2, timestamp_pb2

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
    """Whether ``kind`` is a class of Google's messages for tasks; no attribute of another class is touched."""
    if not isinstance(kind, type):
        return False
    described = _described(kind)
    return is_message_of_tasks(described) and hasattr(described, "fields")


def _described(kind: type) -> Any:
    """What protobuf, or else proto-plus, says of a class of messages; None of another class."""
    return getattr(kind, "DESCRIPTOR", None) or getattr(kind, "meta", None)


def is_message_of_tasks(described: Any) -> bool:
    name = getattr(described, "full_name", None)
    return isinstance(name, str) and name.startswith(PACKAGE)
