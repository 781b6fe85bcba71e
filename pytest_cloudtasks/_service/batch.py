"""Batches of tasks: long-running operations that are done at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from . import errors
from . import resource_names as names
from .errors import ServiceError
from .rpcs import RPCS
from .task import Task, TaskSpec

if TYPE_CHECKING:
    from .service import Service

MAX_CREATES = 100
"""Requests in a BatchCreateTasks. Evidence: documented."""
MAX_DELETES = 1000
"""Names in a BatchDeleteTasks. Evidence: documented."""


class BatchKind(Enum):
    """Which RPC an operation comes from."""

    CREATE = "BatchCreateTasks"
    DELETE = "BatchDeleteTasks"


class BatchState(Enum):
    """How a batch has ended; each of the two APIs has numbers of its own for these."""

    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"


class Creation(NamedTuple):
    """One CreateTask of a batch."""

    parent: str
    spec: TaskSpec
    size_of: Callable[[Task], int] | None = None


class Operation:
    """A batch that was done. It began and ended at the same instant (nanoseconds)."""

    __slots__ = ("created", "failed", "kind", "message", "name", "size", "time")

    def __init__(self, name: str, kind: BatchKind, size: int, time: int) -> None:
        self.name = name
        self.kind = kind
        self.size = size
        """How many requests there were."""
        self.time = time
        self.failed: dict[int, ServiceError] = {}
        """The refusals, by the index of the request."""
        self.created: dict[int, Task] = {}
        """The new tasks, by the index of the request."""
        self.message: object = None
        """The operation as the edge shows it, of the moment it was done."""

    @property
    def state(self) -> BatchState:
        """SUCCEEDED where nothing was refused, else PARTIALLY_SUCCEEDED, also with nothing done. Documented."""
        return BatchState.PARTIALLY_SUCCEEDED if self.failed else BatchState.SUCCEEDED

    @property
    def error(self) -> ServiceError | None:
        """The operation's error: only where every request was refused.

        Evidence: documented for deletes; for creations by analogy, and by AIP-233.
        """
        return errors.BATCH_ALL_FAILED.error(rpc=self.kind.value) if len(self.failed) == self.size else None


class Batches:
    """The operations of a service."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def create_tasks(
        self, service: Service, now: int, parent: str, creations: Sequence[Creation], request_id: str
    ) -> Operation:
        """BatchCreateTasks: each for itself, in order. Evidence: documented (not atomic); the order is our choice."""
        _check_size(len(creations), MAX_CREATES, errors.BATCH_CREATE_SIZE)
        for creation in creations:
            if creation.parent != parent:
                raise errors.BATCH_PARENT.error(parent=creation.parent, batch=parent)
            names.check_new_task(creation.spec.name, parent)
        known = self._known(BatchKind.CREATE, parent, request_id)
        if known is not None:
            return known
        service.get_queue(now, parent)
        operation = self._new(BatchKind.CREATE, len(creations), now, parent, request_id)
        for index, creation in enumerate(creations):
            try:
                task = service.create_task(now, parent, creation.spec, size_of=creation.size_of)
                operation.created[index] = task
            except ServiceError as error:
                operation.failed[index] = error
        return operation

    def delete_tasks(
        self, service: Service, now: int, parent: str, task_names: Sequence[str], request_id: str
    ) -> Operation:
        """BatchDeleteTasks: each for itself, in order. Evidence: documented (not atomic); the order is our choice."""
        _check_size(len(task_names), MAX_DELETES, errors.BATCH_DELETE_SIZE)
        for name in task_names:
            if names.queue_of(name) != parent:
                raise errors.BATCH_TASK_OUTSIDE.error(name=name, parent=parent)
        known = self._known(BatchKind.DELETE, parent, request_id)
        if known is not None:
            return known
        service.get_queue(now, parent)
        operation = self._new(BatchKind.DELETE, len(task_names), now, parent, request_id)
        for index, name in enumerate(task_names):
            try:
                service.delete_task(now, name)
            except ServiceError as error:
                operation.failed[index] = error
        return operation

    def get(self, name: str) -> Operation:
        """GetOperation. Operations are kept for good. Evidence: our choice."""
        operation = self._operations.get(name)
        if operation is None:
            raise RPCS["get_operation"].unknown.error()
        return operation

    def _known(self, kind: BatchKind, parent: str, request_id: str) -> Operation | None:
        """The operation that an earlier call with this ID has begun, whatever else that call asked for.

        Evidence: documented ("avoiding duplication when user retries"). That an ID counts for one RPC of one queue,
        and that a refused call leaves none behind, is our choice.
        """
        return self._operations.get(_name_of(kind, parent, f"id {request_id}")) if request_id else None

    def _new(self, kind: BatchKind, size: int, now: int, parent: str, request_id: str) -> Operation:
        identity = f"id {request_id}" if request_id else f"number {len(self._operations)}"
        name = _name_of(kind, parent, identity)
        operation = self._operations[name] = Operation(name, kind, size, now)
        return operation


def _check_size(size: int, largest: int, refusal: errors.Refusal) -> None:
    if not 0 < size <= largest:
        raise refusal.error(size=size)


def _name_of(kind: BatchKind, parent: str, identity: str) -> str:
    """The operation's name; its ID is a UUID (documented) that follows from the call (our choice)."""
    operation_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind.value} {parent} {identity}")
    return f"{names.location_of(parent)}/operations/{operation_id}"
