"""The service: its RPCs as methods."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code, ErrorInfo, ServiceError
from pytest_cloudtasks._service.iam import Policy
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue import QueueState
from pytest_cloudtasks._service.queue_settings import QueueType, UploadedQueue
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.service import ReservedNames, Service
from pytest_cloudtasks._service.task import TaskSpec, TaskState, response
from pytest_cloudtasks._units import DAY, HOUR, SECOND
from tests.each import each

from .driving import (
    LOCATION,
    QUEUE,
    START,
    URL,
    Driver,
    RecordedService,
    add,
    always,
    assert_refused,
    driver_with,
    ids,
    numbered_ids,
    service_with,
    state_of,
)
from .filtering import FIELDS

# --- service ---


NO_QUEUE = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
NO_ENTITY = "Requested entity was not found."
NO_LONGER = (
    "The task no longer exists, though a task with this name existed recently. The task either successfully completed"
    " or was deleted."
)
MISSING_TASK = "Task.payload_type is not set."
TOO_RECENT_QUEUE = "The queue cannot be created because a queue with this name existed too recently."
TOO_RECENT_TASK = (
    "The task cannot be created because a task with this name existed too recently. For more information about task"
    " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task."
)
OTHER = f"{LOCATION}/queues/other"
SPEC = TaskSpec(HttpTarget(URL))

# --- queues ------------------------------------------------------------------------------------------------------


def test_a_created_queue_is_there() -> None:
    """It can be got and listed, and runs."""
    service = RecordedService(numbered_ids())
    queue = service.create_queue(START, LOCATION, QUEUE, {})
    assert service.get_queue(START, QUEUE) is queue
    assert service.list_queues(START, LOCATION, 0, "", "")[0] == [queue]
    assert queue.state is QueueState.RUNNING


def test_a_queue_is_created_once() -> None:
    """A second one of the name is rejected, and nothing changes."""
    service = service_with()
    assert_refused(
        service,
        Code.ALREADY_EXISTS,
        "Queue already exists",
        lambda: service.create_queue(START, LOCATION, QUEUE, {"rate_limits": {"max_concurrent_dispatches": 1}}),
    )


def test_queues_are_listed_by_name_within_their_location() -> None:
    """In pages, and without those of other locations."""
    service = RecordedService(numbered_ids())
    elsewhere = "projects/p/locations/elsewhere"
    for queue_id in ("b", "c", "a"):
        service.create_queue(START, LOCATION, f"{LOCATION}/queues/{queue_id}", {})
    service.create_queue(START, elsewhere, f"{elsewhere}/queues/d", {})
    first, token = service.list_queues(START, LOCATION, 2, "", "")
    second, end = service.list_queues(START, LOCATION, 2, token, "")
    assert [queue.name.rpartition("/")[2] for queue in [*first, *second]] == ["a", "b", "c"]
    assert len(first) == 2
    assert service.list_queues(START, LOCATION, 2, end, "") == ([], "")


def test_a_filter_says_which_queues_are_listed() -> None:
    """The page has the queues that match it."""
    service = service_with()
    service.create_queue(START, LOCATION, OTHER, {})
    service.pause_queue(START, OTHER)
    found, token = service.list_queues(START, LOCATION, 0, "", "state: PAUSED", FIELDS)
    assert [queue.name for queue in found] == [OTHER]
    assert service.list_queues(START, LOCATION, 0, token, "state: PAUSED", FIELDS) == ([], "")


def test_a_missing_queue_is_not_found() -> None:
    """Each command says so in its own recorded words, whether the queue never was or was deleted."""
    service = service_with()
    service.create_queue(START, LOCATION, OTHER, {})
    service.delete_queue(START, OTHER)
    for name in (OTHER, f"{LOCATION}/queues/never"):
        for command in (
            service.get_queue,
            service.pause_queue,
            service.resume_queue,
            service.purge_queue,
            service.get_iam_policy,
        ):
            assert_refused(service, Code.NOT_FOUND, NO_QUEUE, lambda command=command, name=name: command(START, name))
        for refused in (
            lambda name=name: service.create_task(START, name, SPEC),
            lambda name=name: service.list_tasks(START, name, 0, ""),
            lambda name=name: service.set_iam_policy(START, name, Policy()),
            lambda name=name: service.test_iam_permissions(START, name, []),
            lambda name=name: service.run_task(START, f"{name}/tasks/t"),
        ):
            assert_refused(service, Code.NOT_FOUND, NO_QUEUE, refused)
        for refused in (
            lambda name=name: service.delete_queue(START, name),
            lambda name=name: service.delete_task(START, f"{name}/tasks/t"),
            lambda name=name: service.get_task(START, f"{name}/tasks/t"),
        ):
            assert_refused(service, Code.NOT_FOUND, NO_ENTITY, refused)


def test_an_update_creates_what_is_missing() -> None:
    """UpdateQueue is an upsert."""
    service = RecordedService(numbered_ids())
    queue = service.update_queue(START, QUEUE, {"rate_limits": {"max_concurrent_dispatches": 2}})
    assert service.queues == {QUEUE: queue}
    assert queue.config.rate_limits.max_concurrent_dispatches == 2


@pytest.mark.parametrize("ttl", [7 * DAY, 3 * DAY, 0])
def test_a_deleted_queue_s_name_stays_reserved(ttl: int) -> None:
    """Neither CreateQueue nor UpdateQueue may take it up to the end of the service option's time; then both may."""
    service = service_with(options=ServiceOptions(queue_tombstone_ttl=ttl))
    service.delete_queue(START, QUEUE)
    if ttl:
        at, refused = START + ttl - 1, Code.FAILED_PRECONDITION
        assert_refused(service, refused, TOO_RECENT_QUEUE, lambda: service.create_queue(at, LOCATION, QUEUE, {}))
        assert_refused(service, refused, TOO_RECENT_QUEUE, lambda: service.update_queue(at, QUEUE, {}))
    assert service.create_queue(START + ttl, LOCATION, QUEUE, {}).name == QUEUE


