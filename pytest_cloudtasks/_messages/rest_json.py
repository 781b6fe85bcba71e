"""JSON and query parameters as request messages, and responses as JSON: protobuf's mapping, with Google's error texts.

A request is read in one pass, which sets valid fields and collects a violation for each invalid name or value.

Evidence: unknown names, wrong types, numbers and enums are recorded, and that every violation is listed. Durations,
timestamps, Base64, lists for maps and objects for scalars are reported of other Google APIs with the same front end.
The rest comes from protobuf's public C++ sources, which had that front end's reader.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor import FieldDescriptor

from .._arguments import is_whole
from .json_text import JsonError, read_as_google
from .proto import is_repeated, proto_of
from .rest_http import RestError, invalid

_LONGEST = 1_000
"""The maximum length of a name or value that an error repeats. Evidence: our choice."""
_URL = "type.googleapis.com/"
_TYPES = {value: name for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63),
    FieldDescriptor.TYPE_UINT32: (0, 2**32),
    FieldDescriptor.TYPE_UINT64: (0, 2**64),
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_URL_SAFE = str.maketrans("-_", "+/")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/_-]")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_LONGEST_DURATION = 315_576_000_000
"""Seconds in 10,000 years."""


class Violation(NamedTuple):
    """The path of a wrong field, "" for none, and what is wrong."""

    path: str
    description: str


# --- requests ----------------------------------------------------------------------------------------------------


def parsed(body: bytes) -> Any:
    """Return the value of a JSON body; an empty body has no fields. Raises RestError for a body that is not JSON."""
    try:
        text = body.decode("utf-8-sig")
        return read_as_google(text) if text.strip() else {}
    except UnicodeDecodeError:
        problem = "Encountered non UTF-8 code points."
    except JsonError as error:
        problem = str(error)
    raise RestError(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {problem}")


def fill(message: Any, value: Any, within: str = "") -> list[Violation]:
    """Set the fields that ``value`` has, and return the violations.

    ``within`` is the path of ``message`` in its request.
    """
    if not isinstance(value, dict):
        return [Violation("", _unknown("", "", "Root element must be a message."))]
    reader = _Reader(lambda field, name: name)
    reader.fields(message, value, within)
    return reader.violations


def bind(message: Any, parameters: Iterable[tuple[str, str]]) -> list[Violation]:
    """Set the fields that query parameters name, and return the violations.

    Names are proto's or JSON's. Names of nested fields have dots.
    """
    reader = _Reader(lambda field, name: field.name)
    for name, text in parameters:
        bound = _bound(message, name)
        if bound is None:
            description = f"Cannot bind query parameter. Field '{_cut(name)}' could not be found in request message."
            reader.violations.append(Violation("", _unknown(name, "", description)))
        else:
            part, field, path = bound
            reader.field(part, field, text, path, field.name)
    return reader.violations


def checked(violations: Iterable[Violation]) -> None:
    """Raise RestError if there are any violations."""
    listed = list(violations)
    if listed:
        raise invalid(listed)


def _bound(message: Any, name: str) -> tuple[Any, Any, str] | None:
    """Return the message, the field and the message's path for a parameter; None if there is no such field."""
    *outer, last = name.split(".")
    path = ""
    for step in outer:
        field = fields_of(message.DESCRIPTOR).get(step)
        if field is None or field.message_type is None or is_repeated(field):
            return None
        message, path = getattr(message, field.name), _below(path, field.name)
    field = fields_of(message.DESCRIPTOR).get(last)
    return None if field is None else (message, field, path)


