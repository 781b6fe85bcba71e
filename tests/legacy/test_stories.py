"""Stories of applications that were written for 1.x: what they enqueue, and what becomes of it."""

from __future__ import annotations

import contextlib
import datetime
import json
from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf import timestamp_pb2

from pytest_cloudtasks import FakeCloudTasks, NoTarget, TaskState
from pytest_cloudtasks._clients.legacy.transport import message_class

MAILER = "https://mailer.test/send"
LATER = datetime.timedelta(hours=2)


class Shop:
    """An application of 2019: positional calls, raw messages, a Timestamp for later."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.queue = client.queue_path("test-project", "us-central1", "receipts")

    def place_order(self, number: int, at: datetime.datetime | None = None, name: str | None = None) -> str:
        task: dict[str, Any] = {
            "http_request": {
                "http_method": "POST",
                "url": MAILER,
                "headers": {"Content-Type": "application/json"},
                "body": json.dumps({"order": number}).encode(),
            }
        }
        if at is not None:
            timestamp = timestamp_pb2.Timestamp()
            timestamp.FromDatetime(at.replace(tzinfo=None))
            task["schedule_time"] = timestamp
        if name is not None:
            task["name"] = self.client.task_path("test-project", "us-central1", "receipts", name)
        return str(self.client.create_task(self.queue, task).name)

    def cancel(self, name: str) -> None:
        with contextlib.suppress(exceptions.NotFound):
            self.client.delete_task(name)

    def waiting(self) -> list[Any]:
        return [json.loads(task.http_request.body) for task in self.client.list_tasks(self.queue, "FULL")]


@pytest.fixture
def shop(client: Any, cloud_tasks: FakeCloudTasks) -> Shop:
    cloud_tasks.create_queue("receipts", retry_config={"min_backoff": "10s", "max_doublings": 3})
    return Shop(client)


def test_a_receipt_is_retried_until_the_mailer_is_back(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """The first story of the README, through the client of 1.x."""
    mailer = cloud_tasks.route(MAILER).returns(503, 503, 200)
    shop.place_order(42)
    task = cloud_tasks.assert_enqueued(queue="receipts", url=MAILER, json={"order": 42})
    assert cloud_tasks.drain().succeeded == 1
    cloud_tasks.assert_attempts(task, [503, 503, 200])
    assert mailer.calls[1].headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert cloud_tasks.clock.elapsed == datetime.timedelta(seconds=30)
    assert task.state is TaskState.SUCCEEDED


def test_an_order_for_later_waits_for_its_time(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """A Timestamp from the application's own clock is an instant of the queue's."""
    mailer = cloud_tasks.route(MAILER).returns(200)
    cloud_tasks.clock.now()
    shop.place_order(1, at=datetime.datetime.now(datetime.timezone.utc) + LATER)
    cloud_tasks.assert_enqueued(json={"order": 1}, delay=LATER)
    cloud_tasks.advance(LATER - datetime.timedelta(seconds=1))
    assert len(mailer.calls) == 0
    cloud_tasks.advance(seconds=1)
    assert [call.json for call in mailer.calls] == [{"order": 1}]


def test_a_named_order_is_placed_once(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """A name that was used can't be used again, also after its task is done."""
    cloud_tasks.route(MAILER).returns(200)
    name = shop.place_order(1, name="order-1")
    assert name == f"{shop.queue}/tasks/order-1"
    cloud_tasks.drain()
    with pytest.raises(exceptions.AlreadyExists) as refusal:
        shop.place_order(1, name="order-1")
    assert refusal.value.code == 409
    cloud_tasks.assert_enqueued(name="order-1")


