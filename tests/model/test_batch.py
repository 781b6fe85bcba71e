"""Batches, and the operations that they leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cloudtasks._service.batch import BatchKind, BatchState, Creation, Operation
from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import TaskSpec

from .driving import LOCATION, QUEUE, START, URL, assert_refused, service_with

OTHER = f"{LOCATION}/queues/other"
MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
ALL_FAILED = "None of the requests succeeded, refer to {}Metadata.failed_requests for individual error details"


def creation(task_id: str = "", url: str = URL, parent: str = QUEUE) -> Creation:
    return Creation(parent, TaskSpec(HttpTarget(url), name=f"{parent}/tasks/{task_id}" if task_id else ""))


def create(service: Service, *creations: Creation, parent: str = QUEUE, request_id: str = "") -> Operation:
    return service.batches.create_tasks(service, START, parent, creations, request_id)


def delete(service: Service, *ids: str, parent: str = QUEUE, request_id: str = "") -> Operation:
    names = [one if "/" in one else f"{parent}/tasks/{one}" for one in ids]
    return service.batches.delete_tasks(service, START, parent, names, request_id)


def failures(operation: Operation) -> dict[int, tuple[Code, str]]:
    return {index: (error.code, error.message) for index, error in operation.failed.items()}


# --- what is done ------------------------------------------------------------------------------------------------


def test_a_batch_creates_its_tasks_in_order() -> None:
    """All are there when the call returns, as if each had been created alone."""
    service = service_with()
    operation = create(service, creation("a"), creation(), creation("b"))
    assert list(operation.created.values()) == service.accepted == list(service.queues[QUEUE].tasks.values())
    assert (operation.kind, operation.state, operation.error) == (BatchKind.CREATE, BatchState.SUCCEEDED, None)
    assert (operation.time, operation.failed) == (START, {})


def test_a_refused_creation_leaves_the_others() -> None:
    """A batch is not atomic: its refusals are told by their index."""
    service = service_with()
    operation = create(service, creation("a"), creation("a"), creation(url=""), creation("b"))
    assert list(operation.created) == [0, 3]
    assert failures(operation) == {
        1: (Code.ALREADY_EXISTS, "Requested entity already exists"),
        2: (Code.INVALID_ARGUMENT, "HttpRequest.url is required."),
    }
    assert (operation.state, operation.error) == (BatchState.PARTIALLY_SUCCEEDED, None)
    assert len(service.accepted) == 2


def test_a_task_is_measured_by_its_own_request() -> None:
    """A task that is too large is refused alone."""
    service = service_with()
    too_large = Creation(QUEUE, TaskSpec(HttpTarget(URL)), lambda task: 1_048_570)
    operation = create(service, too_large, creation())
    assert failures(operation) == {0: (Code.INVALID_ARGUMENT, "Task size too large")}


def test_a_batch_deletes_its_tasks() -> None:
    """All are gone when the call returns, and their names reserved."""
    service = service_with()
    create(service, creation("a"), creation("b"))
    operation = delete(service, "a", "b")
    assert service.queues[QUEUE].tasks == {}
    assert (operation.kind, operation.state, operation.error) == (BatchKind.DELETE, BatchState.SUCCEEDED, None)


def test_a_refused_deletion_leaves_the_others() -> None:
    """What is not there is told by its index, a name that comes twice among it."""
    service = service_with()
    create(service, creation("a"))
    operation = delete(service, "none", "a", "a")
    gone = (Code.NOT_FOUND, "Requested entity was not found.")
    assert failures(operation) == {0: gone, 2: gone}
    assert (operation.state, operation.error) == (BatchState.PARTIALLY_SUCCEEDED, None)
    assert service.queues[QUEUE].tasks == {}


@pytest.mark.parametrize(
    ("run", "rpc"),
    [
        (lambda service: delete(service, "none", "nor this"), "BatchDeleteTasks"),
        (lambda service: create(service, creation(url=""), creation(url="ftp://a.test/")), "BatchCreateTasks"),
    ],
)
def test_a_batch_that_fails_whole_is_aborted(run: Callable[[Service], Operation], rpc: str) -> None:
    """Where no request succeeds the operation carries an error, besides each request's own."""
    operation = run(service_with())
    assert operation.error is not None
    assert (operation.error.code, operation.error.message) == (Code.ABORTED, ALL_FAILED.format(rpc))
    assert operation.state is BatchState.PARTIALLY_SUCCEEDED
    assert list(operation.failed) == [0, 1]


# --- limits and parents ------------------------------------------------------------------------------------------

CREATE_SIZE = "BatchCreateTasksRequest.requests must have 1 to 100 requests, and has {}."
DELETE_SIZE = "BatchDeleteTasksRequest.names must have 1 to 1000 names, and has {}."