class _Reader:
    """Sets fields and collects violations."""

    def __init__(self, called: Callable[[Any, str], str]) -> None:
        self._called = called
        """What a mistake in a duration or a timestamp calls its field, by the field and the request's name for it."""
        self.violations: list[Violation] = []

    def fields(self, message: Any, value: Mapping[str, Any], path: str) -> None:
        """Set the fields of ``message`` at ``path`` that ``value`` has."""
        chosen: set[str] = set()
        for name, content in value.items():
            field = fields_of(message.DESCRIPTOR).get(name)
            if field is None:
                why = "Cannot find field." if name else "Proto fields must have a name."
                self.violations.append(Violation(path, _unknown(name, path, why)))
            elif content is None:
                continue
            elif field.containing_oneof is not None and field.containing_oneof.name in chosen:
                oneof = field.containing_oneof.name
                self._wrong(path, "oneof", f"oneof field '{oneof}' is already set. Cannot set '{name}'")
            else:
                if field.containing_oneof is not None:
                    chosen.add(field.containing_oneof.name)
                self.field(message, field, content, path, name)

    def field(self, message: Any, field: Any, value: Any, parent: str, name: str) -> None:
        """Set one field of ``message``, which is at ``parent``. ``name`` is the request's name of the field."""
        path = _below(parent, field.name)
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            self._map(message, field, value, parent, name)
        elif not is_repeated(field):
            if isinstance(value, list):
                description = _unknown(name, parent, "Proto field is not repeating, cannot start list.")
                self.violations.append(Violation(parent, description))
            elif kind is not None:
                part = getattr(message, field.name)
                part.SetInParent()
                self._message(part, field, value, path, name)
            else:
                self._scalar(field, value, parent, path, lambda read: setattr(message, field.name, read))
        else:
            values = getattr(message, field.name)
            for index, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
                place = path if index is None else f"{path}[{index}]"
                if kind is not None:
                    self._message(values.add(), field, item, place, name)
                else:
                    self._scalar(field, item, parent, place, values.append)

    def _map(self, message: Any, field: Any, value: Any, parent: str, name: str) -> None:
        path = _below(parent, field.name)
        entry = field.message_type
        if isinstance(value, list):
            self._wrong(parent, "Map", f"Cannot bind a list to map for field '{name}'.")
        elif not isinstance(value, dict):
            self._wrong(path, f"{_URL}{entry.full_name}", _shown(value))
        else:
            values = getattr(message, field.name)
            kind = entry.fields_by_name["value"]
            for index, (key, content) in enumerate(value.items()):
                inner = f"{path}[{index}]"
                if kind.message_type is not None:
                    self._message(values[key], kind, content, f"{inner}.value", "value")
                else:
                    self._scalar(kind, content, inner, f"{inner}.value", partial(values.__setitem__, key))

    def _message(self, message: Any, field: Any, value: Any, path: str, name: str) -> None:
        kind = field.message_type.full_name
        if kind in _WELL_KNOWN:
            try:
                _WELL_KNOWN[kind](message, value)
            except ValueError as error:
                self._wrong(path, _URL + kind, f"Field '{self._called(field, name)}', {error}")
        elif not isinstance(value, dict):
            self._wrong(path, _URL + kind, _shown(value))
        elif kind == any_pb2.Any.DESCRIPTOR.full_name:
            try:
                json_format.ParseDict(value, message)
            except (json_format.ParseError, TypeError, ValueError, AttributeError, KeyError):
                self._wrong(path, "Any", f"Missing or invalid @type for any field in {message.DESCRIPTOR.full_name}")
        else:
            self.fields(message, value, path)

    def _scalar(self, field: Any, value: Any, parent: str, path: str, use: Callable[[Any], object]) -> None:
        if isinstance(value, dict):
            self._wrong(parent, field.name, "Starting an object on a scalar field")
            return
        try:
            scalar = _READERS[field.cpp_type if field.type != FieldDescriptor.TYPE_BYTES else "bytes"](field, value)
        except ValueError as error:
            named = field.enum_type
            self._wrong(
                path, _TYPES[field.type] if named is None else _URL + named.full_name, f"{error}{_shown(value)}"
            )
        else:
            use(scalar)

    def _wrong(self, path: str, kind: str, description: str) -> None:
        at = f" at '{path}'" if path else ""
        self.violations.append(Violation(path, f"Invalid value{at} ({kind}), {description}"))


# --- values ------------------------------------------------------------------------------------------------------
# Each reader of a scalar raises ValueError with the text that precedes the value.


def _integer(field: Any, value: Any) -> int:
    lowest, beyond = _RANGES[field.type]
    is_integral = isinstance(value, float) and value.is_integer()
    if is_integral or (isinstance(value, str) and len(value) <= 20 and _INTEGER.fullmatch(value)):
        value = int(value)
    if not is_whole(value) or not lowest <= value < beyond:
        raise ValueError
    return value