def test_deleting_a_queue_deletes_its_tasks() -> None:
    """They don't come back: a recreated queue is empty, and their names are free in it."""
    driver = driver_with(options=ServiceOptions(queue_tombstone_ttl=0))
    task = add(driver, "t")
    driver.service.delete_queue(START, QUEUE)
    assert (task.state, task.ended_at) == (TaskState.DELETED, START)
    assert driver.service.scheduler.upcoming() is None
    driver.service.create_queue(START, LOCATION, QUEUE, {})
    assert driver.service.list_tasks(START, QUEUE, 0, "") == ([], "")
    assert add(driver, "t").state is TaskState.SCHEDULED


def test_a_purge_removes_what_is_there() -> None:
    """Tasks go, waiting or under way; the queue stays as it is, with the instant of its purge."""
    driver = driver_with(always(response(200), takes=5 * SECOND))
    running = add(driver, "running")
    driver.advance(SECOND)
    waiting = add(driver, "waiting", schedule_time=START + HOUR)
    driver.service.pause_queue(driver.now, QUEUE)
    queue = driver.service.purge_queue(driver.now, QUEUE)
    assert (running.state, waiting.state) == (TaskState.DELETED, TaskState.DELETED)
    assert (queue.tasks, queue.purge_time, queue.state) == ({}, START + SECOND, QueueState.PAUSED)
    later = add(driver, "later")
    assert ids(driver.service.list_tasks(driver.now, QUEUE, 0, "")[0]) == ["later"]
    assert later.is_live


def test_purged_names_stay_reserved() -> None:
    """A purge counts as deletion."""
    driver = driver_with()
    add(driver, "t")
    driver.service.purge_queue(START, QUEUE)
    assert_refused(driver.service, Code.ALREADY_EXISTS, TOO_RECENT_TASK, lambda: add(driver, "t"))


