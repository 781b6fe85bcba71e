"""Tasks of an exact size, and repeated text, which a failing example shows as ``'a' * 81912``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from .._messages.proto import proto_of
from .._service.queue_settings import QueueType
from .._service.service import Service
from .._service.validation import location_of
from .versions import Version, in_words_of, message, messages_of


class RepeatedText(str):
    """One character, repeated."""

    __slots__ = ()

    def __new__(cls, one: str, length: int) -> RepeatedText:
        """Create ``length`` times the character ``one``."""
        return super().__new__(cls, one * length)

    def __repr__(self) -> str:
        return f"{self[:1]!r} * {len(self)}"


class RepeatedBytes(bytes):
    """A body of zeros, as digits."""

    __slots__ = ()

    def __new__(cls, length: int) -> RepeatedBytes:
        """Create ``length`` times the digit 0."""
        return super().__new__(cls, b"0" * length)

    def __repr__(self) -> str:
        return f"b'0' * {len(self)}"


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def nanoseconds(instant: datetime) -> int:
    """Return the nanoseconds of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def with_size(version: Version, fields: Mapping[str, Any], payload: str, size: int, now: datetime, parent: str) -> Any:
    """Return ``fields`` with a body so that the task of the queue ``parent``, created at ``now``, has that size.

    ``payload`` names the field with the body. Beyond a few bytes, the size grows with the body byte by byte.
    """
    body = "payload" if payload == "pull_message" else "body"
    length = size - 1000
    for _ in range(2):
        filled = {**fields, payload: {**fields[payload], body: RepeatedBytes(length)}}
        length += size - _stored_size(version, filled, now, parent)
    return {**fields, payload: {**fields[payload], body: RepeatedBytes(length)}}


def _stored_size(version: Version, fields: Mapping[str, Any], now: datetime, parent: str) -> int:
    """Return the size of the task as stored by a service with only this queue."""
    messages, at = messages_of(version), nanoseconds(now)
    service = Service(lambda: "0")
    kind = QueueType.PULL if "pull_message" in fields else QueueType.PUSH
    service.create_queue(at, location_of(parent), parent, {"type": kind})
    spec = messages.task_spec(proto_of(message(version, "Task", in_words_of(version, "Task", fields))))
    return messages.stored_size(service.draft_task(at, parent, spec))
