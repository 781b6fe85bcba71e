from __future__ import annotations

from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient, Queue
from google.iam.v1 import policy_pb2
from google.protobuf import field_mask_pb2

from pytest_cloudtasks import FakeCloudTasks

MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."


def create(client: CloudTasksClient, parent: str, queue_id: str, **fields: object) -> Queue:
    return client.create_queue(parent=parent, queue={"name": f"{parent}/queues/{queue_id}", **fields})


def test_a_new_queue_has_the_recorded_defaults(client: CloudTasksClient, parent: str) -> None:
    """CreateQueue with a name alone gives back what the real service was recorded to give."""
    queue = create(client, parent, "q")
    assert Queue.to_dict(queue) == Queue.to_dict(
        Queue(
            name=f"{parent}/queues/q",
            rate_limits={
                "max_dispatches_per_second": 500,
                "max_burst_size": 100,
                "max_concurrent_dispatches": 1000,
            },
            retry_config={
                "max_attempts": 100,
                "min_backoff": "0.1s",
                "max_backoff": "3600s",
                "max_doublings": 16,
            },
            state="RUNNING",
        )
    )
    assert "max_retry_duration" not in queue.retry_config
    assert "purge_time" not in queue


def test_settings_come_back_and_output_only_fields_are_the_servers(client: CloudTasksClient, parent: str) -> None:
    """What a caller sets is stored; state, purge time and burst size are not the caller's to set."""
    queue = create(
        client,
        parent,
        "q",
        rate_limits={"max_dispatches_per_second": 5, "max_burst_size": -1, "max_concurrent_dispatches": 3},
        retry_config={"max_attempts": -1, "max_retry_duration": "3600s", "max_doublings": 2},
        state="PAUSED",
        purge_time="2020-01-01T00:00:00Z",
        stackdriver_logging_config={"sampling_ratio": 0.5},
        app_engine_routing_override={"service": "worker"},
    )
    assert queue == client.get_queue(name=queue.name)
    assert queue.state == Queue.State.RUNNING
    assert "purge_time" not in queue
    assert (queue.rate_limits.max_burst_size, queue.rate_limits.max_concurrent_dispatches) == (10, 3)
    assert (queue.retry_config.max_attempts, queue.retry_config.max_retry_duration) == (-1, timedelta(hours=1))
    assert queue.stackdriver_logging_config.sampling_ratio == 0.5
    assert queue.app_engine_routing_override.service == "worker"


def test_a_response_is_a_copy(client: CloudTasksClient, parent: str) -> None:
    """Changing a message that came back changes nothing in the service."""
    queue = create(client, parent, "q")
    queue.rate_limits.max_concurrent_dispatches = 1
    assert client.get_queue(name=queue.name).rate_limits.max_concurrent_dispatches == 1000


def test_list_queues_pages_in_the_order_of_names(client: CloudTasksClient, parent: str) -> None:
    """Queues of one location come in lexicographic order; a token follows every page that has something."""
    for queue_id in ("b", "a", "c", "B"):
        create(client, parent, queue_id)
    create(client, parent.replace("us-central1", "europe-west1"), "elsewhere")
    pages = list(client.list_queues(request={"parent": parent, "page_size": 2}).pages)
    names = [[queue.name.rpartition("/")[2] for queue in page.queues] for page in pages]
    assert names == [["B", "a"], ["b", "c"], []]
    assert [bool(page.next_page_token) for page in pages] == [True, True, False]


def test_update_takes_the_masked_fields_and_resets_what_is_masked_and_unset(
    client: CloudTasksClient, parent: str
) -> None:
    """A mask names what changes, nested or flat; output-only paths are passed over, as recorded."""
    queue = create(client, parent, "q", retry_config={"max_attempts": 7, "min_backoff": "2s"})
    queue.rate_limits.max_concurrent_dispatches = 100
    queue.retry_config.max_attempts = 9
    mask = field_mask_pb2.FieldMask(paths=["rate_limits.max_concurrent_dispatches", "state"])
    updated = client.update_queue(queue=queue, update_mask=mask)
    assert updated.rate_limits.max_concurrent_dispatches == 100
    assert (updated.retry_config.max_attempts, updated.retry_config.min_backoff) == (7, timedelta(seconds=2))
    reset = client.update_queue(queue={"name": queue.name}, update_mask={"paths": ["retry_config"]})
    assert (reset.retry_config.max_attempts, reset.retry_config.min_backoff) == (100, timedelta(seconds=0.1))
    assert reset.rate_limits.max_concurrent_dispatches == 100


def test_update_without_a_mask_replaces_everything(client: CloudTasksClient, parent: str) -> None:
    """With an empty mask all fields are taken, unset ones as their defaults."""
    queue = create(client, parent, "q", retry_config={"max_attempts": 7}, app_engine_routing_override={"service": "x"})
    updated = client.update_queue(queue={"name": queue.name, "rate_limits": {"max_dispatches_per_second": 1}})
    assert updated.retry_config.max_attempts == 100
    assert "app_engine_routing_override" not in updated
    assert updated.rate_limits.max_dispatches_per_second == 1


def test_update_creates_what_is_missing(client: CloudTasksClient, parent: str) -> None:
    """UpdateQueue is an upsert."""
    name = f"{parent}/queues/q"
    assert client.update_queue(queue={"name": name}).name == name
    assert client.get_queue(name=name).name == name


