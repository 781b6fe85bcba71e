"""What is wrong with a queue's fields, said in the words of whoever wrote them.

Google's library refuses them with words about its own insides, other ones in each release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._text import did_you_mean, listed
from .proto import built, raw_class

REFUSALS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What the library raises for fields that it can't take."""
_DURATION = "google.protobuf.Duration"
_WELL_KNOWN = {
    _DURATION: 'a timedelta or a text such as "10s"',
    "google.protobuf.Timestamp": 'an aware datetime or a text such as "2030-01-01T00:00:00Z"',
}
_NOT_OFFERED = ("name", "purge_time", "stats")
"""Fields of a Queue that are set otherwise, or by the service alone."""
Takes = Callable[[Any], bool]
"""Whether the library takes a value in the place that is looked at."""


def built_queue(kind: Any, fields: Mapping[str, Any], name: str) -> Any:
    """Protobuf's message of the queue ``name``, of the library's ``kind``.

    Raises ValueError, or TypeError for a value of a wrong class, with a sentence about the first field that can't be.
    """
    try:
        return built(kind, {**fields, "name": name})
    except REFUSALS as error:
        told = _trouble(raw_class(kind).DESCRIPTOR, fields, "", lambda value: _builds(kind, value)) or f"{error}."
        raise (TypeError if isinstance(error, TypeError) else ValueError)(told) from None


def _builds(kind: Any, fields: Mapping[str, Any]) -> bool:
    try:
        built(kind, fields)
    except REFUSALS:
        return False
    return True


def _trouble(descriptor: Any, fields: Mapping[Any, Any], path: str, takes: Takes) -> str:
    """The first of ``fields`` that is none, or has a value that it can't have; "" if the library takes each."""
    for name, value in fields.items():
        field = descriptor.fields_by_name.get(name) if isinstance(name, str) else None
        if field is None:
            return _no_field(descriptor, name, path)
        told = _trouble_of_value(field, value, f"{path}{name}", _within(takes, name))
        if told:
            return told
    return ""


def _within(takes: Takes, name: str) -> Takes:
    return lambda value: takes({name: value})


def _trouble_of_value(field: Any, value: Any, path: str, takes: Takes) -> str:
    kind = field.message_type
    if kind is not None and kind.full_name not in _WELL_KNOWN and not kind.GetOptions().map_entry:
        if isinstance(value, Mapping):
            return _trouble(kind, value, f"{path}.", takes)
        if isinstance(value, (list, tuple)) and takes([]):
            many = ((f"{path}[{at}]", one) for at, one in enumerate(value))
            told = (_trouble_of_value(field, one, where, lambda it: takes([it])) for where, one in many)
            return next(filter(None, told), "")
    if takes(value):
        return ""
    return f"{path} takes {'a list, each ' if takes([]) else ''}{_taken(field, value)}, and got {value!r}."


def _no_field(descriptor: Any, name: Any, path: str) -> str:
    fields = [one for one in descriptor.fields if path or one.name not in _NOT_OFFERED]
    within = [one.name for one in fields if one.message_type is not None and name in one.message_type.fields_by_name]
    names = [one.name for one in fields]
    near = f" Did you mean '{within[0]}.{name}'?" if within else did_you_mean(name, names)
    has_durations = any(getattr(one.message_type, "full_name", "") == _DURATION for one in fields)
    durations = ', durations as a timedelta or a text such as "10s"' if has_durations or not path else ""
    return f"{path}{name} is no field of Google's {descriptor.name}.{near} Its fields are {listed(names)}{durations}."


def _taken(field: Any, value: Any) -> str:
    """What ``field`` takes, and not ``value``."""
    kind = field.message_type
    if kind is not None:
        return _WELL_KNOWN.get(kind.full_name, f"a mapping of the fields of Google's {kind.name}")
    if field.enum_type is not None:
        names = field.enum_type.values_by_name
        return listed((repr(one) for one in names if not one.endswith("_UNSPECIFIED")), "or")
    if field.type == field.TYPE_STRING:
        return "a text"
    if field.type == field.TYPE_BOOL:
        return "True or False"
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return "a number"
    return "a whole number of 32 bits" if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
