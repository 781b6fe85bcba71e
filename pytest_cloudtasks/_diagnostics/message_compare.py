"""What ``assert one == other`` says of Google's messages and of tasks: the fields that differ, side by side.

Either side may be a message of google-cloud-tasks, as the library wraps it or as protobuf has it, a dict, or a
`TaskRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._messages.proto import PACKAGE, is_message, raw
from .._simulation.records import TaskRecord, model_task, short_name
from .diff_table import side_by_side
from .message_diff import differences

_SIDES = ("left", "right")


def compared(left: Any, right: Any) -> list[str] | None:
    """The lines for two values that are not equal, the first of them a summary; None if they are none of ours."""
    one, other = _message(left, right), _message(right, left)
    if one is None or other is None:
        return None
    headline = f"{_title(left, one)} == {_title(right, other)}"
    kinds = [message.DESCRIPTOR.full_name.removeprefix(PACKAGE) for message in (one, other)]
    if kinds[0] != kinds[1]:
        return [headline, f"Messages of two types are never equal: {kinds[0]} and {kinds[1]}."]
    table = side_by_side(list(differences(one, other)), _SIDES) or ["They have the same fields."]
    return [headline, *table, *_on_records(left, right)]


def _on_records(left: Any, right: Any) -> list[str]:
    are_records = isinstance(left, TaskRecord), isinstance(right, TaskRecord)
    if all(are_records):
        return ["Records are equal if they are of one task; these are of two. Compare their fields, or their .message."]
    if any(are_records):
        return ["A record is equal to records of the same task only. Compare its .message with a message."]
    return []


def _message(value: Any, beside: Any) -> Any:
    """Protobuf's message behind ``value``, a dict being one of the same type as ``beside``; None if there is none."""
    if isinstance(value, TaskRecord):
        return raw(value.message)
    if is_message(value):
        return raw(value)
    kind = type(beside.message if isinstance(beside, TaskRecord) else beside)
    if not isinstance(value, Mapping) or not (is_message(beside) or isinstance(beside, TaskRecord)):
        return None
    try:
        return raw(kind(value) if hasattr(kind, "pb") else kind(**value))
    except Exception:  # it has fields that the message lacks, or values of other types
        return None


def _title(value: Any, message: Any) -> str:
    if isinstance(value, TaskRecord):
        return f"task {short_name(model_task(value))}"
    return "dict" if isinstance(value, Mapping) else str(message.DESCRIPTOR.name)