def test_a_second_pause_or_resume_has_no_effect() -> None:
    """The second call finds the queue in the wanted state."""
    service = service_with()
    for command, state in ((service.pause_queue, QueueState.PAUSED), (service.resume_queue, QueueState.RUNNING)):
        assert command(START, QUEUE).state is state
        before = state_of(service)
        assert command(START, QUEUE).state is state
        assert state_of(service) == before


# --- IAM ---------------------------------------------------------------------------------------------------------


def test_the_caller_has_every_permission_on_a_queue_that_is_there() -> None:
    """On a missing one it is an error to ask."""
    service = service_with()
    asked = ["cloudtasks.tasks.create", "cloudtasks.tasks.run"]
    assert service.test_iam_permissions(START, QUEUE, asked) == asked
    assert_refused(service, Code.NOT_FOUND, NO_QUEUE, lambda: service.test_iam_permissions(START, OTHER, asked))


# --- tasks -------------------------------------------------------------------------------------------------------


def test_a_created_task_is_there() -> None:
    """It can be got and listed; one without a name has an ID of the service's."""
    driver = driver_with()
    named, unnamed = add(driver, "t"), add(driver)
    assert driver.service.get_task(START, f"{QUEUE}/tasks/t") is named
    assert unnamed.name == f"{QUEUE}/tasks/auto-1"
    assert driver.service.list_tasks(START, QUEUE, 0, "")[0] == [named, unnamed]
    assert list(driver.service.accepted) == [named, unnamed]


def test_tasks_are_listed_in_the_order_of_creation() -> None:
    """In pages, whatever their names and times."""
    driver = driver_with()
    for task_id, after in [("b", 2), ("a", 3), ("c", 1)]:
        add(driver, task_id, schedule_time=START + after * SECOND)
    first, token = driver.service.list_tasks(START, QUEUE, 2, "")
    driver.service.delete_task(START, f"{QUEUE}/tasks/a")
    second, end = driver.service.list_tasks(START, QUEUE, 2, token)
    assert (ids(first), ids(second)) == (["b", "a"], ["c"])
    assert driver.service.list_tasks(START, QUEUE, 2, end) == ([], "")


def test_a_live_name_is_rejected() -> None:
    """The task that is there stays, and nothing changes."""
    driver = driver_with()
    add(driver, "t")
    message = "Requested entity already exists"
    assert_refused(driver.service, Code.ALREADY_EXISTS, message, lambda: add(driver, "t", schedule_time=START + 1))


@each("ttl", [24 * HOUR, HOUR, 0])
@each("end", ["success", "exhaustion", "deletion", "expiry"])
def test_a_task_s_name_stays_reserved_after_its_end(end: str, ttl: int) -> None:
    """However it ended, the name is free again when the service option's time is over, counted from the end."""
    answer = response(200 if end == "success" else 503)
    settings = {"retry_config": {"max_attempts": 1}}
    driver = driver_with(always(answer), settings, ServiceOptions(task_tombstone_ttl=ttl))
    task = add(driver, "t")
    if end == "deletion":
        driver.service.delete_task(driver.now, task.name)
    elif end == "expiry":
        driver.service.pause_queue(driver.now, QUEUE)
        driver.advance(31 * DAY)
    driver.drain()
    assert task.ended_at == driver.now
    if ttl:
        driver.advance(ttl - 1)
        assert_refused(driver.service, Code.ALREADY_EXISTS, TOO_RECENT_TASK, lambda: add(driver, "t"))
        assert_refused(
            driver.service, Code.NOT_FOUND, NO_LONGER, lambda: driver.service.get_task(driver.now, task.name)
        )
        driver.advance(1)
    assert_refused(driver.service, Code.NOT_FOUND, NO_ENTITY, lambda: driver.service.get_task(driver.now, task.name))
    assert add(driver, "t") is not task


