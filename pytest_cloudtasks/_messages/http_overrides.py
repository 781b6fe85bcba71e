"""Queue.http_target between Google's message and the model's settings."""

from __future__ import annotations

from typing import Any

from .._service.overrides import Overrides


def read(message: Any) -> Overrides:
    """The set fields of a message, nested as there; enum values by name."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        # A repeated field is a sequence of its own kind.
        return read(value) if hasattr(value, "ListFields") else [read(one) for one in value]
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value


def write(message: Any, settings: Overrides) -> None:
    """Set the fields that ``settings`` has."""
    from google.protobuf import json_format

    message.SetInParent()
    json_format.ParseDict(settings, message)
