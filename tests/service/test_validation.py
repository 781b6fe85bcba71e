"""Checks of calls: names, the table of RPCs, new tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import PERMISSION_MISSING, Code, ErrorInfo, Help, LocalizedMessage, ServiceError
from pytest_cloudtasks._service.request import AppEngineTarget, HeaderPairs, HttpTarget, OAuthToken, OidcToken, Routing
from pytest_cloudtasks._service.task import TaskSpec
from pytest_cloudtasks._service.validation import (
    CMEK_CONFIG,
    NO_INSTANT,
    OPERATION,
    PROJECT,
    RPCS,
    TASK,
    Rpc,
    Shape,
    check_call,
    check_new_queue,
    check_new_task,
    full_rpc_name,
    id_of,
    is_location,
    is_queue,
    is_queue_id,
    location_of,
    queue_of,
)
from pytest_cloudtasks._service.validation import LOCATION as LOCATION_SHAPE
from pytest_cloudtasks._service.validation import QUEUE as QUEUE_SHAPE
from pytest_cloudtasks._units import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, URL, assert_refused, service_with

# --- names ---


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
    """A hyphen, which other services take for all locations, is not a location."""
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


# --- rpcs ---


V2 = "google.cloud.tasks.v2"
PLACE = "projects/p/locations/l"
NAMES: dict[Shape, str] = {
    PROJECT: "projects/p",
    LOCATION_SHAPE: PLACE,
    QUEUE_SHAPE: f"{PLACE}/queues/q",
    TASK: f"{PLACE}/queues/q/tasks/t",
    OPERATION: f"{PLACE}/operations/o",
    CMEK_CONFIG: f"{PLACE}/cmekConfig",
}
LACKING = {
    "create_queue": "cloudtasks.queues.create",
    "list_queues": "cloudtasks.queues.list",
    "update_queue": "cloudtasks.queues.update",
    "get_queue": "cloudtasks.queues.get",
    "delete_queue": "cloudtasks.queues.delete",
    "purge_queue": "cloudtasks.queues.purge",
    "pause_queue": "cloudtasks.queues.pause",
    "resume_queue": "cloudtasks.queues.resume",
    "get_iam_policy": "cloudtasks.queues.list",
    "set_iam_policy": "cloudtasks.queues.list",
    "test_iam_permissions": "cloudtasks.queues.list",
    "create_task": "cloudtasks.tasks.create",
    "buffer_task": "cloudtasks.tasks.create",
    "list_tasks": "cloudtasks.tasks.list",
    "get_task": "cloudtasks.tasks.get",
    "delete_task": "cloudtasks.tasks.delete",
    "run_task": "cloudtasks.tasks.run",
    "batch_create_tasks": "cloudtasks.tasks.create",
    "batch_delete_tasks": "cloudtasks.tasks.delete",
    "get_operation": "cloudtasks.operations.get",
    "get_location": "cloudtasks.locations.get",
    "list_locations": "cloudtasks.locations.list",
    "lease_tasks": "cloudtasks.tasks.lease",
    "acknowledge_task": "cloudtasks.tasks.acknowledge",
    "renew_lease": "cloudtasks.tasks.renewLease",
    "cancel_lease": "cloudtasks.tasks.cancelLease",
}
FULL_NAMES = {
    "get_queue": "google.cloud.tasks.v2.CloudTasks.GetQueue",
    "set_iam_policy": "google.cloud.tasks.v2.CloudTasks.SetIamPolicy",
    "update_cmek_config": "google.cloud.tasks.v2.CloudTasks.UpdateCmekConfig",
    "get_operation": "google.longrunning.Operations.GetOperation",
    "list_locations": "google.cloud.location.Locations.ListLocations",
}
NAMED = [rpc for rpc in RPCS if rpc != "upload_queue_yaml"]
"""The RPCs whose request has the resource's name. UploadQueueYaml has the project's ID."""


class Request(SimpleNamespace):
    """A request whose resource is ``name``, whichever field has it, and that creates ``new``."""

    def __init__(self, name: str, new: str = "") -> None:
        queue = _QueueField(name)
        queue.name = new or name
        super().__init__(
            name=name,
            parent=name,
            resource=name,
            queue=queue,
            cmek_config=SimpleNamespace(name=name),
            task=SimpleNamespace(name=new),
            task_id="",
            app_id=name,
        )


class _QueueField(str):
    """BufferTask's ``queue`` is a name, UpdateQueue's and CreateQueue's a message."""

    name: str


