"""Batches, and the operations that they leave."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pytest_cloudtasks._service.batches import BatchKind, BatchState, Creation, Operation
from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import TaskSpec
from tests.each import each

from .driving import LOCATION, QUEUE, START, URL, assert_refused, service_with

OTHER = f"{LOCATION}/queues/other"
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OTHER_QUEUE = (
    f"The queue name from request ('{QUEUE}') must be the same as the queue name in the named task ('{OTHER}')."
)
MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
ALL_FAILED = (
    "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details"
)
TASK_FORM = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>".'
)
TASK_ID = (
    'Task ID "not valid" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID'
    " must between 1 and 500 characters."
)


def creation(task_id: str = "", url: str = URL, parent: str = QUEUE) -> Creation:
    return Creation(parent, TaskSpec(HttpTarget(url), name=f"{parent}/tasks/{task_id}" if task_id else ""))


def create(service: Service, *creations: Creation, parent: str = QUEUE, request_id: str = "") -> Operation:
    return service.batch_create_tasks(START, parent, creations, request_id)


def delete(service: Service, *ids: str, parent: str = QUEUE, request_id: str = "") -> Operation:
    names = [one if "/" in one else f"{parent}/tasks/{one}" for one in ids]
    return service.batch_delete_tasks(START, parent, names, request_id)


def failures(operation: Operation) -> dict[int, tuple[Code, str]]:
    return {index: (error.code, error.message) for index, error in operation.failed.items()}


# --- what is done ------------------------------------------------------------------------------------------------


def test_a_batch_creates_its_tasks_in_order() -> None:
    """All tasks exist when the call returns, as if each had been created alone."""
    service = service_with()
    operation = create(service, creation("a"), creation(), creation("b"))
    created = [task.name for task in operation.created.values()]
    assert created == [task.name for task in service.accepted] == list(service.queues[QUEUE].tasks)
    assert (operation.kind, operation.state, operation.error) == (BatchKind.CREATE, BatchState.SUCCEEDED, None)
    assert (operation.time, operation.failed) == (START, {})


def test_a_rejected_creation_leaves_the_others() -> None:
    """A batch is not atomic: errors are reported by index."""
    service = service_with()
    service.create_task(START, QUEUE, creation("c").spec)
    none = Creation(QUEUE, TaskSpec(None))
    operation = create(service, creation("a"), creation("c"), creation(url=""), creation("b"), none)
    assert list(operation.created) == [0, 3]
    assert failures(operation) == {
        1: (Code.ALREADY_EXISTS, "Requested entity already exists"),
        2: (Code.INVALID_ARGUMENT, "HttpRequest.url is required."),
        4: (Code.INVALID_ARGUMENT, "Payload type must be set."),
    }
    assert all(error.details == () for error in operation.failed.values())
    assert (operation.state, operation.error) == (BatchState.PARTIALLY_SUCCEEDED, None)
    assert service.accepted.total == 3


def test_a_task_is_measured_by_its_own_request() -> None:
    """Only the task that is too large is rejected."""
    service = service_with()
    too_large = Creation(QUEUE, TaskSpec(HttpTarget(URL)), 1_048_570)
    operation = create(service, too_large, creation())
    assert failures(operation) == {0: (Code.INVALID_ARGUMENT, "Task size too large")}


def test_a_batch_deletes_its_tasks() -> None:
    """All are deleted when the call returns, and their names are reserved."""
    service = service_with()
    create(service, creation("a"), creation("b"))
    operation = delete(service, "a", "b")
    assert service.queues[QUEUE].tasks == {}
    assert (operation.kind, operation.state, operation.error) == (BatchKind.DELETE, BatchState.SUCCEEDED, None)


def test_a_rejected_deletion_leaves_the_others() -> None:
    """Errors are reported by index; a repeated name counts as already deleted, or fails again."""
    service = service_with()
    create(service, creation("a"))
    operation = delete(service, "none", "a", "a", "none", "x/y", "not valid", f"{OTHER}/tasks/t", "none")
    gone = (Code.NOT_FOUND, "Requested entity was not found.")
    assert failures(operation) == {
        0: gone,
        3: gone,
        4: (Code.INVALID_ARGUMENT, f"Invalid task name: {TASK_FORM}"),
        5: (Code.INVALID_ARGUMENT, f"Invalid task name: {TASK_ID}"),
        6: (Code.INVALID_ARGUMENT, OTHER_QUEUE),
        7: gone,
    }
    assert all(error.details == () for error in operation.failed.values())
    assert (operation.state, operation.error) == (BatchState.PARTIALLY_SUCCEEDED, None)
    assert service.queues[QUEUE].tasks == {}


def test_an_empty_name_is_malformed() -> None:
    """It names no task."""
    operation = service_with().batch_delete_tasks(START, QUEUE, [""], "")
    assert failures(operation) == {0: (Code.INVALID_ARGUMENT, f"Invalid task name: {TASK_FORM}")}


@pytest.mark.parametrize("parent", [QUEUE, OTHER], ids=["no task", "no queue"])
def test_deletions_that_all_fail_are_aborted(parent: str) -> None:
    """The operation has an error, in addition to each request's own."""
    operation = delete(service_with(), "none", "nor-this", parent=parent)
    assert operation.error is not None
    assert (operation.error.code, operation.error.message) == (Code.ABORTED, ALL_FAILED)
    assert operation.state is BatchState.PARTIALLY_SUCCEEDED
    assert failures(operation) == dict.fromkeys([0, 1], (Code.NOT_FOUND, "Requested entity was not found."))


