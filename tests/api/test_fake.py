"""FakeCloudTasks itself: its life, its options, its queues, and how fakes nest."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import google.auth
import pytest
from google.api_core.exceptions import AlreadyExists, InvalidArgument
from google.auth import compute_engine
from google.cloud import tasks_v2

import pytest_cloudtasks
from pytest_cloudtasks import FakeCloudTasks, current

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]


def ids(cloud_tasks: FakeCloudTasks) -> list[str]:
    return [task.id for task in cloud_tasks.tasks()]


# --- its life ----------------------------------------------------------------------------------------------------


def test_a_fake_of_ones_own() -> None:
    """Outside the fixture it is a context manager: each block is a simulation of its own."""
    fake = FakeCloudTasks(queues=["receipts"])
    for _ in range(2):
        with fake as cloud_tasks:
            assert cloud_tasks is fake
            assert repr(fake) == "<FakeCloudTasks with 1 queue>"
            cloud_tasks.assert_nothing_enqueued()
            assert repr(fake) == "<FakeCloudTasks with 1 queue>"
            fake.create_queue("reports")
            assert repr(fake) == "<FakeCloudTasks with 2 queues>"
        assert repr(fake) == "<FakeCloudTasks, not active>"


def test_a_fake_that_is_not_active() -> None:
    """Every use of it is rejected, in words."""
    fake = FakeCloudTasks()
    for use in (fake.step, fake.drain, fake.tasks, fake.timeline, fake.client().list_queues, lambda: fake.rpcs):
        with pytest.raises(RuntimeError) as caught:
            use()
        assert str(caught.value) == (
            "This FakeCloudTasks is not active: no test that asked for it is running. Use it inside the test, or as"
            " `with FakeCloudTasks() as cloud_tasks:`."
        )


def test_a_fake_is_entered_once() -> None:
    """A second with-block in the first is rejected, and the first goes on."""
    with FakeCloudTasks(queues=["receipts"]) as fake:
        with pytest.raises(RuntimeError) as caught:
            fake.__enter__()
        assert str(caught.value) == ("This FakeCloudTasks is already active. Create another one for a nested block.")
        assert current() is fake


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"time": "stopped"}, ValueError, "time takes 'held' or 'virtual', but got 'stopped'."),
        ({"seed": "x"}, TypeError, "seed takes an integer, but got 'x'."),
        (
            {"start": datetime(2030, 1, 1)},
            ValueError,
            "start takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
            " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc).",
        ),
        ({"on_exception": "retry"}, ValueError, "on_exception takes 'raise' or '500', but got 'retry'."),
        ({"google_auth": "yes"}, TypeError, "google_auth takes True or False, but got 'yes'."),
    ],
)
def test_wrong_options(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    """A wrong option is rejected when the fake is made."""
    with pytest.raises(kind) as caught:
        FakeCloudTasks(**options)
    assert str(caught.value) == message


def test_time_is_released_at_the_end() -> None:
    """Held inside the block, real again after it, also where the block fails."""
    with pytest.raises(ZeroDivisionError), FakeCloudTasks(start=START):
        assert datetime.now(timezone.utc) == START
        raise ZeroDivisionError
    assert datetime.now(timezone.utc) != START


def test_a_block_holds_time_from_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the next whole second, whether or not the fake is ever used, and its queues are there."""
    monkeypatch.setattr("pytest_cloudtasks._time.clock.time.time_ns", lambda: 1_900_000_000_000_000_001)
    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        assert datetime.now(timezone.utc) == datetime.fromtimestamp(1_900_000_001, timezone.utc)
        assert cloud_tasks.timeline() == "+0:00:00  queue receipts created"


def test_virtual_time() -> None:
    """The queue has its own clock, and the application's is left alone."""
    with FakeCloudTasks(start=START, time="virtual", queues=["receipts"]) as cloud_tasks:
        cloud_tasks.advance(days=365)
        assert cloud_tasks.clock.now() == START + timedelta(days=365)
        assert datetime.now(timezone.utc) != cloud_tasks.clock.now()


def test_google_auth() -> None:
    """google.auth.default() gives the credentials of a service on Cloud Run and the fake's project."""
    with FakeCloudTasks(google_auth=True, project="acme"):
        credentials, project = google.auth.default()
        assert isinstance(credentials, compute_engine.Credentials)
        assert project == "acme"


