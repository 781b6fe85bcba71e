"""Google's asyncio client and the awaitable driving methods, as an async application and its tests use them."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.api_core import exceptions, retry, retry_async
from google.cloud import tasks_v2
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._clients.retry_waits import skipped_waits
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from tests.installed import CAPABILITIES

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
URL = "https://worker.test/"
QUEUE = "projects/test-project/locations/us-central1/queues/work"
TASK = {"http_request": {"url": URL}}
IMPORT_TIME_CLIENT = CloudTasksAsyncClient()
"""As application code builds it: outside of any event loop, when nobody has credentials."""

pytestmark = pytest.mark.cloud_tasks(start=START, queues=["work"])
Build = Callable[[], CloudTasksAsyncClient]


async def built_in_a_coroutine() -> CloudTasksAsyncClient:
    """A client that another event loop has seen first, and used."""
    client = CloudTasksAsyncClient()
    await client.get_queue(name=QUEUE)
    return client


BUILDS: dict[str, Build] = {
    "at import": lambda: IMPORT_TIME_CLIENT,
    "in the test, before any loop": lambda: CloudTasksAsyncClient(),
    "in another loop": lambda: asyncio.run(built_in_a_coroutine()),
    "by its transport's name": lambda: CloudTasksAsyncClient(transport="grpc_asyncio"),
    "from a file that is not there": lambda: CloudTasksAsyncClient.from_service_account_file("/no/such/key.json"),
    "from json that is not there": lambda: CloudTasksAsyncClient.from_service_account_json("/no/such/key.json"),
}


KEYS = pytest.mark.needs("keys from a dict")  # where they are missing, the others give the sync client by mistake


@pytest.mark.parametrize(
    "build", [pytest.param(build, marks=KEYS if build.endswith("not there") else ()) for build in BUILDS]
)
def test_an_async_client_built_anywhere_reaches_the_fake(cloud_tasks: FakeCloudTasks, build: str) -> None:
    """Wherever it was built, and whichever loop calls it, one after another."""
    client = BUILDS[build]()
    for _ in range(2):
        asyncio.run(client.create_task(parent=QUEUE, task=TASK))
    tasks = cloud_tasks.assert_enqueued(queue="work", url=URL, count=2)
    assert [call.method for call in cloud_tasks.rpcs if call.method == "create_task"] == ["create_task"] * 2
    assert tasks[0].name != tasks[1].name


@pytest.mark.needs("clients to close")
def test_the_fixtures_client_is_googles_own(
    cloud_tasks: FakeCloudTasks, cloud_tasks_async_client: CloudTasksAsyncClient
) -> None:
    """`cloud_tasks_async_client` is the real class, bound to this fake even where another is nested inside."""
    assert type(cloud_tasks_async_client) is CloudTasksAsyncClient

    async def story() -> None:
        with FakeCloudTasks(queues=["work"]) as inner:
            await cloud_tasks_async_client.create_task(parent=QUEUE, task=TASK)
            inner.assert_nothing_enqueued()
        await cloud_tasks_async_client.transport.close()
        await cloud_tasks_async_client.create_task(parent=QUEUE, task=TASK)

    asyncio.run(story())
    cloud_tasks.assert_enqueued(count=2)


def test_pagers_are_googles_own(cloud_tasks: FakeCloudTasks) -> None:
    """`async for` goes through all pages and ends at the empty one, in as many calls as there are pages."""

    async def story() -> tuple[list[str], list[int]]:
        client = CloudTasksAsyncClient()
        for number in range(5):
            await client.create_task(parent=QUEUE, task={"name": f"{QUEUE}/tasks/t{number}", **TASK})
        pager = await client.list_tasks(request={"parent": QUEUE, "page_size": 2})
        names = [task.name.rpartition("/")[2] async for task in pager]
        pages = (await client.list_tasks(request={"parent": QUEUE, "page_size": 2})).pages
        return names, [len(page.tasks) async for page in pages]

    assert asyncio.run(story()) == ([f"t{number}" for number in range(5)], [2, 2, 1, 0])
    assert [call.method for call in cloud_tasks.rpcs].count("list_tasks") == 8


# --- cancellation ------------------------------------------------------------------------------------------------


def test_a_call_cancelled_before_it_begins_never_reaches_the_service(cloud_tasks: FakeCloudTasks) -> None:
    """A coroutine that was cancelled before its first step has made no call."""

    async def story() -> None:
        call = asyncio.ensure_future(CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(story())
    assert cloud_tasks.rpcs == []
    cloud_tasks.assert_nothing_enqueued()


@pytest.mark.parametrize("eager", [False, True])
def test_a_call_cancelled_on_its_way_has_taken_effect(eager: bool) -> None:
    """As over a network, the caller sees the cancellation and the service has the task; eager doesn't deliver it."""
    with FakeCloudTasks(queues=["work"], eager=eager) as cloud_tasks:
        route = cloud_tasks.route(URL)

        async def story() -> None:
            call = asyncio.ensure_future(CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK))
            while not cloud_tasks.rpcs:
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        asyncio.run(story())
        gc.collect()  # a coroutine that nobody awaited would be found here
        cloud_tasks.assert_enqueued()
        assert route.calls == []
        cloud_tasks.drain()
        assert len(route.calls) == 1


