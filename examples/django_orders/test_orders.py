"""Orders and their payments, with Django's WSGI application behind the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from background import BackgroundTask
from conftest import FakePayments
from django.core.mail import EmailMessage
from django.core.wsgi import get_wsgi_application
from orders.careless import careless_charge, careless_place_order
from orders.checkout import OutOfStock, charge, place_order
from orders.models import Order, Product

from pytest_cloudtasks import FakeCloudTasks

RETRY_CONFIG = {"max_attempts": 5, "max_retry_duration": "3600s", "min_backoff": "60s", "max_doublings": 5}
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.cloud_tasks(queues={"payments": {"retry_config": RETRY_CONFIG}}),
]


@pytest.fixture(autouse=True)
def _worker(cloud_tasks: FakeCloudTasks) -> None:
    cloud_tasks.mount("https://orders.test", get_wsgi_application())


def test_order_is_charged_when_it_is_committed(
    cloud_tasks: FakeCloudTasks, provider: FakePayments, django_capture_on_commit_callbacks: Any
) -> None:
    """Nothing is enqueued inside the transaction; after it the order is charged."""
    with django_capture_on_commit_callbacks(execute=True):
        place_order("ada@example.test", Product.objects.create(stock=1))
        assert cloud_tasks.tasks() == []

    order = Order.objects.get()
    cloud_tasks.assert_enqueued(queue="payments", json={"order": order.pk})
    cloud_tasks.drain()

    order.refresh_from_db()
    assert order.state == "paid"
    assert provider.charged == [order.pk]


def check_order_without_stock_is_not_charged(
    cloud_tasks: FakeCloudTasks, place: Callable[[str, Product], None]
) -> None:
    """An order that is rolled back leaves no task behind."""
    with pytest.raises(OutOfStock):
        place("ada@example.test", Product.objects.create(stock=0))

    cloud_tasks.assert_nothing_enqueued()


def test_order_without_stock_is_not_charged(cloud_tasks: FakeCloudTasks) -> None:
    """A task that waits for the commit is not enqueued where there is none."""
    check_order_without_stock_is_not_charged(cloud_tasks, place_order)


def test_careless_order_is_caught(cloud_tasks: FakeCloudTasks) -> None:
    """A task that does not wait is there, for an order that is not."""
    with pytest.raises(AssertionError, match="Expected no task, found 1"):
        check_order_without_stock_is_not_charged(cloud_tasks, careless_place_order)


def check_cancelled_order_is_not_charged(
    cloud_tasks: FakeCloudTasks, task: BackgroundTask, provider: FakePayments, mails: list[EmailMessage]
) -> None:
    """The provider is back after the fifth attempt, and within the hour that the queue keeps trying for."""
    order = Order.objects.create(email="ada@example.test")
    provider.back_at = cloud_tasks.clock.now() + timedelta(minutes=20)

    task.delay(order=order.pk)
    cloud_tasks.drain()

    order.refresh_from_db()
    assert [mail.subject for mail in mails] == ["Your order is cancelled"]
    assert order.state == "cancelled"
    assert provider.charged == []


def test_cancelled_order_is_not_charged(
    cloud_tasks: FakeCloudTasks, provider: FakePayments, mailoutbox: list[EmailMessage]
) -> None:
    """A task that answers 200 when it gives up is not called again."""
    check_cancelled_order_is_not_charged(cloud_tasks, charge, provider, mailoutbox)


def test_careless_final_attempt_is_caught(
    cloud_tasks: FakeCloudTasks, provider: FakePayments, mailoutbox: list[EmailMessage]
) -> None:
    """With a max_retry_duration the fifth attempt of five is not the last: the sixth charges a cancelled order."""
    with pytest.raises(AssertionError, match="'paid' == 'cancelled'"):
        check_cancelled_order_is_not_charged(cloud_tasks, careless_charge, provider, mailoutbox)
