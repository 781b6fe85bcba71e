"""Pull queues: applications whose workers lease what others enqueue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, TaskState

LEASE = timedelta(minutes=1)


@pytest.fixture
def jobs(cloud_tasks: FakeCloudTasks) -> str:
    """A pull queue."""
    return str(cloud_tasks.create_queue("jobs", pull_target={}).name)


def enqueue(client: Any, queue: str, task_id: str, payload: bytes = b"", tag: str = "", **fields: Any) -> Any:
    message = {"payload": payload, "tag": tag}
    return client.create_task(
        parent=queue, task={"name": f"{queue}/tasks/{task_id}", "pull_message": message, **fields}
    )


def lease(client: Any, queue: str, max_tasks: int = 10, **fields: Any) -> list[Any]:
    request = {"parent": queue, "max_tasks": max_tasks, "lease_duration": LEASE, "response_view": "FULL", **fields}
    return list(client.lease_tasks(request=request).tasks)


def test_a_worker_that_dies_loses_its_lease(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """A task that nobody acknowledges comes to another worker when its lease is over; the first is too late then."""
    enqueue(worker, jobs, "t", b"hello")
    (first,) = lease(worker, jobs)
    assert first.pull_message.payload == b"hello"
    assert first.schedule_time == cloud_tasks.clock.now() + LEASE
    assert lease(worker, jobs) == []
    cloud_tasks.advance(LEASE)
    (second,) = lease(worker, jobs)
    assert second.status.attempt_dispatch_count == 2
    with pytest.raises(exceptions.GoogleAPICallError) as refused:
        worker.acknowledge_task(name=first.name, schedule_time=first.schedule_time)
    assert str(refused.value.message).endswith(
        "The schedule time is not the task's current one: the caller does not hold the lease."
    )
    worker.acknowledge_task(name=second.name, schedule_time=second.schedule_time)
    cloud_tasks.assert_empty()
    (task,) = (call for call in cloud_tasks.rpcs if call.method == "acknowledge_task" and call.error is None)
    assert task.request.name == second.name


def test_a_long_job_renews_its_lease(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """Each renewal gives another schedule time, which is the one that counts from then on."""
    enqueue(worker, jobs, "t")
    (task,) = lease(worker, jobs)
    for _ in range(3):
        cloud_tasks.advance(seconds=50)
        task = worker.renew_lease(name=task.name, schedule_time=task.schedule_time, lease_duration=LEASE)
        assert lease(worker, jobs) == []
    assert task.status.attempt_dispatch_count == 1
    worker.acknowledge_task(name=task.name, schedule_time=task.schedule_time)


def test_a_worker_gives_back_what_it_cannot_do(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """A cancelled lease makes the task free at once."""
    enqueue(worker, jobs, "t")
    (task,) = lease(worker, jobs)
    given_back = worker.cancel_lease(name=task.name, schedule_time=task.schedule_time)
    assert given_back.schedule_time == cloud_tasks.clock.now()
    assert [one.name for one in lease(worker, jobs)] == [task.name]


def test_workers_share_a_queue_by_tags(worker: Any, jobs: str) -> None:
    """A worker takes one tag, or all of whatever tag is the oldest."""
    for number, tag in enumerate(("mail", "print", "mail")):
        enqueue(worker, jobs, f"t{number}", tag=tag)
    assert [one.pull_message.tag for one in lease(worker, jobs, filter="tag=print")] == ["print"]
    assert [one.name[-2:] for one in lease(worker, jobs, filter="tag_function=oldest_tag()")] == ["t0", "t2"]


def test_a_batch_is_as_large_as_was_asked_for(worker: Any, jobs: str) -> None:
    """max_tasks are leased, by name where the schedule time is the same."""
    for number in (3, 1, 2):
        enqueue(worker, jobs, f"t{number}")
    assert [[one.name[-2:] for one in lease(worker, jobs, 2)] for _ in range(2)] == [["t1", "t2"], ["t3"]]


def test_a_response_has_32_megabytes_at_the_most(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """Fewer tasks are leased where more would be too large; the others are there for the next call."""
    for number in range(34):
        enqueue(worker, jobs, f"t{number:02}", b"x" * 1_000_000)
    assert [len(lease(worker, jobs, 1000)) for _ in range(3)] == [33, 1, 0]


def test_max_attempts_limits_leases(worker: Any, cloud_tasks: FakeCloudTasks) -> None:
    """After its last lease a task is deleted instead of leased, and the timeline says why."""
    queue = str(cloud_tasks.create_queue("poison", pull_target={}, retry_config={"max_attempts": 1}).name)
    enqueue(worker, queue, "t", tag="bad")
    lease(worker, queue)
    cloud_tasks.advance(LEASE)
    assert lease(worker, queue) == []
    record = cloud_tasks.assert_enqueued(queue="poison")
    assert record.state is TaskState.EXHAUSTED
    assert cloud_tasks.timeline() == (
        "+0:00:00  queue poison created\n"
        "+0:00:00  poison/t created: pull, tag 'bad'\n"
        "+0:00:00  poison/t leased until +0:01:00\n"
        "+0:01:00  poison/t exhausted: it was leased max_attempts times"
    )


def test_the_timeline_has_leases(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """Leases are shown with their end, as offsets like everything else."""
    enqueue(worker, jobs, "t")
    (task,) = lease(worker, jobs)
    cloud_tasks.advance(seconds=30)
    task = worker.renew_lease(name=task.name, schedule_time=task.schedule_time, lease_duration=LEASE)
    worker.cancel_lease(name=task.name, schedule_time=task.schedule_time)
    (task,) = lease(worker, jobs)
    worker.acknowledge_task(name=task.name, schedule_time=task.schedule_time)
    assert cloud_tasks.timeline() == (
        "+0:00:00  queue jobs created\n"
        "+0:00:00  jobs/t created: pull\n"
        "+0:00:00  jobs/t leased until +0:01:00\n"
        "+0:00:30  jobs/t lease renewed until +0:01:30\n"
        "+0:00:30  jobs/t lease cancelled\n"
        "+0:00:30  jobs/t leased until +0:01:30\n"
        "+0:00:30  jobs/t acknowledged"
    )


def test_assertions_see_pull_tasks(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """Queue, name, body and JSON match; there is neither URL nor method, and nothing is dispatched."""
    enqueue(worker, jobs, "t", b'{"order": 42}', tag="mail")
    record = cloud_tasks.assert_enqueued(queue="jobs", name="t", json={"order": 42}, body=b'{"order": 42}')
    assert (record.url, record.method, dict(record.headers), record.tag) == ("", "", {}, "mail")
    assert record.attempts == []
    assert type(record.message) is tasks_v2beta2.Task
    assert record.message.pull_message.payload == b'{"order": 42}'
    assert repr(record) == "<task jobs/t pull, tag 'mail' scheduled>"
    cloud_tasks.assert_not_enqueued(url="https://app.test/work")
    cloud_tasks.assert_not_dispatched(queue="jobs")


def test_a_failure_shows_a_pull_task_by_its_tag(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """Messages have the tag where other tasks have method and URL."""
    client = tasks_v2beta2.CloudTasksClient()
    enqueue(client, jobs, "t", b"a", tag="mail")
    with pytest.raises(CloudTasksAssertionError) as failed:
        cloud_tasks.assert_enqueued(body=b"b")
    assert "  jobs/t  pull, tag 'mail'  (scheduled)\n" in str(failed.value)
    with pytest.raises(CloudTasksAssertionError) as left:
        cloud_tasks.assert_empty()
    assert "  jobs/t  pull, tag 'mail'  due, but it waits in a pull queue to be leased\n" in str(left.value)


def test_driving_leaves_pull_tasks_alone(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """drain() skips them and reports that they wait; dispatch() of one is an error."""
    client = tasks_v2beta2.CloudTasksClient()
    enqueue(client, jobs, "t")
    summary = cloud_tasks.drain()
    assert (summary.attempts, [one.reason.name for one in summary.blocked]) == (0, ["PULL"])
    assert cloud_tasks.step() is None
    with pytest.raises(ValueError) as refused:
        cloud_tasks.dispatch(cloud_tasks.assert_enqueued())
    assert str(refused.value) == (
        "The task jobs/t can't be dispatched: it waits in a pull queue. Lease it with a v2beta2 client, as the"
        " application's workers do."
    )


@pytest.mark.cloud_tasks(eager=True)
def test_eager_leaves_pull_tasks_alone(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """A pull task waits for its worker whatever is dispatched at once."""
    enqueue(tasks_v2beta2.CloudTasksClient(), jobs, "t")
    assert cloud_tasks.assert_enqueued().state is TaskState.SCHEDULED


@pytest.mark.cloud_tasks(auto_create_queues=True)
def test_a_missing_queue_is_made_for_its_first_task(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """With auto_create_queues a pull message gets a pull queue, and a request a push queue."""
    client = tasks_v2beta2.CloudTasksClient()
    enqueue(client, f"{parent}/queues/jobs", "t")
    client.create_task(parent=f"{parent}/queues/work", task={"app_engine_http_request": {"relative_url": "/"}})
    assert ["pull_target" in client.get_queue(name=f"{parent}/queues/{one}") for one in ("jobs", "work")] == [
        True,
        False,
    ]


@pytest.mark.needs("types of queues")
@pytest.mark.cloud_tasks(queues={"jobs": {"pull_target": {}}, "kept": {"task_ttl": "864000s", "type_": "PULL"}})
def test_settings_make_pull_queues(cloud_tasks: FakeCloudTasks) -> None:
    """A queue of the settings takes the fields of whichever version has them all."""
    client = tasks_v2beta3.CloudTasksClient()
    jobs, kept = (client.get_queue(name=cloud_tasks.queue_path(one)) for one in ("jobs", "kept"))
    assert (jobs.type_.name, jobs.task_ttl) == ("PULL", timedelta(days=31))
    assert (kept.type_.name, kept.task_ttl) == ("PULL", timedelta(days=10))


@pytest.mark.needs("types of queues")
def test_other_versions_see_pull_queues(worker: Any, cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """v2 shows the queue without a limit and the task without a payload; v2beta3 the message in the FULL view alone."""
    name = enqueue(worker, jobs, "t", b"hello", tag="a").name
    v2, v2beta3 = tasks_v2.CloudTasksClient(), tasks_v2beta3.CloudTasksClient()
    assert v2.get_queue(name=jobs).rate_limits.max_concurrent_dispatches == -1
    assert v2beta3.get_queue(name=jobs).type_ is tasks_v2beta3.Queue.Type.PULL
    assert v2.get_task(name=name) == tasks_v2.Task(
        name=name,
        schedule_time=cloud_tasks.clock.now(),
        create_time=cloud_tasks.clock.now(),
        view="BASIC",
    )
    assert "pull_message" not in v2beta3.get_task(name=name)
    full = v2beta3.get_task(request={"name": name, "response_view": "FULL"})
    assert (full.pull_message.payload, full.pull_message.tag) == (b"hello", "a")
    v2.delete_task(name=name)
    assert lease(worker, jobs) == []


@pytest.mark.needs("types of queues")
def test_a_pull_queue_of_v2beta3_is_leased_from(cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """Its type is what v2beta2 calls a pull target."""
    name = f"{parent}/queues/jobs"
    tasks_v2beta3.CloudTasksClient().create_queue(parent=parent, queue={"name": name, "type_": "PULL"})
    client = tasks_v2beta2.CloudTasksClient()
    enqueue(client, name, "t")
    assert len(lease(client, name)) == 1


def test_purged_and_expired_pull_tasks_are_gone(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """PurgeQueue and the retention end pull tasks as they do others, leased ones included."""
    client = tasks_v2beta2.CloudTasksClient()
    enqueue(client, jobs, "t1")
    lease(client, jobs)
    client.purge_queue(name=jobs)
    enqueue(client, jobs, "t2")
    cloud_tasks.advance(days=31)
    states = [cloud_tasks.assert_enqueued(name=one).state for one in ("t1", "t2")]
    assert states == [TaskState.DELETED, TaskState.EXPIRED]


def test_ten_calls_a_second_are_allowed(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """The eleventh LeaseTasks of a second is rejected, a second after the first it is not."""
    client = tasks_v2beta2.CloudTasksClient()
    for _ in range(10):
        assert lease(client, jobs) == []
    with pytest.raises(exceptions.ResourceExhausted) as refused:
        lease(client, jobs)
    assert refused.value.message == "LeaseTasks was called more than 10 times a second on this queue."
    cloud_tasks.advance(seconds=0.999)
    with pytest.raises(exceptions.ResourceExhausted):
        lease(client, jobs)
    cloud_tasks.advance(seconds=0.001)
    assert lease(client, jobs) == []


@pytest.mark.cloud_tasks(service={"iam_emulation": True})
def test_the_full_view_of_a_lease_is_for_those_who_may_have_it(cloud_tasks: FakeCloudTasks, jobs: str) -> None:
    """With iam_emulation a lease that shows payloads needs cloudtasks.tasks.fullView."""
    client = tasks_v2beta2.CloudTasksClient()
    policy = {"bindings": [{"role": "roles/cloudtasks.taskDeleter", "members": ["user:test@example.com"]}]}
    client.set_iam_policy(request={"resource": jobs, "policy": policy})
    assert lease(client, jobs, response_view="BASIC") == []
    with pytest.raises(exceptions.PermissionDenied) as refused:
        lease(client, jobs)
    assert refused.value.message == (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.fullView" for the resource'
        f' "{jobs}" (or the resource may not exist).'
    )