def test_wait_for_gives_up_on_a_call_and_not_on_the_client(cloud_tasks: FakeCloudTasks) -> None:
    """After a time-out of the caller's the same client goes on."""

    async def story() -> None:
        client = CloudTasksAsyncClient()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.create_task(parent=QUEUE, task=TASK), 0)
        await asyncio.wait_for(client.create_task(parent=QUEUE, task=TASK), 60)

    asyncio.run(story())
    cloud_tasks.assert_enqueued()


def test_a_cancelled_driving_method_may_be_followed_by_another(cloud_tasks: FakeCloudTasks) -> None:
    """The handler that was at work is cancelled, its attempt runs into the deadline, and the task is retried."""
    ended: list[str] = []

    async def handler(request: TargetRequest) -> int:
        if request.headers["X-CloudTasks-TaskRetryCount"] == "0":
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
        return 200

    async def story() -> None:
        await CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK)
        verb = asyncio.ensure_future(cloud_tasks.aio.drain())
        while not route.calls:
            await asyncio.sleep(0)
        verb.cancel()
        with pytest.raises(asyncio.CancelledError) as kept:
            await verb
        await cloud_tasks.aio.drain()
        assert isinstance(kept.value, asyncio.CancelledError)

    route = cloud_tasks.route(URL, handler=handler)
    asyncio.run(story())
    assert ended == ["cancelled"]
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", 200])
    assert task.attempts[0].response_time == START + timedelta(minutes=10)


# --- concurrency -------------------------------------------------------------------------------------------------


def fifty_at_once() -> tuple[list[str], str]:
    """Names and timeline of a story with fifty creations under way together."""
    with FakeCloudTasks(queues=["work"], start=START) as cloud_tasks:
        cloud_tasks.route(URL).returns(503, 200)

        async def story() -> list[str]:
            client = CloudTasksAsyncClient()
            tasks = await asyncio.gather(*(client.create_task(parent=QUEUE, task=TASK) for _ in range(50)))
            await cloud_tasks.aio.drain()
            return [task.name for task in tasks]

        return asyncio.run(story()), cloud_tasks.timeline()


def test_fifty_concurrent_creations_are_fifty_tasks_every_time_the_same() -> None:
    """gather() makes distinct tasks, and names and timeline are the same in every run."""
    names, timeline = fifty_at_once()
    assert len(set(names)) == 50
    assert len(timeline.splitlines()) > 100
    assert [fifty_at_once() for _ in range(2)] == [(names, timeline)] * 2


def test_two_clients_in_two_loops_share_the_queue(cloud_tasks: FakeCloudTasks) -> None:
    """What one loop has created another one sees."""
    created = asyncio.run(CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK))
    found = asyncio.run(CloudTasksAsyncClient().get_task(name=created.name))
    assert found.name == created.name


# --- retries -----------------------------------------------------------------------------------------------------


def unavailable_until(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch, calls: int) -> list[Any]:
    """Lets the service fail the first ``calls`` calls, as it would where it is down; gives the calls."""
    simulation = cloud_tasks._active
    answer, seen = simulation.receive_async, []

    def receive(call: Any) -> Any:
        seen.append(call)
        if len(seen) <= calls:
            skipped_waits.install()
            raise InProcessRpcError(grpc.StatusCode.UNAVAILABLE, "Try again.", (), random.Random(0))
        return answer(call)

    monkeypatch.setattr(simulation, "receive_async", receive)
    return seen


