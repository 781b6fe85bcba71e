"""JSON and query parameters to request messages, and responses to JSON: protobuf's mapping, with Google's error texts.

The texts for names that are no field and for wrong values are reported, of this and of other Google APIs: their front
end is the same. Which texts the parser of JSON has is known from protobuf's C++ sources, where that parser was public.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from .proto import raw
from .rest_errors import RestError, invalid

_CONTEXT = 20
"""Characters of the payload before and after a mistake that are shown."""
_SYNTAX = {
    "Expecting value": "Expected a value.",
    "Expecting property name enclosed in double quotes": "Expected an object key or }.",
    "Illegal trailing comma before end of object": "Expected an object key or }.",
    "Illegal trailing comma before end of array": "Expected a value.",
    "Expecting ':' delimiter": "Expected : between key:value pair.",
    "Unterminated string starting at": "Closing quote expected in string.",
    "Extra data": "Parsing terminated before end of input.",
}
"""What Python's parser says of a mistake, and what Google's does."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_TYPES = {value: name for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
_MISTAKES = (json_format.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What protobuf raises for JSON that doesn't fit."""


# --- requests ----------------------------------------------------------------------------------------------------


def parsed(body: bytes) -> Any:
    """The value in a body of JSON; an empty body has no fields. Raises RestError for what is no JSON."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_constant=_no_number) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise _malformed(_told(error), error.doc, error.pos) from None
    except UnicodeDecodeError:
        raise _malformed("Encountered non UTF-8 code points.") from None
    except RecursionError:
        raise _malformed("Message too deep. Max recursion depth reached.") from None
    except ValueError:  # a number of thousands of digits, and what is no number
        raise _malformed("Unable to parse number.") from None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)


def _told(error: json.JSONDecodeError) -> str:
    if error.msg == "Expecting ',' delimiter":
        opened = error.doc[: error.pos]
        is_array = opened.rfind("[") > opened.rfind("{")
        told = "Expected , or ] after array value." if is_array else "Expected , or } after key:value pair."
    else:
        told = _SYNTAX.get(error.msg, "Unexpected token.")
    return told if error.pos < len(error.doc.rstrip()) else f"Unexpected end of string. {told}"


def _malformed(told: str, text: str = "", at: int = 0) -> RestError:
    start = max(at - _CONTEXT, 0)
    where = f"\n{text[start : at + _CONTEXT]}\n{' ' * (at - start)}^" if text else ""
    told = f"Invalid JSON payload received. {told}{where}"
    return RestError(400, "INVALID_ARGUMENT", told)


def fill(message: Any, value: Any, within: str = "") -> None:
    """Set the fields that ``value`` has; ``within`` is where ``message`` stands in its request. Raises RestError."""
    if not isinstance(value, dict):
        raise invalid([("", 'Invalid JSON payload received. Unknown name "": Root element must be a message.')])
    try:
        if _is_no_base64(message.DESCRIPTOR, value):
            raise ValueError("Base64 decoding failed.")
        json_format.ParseDict(value, message)
    except _MISTAKES as error:
        found = list(_violations(type(message)(), value, within))
        raise invalid(found or [(within, f"Invalid value{f' at {within!r}' if within else ''}, {error}")]) from None


def _violations(message: Any, value: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """What is wrong with each field of an object, with the path of the object or the field; ``message`` is scratch."""
    chosen: dict[str, str] = {}
    for name, one in value.items():
        field = _field(message, name)
        if field is None:
            yield path, _unknown(name, path, "Cannot find field.")
        elif one is not None:
            yield from _violations_of(message, field, one, path, name)
            oneof = field.containing_oneof
            if oneof is not None and chosen.setdefault(oneof.name, name) != name:
                told = f"oneof field '{oneof.name}' is already set. Cannot set '{name}'"
                yield path, f"Invalid value{f' at {path!r}' if path else ''} (oneof), {told}"


def _violations_of(message: Any, field: Any, value: Any, parent: str, name: str) -> Iterator[tuple[str, str]]:
    kind = field.message_type
    path = f"{parent}.{field.name}" if parent else field.name
    if kind is not None and kind.GetOptions().map_entry:
        if not isinstance(value, dict):
            yield path, _wrong(path, "map", value)
            return
        for index, (key, one) in enumerate(value.items()):
            if not _fits(message, field, {key: one}):
                yield (
                    f"{path}[{index}].value",
                    _wrong(f"{path}[{index}].value", _known_as(kind.fields_by_name["value"]), one),
                )
    elif is_repeated(field):
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            yield from _violations_in(getattr(message, field.name).add, message, field, one, f"{path}[{index}]")
    elif isinstance(value, list):
        yield parent, _unknown(name, parent, "Proto field is not repeating, cannot start list.")
    else:
        yield from _violations_in(lambda: getattr(message, field.name), message, field, value, path)


def _violations_in(
    part: Callable[[], Any], message: Any, field: Any, value: Any, path: str
) -> Iterator[tuple[str, str]]:
    """What is wrong with one value of a field; ``part`` gives the message that it would fill."""
    kind = field.message_type
    if kind is not None and not kind.full_name.startswith("google.protobuf.") and isinstance(value, dict):
        yield from _violations(part(), value, path)
    elif not _fits(message, field, [value] if is_repeated(field) else value):
        yield path, _wrong(path, _known_as(field), value)


def _is_no_base64(descriptor: Any, value: Any) -> bool:
    """Whether a text for a field of bytes has characters that protobuf would pass over, and Google doesn't."""
    if isinstance(value, list):
        return any(_is_no_base64(descriptor, one) for one in value)
    if not isinstance(value, dict):
        return False
    for name, one in value.items():
        field = _field_of(descriptor, name)
        if field is None:
            continue
        if field.type == FieldDescriptor.TYPE_BYTES and isinstance(one, str):
            if _BASE64.fullmatch(one) is None:
                return True
        elif field.message_type is not None and _is_no_base64(field.message_type, one):
            return True
    return False


def _fits(message: Any, field: Any, value: Any) -> bool:
    """Whether protobuf takes a value for a field, in a message that has nothing else."""
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str) and _BASE64.fullmatch(value) is None:
        return False
    try:
        json_format.ParseDict({field.json_name: value}, type(message)())
    except _MISTAKES:
        return False
    return True