def test_creations_that_all_fail_leave_no_error() -> None:
    """Only the state shows it."""
    operation = create(service_with(), creation(url=""), creation(url="ftp://a.test/"))
    assert (operation.state, operation.error, list(operation.failed)) == (BatchState.FAILED, None, [0, 1])


def test_creations_in_a_missing_queue_fail_one_by_one() -> None:
    """The call itself succeeds."""
    operation = create(service_with(), creation(parent=OTHER), Creation(OTHER, TaskSpec(None)), parent=OTHER)
    assert failures(operation) == dict.fromkeys([0, 1], (Code.NOT_FOUND, MISSING))
    assert operation.state is BatchState.FAILED


# --- limits and parents ------------------------------------------------------------------------------------------

CREATE_SIZE = "A maximum of 100 tasks can be created in a single batch, but got {} tasks."
DELETE_SIZE = "A maximum of 1000 tasks can be handled in a batch, but {} were requested."
ANOTHER = (
    "All tasks in a batch request must target the same queue. Found task for queue {} in batch request for queue {}."
)


def test_a_batch_of_the_largest_size_is_accepted() -> None:
    """100 creations, 1000 deletions."""
    service = service_with()
    assert len(create(service, *[creation() for _ in range(100)]).created) == 100
    assert len(delete(service, *[f"t{number}" for number in range(1000)]).failed) == 1000


@each(
    ("run", "message"),
    [
        (lambda it: create(it), "Request must contain at least one task."),
        (lambda it: create(it, *[creation()] * 101), CREATE_SIZE.format(101)),
        (lambda it: delete(it), "Request contains an invalid argument."),
        (lambda it: delete(it, *["t"] * 1001), DELETE_SIZE.format(1001)),
        (lambda it: create(it, creation(), creation(parent=OTHER)), ANOTHER.format(OTHER, QUEUE)),
        (lambda it: create(it, Creation("", TaskSpec(HttpTarget(URL)))), ANOTHER.format("", QUEUE)),
        (
            lambda it: create(it, creation("a"), creation("b"), creation("a")),
            f"Duplicate task name in the batch request: {QUEUE}/tasks/a",
        ),
        (lambda it: create(it, creation("a"), creation("not valid")), TASK_ID),
        (
            lambda it: create(it, Creation(QUEUE, creation("a", parent=OTHER).spec)),
            OTHER_QUEUE,
        ),
    ],
)
def test_a_batch_that_is_rejected_does_nothing(run: Callable[[Service], object], message: str) -> None:
    """It creates neither tasks nor an operation."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: run(service))
    assert list(service.accepted) == []


# --- operations --------------------------------------------------------------------------------------------------


def test_a_request_id_names_the_operation() -> None:
    """It is accepted once, by either RPC, and even if the batch failed."""
    service = service_with()
    assert delete(service, "none", request_id="one").name == f"{LOCATION}/operations/one"
    message = "Duplicate operation id in the batch request: one"
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: create(service, creation("a"), request_id="one"))
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: delete(service, "none", request_id="one"))
    assert list(service.accepted) == []


@pytest.mark.parametrize("ids", [("one", "two"), ("one", ""), ("", "")])
def test_another_request_id_or_none_is_another_operation(ids: tuple[str, str]) -> None:
    """Without an ID the service names each by a UUID."""
    service = service_with()
    first, second = (create(service, creation(), request_id=request_id) for request_id in ids)
    assert first.name != second.name
    for operation, request_id in zip((first, second), ids, strict=True):
        assert request_id or re.fullmatch(
            f"{LOCATION}/operations/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", operation.name
        )


def test_a_rejected_batch_does_not_use_up_its_request_id() -> None:
    """A corrected retry succeeds."""
    service = service_with()
    message = "Request must contain at least one task."
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: create(service, request_id="one"))
    assert len(create(service, creation(), request_id="one").created) == 1


def test_operations_are_found_by_name() -> None:
    """The name is one in the queue's location, and the same in every run."""
    service = service_with()
    operation = create(service, creation("a"))
    assert service.get_operation(START, operation.name) is operation
    assert operation.name.startswith(f"{LOCATION}/operations/")
    assert operation.name == create(service_with(), creation("a")).name


def test_an_operation_that_is_not_there_is_not_found() -> None:
    """Its name may be anything that an operation can have."""
    service = service_with()
    name = f"{LOCATION}/operations/none"
    message = "Requested entity was not found."
    assert_refused(service, Code.NOT_FOUND, message, lambda: service.get_operation(START, name))
