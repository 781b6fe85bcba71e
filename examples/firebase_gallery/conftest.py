from __future__ import annotations

from collections.abc import Iterator

import firebase_admin
import pytest
import storage
from main import RATE, RETRY

from pytest_cloudtasks import FakeCloudTasks


@pytest.fixture(autouse=True)
def _empty_storage() -> None:
    for one in (storage.thumbnails, storage.mails, storage.failures):
        one.clear()


@pytest.fixture(autouse=True)
def _firebase(cloud_tasks: FakeCloudTasks) -> Iterator[None]:
    """Create a Firebase app for each test."""
    app = firebase_admin.initialize_app(options={"projectId": "my-gallery"})
    yield
    firebase_admin.delete_app(app)


@pytest.fixture(autouse=True)
def _queue(cloud_tasks: FakeCloudTasks) -> None:
    """Create the queue that a deployment creates for the function."""
    cloud_tasks.create_queue(
        "resize",
        retry_config={
            "max_attempts": RETRY.max_attempts,
            "min_backoff": f"{RETRY.min_backoff_seconds}s",
            "max_backoff": f"{RETRY.max_backoff_seconds}s",
            "max_doublings": RETRY.max_doublings,
        },
        rate_limits={
            "max_concurrent_dispatches": RATE.max_concurrent_dispatches,
            "max_dispatches_per_second": RATE.max_dispatches_per_second,
        },
    )
