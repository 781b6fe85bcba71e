"""The clients with 1.x's surface that the installed release allows, and what the tests call through them."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks, LegacyCloudTasksClient
from tests.clients.conftest import failing, no_credentials, no_network, scripted

__all__ = ["failing", "no_credentials", "no_network", "scripted"]
PARENT = "projects/test-project/locations/us-central1"
HAS_1X = hasattr(tasks_v2.CloudTasksClient, "location_path")
"""Whether the installed library is 1.x itself: its clients have the path of a location."""

collect_ignore = [] if HAS_1X else ["test_own_client.py"]

CLASSES = [LegacyCloudTasksClient, *([tasks_v2.CloudTasksClient] if HAS_1X else [])]
"""The classes with the surface."""


def name_of(legacy_class: Any) -> str:
    """Whose class it is: google, or pytest_cloudtasks."""
    return str(legacy_class.__module__.partition(".")[0])


@pytest.fixture(params=[None, *CLASSES], ids=lambda one: "fixture" if one is None else name_of(one))
def client(request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks) -> Any:
    """A client with 1.x's surface: the fixture's, which is bound to the fake, or one that calls the active fake."""
    return request.getfixturevalue("cloud_tasks_legacy_client") if request.param is None else request.param()


@pytest.fixture(params=CLASSES, ids=name_of)
def legacy_class(request: pytest.FixtureRequest) -> Any:
    """A class with 1.x's surface."""
    return request.param


@pytest.fixture
def parent() -> str:
    return PARENT


@pytest.fixture
def queue(cloud_tasks: FakeCloudTasks) -> str:
    return str(cloud_tasks.create_queue("work").name)
