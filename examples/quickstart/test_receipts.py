"""Test the shop's receipts with the real client and the real worker. Hours take no real time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fake_mail_server import FakeMailServer
from shop import Shop

from pytest_cloudtasks import FakeCloudTasks, Mount


def test_receipt_is_retried_until_the_mailer_is_back(cloud_tasks: FakeCloudTasks, app: Shop) -> None:
    """Two failures are retried after 10 and 20 seconds, and a header counts the retries."""
    cloud_tasks.create_queue("receipts", retry_config={"min_backoff": "10s", "max_doublings": 3})
    mailer = cloud_tasks.route("https://mailer.test/send").returns(503, 503, 200)

    app.place_order(42)  # builds its own CloudTasksClient(), without credentials

    task = cloud_tasks.assert_enqueued(queue="receipts", url="https://mailer.test/send", json={"order": 42})
    cloud_tasks.drain()  # makes all attempts; no real time passes

    cloud_tasks.assert_attempts(task, [503, 503, 200])
    assert mailer.calls[1].headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert cloud_tasks.clock.elapsed == timedelta(seconds=30)


@pytest.mark.cloud_tasks(queues={"receipts": {"retry_config": {"min_backoff": "60s", "max_doublings": 6}}})
@pytest.mark.usefixtures("mailer")
def test_receipt_outlives_a_night_without_mail_server(
    cloud_tasks: FakeCloudTasks, app: Shop, mail_server: FakeMailServer
) -> None:
    """The receipt is retried all night, at most an hour apart, and sent once when the server is back."""
    back_at = mail_server.back_at = cloud_tasks.clock.now() + timedelta(hours=8)

    response = app.test_client().post("/orders/42")
    assert response.status_code == 202

    summary = cloud_tasks.drain()

    assert mail_server.sent == ["Receipt of order 42"]
    assert summary.succeeded == 1
    assert summary.failed == 13
    assert back_at <= cloud_tasks.clock.now() <= back_at + timedelta(hours=1)
    cloud_tasks.assert_empty()


@pytest.mark.cloud_tasks(queues=["receipts"])
def test_receipt_is_sent_once_even_if_the_answer_is_lost(
    cloud_tasks: FakeCloudTasks, app: Shop, mailer: Mount, mail_server: FakeMailServer
) -> None:
    """A worker that answers too late is called again, and must not send the mail again."""
    app.place_order(42)
    task = cloud_tasks.assert_enqueued(queue="receipts")

    mailer.takes(timedelta(minutes=11))  # past the dispatch deadline of 10 minutes
    cloud_tasks.step()
    mailer.takes(timedelta(0))
    cloud_tasks.drain()

    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", 200])
    assert mail_server.sent == ["Receipt of order 42"]


@pytest.mark.cloud_tasks(queues=["receipts"])
@pytest.mark.usefixtures("mailer")
def test_order_sent_twice_has_one_receipt(cloud_tasks: FakeCloudTasks, app: Shop, mail_server: FakeMailServer) -> None:
    """The service rejects a second task with the same name, also after the first is done."""
    app.place_order(42)
    app.place_order(42)
    cloud_tasks.drain()
    app.place_order(42)

    cloud_tasks.assert_enqueued(queue="receipts", name="receipt-42", count=1)
    assert mail_server.sent == ["Receipt of order 42"]
