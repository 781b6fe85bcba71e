"""The API versions: their names of fields, and which of v2's fields they have."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from hypothesis.errors import InvalidArgument

from .._messages.api_versions import speaking
from .._messages.proto import ROUTING_WITHIN, built, field_name, proto_class, wrapped
from .._service.overrides import ROUTING_OVERRIDE
from .._service.retry import UNLIMITED

if TYPE_CHECKING:
    from .._messages.tasks import Messages

Version = Literal["v2", "v2beta3", "v2beta2"]
VERSIONS = ("v2", "v2beta3", "v2beta2")


def messages_of(version: Version) -> Messages:
    """Return the messages of a version; this imports Google's client."""
    if version not in VERSIONS:
        raise InvalidArgument(f"version={version!r} must be one of {', '.join(map(repr, VERSIONS))}")
    return speaking(f"google.cloud.tasks.{version}").messages


def own_client(version: Version) -> Any:
    """Return a client of a version, which calls the active fake."""
    return import_module(types_of(version).__name__.removesuffix(".types")).CloudTasksClient()


def types_of(version: Version) -> ModuleType:
    """Return the module of a version's message types."""
    return messages_of(version).types


def has_field(version: Version, kind: str, name: str) -> bool:
    """Return whether a version's message has the field that v2 calls, or would call, ``name``."""
    return _own_name(proto_class(getattr(types_of(version), kind)).DESCRIPTOR, name) != ""


def in_words_of(version: Version, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``fields``, which have v2's names, for a version's message. Leave out those that are None.

    Also leave out fields that the version's message lacks. Names within a field stay, to be checked.
    """
    descriptor = proto_class(getattr(types_of(version), kind)).DESCRIPTOR
    return _in_words_of(descriptor, {name: value for name, value in fields.items() if _own_name(descriptor, name)})


def message(version: Version, kind: str, fields: Mapping[str, Any]) -> Any:
    """Return the message for ``fields`` from `in_words_of`."""
    message = getattr(types_of(version), kind)
    return wrapped(message, built(message, fields))


def _own_name(descriptor: Any, name: str) -> str:
    if name == ROUTING_OVERRIDE and descriptor.name == "Queue":
        return next((name for name in (ROUTING_OVERRIDE, *ROUTING_WITHIN) if name in descriptor.fields_by_name), "")
    return field_name(descriptor, name)


def _in_words_of(descriptor: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in fields.items():
        own = _own_name(descriptor, name)
        if not own:
            result[name] = value
            continue
        if value is None:
            continue
        kind = descriptor.fields_by_name[own].message_type
        if isinstance(value, dict) and kind is not None and not kind.GetOptions().map_entry:
            value = {ROUTING_OVERRIDE: value} if own in ROUTING_WITHIN else _in_words_of(kind, value)
        result[own] = value
    if result.get("max_attempts") == UNLIMITED and "unlimited_attempts" in descriptor.fields_by_name:
        del result["max_attempts"]
        result["unlimited_attempts"] = True
    return result
