"""The simulation of a test: its calls, its queues, where its time begins, and the clock that the test itself holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import grpc
import pytest
import time_machine
from google.api_core import retry
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, InvalidArgument, NotFound, PermissionDenied
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._diagnostics.lints import Lints
from pytest_cloudtasks._simulation.exceptions import Failures
from pytest_cloudtasks._simulation.settings.settings import Settings
from pytest_cloudtasks._simulation.simulation import Simulation

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START)


TAKEN_OVER = {
    "clock",
    "faults",
    "history",
    "lints",
    "randomness",
    "service",
    "settings",
    "targets",
}
MADE_ANEW = {
    "activities",
    "check_change",
    "failures",
    "fake",
    "has_ended",
    "lock",
}


def test_an_example_has_all_of_its_tests_simulation() -> None:
    """Whatever a simulation has is taken over by those of Hypothesis's examples, or made again for each.

    What is added to a simulation has to be put into one of the two, and into Simulation.snapshot() if it is taken over.
    """
    simulation = Simulation(Settings())
    simulation.lints, simulation.activities.is_eager = Lints(), True
    example = simulation.snapshot()()
    assert vars(example).keys() == vars(simulation).keys() == TAKEN_OVER | MADE_ANEW
    shared = {name for name in TAKEN_OVER if vars(example)[name] is vars(simulation)[name]}
    assert shared == {"settings", "targets"}
    assert example.activities.is_eager is True


def test_a_failure_that_was_swallowed_is_kept_once() -> None:
    """The test fails with it at its end; application code gets pytest's exception, which passes `except Exception`."""
    failures = Failures()
    errors = [failures.fail("It failed."), failures.fail("It failed.")]
    failures.keep("It failed again.")
    assert [type(error) for error in errors] == [pytest.fail.Exception] * 2
    assert [str(error) for error in errors] == ["It failed."] * 2
    assert (failures.messages, failures.ending) == (["It failed.", "It failed again."], None)


# --- calls -------------------------------------------------------------------------------------------------------


def test_every_call_is_recorded_as_it_arrived(cloud_tasks: FakeCloudTasks) -> None:
    """Method, request, timeout, metadata and result, oldest first; the test's own driving methods are no calls."""
    cloud_tasks.create_queue("reports")
    client = tasks_v2.CloudTasksClient()
    name = cloud_tasks.queue_path("receipts")
    policy = retry.Retry()
    created = client.create_queue(parent=name.rpartition("/queues")[0], queue={"name": name})
    client.get_queue(name=name, retry=policy, timeout=3, metadata=[("x-trace", "7")])

    first, second = cloud_tasks.rpcs
    assert (first.method, first.request.queue.name) == ("create_queue", name)
    assert (first.result, first.error) == (created, None)
    assert (second.method, second.request.name) == ("get_queue", name)
    assert second.timeout == pytest.approx(3, abs=1)
    assert ("x-trace", "7") in second.metadata


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_what_was_said_stays_on_record(cloud_tasks: FakeCloudTasks) -> None:
    """Later changes of a request or a response don't change the record in rpcs."""
    request = tasks_v2.CreateTaskRequest(
        parent=cloud_tasks.queue_path("receipts"), task={"http_request": {"url": MAILER}}
    )
    task = tasks_v2.CloudTasksClient().create_task(request)
    request.task.http_request.url = task.http_request.url = "https://elsewhere.test"

    (call,) = cloud_tasks.rpcs
    assert (call.request.task.http_request.url, call.result.http_request.url) == (MAILER, MAILER)
    assert call.request is call.request
    assert repr(call).startswith("RpcCall(method='create_task', request=parent: ")


def test_a_rejected_call_is_recorded_with_its_error(cloud_tasks: FakeCloudTasks) -> None:
    """What the transport raised is there, the result is not; the timeline has its code."""
    with pytest.raises(NotFound):
        tasks_v2.CloudTasksClient().delete_queue(name=cloud_tasks.queue_path("receipts"))
    (call,) = cloud_tasks.rpcs
    assert (call.method, call.result) == ("delete_queue", None)
    assert call.error is not None
    assert cloud_tasks.timeline() == "+0:00:00  delete_queue receipts → NOT_FOUND"