def test_a_missing_task_is_not_found() -> None:
    """One that never existed, and for deleting and running also one that was removed."""
    driver = driver_with()
    add(driver, "gone")
    driver.service.delete_task(START, f"{QUEUE}/tasks/gone")
    service = driver.service
    never, gone = f"{QUEUE}/tasks/never", f"{QUEUE}/tasks/gone"
    for command in (
        lambda: service.get_task(START, never),
        lambda: service.delete_task(START, never),
        lambda: service.run_task(START, never),
        lambda: service.delete_task(START, gone),
        lambda: service.run_task(START, gone),
    ):
        assert_refused(service, Code.NOT_FOUND, NO_ENTITY, command)


def test_a_rejected_task_takes_no_id() -> None:
    """IDs of the service's own are given to accepted tasks only."""
    driver = driver_with()
    spec = TaskSpec(HttpTarget("nowhere"))
    message = "HttpTarget.url must start with 'http://' or 'https://'."
    assert_refused(
        driver.service,
        Code.INVALID_ARGUMENT,
        message,
        lambda: driver.service.create_task(START, QUEUE, spec),
    )
    assert ids([add(driver)]) == ["auto-1"]


def test_a_task_has_to_be_given() -> None:
    """A CreateTask without one is rejected, and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, MISSING_TASK, lambda: service.create_task(START, QUEUE, None))


def test_a_missing_queue_comes_before_a_bad_task() -> None:
    """CreateTask looks at the fields of a task once it has found the queue."""
    service = service_with()
    bad = TaskSpec(None, name=f"{OTHER}/tasks/t")
    assert_refused(service, Code.NOT_FOUND, NO_QUEUE, lambda: service.create_task(START, OTHER, bad))


def test_a_queue_that_exists_comes_before_bad_settings() -> None:
    """CreateQueue checks the settings only if the name is free."""
    service = service_with()
    bad = {"rate_limits": {"max_dispatches_per_second": -1}}
    exists = "Queue already exists"
    assert_refused(service, Code.ALREADY_EXISTS, exists, lambda: service.create_queue(START, LOCATION, QUEUE, bad))


def test_a_task_can_have_retry_settings_of_its_own() -> None:
    """They replace the queue's whole: what they leave out has the service's defaults."""
    driver = driver_with(always(response(503)), {"retry_config": {"min_backoff": 50 * SECOND, "max_attempts": 5}})
    task = add(driver, retry_config={"max_attempts": 2})
    driver.drain()
    assert task.dispatch_count == 2
    assert driver.now == START + SECOND // 10


def test_handlers_may_use_the_service() -> None:
    """A handler that creates and deletes tasks finds the service in order."""

    def handler(attempt: object) -> tuple[object, int]:
        if driver.service.queues[QUEUE].tasks.get(f"{QUEUE}/tasks/victim"):
            driver.service.delete_task(driver.now, f"{QUEUE}/tasks/victim")
            add(driver, "child")
        return response(200), 0

    driver = Driver(service_with(), handler)
    parent, victim = add(driver, "parent"), add(driver, "victim")
    driver.drain()
    child = list(driver.service.accepted)[-1]
    assert ids([child]) == ["child"]
    assert [task.state for task in (parent, victim, child)] == [
        TaskState.SUCCEEDED,
        TaskState.DELETED,
        TaskState.SUCCEEDED,
    ]


# --- time --------------------------------------------------------------------------------------------------------


def test_a_service_reports_whether_it_has_live_tasks() -> None:
    """Removed tasks don't count."""
    driver = driver_with()
    assert not driver.service.has_live_tasks
    add(driver)
    assert driver.service.has_live_tasks
    driver.drain()
    assert not driver.service.has_live_tasks