def test_project_and_location() -> None:
    """IDs are of the fake's own project and location; full names are of any."""
    with FakeCloudTasks(project="acme", location="europe-west1") as cloud_tasks:
        assert cloud_tasks.queue_path("receipts") == "projects/acme/locations/europe-west1/queues/receipts"
        assert cloud_tasks.create_queue("receipts").name == cloud_tasks.queue_path("receipts")
        other = "projects/other/locations/us-east1/queues/receipts"
        assert cloud_tasks.queue_path(other) == cloud_tasks.create_queue(other).name == other


@pytest.mark.parametrize("queue", [None, "", 5])
def test_a_queue_has_a_name(queue: Any) -> None:
    """A value that is not a text is rejected as a queue's name."""
    with FakeCloudTasks() as cloud_tasks, pytest.raises(ValueError) as refused:
        cloud_tasks.queue_path(queue)
    assert str(refused.value) == f"queue_path() takes a queue's ID, such as 'receipts', but got {queue!r}."


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_decides_on_ids(enqueue: Enqueue, seed: int) -> None:
    """Made-up task IDs follow from the seed."""

    def story(seed: int) -> str:
        with FakeCloudTasks(seed=seed, start=START, queues=["receipts"]):
            return enqueue()

    assert story(seed) == story(seed)
    assert story(seed) != story(seed + 1)


# --- queues ------------------------------------------------------------------------------------------------------


def test_create_queue_gives_googles_message(cloud_tasks: FakeCloudTasks) -> None:
    """Fields as Google's Queue message takes them, and the answer as the service gives it."""
    queue = cloud_tasks.create_queue(
        "receipts",
        retry_config={"min_backoff": "10s", "max_backoff": timedelta(minutes=5), "max_doublings": 3},
        rate_limits={"max_dispatches_per_second": 5},
    )
    assert isinstance(queue, tasks_v2.Queue)
    assert queue == tasks_v2.CloudTasksClient().get_queue(name=queue.name)
    assert (queue.retry_config.min_backoff, queue.rate_limits.max_burst_size) == (timedelta(seconds=10), 10)


def test_create_queue_rejects_as_the_service_does(cloud_tasks: FakeCloudTasks) -> None:
    """The errors are those that the client would raise, and nothing has changed."""
    cloud_tasks.create_queue("receipts")
    before = cloud_tasks.timeline()
    with pytest.raises(AlreadyExists, match="Queue already exists"):
        cloud_tasks.create_queue("receipts")
    with pytest.raises(InvalidArgument, match="cannot be negative"):
        cloud_tasks.create_queue("reports", retry_config={"min_backoff": "-1s"})
    assert cloud_tasks.timeline() == before


RETRY_CONFIG = (
    " Its fields are max_attempts, max_retry_duration, min_backoff, max_backoff and max_doublings, durations as a"
    ' timedelta or a text such as "10s".'
)
REFUSED_FIELDS = [
    (
        {"max_retries": 3},
        "retry_config.max_retries is no field of Google's RetryConfig. Did you mean 'max_retry_duration'?"
        f"{RETRY_CONFIG}",
    ),
    (
        {"max_attempt": 3},
        f"retry_config.max_attempt is no field of Google's RetryConfig. Did you mean 'max_attempts'?{RETRY_CONFIG}",
    ),
    (
        {"min_backoff": "10 seconds"},
        "retry_config.min_backoff takes a timedelta or a text such as \"10s\", but got '10 seconds'.",
    ),
    ({"min_backoff": 10}, 'retry_config.min_backoff takes a timedelta or a text such as "10s", but got 10.'),
    ({"max_attempts": "three"}, "retry_config.max_attempts takes a whole number, but got 'three'."),
]


@pytest.mark.parametrize(("fields", "told"), REFUSED_FIELDS)
def test_create_queue_rejects_unknown_fields(cloud_tasks: FakeCloudTasks, fields: dict[str, Any], told: str) -> None:
    """The queue, what is wrong, and the nearest that would be right; no queue is made."""
    with pytest.raises((ValueError, TypeError)) as caught:
        cloud_tasks.create_queue("receipts", retry_config=fields)
    assert str(caught.value) == f"The queue 'receipts' can't be created: {told}"
    assert cloud_tasks.timeline() == "nothing has happened yet"


@pytest.mark.parametrize(("fields", "told"), REFUSED_FIELDS)
def test_queues_of_the_settings_are_rejected_in_the_same_words(fields: dict[str, Any], told: str) -> None:
    """Before the fake begins."""
    fake = FakeCloudTasks(queues={"receipts": {"retry_config": fields}})
    with pytest.raises(ValueError) as caught:
        fake.__enter__()
    assert str(caught.value) == f"The queue 'receipts' of the settings can't be created: {told}"
    assert repr(fake) == "<FakeCloudTasks, not active>"


