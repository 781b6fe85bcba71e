"""Messages that a version of the API has, and the installed library of that version has not: those of v2, moved there.

v2beta2 has batches and CMEK configs by its discovery document, in the same form as v2. Evidence: documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from .proto import raw_class

_BORROWED = (
    "BatchCreateTasksMetadata",
    "BatchCreateTasksRequest",
    "BatchCreateTasksResponse",
    "BatchDeleteTasksMetadata",
    "BatchDeleteTasksRequest",
    "CmekConfig",
    "GetCmekConfigRequest",
    "UpdateCmekConfigRequest",
)


class CompletedTypes(ModuleType):
    """The library's module of a version's messages; what it lacks is made when it is first asked for."""

    def __init__(self, types: ModuleType) -> None:
        super().__init__(types.__name__)
        self._types = types

    def __getattr__(self, name: str) -> Any:
        if name in _BORROWED and not hasattr(self._types, name) and name in self._made:
            return self._made[name]
        return getattr(self._types, name)

    @cached_property
    def _made(self) -> dict[str, Any]:
        own = raw_class(self._types.Task).DESCRIPTOR
        lenders = import_module("google.cloud.tasks_v2.types")
        lent = [raw_class(getattr(lenders, name)).DESCRIPTOR for name in _BORROWED if hasattr(lenders, name)]
        return _moved(lent, own.full_name.rpartition(".")[0], own.file.pool) if lent else {}


def _moved(lent: list[Any], package: str, pool: Any) -> dict[str, Any]:
    """Protobuf's classes of the same messages in another package."""
    from google.protobuf import descriptor_pb2

    theirs = lent[0].full_name.rpartition(".")[0]
    file = descriptor_pb2.FileDescriptorProto(
        name=f"pytest_cloudtasks/{package}/borrowed.proto", package=package, syntax="proto3"
    )
    names = {descriptor.name for descriptor in lent}
    needed: set[str] = set()
    for descriptor in lent:
        message = file.message_type.add()
        descriptor.CopyToProto(message)
        for field in _fields_of(message):
            _, own, name = field.type_name.partition(f".{theirs}.")
            if own:
                field.type_name = f".{package}.{name}"
            if field.type_name and name.partition(".")[0] not in names:
                found = pool.FindMessageTypeByName(field.type_name[1:])
                needed.add(found.file.name)
    file.dependency.extend(sorted(needed))
    pool.AddSerializedFile(file.SerializeToString())
    return {name: class_of(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names}


def _fields_of(message: Any) -> Iterator[Any]:
    yield from message.field
    for nested in message.nested_type:
        yield from _fields_of(nested)


def class_of(descriptor: Any) -> Any:
    """Protobuf's class of a message."""
    from google.protobuf import message_factory

    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)  # before protobuf 4.22
