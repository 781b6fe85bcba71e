"""Fields as dicts name them: those that a message has not, and values that can't be theirs, are refused in a sentence.

Google's library says the same in words about its own insides, or with a bare KeyError.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from hypothesis.errors import InvalidArgument

from .._messages.proto import OURS, proto_class
from .._text import did_you_mean, listed
from .versions import Version, types_of


def check_fields(version: Version, kind: str, fields: object) -> None:
    """Raise InvalidArgument for a key or a value that a version's message ``kind`` can't have, however deep."""
    _check(proto_class(getattr(types_of(version), kind)).DESCRIPTOR, fields)


def _check(descriptor: Any, fields: object) -> None:
    """Messages, and what is no message at all, are left to Google's library."""
    if not isinstance(fields, Mapping):
        return
    known = descriptor.fields_by_name
    for name, value in fields.items():
        if name not in known:
            names = [OURS.get(one, one) for one in known]
            near = did_you_mean(name, names)
            raise InvalidArgument(f"{descriptor.name} has no field {name!r}.{near} Its fields are {listed(names)}.")
        _check_value(f"{descriptor.name}.{name}", known[name], value)


def _check_value(what: str, field: Any, value: object) -> None:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        _check_map(what, kind.fields_by_name["value"], value)
    elif isinstance(value, (list, tuple)):
        for one in value:
            _check_value(what, field, one)
    elif kind is not None and isinstance(value, datetime):
        _check_instant(what, kind, value)
    elif kind is not None:
        _check(kind, value)
    else:
        _check_scalar(what, field, value)


def _check_map(what: str, field: Any, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{what} takes a mapping of names to values, and got {value!r}.")
    for name, one in value.items():
        if not isinstance(name, (str, bytes)):
            raise InvalidArgument(f"{what} takes a mapping of names to values, and got the name {name!r}.")
        _check_value(f"{what}[{name!r}]", field, one)


def _check_instant(what: str, kind: Any, value: datetime) -> None:
    """Google's library takes a naive datetime for local time, so the same test would mean another instant elsewhere."""
    if kind.full_name == "google.protobuf.Timestamp" and value.utcoffset() is None:
        raise InvalidArgument(f"{what}={value!r} takes an aware datetime, such as cloud_tasks.clock.now()")


def _check_scalar(what: str, field: Any, value: object) -> None:
    if field.enum_type is not None:
        _check_enum(what, list(field.enum_type.values_by_name), value)
    elif field.type == field.TYPE_STRING and value is not None and not isinstance(value, (str, bytes)):
        raise InvalidArgument(f"{what} takes a text, and got {value!r}.")


def _check_enum(what: str, names: list[str], value: object) -> None:
    """Numbers are the service's to refuse."""
    if value is None or isinstance(value, (int, Enum)) or value in names:
        return
    said = [name for name in names if not name.endswith("_UNSPECIFIED")]
    near = did_you_mean(str(value).upper(), said)
    raise InvalidArgument(f"{what} takes {listed(map(repr, said), 'or')}, and got {value!r}.{near}")