def test_reservations_and_tokens_move_with_a_clock_that_is_reset() -> None:
    """As much of them is left as before."""
    limits = {"rate_limits": {"max_dispatches_per_second": 1}}
    driver = driver_with(settings=limits, options=ServiceOptions(burst_size=1))
    driver.service.create_queue(START, LOCATION, OTHER, {})
    driver.service.delete_queue(START, OTHER)
    add(driver, "t")
    driver.drain()
    driver.service.clock_reset(-100 * DAY)
    driver.now -= 100 * DAY
    service, now = driver.service, driver.now
    assert service.queues[QUEUE].rate.ready_at() == now + SECOND
    day_later = now + DAY - 1
    spec = TaskSpec(HttpTarget(URL), name=f"{QUEUE}/tasks/t")
    assert_refused(service, Code.ALREADY_EXISTS, TOO_RECENT_TASK, lambda: service.create_task(day_later, QUEUE, spec))
    assert_refused(
        service,
        Code.FAILED_PRECONDITION,
        TOO_RECENT_QUEUE,
        lambda: service.create_queue(now + 7 * DAY - 1, LOCATION, OTHER, {}),
    )
    assert service.create_task(now + DAY, QUEUE, spec).is_live
    assert service.create_queue(now + 7 * DAY, LOCATION, OTHER, {}).name == OTHER


def test_a_copy_is_independent() -> None:
    """A deep copy continues like the original and does not change it."""
    driver = driver_with(always(response(503), takes=2 * SECOND), {"retry_config": {"max_attempts": 3}})
    add(driver, "t")
    driver.advance(SECOND)
    before = state_of(driver.service)
    other = Driver(copy.deepcopy(driver.service), driver.handler, driver.now)
    other.drain()
    assert state_of(driver.service) == before
    driver.drain()
    assert [(event.at, event.kind, event.verdict) for event in other.service.events] == [
        (event.at, event.kind, event.verdict) for event in driver.service.events
    ]
    assert [task.state for task in (*driver.service.accepted, *other.service.accepted)] == [TaskState.EXHAUSTED] * 2


# --- cmek ---


OTHER_LOCATION = "projects/p/locations/other"
CMEK_NAME = f"{LOCATION}/cmekConfig"
RING = f"{LOCATION}/keyRings/r"
KMS_KEY = f"{RING}/cryptoKeys/k"
WITH_HEADERS = {"http_target": {"header_overrides": [{"header": {"key": "X-Custom", "value": "a"}}]}}
UNSATISFIED = (
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl"
    " of more than 60 days."
)


def service_with_queues(**queues: dict[str, Any]) -> Service:
    """A service with queues of these settings; those whose ID begins with ``other`` are in another location."""
    made = Service(lambda: "1")
    for queue_id, settings in queues.items():
        location = OTHER_LOCATION if queue_id.startswith("other") else LOCATION
        made.create_queue(START, location, f"{location}/queues/{queue_id}", settings)
    return made


def rejected_key(made: Service, key: str, mask: Sequence[str] = ()) -> ServiceError:
    """Return the error of an update, which leaves the key as it was."""
    before = made.get_cmek_config(START, CMEK_NAME)
    with pytest.raises(ServiceError) as caught:
        made.update_cmek_config(START, CMEK_NAME, key, mask)
    assert made.get_cmek_config(START, CMEK_NAME) == before
    return caught.value


def test_a_config_is_blank_until_it_is_set() -> None:
    """Each location has a config of its own, and a blank key turns it off again."""
    made = service_with_queues()
    assert made.get_cmek_config(START, CMEK_NAME) == ""
    assert made.update_cmek_config(START, CMEK_NAME, KMS_KEY, []) == KMS_KEY
    assert made.get_cmek_config(START, CMEK_NAME) == KMS_KEY
    assert made.get_cmek_config(START, f"{OTHER_LOCATION}/cmekConfig") == ""
    assert made.update_cmek_config(START, CMEK_NAME, "", ["kms_key"]) == ""
    assert made.get_cmek_config(START, CMEK_NAME) == ""


