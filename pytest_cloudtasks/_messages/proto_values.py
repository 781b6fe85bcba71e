"""Timestamps, durations and plain messages between Google's form and the model's."""

from __future__ import annotations

from typing import Any

from .._units import SECOND


def plain(message: Any) -> Any:
    """The set fields of a message as a dict; durations as nanoseconds."""
    kind = message.DESCRIPTOR.full_name if hasattr(message, "DESCRIPTOR") else None
    if kind is None:
        return message
    if kind in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        return nanoseconds(message)
    return {field.name: plain(value) for field, value in message.ListFields()}


def is_repeated(field: Any) -> bool:
    """Return whether a field is a list; newer releases of protobuf warn of ``label``."""
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if repeated is None else repeated)


def nanoseconds(message: Any) -> int:
    """A Timestamp or a Duration as an integer of nanoseconds."""
    return message.seconds * SECOND + message.nanos  # type: ignore[no-any-return]


def set_instant(message: Any, nanoseconds: int) -> None:
    """Write a Timestamp or a non-negative Duration."""
    message.seconds, message.nanos = divmod(nanoseconds, SECOND)
    if not nanoseconds:
        message.SetInParent()  # a duration of zero is set nevertheless
