from __future__ import annotations

import pytest
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks import transports

from pytest_cloudtasks import FakeCloudTasks

PARENT = "projects/test-project/locations/us-central1"


TRANSPORTS = ["grpc", "rest"] if hasattr(transports, "CloudTasksRestTransport") else ["grpc"]
"""What the installed release has."""


@pytest.fixture(params=TRANSPORTS)
def client(request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks) -> CloudTasksClient:
    """A client as application code builds it, over either transport."""
    return CloudTasksClient(transport=request.param)


@pytest.fixture
def parent() -> str:
    return PARENT


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return str(cloud_tasks.create_queue("work").name)
