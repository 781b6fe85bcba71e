"""v2beta3 and v2beta2: what they have of their own, and that all versions speak of one service."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from google.api import httpbody_pb2
from google.api_core import exceptions
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

from pytest_cloudtasks import FakeCloudTasks, TaskState

URL = "https://app.test/work"
EXISTED = "The task cannot be created because a task with this name existed too recently."


def upload(text: str, app_id: str = "test-project") -> None:
    body = httpbody_pb2.HttpBody(data=text.encode())
    tasks_v2beta2.CloudTasksClient().upload_queue_yaml(
        request=tasks_v2beta2.UploadQueueYamlRequest(app_id=app_id, http_body=body)
    )


def states(parent: str) -> dict[str, str]:
    queues = tasks_v2.CloudTasksClient().list_queues(parent=parent)
    return {queue.name.rpartition("/")[2]: queue.state.name for queue in queues}


# --- one service -------------------------------------------------------------------------------------------------


def test_a_queue_is_seen_through_all_versions(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """What one version sets, the others show under their own names."""
    name = f"{parent}/queues/q"
    tasks_v2beta2.CloudTasksClient().create_queue(
        parent=parent,
        queue={
            "name": name,
            "app_engine_http_target": {"app_engine_routing_override": {"service": "worker"}},
            "rate_limits": {"max_tasks_dispatched_per_second": 5, "max_concurrent_tasks": 3, "max_burst_size": 50},
            "retry_config": {"unlimited_attempts": True},
            "task_ttl": timedelta(days=20),
        },
    )
    v2 = tasks_v2.CloudTasksClient().get_queue(name=name)
    v2beta3 = tasks_v2beta3.CloudTasksClient().get_queue(name=name)
    for queue in (v2, v2beta3):
        limits = queue.rate_limits
        assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches, limits.max_burst_size) == (5, 3, 50)
        assert queue.retry_config.max_attempts == -1
    host = "worker.test-project.uc.r.appspot.com"
    assert v2.app_engine_routing_override.host == host
    assert v2beta3.app_engine_http_queue.app_engine_routing_override.host == host
    assert (v2beta3.task_ttl, v2beta3.type_.name) == (timedelta(days=20), "PUSH")


def test_a_task_is_seen_through_all_versions(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Attempts are counted in fields of the task, or in a status of its own; the retry settings of a task in two."""
    task = tasks_v2beta3.CloudTasksClient().create_task(
        parent=queue, task={"http_request": {"url": URL}, "retry_config": {"max_attempts": 5}}
    )
    cloud_tasks.route(URL).returns(429)
    cloud_tasks.dispatch_due()
    v2 = tasks_v2.CloudTasksClient().get_task(name=task.name)
    v2beta2 = tasks_v2beta2.CloudTasksClient().get_task(name=task.name)
    assert (v2.dispatch_count, v2.response_count) == (1, 1)
    assert (v2beta2.status.attempt_dispatch_count, v2beta2.status.attempt_response_count) == (1, 1)
    assert v2.last_attempt.response_time == v2beta2.status.last_attempt_status.response_time
    assert v2.retry_config.max_attempts == 5
    assert v2beta2.http_request.url == URL


@pytest.mark.parametrize("mask", [None, {"paths": ["rate_limits"]}])
def test_v2_leaves_alone_what_it_does_not_know(cloud_tasks: FakeCloudTasks, parent: str, mask: Any) -> None:
    """An update by a version that lacks a setting keeps it, with a mask and without."""
    beta = tasks_v2beta3.CloudTasksClient()
    name = f"{parent}/queues/q"
    beta.create_queue(parent=parent, queue={"name": name, "task_ttl": "864000s", "tombstone_ttl": "3600s"})
    changed = {"name": name, "rate_limits": {"max_concurrent_dispatches": 2}}
    tasks_v2.CloudTasksClient().update_queue(queue=changed, update_mask=mask)
    found = beta.get_queue(name=name)
    assert (found.task_ttl, found.tombstone_ttl) == (timedelta(days=10), timedelta(hours=1))
    assert found.rate_limits.max_concurrent_dispatches == 2