def rejected(rpc: str, request: Any, **others: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        check_call(rpc, V2, request, **others)
    return caught.value


@each("rpc", NAMED)
def test_an_empty_name_is_rejected(rpc: str) -> None:
    """The ErrorInfo names the RPC as the API has it."""
    error = rejected(rpc, Request(""))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Invalid resource field value in the request.")
    metadata = (("method", full_rpc_name(rpc, V2)), ("service", "cloudtasks.googleapis.com"))
    assert error.details == (ErrorInfo("RESOURCE_PROJECT_INVALID", "googleapis.com", metadata),)


@pytest.mark.parametrize("rpc", FULL_NAMES)
def test_the_full_name_of_an_rpc_is_its_services(rpc: str) -> None:
    """Operations and locations are services of their own; all other RPCs are of the version that was called."""
    assert full_rpc_name(rpc, V2) == FULL_NAMES[rpc]


def test_the_full_name_of_an_rpc_follows_the_version() -> None:
    """A call of v2beta3 gets v2beta3's name."""
    assert full_rpc_name("get_queue", "google.cloud.tasks.v2beta3") == "google.cloud.tasks.v2beta3.CloudTasks.GetQueue"


@each("rpc", NAMED)
@each(
    ("name", "project"),
    [("not-a-valid-name", "not-a-valid-name"), ("folders/f", "folders/f"), ("projects/a b/locations/l", "a b")],
)
def test_a_name_without_a_project_is_denied(rpc: str, name: str, project: str) -> None:
    """If the name doesn't begin with a project, the whole name counts as the project."""
    error = rejected(rpc, Request(name))
    text = f"Permission denied on resource project {project}."
    assert (error.code, error.message) == (Code.PERMISSION_DENIED, text)
    metadata = (
        ("consumer", f"projects/{project}"),
        ("containerInfo", project),
        ("service", "cloudtasks.googleapis.com"),
    )
    assert error.details == (
        ErrorInfo("CONSUMER_INVALID", "googleapis.com", metadata),
        LocalizedMessage("en-US", text),
        Help("Google developers console", "https://console.developers.google.com"),
    )


@pytest.mark.parametrize("name", ["projects/", "projects//locations/l/queues/q"])
def test_a_name_with_an_empty_project_is_rejected(name: str) -> None:
    """It is as invalid as no project."""
    assert rejected("get_queue", Request(name)).message == "Invalid resource field value in the request."


@each("rpc", LACKING)
@each("change", ["fewer", "more"])
def test_a_name_of_another_shape_lacks_the_permission(rpc: str, change: str) -> None:
    """One segment too few or too many is answered as a missing permission, without details."""
    name = NAMES[RPCS[rpc].shape]
    name = name.rpartition("/")[0] if change == "fewer" else f"{name}/extra"
    if name == "projects":
        return  # that is under no project
    error = rejected(rpc, Request(name))
    expected = PERMISSION_MISSING.error(permission=LACKING[rpc], resource=name)
    assert (error.code, error.message, error.details) == (Code.PERMISSION_DENIED, expected.message, ())


@each("rpc", ["get_cmek_config", "update_cmek_config"])
@each("name", ["projects/p", PLACE, f"{PLACE}/cmekConfigs", f"{PLACE}/cmekConfig/extra"])
def test_a_cmek_config_of_another_shape_has_a_text_of_its_own(rpc: str, name: str) -> None:
    """It is an invalid argument, without details."""
    error = rejected(rpc, Request(name))
    text = 'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".'
    assert (error.code, error.message, error.details) == (Code.INVALID_ARGUMENT, text, ())


def test_each_rpc_is_in_one_of_the_tables() -> None:
    """Every RPC with a name says what a name of another shape lacks, but for those on CMEK configs."""
    assert {*LACKING, "get_cmek_config", "update_cmek_config"} == set(NAMED)


@each("rpc", [rpc for rpc in NAMED if RPCS[rpc].shape in (QUEUE_SHAPE, TASK)])
def test_a_bad_queue_id_is_rejected(rpc: str) -> None:
    """Also in a task's name, and with a link to the definition."""
    name = NAMES[RPCS[rpc].shape].replace("queues/q", "queues/not_valid")
    error = rejected(rpc, Request(name))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, queue_id_text("not_valid"))
    assert error.details == (QUEUE_ID_HELP,)


