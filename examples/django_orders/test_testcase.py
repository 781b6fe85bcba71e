"""The same in a django.test.TestCase, which can't ask for a fixture."""

from __future__ import annotations

import pytest
from django.test import TestCase
from orders.checkout import place_order
from orders.models import Order, Product

from pytest_cloudtasks import current


@pytest.mark.cloud_tasks(queues=["payments"])
class CheckoutTests(TestCase):
    def test_order_is_charged_when_it_is_committed(self) -> None:
        """Every test of the class has a fake, and current() finds it."""
        with self.captureOnCommitCallbacks(execute=True):
            place_order("ada@example.test", Product.objects.create(stock=1))

        current().assert_enqueued(queue="payments", json={"order": Order.objects.get().pk})

    def test_orders_are_charged_each_for_itself(self) -> None:
        """A subtest has no fake of its own: count what the test has enqueued so far."""
        for number in (1, 2):
            with self.subTest(number=number), self.captureOnCommitCallbacks(execute=True):
                place_order("ada@example.test", Product.objects.create(stock=1))
            current().assert_enqueued(queue="payments", count=number)
