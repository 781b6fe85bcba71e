"""The fields that a filter of ListQueues is made of: those that Google's message has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._service.listing import Field, Kind
from .._service.queue import Queue
from .proto import is_repeated, nanoseconds

_WELL_KNOWN = {"google.protobuf.Duration": Kind.DURATION, "google.protobuf.Timestamp": Kind.TIME}


class FilterFields:
    """Finds a message's fields, nested ones too, by names in snake or camel case, whatever their case."""

    def __init__(self, descriptor: Any, record: Callable[[Queue], Any]) -> None:
        """``record`` makes the message of a queue."""
        self._descriptor = descriptor
        self.record = record

    def find(self, path: str) -> Field | None:
        """Return the field that a filter calls ``path``."""
        descriptor, steps = self._descriptor, []
        for part in path.split("."):
            field = None if descriptor is None else _named(descriptor, part)
            if field is None:
                return None
            steps.append(field)
            descriptor = field.message_type if _kind(field) is Kind.MESSAGE else None
        enum = steps[-1].enum_type
        return Field(
            kind=_kind(steps[-1]),
            values=lambda message: list(_values(message, steps)),
            is_set=lambda message: _is_set(message, steps),
            numbers={} if enum is None else {name.lower(): one.number for name, one in enum.values_by_name.items()},
        )


def _named(descriptor: Any, name: str) -> Any:
    lower = name.lower()
    return next((one for one in descriptor.fields if lower in (one.name, one.json_name.lower())), None)


def _kind(field: Any) -> Kind:
    if field.message_type is not None:
        return _WELL_KNOWN.get(field.message_type.full_name, Kind.MESSAGE)
    if field.enum_type is not None:
        return Kind.ENUM
    if field.type == field.TYPE_STRING:
        return Kind.TEXT
    return Kind.BOOLEAN if field.type == field.TYPE_BOOL else Kind.NUMBER


def _values(message: Any, steps: Sequence[Any]) -> Iterator[Any]:
    """Yield the values at the end of ``steps``; unset messages on the way have their defaults, empty lists nothing."""
    field, *rest = steps
    value = getattr(message, field.name)
    for one in value if is_repeated(field) else [value]:
        if rest:
            yield from _values(one, rest)
        elif _kind(field) is Kind.TIME:
            yield nanoseconds(one) if message.HasField(field.name) else None
        else:
            yield nanoseconds(one) if _kind(field) is Kind.DURATION else one


def _is_set(message: Any, steps: Sequence[Any]) -> bool:
    field, *rest = steps
    if not any(one.number == field.number for one, _ in message.ListFields()):
        return False
    value = getattr(message, field.name)
    return not rest or any(_is_set(one, rest) for one in (value if is_repeated(field) else [value]))
