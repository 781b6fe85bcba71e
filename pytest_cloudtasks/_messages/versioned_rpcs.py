"""RPCs that only some API versions or releases of the library have.

Only v2beta2 has pull queues and the upload of a queue.yaml. Batches, operations, locations and CMEK configs came with
later releases of the library, which dropped BufferTask.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from .._service import errors
from .._service.batches import BatchKind, BatchState, Creation, Operation
from .._service.overrides import buffered_task
from .._service.service import Service
from .._service.task import Task, TaskSpec
from .._service.validation import id_of
from .backported_types import CompletedTypes, buffer_messages
from .grpc_errors import status_of
from .proto import nanoseconds, proto_class, set_instant
from .queue_yaml import NoYaml, QueueYamlError, uploaded
from .rpc_call import IncomingCall
from .tasks import VIEW_FULL, Messages

NOT_SERVED = frozenset({"list_operations", "delete_operation", "cancel_operation", "wait_operation"})
"""RPCs of google.longrunning that the client's channel has and the service denies to everybody. Evidence: recorded."""


class NewestRpcs:
    """Handlers of recent RPCs, for one API version's messages."""

    def __init__(
        self, messages: Messages, stored_size: Callable[[Service, int, str, TaskSpec | None, int], int]
    ) -> None:
        """Set up the handlers.

        ``stored_size`` returns the bytes of a task, given its request's size, if it may be too large.
        """
        self._messages = messages
        self._stored_size = stored_size
        self.handlers: dict[str, Callable[[Service, int, Any, IncomingCall], Any]] = {
            "buffer_task": self._buffer_task,
            "batch_create_tasks": self._batch_create_tasks,
            "batch_delete_tasks": self._batch_delete_tasks,
            "get_operation": self._get_operation,
            "get_location": self._get_location,
            "list_locations": self._list_locations,
            "get_cmek_config": self._get_cmek_config,
            "update_cmek_config": self._update_cmek_config,
        }

    def _buffer_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        content = request.body
        contents = request.task_id, content.data, content.content_type
        queue = service.existing_queue("buffer_task", request.queue)
        size = self._stored_size(service, now, request.queue, buffered_task(queue, *contents), call.size)
        task = service.buffer_task(now, request.queue, *contents, size)
        response = buffer_messages(self._messages.types).response()
        response.task.CopyFrom(self._messages.task_proto(task, full=False))
        return response

    def _batch_create_tasks(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        creations = []
        for creation in request.requests:
            spec = self._messages.task_spec(creation.task)
            size = self._stored_size(service, now, creation.parent, spec, creation.ByteSize())
            creations.append(Creation(creation.parent, spec, size, creation.response_view == VIEW_FULL))
        operation = service.batch_create_tasks(now, request.parent, creations, request.request_id, call.api)
        return message_of(operation, self._messages)

    def _batch_delete_tasks(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        task_names = list(request.names)
        operation = service.batch_delete_tasks(now, request.parent, task_names, request.request_id, call.api)
        return message_of(operation, self._messages)

    def _get_operation(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        operation = service.get_operation(now, request.name)
        types = CompletedTypes(import_module(f"{operation.api.replace('.tasks.', '.tasks_')}.types"))
        return message_of(operation, Messages(types))

    def _get_location(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return _location(service.get_location(now, request.name))

    def _list_locations(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        from google.cloud.location import locations_pb2  # googleapis-common-protos before 1.56 lacks it

        if request.filter:
            raise errors.NOT_MODELLED.error(what="the filter of ListLocations")
        names = service.list_locations(now, request.name)
        return locations_pb2.ListLocationsResponse(locations=[_location(name) for name in names])

    def _get_cmek_config(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self._cmek_config(request.name, service.get_cmek_config(now, request.name))

    def _update_cmek_config(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        config = request.cmek_config
        kms_key = service.update_cmek_config(now, config.name, config.kms_key, list(request.update_mask.paths))
        return self._cmek_config(config.name, kms_key)

    def _cmek_config(self, name: str, kms_key: str) -> Any:
        return self._messages.types.CmekConfig(name=name, kms_key=kms_key)


def _location(name: str) -> Any:
    from google.cloud.location import locations_pb2  # googleapis-common-protos before 1.56 lacks it

    return locations_pb2.Location(name=name, location_id=id_of(name))


class PullRpcs:
    """Handlers of pull queues, for one API version's messages."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.handlers: dict[str, Callable[[Service, int, Any, IncomingCall], Any]] = {
            "lease_tasks": self._lease_tasks,
            "acknowledge_task": self._acknowledge_task,
            "renew_lease": self._renew_lease,
            "cancel_lease": self._cancel_lease,
            "upload_queue_yaml": self._upload_queue_yaml,
        }

    def _lease_tasks(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        tasks = service.lease_tasks(
            now,
            request.parent,
            request.max_tasks,
            _set(request, "lease_duration"),
            request.filter,
            self._messages.stored_size,
        )
        return self._messages.types.LeaseTasksResponse(tasks=[self._shown(task, request) for task in tasks])

    def _acknowledge_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        service.acknowledge_task(now, request.name, _set(request, "schedule_time"))
        return empty_pb2.Empty()

    def _renew_lease(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        duration = _set(request, "lease_duration")
        return self._shown(service.renew_lease(now, request.name, _set(request, "schedule_time"), duration), request)

    def _cancel_lease(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self._shown(service.cancel_lease(now, request.name, _set(request, "schedule_time")), request)

    def _shown(self, task: Task, request: Any) -> Any:
        return self._messages.task_in_view(task, request.response_view)

    def _upload_queue_yaml(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        """Set up the queues of the project app_id in the location of the fake's project. Our choice."""
        try:
            queues = uploaded(request.http_body.data.decode())
        except NoYaml:
            raise errors.QUEUE_YAML_UNREADABLE.error() from None
        except UnicodeDecodeError:
            raise errors.QUEUE_YAML_INVALID.error(reason="it is not UTF-8.") from None
        except QueueYamlError as error:
            raise errors.QUEUE_YAML_INVALID.error(reason=str(error)) from None
        service.upload_queue_yaml(now, f"projects/{request.app_id}/locations/{service.location}", queues)
        return empty_pb2.Empty()


def _set(request: Any, field: str) -> int | None:
    """Return an instant or a duration that a request has set, or None."""
    return nanoseconds(getattr(request, field)) if request.HasField(field) else None


def message_of(operation: Operation, messages: Messages) -> Any:
    """Return an Operation that is done, with its metadata and its response or error."""
    message = operations_pb2.Operation(name=operation.name, done=True)
    message.metadata.Pack(_metadata(operation, messages.types))
    error = operation.error
    if error is not None:
        message.error.CopyFrom(status_of(error))
    elif operation.state is BatchState.FAILED:
        pass  # neither response nor error
    elif operation.kind is BatchKind.CREATE:
        message.response.Pack(_created(operation, messages))
    else:
        message.response.Pack(empty_pb2.Empty())
    return message


def _metadata(operation: Operation, types: Any) -> Any:
    kind = types.BatchCreateTasksMetadata if operation.kind is BatchKind.CREATE else types.BatchDeleteTasksMetadata
    metadata = proto_class(kind)(state=operation.state.name)
    for part in (metadata.start_time, metadata.end_time):
        set_instant(part, operation.time)
    for index, error in operation.failed.items():
        metadata.failed_requests[index].CopyFrom(status_of(error))
    return metadata


def _created(operation: Operation, messages: Messages) -> Any:
    full = operation.full_views
    tasks = [messages.task_proto(task, full=index in full) for index, task in operation.created.items()]
    return proto_class(messages.types.BatchCreateTasksResponse)(tasks=tasks)