@pytest.mark.needs("retries of asyncio")
def test_the_default_retry_costs_no_real_time(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's own policy retries GetQueue after UNAVAILABLE, and its waits are skipped and move no clock."""
    seen, waits, sleep = unavailable_until(cloud_tasks, monkeypatch, 5), [], asyncio.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    queue = asyncio.run(CloudTasksAsyncClient().get_queue(name=QUEUE))
    assert queue.name == QUEUE
    assert len(seen) == 6
    assert set(waits) == {0}
    assert cloud_tasks.clock.elapsed == timedelta(0)


IS_UNAVAILABLE = retry.if_exception_type(exceptions.ServiceUnavailable)
POLICIES = {
    "the release's own": ({}, 2 if "retries of asyncio" in CAPABILITIES else 1),
    "one that awaits": ({"retry": retry_async.AsyncRetry(predicate=IS_UNAVAILABLE)}, 2),
    "one that does not": ({"retry": retry.Retry(predicate=IS_UNAVAILABLE)}, 1),
}


@pytest.mark.filterwarnings("ignore:Using the synchronous google.api_core.retry.Retry")
@pytest.mark.parametrize(("policy", "calls"), POLICIES.values(), ids=POLICIES)
def test_a_policy_that_does_not_await_retries_nothing(
    cloud_tasks: FakeCloudTasks, policy: dict[str, Any], calls: int
) -> None:
    """Such a policy gets a coroutine and never sees the error; old releases have it as their default."""
    cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE")
    with suppress(exceptions.ServiceUnavailable):
        asyncio.run(CloudTasksAsyncClient().get_queue(name=QUEUE, **policy))
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"] * calls


def test_what_is_not_retried_in_production_is_not_here(
    cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CreateTask has no default retry: its caller sees the first error."""
    seen = unavailable_until(cloud_tasks, monkeypatch, 1)
    with pytest.raises(exceptions.ServiceUnavailable) as unavailable:
        asyncio.run(CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK))
    assert str(unavailable.value) == "503 Try again."
    assert len(seen) == 1


# --- awaitable verbs ---------------------------------------------------------------------------------------------


def test_async_handlers_run_in_the_callers_loop(cloud_tasks: FakeCloudTasks) -> None:
    """Under an awaitable driving method a handler shares the test's loop, and its locks and futures with it."""
    loops = []

    async def handler(request: TargetRequest) -> int:
        loops.append(asyncio.get_running_loop())
        return 200

    async def story() -> asyncio.AbstractEventLoop:
        await CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK)
        await cloud_tasks.aio.drain()
        return asyncio.get_running_loop()

    cloud_tasks.route(URL, handler=handler)
    loop = asyncio.run(story())
    assert loops == [loop]


def test_the_sync_driving_methods_run_async_handlers_too(cloud_tasks: FakeCloudTasks) -> None:
    """A sync test drives async targets, all of them in one loop of the fake's own."""
    loops = []

    async def handler(request: TargetRequest) -> int:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return 503 if len(loops) < 3 else 200

    cloud_tasks.route(URL, handler=handler)
    tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=TASK)
    assert cloud_tasks.drain().attempts == 3
    assert len(set(loops)) == 1


