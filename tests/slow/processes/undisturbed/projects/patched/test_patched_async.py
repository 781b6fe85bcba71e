"""AsyncMock on the client of asyncio."""

import asyncio
from unittest.mock import AsyncMock, patch

from google.cloud.tasks_v2.services import cloud_tasks


def enqueue():
    return asyncio.run(cloud_tasks.CloudTasksAsyncClient().create_task(parent="q", task={}))


def test_a_mock_of_the_class():
    with patch.object(cloud_tasks, "CloudTasksAsyncClient") as client_class:
        client_class.return_value.create_task = AsyncMock(return_value="t")
        assert enqueue() == "t"


def test_autospec():
    with patch.object(cloud_tasks, "CloudTasksAsyncClient", autospec=True) as client_class:
        enqueue()
    client_class.return_value.create_task.assert_awaited_once_with(parent="q", task={})
