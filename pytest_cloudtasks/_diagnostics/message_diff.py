"""Two of Google's messages, field by field: where they differ, in values that read well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._simulation.calls import short_resource
from .._simulation.duration_text import duration_text
from .._simulation.short_repr import ABSENT, bytes_text
from .._targets.json_text import read_json
from .._time.instants import to_datetime
from .._units import SECOND
from .diff_table import Row
from .field_diff import extended, in_whole

_NAMES = ("name", "parent")
"""Fields that hold the name of a resource."""


class Words:
    """A text that is shown as it stands, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


_UNSET = Words("(not set)")


def differences(one: Any, other: Any, path: str = "") -> Iterator[Row]:
    """The fields of two messages of one type that differ, nested ones by their path."""
    for field in one.DESCRIPTOR.fields:
        where = f"{path}.{field.name}" if path else field.name
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, Mapping):
            yield from _of_mappings(where, left, right)
        elif _is_repeated(left):
            yield from _of_lists(field, where, left, right)
        elif field.message_type is None:
            yield from _of_scalars(field, where, left, right)
        else:
            yield from _of_messages(
                field,
                where,
                *(getattr(side, field.name) if side.HasField(field.name) else None for side in (one, other)),
            )


def _of_messages(field: Any, where: str, left: Any, right: Any) -> Iterator[Row]:
    if left == right:
        return
    if left is None or right is None or _well_known(left) is not None:
        one, other = (_UNSET if side is None else _value(field, side) for side in (left, right))
        yield where, one, other
    else:
        yield from differences(left, right, where)


def _of_mappings(where: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Row]:
    for key in sorted({*left, *right}):
        one, other = (side.get(key, ABSENT) for side in (left, right))
        if one != other:
            yield extended(where, key), one, other


def _of_lists(field: Any, where: str, left: Sequence[Any], right: Sequence[Any]) -> Iterator[Row]:
    for index in range(max(len(left), len(right))):
        one, other = (side[index] if index < len(side) else None for side in (left, right))
        if one is None or other is None or field.message_type is None:
            if one != other:
                shown = [ABSENT if side is None else _value(field, side) for side in (one, other)]
                yield f"{where}[{index}]", shown[0], shown[1]
        else:
            yield from _of_messages(field, f"{where}[{index}]", one, other)


def _of_scalars(field: Any, where: str, left: Any, right: Any) -> Iterator[Row]:
    if left == right:
        return
    if isinstance(left, bytes):
        found = _of_json(where, left, right)
        if found:
            yield from found
            return
    if field.name in _NAMES and short_resource(left) == short_resource(right):
        yield where, left, right  # they are of two projects or locations
        return
    yield where, _value(field, left), _value(field, right)


def _of_json(where: str, left: bytes, right: bytes) -> list[Row]:
    """Where two bodies differ that are both JSON; nothing if that doesn't tell."""
    try:
        one, other = read_json(left), read_json(right)
    except ValueError:
        return []
    return [(part.field, part.expected, part.actual) for part in in_whole(where, one, other)]


def _is_repeated(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _value(field: Any, value: Any) -> Any:
    """A value as it is shown: names short, enums by name, times as such, messages in one line."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return Words(known.name) if known is not None else value
    if field.message_type is not None:
        known = _well_known(value)
        return Words(_in_one_line(value) if known is None else known)
    if field.name in _NAMES and value:
        return Words(short_resource(value))
    return value


def _well_known(message: Any) -> str | None:
    """The text of an instant or a duration."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        try:
            return str(to_datetime(message.seconds * SECOND + message.nanos))
        except OverflowError:  # it lies outside of the calendar
            return f"{message.seconds} s and {message.nanos} ns since 1970"
    if name == "google.protobuf.Duration":
        return duration_text(message.seconds * SECOND + message.nanos)
    return None


def _in_one_line(message: Any) -> str:
    """``{url: 'https://a.test/', http_method: POST}``, of the fields that are set."""
    return f"{{{', '.join(f'{field.name}: {_shown(field, value)}' for field, value in message.ListFields())}}}"


def _shown(field: Any, value: Any) -> str:
    if isinstance(value, Mapping):
        return repr(dict(value))
    if _is_repeated(value):
        return f"[{', '.join(_shown(field, one) for one in value)}]"
    return bytes_text(value) if isinstance(value, bytes) else repr(_value(field, value))