@each("rpc", [rpc for rpc in NAMED if RPCS[rpc].shape is TASK])
def test_a_bad_task_id_is_rejected(rpc: str) -> None:
    """With a link to the definition."""
    error = rejected(rpc, Request(f"{PLACE}/queues/q/tasks/not valid"))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, task_id_text("not valid"))
    assert error.details == (TASK_ID_HELP,)


@pytest.mark.parametrize("rpc", ["create_queue", "list_queues", "get_location"])
def test_a_hyphen_is_not_a_location(rpc: str) -> None:
    """Other services take "-" for every location; this one has its own error text."""
    error = rejected(rpc, Request("projects/p/locations/-"))
    text = "Location '-' is not a valid location. Use ListLocations to list valid locations."
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, text)


@each("rpc", NAMED)
def test_a_good_name_is_accepted(rpc: str) -> None:
    """Whether the resource exists is another question."""
    new = f"{PLACE}/queues/q" if rpc == "create_queue" else ""
    check_call(rpc, V2, Request(NAMES[RPCS[rpc].shape], new))


def test_the_parent_comes_before_the_name_of_a_new_queue() -> None:
    """CreateQueue looks at its parent first, then at the queue's name."""
    assert rejected("create_queue", Request("projects/p", "bad")).code is Code.PERMISSION_DENIED
    assert rejected("create_queue", Request(PLACE, "bad")).message == NAME_FORMAT


def test_the_parent_comes_before_the_name_of_a_new_task() -> None:
    """CreateTask looks at its parent first, then at the task's name."""
    bad = f"{PLACE}/queues/q/tasks/not valid"
    assert rejected("create_task", Request(f"{PLACE}/queues/not_valid", bad)).message == queue_id_text("not_valid")
    assert rejected("create_task", Request(f"{PLACE}/queues/q", bad)).message == task_id_text("not valid")


def test_the_id_of_a_buffered_task_is_checked() -> None:
    """BufferTask takes an ID where CreateTask takes a name."""
    request = SimpleNamespace(queue=f"{PLACE}/queues/q", task_id="not valid")
    assert rejected("buffer_task", request).message == task_id_text("not valid")
    request.task_id = ""
    check_call("buffer_task", V2, request)


def test_permission_is_checked_between_shape_and_ids() -> None:
    """A caller without it learns that of a name of the right shape, and nothing of its IDs."""
    seen: list[str] = []

    def refuse(rpc: Rpc, name: str) -> None:
        seen.append(name)
        raise PERMISSION_MISSING.error(permission=rpc.permission, resource=name)

    assert rejected("get_task", Request("t"), authorize=refuse).message == "Permission denied on resource project t."
    assert rejected("get_task", Request("projects/p/t"), authorize=refuse).code is Code.PERMISSION_DENIED
    assert seen == []
    bad = f"{PLACE}/queues/q/tasks/not valid"
    assert "cloudtasks.tasks.get" in rejected("get_task", Request(bad), authorize=refuse).message
    assert seen == [bad]


@pytest.mark.parametrize(
    ("app_id", "text"),
    [
        ("", "Invalid resource field value in the request."),
        ("my project", "Permission denied on resource project my project."),
    ],
)
def test_the_project_of_an_upload_is_checked(app_id: str, text: str) -> None:
    """UploadQueueYaml has the ID of the project alone."""
    assert rejected("upload_queue_yaml", SimpleNamespace(app_id=app_id)).message == text


# --- creation ---


APP_ENGINE_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
HTTP_DEADLINE = "Task.dispatchDeadline must be between [15s, 30m]."
APP_ENGINE_DEADLINE = "Task.dispatchDeadline must be between [15s, 24h15s]."
TOKEN_NEEDS_HTTPS = "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header"
URL_SCHEME = "HttpTarget.url must start with 'http://' or 'https://'."
RELATIVE_URI = "AppEngineHttpRequest.relativeUri must begin with '/' and contain no spaces."

