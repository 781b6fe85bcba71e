"""Where two values differ: a task from what an assertion expects, and two of Google's messages that `==` compares."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unicodedata import bidirectional

from .._messages.json_text import read_json
from .._messages.proto import PACKAGE, is_message, proto_of
from .._simulation.formatting import ABSENT, bytes_text, duration_text, short_name, short_resource, shown_apart
from .._simulation.matching.match import Difference
from .._simulation.matching.values import exactly, matches
from .._simulation.records import Attempt, PlainData, TaskRecord, model_task
from .._targets.headers import Headers
from .._text import safe_repr, safe_str
from .._time.instants import to_datetime
from .._units import SECOND

ROWS = 12
"""How many fields are shown."""
_GAP = "  "
_MARGIN = 8
"""What pytest puts before each line of an exception."""

Row = tuple[str, Any, Any]
"""A field, and the values that it has on either side."""


def side_by_side(rows: Sequence[Row], heads: tuple[str, str], indent: str = "") -> list[str]:
    """Return the lines of a table with a heading over each side, at most `ROWS` fields; wide values follow below."""
    cells = [(field, *shown_apart(left, right)) for field, left, right in rows[:ROWS]]
    room = shutil.get_terminal_size().columns - _MARGIN - len(indent)
    narrow = list(cells)
    while narrow and sum(_widths(narrow, heads)) + 2 * len(_GAP) > room:
        narrow.remove(max(narrow, key=lambda cell: sum(map(len, cell))))
    lines = [line for cell in cells if cell not in narrow for line in _stacked(cell, heads)]
    if narrow:
        first, second, _ = _widths(narrow, heads)
        table = [("", *heads), *narrow]
        lines = [f"{a:<{first}}{_gap(a)}{b:<{second}}{_gap(b)}{c}" for a, b, c in table] + lines
    if len(rows) > ROWS:
        lines.append(f"… and {len(rows) - ROWS} more")
    return [f"{indent}{line}" for line in lines]


def _gap(left: str) -> str:
    """Return the separator after ``left``. Right-to-left text needs a mark, or the columns change places."""
    return f"\u200e{_GAP}" if any(bidirectional(character) in ("R", "AL") for character in left) else _GAP


def _widths(cells: Sequence[tuple[str, str, str]], heads: tuple[str, str]) -> list[int]:
    return [max(map(len, column)) for column in zip(("", *heads), *cells, strict=True)]


def _stacked(cell: tuple[str, str, str], heads: tuple[str, str]) -> list[str]:
    field, *values = cell
    width = max(map(len, heads))
    return [field, *(f"  {head:>{width}}{_GAP}{text}" for head, text in zip(heads, values, strict=True))]


_NESTED = ("json", "headers", "oidc")
_DEPTH = 20
_WORD = re.compile(r"[A-Za-z_]\w*")


def in_detail(differences: Sequence[Difference]) -> list[Difference]:
    """Return the same differences, each nested one as those of its parts: ``json.customer.name``, ``json.items[1]``."""
    detailed: list[Difference] = []
    for difference in differences:
        parts = (
            list(_parts(difference.field, difference.expected, difference.actual, False))
            if difference.field in _NESTED
            else []
        )
        detailed += parts or [difference]
    return detailed


def in_whole(path: str, expected: Any, actual: Any) -> list[Difference]:
    """Where two JSON values differ, neither of which may have more than the other."""
    return list(_parts(path, expected, actual, True))


def _parts(path: str, expected: Any, actual: Any, whole: bool) -> Iterator[Difference]:
    if isinstance(expected, exactly):
        yield from _parts(path, expected.value, actual, True)
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _of_mappings(path, expected, actual, whole)
    elif isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        for index in range(max(len(expected), len(actual))):
            one, other = (side[index] if index < len(side) else ABSENT for side in (expected, actual))
            yield from _parts(f"{path}[{index}]", one, other, True)  # lists match whole, and so do their items
    elif expected is ABSENT or actual is ABSENT or not matches(expected, actual):
        yield Difference(path, expected, actual)


def _of_mappings(
    path: str, expected: Mapping[Any, Any], actual: Mapping[Any, Any], whole: bool
) -> Iterator[Difference]:
    for key, value in expected.items():
        yield from _parts(extended(path, key), value, actual.get(key, ABSENT), whole)
    if whole:
        known = Headers([(safe_str(key), "") for key in expected]) if isinstance(actual, Headers) else expected
        for key, value in actual.items():
            if key not in known:
                yield Difference(extended(path, key), ABSENT, value)


def extended(path: str, key: Any) -> str:
    """Return ``json.order``, ``headers['X-Tenant']``."""
    return f"{path}.{key}" if isinstance(key, str) and _WORD.fullmatch(key) else f"{path}[{safe_repr(key)}]"


def values_that_differ(differences: Sequence[Difference]) -> int:
    """Return how many values are wrong. Of a missing part, or one of another type, all expected values count."""
    return sum(
        max(_leaves(difference.expected), _leaves(difference.actual) if difference.expected is ABSENT else 1)
        for difference in differences
    )


def _leaves(value: Any, depth: int = 0) -> int:
    """Count the values in a value; one that is nested too deep, or contains itself, counts as one."""
    if isinstance(value, exactly):
        value = value.value
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or depth > _DEPTH:
        return 1
    return sum(_leaves(item, depth + 1) for item in value) or 1


def likeness(differences: Sequence[Difference]) -> float:
    """Return how much the differing texts have in common, from 0 to 1: a URL with a typo is nearer than another URL."""
    shares = [_common(difference.expected, difference.actual) for difference in differences]
    return sum(shares) / len(shares) if shares else 1.0


def _common(one: Any, other: Any) -> float:
    if type(one) is not type(other) or not isinstance(one, (str, bytes)) or not (one and other):
        return 0.0
    shorter = min(len(one), len(other))
    begin = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    end = next((i for i in range(shorter - begin) if one[-1 - i] != other[-1 - i]), shorter - begin)
    return (begin + end) / max(len(one), len(other))


_NAMES = ("name", "parent")
"""Fields that hold the name of a resource."""


class _Shown:
    """A value of a message, with the text that a table has for it."""

    def __init__(self, value: Any, text: str) -> None:
        self.value = value
        self._text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shown) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]  # messages have none

    def __repr__(self) -> str:
        return self._text


_UNSET = _Shown(None, "(not set)")


class _Fields(dict[str, Any]):
    """A message as a mapping of its fields, in one line ``{url: 'https://a.test/', http_method: POST}``."""

    def __init__(self, message: Any) -> None:
        super().__init__((field.name, _field(field, message)) for field in message.DESCRIPTOR.fields)
        self._are_set = [field.name for field, _ in message.ListFields()]

    def __repr__(self) -> str:
        values = {
            name: bytes_text(value) if isinstance(value := self[name], bytes) else repr(value) for name in self._are_set
        }
        return f"{{{', '.join(f'{name}: {value}' for name, value in values.items())}}}"


def _field(field: Any, message: Any) -> Any:
    value = getattr(message, field.name)
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_value(field, item) for item in value]
    is_unset = field.message_type is not None and not message.HasField(field.name)
    return _UNSET if is_unset else _value(field, value)


def _value(field: Any, value: Any) -> Any:
    """Return a value for display: short names, enums by name, times as such, other messages field by field."""
    text = None
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        text = None if known is None else known.name
    elif field.message_type is not None:
        text = _well_known(value)
        if text is None:
            return _Fields(value)
    elif field.name in _NAMES and value:
        text = short_resource(value)
    return value if text is None else _Shown(value, text)


def _well_known(message: Any) -> str | None:
    """Return the text of an instant or a duration."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        try:
            return str(to_datetime(message.seconds * SECOND + message.nanos))
        except OverflowError:  # it lies outside of the calendar
            return f"{message.seconds} s and {message.nanos} ns since 1970"
    if name == "google.protobuf.Duration":
        return duration_text(message.seconds * SECOND + message.nanos)
    return None


