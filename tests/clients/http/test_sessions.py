"""Sessions and pools live longer than a test: each request is decided when it is made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from tests.ways.http_libraries import BODY, PATH, URL

from .servers import SESSIONS, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this machine."""
    with serving() as server:
        yield server


def name_of(session: Any) -> str:
    return str(session.__name__).removesuffix("_session")


@pytest.mark.parametrize("session", SESSIONS, ids=name_of)
def test_a_session_serves_each_fake_and_the_server_between(server: Server, session: Any) -> None:
    """Its connection to a redirected address isn't used while there is a fake, and is used, or made, again after it."""

    async def talk() -> None:
        async with session(server.url) as post:
            assert await post(f"{server.url}{PATH}", BODY) == "real"
            for _ in range(2):
                with FakeCloudTasks(queues=["work"], redirect_endpoints=[server.address]) as cloud_tasks:
                    for _ in range(2):
                        task = json.loads(await post(f"{server.url}{PATH}", BODY))
                    assert [record.name for record in cloud_tasks.tasks()][-1] == task["name"]
                    cloud_tasks.assert_enqueued(count=2)
                assert await post(f"{server.url}{PATH}", BODY) == "real"

    asyncio.run(talk())
    assert len(server.received) == 3
    assert len(set(server.received)) == 1


@pytest.mark.parametrize("session", SESSIONS, ids=name_of)
def test_requests_to_other_hosts_are_as_without_a_fake(server: Server, session: Any) -> None:
    """What a server of the application's gets, while there is a fake, is the same to the byte."""

    async def talk() -> None:
        async with session(server.url) as post:
            assert await post(f"{server.url}/a%20b?c=d", b"body") == "real"
        with FakeCloudTasks():
            async with session(server.url) as post:
                assert await post(f"{server.url}/a%20b?c=d", b"body") == "real"
                assert await post(f"{server.url}/a%20b?c=d", b"body") == "real"

    asyncio.run(talk())
    assert len(server.received) == 3
    assert len(set(server.received)) == 1
    assert server.connections == 2


@pytest.mark.parametrize("session", [one for one in SESSIONS if "http_client" not in one.__name__], ids=name_of)
def test_a_session_that_reached_the_fake_is_rejected_nothing_after_it(session: Any) -> None:
    """A session is closed without a word, whatever it has asked of fakes."""

    async def talk() -> None:
        async with session("") as post:
            with FakeCloudTasks(queues=["work"]) as cloud_tasks:
                for _ in range(3):
                    await post(URL, BODY)
                cloud_tasks.assert_enqueued(count=3)

    asyncio.run(talk())