def test_a_mask_without_the_key_changes_nothing() -> None:
    """What it doesn't name is not looked at."""
    made = service_with_queues()
    made.update_cmek_config(START, CMEK_NAME, KMS_KEY, ["name", "kms_key"])
    made.create_queue(START, LOCATION, f"{LOCATION}/queues/q", WITH_HEADERS)
    assert made.update_cmek_config(START, CMEK_NAME, "nonsense", ["name"]) == KMS_KEY


@pytest.mark.parametrize("key", ["not-a-key", LOCATION, f"{RING}/cryptoKeys", f"{KMS_KEY}/more", f"/{KMS_KEY}"])
def test_an_invalid_key_name_is_rejected(key: str) -> None:
    """The text has the name in brackets."""
    error = rejected_key(service_with_queues(), key)
    text = f"Resource name [{key}] does not match any known resource name pattern."
    assert (error.code, error.message, error.details) == (Code.INVALID_ARGUMENT, text, ())


@pytest.mark.parametrize("key", [RING, f"{KMS_KEY}/cryptoKeyVersions/1"])
def test_a_key_ring_and_a_key_version_are_no_keys(key: str) -> None:
    """They are names of Cloud KMS, but not those of keys."""
    error = rejected_key(service_with_queues(), key)
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Request contains an invalid argument.")


def test_a_key_of_another_location_is_not_found() -> None:
    """A config takes keys of its own location, of whatever project."""
    made = service_with_queues()
    error = rejected_key(made, KMS_KEY.replace("/l/", "/other/"))
    assert (error.code, error.message) == (Code.NOT_FOUND, "Requested entity was not found.")
    theirs = KMS_KEY.replace("projects/p/", "projects/keys/")
    assert made.update_cmek_config(START, CMEK_NAME, theirs, []) == theirs


