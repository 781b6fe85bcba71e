"""Texts in messages: tasks by short names, durations and offsets, and any value on one line, not too long."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import FunctionType
from typing import Any

from .._service.request import AppEngineTarget, PullMessage
from .._service.task import Task, TaskState
from .._service.validation import id_of, queue_of
from .._targets.headers import Headers
from .._text import WIDTH, safe_repr, safe_str, shortened
from .._time.instants import from_timedelta

ENDED = {
    TaskState.SUCCEEDED: "succeeded",
    TaskState.EXHAUSTED: "had no retry left",
    TaskState.EXPIRED: "expired",
    TaskState.DELETED: "was deleted",
}
"""How a task has left its queue."""


def short_name(task: Task) -> str:
    """Return ``queue/task``."""
    return f"{id_of(task.queue_name)}/{id_of(task.name)}"


def short_resource(name: str) -> str:
    """Return ``queue/task`` or ``queue`` for a full name."""
    queue = queue_of(name)
    return f"{id_of(queue)}/{id_of(name)}" if queue else id_of(name)


def contents(task: Task) -> str:
    """Return the payload of ``task`` in short: method and URL, or a pull task's tag."""
    target = task.target
    if isinstance(target, PullMessage):
        return f"pull, tag {target.tag!r}" if target.tag else "pull"
    return f"{target.method} {target.relative_uri if isinstance(target, AppEngineTarget) else target.url}"


def duration_text(nanoseconds: int) -> str:
    """Return ``30 s``, ``0.1 s`` or ``1 h 40 min``."""
    if nanoseconds < 0:
        return f"-{duration_text(-nanoseconds)}"
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}".rstrip("0").rstrip(".") if rest >= 1_000 else ""
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    if seconds or fraction or not parts:
        parts.append(f"{seconds}{fraction} s")
    return " ".join(parts)


def offset_text(nanoseconds: int) -> str:
    """Return ``+0:00:30`` or ``+3d 0:00:00.100``."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("+", nanoseconds)
    seconds, rest = divmod(left, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}" if rest >= 1_000 else ""
    if fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{sign}{f'{days}d ' if days else ''}{hours}:{minutes:02d}:{seconds:02d}{fraction}"


BINARY = 32
"""The number of bytes shown of a body that is not text."""
_BEFORE = 40
"""The number of characters shown before the first difference of two long texts."""
_ITEMS_BEFORE = 3
"""The number of items shown before the first difference of two long lists."""
_ITEMS_SHOWN = 10
"""The number of items shown of a long list."""
_MOST_ITEMS = 20
"""The most items of a list that is shown in full."""
_ITEM = 60
"""The number of characters of an item of a long list. Items before the difference leave room for it."""


class Absent:
    """A field that one side does not have."""

    def __repr__(self) -> str:
        return "(not there)"


ABSENT = Absent()


def shown(value: Any) -> str:
    """Return a value as text."""
    return shortened(_text(value))


def shown_apart(expected: Any, actual: Any) -> tuple[str, str]:
    """Return two different values as texts, without the common beginning of long ones."""
    if isinstance(expected, bytes) and isinstance(actual, bytes) and min(len(expected), len(actual)) > BINARY:
        same = _common(expected, actual)
        if same >= BINARY and not (_is_shown_as_text(expected) or _is_shown_as_text(actual)):
            left, right = (
                f"{bytes_text(body)}, at {same}: {body[same : same + BINARY]!r}" for body in (expected, actual)
            )
            return left, right
    texts = _text(expected), _text(actual)
    if min(map(len, texts)) <= WIDTH:
        return shortened(texts[0]), shortened(texts[1])
    same = _common(*texts)
    skipped = max(0, same - _BEFORE)
    left, right = (shortened(text[skipped:]) for text in texts)
    return (f"…{left}", f"…{right}") if skipped else (left, right)


def lists_apart(expected: Sequence[str], actual: Sequence[str], same: int) -> tuple[str, str]:
    """Return two lists of texts that differ after ``same`` matching items.

    If one is long, most matching items are left out, so that the difference is always visible, and most of the rest.
    """
    left, right = _in_brackets(expected), _in_brackets(actual)
    if max(len(left), len(right)) <= WIDTH and max(len(expected), len(actual)) <= _MOST_ITEMS:
        return left, right
    skipped = max(0, same - _ITEMS_BEFORE)
    return shortened(_part(expected, skipped)), shortened(_part(actual, skipped))


def _part(items: Sequence[str], skipped: int) -> str:
    begin = [f"… {skipped} that match"] if skipped else []
    left = len(items) - skipped - _ITEMS_SHOWN
    end = [f"… {left} more"] if left > 0 else []
    part = items[skipped : skipped + _ITEMS_SHOWN]
    return _in_brackets([*begin, *(shortened(item, _ITEM) for item in part), *end])


def _in_brackets(items: Sequence[str]) -> str:
    return f"[{', '.join(items)}]"


def _common(first: str | bytes, second: str | bytes) -> int:
    """Return the length of the common beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(first), len(second)))


def bytes_text(body: bytes) -> str:
    """Return ``b'order'``, ``'Größe'.encode()``, or the first bytes of a body that is not text and their number."""
    if _is_shown_as_text(body):
        return repr(body) if body.isascii() else f"{body.decode()!r}.encode()"
    return repr(body) if len(body) <= BINARY else f"{body[:BINARY]!r}… ({len(body)} bytes)"


def _is_shown_as_text(body: bytes) -> bool:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t" for character in text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return bytes_text(value)
    if isinstance(value, FunctionType):
        return f"a predicate, {value.__qualname__}"
    if isinstance(value, timedelta):
        return duration_text(from_timedelta(value))
    if isinstance(value, datetime):
        return safe_str(value)
    text = safe_repr(dict(value) if isinstance(value, Headers) else value, sys.maxsize)
    return " ".join(text.split()) if "\n" in text else text  # such as Google's messages