def test_v2beta2_leaves_logging_alone(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """v2beta2 has no logging settings, and does not clear those of others."""
    name = f"{parent}/queues/q"
    logging = {"sampling_ratio": 0.5}
    v2 = tasks_v2.CloudTasksClient()
    v2.create_queue(parent=parent, queue={"name": name, "stackdriver_logging_config": logging})
    shown = tasks_v2beta2.CloudTasksClient().update_queue(queue={"name": name})
    assert "stackdriver_logging_config" not in tasks_v2beta2.Queue.to_dict(shown)
    assert v2.get_queue(name=name).stackdriver_logging_config.sampling_ratio == 0.5


def test_v2_cannot_name_what_it_does_not_have(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """A field of the beta versions in a mask of v2 is rejected, and nothing has changed."""
    client = tasks_v2.CloudTasksClient()
    before = client.get_queue(name=queue)
    with pytest.raises(exceptions.InvalidArgument) as refused:
        client.update_queue(queue={"name": queue}, update_mask={"paths": ["task_ttl"]})
    assert refused.value.message == "Invalid mask: task_ttl"
    assert client.get_queue(name=queue) == before


def test_v2_sets_no_burst(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """max_burst_size is output only in v2: set or named in a mask, it is passed over."""
    client = tasks_v2.CloudTasksClient()
    queue = client.create_queue(
        parent=parent, queue={"name": f"{parent}/queues/q", "rate_limits": {"max_burst_size": 3}}
    )
    asked = {"name": queue.name, "rate_limits": {"max_burst_size": 3}}
    mask = {"paths": ["rate_limits.max_burst_size"]}
    assert client.update_queue(queue=asked, update_mask=mask).rate_limits.max_burst_size == 100


def test_a_type_can_be_named_in_a_mask(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """The type that a queue has may be set again, and left unset; its name is type, whatever Python calls it."""
    client = tasks_v2beta3.CloudTasksClient()
    name = client.create_queue(parent=parent, queue={"name": f"{parent}/queues/q", "type_": "PULL"}).name
    for given in ({"type_": "PULL"}, {}):
        for path in ("type", "type_"):
            assert client.update_queue(queue={"name": name, **given}, update_mask={"paths": [path]}).type_ == 1
    assert client.update_queue(queue={"name": name}).type_ == 1


def test_the_http_target_comes_before_app_engine_in_v2beta2(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """There the two exclude each other: of a queue with both, which v2 can make, the HTTP target is shown."""
    name = f"{parent}/queues/q"
    target = {"uri_override": {"host": "other.test"}}
    tasks_v2.CloudTasksClient().create_queue(
        parent=parent,
        queue={"name": name, "http_target": target, "app_engine_routing_override": {"service": "w"}},
    )
    shown = tasks_v2beta2.CloudTasksClient().get_queue(name=name)
    assert shown.http_target.uri_override.host == "other.test"
    assert "app_engine_http_target" not in shown


# --- retention and statistics ------------------------------------------------------------------------------------


def test_a_shorter_retention_counts_at_once(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """An update with a shorter task_ttl removes older tasks at once; the timeline shows the retention."""
    client = tasks_v2beta3.CloudTasksClient()
    name = client.create_queue(parent=parent, queue={"name": f"{parent}/queues/q"}).name
    client.pause_queue(name=name)
    client.create_task(parent=name, task={"name": f"{name}/tasks/t", "http_request": {"url": URL}})
    cloud_tasks.advance(days=12)
    client.update_queue(queue={"name": name, "task_ttl": "864000s"}, update_mask={"paths": ["task_ttl"]})
    record = cloud_tasks.assert_enqueued()
    assert record.state is TaskState.EXPIRED
    assert cloud_tasks.timeline().endswith("+12d 0:00:00  q/t expired: its retention of 10 days is over")


def test_a_longer_retention_keeps_tasks(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """With a task_ttl of 40 days a task outlasts the 31 days, and expires after its own."""
    client = tasks_v2beta3.CloudTasksClient()
    name = client.create_queue(parent=parent, queue={"name": f"{parent}/queues/q", "task_ttl": "3456000s"}).name
    client.pause_queue(name=name)
    client.create_task(parent=name, task={"http_request": {"url": URL}})
    cloud_tasks.advance(days=39)
    (task,) = cloud_tasks.tasks()
    assert cloud_tasks.advance(days=1).expired == 1
    assert task.state is TaskState.EXPIRED


def test_tombstones_are_a_queues_own(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """The name of a task is free after its queue's tombstone_ttl, also for v2, and taken up to then."""
    name = f"{parent}/queues/q"
    tasks_v2beta3.CloudTasksClient().create_queue(parent=parent, queue={"name": name, "tombstone_ttl": "7200s"})
    client = tasks_v2.CloudTasksClient()
    task = {"name": f"{name}/tasks/t", "http_request": {"url": URL}}
    client.create_task(parent=name, task=task)
    client.delete_task(name=task["name"])
    cloud_tasks.advance(hours=1, minutes=59)
    with pytest.raises(exceptions.AlreadyExists) as refused:
        client.create_task(parent=name, task=task)
    assert refused.value.message.startswith(EXISTED)
    cloud_tasks.advance(minutes=1)
    assert client.create_task(parent=name, task=task).name == task["name"]


def test_statistics(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """Tasks, attempts under way, answers of the last minute, and when something goes next."""
    client = tasks_v2beta3.CloudTasksClient()
    name = client.create_queue(
        parent=parent, queue={"name": f"{parent}/queues/q", "retry_config": {"min_backoff": "300s"}}
    ).name

    def stats() -> Any:
        return client.get_queue(request={"name": name, "read_mask": {"paths": ["stats"]}}).stats

    assert stats() == tasks_v2beta3.QueueStats(effective_execution_rate=500)
    cloud_tasks.route(URL).returns(500)
    cloud_tasks.route(f"{URL}/slow").takes(timedelta(seconds=30))
    for url in (URL, f"{URL}/slow"):
        client.create_task(parent=name, task={"http_request": {"url": url}})
    start = cloud_tasks.clock.now()
    assert stats().oldest_estimated_arrival_time == start
    cloud_tasks.dispatch_due()
    assert stats() == tasks_v2beta3.QueueStats(
        tasks_count=2,
        oldest_estimated_arrival_time=start + timedelta(minutes=5),
        executed_last_minute_count=1,
        concurrent_dispatches_count=1,
        effective_execution_rate=500,
    )
    cloud_tasks.advance(seconds=59)
    assert (stats().tasks_count, stats().executed_last_minute_count) == (1, 2)
    cloud_tasks.advance(seconds=1)
    assert stats().executed_last_minute_count == 1


@pytest.mark.cloud_tasks(service={"system_throttle": "simple"})
def test_a_throttle_shows_in_the_effective_rate(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """effective_execution_rate is what the throttle leaves of the queue's rate."""
    client = tasks_v2beta3.CloudTasksClient()
    client.create_task(parent=queue, task={"http_request": {"url": URL}})
    cloud_tasks.route(URL).returns(503)
    cloud_tasks.dispatch_due()
    found = client.get_queue(request={"name": queue, "read_mask": {"paths": ["stats.effective_execution_rate"]}})
    assert found == tasks_v2beta3.Queue(stats={"effective_execution_rate": 250})


def test_a_read_mask_of_all(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """``*`` is everything, statistics included; an unknown name is rejected."""
    client = tasks_v2beta3.CloudTasksClient()
    everything = client.get_queue(request={"name": queue, "read_mask": {"paths": ["*"]}})
    assert (everything.name, everything.stats.effective_execution_rate) == (queue, 500)
    with pytest.raises(exceptions.InvalidArgument) as refused:
        client.get_queue(request={"name": queue, "read_mask": {"paths": ["statistics"]}})
    assert refused.value.message == "The read mask names statistics, which is no field of a queue."


# --- queue.yaml --------------------------------------------------------------------------------------------------


def test_an_upload_decides_on_all_queues_of_its_project(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """What the file has runs or is paused, what it leaves out is disabled, and other projects are left alone."""
    for queue in ("old", "mail", "projects/other/locations/us-central1/queues/q"):
        cloud_tasks.create_queue(queue)
    upload("queue:\n- name: mail\n  rate: 5/s\n- name: held\n  rate: 0\n")
    assert states(parent) == {"old": "DISABLED", "mail": "RUNNING", "held": "PAUSED"}
    assert states("projects/other/locations/us-central1") == {"q": "RUNNING"}
    upload("queue:\n- name: old\n", app_id="test-project")
    assert states(parent) == {"old": "RUNNING", "mail": "DISABLED", "held": "DISABLED"}
    queues = [line for line in cloud_tasks.timeline().splitlines() if "  queue " in line]
    assert queues[-3:] == [
        "+0:00:00  queue old resumed",
        "+0:00:00  queue mail disabled",
        "+0:00:00  queue held disabled",
    ]


def test_a_disabled_queue_sends_nothing(cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """Tasks can be created in it, and go out when the queue is resumed."""
    cloud_tasks.route(URL)
    upload("queue: []")
    client = tasks_v2.CloudTasksClient()
    client.create_task(parent=queue, task={"http_request": {"url": URL}})
    assert [one.reason.name for one in cloud_tasks.drain().blocked] == ["DISABLED"]
    client.resume_queue(name=queue)
    assert cloud_tasks.drain().succeeded == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("queue: [", "The queue.yaml cannot be used: it is not valid YAML."),
        ("[" * 1000, "The queue.yaml cannot be used: it is not valid YAML."),
        ("queue: 2030-99-99", "The queue.yaml cannot be used: it is not valid YAML."),
        (
            "queue:\n- name: ok\n  bucket_size: many\n",
            "The queue.yaml cannot be used: the bucket_size of 'ok' is 'many'. Write a number.",
        ),
        (
            "queue:\n- name: ok\n  retry_parameters:\n    min_backoff_seconds: .inf\n",
            "The queue.yaml cannot be used: the min_backoff_seconds of 'ok' is inf. Write a number.",
        ),
        (
            "queue:\n- name: ok\n  retry_parameters: 5\n",
            "The queue.yaml cannot be used: the retry_parameters of 'ok' are 5. Write a mapping.",
        ),
        (
            "queue:\n- name: a_b\n",
            'Queue ID "a_b" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must be'
            " between 1 and 100 characters.",
        ),
        ("queue:\n- name: ok\n  bucket_size: 501\n", "RateLimits.maxBurstSize must be less than or equal to 500."),
        (
            "queue:\n- name: gone\n",
            "The queue cannot be created because a queue with this name existed too recently.",
        ),
    ],
)
def test_an_upload_that_is_rejected_changes_nothing(
    cloud_tasks: FakeCloudTasks, parent: str, text: str, message: str
) -> None:
    """The whole file is rejected for one queue of it that cannot be."""
    for queue in ("gone", "work"):
        cloud_tasks.create_queue(queue)
    tasks_v2.CloudTasksClient().delete_queue(name=f"{parent}/queues/gone")
    before = cloud_tasks.timeline()
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        upload(f"{text}- name: new\n" if text.endswith("\n") else text)
    assert refused.value.message == message
    assert cloud_tasks.timeline().removeprefix(before).count("\n") == 1, "nothing but the refused call"
    assert states(parent) == {"work": "RUNNING"}


def test_a_file_in_another_encoding(cloud_tasks: FakeCloudTasks) -> None:
    """What is not UTF-8 is no queue.yaml."""
    body = httpbody_pb2.HttpBody(data=b"\xff")
    request = tasks_v2beta2.UploadQueueYamlRequest(app_id="test-project", http_body=body)
    with pytest.raises(exceptions.InvalidArgument) as refused:
        tasks_v2beta2.CloudTasksClient().upload_queue_yaml(request=request)
    assert refused.value.message == "The queue.yaml cannot be used: it is not UTF-8."


def test_without_pyyaml(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is optional: the error says how to get it."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(exceptions.MethodNotImplemented) as refused:
        upload("queue: []")
    assert refused.value.message == ("UploadQueueYaml needs PyYAML, which is not installed. Run `pip install pyyaml`.")


def test_over_rest_the_library_itself_rejects_an_upload(cloud_tasks: FakeCloudTasks) -> None:
    """UploadQueueYaml is not in the library's REST transport, fake or not."""
    client = tasks_v2beta2.CloudTasksClient(transport="rest")
    with pytest.raises(NotImplementedError):
        client.upload_queue_yaml(request={"app_id": "test-project"})