@pytest.fixture
def two_calls_kept(cloud_tasks: FakeCloudTasks) -> None:
    """A bound that a test can reach."""
    cloud_tasks._active.history.calls_kept = 2


@pytest.mark.usefixtures("two_calls_kept")
@pytest.mark.cloud_tasks(queues=["receipts"])
def test_of_many_calls_the_latest_are_kept(cloud_tasks: FakeCloudTasks) -> None:
    """rpcs and the timeline are bounded; what the calls did is there all the same."""
    client = tasks_v2.CloudTasksClient()
    queue = cloud_tasks.queue_path("receipts")
    client.list_tasks(parent=queue)
    for name in ("one", "two"):
        with pytest.raises(NotFound):
            client.get_task(name=f"{queue}/tasks/{name}")
    client.create_task(parent=queue, task={"http_request": {"url": MAILER}})

    assert [call.method for call in cloud_tasks.rpcs] == ["get_task", "create_task"]
    told = [line.partition("  ")[2] for line in cloud_tasks.timeline().splitlines()]
    assert told[0] == "queue receipts created"
    assert told[1] == "get_task receipts/two → NOT_FOUND"
    assert len(told) == 3
    assert len(cloud_tasks.tasks()) == 1


@pytest.mark.usefixtures("two_calls_kept")
@pytest.mark.cloud_tasks(queues=["receipts"])
def test_only_kept_rejections_of_a_block_are_reported(cloud_tasks: FakeCloudTasks) -> None:
    """A failing expect_enqueued shows calls in its block that are still kept, and none from before."""
    client = tasks_v2.CloudTasksClient()
    queue = cloud_tasks.queue_path("receipts")
    task = {"http_request": {"url": "ftp://mailer.test/send"}}
    for _ in range(3):
        with pytest.raises(InvalidArgument):
            client.create_task(parent=queue, task=task)
    with pytest.raises(AssertionError) as before, cloud_tasks.expect_enqueued(url=task["http_request"]["url"]):
        for _ in range(2):
            client.list_tasks(parent=queue)
    assert "INVALID_ARGUMENT" not in str(before.value)
    with pytest.raises(AssertionError) as within, cloud_tasks.expect_enqueued(url=task["http_request"]["url"]):
        for _ in range(2):
            with pytest.raises(InvalidArgument):
                client.create_task(parent=queue, task=task)
    assert str(within.value).count("INVALID_ARGUMENT") == 2  # as the refusal, and on the timeline


# --- queues ------------------------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues=["receipts", {"reports": {"state": "PAUSED", "retry_config": {"max_attempts": 3}}}])
def test_queues_of_the_settings_exist_from_the_start(cloud_tasks: FakeCloudTasks) -> None:
    """As if the test had created them, with the fields given."""
    reports = tasks_v2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("reports"))
    assert (reports.state.name, reports.retry_config.max_attempts) == ("PAUSED", 3)
    assert cloud_tasks.timeline().splitlines() == [
        "+0:00:00  queue receipts created",
        "+0:00:00  queue reports created",
        "+0:00:00  queue reports paused",
        "+0:00:00  get_queue reports",
    ]