# --- asking ------------------------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues=["receipts", "reports"])
def test_tasks_are_those_in_the_queues_now(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Queue by queue, in the order of creation, by the queue's ID or full name."""
    cloud_tasks.route(MAILER)
    enqueue("b", queue="reports")
    enqueue("z")
    enqueue("a")
    assert ids(cloud_tasks) == ["z", "a", "b"]
    assert [task.id for task in cloud_tasks.tasks(queue="reports")] == ["b"]
    assert [task.id for task in cloud_tasks.tasks(queue=cloud_tasks.queue_path("receipts"))] == ["z", "a"]
    cloud_tasks.drain(queue="receipts")
    assert ids(cloud_tasks) == ["b"]


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_attempts_are_in_the_order_of_dispatch(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """All attempts of all tasks, those under way and those of tasks that are gone included."""
    cloud_tasks.route(MAILER).returns(503, 200)
    cloud_tasks.route("https://slow.test/").takes(timedelta(minutes=1))
    enqueue("one")
    enqueue("slow", "https://slow.test/")
    cloud_tasks.advance(seconds=1)
    assert [(attempt.task.id, attempt.result) for attempt in cloud_tasks.attempts()] == [
        ("one", 503),
        ("slow", None),
        ("one", 200),
    ]


# --- targets -----------------------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_routes_and_mounts_of_the_fake(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A route takes URL, method and queue; a mount answers for the rest under its base."""

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        start_response("204 No Content", [])
        return []

    mount = cloud_tasks.mount("https://mailer.test", app)
    put = cloud_tasks.route(re.compile("/send$"), method="put", queue="receipts").returns(201)
    enqueue("one", http_method="PUT")
    enqueue("two")
    cloud_tasks.drain()
    assert [attempt.status for attempt in cloud_tasks.attempts()] == [201, 204]
    assert (len(put.calls), len(mount.calls)) == (1, 1)


@pytest.mark.parametrize("make", [FakeCloudTasks.route, FakeCloudTasks.mount], ids=["route", "mount"])
def test_a_targets_policy_is_checked(cloud_tasks: FakeCloudTasks, make: Callable[..., object]) -> None:
    """on_exception of a route or a mount takes what the option takes."""
    arguments = (cloud_tasks, "https://mailer.test", *([print] if make is FakeCloudTasks.mount else []))
    with pytest.raises(ValueError) as caught:
        make(*arguments, on_exception=500)
    assert str(caught.value) == "on_exception takes 'raise' or '500', but got 500. Did you mean '500'?"


# --- nesting -----------------------------------------------------------------------------------------------------


def test_calls_go_to_the_innermost_fake(enqueue: Enqueue) -> None:
    """The innermost fake gets each call of any client; a fake's own client stays with that fake."""
    with FakeCloudTasks(queues=["receipts"]) as outer:
        free, bound = tasks_v2.CloudTasksClient(), outer.client()
        parent = outer.queue_path("receipts")
        task = {"http_request": {"url": MAILER}}
        with FakeCloudTasks(queues=["receipts"]) as inner:
            assert current() is inner
            assert free.create_task(parent=parent, task={**task, "name": f"{parent}/tasks/free"})
            assert bound.create_task(parent=parent, task={**task, "name": f"{parent}/tasks/bound"})
            assert (ids(inner), ids(outer)) == (["free"], ["bound"])
        assert current() is outer
        enqueue("later")
        assert ids(outer) == ["bound", "later"]


def test_nested_fakes_share_one_time() -> None:
    """There is one time in a test: what the inner one passes has passed for the outer one, too."""
    with FakeCloudTasks(start=START) as outer:
        outer.advance(minutes=1)
        with FakeCloudTasks() as inner:
            assert inner.clock.now() == START + timedelta(minutes=1)
            inner.advance(minutes=1)
            assert inner.clock.elapsed == timedelta(minutes=1)
            assert datetime.now(timezone.utc) == outer.clock.now() == START + timedelta(minutes=2)
        assert outer.clock.elapsed == timedelta(minutes=2)


def test_the_fixture_is_current(cloud_tasks: FakeCloudTasks) -> None:
    """current() finds the fixture's fake where it can't be injected."""
    assert current() is cloud_tasks
    assert pytest_cloudtasks.current() is cloud_tasks


def test_current_fails_without_a_fake() -> None:
    """The error says how to get one."""
    with pytest.raises(RuntimeError) as caught:
        current()
    assert str(caught.value) == (
        "No FakeCloudTasks is active. Ask for the cloud_tasks fixture, mark the test or its class with"
        " @pytest.mark.cloud_tasks, or use `with FakeCloudTasks() as cloud_tasks:`."
    )