def test_handlers_that_sleep_overlap_under_the_concurrency_limit(cloud_tasks: FakeCloudTasks) -> None:
    """Of three tasks two are under way at a time; each instant is the handler's own."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 2})
    seen: list[tuple[str, str, float]] = []

    async def handler(request: TargetRequest) -> int:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append((name, "begins", cloud_tasks.clock.elapsed.total_seconds()))
        await cloud_tasks.aio.sleep(timedelta(seconds=10 if name == "a" else 4))
        seen.append((name, "ends", (datetime.now(timezone.utc) - START).total_seconds()))
        return 200

    async def story() -> None:
        client, narrow = CloudTasksAsyncClient(), cloud_tasks.queue_path("narrow")
        for name in "abc":
            await client.create_task(parent=narrow, task={"name": f"{narrow}/tasks/{name}", **TASK})
        await cloud_tasks.aio.drain()

    cloud_tasks.route(URL, handler=handler)
    asyncio.run(story())
    assert seen == [
        ("a", "begins", 0),
        ("b", "begins", 0),
        ("b", "ends", 4),
        ("c", "begins", 4),
        ("c", "ends", 8),
        ("a", "ends", 10),
    ]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=10)
    cloud_tasks.assert_empty()


# --- under the plugins for async tests ---------------------------------------------------------------------------

ASYNC_SUITE = """
    import asyncio
    import pytest
    from datetime import timedelta
    from google.cloud import tasks_v2
    from pytest_cloudtasks import current

    QUEUE = "projects/test-project/locations/us-central1/queues/work"
    client = tasks_v2.CloudTasksAsyncClient()
    pytestmark = [MARK, pytest.mark.cloud_tasks(queues=["work"])]


    async def enqueue(client):
        return await client.create_task(parent=QUEUE, task={"http_request": {"url": "https://worker.test/"}})


    @pytest.fixture
    async def enqueued(cloud_tasks):
        return (await enqueue(client)).name


    @pytest.mark.parametrize("time", [1, 2])
    async def test_a_client_built_at_import(cloud_tasks, time):
        loops = []

        async def handler(request):
            await cloud_tasks.aio.sleep(timedelta(minutes=1))
            loops.append(asyncio.get_running_loop())

        cloud_tasks.route("https://worker.test/", handler=handler)
        await enqueue(client)
        cloud_tasks.assert_enqueued()
        await cloud_tasks.aio.drain()
        assert loops == [asyncio.get_running_loop()]
        assert cloud_tasks.clock.elapsed == timedelta(minutes=1)


    async def test_the_fixtures_client(cloud_tasks, cloud_tasks_async_client):
        created = await enqueue(cloud_tasks_async_client)
        tasks = [task.name async for task in await cloud_tasks_async_client.list_tasks(parent=QUEUE)]
        assert tasks == [created.name]


    async def test_an_async_fixture_has_enqueued(cloud_tasks, enqueued):
        assert cloud_tasks.assert_enqueued().name == enqueued
        assert current() is cloud_tasks


    async def test_a_handler_that_never_wakes(cloud_tasks):
        async def handler(request):
            try:
                await cloud_tasks.aio.sleep(timedelta(hours=1))
            finally:
                await asyncio.sleep(0)

        cloud_tasks.route("https://worker.test/", handler=handler)
        await enqueue(client)
        assert (await cloud_tasks.aio.dispatch_due()).attempts == 1
"""


@pytest.mark.needs("scopes of pytest-asyncio")
@pytest.mark.parametrize("scope", ["function", "session"])
def test_under_pytest_asyncio(pytester: pytest.Pytester, scope: str) -> None:
    """Async tests and fixtures work as sync ones do, each in a loop of its own or all in one, without a warning."""
    pytester.makeini(
        f"""
        [pytest]
        addopts = -p no:randomly -p no:cacheprovider
        asyncio_default_fixture_loop_scope = {scope}
        asyncio_default_test_loop_scope = {scope}
        asyncio_mode = auto
        """
    )
    pytester.makepyfile(ASYNC_SUITE.replace("MARK", "pytest.mark.asyncio"))
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(passed=5)
    assert "never retrieved" not in result.stdout.str()


def test_under_anyio(pytester: pytest.Pytester) -> None:
    """anyio's own pytest plugin, with asyncio beneath, does as well."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:cacheprovider -p no:asyncio\n")
    pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    pytester.makepyfile(ASYNC_SUITE.replace("MARK", "pytest.mark.anyio"))
    pytester.runpytest("-W", "error").assert_outcomes(passed=5)


def test_sync_tests_leave_nothing_behind(pytester: pytest.Pytester) -> None:
    """A handler that still sleeps when a sync test ends is cancelled, with all it has begun, without a warning."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:cacheprovider -p no:asyncio\n")
    pytester.makepyfile(
        """
        import asyncio
        from datetime import timedelta

        import pytest
        from google.cloud import tasks_v2

        QUEUE = "projects/test-project/locations/us-central1/queues/work"
        ended = []

        @pytest.mark.cloud_tasks(queues=["work"])
        def test_asleep(cloud_tasks):
            async def beside():
                try:
                    await cloud_tasks.aio.sleep(timedelta(days=1))
                finally:
                    ended.append("beside")

            async def handler(request):
                other = asyncio.ensure_future(beside())
                try:
                    await cloud_tasks.aio.sleep(timedelta(hours=1))
                finally:
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    ended.append("handler")

            cloud_tasks.route("https://worker.test/", handler=handler)
            tasks_v2.CloudTasksClient().create_task(
                parent=QUEUE, task={"http_request": {"url": "https://worker.test/"}}
            )
            cloud_tasks.dispatch_due()
            assert ended == []

        def test_afterwards():
            assert sorted(ended) == ["beside", "handler"]
        """
    )
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(passed=2)
    assert "destroyed" not in result.stdout.str() + result.stderr.str()