@pytest.mark.cloud_tasks(auto_create_queues=True)
def test_auto_create_queues(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """CreateTask creates a missing queue with the service's defaults, and no other call does."""
    client = tasks_v2.CloudTasksClient()
    with pytest.raises(NotFound):
        client.get_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("one")
    enqueue("two")
    assert client.get_queue(name=cloud_tasks.queue_path("receipts")).retry_config.max_attempts == 100
    assert [line.split("  ")[1] for line in cloud_tasks.timeline().splitlines()] == [
        "get_queue receipts → NOT_FOUND",
        "queue receipts created",
        "receipts/one created: POST https://mailer.test/send",
        "receipts/two created: POST https://mailer.test/send",
        "get_queue receipts",
    ]


@pytest.mark.parametrize(
    ("parent", "expected", "line"),
    [
        ("receipts", PermissionDenied, "create_task → PERMISSION_DENIED"),
        ("projects/p/locations/l", PermissionDenied, "create_task → PERMISSION_DENIED"),
        ("projects/p/locations/l/queues/a_b", InvalidArgument, "create_task a_b → INVALID_ARGUMENT"),
    ],
)
@pytest.mark.cloud_tasks(auto_create_queues=True)
def test_auto_create_queues_creates_no_queue_with_an_invalid_name(
    cloud_tasks: FakeCloudTasks, parent: str, expected: type[GoogleAPICallError], line: str
) -> None:
    """For a parent that is not a queue's name, the service answers as usual, and no queue is created."""
    with pytest.raises(expected):
        tasks_v2.CloudTasksClient().create_task(parent=parent, task={"http_request": {"url": MAILER}})
    assert cloud_tasks.timeline() == f"+0:00:00  {line}"


def test_without_auto_create_a_missing_queue_is_missing(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """As in the service, which has a text for that; no task was accepted."""
    with pytest.raises(NotFound) as caught:
        enqueue()
    assert caught.value.message == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    cloud_tasks.assert_nothing_enqueued()


UNKNOWN = (
    "Create it with cloud_tasks.create_queue({queue!r}), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in the"
    " ini option cloud_tasks_queues."
)


@pytest.mark.parametrize(
    ("existing", "queue", "message"),
    [
        ([], "receipts", "There is no queue 'receipts'. This test has no queue."),
        (["reports"], "zebra", "There is no queue 'zebra'. The only queue of this test is reports."),
        (
            ["reports", "receipts"],
            "receipt",
            "There is no queue 'receipt'. Did you mean 'receipts'? The queues of this test are receipts and reports.",
        ),
        (
            ["projects/p/locations/l/queues/receipts"],
            "receipts",
            "There is no queue 'receipts'. Did you mean 'projects/p/locations/l/queues/receipts'? IDs belong to the"
            " options project (test-project) and location (us-central1). The only queue of this test is"
            " projects/p/locations/l/queues/receipts.",
        ),
        (
            ["receipts"],
            "projects/p/locations/l/queues/receipts",
            "There is no queue 'projects/p/locations/l/queues/receipts'. Did you mean"
            " 'projects/test-project/locations/us-central1/queues/receipts'? The only queue of this test is"
            " projects/test-project/locations/us-central1/queues/receipts.",
        ),
    ],
)
def test_an_unknown_queue(cloud_tasks: FakeCloudTasks, existing: list[str], queue: str, message: str) -> None:
    """The error names the nearest queue, and all there are, as one would have to write them."""
    for one in existing:
        cloud_tasks.create_queue(one)
    with pytest.raises(LookupError) as caught:
        cloud_tasks.dispatch_due(queue)
    assert str(caught.value) == f"{message} {UNKNOWN.format(queue=queue)}"


def test_service_options_of_the_service() -> None:
    """A service option is one of this fake's service: a name is free again at once without tombstones."""
    options = {"task_tombstone_ttl": timedelta(0), "queue_tombstone_ttl": timedelta(0), "burst_size": 3}
    with FakeCloudTasks(queues=["receipts"], service=options) as cloud_tasks:
        client = tasks_v2.CloudTasksClient()
        queue = cloud_tasks.queue_path("receipts")
        task = {"name": f"{queue}/tasks/one", "http_request": {"url": MAILER}}
        client.delete_task(name=client.create_task(parent=queue, task=task).name)
        client.create_task(parent=queue, task=task)
        client.delete_queue(name=queue)
        assert cloud_tasks.create_queue("receipts").rate_limits.max_burst_size == 3


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_without_service_options_names_stay_reserved(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The defaults are the service's."""
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("one"))
    with pytest.raises(AlreadyExists):
        enqueue("one")


def test_redirected_endpoints() -> None:
    """A channel that a client was given is answered by the fake where the settings name its address, and only there."""
    with FakeCloudTasks(redirect_endpoints=["localhost:8123"]) as cloud_tasks:
        channel = grpc.insecure_channel("localhost:8123")
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        cloud_tasks.create_queue("receipts")
        assert client.get_queue(name=cloud_tasks.queue_path("receipts")).state.name == "RUNNING"
        assert (router.redirects("localhost:8123"), router.redirects("localhost:8124")) == (True, False)


@given(number=st.integers(min_value=0, max_value=3))
@settings(max_examples=10)
@pytest.mark.cloud_tasks(queues=["receipts"])
def test_every_example_begins_again(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, number: int) -> None:
    """Tasks, targets, calls and time of one Hypothesis example are not in the next."""
    assert (cloud_tasks.clock.now(), cloud_tasks.rpcs, cloud_tasks.attempts()) == (START, [], [])
    cloud_tasks.assert_nothing_enqueued()
    route = cloud_tasks.route(MAILER)
    for _ in range(number):
        enqueue()
    cloud_tasks.advance(hours=1)
    assert len(route.calls) == number


# --- the test's own clock ----------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_a_clock_that_the_test_moves_is_followed(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its tick dispatches nothing by itself; what is overdue goes out at the next driving method."""
    cloud_tasks.route(MAILER)
    with time_machine.travel(START + timedelta(hours=1), tick=False) as travel:
        enqueue("one", schedule_time=START + timedelta(hours=2))
        travel.shift(timedelta(hours=3))
        assert cloud_tasks.clock.now() == START + timedelta(hours=4)
        assert cloud_tasks.attempts() == []
        assert cloud_tasks.dispatch_due().succeeded == 1
        cloud_tasks.advance(hours=1)
        assert datetime.now(timezone.utc) == START + timedelta(hours=5)
    assert cloud_tasks.clock.now() == START + timedelta(hours=5)


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_a_clock_set_back_before_waiting_tasks_is_rejected(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Both instants are named, nothing is moved, and the test fails even if the application swallows it."""
    enqueue("one")
    with time_machine.travel(START - timedelta(days=1), tick=False):
        with pytest.raises(pytest.fail.Exception) as caught:
            enqueue("two")
        message = (
            "time-machine shows 2029-12-31T00:00:00+00:00, which is before the queue's 2030-01-01T00:00:00+00:00: tasks"
            " are waiting, which can't go back in time. Freeze time before the first task is created, or move it"
            " forwards."
        )
        assert str(caught.value) == message
        assert cloud_tasks._active.failures.messages == [message]
        cloud_tasks._active.failures.messages.clear()
    assert cloud_tasks.assert_enqueued().id == "one"
    assert cloud_tasks.clock.now() == START


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_a_clock_set_back_without_waiting_tasks_sets_the_queue_again(cloud_tasks: FakeCloudTasks) -> None:
    """Queues stay, and elapsed counts on."""
    cloud_tasks.advance(seconds=5)
    with time_machine.travel(datetime(2001, 1, 1, tzinfo=timezone.utc), tick=False):
        assert cloud_tasks.clock.now() == datetime(2001, 1, 1, tzinfo=timezone.utc)
        assert cloud_tasks.clock.elapsed == timedelta(seconds=5)
        assert cloud_tasks.tasks(queue="receipts") == []


# --- failures that application code may swallow ------------------------------------------------------------------


def test_a_swallowed_failure_comes_again_when_the_block_ends(enqueue: Enqueue) -> None:
    """An application that catches everything does not hide it, nor does another exception get lost for it."""

    def handler(request: object) -> int:
        try:
            fake.step()
        except BaseException:
            return 200
        raise AssertionError("not reached")

    message = (
        "cloud_tasks.step() was called while the handler of receipts/one was running. A handler may call the Cloud"
        " Tasks client, but only the test may drive the queue, after the handler has returned."
    )
    with pytest.raises(AssertionError) as caught, FakeCloudTasks(queues=["receipts"]) as fake:
        fake.route(MAILER, handler=handler)
        enqueue("one")
        assert fake.dispatch_due().succeeded == 1
    assert str(caught.value) == message

    with pytest.raises(ZeroDivisionError), FakeCloudTasks(queues=["receipts"]) as fake:
        fake.route(MAILER, handler=handler)
        enqueue("one")
        fake.dispatch_due()
        raise ZeroDivisionError
