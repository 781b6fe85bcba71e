"""What v2beta3 and v2beta2 have and v2 has not: types of queues, pull tasks, statistics, names of their own."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from google.protobuf import field_mask_pb2

from pytest_cloudtasks._messages.api_versions import speaking, v2, v2beta2, with_queue_fields
from pytest_cloudtasks._messages.methods import methods_of
from pytest_cloudtasks._messages.proto import proto_of
from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import QueueType
from pytest_cloudtasks._service.request import AppEngineTarget, PullMessage
from pytest_cloudtasks._service.retry import UNLIMITED
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import TaskSpec
from pytest_cloudtasks._units import DAY
from tests.each import each
from tests.messages.asking import ask

NOW = 1_900_000_000_000_000_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"

BETA2, BETA3 = v2beta2(), speaking("google.cloud.tasks.v2beta3")


def service_with(options: ServiceOptions | None = None, **settings: Any) -> Service:
    service = Service(lambda: "1", options)
    service.create_queue(NOW, LOCATION, QUEUE, settings)
    return service


def refusal(call: Any) -> tuple[Code, str]:
    with pytest.raises(ServiceError) as refused:
        call()
    return refused.value.code, refused.value.message


# --- queues ------------------------------------------------------------------------------------------------------


def test_the_type_of_a_queue_is_a_field_in_v2beta3() -> None:
    """It is read and written; unset, a queue is a push queue."""
    pull = BETA3.messages.queue_settings(proto_of(tasks_v2beta3.Queue(type_=tasks_v2beta3.Queue.Type.PULL)))
    push = BETA3.messages.queue_settings(proto_of(tasks_v2beta3.Queue(type_=tasks_v2beta3.Queue.Type.PUSH)))
    assert (pull, push) == ({"type": QueueType.PULL}, {"type": QueueType.PUSH})
    queue = service_with(type=QueueType.PULL).queues[QUEUE]
    assert BETA3.messages.queue(queue).type_ == tasks_v2beta3.Queue.Type.PULL


def test_the_type_of_a_queue_is_its_target_in_v2beta2() -> None:
    """A pull target makes a pull queue, and any other a push queue."""
    read = BETA2.messages.queue_settings
    assert read(proto_of(tasks_v2beta2.Queue(pull_target={}))) == {"type": QueueType.PULL}
    routed = tasks_v2beta2.Queue(app_engine_http_target={"app_engine_routing_override": {"service": "s"}})
    assert read(proto_of(routed)) == {"app_engine_routing_override": {"service": "s"}, "type": QueueType.PUSH}
    queue = service_with(type=QueueType.PULL).queues[QUEUE]
    assert "pull_target" in BETA2.messages.queue(queue)


@pytest.mark.parametrize(
    ("frontend", "message", "part"),
    [
        (BETA3, tasks_v2beta3.Queue, "app_engine_http_queue"),
        (BETA2, tasks_v2beta2.Queue, "app_engine_http_target"),
    ],
    ids=["v2beta3", "v2beta2"],
)
def test_a_routing_override_lies_within_another_message(frontend: Any, message: Any, part: str) -> None:
    """It is read from there, and written there with its host; one that overrides nothing is an empty message."""
    given = message(name=QUEUE, **{part: {"app_engine_routing_override": {"service": "s", "version": "v"}}})
    override = frontend.messages.queue_settings(proto_of(given))["app_engine_routing_override"]
    assert override == {"service": "s", "version": "v"}
    shown = frontend.messages.queue(service_with(app_engine_routing_override=override).queues[QUEUE])
    assert getattr(shown, part).app_engine_routing_override.host == "v.s.p.uc.r.appspot.com"
    empty = frontend.messages.queue(service_with(app_engine_routing_override={}).queues[QUEUE])
    assert part in empty
    assert "app_engine_routing_override" not in getattr(empty, part)


def test_an_http_target_is_written() -> None:
    """No routing is shown with it, because they exclude each other; nor are unset logging settings."""
    settings = {
        "http_target": {"uri_override": {"host": "worker.test"}},
        "stackdriver_logging_config": {"sampling_ratio": 0.5},
    }
    queue = service_with(**settings).queues[QUEUE]
    assert BETA3.messages.queue(queue).http_target.uri_override.host == "worker.test"
    assert BETA3.messages.queue(queue).stackdriver_logging_config.sampling_ratio == 0.5
    assert BETA2.messages.queue(queue).http_target.uri_override.host == "worker.test"


def test_attempts_without_a_limit_have_a_field_in_v2beta2() -> None:
    """There a limit is more than 0."""
    read = BETA2.messages.retry_settings
    assert read(proto_of(tasks_v2beta2.RetryConfig(unlimited_attempts=True))) == {"max_attempts": UNLIMITED}
    assert read(proto_of(tasks_v2beta2.RetryConfig(max_attempts=3))) == {"max_attempts": 3}
    assert refusal(lambda: read(proto_of(tasks_v2beta2.RetryConfig(max_attempts=-1)))) == (
        Code.INVALID_ARGUMENT,
        "RetryConfig.maxAttempts must be greater than 0.",
    )
    queue = service_with(retry_config={"max_attempts": UNLIMITED}).queues[QUEUE]
    assert BETA2.messages.queue(queue).retry_config.unlimited_attempts is True
    assert BETA3.messages.queue(queue).retry_config.max_attempts == -1


def masked_by(types: Any, *paths: str) -> Any:
    """The request of an update with a mask, protobuf's own."""
    return proto_of(types.UpdateQueueRequest(update_mask=field_mask_pb2.FieldMask(paths=paths)))


