"""The RPCs of one API version: each one takes Google's request message and returns Google's response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import partial
from types import ModuleType
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from .._service import errors, iam
from .._service.queue import Queue, QueueState, stats_of
from .._service.service import Service
from .._service.task import TaskSpec
from .._service.validation import Rpc, check_call, check_new_queue, location_of, queue_of
from .proto import built_queue, proto_of
from .rpc_call import IncomingCall
from .tasks import VIEW_FULL, Messages
from .versioned_rpcs import NOT_SERVED, NewestRpcs, PullRpcs

HEADROOM = 2048
"""The maximum number of bytes that the service adds to a task: names, times, its own headers."""
Handler = Callable[[Service, int, Any, IncomingCall], Any]
"""Answers a request, which is protobuf's own message, for a call."""


class Frontend:
    """The modelled RPCs, by the client's names."""

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
            **NewestRpcs(self.messages, self._stored_size).handlers,
            **(PullRpcs(self.messages).handlers if self.messages.has_pull_queues else {}),
        }

    @property
    def rpcs(self) -> Set[str]:
        """The names of the modelled RPCs."""
        return self._handlers.keys()

    def configure(self, service: Service, now: int, name: str, fields: Mapping[str, Any]) -> Queue:
        """Create a queue as CreateQueue does, from fields of Google's Queue message. It is ready at once."""
        check_new_queue(name, location_of(name))
        message = built_queue(self.messages.types.Queue, fields, name)
        queue = service.create_queue(now, location_of(name), name, self.messages.queue_settings(message))
        queue.initialized_at = now  # ready at once, because the test itself creates it in order to use it
        return service.pause_queue(now, name) if message.state == QueueState.PAUSED.value else queue

    def fields_of_missing_queue(self, request: Any) -> Mapping[str, Any]:
        """Return the type that a missing queue needs for the task of ``request``."""
        task = getattr(proto_of(request), "task", None)
        is_pull = self.messages.has_pull_queues and task is not None and task.HasField("pull_message")
        return {"pull_target": {}} if is_pull else {}

    def answer(self, service: Service, now: int, call: IncomingCall) -> Any:
        """Return the response to ``call``, a message of the installed library. Raise ServiceError if it is rejected."""
        handler = self._handlers.get(call.method)
        if call.method in NOT_SERVED:
            raise errors.UNREGISTERED_CALLER.error()
        if handler is None:
            raise errors.NOT_MODELLED.error(what=f"the RPC {call.method}")
        request = call.message
        check_permission = None
        if service.options.iam_emulation:
            check_permission = partial(authorize, service, request=request)
        try:
            check_call(call.method, call.api, request, check_permission)
            service.check_wait(call.method, now, call.timeout)
            return handler(service, now, request, call)
        except errors.ServiceError as error:
            error.message = self.messages.in_own_words(error.message)
            raise

    def _create_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        queue = request.queue
        settings = self.messages.queue_settings(queue)
        return self.messages.queue(service.create_queue(now, request.parent, queue.name, settings))

    def _get_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self._reader(service, now, request)(service.get_queue(now, request.name))

    def _reader(self, service: Service, now: int, request: Any) -> Callable[[Queue], Any]:
        """Return a function that makes a message of a queue, with the fields in the request's read_mask."""
        messages = self.messages
        if "read_mask" not in request.DESCRIPTOR.fields_by_name or not request.read_mask.paths:
            return messages.queue
        paths = list(request.read_mask.paths)
        return lambda queue: messages.masked(messages.queue(queue), stats_of(queue, now), paths)

    def _list_queues(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        queues, token = service.list_queues(
            now, request.parent, request.page_size, request.page_token, request.filter, self.messages.filter_fields
        )
        return self.messages.list_queues_response(queues, token, self._reader(service, now, request))

    def _update_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        queue = request.queue
        mask, unknown = self.messages.update_mask(request)
        if unknown is not None:
            raise errors.MASK_UNKNOWN_FIELD.error(path=unknown)
        settings = self.messages.queue_settings(queue)
        return self.messages.queue(service.update_queue(now, queue.name, settings, mask))

    def _delete_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        service.delete_queue(now, request.name)
        return _empty()

    def _purge_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self.messages.queue(service.purge_queue(now, request.name))

    def _pause_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self.messages.queue(service.pause_queue(now, request.name))

    def _resume_queue(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self.messages.queue(service.resume_queue(now, request.name))

    def _get_iam_policy(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return _policy_message(service.get_iam_policy(now, request.resource))

    def _set_iam_policy(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        policy = service.set_iam_policy(now, request.resource, _policy(request.policy))
        return _policy_message(policy)

    def _test_iam_permissions(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        held = service.test_iam_permissions(now, request.resource, list(request.permissions))
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=held)

    def _create_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        spec = self.messages.task_spec(request.task) if request.HasField("task") else None
        size = self._stored_size(service, now, request.parent, spec, call.size)
        task = service.create_task(now, request.parent, spec, size)
        return self.messages.task_in_view(task, request.response_view)

    def _stored_size(self, service: Service, now: int, parent: str, spec: TaskSpec | None, request_size: int) -> int:
        """Return the bytes that a task would have as it is stored; 0 if its request is far below the limit.

        Measuring takes as long as everything else. A task that CreateTask rejects for another reason has no size.
        """
        if request_size + HEADROOM <= service.options.max_task_size:
            return 0
        try:
            return self.messages.stored_size(service.draft_task(now, parent, spec))
        except errors.ServiceError:
            return 0

    def _get_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self.messages.task_in_view(service.get_task(now, request.name), request.response_view)

    def _list_tasks(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        tasks, token = service.list_tasks(now, request.parent, request.page_size, request.page_token)
        return self.messages.list_tasks_response(tasks, token, full=request.response_view == VIEW_FULL)

    def _delete_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        service.delete_task(now, request.name)
        return _empty()

    def _run_task(self, service: Service, now: int, request: Any, call: IncomingCall) -> Any:
        return self.messages.task_in_view(service.run_task(now, request.name), request.response_view)


def _empty() -> Any:
    return empty_pb2.Empty()


def _policy(message: Any) -> iam.Policy:
    bindings = (
        iam.Binding(binding.role, tuple(binding.members), binding.HasField("condition")) for binding in message.bindings
    )
    return iam.Policy(tuple(bindings), message.etag, message.version)


def _policy_message(policy: iam.Policy) -> Any:
    bindings = [policy_pb2.Binding(role=binding.role, members=binding.members) for binding in policy.bindings]
    return policy_pb2.Policy(version=policy.version, bindings=bindings, etag=policy.etag)


def authorize(service: Service, rpc: Rpc, resource: str, request: Any) -> None:
    """Raise ServiceError if the caller may not do this with ``resource``, a queue or task. Evidence: documented."""
    if rpc.permission:
        service.authorize(rpc.permission, resource)
    fields = request.DESCRIPTOR.fields_by_name
    creations = request.requests if "requests" in fields else [request] if "task" in fields else []
    if any(getattr(message, "response_view", None) == VIEW_FULL for message in (request, *creations)):
        service.authorize(iam.FULL_VIEW, resource)
    for creation in creations:
        account = _account(creation.task)
        if account:
            service.authorize(iam.ACT_AS, queue_of(resource) or resource, account)


def _account(task: Any) -> str:
    """Return the service account that a task is sent as."""
    if "http_request" not in task.DESCRIPTOR.fields_by_name:
        return ""  # v2beta2 of older releases has only App Engine and pull tasks
    token = task.http_request.WhichOneof("authorization_header")
    return getattr(task.http_request, token).service_account_email if token else ""