def test_a_cancelled_order_is_not_sent(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """A deleted task is not dispatched, and deleting it twice is the application's own affair."""
    name = shop.place_order(1)
    shop.place_order(2)
    assert sorted(order["order"] for order in shop.waiting()) == [1, 2]
    shop.cancel(name)
    shop.cancel(name)
    assert shop.waiting() == [{"order": 2}]
    assert [call.error is None for call in cloud_tasks.rpcs if call.method == "delete_task"] == [True, False]


def test_the_stored_message_is_a_message_of_the_library(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """``TaskRecord.message`` and its parts are what the installed release has for them."""
    name = shop.place_order(7)
    (record,) = cloud_tasks.tasks()
    assert (record.name, record.message.name, record.http_request.url) == (name, name, MAILER)
    assert record.message.http_request.body == record.body == b'{"order": 7}'
    cloud_tasks.route(MAILER).returns(500)
    cloud_tasks.dispatch_due()
    assert (record.first_attempt, record.last_attempt) != (None, None)
    assert record.message.dispatch_count == record.dispatch_count == 1


def test_a_handler_calls_the_client(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """A handler may enqueue and inspect through the same client while it runs."""

    def handle(request: Any) -> int:
        if request.json["order"] == 1:
            shop.place_order(2)
        return 200

    mailer = cloud_tasks.route(MAILER, handler=handle)
    shop.place_order(1)
    cloud_tasks.drain()
    assert [call.json["order"] for call in mailer.calls] == [1, 2]


@pytest.mark.cloud_tasks(eager=True)
def test_eager_dispatches_before_the_call_returns(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """With the option eager the mailer has the order when create_task returns."""
    mailer = cloud_tasks.route(MAILER).returns(200)
    shop.place_order(3)
    assert [call.json for call in mailer.calls] == [{"order": 3}]


def test_a_task_without_a_target_fails_in_a_sentence(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """Nothing is sent to the network by accident."""
    task_id = shop.place_order(1).rpartition("/")[2]
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert str(failure.value).startswith(
        f"The task receipts/{task_id} is due, but its URL has no target: POST {MAILER}.\n"
    )


def test_app_engine_tasks(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """The App Engine tasks that most of 1.x's users had go by their relative URI."""
    target = cloud_tasks.route("/worker").returns(200)
    request = {"relative_uri": "/worker", "body": b"x", "app_engine_routing": {"service": "mail"}}
    task = shop.client.create_task(shop.queue, {"app_engine_http_request": request})
    assert task.app_engine_http_request.app_engine_routing.service == "mail"
    cloud_tasks.drain()
    assert [(call.body, call.headers["X-AppEngine-QueueName"]) for call in target.calls] == [(b"x", "receipts")]


def test_errors_are_the_librarys(shop: Shop, cloud_tasks: FakeCloudTasks) -> None:
    """Errors come with Google's class, code and text, and can be planned."""
    with pytest.raises(exceptions.NotFound) as refusal:
        shop.client.create_task(f"{shop.queue}-missing", {"http_request": {"url": MAILER}})
    assert str(refusal.value) == (
        "404 Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    cloud_tasks.fail_rpc("create_task", exceptions.ResourceExhausted("slow down"))
    with pytest.raises(exceptions.ResourceExhausted):
        shop.place_order(1)
    assert cloud_tasks.tasks() == []


def test_the_fakes_queue_is_a_message_of_the_library(cloud_tasks: FakeCloudTasks, client: Any) -> None:
    """``create_queue`` of the fake takes durations as texts and timedeltas, and gives the library's Queue."""
    texts = {"min_backoff": "10s", "max_backoff": datetime.timedelta(minutes=1), "max_retry_duration": "3600s"}
    queue = cloud_tasks.create_queue("q", retry_config=texts, rate_limits={"max_concurrent_dispatches": 2})
    stored = client.get_queue(queue.name)
    assert type(stored) is message_class("Queue")
    assert stored.retry_config.min_backoff.seconds == 10
    assert stored.retry_config.max_backoff.seconds == 60
    assert stored.retry_config.max_retry_duration.seconds == 3600
    assert stored.rate_limits.max_concurrent_dispatches == 2


@pytest.mark.cloud_tasks(queues={"limited": {"rate_limits": {"max_dispatches_per_second": 1, "max_burst_size": 1}}})
def test_queues_of_the_settings_are_there(client: Any, parent: str) -> None:
    """Queues of a marker exist for this client as for any."""
    assert client.get_queue(f"{parent}/queues/limited").rate_limits.max_dispatches_per_second == 1


def test_an_unknown_field_of_the_fakes_queue_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """A misspelt field is rejected in a sentence, whatever messages the installed release has."""
    with pytest.raises(ValueError, match="colour") as refusal:
        cloud_tasks.create_queue("q", colour="red")
    assert str(refusal.value).startswith("The queue 'q' can't be created: colour is no field of Google's Queue. Its ")
    assert str(refusal.value).endswith(', durations as a timedelta or a text such as "10s".')
