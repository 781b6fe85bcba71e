"""Eager dispatch: what is due is dispatched before the creating call returns."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import FastAPI
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks, TargetRequest, TaskState
from pytest_cloudtasks._simulation.driving.eager import DEPTH

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"], eager=True)


async def enqueue_async(task_id: str, url: str = MAILER) -> str:
    """Creates a task by Google's asyncio client."""
    parent = "projects/test-project/locations/us-central1/queues/receipts"
    task = {"name": f"{parent}/tasks/{task_id}", "http_request": {"url": url}}
    return str((await tasks_v2.CloudTasksAsyncClient().create_task(parent=parent, task=task)).name)


def enqueue_in_a_loop(task_id: str, url: str = MAILER) -> str:
    return asyncio.run(enqueue_async(task_id, url))


def names_of(route: Any) -> list[str]:
    """The IDs of the tasks that a route has received."""
    return [call.headers["X-CloudTasks-TaskName"] for call in route.calls]


@pytest.fixture(params=["sync", "async"])
def create(request: pytest.FixtureRequest, enqueue: Enqueue) -> Enqueue:
    """Creates a task by the sync or by the asyncio client."""
    return enqueue if request.param == "sync" else enqueue_in_a_loop


@pytest.fixture
def failures(cloud_tasks: FakeCloudTasks) -> Iterator[list[str]]:
    """What the test would fail for at its end, if it were not looked at here."""
    yield cloud_tasks._active.failures.messages
    cloud_tasks._active.failures.messages.clear()


def test_a_due_task_has_been_delivered_when_the_call_returns(cloud_tasks: FakeCloudTasks, create: Enqueue) -> None:
    """The full request path is taken, and the response shows the task as it was created."""
    route = cloud_tasks.route(MAILER)
    name = create("one")
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["one"]
    task = cloud_tasks.assert_dispatched(name="one")
    assert (task.name, task.state) == (name, TaskState.SUCCEEDED)
    assert (cloud_tasks.rpcs[0].result.name, cloud_tasks.rpcs[0].result.dispatch_count) == (name, 0)
    cloud_tasks.assert_empty()
    assert cloud_tasks.clock.elapsed == timedelta(0)


def test_an_async_handler_is_run_as_well(cloud_tasks: FakeCloudTasks, create: Enqueue) -> None:
    """In the caller's loop for the asyncio client, in the fake's own for the sync one."""
    seen = []

    async def handler(request: TargetRequest) -> None:
        await asyncio.sleep(0)
        seen.append(request.headers["X-CloudTasks-TaskName"])

    cloud_tasks.route(MAILER, handler=handler)
    create("one")
    assert seen == ["one"]


def test_a_handler_that_sleeps_goes_on_under_a_driving_method(cloud_tasks: FakeCloudTasks) -> None:
    """The creating call does not wait for the queue's time; a driving method in the same loop does."""
    woken = []

    async def handler(request: TargetRequest) -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        woken.append(cloud_tasks.clock.elapsed)

    async def story() -> None:
        await enqueue_async("one")
        assert woken == []
        await cloud_tasks.aio.drain()

    cloud_tasks.route(MAILER, handler=handler)
    asyncio.run(story())
    assert woken == [timedelta(seconds=5)]
    cloud_tasks.assert_empty()


