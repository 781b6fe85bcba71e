from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import datetime, timedelta, timezone

import pytest
import requests
import time_machine
from freezegun import freeze_time
from google.api_core import exceptions, retry

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.patience import PATIENCE

from .clients import PARENT, QUEUE, TASK, over_grpc, over_grpc_async, over_rest

PAST = datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
FUTURE = datetime(2087, 6, 5, tzinfo=timezone.utc)


def ours(at: datetime) -> AbstractContextManager[object]:
    """Return an empty context, because the fake itself holds time."""
    return nullcontext()


def by_freezegun(at: datetime) -> AbstractContextManager[object]:
    return freeze_time(at)


def by_time_machine(at: datetime) -> AbstractContextManager[object]:
    return time_machine.travel(at, tick=False)


@contextmanager
def serving(hold: object, at: datetime, *, outside: bool) -> Iterator[tuple[FakeCloudTasks, CloudTasksServer]]:
    """Start a server under a clock that is held at ``at``, or hold the clock while the server runs."""
    assert callable(hold)
    start = at if hold is ours else None
    fake = FakeCloudTasks(start=start, queues=["default"])
    if outside:
        with hold(at), fake, CloudTasksServer(fake) as server:
            yield fake, server
    else:
        with fake, CloudTasksServer(fake) as server, hold(at):
            yield fake, server


@pytest.mark.parametrize("outside", [True, False], ids=["before", "meanwhile"])
@pytest.mark.parametrize("at", [PAST, FUTURE], ids=["past", "future"])
@pytest.mark.parametrize("hold", [ours, by_freezegun, by_time_machine])
def test_every_client_works_under_every_clock(hold: object, at: datetime, outside: bool) -> None:
    """Calls over real connections work at any date, and the tasks have that date."""
    with serving(hold, at, outside=outside) as (fake, server):
        with over_grpc(server) as client:
            assert client.create_task(parent=QUEUE, task=TASK).create_time == at
            assert client.get_queue(name=QUEUE).name == QUEUE
        with over_rest(server) as client:
            assert client.create_task(parent=QUEUE, task=TASK).create_time == at
        assert requests.get(f"{server.rest_url}/v2/{QUEUE}", timeout=PATIENCE).status_code == 200
        assert len(fake.tasks()) == 2
        timeout = fake.rpcs[0].timeout
        assert timeout is not None
        assert 0 < timeout <= 20.0  # what is left of Google's 20 s depends on how fast the machine is, not on the date


@pytest.mark.parametrize("at", [PAST, FUTURE], ids=["past", "future"])
@pytest.mark.parametrize("hold", [ours, by_freezegun, by_time_machine])
def test_the_asyncio_client_under_every_clock(hold: object, at: datetime) -> None:
    """Calls over grpc's asyncio channel work at any date."""

    async def story(server: CloudTasksServer) -> datetime:
        async with over_grpc_async(server) as client:
            await client.get_queue(name=QUEUE)
            created = await client.create_task(parent=QUEUE, task=TASK)
            return created.create_time  # type: ignore[no-any-return]

    with serving(hold, at, outside=True) as (_, server):
        assert asyncio.run(story(server)) == at


@pytest.mark.parametrize("at", [PAST, FUTURE], ids=["past", "future"])
@pytest.mark.parametrize("hold", [ours, by_freezegun, by_time_machine])
def test_the_clients_own_retries_under_every_clock(hold: object, at: datetime) -> None:
    """The default retry goes on after an error, and a retry's deadline ends it."""
    briefly = retry.Retry(
        predicate=retry.if_exception_type(exceptions.ServiceUnavailable), initial=0.001, maximum=0.001, timeout=0.05
    )
    with serving(hold, at, outside=True) as (fake, server), over_grpc(server) as client:
        fake.fail_rpc("get_queue", exceptions.ServiceUnavailable, times=1)
        assert client.get_queue(name=QUEUE).name == QUEUE
        fake.fail_rpc("pause_queue", exceptions.ServiceUnavailable, times=None)
        with pytest.raises(exceptions.RetryError):
            client.pause_queue(name=QUEUE, retry=briefly)
        assert "pause_queue" in [call.method for call in fake.rpcs]  # how often depends on how fast the machine is


@pytest.mark.parametrize("hold", [ours, by_freezegun, by_time_machine])
def test_a_time_out_of_the_client_is_real(hold: object) -> None:
    """A call without an answer ends after its time-out in real time, whatever the test's clock shows."""
    with ExitStack() as stack:
        fake, server = stack.enter_context(serving(hold, PAST, outside=True))
        client = stack.enter_context(over_grpc(server))
        stack.enter_context(fake._synced().lock)
        with pytest.raises(exceptions.DeadlineExceeded):
            client.create_task(parent=QUEUE, task=TASK, timeout=0.05)


@pytest.mark.cloud_tasks(start=PAST, queues=["default"])
def test_time_stays_the_tests(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The server dispatches nothing by itself, and every call uses the test's time."""
    mailer = cloud_tasks.route("*").returns(200)
    with over_grpc(cloud_tasks_server) as client:
        client.create_task(parent=QUEUE, task=TASK)
        cloud_tasks.clock.now()
        assert mailer.calls == []
        cloud_tasks.advance(hours=1)
        assert len(mailer.calls) == 1
        task = client.create_task(parent=f"{PARENT}/queues/default", task=TASK)
        assert task.create_time == PAST + timedelta(hours=1)
        assert len(mailer.calls) == 1


@pytest.mark.cloud_tasks(eager=True, queues=["default"])
def test_eager_dispatches_before_the_answer(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """With eager dispatch a call is answered after the delivery, and handlers can make calls."""

    def chained(request: object) -> int:
        if len(first.calls) == 1:
            with over_rest(cloud_tasks_server) as inner:
                inner.create_task(parent=QUEUE, task=TASK)
        return 200

    first = cloud_tasks.route("*", handler=chained)
    with over_grpc(cloud_tasks_server) as client:
        client.create_task(parent=QUEUE, task=TASK)
    assert len(first.calls) == 2
    cloud_tasks.assert_empty()
