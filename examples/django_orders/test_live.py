"""The worker as a server: pytest-django's live_server, at a port of its own."""

from __future__ import annotations

from typing import Any

import background
import pytest
from conftest import FakePayments
from orders.checkout import charge
from orders.models import Order

from pytest_cloudtasks import FakeCloudTasks


@pytest.mark.cloud_tasks(queues=["payments"])
def test_the_live_server_charges(
    cloud_tasks: FakeCloudTasks, live_server: Any, provider: FakePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks for a URL on loopback go to the server that listens there."""
    monkeypatch.setattr(background, "BASE_URL", live_server.url)
    cloud_tasks.forward_loopback()
    order = Order.objects.create(email="ada@example.test")

    charge.delay(order=order.pk)
    cloud_tasks.drain()

    order.refresh_from_db()
    assert order.state == "paid"