def test_creation_within_a_handler_is_nested(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A follow-up is delivered before its creator's handler returns."""
    seen = []

    def handler(request: TargetRequest) -> None:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append(f"{name} begins")
        if name != "three":
            enqueue({"one": "two", "two": "three"}[name])
        seen.append(f"{name} ends")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    assert seen == ["one begins", "two begins", "three begins", "three ends", "two ends", "one ends"]
    cloud_tasks.drain()
    cloud_tasks.assert_empty()


def test_async_creation_within_an_async_handler_is_nested(cloud_tasks: FakeCloudTasks) -> None:
    """The asyncio client does the same in the caller's loop."""
    seen = []

    async def handler(request: TargetRequest) -> None:
        name = request.headers["X-CloudTasks-TaskName"]
        seen.append(f"{name} begins")
        if name == "one":
            await asyncio.gather(enqueue_async("two"), enqueue_async("three"))
        seen.append(f"{name} ends")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue_in_a_loop("one")
    assert seen[0] == "one begins"
    assert seen[-1] == "one ends"
    assert sorted(seen[1:-1]) == ["three begins", "three ends", "two begins", "two ends"]


def test_a_handler_in_a_frameworks_thread_may_create_for_async_targets(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue
) -> None:
    """The loop that waits for the thread runs the nested handler meanwhile."""
    app, seen = FastAPI(), []

    @app.post("/first")
    def first() -> None:
        enqueue("two", "https://shop.test/second")
        seen.append("first")

    @app.post("/second")
    async def second() -> None:
        seen.append("second")

    cloud_tasks.mount("https://shop.test", app)
    enqueue("one", "https://shop.test/first")
    assert seen == ["second", "first"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_endless_chain_ends_and_fails_the_test(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, failures: list[str], asynchronous: bool
) -> None:
    """Tasks that create each other for ever stop at a depth; the last stays in its queue, and the test fails."""

    def next_name(request: TargetRequest) -> str:
        return f"t{int(request.headers['X-CloudTasks-TaskName'][1:]) + 1}"

    def handler(request: TargetRequest) -> None:
        enqueue(next_name(request))

    async def async_handler(request: TargetRequest) -> None:
        await enqueue_async(next_name(request))

    route = cloud_tasks.route(MAILER, handler=async_handler if asynchronous else handler)
    if asynchronous:
        enqueue_in_a_loop("t1")
    else:
        enqueue("t1")
    assert len(route.calls) == DEPTH
    assert failures == [
        "Eager dispatch stopped after 20 tasks within each other's handlers, and left receipts/t21 in its queue. Stop"
        " the handlers from enqueueing for ever, or create the tasks without eager dispatch and drive the queue."
    ]
    tasks_v2.CloudTasksClient().delete_task(name=cloud_tasks.tasks()[0].name)
    cloud_tasks.route(MAILER)
    enqueue("afterwards")
    cloud_tasks.assert_empty()


def test_a_paused_queue_keeps_its_tasks(cloud_tasks: FakeCloudTasks, create: Enqueue) -> None:
    """Eager dispatch passes over limits, not over a pause."""
    route = cloud_tasks.route(MAILER)
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    create("one")
    assert route.calls == []
    tasks_v2.CloudTasksClient().resume_queue(name=cloud_tasks.queue_path("receipts"))
    assert route.calls == []
    assert cloud_tasks.dispatch_due().attempts == 1


def test_a_future_task_waits_for_its_time(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What is not due is left to the driving methods."""
    route = cloud_tasks.route(MAILER)
    enqueue("one", schedule_time=START + timedelta(seconds=1))
    assert route.calls == []
    cloud_tasks.advance(seconds=1)
    assert len(route.calls) == 1


def test_rate_and_concurrency_limits_are_ignored(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A queue that would let one task go out in a thousand seconds delivers each at once."""
    limits = {"max_dispatches_per_second": 0.001, "max_concurrent_dispatches": 1}
    cloud_tasks.create_queue("narrow", rate_limits=limits)
    route = cloud_tasks.route(MAILER).takes(timedelta(minutes=1))
    for number in range(3):
        enqueue(f"t{number}", queue="narrow")
    assert len(route.calls) == 3
    assert cloud_tasks.clock.elapsed == timedelta(0)


def test_retries_wait_for_the_driving_methods(cloud_tasks: FakeCloudTasks, create: Enqueue) -> None:
    """Only the first attempt is eager; its failure does not fail the caller."""
    route = cloud_tasks.route(MAILER).returns(503, 200)
    create("one")
    assert len(route.calls) == 1
    assert cloud_tasks.drain().succeeded == 1
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [503, 200])
    assert cloud_tasks.clock.elapsed == timedelta(seconds=0.1)


def test_a_rejected_creation_delivers_nothing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The error is the service's, and no handler has seen anything."""
    route = cloud_tasks.route(MAILER)
    enqueue("one")
    with pytest.raises(AlreadyExists):
        enqueue("one")
    assert len(route.calls) == 1


def test_a_driving_method_in_an_eagerly_dispatched_handler_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, failures: list[str]
) -> None:
    """The guard holds there too, and comes through the application's ``except Exception``."""

    def handler(request: TargetRequest) -> None:
        cloud_tasks.drain()

    cloud_tasks.route(MAILER, handler=handler)
    with pytest.raises(pytest.fail.Exception):
        enqueue("one")
    assert failures == [
        "cloud_tasks.drain() was called while the handler of receipts/one was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    ]


def test_the_sync_client_in_a_loop_cannot_reach_async_targets(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, failures: list[str]
) -> None:
    """The loop is blocked by the very call: the task stays in its queue, and the test fails with what to do."""

    async def handler(request: TargetRequest) -> None: ...

    async def story() -> str:
        return enqueue("one")

    route = cloud_tasks.route(MAILER, handler=handler)
    assert asyncio.run(story()).endswith("/tasks/one")
    assert failures == [
        "Eager dispatch could not deliver receipts/one: https://mailer.test/send is async, and the sync client was"
        " called in a running event loop, which it blocks. Create the task with CloudTasksAsyncClient there, or"
        " create it without eager dispatch and drive the queue with `await cloud_tasks.aio.drain()`."
    ]
    assert route.calls == []


# --- a block of eager dispatch -----------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(eager=False)
def test_a_block_dispatches_eagerly_while_it_lasts(cloud_tasks: FakeCloudTasks, create: Enqueue) -> None:
    """Before it and after it created tasks wait in their queue."""
    route = cloud_tasks.route(MAILER)
    create("before")
    with cloud_tasks.eager():
        create("inside")
        assert names_of(route) == ["inside"]
    create("after")
    assert names_of(route) == ["inside"]
    cloud_tasks.drain()
    assert names_of(route) == ["inside", "before", "after"]


@pytest.mark.parametrize("option", [False, True])
def test_a_block_restores_what_was_before_it(option: bool, enqueue: Enqueue) -> None:
    """Blocks nest, and the option goes on after them; an exception that leaves the block ends it as well."""
    with FakeCloudTasks(queues=["receipts"], eager=option) as cloud_tasks:
        route = cloud_tasks.route(MAILER)
        with suppress(ZeroDivisionError), cloud_tasks.eager():
            with cloud_tasks.eager():
                enqueue("one")
            enqueue("two")
            raise ZeroDivisionError
        assert len(route.calls) == 2
        enqueue("three")
        assert len(route.calls) == (3 if option else 2)


@pytest.mark.cloud_tasks(eager=False)
def test_a_block_can_be_entered_again(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """One object serves for several blocks, one after the other or within each other."""
    route = cloud_tasks.route(MAILER)
    eager = cloud_tasks.eager()
    for name in ("one", "two"):
        with eager:
            with eager:
                pass
            enqueue(name)
    enqueue("after")
    assert names_of(route) == ["one", "two"]


ONLY_WITH = "{} does not support `async with`. Write `with` instead; it works in async code, too."


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda fake: fake.eager(), ONLY_WITH.format("eager()")),
        (lambda fake: fake.expect_enqueued(), ONLY_WITH.format("expect_enqueued()")),
        (lambda fake: FakeCloudTasks(), ONLY_WITH.format("FakeCloudTasks")),
        (lambda fake: CloudTasksServer(fake), ONLY_WITH.format("CloudTasksServer")),
    ],
    ids=["eager", "expect_enqueued", "FakeCloudTasks", "CloudTasksServer"],
)
def test_async_with_is_rejected(cloud_tasks: FakeCloudTasks, make: Callable[[FakeCloudTasks], Any], text: str) -> None:
    """No context manager of the public API is an async one, and each says what to write."""

    async def enter() -> None:
        async with make(cloud_tasks):
            pass

    with pytest.raises(TypeError) as refusal:
        asyncio.run(enter())
    assert str(refusal.value) == text