def differences(one: Any, other: Any) -> Iterator[Row]:
    """Return the fields of two messages of one type that differ, nested ones by their path."""
    for part in in_whole("", _Fields(one), _Fields(other)):
        yield from _rows(part.field.removeprefix("."), part.expected, part.actual)


def _rows(path: str, left: Any, right: Any) -> Iterator[Row]:
    if isinstance(left, bytes) and isinstance(right, bytes) and (found := _in_json(path, left, right)):
        yield from found
    elif isinstance(left, _Shown) and isinstance(right, _Shown) and repr(left) == repr(right):
        yield path, left.value, right.value  # such as names of two projects or locations
    else:
        yield path, left, right


def _in_json(path: str, left: bytes, right: bytes) -> list[Row]:
    """Return where two JSON bodies differ; nothing if they aren't JSON."""
    try:
        one, other = read_json(left), read_json(right)
    except ValueError:
        return []
    return [(part.field, part.expected, part.actual) for part in in_whole(path, one, other)]


_SIDES = ("left", "right")


def compared(left: Any, right: Any) -> list[str] | None:
    """The lines for two values that are not equal, the first of them a summary; None if they are none of ours."""
    if data := _as_data(left, right):
        table = side_by_side([(part.field.removeprefix("."), *part[1:]) for part in in_whole("", *data)], _SIDES)
        return [f"{_title(left)} == {_title(right)}", *table]
    one, other = _message(left, right), _message(right, left)
    if one is None or other is None:
        return None
    headline = f"{_title(left)} == {_title(right)}"
    kinds = [message.DESCRIPTOR.full_name.removeprefix(PACKAGE) for message in (one, other)]
    if kinds[0] != kinds[1]:
        return [headline, f"Messages of different types are never equal: {kinds[0]} and {kinds[1]}."]
    table = side_by_side(list(differences(one, other)), _SIDES) or ["They have the same fields."]
    return [headline, *table, *_on_records(left, right)]