def test_a_burst_can_be_set_in_the_betas() -> None:
    """In v2 it is the service's alone."""
    rates = {"max_burst_size": 7}
    assert BETA3.messages.queue_settings(proto_of(tasks_v2beta3.Queue(rate_limits=rates)))["rate_limits"] == rates
    assert BETA2.messages.queue_settings(proto_of(tasks_v2beta2.Queue(rate_limits=rates)))["rate_limits"] == rates
    path = "rate_limits.max_burst_size"
    assert BETA2.messages.update_mask(masked_by(tasks_v2beta2, path)) == ([path], None)
    assert v2().messages.update_mask(masked_by(tasks_v2, path)) == (["state"], None)


@each(
    ("frontend", "path", "ours"),
    [
        (BETA3, "type", "type"),
        (BETA2, "pull_target", "type"),
        (BETA3, "app_engine_http_queue", "app_engine_routing_override"),
        (
            BETA2,
            "app_engine_http_target.app_engine_routing_override",
            "app_engine_routing_override",
        ),
        (BETA2, "rate_limits", "rate_limits"),
        (BETA2, "rate_limits.max_tasks_dispatched_per_second", "rate_limits.max_dispatches_per_second"),
        (BETA2, "retry_config.unlimited_attempts", "retry_config.max_attempts"),
        (BETA3, "task_ttl", "task_ttl"),
    ],
)
def test_a_mask_comes_by_the_model_s_names(frontend: Any, path: str, ours: str) -> None:
    """Whatever the version calls a field, and wherever it keeps it."""
    assert frontend.messages.update_mask(masked_by(frontend.messages.types, path)) == ([ours], None)


@each(
    "path",
    [
        "",
        " state",
        "speed",
        "rate_limits.speed",
        "rateLimits",
        "rate_limits,state",
        "name.more",
        "task_ttl.seconds",
        "http_target.header_overrides.header",
    ],
)
def test_a_mask_names_fields_of_the_version(path: str) -> None:
    """The first unknown path, at any depth, is returned, and the mask is empty then."""
    mask = masked_by(tasks_v2beta3, "http_target.uri_override.host", path, "bogus")
    assert BETA3.messages.update_mask(mask) == ([], path)