def _double(field: Any, value: Any) -> float:
    if isinstance(value, str):
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        number = float(value) if value.isascii() and value == value.strip() and "_" not in value else math.inf
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    else:
        number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(field: Any, value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    if not isinstance(value, bool):
        raise ValueError
    return value


def _enum(field: Any, value: Any) -> int:
    """Return an enum's number, by name in any case or by number. An unknown number is kept unless it is a text."""
    members = field.enum_type.values_by_name
    if isinstance(value, str):
        member = members.get(value) or members.get(value.upper().replace("-", "_"))
        if member is not None:
            return int(member.number)
        number = int(value) if _INTEGER.fullmatch(value) and len(value) <= 11 else None
        if number not in field.enum_type.values_by_number:
            raise ValueError
        value = number
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_whole(value) or not -(2**31) <= value < 2**31:
        raise ValueError
    return value


def _text(field: Any, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _bytes(field: Any, value: Any) -> bytes:
    """Return bytes from Base64 of the standard or the URL-safe alphabet, padded or not."""
    if not isinstance(value, str):
        raise ValueError
    text = value.rstrip("=")
    if len(value) - len(text) <= 2 and not _NO_BASE64.search(text):
        try:
            return base64.b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4))
        except binascii.Error:
            pass
    raise ValueError("Base64 decoding failed for ")


_READERS: dict[Any, Callable[[Any, Any], Any]] = {
    FieldDescriptor.CPPTYPE_INT32: _integer,
    FieldDescriptor.CPPTYPE_INT64: _integer,
    FieldDescriptor.CPPTYPE_UINT32: _integer,
    FieldDescriptor.CPPTYPE_UINT64: _integer,
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_FLOAT: _double,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
    FieldDescriptor.CPPTYPE_ENUM: _enum,
    FieldDescriptor.CPPTYPE_STRING: _text,
    "bytes": _bytes,
}


def _set_timestamp(message: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"Invalid data type for timestamp, value is {_shown(value)}")
    matched = _TIMESTAMP.fullmatch(value)
    if matched is not None and len(matched[1] or "") > 9:
        raise ValueError("Timestamp value exceeds limits")
    try:
        if matched is None:
            raise ValueError
        message.FromJsonString(value)
    except ValueError:
        description = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
        raise ValueError(description) from None


def _set_duration(message: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"Invalid data type for duration, value is {_shown(value)}")
    if not value.endswith("s"):
        raise ValueError("Illegal duration format; duration must end with 's'")
    sign = -1 if value.startswith("-") else 1
    number = value[:-1].removeprefix("-")
    whole, dot, fraction = number.rpartition(".")
    seconds, nanos = (whole, fraction) if dot else (number, "")
    if not _is_digits(seconds) or len(seconds) > 19:
        raise ValueError("Invalid duration format, failed to parse seconds")
    if nanos and not _is_digits(nanos):
        raise ValueError("Invalid duration format, failed to parse nanos seconds")
    if int(seconds) > _LONGEST_DURATION:
        raise ValueError("Duration value exceeds limits")
    message.seconds = sign * int(seconds)
    message.nanos = sign * int(nanos[:9].ljust(9, "0"))


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _set_mask(message: Any, value: Any) -> None:
    """Set the paths of a mask. JSON has them in camel case; proto's names are accepted as well."""
    if not isinstance(value, str):
        raise ValueError(f"Invalid data type for field mask, value is {_shown(value)}")
    message.paths.extend(
        re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", path) for path in value.split(",") if path
    )


_WELL_KNOWN: dict[str, Callable[[Any, Any], None]] = {
    "google.protobuf.Timestamp": _set_timestamp,
    "google.protobuf.Duration": _set_duration,
    "google.protobuf.FieldMask": _set_mask,
}
AS_TEXT = _WELL_KNOWN.keys()
"""Messages that are texts in JSON."""


# --- fields and words --------------------------------------------------------------------------------------------


@cache
def fields_of(descriptor: Any) -> dict[str, Any]:
    """Return the fields of a message by proto's names and by JSON's."""
    return {name: field for field in descriptor.fields for name in (field.json_name, field.name)}


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unknown(name: str, path: str, why: str) -> str:
    at = f" at '{path}'" if path else ""
    return f'Invalid JSON payload received. Unknown name "{_cut(name)}"{at}: {why}'


def _shown(value: Any) -> str:
    """Return a value as errors repeat it."""
    if isinstance(value, str):
        return f'"{_cut(value)}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, (int, float)):
        brief = f"{value:.15g}"
        return brief if float(brief) == value else f"{value:.17g}"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


# --- responses ---------------------------------------------------------------------------------------------------


def shown(message: Any, *, enums_as_numbers: bool) -> dict[str, Any]:
    """Return a response as JSON, without default values and with whole numbers without a fraction."""
    message = proto_of(message)
    pool = message.DESCRIPTOR.file.pool
    whole = json_format.MessageToDict(message, use_integers_for_enums=enums_as_numbers, descriptor_pool=pool)
    return _with_whole_numbers(whole)  # type: ignore[no-any-return]


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
