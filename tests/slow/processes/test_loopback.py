"""The loopback server and a client in another process."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone

import pytest

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.cloud_tasks(queues=["default"], start=START)


WORKER = """
import os

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

channel = grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"])
client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
parent = client.queue_path("test-project", "us-central1", "default")
print(client.create_task(parent=parent, task={"http_request": {"url": "https://mailer.test/send"}}).schedule_time)
"""


def test_another_process(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """A process that the test starts finds the server in its environment; the test drives its tasks."""
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, check=True)
    assert done.stdout == "2030-01-01 00:00:00+00:00\n"
    mailer = cloud_tasks.route("https://mailer.test/send").returns(503, 200)
    assert len(mailer.calls) == 0
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [503, 200])
