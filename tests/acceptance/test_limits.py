"""Limits that were measured or documented, both sides of each."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks

PROBE = {
    # aertje/cloud-tasks-emulator, size probe of the real service, 2026-08-23: the largest accepted bodies
    "project": "cloudtasksemu",
    "http": ("cte-probe-1234567890-http", "http_request", {"url": "https://example.com/"}, 1_048_368),
    "appengine": ("cte-probe-1234567890-ae", "app_engine_http_request", {"relative_uri": "/"}, 1_048_256),
}


@pytest.mark.parametrize("kind", ["http", "appengine"])
@pytest.mark.cloud_tasks(project="cloudtasksemu")
def test_the_size_limit_is_the_recorded_one_to_the_byte(cloud_tasks: FakeCloudTasks, kind: str) -> None:
    """The largest body that the real service was measured to accept is accepted, and one byte more is rejected."""
    queue_id, field, request, largest = PROBE[kind]  # type: ignore[misc]
    queue = cloud_tasks.create_queue(queue_id).name
    client = CloudTasksClient()
    name = f"{queue}/tasks/cte-probe-1234567890-t000001"
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        client.create_task(parent=queue, task={"name": name, field: {**request, "body": b"x" * (largest + 1)}})
    assert refusal.value.message == "Task size too large"
    cloud_tasks.assert_nothing_enqueued()
    client.create_task(parent=queue, task={"name": name, field: {**request, "body": b"x" * largest}})
    cloud_tasks.assert_enqueued()


@pytest.mark.cloud_tasks(service={"max_task_size": 102_400}, queues=["work"])
def test_the_documented_size_limit_can_be_had(cloud_tasks: FakeCloudTasks) -> None:
    """With the service option, a task over 100 KB is rejected; a rejected unnamed task uses up no ID."""
    request = {"parent": cloud_tasks.queue_path("work"), "task": {"http_request": {"url": "https://a.test/"}}}
    request["task"]["http_request"]["body"] = b"x" * 102_400  # type: ignore[index]
    with pytest.raises(exceptions.InvalidArgument, match="Task size too large"):
        CloudTasksClient().create_task(request)
    with FakeCloudTasks(queues=["work"]) as another:
        first = {"parent": another.queue_path("work"), "task": {"http_request": {"url": "https://a.test/"}}}
        assert CloudTasksClient().create_task(first).name.rpartition("/")[2].isdigit()


def refused(task: dict[str, Any], **policy: Any) -> str:
    """The text with which a task is rejected; nothing is enqueued then."""
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        CloudTasksClient().create_task(
            parent="projects/test-project/locations/us-central1/queues/work", task=task, **policy
        )
    return str(refusal.value.message)


def accepted(task: dict[str, Any], **policy: Any) -> None:
    CloudTasksClient().create_task(
        parent="projects/test-project/locations/us-central1/queues/work", task=task, **policy
    )


@pytest.mark.cloud_tasks(queues=["work"])
def test_urls_and_uris_are_at_most_2083_characters(cloud_tasks: FakeCloudTasks) -> None:
    """The limit is on the encoded form, so that a letter outside ASCII counts for more than one."""
    url = "https://example.com/"
    accepted({"http_request": {"url": url + "x" * (2083 - len(url))}})
    accepted({"app_engine_http_request": {"relative_uri": "/" + "x" * 2082}})
    assert refused({"http_request": {"url": url + "x" * (2084 - len(url))}}) == (
        "HttpRequest.url must be no longer than 2083 characters after encoding, and has 2084."
    )
    assert refused({"http_request": {"url": url + "x" * (2082 - len(url)) + "é"}}) == (
        "HttpRequest.url must be no longer than 2083 characters after encoding, and has 2088."
    )
    assert refused({"app_engine_http_request": {"relative_uri": "/" + "x" * 2083}}) == (
        "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has 2084."
    )
    cloud_tasks.assert_enqueued(count=2)


@pytest.mark.cloud_tasks(queues=["work"])
def test_headers_are_smaller_than_80_kilobytes(cloud_tasks: FakeCloudTasks) -> None:
    """Names and values count, those of the service's User-Agent, too, and no header that is dropped."""
    many = {f"X{number}": "x" * 8_186 for number in range(10)}
    accepted({"http_request": {"url": "https://a.test/", "headers": {**many, "X": "x" * 10, "Host": "a.test"}}})
    assert refused({"http_request": {"url": "https://a.test/", "headers": {**many, "X": "x" * 11}}}) == (
        "HttpRequest.headers must be smaller than 80 KB in total."
    )
    cloud_tasks.assert_enqueued(count=1)


@pytest.mark.cloud_tasks(queues=["work"], start=datetime(2019, 8, 22, 8, 28, 25, 319080, tzinfo=timezone.utc))
def test_an_rpc_that_waits_over_30_seconds_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """The text has the deadline in US Pacific time; 30 s are allowed, and the service option allows any."""
    task = {"http_request": {"url": "https://a.test/"}}
    accepted(task, timeout=30.0)
    assert refused(task, timeout=31.0) == (
        "The request deadline is 2019-08-22T01:28:56.31908-07:00. The deadline cannot be more than 30s in the future."
    )
    cloud_tasks.assert_enqueued(count=1)
    with pytest.raises(exceptions.InvalidArgument, match="The deadline cannot be more than 30s in the future"):
        CloudTasksClient().get_queue(name=cloud_tasks.queue_path("work"), timeout=31.0, retry=None)
    with FakeCloudTasks(queues=["work"], service={"enforce_rpc_deadline": False}):
        accepted(task, timeout=600.0)


@pytest.mark.cloud_tasks(queues=["work"])
def test_a_schedule_time_is_at_most_720_hours_ahead(cloud_tasks: FakeCloudTasks) -> None:
    """720 hours are accepted, a microsecond more is not."""
    now = cloud_tasks.clock.now()
    task = {"http_request": {"url": "https://a.test/"}}
    accepted({**task, "schedule_time": now + timedelta(hours=720)})
    text = refused({**task, "schedule_time": now + timedelta(hours=720, microseconds=1)})
    assert text.startswith("The Task.scheduleTime, ")
    assert text.endswith(", is too far in the future. Schedule time must be no more than 720h in the future.")
    cloud_tasks.assert_enqueued(count=1)


@pytest.mark.cloud_tasks(service={"app_engine_host_suffix": "appspot.com"}, queues=["work"])
def test_the_app_engine_host_can_be_the_older_form(cloud_tasks: FakeCloudTasks) -> None:
    """The service option decides what follows the project."""
    accepted({"app_engine_http_request": {"relative_uri": "/", "app_engine_routing": {"service": "worker"}}})
    request = cloud_tasks.assert_enqueued().app_engine_http_request
    assert request.app_engine_routing.host == "worker.test-project.appspot.com"
