"""Batches of tasks: long-running operations, done as soon as they are called."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from copy import copy
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from . import errors
from .errors import ServiceError
from .task import Task, TaskSpec
from .validation import check_new_task, check_task_name, location_of, queue_of

if TYPE_CHECKING:
    from .service import Service


MAX_CREATES = 100
"""Requests in a BatchCreateTasks. Ledger: `batch-create-tasks/more-than-100-requests`."""
MAX_DELETES = 1000
"""Names in a BatchDeleteTasks. Ledger: `batch-delete-tasks/more-than-1000-names`."""


class BatchKind(Enum):
    """The RPC that an operation comes from."""

    CREATE = "BatchCreateTasks"
    DELETE = "BatchDeleteTasks"


class BatchState(Enum):
    """How a batch has ended. The two APIs have different numbers for these."""

    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"


class Creation(NamedTuple):
    """One CreateTask of a batch."""

    parent: str
    spec: TaskSpec
    size: int = 0
    """As for `Service.create_task`."""
    is_full_view: bool = False
    """Whether the operation shows the whole task."""


class Operation:
    """A finished batch. It began and ended at the same instant (nanoseconds)."""

    __slots__ = ("api", "created", "failed", "full_views", "kind", "name", "size", "time")

    def __init__(self, name: str, kind: BatchKind, size: int, time: int, api: str) -> None:
        self.name = name
        self.kind = kind
        self.size = size
        """How many requests there were."""
        self.time = time
        self.api = api
        """The package of the API that was called, such as ``google.cloud.tasks.v2``."""
        self.failed: dict[int, ServiceError] = {}
        """The errors, by the index of the request."""
        self.created: dict[int, Task] = {}
        """The new tasks as they were at that instant, by the index of the request."""
        self.full_views: set[int] = set()
        """The indices of the tasks that are shown as a whole."""

    @property
    def state(self) -> BatchState:
        """FAILED if no task was created. A batch of deletions is at most PARTIALLY_SUCCEEDED.

        Ledger: `batch-create-tasks/every-request-fails`.
        """
        if not self.failed:
            return BatchState.SUCCEEDED
        if self.kind is BatchKind.CREATE and len(self.failed) == self.size:
            return BatchState.FAILED
        return BatchState.PARTIALLY_SUCCEEDED

    @property
    def error(self) -> ServiceError | None:
        """The operation's error, set only if every deletion failed. Ledger: `batch-delete-tasks/every-delete-fails`."""
        if self.kind is BatchKind.DELETE and len(self.failed) == self.size:
            return errors.BATCH_ALL_FAILED.error()
        return None


def create_tasks(
    service: Service, now: int, parent: str, creations: Sequence[Creation], request_id: str, api: str
) -> Operation:
    """Run BatchCreateTasks: check the whole batch, then create the tasks in order."""
    if not creations:
        raise errors.BATCH_EMPTY.error()
    if len(creations) > MAX_CREATES:
        raise errors.BATCH_CREATE_SIZE.error(size=len(creations))
    named: set[str] = set()
    for creation in creations:
        if creation.parent != parent:
            raise errors.BATCH_PARENT.error(parent=creation.parent, batch=parent)
        name = creation.spec.name
        check_new_task(name, parent)
        if name and name in named:
            raise errors.BATCH_DUPLICATE_NAME.error(name=name)
        named.add(name)
    operation = _new(service, BatchKind.CREATE, len(creations), now, parent, request_id, api)
    for index, creation in enumerate(creations):
        try:
            if creation.spec.target is None and parent in service.queues:
                raise errors.BATCH_PAYLOAD.error()
            task = service.create_task(now, parent, creation.spec, creation.size)
            operation.created[index] = copy(task)
        except ServiceError as error:
            operation.failed[index] = _without_details(error)
        if creation.is_full_view:
            operation.full_views.add(index)
    return operation


def delete_tasks(
    service: Service, now: int, parent: str, task_names: Sequence[str], request_id: str, api: str
) -> Operation:
    """Run BatchDeleteTasks: delete the tasks in order. A repeated name counts as already deleted."""
    if not task_names:
        raise errors.ARGUMENT_INVALID.error()
    if len(task_names) > MAX_DELETES:
        raise errors.BATCH_DELETE_SIZE.error(size=len(task_names))
    operation = _new(service, BatchKind.DELETE, len(task_names), now, parent, request_id, api)
    deleted: set[str] = set()
    for index, name in enumerate(task_names):
        if name in deleted:
            continue
        try:
            _check_to_delete(name, parent)
            service.delete_task(now, name)
            deleted.add(name)
        except ServiceError as error:
            operation.failed[index] = _without_details(error)
    return operation


def _new(service: Service, kind: BatchKind, size: int, now: int, parent: str, request_id: str, api: str) -> Operation:
    """Return a new operation. Its ID is that of the request, which either RPC accepts only once.

    The service gives a batch without an ID a UUID. Here the UUID depends on the number of batches so far.
    """
    operation_id = request_id or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{parent} {service.batch_count}"))
    name = f"{location_of(parent)}/operations/{operation_id}"
    if name in service.operations:
        raise errors.BATCH_DUPLICATE_ID.error(id=operation_id)
    service.batch_count += 1
    operation = service.operations[name] = Operation(name, kind, size, now, api)
    return operation


def _check_to_delete(name: str, parent: str) -> None:
    """Raise ServiceError for a name that is no task's name in the queue ``parent``."""
    try:
        check_task_name(name)
    except ServiceError as error:
        raise errors.BATCH_TASK_NAME.error(why=error.message) from None
    if queue_of(name) != parent:
        raise errors.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=queue_of(name))


def _without_details(error: ServiceError) -> ServiceError:
    return ServiceError(error.code, error.message)