def _on_records(left: Any, right: Any) -> list[str]:
    are_records = isinstance(left, TaskRecord), isinstance(right, TaskRecord)
    if all(are_records):
        return [
            "Records are equal only if they are of the same task; these are of two tasks. Compare their fields, or"
            " their .message."
        ]
    if any(are_records):
        return ["A record equals records of the same task and its own as_dict(). Compare its .message with a message."]
    return []


def _message(value: Any, beside: Any) -> Any:
    """Return protobuf's message behind ``value``; a dict counts as the type of ``beside``. None if there is none."""
    if isinstance(value, TaskRecord):
        return proto_of(value.message)
    if is_message(value):
        return proto_of(value)
    if not isinstance(value, Mapping) or not is_message(beside):
        return None
    kind = type(beside)
    try:
        return proto_of(kind(value) if hasattr(kind, "pb") else kind(**value))
    except Exception:  # it has fields that the message lacks, or values of other types
        return None


def _as_data(left: Any, right: Any) -> tuple[Any, Any] | None:
    """A record and a mapping, which are equal if the record's plain data are; None for any other two values."""
    if isinstance(left, PlainData) and isinstance(right, Mapping):
        return left.as_dict(), right
    return (left, right.as_dict()) if isinstance(right, PlainData) and isinstance(left, Mapping) else None


def _title(value: Any) -> str:
    if isinstance(value, TaskRecord):
        return f"task {short_name(model_task(value))}"
    if isinstance(value, Attempt):
        return f"attempt {value.number} of {short_name(model_task(value.task))}"
    return "dict" if isinstance(value, Mapping) else str(proto_of(value).DESCRIPTOR.name)
