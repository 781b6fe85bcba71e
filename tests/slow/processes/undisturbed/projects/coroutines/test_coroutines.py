"""A suite of pytest-asyncio and anyio."""

import asyncio
from unittest.mock import AsyncMock

import pytest
from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksAsyncClient


@pytest.fixture
async def client():
    client = AsyncMock(spec=CloudTasksAsyncClient)
    client.create_task.return_value = "t"
    yield client
    await asyncio.sleep(0)


async def test_a_coroutine(client):
    assert await client.create_task(parent="q", task={}) == "t"
    client.create_task.assert_awaited_once()


async def test_many(client):
    assert await asyncio.gather(*(client.create_task(parent="q") for _ in range(10))) == ["t"] * 10


async def test_a_time_out():
    async with asyncio.Lock():
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)


async def test_a_failure(client):
    client.create_task.assert_awaited_once()


async def test_no_credentials():
    CloudTasksAsyncClient()