def test_an_empty_mask_differs_from_no_mask() -> None:
    """Without a mask every field of the version is meant, and with an empty one none."""
    messages = v2().messages
    assert messages.update_mask(masked_by(tasks_v2)) == ([], None)
    every = ["rate_limits", "retry_config", "stackdriver_logging_config", "http_target", "app_engine_routing_override"]
    assert sorted(messages.update_mask(proto_of(tasks_v2.UpdateQueueRequest()))[0]) == sorted(every)


def test_a_read_mask_may_name_statistics() -> None:
    """They are shown only on demand; ``*`` means all, and an unknown name is rejected."""
    service = service_with(type=QueueType.PULL)
    service.create_task(NOW, QUEUE, TaskSpec(PullMessage(b"x", "")))

    def shown(*paths: str) -> Any:
        request = tasks_v2beta3.GetQueueRequest(name=QUEUE, read_mask={"paths": paths})
        return ask(BETA3, service, NOW, "get_queue", request)

    assert (shown("stats").stats.tasks_count, shown("stats").name) == (1, "")
    assert shown("stats.oldest_estimated_arrival_time").stats.oldest_estimated_arrival_time.timestamp() == NOW / 10**9
    assert shown("type").type_ == shown("*").type_ == tasks_v2beta3.Queue.Type.PULL
    assert (shown("*").name, shown("*").stats.tasks_count) == (QUEUE, 1)
    assert "stats" not in shown()
    service.purge_queue(NOW, QUEUE)
    assert "oldest_estimated_arrival_time" not in shown("*").stats
    assert refusal(lambda: shown("speed")) == (
        Code.INVALID_ARGUMENT,
        "The read mask names speed, which is no field of a queue.",
    )


def test_the_first_version_with_all_the_fields_makes_a_queue() -> None:
    """v2 where it can, and also where none can: it says so best."""
    assert with_queue_fields(["rate_limits"]) is v2()
    assert with_queue_fields(["rate_limits", "task_ttl"]) is BETA3
    assert with_queue_fields(["pull_target"]) is BETA2
    assert with_queue_fields(["speed"]) is v2()


# --- tasks -------------------------------------------------------------------------------------------------------


def test_a_queue_that_is_missing_would_have_to_be_a_pull_queue() -> None:
    """For a task with a message, and for no other."""
    pull = tasks_v2beta2.CreateTaskRequest(parent=QUEUE, task={"pull_message": {"payload": b"x"}})
    push = tasks_v2beta2.CreateTaskRequest(parent=QUEUE, task={"app_engine_http_request": {}})
    assert BETA2.fields_of_missing_queue(pull) == {"pull_target": {}}
    assert BETA2.fields_of_missing_queue(push) == {}
    assert v2().fields_of_missing_queue(tasks_v2beta2.GetTaskRequest(name=TASK)) == {}


def test_a_message_can_be_set_in_v2beta2_alone() -> None:
    """v2beta3 has the field, and shows what is in it in the FULL view."""
    assert refusal(
        lambda: ask(
            BETA3,
            service_with(type=QueueType.PULL),
            NOW,
            "create_task",
            tasks_v2beta3.CreateTaskRequest(parent=QUEUE, task={"pull_message": {"payload": b"x"}}),
        )
    ) == (Code.INVALID_ARGUMENT, "Task.pullMessage cannot be set by this version of the API.")
    service = service_with(type=QueueType.PULL)
    task = service.create_task(NOW, QUEUE, TaskSpec(PullMessage(b"x", "tag"), TASK))
    full, basic = (BETA3.messages.task(task, full=full) for full in (True, False))
    assert (full.pull_message.payload, full.pull_message.tag) == (b"x", "tag")
    assert "pull_message" not in basic
    full, basic = (BETA2.messages.task(task, full=full) for full in (True, False))
    assert (full.pull_message.payload, full.pull_message.tag) == (b"x", "tag")
    assert (basic.pull_message.payload, basic.pull_message.tag) == (b"", "tag")