def _known_as(field: Any) -> str:
    named = field.message_type or field.enum_type
    return _TYPES[field.type] if named is None else f"type.googleapis.com/{named.full_name}"


def is_repeated(field: Any) -> bool:
    """Whether a field has any number of values; releases of protobuf differ in how to ask."""
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED if repeated is None else repeated)


def _unknown(name: str, path: str, why: str) -> str:
    return f'Invalid JSON payload received. Unknown name "{name}"{f" at {path!r}" if path else ""}: {why}'


def _wrong(path: str, kind: str, value: Any) -> str:
    is_text_of_bytes = kind == "TYPE_BYTES" and isinstance(value, str)
    why = "Base64 decoding failed for " if is_text_of_bytes else ""
    return f"Invalid value at {path!r} ({kind}), {why}{json.dumps(value)}"


def bind(message: Any, parameters: Iterable[tuple[str, str]]) -> None:
    """Set the fields that query parameters name, by proto's names or JSON's, nested ones by dots. Raises RestError."""
    for name, text in parameters:
        *outer, last = name.split(".")
        part = message
        for step in outer:
            field = _field(part, step)
            if field is None or field.message_type is None or is_repeated(field):
                raise _unbound(name)
            part = getattr(part, field.name)
        field = _field(part, last)
        if field is None:
            raise _unbound(name)
        _bind_one(part, field, text)


def _field(message: Any, name: str) -> Any:
    return _field_of(message.DESCRIPTOR, name)


def _field_of(descriptor: Any, name: str) -> Any:
    """The field of a name of proto's or of JSON's."""
    own = descriptor.fields_by_name.get(name)
    return own or next((field for field in descriptor.fields if field.json_name == name), None)


def _bind_one(message: Any, field: Any, text: str) -> None:
    if field.message_type is not None and field.message_type.full_name == "google.protobuf.FieldMask":
        getattr(message, field.name).paths.extend(_snake_case(path) for path in text.split(",") if path)
        return
    value: Any = {"true": True, "false": False}.get(text, text) if field.type == FieldDescriptor.TYPE_BOOL else text
    fill(message, {field.json_name: [value] if is_repeated(field) else value})


def _snake_case(path: str) -> str:
    """A path of a mask by proto's names, which Google takes as well as JSON's."""
    return "".join(f"_{one.lower()}" if one.isascii() and one.isupper() else one for one in path)


def _unbound(name: str) -> RestError:
    told = f"Cannot bind query parameter. Field {name!r} could not be found in request message."
    return invalid([("", _unknown(name, "", told))])


# --- responses ---------------------------------------------------------------------------------------------------


def shown(message: Any, *, enums_as_numbers: bool) -> dict[str, Any]:
    """A response as JSON has it: without fields at their default, whole numbers without a fraction."""
    message = raw(message)
    pool = message.DESCRIPTOR.file.pool
    found = json_format.MessageToDict(message, use_integers_for_enums=enums_as_numbers, descriptor_pool=pool)
    return _with_whole_numbers(found)  # type: ignore[no-any-return]


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_whole_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
