"""BufferTask's messages: the library's own, or, where it has none, the same made here.

The generated clients of 2.14 had them, in the betas; later ones have not, and the service goes on to take the calls.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from .borrowed_types import class_of
from .proto import raw_class


class BufferMessages(NamedTuple):
    """Protobuf's classes."""

    request: Any
    response: Any


@cache
def buffer_messages(types: ModuleType) -> BufferMessages:
    """The messages of a version. Evidence: documented (their fields)."""
    if hasattr(types, "BufferTaskRequest"):
        return BufferMessages(raw_class(types.BufferTaskRequest), raw_class(types.BufferTaskResponse))
    from google.api import httpbody_pb2
    from google.protobuf import descriptor_pb2

    task = raw_class(types.Task).DESCRIPTOR
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
    made = (pool.FindMessageTypeByName(f"{package}.{one.name}") for one in file.message_type)
    return BufferMessages(*map(class_of, made))


def _field(message: Any, number: int, name: str, kind: str = "") -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{kind}"
    else:
        field.type = FieldDescriptorProto.TYPE_STRING