REFUSED = [
    pytest.param(TaskSpec(None), "Task.payload_type is not set.", id="no target"),
    pytest.param(TaskSpec(HttpTarget("")), "HttpRequest.url is required.", id="no url"),
    pytest.param(TaskSpec(HttpTarget("worker.test/run")), URL_SCHEME, id="no scheme"),
    pytest.param(TaskSpec(HttpTarget("ftp://worker.test")), URL_SCHEME, id="ftp"),
    pytest.param(
        TaskSpec(HttpTarget("http://worker.test", oidc=OidcToken("a@b.c"))), TOKEN_NEEDS_HTTPS, id="oidc over http"
    ),
    pytest.param(
        TaskSpec(HttpTarget("http://worker.test", oauth=OAuthToken("a@b.c"))), TOKEN_NEEDS_HTTPS, id="oauth over http"
    ),
    *(
        pytest.param(
            TaskSpec(HttpTarget(URL, method, body=b"x")),
            "Body can only be set if the http_method is POST, PUT, or PATCH.",
            id=f"body with {method}",
        )
        for method in ("GET", "HEAD", "DELETE", "OPTIONS")
    ),
    *(
        pytest.param(
            TaskSpec(AppEngineTarget("/", method, body=b"x")),
            "Body can only be set if the http_method is POST or PUT.",
            id=f"App Engine body with {method}",
        )
        for method in ("GET", "PATCH")
    ),
    pytest.param(
        TaskSpec(HttpTarget(f"{URL}?q={'x' * 2083}")),
        f"HttpRequest.url must be no longer than 2083 characters after encoding, and has {len(URL) + 3 + 2083}.",
        id="url too long",
    ),
    pytest.param(
        TaskSpec(HttpTarget(URL, headers=(*((f"X-{n}", "x" * 8185) for n in range(10)), ("X", "x" * 11)))),
        "HttpRequest.headers must be smaller than 80 KB in total.",
        id="headers too large",
    ),
    pytest.param(
        TaskSpec(AppEngineTarget(f"/{'x' * 2083}")),
        "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has 2084.",
        id="relative uri too long",
    ),
    pytest.param(TaskSpec(AppEngineTarget("run")), RELATIVE_URI, id="uri without slash"),
    pytest.param(TaskSpec(AppEngineTarget("/a b")), RELATIVE_URI, id="uri with space"),
    *(
        pytest.param(TaskSpec(HttpTarget(URL), dispatch_deadline=deadline), HTTP_DEADLINE, id=f"deadline {deadline}")
        for deadline in (-SECOND, 0, 15 * SECOND - 1, 30 * MINUTE + 1)
    ),
    *(
        pytest.param(
            TaskSpec(AppEngineTarget(), dispatch_deadline=deadline),
            APP_ENGINE_DEADLINE,
            id=f"App Engine deadline {deadline}",
        )
        for deadline in (-SECOND, 15 * SECOND - 1, 24 * HOUR + 15 * SECOND + 1)
    ),
    pytest.param(
        # 2023-11-14T22:13:20Z and 720 hours make 2023-12-14T22:13:20Z, which is 14:13:20 in California
        TaskSpec(HttpTarget(URL), schedule_time=START + 720 * HOUR + 500 * MILLISECOND),
        "The Task.scheduleTime, 2023-12-14T14:13:20.5-08:00, is too far in the future. Schedule time must be no more"
        " than 720h in the future.",
        id="schedule time too far",
    ),
    pytest.param(
        # 2024-06-01T00:00:00Z, in summer time
        TaskSpec(HttpTarget(URL), schedule_time=1_717_200_000 * SECOND),
        "The Task.scheduleTime, 2024-05-31T17:00:00-07:00, is too far in the future. Schedule time must be no more"
        " than 720h in the future.",
        id="schedule time too far, in summer",
    ),
    pytest.param(
        TaskSpec(HttpTarget(URL), schedule_time=NO_INSTANT),
        "Request contains an invalid argument.",
        id="schedule time after the year 9999",
    ),
]


