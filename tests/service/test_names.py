"""Resource names."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.errors import Code, Help, ServiceError
from pytest_cloudtasks._service.validation import (
    check_new_queue,
    check_new_task,
    id_of,
    is_location,
    is_queue,
    is_queue_id,
    location_of,
    queue_of,
)
from tests.each import each

from .driving import LOCATION, QUEUE

NAME_FORMAT = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>".'
)
REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
QUEUE_NAME_HELP = Help("Definition of queue name", f"{REFERENCE}#Queue.FIELDS.name")
QUEUE_ID_HELP = Help("Definition of queue ID", f"{REFERENCE}#Queue.FIELDS.name")
TASK_NAME_HELP = Help("Definition of task name", f"{REFERENCE}.tasks#Task.FIELDS.name")
TASK_ID_HELP = Help("Definition of task ID", f"{REFERENCE}.tasks#Task.FIELDS.name")


def queue_id_text(text: str) -> str:
    return (
        f'Queue ID "{text}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
        " Queue ID must be between 1 and 100 characters."
    )


def task_id_text(text: str) -> str:
    return (
        f'Task ID "{text}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_).'
        " Task ID must between 1 and 500 characters."
    )


def test_a_name_comes_apart() -> None:
    """A task's name holds its ID, its queue and its location."""
    task = f"{QUEUE}/tasks/t"
    assert id_of(task) == "t"
    assert queue_of(task) == QUEUE
    assert location_of(QUEUE) == LOCATION
    assert id_of("t") == "t"


@each(
    ("text", "is_id"),
    [("q", True), ("A-9", True), ("x" * 100, True), ("", False), ("x" * 101, False), ("a_b", False), ("q\n", False)],
)
def test_a_queue_id_has_1_to_100_letters_digits_and_hyphens(text: str, is_id: bool) -> None:
    """Underscores and anything else make no queue ID."""
    assert is_queue_id(text) is is_id


@each(
    ("name", "expected"),
    [
        (QUEUE, True),
        ("projects/example.com:app-1/locations/europe-west1/queues/q", True),
        (f"{LOCATION}/queues/under_score", True),
        (f"{QUEUE}/tasks/t", False),
        ("q", False),
        ("projects/p/locations/l/queues", False),
        ("projects/p_1/locations/l/queues/q", False),
    ],
)
def test_a_queue_name_has_six_segments(name: str, expected: bool) -> None:
    """The shape of the name doesn't depend on its ID."""
    assert is_queue(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (LOCATION, True),
        ("projects/p/locations/-", False),
        ("projects/p", False),
        (f"{LOCATION}/", False),
        (QUEUE, False),
    ],
)
def test_a_location_name_has_four_segments(name: str, expected: bool) -> None:
    """A hyphen, which other services take for all locations, is no location."""
    assert is_location(name) is expected


@each(
    ("parent", "name", "message", "details"),
    [
        (LOCATION, "not-a-valid-queue-name", NAME_FORMAT, (QUEUE_NAME_HELP,)),
        (LOCATION, "", NAME_FORMAT, (QUEUE_NAME_HELP,)),
        (LOCATION, f"{QUEUE}/tasks/t", NAME_FORMAT, (QUEUE_NAME_HELP,)),
        (LOCATION, f"{LOCATION}/queues/under_score", queue_id_text("under_score"), (QUEUE_ID_HELP,)),
        (LOCATION, f"{LOCATION}/queues/", queue_id_text(""), (QUEUE_ID_HELP,)),
        (LOCATION, f"{LOCATION}/queues/{'x' * 101}", queue_id_text("x" * 101), (QUEUE_ID_HELP,)),
        (
            "projects/p/locations/other",
            f"{LOCATION}/queues/new",
            "projects/p/locations/l/queues/new must begin with projects/p/locations/other.",
            (),
        ),
    ],
)
def test_a_queue_whose_name_breaks_the_rules_is_rejected(
    parent: str, name: str, message: str, details: tuple[Help, ...]
) -> None:
    """The error has the service's text, and a link to the definition of what is wrong."""
    with pytest.raises(ServiceError) as rejected:
        check_new_queue(name, parent)
    assert (rejected.value.code, rejected.value.message) == (Code.INVALID_ARGUMENT, message)
    assert rejected.value.details == details


@each(
    ("name", "message", "details"),
    [
        ("t", TASK_FORMAT, (TASK_NAME_HELP,)),
        (QUEUE, TASK_FORMAT, (TASK_NAME_HELP,)),
        (f"{QUEUE}/tasks/t/more", TASK_FORMAT, (TASK_NAME_HELP,)),
        (
            f"{LOCATION}/queues/other/tasks/t",
            "The queue name from request ('projects/p/locations/l/queues/q') must be the same as the queue name in the"
            " named task ('projects/p/locations/l/queues/other').",
            (),
        ),
        (f"{QUEUE}/tasks/not a valid id", task_id_text("not a valid id"), (TASK_ID_HELP,)),
        (f"{QUEUE}/tasks/", task_id_text(""), (TASK_ID_HELP,)),
        (f"{QUEUE}/tasks/{'x' * 501}", task_id_text("x" * 501), (TASK_ID_HELP,)),
    ],
)
def test_a_task_whose_name_breaks_the_rules_is_rejected(name: str, message: str, details: tuple[Help, ...]) -> None:
    """The error has the service's text, and a link to the definition of what is wrong."""
    with pytest.raises(ServiceError) as rejected:
        check_new_task(name, QUEUE)
    assert (rejected.value.code, rejected.value.message) == (Code.INVALID_ARGUMENT, message)
    assert rejected.value.details == details


@pytest.mark.parametrize("name", ["", f"{QUEUE}/tasks/{'aZ9_-' * 100}"])
def test_a_task_can_have_a_long_name_or_none(name: str) -> None:
    """500 letters, digits, hyphens and underscores make a task ID; the service names a task without a name."""
    check_new_task(name, QUEUE)