def test_v2_shows_a_pull_task_without_its_message() -> None:
    """It has no field for it, and everything else is there."""
    service = service_with(type=QueueType.PULL)
    task = service.create_task(NOW, QUEUE, TaskSpec(PullMessage(b"x", "tag"), TASK))
    shown = v2().messages.task(task, full=True)
    assert (shown.name, shown.create_time.timestamp()) == (TASK, NOW / 10**9)
    assert proto_of(shown).WhichOneof("message_type") is None


def test_an_app_engine_task_goes_by_v2beta2_s_names() -> None:
    """Its path is a URL there, and its body a payload."""
    service = service_with()
    task = service.create_task(NOW, QUEUE, TaskSpec(AppEngineTarget("/run", "POST", (("X-One", "1"),), b"abc"), TASK))
    request = BETA2.messages.task(task, full=True).app_engine_http_request
    assert (request.relative_url, request.payload, request.headers["X-One"]) == ("/run", b"abc", "1")
    assert BETA2.messages.task(task, full=False).app_engine_http_request.payload == b""


# --- leases ------------------------------------------------------------------------------------------------------


def test_a_task_is_leased_renewed_and_given_back() -> None:
    """The basic view is shown unless the full one is asked for; the instants are those of the lease."""
    service = service_with(type=QueueType.PULL)
    service.create_task(NOW, QUEUE, TaskSpec(PullMessage(b"x", "tag"), TASK))
    full = tasks_v2beta2.Task.View.FULL

    def call(rpc: str, request: Any) -> Any:
        return ask(BETA2, service, NOW, rpc, request)

    leased = call(
        "lease_tasks",
        tasks_v2beta2.LeaseTasksRequest(parent=QUEUE, max_tasks=1, lease_duration="60s", response_view=full),
    ).tasks[0]
    assert (leased.pull_message.payload, leased.schedule_time.timestamp()) == (b"x", NOW / 10**9 + 60)
    renewed = call(
        "renew_lease",
        tasks_v2beta2.RenewLeaseRequest(name=TASK, schedule_time=leased.schedule_time, lease_duration="90s"),
    )
    assert (renewed.pull_message.payload, renewed.schedule_time.timestamp()) == (b"", NOW / 10**9 + 90)
    freed = call("cancel_lease", tasks_v2beta2.CancelLeaseRequest(name=TASK, schedule_time=renewed.schedule_time))
    assert freed.schedule_time.timestamp() == NOW / 10**9


# --- queue.yaml --------------------------------------------------------------------------------------------------


def upload(service: Service, data: bytes) -> None:
    request = methods_of("google.cloud.tasks.v2beta2")["upload_queue_yaml"].request(app_id="p")
    proto_of(request).http_body.data = data
    ask(BETA2, service, NOW, "upload_queue_yaml", request)


def test_an_upload_goes_to_the_fake_s_location() -> None:
    """Its queues are those of the project that the request names."""
    service = service_with()
    upload(service, b"queue:\n- name: mail\n")
    assert list(service.queues) == [QUEUE, "projects/p/locations/us-central1/queues/mail"]
    assert service.queues["projects/p/locations/us-central1/queues/mail"].config.tombstone_ttl == 9 * DAY


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "The queue.yaml cannot be used: it is not UTF-8."),
        (b"queue: [", "The queue.yaml cannot be used: it is not valid YAML."),
    ],
)
def test_an_upload_that_can_not_be_read_is_rejected(data: bytes, why: str) -> None:
    """In a sentence that says what is wrong with it, and nothing changes."""
    service = service_with()
    assert refusal(lambda: upload(service, data)) == (Code.INVALID_ARGUMENT, why)
    assert list(service.queues) == [QUEUE]


def test_an_upload_takes_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how to get it, and nothing changes."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    service = service_with()
    assert refusal(lambda: upload(service, b"queue: []")) == (
        Code.UNIMPLEMENTED,
        "UploadQueueYaml needs PyYAML, which is not installed. Run `pip install pyyaml`.",
    )
    assert list(service.queues) == [QUEUE]