@each(("spec", "message"), REFUSED)
def test_what_the_service_rejects_is_not_created(spec: TaskSpec, message: str) -> None:
    """A bad task is rejected in the service's words, and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: service.create_task(START, QUEUE, spec))


@each(
    "spec",
    [
        TaskSpec(HttpTarget("http://worker.test")),
        TaskSpec(HttpTarget("http://example.com/%zz")),
        TaskSpec(HttpTarget(f"{URL}?{'x' * (2083 - len(URL) - 1)}")),
        TaskSpec(HttpTarget(URL, headers=(*((f"X-{n}", "x" * 8185) for n in range(10)), ("X", "x" * 10)))),
        TaskSpec(HttpTarget(URL, headers=(("X-Much", "x" * (80 * 1024)),))),  # dropped, so that it doesn't count
        TaskSpec(AppEngineTarget(f"/{'x' * 2082}")),
        TaskSpec(HttpTarget(URL, oidc=OidcToken("a@b.c"))),
        TaskSpec(HttpTarget(URL, "PATCH", body=b"x")),
        TaskSpec(HttpTarget(URL, "GET")),
        TaskSpec(AppEngineTarget("/x", "PUT", body=b"x")),
        TaskSpec(AppEngineTarget("/x", "DELETE")),
        TaskSpec(HttpTarget(URL), dispatch_deadline=15 * SECOND),
        TaskSpec(HttpTarget(URL), dispatch_deadline=30 * MINUTE),
        TaskSpec(AppEngineTarget(), dispatch_deadline=24 * HOUR + 15 * SECOND),
        TaskSpec(HttpTarget(URL), schedule_time=START + 720 * HOUR),
        TaskSpec(HttpTarget(URL), schedule_time=-62_135_596_801 * SECOND),  # before the year 1
    ],
)
def test_what_is_just_within_the_rules_is_created(spec: TaskSpec) -> None:
    """The ends of every range are allowed, and the service does not parse the URL."""
    service = service_with()
    task = service.create_task(START, QUEUE, spec)
    assert list(service.accepted) == [task]


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, START),
        (START - SECOND, START),
        (START, START),
        (START + 1999, START + MICROSECOND),
        (START + SECOND, START + SECOND),
    ],
)
def test_the_schedule_time_is_now_or_later_and_kept_to_the_microsecond(asked: int | None, stored: int) -> None:
    """A time that is missing or past becomes the instant of the call."""
    service = service_with()
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(URL), schedule_time=asked))
    assert task.schedule_time == task.initial_schedule_time == stored


def test_a_task_for_now_is_scheduled_at_the_microsecond_of_the_call() -> None:
    """The instant of the call is cut to the microsecond too, but kept whole as the creation."""
    service = service_with()
    task = service.create_task(START + 1999, QUEUE, TaskSpec(HttpTarget(URL)))
    assert (task.schedule_time, task.create_time) == (START + MICROSECOND, START + 1999)


@pytest.mark.parametrize(
    ("target", "asked", "stored", "in_force"),
    [
        (HttpTarget(URL), None, 10 * MINUTE, 10 * MINUTE),
        (HttpTarget(URL), 20 * SECOND + 1_500_000, 20 * SECOND + MILLISECOND, 20 * SECOND + MILLISECOND),
        (AppEngineTarget(), None, None, 10 * MINUTE),
        (AppEngineTarget(), 0, None, 10 * MINUTE),
        (AppEngineTarget(), HOUR, HOUR, HOUR),
    ],
)
def test_the_dispatch_deadline_is_stored_for_http_and_implied_for_app_engine(
    target: HttpTarget | AppEngineTarget, asked: int | None, stored: int | None, in_force: int
) -> None:
    """HTTP tasks are given 600 s that show; App Engine tasks wait as long without showing it."""
    service = service_with()
    task = service.create_task(START, QUEUE, TaskSpec(target, dispatch_deadline=asked))
    assert (task.dispatch_deadline, task.deadline_in_force) == (stored, in_force)


def stored_http(headers: HeaderPairs) -> HeaderPairs:
    target = service_with().create_task(START, QUEUE, TaskSpec(HttpTarget(URL, headers=headers, body=b"{}"))).target
    return target.headers


def test_http_headers_are_kept_as_written_with_the_service_s_own() -> None:
    """Case is kept, no Content-Type is added, and the user agent is the service's."""
    assert stored_http((("content-type", "text/plain"), ("user-agent", "mine"), ("X-A", "1"))) == (
        ("User-Agent", "Google-Cloud-Tasks"),
        ("X-A", "1"),
        ("content-type", "text/plain"),
    )
    assert stored_http(()) == (("User-Agent", "Google-Cloud-Tasks"),)


