"""What Django under ASGI does to the transaction of a test."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from conftest import FakePayments
from django.core.asgi import get_asgi_application
from django.db import OperationalError
from orders.checkout import charge
from orders.models import Order

from pytest_cloudtasks import FakeCloudTasks

pytestmark = pytest.mark.cloud_tasks(queues=["payments"])


@pytest.fixture(autouse=True)
def _worker(cloud_tasks: FakeCloudTasks) -> None:
    cloud_tasks.mount("https://orders.test", get_asgi_application())


def enqueue_charge() -> Order:
    order = Order.objects.create(email="ada@example.test")
    charge.delay(order=order.pk)
    return order


@pytest.mark.django_db
def test_view_has_a_connection_of_its_own(cloud_tasks: FakeCloudTasks) -> None:
    """The view waits for the transaction that the test never commits; SQLite in memory says so at once."""
    enqueue_charge()

    with pytest.raises(OperationalError, match="locked"):
        cloud_tasks.drain()


@pytest.mark.django_db(transaction=True)
def test_view_sees_what_is_committed(cloud_tasks: FakeCloudTasks, provider: FakePayments) -> None:
    """With transaction=True there is no transaction around the test, and every connection sees its rows."""
    order = enqueue_charge()

    cloud_tasks.drain()

    order.refresh_from_db()
    assert order.state == "paid"


@pytest.mark.django_db
def test_view_shares_the_transaction(cloud_tasks: FakeCloudTasks, provider: FakePayments) -> None:
    """Under async_to_sync Django runs its sync code in the thread that waits: the test's."""
    order = enqueue_charge()

    async_to_sync(cloud_tasks.aio.drain)()

    order.refresh_from_db()
    assert order.state == "paid"
