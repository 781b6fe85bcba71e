"""``background()``: the test's time runs with the wall clock, and due tasks go out from a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from freezegun import freeze_time
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, NoTarget, TargetRequest, TaskRecord, TaskState
from tests.patience import PATIENCE

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def succeeded(task: TaskRecord) -> bool:
    """Whether a task has ended well."""
    return task.state is TaskState.SUCCEEDED


def background_threads() -> list[str]:
    """The names of the threads of blocks."""
    return [one.name for one in threading.enumerate() if one.name.startswith("cloud-tasks-background")]


def test_due_tasks_go_out_while_the_block_lasts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Those that were there before, too; afterwards nothing is dispatched, and no thread is left."""
    route = cloud_tasks.route(MAILER)
    enqueue("before")
    with cloud_tasks.background():
        enqueue("within")
        cloud_tasks.assert_dispatched(name="before", timeout=PATIENCE)
        cloud_tasks.assert_dispatched(name="within", timeout=PATIENCE)
        assert background_threads() != []
    assert background_threads() == []
    enqueue("after")
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["before", "within"]
    assert [task.id for task in cloud_tasks.tasks()] == ["after"]


def test_time_runs_from_where_it_is_held_and_is_held_again(cloud_tasks: FakeCloudTasks) -> None:
    """The application's time and the queue's are one, within the block and after it."""
    assert time.time() == START.timestamp()
    with cloud_tasks.background():
        while time.time() == START.timestamp():
            time.sleep(0.001)
        assert time.time() - START.timestamp() < PATIENCE
    held = time.time_ns()
    assert held > START.timestamp() * 1e9
    assert datetime.now(timezone.utc) == cloud_tasks.clock.now()
    time.sleep(0.03)
    assert time.time_ns() == held
    cloud_tasks.advance(hours=1)
    assert time.time_ns() == held + 3_600 * 1_000_000_000


@pytest.mark.parametrize("hold", [freeze_time, lambda at: time_machine.travel(at, tick=False)], ids=["freezegun", "tm"])
def test_an_external_clock_runs_along(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, hold: Any) -> None:
    """A clock that the test holds itself is moved, and shows after the block what it showed at its end."""
    cloud_tasks.route(MAILER)
    with hold(START + timedelta(days=1)):
        enqueue("one", schedule_time=START + timedelta(days=1, seconds=0.02))
        with cloud_tasks.background():
            cloud_tasks.assert_dispatched(name="one", timeout=PATIENCE)
        now = datetime.now(timezone.utc)
        assert START + timedelta(days=1, seconds=0.02) <= now < START + timedelta(days=1, seconds=PATIENCE)
        assert now == cloud_tasks.clock.now() == datetime.now(timezone.utc)


