"""RPCs that came with later releases of the library, or went: batches, operations, locations, CMEK configs, BufferTask.

An older client has no way to ask for them, and nothing here is imported or looked up before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._service import errors
from .._service.batches import Creation, Operation
from .._service.overrides import buffered_task
from .._service.service import Service, get_location, list_locations
from .._service.validation import id_of
from .buffer_task_types import buffer_messages
from .call import RpcCall
from .proto import raw
from .tasks import VIEW_FULL, Messages

NOT_SERVED = frozenset({"list_operations", "delete_operation", "cancel_operation", "wait_operation"})
"""RPCs of google.longrunning that the client's channel has and the service denies to everybody. Evidence: recorded."""


class NewestRpcs:
    """Their handlers, for one API version's messages."""

    def __init__(self, messages: Messages, measured: Callable[[Service, int], Any]) -> None:
        """``measured`` gives what measures the task of a request of so many bytes, if that might be too large."""
        self._messages = messages
        self._measured = measured
        self.handlers: dict[str, Callable[[Service, int, Any, RpcCall], Any]] = {
            "buffer_task": self._buffer_task,
            "batch_create_tasks": self._batch_create_tasks,
            "batch_delete_tasks": self._batch_delete_tasks,
            "get_operation": self._get_operation,
            "get_location": self._get_location,
            "list_locations": self._list_locations,
            "get_cmek_config": self._get_cmek_config,
            "update_cmek_config": self._update_cmek_config,
        }

    def _buffer_task(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        content = request.body
        queue = service.existing_queue("buffer_task", request.queue)
        spec = buffered_task(queue, request.task_id, content.data, content.content_type)
        measured = self._measured(service, call.size)
        task = service.create_task(now, request.queue, spec, size_of=measured)
        response = buffer_messages(self._messages.types).response()
        response.task.CopyFrom(raw(self._messages.task(task, full=False)))
        return response

    def _batch_create_tasks(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        creations = [
            Creation(one.parent, self._messages.task_spec(one.task), self._measured(service, one.ByteSize()))
            for one in request.requests
        ]
        batches = service.batches
        operation = batches.create_tasks(service, now, request.parent, creations, request.request_id)
        views = {index: one.response_view == VIEW_FULL for index, one in enumerate(request.requests)}
        return self._shown(operation, views)

    def _batch_delete_tasks(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        task_names = list(request.names)
        batches = service.batches
        operation = batches.delete_tasks(service, now, request.parent, task_names, request.request_id)
        return self._shown(operation, {})

    def _get_operation(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        return self._shown(service.batches.get(request.name), {})

    def _shown(self, operation: Operation, views: dict[int, bool]) -> Any:
        """The operation as it was when it was done: tasks of its response show nothing of what came later."""
        from google.longrunning import operations_pb2

        if operation.message is None:
            from .operations import message_of

            operation.message = message_of(operation, self._messages, views).SerializeToString()
        return operations_pb2.Operation.FromString(operation.message)

    def _get_location(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        return _location(get_location(request.name, service.location, service.queues))

    def _list_locations(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        from google.cloud.location import locations_pb2

        if request.filter:
            raise errors.NOT_MODELLED.error(what="the filter of ListLocations")
        found = list_locations(request.name, service.location, service.queues)
        return locations_pb2.ListLocationsResponse(locations=[_location(name) for name in found])

    def _get_cmek_config(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        return self._cmek_config(request.name, service.cmek.get(request.name))

    def _update_cmek_config(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        config = request.cmek_config
        mask = request.update_mask.paths
        kms_key = service.cmek.update(service.queues.values(), config.name, config.kms_key, mask)
        return self._cmek_config(config.name, kms_key)

    def _cmek_config(self, name: str, kms_key: str) -> Any:
        return self._messages.types.CmekConfig(name=name, kms_key=kms_key)


def _location(name: str) -> Any:
    from google.cloud.location import locations_pb2

    return locations_pb2.Location(name=name, location_id=id_of(name))
