"""The test that fails in the picture of the README, which `python docs/_picture` makes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks

QUEUES = {
    "receipts": {"retry_config": {"min_backoff": "10s", "max_attempts": 4}},
    "reports": {"rate_limits": {"max_concurrent_dispatches": 1}},
}


@pytest.mark.cloud_tasks(queues=QUEUES)
def test_checkout(cloud_tasks: FakeCloudTasks) -> None:
    """The mail server is down for a little longer than the queue is patient."""
    client = tasks_v2.CloudTasksClient()

    def enqueue(queue: str, name: str, url: str) -> None:
        path = cloud_tasks.queue_path(queue)
        request = {"url": url, "headers": {"Content-Type": "application/json"}, "body": b'{"order": 42}'}
        client.create_task(parent=path, task={"name": f"{path}/tasks/{name}", "http_request": request})

    cloud_tasks.route("https://mailer.test/send").returns(503, 503, 503, 503)
    cloud_tasks.route("https://reports.test/daily").takes(timedelta(seconds=20))
    enqueue("receipts", "receipt-42", "https://mailer.test/send")
    for day in ("monday", "tuesday", "wednesday"):
        enqueue("reports", day, "https://reports.test/daily")
    client.pause_queue(name=cloud_tasks.queue_path("reports"))
    cloud_tasks.advance(seconds=15)
    client.resume_queue(name=cloud_tasks.queue_path("reports"))

    given_up = cloud_tasks.drain().exhausted
    assert given_up == 0, "A receipt was given up."