@pytest.mark.parametrize("settings", [WITH_HEADERS, {"task_ttl": 61 * DAY}])
def test_a_queue_can_forbid_a_key(settings: dict[str, Any]) -> None:
    """Its header overrides, or tasks that it keeps for long, are looked at before the key."""
    error = rejected_key(service_with_queues(q=settings), "not-a-key")
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, UNSATISFIED)
    assert error.details == (ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com"),)


def test_other_queues_forbid_nothing() -> None:
    """Neither those of other locations, nor those that keep their tasks for 60 days; and no key is always possible."""
    made = service_with_queues(
        a={"task_ttl": 60 * DAY}, b={"http_target": {"uri_override": {"host": "a.test"}}}, other=WITH_HEADERS
    )
    assert made.update_cmek_config(START, CMEK_NAME, KMS_KEY, []) == KMS_KEY
    assert service_with_queues(q=WITH_HEADERS).update_cmek_config(START, CMEK_NAME, "", []) == ""


def test_a_mask_of_no_field_is_rejected() -> None:
    """The mask is looked at first, and the text is that of UpdateQueue."""
    error = rejected_key(service_with_queues(q=WITH_HEADERS), "nonsense", ["kms_key", "key"])
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Invalid mask: key")


# --- locations ---


QUEUES_ELSEWHERE = [
    "projects/p/locations/b/queues/q",
    "projects/p/locations/b/queues/r",
    "projects/pp/locations/c/queues/q",
]


@pytest.fixture
def service_of_l() -> Service:
    """A service of the location l, with queues in others."""
    made = Service(lambda: "1", location="l")
    for name in QUEUES_ELSEWHERE:
        made.create_queue(START, name.rpartition("/queues/")[0], name, {})
    return made


def test_a_project_has_the_fake_s_location_and_those_of_its_queues(service_of_l: Service) -> None:
    """By name, each once, and none of another project's."""
    assert service_of_l.list_locations(START, "projects/p") == ["projects/p/locations/b", "projects/p/locations/l"]
    assert service_of_l.list_locations(START, "projects/empty") == ["projects/empty/locations/l"]


@pytest.mark.parametrize("location", ["b", "l"])
def test_a_location_that_is_listed_can_be_got(service_of_l: Service, location: str) -> None:
    """Its name is all there is to it."""
    name = f"projects/p/locations/{location}"
    assert service_of_l.get_location(START, name) == name


def test_a_location_that_is_not_listed_is_not_there(service_of_l: Service) -> None:
    """Whatever other locations Google has."""
    with pytest.raises(ServiceError) as rejected:
        service_of_l.get_location(START, "projects/p/locations/c")
    assert (rejected.value.code, rejected.value.message) == (Code.NOT_FOUND, "Requested entity was not found.")


# --- uploads ---


GONE = f"{LOCATION}/queues/gone"


def uploaded(service: Service, **queues: UploadedQueue) -> None:
    service.upload_queue_yaml(START, LOCATION, queues)


def test_the_queues_of_the_file_are_made() -> None:
    """They run, or are paused, as the file has it."""
    service = RecordedService(numbered_ids())
    uploaded(service, a=UploadedQueue({}), b=UploadedQueue({}, is_paused=True))
    assert {name.rpartition("/")[2]: queue.state for name, queue in service.queues.items()} == {
        "a": QueueState.RUNNING,
        "b": QueueState.PAUSED,
    }


def test_the_settings_of_the_file_replace_those_of_a_queue() -> None:
    """Rate and retries are the file's, and what it doesn't decide on stays; a paused queue runs again."""
    service = service_with({"stackdriver_logging_config": {"sampling_ratio": 0.5}, "retry_config": {"max_attempts": 7}})
    service.pause_queue(START, QUEUE)
    uploaded(service, q=UploadedQueue({"rate_limits": {"max_dispatches_per_second": 5}}))
    queue = service.queues[QUEUE]
    assert queue.config.rate_limits.max_dispatches_per_second == 5
    assert queue.config.retry_config.max_attempts == 100
    assert queue.config.other["stackdriver_logging_config"] == {"sampling_ratio": 0.5}
    assert queue.state is QueueState.RUNNING


@pytest.mark.parametrize(
    ("retry_config", "doublings"), [({}, 16), ({"max_doublings": 0}, 0), ({"max_doublings": 3}, 3)]
)
def test_no_doublings_are_meant_where_a_file_says_so(retry_config: dict[str, Any], doublings: int) -> None:
    """A file distinguishes 0 from an unset value."""
    service = RecordedService(numbered_ids())
    uploaded(service, q=UploadedQueue({"retry_config": retry_config}))
    assert service.queues[QUEUE].config.retry_config.max_doublings == doublings


def test_names_are_reserved_for_nine_days_and_tasks_stay() -> None:
    """A task outlives its 31 days there, and its name a day."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    task = add(driver, "t")
    uploaded(driver.service, q=UploadedQueue({}, is_paused=True))
    assert driver.service.queues[QUEUE].config.tombstone_ttl == 9 * DAY
    driver.advance(1000 * DAY)
    assert task.is_live


def test_queues_that_the_file_leaves_out_are_disabled() -> None:
    """Their tasks stay; queues of other locations are not affected."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    elsewhere = "projects/p/locations/elsewhere"
    driver.service.create_queue(START, elsewhere, f"{elsewhere}/queues/q", {})
    uploaded(driver.service, a=UploadedQueue({}))
    assert driver.service.queues[QUEUE].state is QueueState.DISABLED
    assert driver.service.queues[f"{elsewhere}/queues/q"].state is QueueState.RUNNING
    driver.drain()
    assert task.is_live
    assert task.dispatch_count == 0


@pytest.mark.parametrize(
    ("queues", "code", "message"),
    [
        (
            {"under_score": UploadedQueue({})},
            Code.INVALID_ARGUMENT,
            'Queue ID "under_score" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
            " Queue ID must be between 1 and 100 characters.",
        ),
        (
            {"q": UploadedQueue({"type": QueueType.PULL})},
            Code.INVALID_ARGUMENT,
            "The type of a queue, push or pull, cannot be changed.",
        ),
        (
            {"gone": UploadedQueue({})},
            Code.FAILED_PRECONDITION,
            "The queue cannot be created because a queue with this name existed too recently.",
        ),
    ],
)
def test_a_file_that_can_not_be_is_rejected_as_a_whole(
    queues: dict[str, UploadedQueue], code: Code, message: str
) -> None:
    """What comes before the queue at fault is not made either, and nothing is disabled."""
    service = service_with()
    service.create_queue(START, LOCATION, GONE, {})
    service.delete_queue(START, GONE)
    assert_refused(service, code, message, lambda: uploaded(service, first=UploadedQueue({}), **queues))


# --- reserved names ---


def test_a_name_is_reserved_up_to_its_instant() -> None:
    """At the instant itself the name is free again; one that was never reserved always was."""
    reserved = ReservedNames()
    reserved.reserve("a", 0, 10)
    assert reserved.holds("a", 9)
    assert not reserved.holds("a", 10)
    assert not reserved.holds("b", 9)


def test_a_reservation_that_has_ended_does_not_come_back() -> None:
    """What was free once stays free."""
    reserved = ReservedNames()
    reserved.reserve("a", 0, 10)
    assert not reserved.holds("a", 10)
    assert not reserved.holds("a", 9)


def test_a_name_that_is_reserved_again_is_reserved_for_longer() -> None:
    """The last reservation counts."""
    reserved = ReservedNames()
    reserved.reserve("a", 0, 10)
    reserved.reserve("a", 0, 20)
    assert reserved.holds("a", 19)


def test_reservations_move_with_the_clock() -> None:
    """A clock that is reset leaves as much of a reservation as there was."""
    reserved = ReservedNames()
    reserved.reserve("a", 0, 10)
    reserved.reserve("b", 0, 20)
    reserved.shift(-5)
    assert (reserved.holds("a", 4), reserved.holds("b", 14)) == (True, True)
    assert (reserved.holds("a", 5), reserved.holds("b", 15)) == (False, False)


def test_free_names_leave_memory_by_themselves() -> None:
    """Any reservation or question drops all names that are free by then, those with a shorter duration, too."""
    reserved = ReservedNames()
    for at, name in enumerate("abc"):
        reserved.reserve(name, at, 10)
    reserved.reserve("brief", 3, 2)
    assert len(reserved) == 4
    reserved.reserve("d", 5, 10)
    assert len(reserved) == 4
    assert not reserved.holds("never", 11)
    assert len(reserved) == 2
    assert [name for name in "abcd" if reserved.holds(name, 11)] == ["c", "d"]


def test_free_names_leave_memory_after_the_clock_was_reset() -> None:
    """The order in which names become free stays, so a reset doesn't keep any of them."""
    reserved = ReservedNames()
    reserved.reserve("a", 0, 10)
    reserved.reserve("b", 5, 10)
    reserved.shift(-100)
    reserved.reserve("c", -86, 10)
    assert len(reserved) == 2
    assert [name for name in "abc" if reserved.holds(name, -86)] == ["b", "c"]


def test_the_names_of_finished_tasks_leave_memory_when_they_are_free() -> None:
    """A queue's new settings hold for the names of tasks that end later; either kind is dropped at its own instant."""
    service = service_with(options=ServiceOptions(task_tombstone_ttl=DAY))
    names = service._reserved_tasks[QUEUE]
    for ttl, at in ((DAY, START), (HOUR, START + 1)):
        service.update_queue(at, QUEUE, {"tombstone_ttl": ttl}, ["tombstone_ttl"])
        for _ in range(3):
            service.delete_task(at, service.create_task(at, QUEUE, SPEC).name)
    assert len(names) == 6
    for at, left in ((START + HOUR, 7), (START + 1 + HOUR, 5), (START + DAY, 1)):
        service.delete_task(at, service.create_task(at, QUEUE, SPEC).name)
        assert len(names) == left
