"""RPCs that only v2beta2 has: those on pull queues, and the upload of a queue.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._service import errors
from .._service.service import Service, upload
from .._service.task import Task
from .call import RpcCall
from .proto_values import nanoseconds
from .queue_yaml import NoYaml, QueueYamlError, uploaded
from .tasks import Messages


class PullRpcs:
    """Their handlers, for one API version's messages."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.handlers: dict[str, Callable[[Service, int, Any, RpcCall], Any]] = {
            "lease_tasks": self._lease_tasks,
            "acknowledge_task": self._acknowledge_task,
            "renew_lease": self._renew_lease,
            "cancel_lease": self._cancel_lease,
            "upload_queue_yaml": self._upload_queue_yaml,
        }

    def _lease_tasks(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        tasks = service.leases.lease(
            service,
            now,
            request.parent,
            max_tasks=request.max_tasks,
            duration=_set(request, "lease_duration"),
            filter=request.filter,
            size_of=self._messages.stored_size,
        )
        return self._messages.types.LeaseTasksResponse(tasks=[self._shown(task, request) for task in tasks])

    def _acknowledge_task(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        from google.protobuf import empty_pb2

        service.leases.acknowledge(service, now, request.name, _set(request, "schedule_time"))
        return empty_pb2.Empty()

    def _renew_lease(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        duration = _set(request, "lease_duration")
        return self._shown(
            service.leases.renew(service, now, request.name, _set(request, "schedule_time"), duration), request
        )

    def _cancel_lease(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        return self._shown(service.leases.cancel(service, now, request.name, _set(request, "schedule_time")), request)

    def _shown(self, task: Task, request: Any) -> Any:
        return self._messages.task_in_view(task, request.response_view)

    def _upload_queue_yaml(self, service: Service, now: int, request: Any, call: RpcCall) -> Any:
        """Its queues are those of the project app_id in the location that the fake's project has. Our choice."""
        from google.protobuf import empty_pb2

        try:
            queues = uploaded(request.http_body.data.decode())
        except NoYaml:
            raise errors.QUEUE_YAML_UNREADABLE.error() from None
        except UnicodeDecodeError:
            raise errors.QUEUE_YAML_INVALID.error(reason="it is not UTF-8.") from None
        except QueueYamlError as error:
            raise errors.QUEUE_YAML_INVALID.error(reason=f"it is a file {error}") from None
        upload(service, now, f"projects/{request.app_id}/locations/{service.location}", queues)
        return empty_pb2.Empty()


def _set(request: Any, field: str) -> int | None:
    """An instant or a duration that a request has set."""
    return nanoseconds(getattr(request, field)) if request.HasField(field) else None
