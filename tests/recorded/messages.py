"""Protocol buffers as plain data, and plain data as protocol buffers.

Data has the fields that are set, by their names in the protocol buffer. Enums are names, or numbers where there is no
name; bytes are `{"base64": …}`; an instant or a duration is `{"seconds": …, "nanos": …}`, so that data can hold values
that Python's own types can't.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, MutableMapping, MutableSequence
from typing import Any, cast

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, descriptor_pool, field_mask_pb2, json_format, message_factory
from google.rpc import error_details_pb2

_ELSEWHERE = {
    "GetIamPolicy": iam_policy_pb2,
    "SetIamPolicy": iam_policy_pb2,
    "TestIamPermissions": iam_policy_pb2,
    "GetOperation": operations_pb2,
}
"""RPCs whose messages are not of google.cloud.tasks.v2."""
_INSTANTS = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_DETAILS = error_details_pb2.DESCRIPTOR.package
"""Importing the module has put the details of errors into the pool."""


def request_of(rpc: str, data: Mapping[str, Any]) -> Any:
    """Return the protocol buffer of a request."""
    module = _ELSEWHERE.get(rpc)
    message = getattr(module, f"{rpc}Request")() if module else getattr(tasks_v2, f"{rpc}Request").pb()()
    _fill(message, data)
    return message


def as_client_takes_it(rpc: str, message: Any) -> Any:
    """Return the request as the client's method takes it: Google's own classes wrap messages of Cloud Tasks."""
    return message if rpc in _ELSEWHERE else getattr(tasks_v2, f"{rpc}Request").wrap(message)


def data_of(message: Any) -> dict[str, Any]:
    """Return the fields of a message that are set."""
    return {field.name: _field_data(field, value) for field, value in message.ListFields()}


def _field_data(field: Any, value: Any) -> Any:
    if isinstance(value, MutableMapping):
        values = field.message_type.fields_by_name["value"]
        return {str(key): _value_data(values, value[key]) for key in sorted(value)}
    if isinstance(value, MutableSequence):
        return [_value_data(field, one) for one in value]
    return _value_data(field, value)


def _value_data(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name in _INSTANTS:
            return {"seconds": value.seconds, "nanos": value.nanos}
        return packed_data(value) if field.message_type.full_name == "google.protobuf.Any" else data_of(value)
    if field.enum_type is not None:
        member = field.enum_type.values_by_number.get(value)
        return value if member is None else member.name
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def packed_data(packed: any_pb2.Any) -> dict[str, Any]:
    """Return what an Any holds, with the last part of its type's name."""
    name = packed.TypeName()
    message = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()
    packed.Unpack(message)
    return {"type": name.rpartition(".")[2], **data_of(message)}


def operation_data(operation: operations_pb2.Operation) -> dict[str, Any]:
    """Return an operation with what its metadata and response hold; `done` is there even if it is False."""
    return {"done": False, **data_of(operation)}


def error_data(error: GoogleAPICallError) -> dict[str, Any]:
    """Return code, message and details of an error that a client raised, over gRPC or over REST."""
    if hasattr(error.response, "json"):
        body = error.response.json()["error"]
        details = [packed_data(json_format.ParseDict(one, any_pb2.Any())) for one in body.get("details", ())]
        code, message = body["status"], body["message"]
    else:
        assert error.grpc_status_code is not None
        details = [{"type": type(one).__name__, **data_of(one)} for one in error.details]
        code, message = error.grpc_status_code.name, str(error.message)
    return {"code": code, "message": message, **({"details": details} if details else {})}


def _fill(message: Any, data: Mapping[str, Any]) -> None:
    if isinstance(message, field_mask_pb2.FieldMask):
        message.paths.extend(data)
        return
    for name, value in data.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        there = getattr(message, name)
        if isinstance(there, MutableMapping):
            there.update(value)
        elif isinstance(there, MutableSequence) and field.message_type is not None:
            for one in value:
                _fill(cast(Any, there).add(), one)
        elif isinstance(there, MutableSequence):
            there.extend(value)
        elif field.message_type is not None:
            there.SetInParent()
            _fill(there, value)
        elif field.enum_type is not None and isinstance(value, str):
            setattr(message, name, field.enum_type.values_by_name[value].number)
        elif field.type == field.TYPE_BYTES:
            setattr(message, name, base64.b64decode(value["base64"]))
        elif field.type == field.TYPE_DOUBLE:
            setattr(message, name, float(value))
        else:
            setattr(message, name, value)
