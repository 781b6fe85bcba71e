"""Messages that an API version has and the installed library lacks.

The discovery document of v2beta2 has batches and CMEK configs in the same form as v2, so v2's messages are copied.
google-cloud-tasks 2.14 had BufferTask's messages in the betas. Later releases don't, but the service still accepts the
calls, so these messages are built here. Evidence: documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from google.api import httpbody_pb2
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from .proto import proto_class

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
    """The library's module of a version's messages. Missing messages are created on first use."""

    def __init__(self, types: ModuleType) -> None:
        super().__init__(types.__name__)
        self._types = types

    def __getattr__(self, name: str) -> Any:
        if name in _BORROWED and not hasattr(self._types, name) and name in self._made:
            return self._made[name]
        return getattr(self._types, name)

    @cached_property
    def _made(self) -> dict[str, Any]:
        own = proto_class(self._types.Task).DESCRIPTOR
        lenders = import_module("google.cloud.tasks_v2.types")
        lent = [proto_class(getattr(lenders, name)).DESCRIPTOR for name in _BORROWED if hasattr(lenders, name)]
        return _moved(lent, own.full_name.rpartition(".")[0], own.file.pool) if lent else {}


def _moved(lent: list[Any], package: str, pool: Any) -> dict[str, Any]:
    """Return protobuf's classes of the same messages in another package."""
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
                field_type = pool.FindMessageTypeByName(field.type_name[1:])
                needed.add(field_type.file.name)
    file.dependency.extend(sorted(needed))
    pool.AddSerializedFile(file.SerializeToString())
    return {name: class_of(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names}


def _fields_of(message: Any) -> Iterator[Any]:
    yield from message.field
    for nested in message.nested_type:
        yield from _fields_of(nested)


def class_of(descriptor: Any) -> Any:
    """Return protobuf's class of a message."""
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)  # before protobuf 4.22


class BufferMessages(NamedTuple):
    """Protobuf's classes of BufferTask's messages."""

    request: Any
    response: Any


@cache
def buffer_messages(types: ModuleType) -> BufferMessages:
    """Return BufferTask's messages of a version. Evidence: documented (their fields)."""
    if hasattr(types, "BufferTaskRequest"):
        return BufferMessages(proto_class(types.BufferTaskRequest), proto_class(types.BufferTaskResponse))
    task = proto_class(types.Task).DESCRIPTOR
    package, _, _ = task.full_name.rpartition(".")
    file = descriptor_pb2.FileDescriptorProto(
        name=f"pytest_cloudtasks/{package}/buffer_task.proto",
        package=package,
        syntax="proto3",
        dependency=[httpbody_pb2.DESCRIPTOR.name, task.file.name],
    )
    request = file.message_type.add(name="BufferTaskRequest")
    _field(request, 1, "queue")
    _field(request, 2, "task_id")
    _field(request, 3, "body", httpbody_pb2.HttpBody.DESCRIPTOR.full_name)
    _field(file.message_type.add(name="BufferTaskResponse"), 1, "task", task.full_name)
    pool = task.file.pool
    pool.AddSerializedFile(file.SerializeToString())
    made = (pool.FindMessageTypeByName(f"{package}.{message_type.name}") for message_type in file.message_type)
    return BufferMessages(*map(class_of, made))


def _field(message: Any, number: int, name: str, kind: str = "") -> None:
    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{kind}"
    else:
        field.type = FieldDescriptorProto.TYPE_STRING
