"""The workers reach the right state whatever Cloud Tasks does."""

from __future__ import annotations

from types import ModuleType

import pytest
import shop
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from pytest_cloudtasks import FakeCloudTasks

pytestmark = pytest.mark.cloud_tasks(queues=["events"])


@given(data=st.data(), amounts=st.lists(st.integers(1, 100)))
def test_every_order_is_paid_once(
    cloud_tasks: FakeCloudTasks, workers: ModuleType, data: DataObject, amounts: list[int]
) -> None:
    """Every order is paid once, although tasks may come twice."""
    cloud_tasks.choose_from(data)
    charges = workers.Charges()
    cloud_tasks.route("https://shop.test/charges", handler=lambda request: charges.handle(request.json))

    for order, amount in enumerate(amounts):
        shop.ordered(order, amount)
    cloud_tasks.drain()

    assert sorted(charges.taken) == sorted(amounts)


@given(data=st.data())
def test_the_last_name_stays(cloud_tasks: FakeCloudTasks, workers: ModuleType, data: DataObject) -> None:
    """The last name stays, in whatever order the changes come."""
    cloud_tasks.choose_from(data)
    customers = workers.Customers()
    cloud_tasks.route("https://shop.test/customers", handler=lambda request: customers.handle(request.json))

    shop.registered("ada", "Ada Byron")
    shop.renamed("ada", "Ada Lovelace", version=2)
    cloud_tasks.drain()

    assert customers.names == {"ada": "Ada Lovelace"}


@given(data=st.data(), rewards=st.lists(st.integers(1, 100), min_size=2))
def test_points_add_up(cloud_tasks: FakeCloudTasks, workers: ModuleType, data: DataObject, rewards: list[int]) -> None:
    """Every reward counts once."""
    cloud_tasks.choose_from(data)
    account = workers.Points()
    cloud_tasks.route("https://shop.test/points", handler=lambda request: account.handle(request.json))

    for order, points in enumerate(rewards):
        shop.rewarded(order, points)
    cloud_tasks.drain()

    assert account.balance == sum(rewards)
