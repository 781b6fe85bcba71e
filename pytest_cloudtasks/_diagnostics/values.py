"""Bodies, headers, messages and texts as a timeline's JSON and a report have them: readable, and not too long."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .._messages.json_text import read_json
from .._messages.proto import proto_of
from .._simulation.formatting import duration_text, offset_text
from .._text import shortened
from .secrets import is_secret, masked

LIMIT = 10_000
"""How many characters of a body are shown."""
PARSED = 100_000
"""Up to how many bytes a body is read as JSON."""
BYTES = 48
"""How many bytes of a binary body are shown."""
_ETA = frozenset({"x-cloudtasks-tasketa", "x-appengine-tasketa"})
_TIMES = frozenset({"iat", "exp", "nbf", "auth_time"})
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TEMPORARY = re.compile(r"(?<![^\s'\"])[^\s'\"]*pytest-of-[^\s/\\'\"]{1,100}[/\\]pytest-\d+")
_NUMBER = re.compile("[0-9]{1,12}")

Pairs = list[list[str]]


class Form(NamedTuple):
    """What values are shown for."""

    show_secrets: bool = False
    """Whether headers that hold secrets show them."""
    is_dated: bool = True
    """Whether instants are shown as they are, and not only as offsets, which are the same in every run of a test."""
    root: Path | None = None
    """Paths in texts are relative to it."""


def body_text(body: bytes) -> str:
    """JSON with its indentation, other text as it is, bytes in hex; what is left out is counted."""
    if not body:
        return ""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or "\x00" in text:
        shown = body[:BYTES].hex(" ")
        return f"{len(body)} bytes, not text: {shown}{' …' if len(body) > BYTES else ''}"
    if len(body) <= PARSED and text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return shortened(text, LIMIT)


def header_pairs(pairs: Iterable[tuple[str, str]], origin: int, form: Form) -> Pairs:
    """Return names and values as sent, with secrets masked; without dates, tokens are shown by their claims."""
    return [[name, _header_value(name, value, origin, form)] for name, value in pairs]


def _header_value(name: str, value: str, origin: int, form: Form) -> str:
    if not form.show_secrets and is_secret(name):
        return masked(name, value)
    if form.is_dated:
        return value
    if name.lower() in _ETA:
        seconds, _, micros = value.lstrip("-").partition(".")
        if _NUMBER.fullmatch(seconds) and (not micros or _NUMBER.fullmatch(micros)):
            instant = int(seconds) * 1_000_000_000 + int(micros.ljust(9, "0"))
            return offset_text((-instant if value.startswith("-") else instant) - origin)
    if name.lower() == "authorization":
        return _claims(value) or value
    return value


def _claims(value: str) -> str:
    """An ID token by its claims, without those that are times; "" for what is none."""
    parts = value.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = read_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    if not isinstance(claims, dict):
        return ""
    timeless = {key: claims[key] for key in sorted(claims) if key not in _TIMES}
    return f"Bearer, an ID token: {json.dumps(timeless, ensure_ascii=False)}"


def message_text(message: Any, origin: int, form: Form) -> str:
    """Return a request as JSON, by its own field names; instants are offsets."""
    message = proto_of(message)
    if not hasattr(message, "DESCRIPTOR"):
        return ""
    return shortened(json.dumps(_plain(message, origin, form), indent=2, ensure_ascii=False), LIMIT)


def _plain(value: Any, origin: int, form: Form) -> Any:
    kind = getattr(getattr(value, "DESCRIPTOR", None), "full_name", None)
    if kind == "google.protobuf.Timestamp":
        return offset_text(value.seconds * 1_000_000_000 + value.nanos - origin)
    if kind == "google.protobuf.Duration":
        return duration_text(value.seconds * 1_000_000_000 + value.nanos)
    if kind is not None:
        return {field.name: _field(field, content, origin, form) for field, content in value.ListFields()}
    if isinstance(value, bytes):
        return body_text(value)
    if isinstance(value, Mapping):
        return {key: _entry(key, value[key], origin, form) for key in sorted(value)}
    if isinstance(value, (str, int, float)):
        return value
    return [_plain(item, origin, form) for item in value]


def _entry(key: Any, value: Any, origin: int, form: Form) -> Any:
    """Return what a map has at ``key``: maps of texts are headers."""
    if isinstance(value, str) and not form.show_secrets:
        return masked(str(key), value)
    return _plain(value, origin, form)


def _field(field: Any, value: Any, origin: int, form: Form) -> Any:
    if field.enum_type is not None and isinstance(value, int):
        named = field.enum_type.values_by_number.get(value)
        return value if named is None else named.name
    return _plain(value, origin, form)


def portable_text(text: str, root: Path | None = None) -> str:
    """Return a text without colours, and without what belongs to this machine or this run rather than to the test.

    Paths below ``root`` are relative to it; pytest's temporary directory and the addresses of objects have no numbers.
    """
    text = _COLOUR.sub("", text)
    if root is not None:
        for separator in ("/", "\\"):
            text = text.replace(f"{root}{separator}", "")
    text = _TEMPORARY.sub("<temporary>", text)
    return _ADDRESS.sub("0x…", text)
