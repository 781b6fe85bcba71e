"""Resource names."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service import resource_names as names
from pytest_cloudtasks._service.errors import Code, Help, ServiceError
from pytest_cloudtasks._service.iam import Policy
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.task import TaskSpec

from .driving import LOCATION, QUEUE, START, URL, assert_refused, service_with

NAME_FORMAT = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
BAD_RESOURCE = "Invalid resource field value in the request."
TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
)


def test_a_name_comes_apart() -> None:
    """A task's name holds its ID, its queue and its location."""
    task = f"{QUEUE}/tasks/t"
    assert names.short(task) == "t"
    assert names.queue_of(task) == QUEUE
    assert names.location_of(QUEUE) == LOCATION
    assert names.short("t") == "t"


@pytest.mark.parametrize(
    ("text", "is_id"),
    [("q", True), ("A-9", True), ("x" * 100, True), ("", False), ("x" * 101, False), ("a_b", False), ("q\n", False)],
)
def test_a_queue_id_has_1_to_100_letters_digits_and_hyphens(text: str, is_id: bool) -> None:
    """Underscores and anything else make no queue ID."""
    assert names.is_queue_id(text) is is_id


@pytest.mark.parametrize(
    ("name", "is_queue"),
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
def test_a_queue_name_has_six_segments(name: str, is_queue: bool) -> None:
    """The form of the name is told apart from the form of its ID."""
    assert names.is_queue(name) is is_queue


@pytest.mark.parametrize(
    ("parent", "name", "message"),
    [
        ("not-a-parent", QUEUE, BAD_RESOURCE),
        (LOCATION, "not-a-valid-queue-name", NAME_FORMAT),
        (LOCATION, "", NAME_FORMAT),
        (
            LOCATION,
            f"{LOCATION}/queues/under_score",
            'Queue ID "under_score" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
            " Queue ID must between 1 and 100 characters.",
        ),
        (
            LOCATION,
            f"{LOCATION}/queues/",
            'Queue ID "" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
            " Queue ID must between 1 and 100 characters.",
        ),
        (
            "projects/p/locations/other",
            f"{LOCATION}/queues/new",
            "projects/p/locations/l/queues/new must begin with projects/p/locations/other.",
        ),
    ],
)
def test_a_queue_whose_name_breaks_the_rules_is_not_created(parent: str, name: str, message: str) -> None:
    """CreateQueue refuses the name in the service's words, and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: service.create_queue(START, parent, name, {}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t", TASK_FORMAT),
        (QUEUE, TASK_FORMAT),
        (
            f"{LOCATION}/queues/other/tasks/t",
            "The queue name from request ('projects/p/locations/l/queues/q') must be the same as the queue name in the"
            " named task ('projects/p/locations/l/queues/other').",
        ),
        (
            f"{QUEUE}/tasks/not a valid id",
            'Task ID "not a valid id" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores'
            " (_). Task ID must between 1 and 500 characters.",
        ),
        (
            f"{QUEUE}/tasks/",
            'Task ID "" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID'
            " must between 1 and 500 characters.",
        ),
        (
            f"{QUEUE}/tasks/{'x' * 501}",
            f'Task ID "{"x" * 501}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores'
            " (_). Task ID must between 1 and 500 characters.",
        ),
    ],
)
def test_a_task_whose_name_breaks_the_rules_is_not_created(name: str, message: str) -> None:
    """CreateTask refuses the name in the service's words, and nothing changes."""
    service = service_with()
    spec = TaskSpec(HttpTarget(URL), name=name)
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: service.create_task(START, QUEUE, spec))


def test_the_longest_task_id_is_accepted() -> None:
    """500 letters, digits, hyphens and underscores make a task ID."""
    service = service_with()
    name = f"{QUEUE}/tasks/{'aZ9_-' * 100}"
    assert service.create_task(START, QUEUE, TaskSpec(HttpTarget(URL), name=name)).name == name


def test_refused_ids_come_with_a_link_to_their_definition() -> None:
    """The help that the service attaches is there."""
    with pytest.raises(ServiceError) as queue:
        names.check_new_queue("q", LOCATION)
    with pytest.raises(ServiceError) as task:
        names.check_new_task(f"{QUEUE}/tasks/!", QUEUE)
    reference = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
    assert queue.value.details == (Help("Definition of queue name", f"{reference}#Queue.FIELDS.name"),)
    assert task.value.details == (Help("Definition of task ID", f"{reference}.tasks#Task.FIELDS.name"),)


@pytest.mark.parametrize("name", ["", "q", f"{LOCATION}/queues/q/more", "projects//locations/l/queues/q"])
def test_commands_on_queues_refuse_what_is_no_queue_name(name: str) -> None:
    """Whatever the command, a name of another form is an invalid resource, and nothing changes."""
    service = service_with()
    spec = TaskSpec(HttpTarget(URL))
    for command in (
        lambda: service.get_queue(START, name),
        lambda: service.delete_queue(START, name),
        lambda: service.purge_queue(START, name),
        lambda: service.pause_queue(START, name),
        lambda: service.resume_queue(START, name),
        lambda: service.list_tasks(START, name, 0, ""),
        lambda: service.create_task(START, name, spec),
        lambda: service.get_iam_policy(START, name),
        lambda: service.set_iam_policy(START, name, Policy(b"")),
        lambda: service.test_iam_permissions(START, name, ["x"]),
    ):
        assert_refused(service, Code.INVALID_ARGUMENT, BAD_RESOURCE, command)


@pytest.mark.parametrize("name", ["", "t", QUEUE, f"{QUEUE}/tasks/t/more"])
def test_commands_on_tasks_refuse_what_is_no_task_name(name: str) -> None:
    """Whatever the command, a name of another form is an invalid resource, and nothing changes."""
    service = service_with()
    for command in (
        lambda: service.get_task(START, name),
        lambda: service.delete_task(START, name),
        lambda: service.run_task(START, name),
    ):
        assert_refused(service, Code.INVALID_ARGUMENT, BAD_RESOURCE, command)


@pytest.mark.parametrize("parent", ["", "projects/p", f"{LOCATION}/", QUEUE])
def test_listing_queues_refuses_what_is_no_location(parent: str) -> None:
    """ListQueues wants a project and a location, and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, BAD_RESOURCE, lambda: service.list_queues(START, parent, 0, "", ""))


def test_all_locations_are_none_to_list() -> None:
    """Other services take "-" for every location; this one refuses it in words of its own, and nothing changes."""
    service = service_with()
    assert_refused(
        service,
        Code.INVALID_ARGUMENT,
        "Location '-' is not a valid location. Use ListLocations to list valid locations.",
        lambda: service.list_queues(START, "projects/p/locations/-", 0, "", ""),
    )


@pytest.mark.parametrize("name", ["", "q", LOCATION, f"{QUEUE}/tasks/t"])
def test_an_update_refuses_what_is_no_queue_name(name: str) -> None:
    """In the words of CreateQueue, for it may be one; and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, NAME_FORMAT, lambda: service.update_queue(START, name, {}, []))