@pytest.mark.cloud_tasks(eager=False)
def test_a_block_decorates_a_function(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It is a context manager of the standard library's, and so a decorator, too."""
    route = cloud_tasks.route(MAILER)
    cloud_tasks.eager()(enqueue)("one")
    assert len(route.calls) == 1


# --- what fails, fails the test and not the caller ---------------------------------------------------------------

FAILING = """
    import asyncio
    import pytest
    from google.cloud import tasks_v2

    PARENT = "projects/test-project/locations/us-central1/queues/work"
    pytestmark = pytest.mark.cloud_tasks(queues=["work"], eager=True)


    def enqueue():
        task = {"name": PARENT + "/tasks/one", "http_request": {"url": "https://worker.test/"}}
        CREATE
        return "the caller goes on"


    def test_it(cloud_tasks):
        TARGET
        assert enqueue() == "the caller goes on"
"""
CREATES = {
    "sync": "tasks_v2.CloudTasksClient().create_task(parent=PARENT, task=task)",
    "async": "asyncio.run(tasks_v2.CloudTasksAsyncClient().create_task(parent=PARENT, task=task))",
}


def errors_of(pytester: pytest.Pytester, create: str, target: str, *arguments: str) -> str:
    """The output of a test that passes and fails at its teardown."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider\n")
    pytester.makepyfile(FAILING.replace("CREATE", CREATES[create]).replace("TARGET", target))
    result = pytester.runpytest(*arguments)
    result.assert_outcomes(passed=1, errors=1)
    return result.stdout.str()


@pytest.mark.parametrize("create", CREATES)
def test_a_missing_target_fails_the_test_at_its_end(pytester: pytest.Pytester, create: str) -> None:
    """The caller has its task; the teardown names the URL without a target, and what to do."""
    assert (
        "The task work/one is due, but its URL has no target: POST https://worker.test/.\nTargets of this test:"
        " none\nAdd one with cloud_tasks.route('https://worker.test/'), or mount the application that serves it with"
        " cloud_tasks.mount(base_url, app). Nothing was sent.\n"
    ) in errors_of(pytester, create, "pass")


@pytest.mark.parametrize("create", CREATES)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_exception_fails_the_test_at_its_end(pytester: pytest.Pytester, create: str, kind: str) -> None:
    """The caller has its task; the teardown shows the handler's exception with its traceback."""
    prefix = "async " if kind == "async" else ""
    target = f"{prefix}def broken(request): raise KeyError('order')\n"
    output = errors_of(pytester, create, f"{target}        cloud_tasks.route('https://worker.test/', handler=broken)")
    assert (
        "The handler of work/one, which was dispatched eagerly, raised:\nTraceback (most recent call last):\n" in output
    )
    assert "in broken\n" in output
    assert "\nKeyError: 'order'\n" in output


def test_an_exception_may_be_a_500(pytester: pytest.Pytester) -> None:
    """With on_exception="500" it is recorded and retried like any other failure, and nothing fails."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider\n")
    target = (
        "def broken(request): raise KeyError('order')\n"
        "        cloud_tasks.route('https://worker.test/', handler=broken, on_exception='500')"
    )
    pytester.makepyfile(FAILING.replace("CREATE", CREATES["sync"]).replace("TARGET", target))
    pytester.runpytest().assert_outcomes(passed=1)


def test_eager_may_be_set_for_a_whole_suite(pytester: pytest.Pytester) -> None:
    """The ini option does what the marker does."""
    pytester.makeini(
        """
        [pytest]
        addopts = -p no:randomly -p no:asyncio -p no:cacheprovider
        cloud_tasks_eager = true
        cloud_tasks_queues = work
        """
    )
    target = "route = cloud_tasks.route('https://worker.test/')"
    text = FAILING.replace("CREATE", CREATES["sync"]).replace("TARGET", target).replace(", eager=True", "")
    pytester.makepyfile(text + "        assert len(route.calls) == 1\n")
    pytester.runpytest().assert_outcomes(passed=1)


def test_without_eager_nothing_goes_out_by_itself(enqueue: Callable[..., Any]) -> None:
    """The default leaves every dispatch to the driving methods."""
    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        route = cloud_tasks.route(MAILER)
        enqueue("one")
        assert route.calls == []


def test_many_deliveries_at_once_are_not_nested(cloud_tasks: FakeCloudTasks) -> None:
    """Coroutines that create side by side are no chain, however many there are."""

    async def handler(request: TargetRequest) -> None:
        await asyncio.sleep(0)

    async def story() -> None:
        await asyncio.gather(*(enqueue_async(f"t{number}") for number in range(2 * DEPTH)))

    route = cloud_tasks.route(MAILER, handler=handler)
    asyncio.run(story())
    assert len(route.calls) == 2 * DEPTH
    cloud_tasks.assert_empty()


@pytest.mark.parametrize("meanwhile", ["drain", "delete_task", "delete_queue"])
def test_what_happens_before_the_answer_comes_first(cloud_tasks: FakeCloudTasks, meanwhile: str) -> None:
    """A task that was dispatched or deleted by another coroutine while its creation was on its way is left alone."""
    parent = cloud_tasks.queue_path("receipts")
    sync = tasks_v2.CloudTasksClient()

    async def other() -> None:
        if meanwhile == "drain":
            await cloud_tasks.aio.drain()
        elif meanwhile == "delete_task":
            sync.delete_task(name=f"{parent}/tasks/one")
        else:
            sync.delete_queue(name=parent)

    async def story() -> None:
        creation = asyncio.ensure_future(enqueue_async("one"))
        while not cloud_tasks.rpcs:
            await asyncio.sleep(0)
        await other()
        await creation

    route = cloud_tasks.route(MAILER)
    asyncio.run(story())
    assert len(route.calls) == (meanwhile == "drain")
    assert cloud_tasks._active.failures.messages == []


def test_threads_create_while_others_purge(cloud_tasks: FakeCloudTasks) -> None:
    """A task is checked and begun in one step: it is dispatched or was removed before, and nothing breaks."""
    parent, errors = cloud_tasks.queue_path("receipts"), []
    created, client = threading.Event(), tasks_v2.CloudTasksClient()

    def purge() -> None:
        try:
            while not created.is_set():
                client.purge_queue(name=parent)
                for task in cloud_tasks.tasks():
                    with suppress(NotFound):
                        client.delete_task(name=task.name)
        except BaseException as error:
            errors.append(error)

    def create() -> None:
        try:
            for _ in range(100):
                client.create_task(parent=parent, task={"http_request": {"url": MAILER}})
        except BaseException as error:
            errors.append(error)

    cloud_tasks.route(MAILER).returns(*[500, 200] * 100, 200)
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        purging, creating = (
            [threading.Thread(target=purge) for _ in range(2)],
            [threading.Thread(target=create) for _ in range(2)],
        )
        for thread in purging + creating:
            thread.start()
        for thread in creating:
            thread.join()
        created.set()
        for thread in purging:
            thread.join()
    finally:
        sys.setswitchinterval(switches)
    assert errors == []
    assert cloud_tasks._active.failures.messages == []
    cloud_tasks.drain()
    cloud_tasks.assert_empty()


@pytest.mark.parametrize("what", ["purge_queue", "delete_task", "delete_queue"])
def test_nothing_comes_between_the_look_at_a_task_and_its_attempt(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Another thread's call waits until the attempt has begun; the task goes out, and is removed then."""
    simulation, parent = cloud_tasks._active, cloud_tasks.queue_path("receipts")
    client, threads, order = tasks_v2.CloudTasksClient(), [], []
    find_for = simulation.targets.find_for

    def other() -> None:
        if what == "delete_task":
            client.delete_task(name=f"{parent}/tasks/one")
        else:
            getattr(client, what)(name=parent)
        order.append(what)

    def found(*args: Any) -> Any:
        if not threads:
            threads.append(threading.Thread(target=other))
            threads[0].start()
            for _ in range(10_000):
                if simulation.lock.acquire(blocking=False):  # ours already, where it is held
                    simulation.lock.release()
            order.append("found")
        return find_for(*args)

    def handler(request: TargetRequest) -> None:
        threads[0].join()
        order.append("delivered")

    monkeypatch.setattr(simulation.targets, "find_for", found)
    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    assert order == ["found", what, "delivered"]
    assert simulation.failures.messages == []


def test_pytest_exit_in_a_handler_ends_the_run(pytester: pytest.Pytester) -> None:
    """So do Ctrl-C and pytest.exit() anywhere; the application doesn't get to take it for an error of the client."""
    pytester.makepyfile(
        """
        import pytest
        from google.cloud import tasks_v2

        PARENT = "projects/test-project/locations/us-central1/queues/receipts"

        def handler(request):
            pytest.exit("enough")

        @pytest.mark.cloud_tasks(queues=["receipts"], eager=True)
        def test_it(cloud_tasks):
            cloud_tasks.route("https://w.test/", handler=handler, on_exception="500")
            try:
                tasks_v2.CloudTasksClient().create_task(parent=PARENT, task={"http_request": {"url": "https://w.test/"}})
            except Exception:
                pass

        def test_not_reached(): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes()
    result.stdout.fnmatch_lines(["*_pytest.outcomes.Exit: enough*"])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, pytest.exit.Exception])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_ends_the_run_comes_out_of_the_call(
    cloud_tasks: FakeCloudTasks, create: Enqueue, kind: type[BaseException], asynchronous: bool
) -> None:
    """Its exception propagates, with any client and any kind of target."""

    def handler(request: TargetRequest) -> None:
        raise kind("enough")

    async def async_handler(request: TargetRequest) -> None:
        raise kind("enough")

    cloud_tasks.route(MAILER, handler=async_handler if asynchronous else handler, on_exception="500")
    with pytest.raises(kind):
        create("one")
    assert cloud_tasks._active.failures.messages == []
    cloud_tasks._active.failures.ending = None