@pytest.mark.parametrize(("rate", "expected"), [({}, (500, 100)), ({"max_dispatches_per_second": 77}, (77, 15))])
def test_a_queue_that_an_update_creates_has_the_masked_fields_and_defaults(
    client: CloudTasksClient, parent: str, rate: dict[str, int], expected: tuple[int, int]
) -> None:
    """A masked field that the request lacks is a default as well, and the burst follows the rate."""
    given = {"name": f"{parent}/queues/q", "rate_limits": rate, "retry_config": {"max_attempts": 7}}
    queue = client.update_queue(queue=given, update_mask={"paths": ["rate_limits.max_dispatches_per_second"]})
    limits = queue.rate_limits
    assert (limits.max_dispatches_per_second, limits.max_burst_size) == expected
    assert queue.retry_config.max_attempts == 100


def test_pause_and_resume(client: CloudTasksClient, parent: str) -> None:
    """Both give the queue in its new state, and repeat without error."""
    name = create(client, parent, "q").name
    assert client.pause_queue(name=name).state == Queue.State.PAUSED
    assert client.pause_queue(name=name).state == Queue.State.PAUSED
    assert client.resume_queue(name=name).state == Queue.State.RUNNING
    assert client.resume_queue(name=name).state == Queue.State.RUNNING


def test_purge_removes_every_task_and_sets_the_purge_time(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, queue: str
) -> None:
    """A purged queue is empty, keeps its state and shows its purge time; purged names stay reserved."""
    task = {"name": f"{queue}/tasks/one", "http_request": {"url": "https://a.test/"}}
    client.create_task(parent=queue, task=task)
    purged = client.purge_queue(name=queue)
    assert purged.purge_time == cloud_tasks.clock.now()
    assert list(client.list_tasks(parent=queue)) == []
    with pytest.raises(exceptions.Conflict):
        client.create_task(parent=queue, task=task)


def test_a_deleted_queue_is_gone_and_its_name_reserved_for_a_week(
    cloud_tasks: FakeCloudTasks, client: CloudTasksClient, parent: str, queue: str
) -> None:
    """After DeleteQueue the queue is not found, and its name is free only when the tombstone has passed."""
    client.delete_queue(name=queue)
    with pytest.raises(exceptions.NotFound) as missing:
        client.create_task(parent=queue, task={"http_request": {"url": "https://a.test/"}})
    assert missing.value.message.endswith(MISSING)
    with pytest.raises(exceptions.BadRequest, match="a queue with this name existed too recently"):
        create(client, parent, "work")
    cloud_tasks.advance(days=7)
    assert create(client, parent, "work").name == queue


def test_a_queue_that_never_was(client: CloudTasksClient, parent: str) -> None:
    """Every RPC on a missing queue is NOT_FOUND, DeleteQueue with a text of its own."""
    name = f"{parent}/queues/none"
    for call in (client.get_queue, client.pause_queue, client.resume_queue, client.purge_queue):
        with pytest.raises(exceptions.NotFound) as missing:
            call(name=name)
        assert missing.value.message.endswith(MISSING)
    with pytest.raises(exceptions.NotFound) as missing:
        client.delete_queue(name=name)
    assert missing.value.message.endswith("Requested entity was not found.")


def test_iam_policies_are_stored_and_permissions_held(client: CloudTasksClient, parent: str, queue: str) -> None:
    """A policy is empty until set, and replaced whole; an owner holds every permission."""
    assert client.get_iam_policy(request={"resource": queue}) == policy_pb2.Policy(etag=b"\x00\x20\x01")
    policy = policy_pb2.Policy(bindings=[policy_pb2.Binding(role="roles/viewer", members=["user:a@example.com"])])
    assert client.set_iam_policy(request={"resource": queue, "policy": policy}).bindings == policy.bindings
    stored = client.get_iam_policy(request={"resource": queue})
    assert (stored.version, stored.bindings) == (1, policy.bindings)
    wanted = ["cloudtasks.tasks.create", "cloudtasks.queues.get"]
    held = client.test_iam_permissions(request={"resource": queue, "permissions": wanted})
    assert list(held.permissions) == sorted(wanted)
    with pytest.raises(exceptions.NotFound) as missing:
        client.test_iam_permissions(request={"resource": f"{parent}/queues/none", "permissions": wanted})
    assert missing.value.message.endswith(MISSING)


def test_a_filter_and_a_page_token_go_together(client: CloudTasksClient, parent: str) -> None:
    """Google's own pager returns the filtered queues page by page."""
    for queue_id, rate in (("a", 5), ("b", 500), ("c", 5), ("d", 1)):
        create(client, parent, queue_id, rate_limits={"max_dispatches_per_second": rate})
    client.pause_queue(name=f"{parent}/queues/d")
    slow = {"parent": parent, "page_size": 1, "filter": "rateLimits.maxDispatchesPerSecond <= 5 AND state: RUNNING"}
    assert [queue.name.rpartition("/")[2] for queue in client.list_queues(request=slow)] == ["a", "c"]


def test_a_mask_of_no_field_is_rejected_where_no_queue_is(client: CloudTasksClient, parent: str) -> None:
    """UpdateQueue would create the queue, and doesn't."""
    mask = field_mask_pb2.FieldMask(paths=["colour"])
    with pytest.raises(exceptions.BadRequest) as refusal:
        client.update_queue(queue={"name": f"{parent}/queues/new"}, update_mask=mask)
    assert str(refusal.value.message).endswith("Invalid mask: colour")
    assert list(client.list_queues(parent=parent)) == []


def test_a_mask_into_what_a_queue_lacks_leaves_it_without(client: CloudTasksClient, queue: str) -> None:
    """A field that is named and not given is unset, and its message isn't there for its sake."""
    mask = field_mask_pb2.FieldMask(paths=["stackdriver_logging_config.sampling_ratio"])
    assert "stackdriver_logging_config" not in client.update_queue(queue={"name": queue}, update_mask=mask)
    given = {"name": queue, "stackdriver_logging_config": {"sampling_ratio": 0.5}}
    assert client.update_queue(queue=given, update_mask=mask).stackdriver_logging_config.sampling_ratio == 0.5
