"""The v2 API in front of the model: each RPC takes Google's request message and gives Google's response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from .._model import names, refusals
from .._model.queue import Queue, QueueState
from .._model.service import Service
from .._model.task import Task
from .messages import VIEW_FULL, Messages

HEADROOM = 2048
"""Bytes that the service adds to a task at the most: names, times, its own headers."""
Handler = Callable[[Service, int, Any, "float | None"], Any]


class Frontend:
    """The RPCs that are modelled, by the names that the client gives them."""

    def __init__(self, types: ModuleType) -> None:
        self.messages = Messages(types)
        self._handlers: dict[str, Handler] = {
            "create_queue": self._create_queue,
            "get_queue": self._get_queue,
            "list_queues": self._list_queues,
            "update_queue": self._update_queue,
            "delete_queue": self._delete_queue,
            "purge_queue": self._purge_queue,
            "pause_queue": self._pause_queue,
            "resume_queue": self._resume_queue,
            "get_iam_policy": self._get_iam_policy,
            "set_iam_policy": self._set_iam_policy,
            "test_iam_permissions": self._test_iam_permissions,
            "create_task": self._create_task,
            "get_task": self._get_task,
            "list_tasks": self._list_tasks,
            "delete_task": self._delete_task,
            "run_task": self._run_task,
        }

    def configure(self, service: Service, now: int, name: str, fields: Mapping[str, Any]) -> Queue:
        """Create a queue as CreateQueue does, from fields as Google's Queue message takes them."""
        message = self.messages.types.Queue({**fields, "name": name})._pb
        queue = service.create_queue(now, names.location_of(name), name, self.messages.queue_settings(message))
        return service.pause_queue(now, name) if message.state == QueueState.PAUSED.value else queue

    def call(self, service: Service, now: int, rpc: str, request: Any, timeout: float | None = None) -> Any:
        """Answer ``request`` (a message of the installed library, or of protobuf), or raise a ServiceError.

        ``timeout`` is how many seconds the caller waits.
        """
        handler = self._handlers.get(rpc)
        if handler is None:
            raise refusals.NOT_MODELLED.error(what=f"the RPC {rpc}")
        pb = request._pb if hasattr(request, "_pb") else request
        return handler(service, now, pb, timeout)

    def _create_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        queue = request.queue
        settings = self.messages.queue_settings(queue)
        return self.messages.queue(service.create_queue(now, request.parent, queue.name, settings))

    def _get_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self.messages.queue(service.get_queue(now, request.name))

    def _list_queues(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        queues, token = service.list_queues(now, request.parent, request.page_size, request.page_token, request.filter)
        return self.messages.list_queues_response(queues, token)

    def _update_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        queue = request.queue
        settings = self.messages.queue_settings(queue)
        return self.messages.queue(service.update_queue(now, queue.name, settings, list(request.update_mask.paths)))

    def _delete_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        service.delete_queue(now, request.name)
        return _empty()

    def _purge_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self.messages.queue(service.purge_queue(now, request.name))

    def _pause_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self.messages.queue(service.pause_queue(now, request.name))

    def _resume_queue(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self.messages.queue(service.resume_queue(now, request.name))

    def _get_iam_policy(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return _policy(service.get_iam_policy(now, request.resource))

    def _set_iam_policy(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return _policy(service.set_iam_policy(now, request.resource, request.policy.SerializeToString()))

    def _test_iam_permissions(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        from google.iam.v1 import iam_policy_pb2

        held = service.test_iam_permissions(now, request.resource, request.permissions)
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=held)

    def _create_task(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        # Measuring takes as long as all the rest: it is left out where the request is far from the limit.
        may_be_too_large = request.ByteSize() + HEADROOM > service.knobs.max_task_size
        task = service.create_task(
            now,
            request.parent,
            self.messages.task_spec(request.task),
            timeout=timeout,
            size_of=self.messages.stored_size if may_be_too_large else None,
        )
        return self._shown(task, request)

    def _get_task(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self._shown(service.get_task(now, request.name), request)

    def _list_tasks(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        tasks, token = service.list_tasks(now, request.parent, request.page_size, request.page_token)
        return self.messages.list_tasks_response(tasks, token, full=request.response_view == VIEW_FULL)

    def _delete_task(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        service.delete_task(now, request.name)
        return _empty()

    def _run_task(self, service: Service, now: int, request: Any, timeout: float | None) -> Any:
        return self._shown(service.run_task(now, request.name), request)

    def _shown(self, task: Task, request: Any) -> Any:
        return self.messages.task(task, full=request.response_view == VIEW_FULL)


def _empty() -> Any:
    from google.protobuf import empty_pb2

    return empty_pb2.Empty()


def _policy(serialized: object) -> Any:
    from google.iam.v1 import policy_pb2

    return policy_pb2.Policy.FromString(serialized or b"")
