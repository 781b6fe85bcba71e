"""Values as messages show them: in one line, readable, and not too long."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import FunctionType
from typing import Any

from .._targets.headers import Headers
from .._time.instants import from_timedelta
from .durations import duration_text

WIDTH = 400
"""How many characters of a value a message shows."""
BINARY = 32
"""How many bytes of a body that is no text."""
_BEFORE = 40
"""How much of two long texts is shown before the place where they part."""


class Absent:
    """Stands for a field that one side does not have."""

    def __repr__(self) -> str:
        return "(not there)"


ABSENT = Absent()


def shortened(text: str, limit: int = WIDTH) -> str:
    """``text``, or its beginning and the number of characters that were left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def shown(value: Any) -> str:
    """One value."""
    return shortened(_text(value))


def shown_apart(one: Any, other: Any) -> tuple[str, str]:
    """Two values that differ; of two long texts what they have in common at their beginning is left out."""
    texts = _text(one), _text(other)
    if min(map(len, texts)) <= WIDTH or type(one) is not type(other):
        return shortened(texts[0]), shortened(texts[1])
    same = next((i for i, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))
    skipped = max(0, same - _BEFORE)
    left, right = (shortened(text[skipped:]) for text in texts)
    return (f"…{left}", f"…{right}") if skipped else (left, right)


def bytes_text(body: bytes) -> str:
    """``b'order'``, ``'Größe'.encode()``, or the first bytes of what is no text, and how many there are."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and _is_readable(text):
        return repr(body) if body.isascii() else f"{text!r}.encode()"
    return repr(body) if len(body) <= BINARY else f"{body[:BINARY]!r}… ({len(body)} bytes)"


def _is_readable(text: str) -> bool:
    return all(one.isprintable() or one in "\r\n\t" for one in text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return bytes_text(value)
    if isinstance(value, FunctionType):
        return f"a predicate, {value.__qualname__}"
    if isinstance(value, timedelta):
        return duration_text(from_timedelta(value, what="a duration"))
    if isinstance(value, datetime):
        return str(value)
    if isinstance(value, Headers):
        return repr(dict(value))
    return repr(value)