def test_a_batch_of_the_largest_size_is_accepted() -> None:
    """100 creations, 1000 deletions."""
    service = service_with()
    assert len(create(service, *[creation() for _ in range(100)]).created) == 100
    assert len(delete(service, *[f"t{number}" for number in range(1000)]).failed) == 1000


@pytest.mark.parametrize(
    ("run", "code", "message"),
    [
        (lambda it: create(it), Code.INVALID_ARGUMENT, CREATE_SIZE.format(0)),
        (lambda it: create(it, *[creation()] * 101), Code.INVALID_ARGUMENT, CREATE_SIZE.format(101)),
        (lambda it: delete(it), Code.INVALID_ARGUMENT, DELETE_SIZE.format(0)),
        (lambda it: delete(it, *["t"] * 1001), Code.INVALID_ARGUMENT, DELETE_SIZE.format(1001)),
        (
            lambda it: create(it, creation(), creation(parent=OTHER)),
            Code.INVALID_ARGUMENT,
            f"The parent of each request ('{OTHER}') must be the same as the parent of the batch ('{QUEUE}').",
        ),
        (
            lambda it: create(it, Creation("", TaskSpec(HttpTarget(URL)))),
            Code.INVALID_ARGUMENT,
            f"The parent of each request ('') must be the same as the parent of the batch ('{QUEUE}').",
        ),
        (
            lambda it: delete(it, "t", f"{OTHER}/tasks/t"),
            Code.INVALID_ARGUMENT,
            f"The task '{OTHER}/tasks/t' must be in the queue that is the parent of the batch ('{QUEUE}').",
        ),
        (lambda it: create(it, creation(parent=OTHER), parent=OTHER), Code.NOT_FOUND, MISSING),
        (lambda it: delete(it, "t", parent=OTHER), Code.NOT_FOUND, MISSING),
        (
            lambda it: create(it, creation("a"), creation("not valid")),
            Code.INVALID_ARGUMENT,
            'Task ID "not valid" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_).'
            " Task ID must between 1 and 500 characters.",
        ),
    ],
)
def test_a_batch_that_is_refused_does_nothing(run: Callable[[Service], object], code: Code, message: str) -> None:
    """It leaves neither tasks nor an operation."""
    service = service_with()
    assert_refused(service, code, message, lambda: run(service))
    assert service.accepted == []


# --- operations --------------------------------------------------------------------------------------------------


def test_a_request_id_makes_a_retry_the_same_operation() -> None:
    """Nothing is done twice; the first call's operation is the answer."""
    service = service_with()
    first = create(service, creation("a"), request_id="one")
    assert create(service, creation("a"), request_id="one") is first
    assert len(service.accepted) == 1
    deleted = delete(service, "a", request_id="one")
    assert delete(service, "a", request_id="one") is deleted
    assert deleted.failed == {}


@pytest.mark.parametrize("ids", [("one", "two"), ("one", ""), ("", "")])
def test_another_request_id_or_none_is_another_operation(ids: tuple[str, str]) -> None:
    """What comes without an ID is never taken for a retry."""
    service = service_with()
    first, second = (create(service, creation(), request_id=request_id) for request_id in ids)
    assert first.name != second.name
    assert len(service.accepted) == 2


def test_a_request_id_counts_for_its_queue_and_rpc() -> None:
    """The same ID for another queue is another operation, in spite of the same location."""
    service = service_with()
    service.create_queue(START, LOCATION, OTHER, {})
    operations = [
        create(service, creation("a"), request_id="one"),
        create(service, creation("a", parent=OTHER), parent=OTHER, request_id="one"),
        delete(service, "a", request_id="one"),
    ]
    assert len({operation.name for operation in operations}) == 3
    assert all(operation.error is None for operation in operations)


def test_a_refused_batch_does_not_use_up_its_request_id() -> None:
    """A retry of it that is right is done."""
    service = service_with()
    message = CREATE_SIZE.format(0)
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: create(service, request_id="one"))
    assert len(create(service, creation(), request_id="one").created) == 1


def test_operations_are_found_by_name() -> None:
    """The name is one in the queue's location, and the same in every run."""
    service = service_with()
    operation = create(service, creation("a"))
    assert service.batches.get(operation.name) is operation
    assert operation.name.startswith(f"{LOCATION}/operations/")
    assert operation.name == create(service_with(), creation("a")).name


def test_an_operation_that_is_not_there_is_not_found() -> None:
    """Its name may be anything that an operation can have."""
    service = service_with()
    name = f"{LOCATION}/operations/none"
    message = "Requested entity was not found."
    assert_refused(service, Code.NOT_FOUND, message, lambda: service.batches.get(name))
