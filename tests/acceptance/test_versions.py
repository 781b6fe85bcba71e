"""The stories of every version of the API, over every transport."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from google.api_core import exceptions

from pytest_cloudtasks import FakeCloudTasks
from tests.acceptance.versions import Versioned

URL = "https://app.test/work"


def create(versioned: Versioned, parent: str, queue_id: str, **fields: object) -> str:
    queue = {"name": f"{parent}/queues/{queue_id}", **versioned.fields(fields)}
    return str(versioned.client.create_queue(parent=parent, queue=queue).name)


def enqueue(versioned: Versioned, queue: str, task_id: str = "", **fields: object) -> str:
    task = {"name": f"{queue}/tasks/{task_id}" if task_id else "", **(fields or versioned.app_engine("/work"))}
    return str(versioned.client.create_task(parent=queue, task=task).name)


def text_of(error: exceptions.GoogleAPICallError) -> str:
    """The service's text; over REST the client puts method and URL before it."""
    return re.sub(r"\A[A-Z]+ https://\S+: ", "", str(error.message))


def test_settings_come_back(versioned: Versioned, parent: str) -> None:
    """What a caller sets is stored under the version's own names, and the defaults are the same in all of them."""
    queue = create(
        versioned,
        parent,
        "q",
        rate_limits={"max_dispatches_per_second": 5, "max_concurrent_dispatches": 3},
        retry_config={"max_attempts": 4, "max_retry_duration": "60s"},
    )
    found = versioned.client.get_queue(name=queue)
    limits = ("max_dispatches_per_second", "max_concurrent_dispatches", "max_burst_size")
    assert [versioned.rate(found, name) for name in limits] == [5, 3, 10]
    assert (found.retry_config.max_attempts, found.retry_config.max_doublings) == (4, 16)
    assert found.retry_config.max_retry_duration == timedelta(minutes=1)
    assert found.state.name == "RUNNING"


def test_an_update_changes_what_its_mask_names(versioned: Versioned, parent: str) -> None:
    """A masked update leaves the rest; one without a mask brings back the defaults of what it leaves out."""
    queue = create(
        versioned, parent, "q", rate_limits={"max_dispatches_per_second": 5}, retry_config={"max_doublings": 2}
    )
    concurrency = versioned.spelled("max_concurrent_dispatches")
    changed = {"name": queue, "rate_limits": {concurrency: 7}}
    mask = {"paths": [f"rate_limits.{concurrency}"]}
    masked = versioned.client.update_queue(queue=changed, update_mask=mask)
    assert [versioned.rate(masked, name) for name in ("max_dispatches_per_second", "max_concurrent_dispatches")] == [
        5,
        7,
    ]
    assert masked.retry_config.max_doublings == 2
    whole = versioned.client.update_queue(queue=changed)
    assert [versioned.rate(whole, name) for name in ("max_dispatches_per_second", "max_concurrent_dispatches")] == [
        500,
        7,
    ]
    assert whole.retry_config.max_doublings == 16


def test_a_mask_with_another_name_is_rejected(versioned: Versioned, parent: str) -> None:
    """A path that names no field of this version's Queue is rejected, and nothing has changed."""
    queue = create(versioned, parent, "q")
    before = versioned.client.get_queue(name=queue)
    other = "max_tasks_dispatched_per_second" if versioned.version != "v2beta2" else "max_dispatches_per_second.x"
    with pytest.raises(exceptions.BadRequest) as refused:
        versioned.client.update_queue(queue={"name": queue}, update_mask={"paths": [f"rate_limits.{other}"]})
    assert text_of(refused.value) == f"Invalid mask: rate_limits.{other}"
    assert versioned.client.get_queue(name=queue) == before


def test_queues_are_listed_page_by_page(versioned: Versioned, parent: str) -> None:
    """ListQueues comes in the order of names, through Google's own pager, whose last page is empty."""
    for queue_id in ("b", "a", "c"):
        create(versioned, parent, queue_id)
    pages = versioned.client.list_queues(request={"parent": parent, "page_size": 2}).pages
    assert [[queue.name.rpartition("/")[2] for queue in page.queues] for page in pages] == [["a", "b"], ["c"], []]


def test_tasks_are_listed_page_by_page(versioned: Versioned, parent: str) -> None:
    """ListTasks pages in every version, whatever the numbers of its fields; the last page is empty."""
    queue = create(versioned, parent, "q")
    for task_id in ("a", "b", "c"):
        enqueue(versioned, queue, task_id)
    pages = versioned.client.list_tasks(request={"parent": queue, "page_size": 2}).pages
    assert [[task.name.rpartition("/")[2] for task in page.tasks] for page in pages] == [["a", "b"], ["c"], []]