@pytest.mark.parametrize("name", ["Host", "content-length", "X-Google-A", "x-appengine-taskname"])
def test_headers_that_the_service_keeps_for_itself_are_dropped(name: str) -> None:
    """Reserved names are dropped in any case, from both families of tasks."""
    assert stored_http(((name, "mine"),)) == (("User-Agent", "Google-Cloud-Tasks"),)
    spec = TaskSpec(AppEngineTarget(headers=((name, "mine"),)))
    assert service_with().create_task(START, QUEUE, spec).target.headers == (("User-Agent", APP_ENGINE_AGENT),)


@pytest.mark.parametrize(
    ("headers", "body", "stored"),
    [
        ((), b"", (("User-Agent", APP_ENGINE_AGENT),)),
        (
            (),
            b"abc",
            (
                ("Content-Length", "3"),
                ("Content-Type", "application/octet-stream"),
                ("User-Agent", APP_ENGINE_AGENT),
            ),
        ),
        (
            (("content-type", "text/plain"), ("User-Agent", "mine"), ("Content-Length", "99")),
            b"abc",
            (
                ("Content-Length", "3"),
                ("User-Agent", f"mine {APP_ENGINE_AGENT}"),
                ("content-type", "text/plain"),
            ),
        ),
    ],
)
def test_app_engine_headers_gain_what_the_body_needs(headers: HeaderPairs, body: bytes, stored: HeaderPairs) -> None:
    """With a body come its length and a default type; the user agent is appended to."""
    spec = TaskSpec(AppEngineTarget(headers=headers, body=body))
    assert service_with().create_task(START, QUEUE, spec).target.headers == stored


@pytest.mark.parametrize(
    ("routing", "host"),
    [
        (None, "p.uc.r.appspot.com"),
        (Routing(service="worker"), "worker.p.uc.r.appspot.com"),
        (Routing("worker", "v1", "i1", "ignored"), "i1.v1.worker.p.uc.r.appspot.com"),
    ],
)
def test_the_host_of_an_app_engine_task_is_made_from_its_routing(routing: Routing | None, host: str) -> None:
    """Instance, version, service and project, narrowest first; a host of the caller's is not taken."""
    target = service_with().create_task(START, QUEUE, TaskSpec(AppEngineTarget(routing=routing))).target
    assert isinstance(target, AppEngineTarget)
    assert target.routing is not None
    assert target.routing.host == host


def test_the_queue_s_routing_override_wins() -> None:
    """Whatever a task asks for, its queue's override decides where it goes."""
    service = service_with({"app_engine_routing_override": {"service": "fixed"}})
    spec = TaskSpec(AppEngineTarget(routing=Routing(service="worker", version="v1")))
    target = service.create_task(START, QUEUE, spec).target
    assert isinstance(target, AppEngineTarget)
    assert target.routing == Routing(service="fixed", host="fixed.p.uc.r.appspot.com")


def test_what_the_caller_gave_is_copied() -> None:
    """The stored target is another object than the caller's, which stays as it was."""
    mine = HttpTarget(URL, "PUT", (("X-A", "1"),), b"body", OidcToken("a@b.c", "aud"))
    stored = service_with().create_task(START, QUEUE, TaskSpec(mine)).target
    assert stored is not mine
    assert mine.headers == (("X-A", "1"),)
    assert isinstance(stored, HttpTarget)
    assert (stored.url, stored.method, stored.body, stored.oidc) == (URL, "PUT", b"body", OidcToken("a@b.c", "aud"))


def test_a_task_that_is_too_large_takes_no_id() -> None:
    """The next task without a name has the ID that it would have had without the rejected one."""
    service, spec = service_with(), TaskSpec(HttpTarget(URL))

    def create() -> object:
        return service.create_task(START, QUEUE, spec, size=2**30)

    assert_refused(service, Code.INVALID_ARGUMENT, "Task size too large", create)
    assert service.create_task(START, QUEUE, spec).name == service_with().create_task(START, QUEUE, spec).name
