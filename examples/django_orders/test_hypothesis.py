"""Any number of orders, by Hypothesis: with a database for each example, and with one that examples share."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from orders.checkout import OutOfStock, charge, place_order
from orders.models import Order, Product

from pytest_cloudtasks import FakeCloudTasks, current


@pytest.mark.cloud_tasks(queues=["payments"])
class OrderTests(TestCase):
    @given(stock=st.integers(0, 3), wanted=st.integers(1, 5))
    @settings(deadline=None)  # how long a database takes is no failure
    def test_what_is_sold_is_charged(self, stock: int, wanted: int) -> None:
        """Each example has an empty database and a fresh fake."""
        product = Product.objects.create(stock=stock)
        with self.captureOnCommitCallbacks(execute=True):
            for _ in range(wanted):
                with suppress(OutOfStock):
                    place_order("ada@example.test", product)

        assert Order.objects.count() == min(stock, wanted)
        assert len(current().tasks(queue="payments")) == min(stock, wanted)


@pytest.mark.django_db
@pytest.mark.cloud_tasks(queues=["payments"])
@given(wanted=st.integers(0, 3))
@settings(deadline=None)
def test_every_order_of_the_example_is_charged(cloud_tasks: FakeCloudTasks, wanted: int) -> None:
    """The examples of one test share its database: ask for the rows of this example alone."""
    orders = [Order.objects.create(email="ada@example.test") for _ in range(wanted)]
    for order in orders:
        charge.delay(order=order.pk)

    assert [task.json["order"] for task in cloud_tasks.tasks()] == [order.pk for order in orders]
