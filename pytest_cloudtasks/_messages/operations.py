"""The model's batches as the ``google.longrunning.Operation`` that the client makes its futures of."""

from __future__ import annotations

from typing import Any

from .._service.batches import BatchKind, BatchState, Operation
from .grpc_errors import status_of
from .proto import raw, raw_class
from .proto_values import set_instant
from .tasks import Messages


def message_of(operation: Operation, messages: Messages, views: dict[int, bool]) -> Any:
    """An Operation that is done: its metadata, and its response or error.

    ``views`` says by the index of a request whether its task is shown in full. Evidence: recorded.
    """
    from google.longrunning import operations_pb2

    message = operations_pb2.Operation(name=operation.name, done=True)
    message.metadata.Pack(_metadata(operation, messages.types))
    error = operation.error
    if error is not None:
        message.error.CopyFrom(status_of(error))
    elif operation.state is BatchState.FAILED:
        pass  # neither response nor error
    elif operation.kind is BatchKind.CREATE:
        message.response.Pack(_created(operation, messages, views))
    else:
        from google.protobuf import empty_pb2

        message.response.Pack(empty_pb2.Empty())
    return message


def _metadata(operation: Operation, types: Any) -> Any:
    kind = types.BatchCreateTasksMetadata if operation.kind is BatchKind.CREATE else types.BatchDeleteTasksMetadata
    metadata = raw_class(kind)(state=operation.state.name)
    for part in (metadata.start_time, metadata.end_time):
        set_instant(part, operation.time)
    for index, error in operation.failed.items():
        metadata.failed_requests[index].CopyFrom(status_of(error))
    return metadata


def _created(operation: Operation, messages: Messages, views: dict[int, bool]) -> Any:
    tasks = [raw(messages.task(task, full=views[index])) for index, task in operation.created.items()]
    return raw_class(messages.types.BatchCreateTasksResponse)(tasks=tasks)