def test_a_task_is_retried_until_it_succeeds(versioned: Versioned, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """Attempts, waits and counters are those of the one model."""
    queue = create(versioned, parent, "q", retry_config={"min_backoff": "10s", "max_doublings": 3})
    route = cloud_tasks.route("/work").returns(503, 500, 200)
    name = enqueue(versioned, queue, **versioned.app_engine("/work", b"hello"))
    cloud_tasks.drain(until=timedelta(seconds=10))
    task = versioned.client.get_task(name=name)
    assert versioned.counts(task) == (2, 2)
    assert versioned.last_attempt(task).response_status.message == "INTERNAL(13): HTTP status code 500"
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_dispatched(url="/work", body=b"hello"), [503, 500, 200])
    assert [call.body for call in route.calls] == [b"hello"] * 3
    assert cloud_tasks.clock.elapsed == timedelta(seconds=30)
    with pytest.raises(exceptions.NotFound):
        versioned.client.get_task(name=name)


@pytest.mark.needs("HTTP tasks in all versions")
def test_an_http_task_is_sent(versioned: Versioned, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """Method, headers, body and token of an HTTP request arrive."""
    queue = create(versioned, parent, "q")
    route = cloud_tasks.route(URL)
    request = {
        "url": URL,
        "http_method": "PUT",
        "headers": {"X-Kind": "k"},
        "body": b"hello",
        "oidc_token": {"service_account_email": "a@example.com"},
    }
    name = enqueue(versioned, queue, http_request=request)
    assert versioned.client.get_task(name=name).http_request.body == b""
    shown = versioned.client.get_task(request={"name": name, "response_view": "FULL"})
    assert (shown.http_request.body, shown.http_request.oidc_token.audience) == (b"hello", URL)
    cloud_tasks.dispatch_due()
    (call,) = route.calls
    assert (call.method, call.body, call.headers["X-Kind"]) == ("PUT", b"hello", "k")
    assert call.headers["Authorization"].startswith("Bearer ")


def test_a_name_is_taken_once(versioned: Versioned, parent: str) -> None:
    """A task that is there and one that was there are both in the way of another of their name."""
    queue = create(versioned, parent, "q")
    name = enqueue(versioned, queue, "t")
    with pytest.raises(exceptions.Conflict) as exists:
        enqueue(versioned, queue, "t")
    assert text_of(exists.value) == "Requested entity already exists"
    versioned.client.delete_task(name=name)
    with pytest.raises(exceptions.Conflict) as existed:
        enqueue(versioned, queue, "t")
    assert str(existed.value.message).endswith("#body.request_body.FIELDS.task.")


def test_a_paused_queue_keeps_its_tasks(versioned: Versioned, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """Nothing goes out of a paused queue but what RunTask is called for; purged tasks never do."""
    queue = create(versioned, parent, "q")
    route = cloud_tasks.route("/work").returns(500)
    name = enqueue(versioned, queue)
    assert versioned.client.pause_queue(name=queue).state.name == "PAUSED"
    assert cloud_tasks.drain().attempts == 0
    assert versioned.counts(versioned.client.run_task(name=name)) == (1, 0)
    cloud_tasks.dispatch_due()
    assert len(route.calls) == 1
    assert versioned.client.purge_queue(name=queue).purge_time is not None
    assert versioned.client.resume_queue(name=queue).state.name == "RUNNING"
    assert cloud_tasks.drain().attempts == 0


def test_policies_are_kept(versioned: Versioned, parent: str) -> None:
    """The IAM methods, which all versions share, are there."""
    queue = create(versioned, parent, "q")
    binding = {"role": "roles/cloudtasks.enqueuer", "members": ["user:me@example.com"]}
    versioned.client.set_iam_policy(request={"resource": queue, "policy": {"bindings": [binding]}})
    found = versioned.client.get_iam_policy(request={"resource": queue})
    assert [one.role for one in found.bindings] == ["roles/cloudtasks.enqueuer"]


def test_calls_are_in_the_log(versioned: Versioned, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """`rpcs` has the calls of every version with its own messages."""
    queue = create(versioned, parent, "q")
    versioned.client.delete_queue(name=queue)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_queue", "delete_queue"]
    assert type(cloud_tasks.rpcs[0].request).__module__.startswith(f"google.cloud.tasks_{versioned.version}.")