def test_a_retry_waits_for_its_backoff(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """By the test's time, which is that of the attempts."""
    cloud_tasks.route(MAILER).returns(503, 200)
    with cloud_tasks.background():
        enqueue("one")
        cloud_tasks.assert_dispatched(name="one", task=succeeded, timeout=PATIENCE)
    first, second = cloud_tasks.attempts()
    assert (first.result, second.result) == (503, 200)
    assert second.dispatch_time - first.dispatch_time >= timedelta(seconds=0.1)


def test_calls_arrive_from_other_threads(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each task goes out once."""
    route = cloud_tasks.route(MAILER)
    with cloud_tasks.background():
        threads = [threading.Thread(target=enqueue, args=(f"task-{number}",)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cloud_tasks.assert_dispatched(count=20, timeout=PATIENCE)
    assert sorted(call.headers["X-CloudTasks-TaskName"] for call in route.calls) == sorted(
        f"task-{number}" for number in range(20)
    )


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_handlers_work_at_the_same_time(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, is_async: bool) -> None:
    """One may wait for another, and for tasks that it has created itself."""
    both = threading.Barrier(2)

    def handle(request: TargetRequest) -> None:
        both.wait(PATIENCE)

    async def handle_async(request: TargetRequest) -> None:
        await asyncio.to_thread(both.wait, PATIENCE)

    cloud_tasks.route(MAILER, handler=handle_async if is_async else handle)
    with cloud_tasks.background():
        enqueue("one")
        enqueue("two")
        cloud_tasks.assert_dispatched(task=succeeded, count=2, timeout=PATIENCE)


def test_the_block_ends_when_handlers_have_returned(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Time runs until then, and nothing else is dispatched."""
    begun, seen = threading.Event(), list[float]()

    def handle(request: TargetRequest) -> None:
        begun.set()
        end = time.time() + 0.05
        while time.time() < end:
            time.sleep(0.001)
        seen.append(time.time())

    cloud_tasks.route(MAILER, handler=handle)
    with cloud_tasks.background():
        enqueue("one")
        assert begun.wait(PATIENCE)
    assert len(seen) == 1
    assert [attempt.result for attempt in cloud_tasks.attempts()] == [200]


def test_an_exception_of_a_handler_is_raised_at_the_end(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It ends the dispatching, as it ends a driving method."""

    def handle(request: TargetRequest) -> None:
        raise ZeroDivisionError("in the handler")

    cloud_tasks.route(MAILER, handler=handle)
    reached_the_end = False
    with pytest.raises(ZeroDivisionError, match=r"^in the handler$"), cloud_tasks.background():
        enqueue("one")
        cloud_tasks.assert_dispatched(name="one", timeout=PATIENCE)
        reached_the_end = True
    assert reached_the_end
    assert background_threads() == []
    activities = cloud_tasks._active.activities
    assert isinstance(activities.failure, ZeroDivisionError)
    tasks_v2.CloudTasksClient().purge_queue(name=cloud_tasks.queue_path("receipts"))  # the retry would fail, too
    with cloud_tasks.background():
        assert (activities.is_background, activities.failure) == (True, None)


def test_a_task_without_a_target_is_an_error_at_the_end(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Nothing has been sent, and the task is still in its queue."""
    with pytest.raises(NoTarget, match=r"^The task receipts/one is due, but its URL has no target"):  # noqa: SIM117
        with cloud_tasks.background():
            enqueue("one")
            with pytest.raises(CloudTasksAssertionError):
                cloud_tasks.assert_dispatched(name="one", timeout=0.05)
    assert cloud_tasks.tasks()[0].dispatch_count == 0


def test_an_exception_of_the_block_ends_it(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The thread has ended; what a handler has raised besides is kept for the end of the test."""
    raised = threading.Event()

    def handle(request: TargetRequest) -> None:
        raised.set()
        raise ZeroDivisionError("in the handler")

    cloud_tasks.route(MAILER, handler=handle)
    with pytest.raises(LookupError, match=r"^of the test$"), cloud_tasks.background():
        enqueue("one")
        assert raised.wait(PATIENCE)
        raise LookupError("of the test")
    assert background_threads() == []
    failures = cloud_tasks._active.failures.messages
    (failure,) = failures
    failures.clear()
    assert failure.startswith("A task that background() dispatched failed:\nTraceback")
    assert failure.endswith("ZeroDivisionError: in the handler\n")
    tasks_v2.CloudTasksClient().purge_queue(name=cloud_tasks.queue_path("receipts"))  # the retry would fail, too
    with cloud_tasks.background():
        pass


def test_a_failure_within_says_what_helps_there(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """No driving method does: in the block they are errors."""
    with cloud_tasks.background():
        enqueue("tomorrow", schedule_time=START + timedelta(days=1))
        with pytest.raises(CloudTasksAssertionError) as caught:
            cloud_tasks.assert_dispatched(name="tomorrow")
    hint = str(caught.value).rpartition("\n\n")[2]
    assert hint.startswith("receipts/tomorrow waits until +1d 0:00:00, and it is +0:0")
    assert hint.endswith(" now. Wait for that with timeout=…, or drive the queue after the block of background().")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("drain", ()), ("step", ()), ("dispatch_due", ()), ("advance", (timedelta(1),)), ("dispatch", ("one",))],
)
def test_driving_methods_are_rejected_within(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, method: str, arguments: tuple[Any, ...]
) -> None:
    """Time passes by itself there."""
    cloud_tasks.route(MAILER)
    with cloud_tasks.background():
        enqueue("one")
        with pytest.raises(RuntimeError) as rejected:
            getattr(cloud_tasks, method)(*arguments)
        cloud_tasks.assert_dispatched(name="one", timeout=PATIENCE)
    assert str(rejected.value) == (
        f"cloud_tasks.{method}() was called in a block of cloud_tasks.background(), which lets time pass and dispatches"
        f" due tasks by itself. Wait for a task with assert_dispatched(…, timeout=…), or call {method}() after the"
        " block."
    )


def test_a_block_within_a_block_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """There is one time; after it, another block may begin."""
    with cloud_tasks.background():
        with pytest.raises(RuntimeError, match=r"^cloud_tasks\.background\(\) was called in a block of"):  # noqa: SIM117
            with cloud_tasks.background():
                raise AssertionError("unreachable")
        assert background_threads() != []
    with cloud_tasks.background():
        pass


def test_eager_dispatch_within_delivers_once(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """By the call or by the thread, whichever comes first."""
    route = cloud_tasks.route(MAILER)
    with cloud_tasks.background(), cloud_tasks.eager():
        for number in range(10):
            enqueue(f"task-{number}")
        cloud_tasks.assert_dispatched(task=succeeded, count=10, timeout=PATIENCE)
    assert route.call_count == 10


def test_the_limits_of_a_queue_hold(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """No more handlers are at work than the queue allows."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 2})
    lock, at_work, most = threading.Lock(), 0, 0

    def handle(request: TargetRequest) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.005)
        with lock:
            at_work -= 1

    cloud_tasks.route(MAILER, handler=handle)
    for number in range(10):
        enqueue(f"task-{number}", queue="narrow")
    with cloud_tasks.background():
        cloud_tasks.assert_dispatched(task=succeeded, count=10, timeout=PATIENCE)
    assert most <= 2
