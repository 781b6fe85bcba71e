"""Ship orders while the warehouse fails or answers are late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from careless import careless_shipping
from fakes import FakeCourier, FakeWarehouse
from flask import Blueprint
from shipping import Courier, Warehouse, shipping
from shop import create_shop

from pytest_cloudtasks import FakeCloudTasks

Worker = Callable[[Courier, Warehouse], Blueprint]

pytestmark = pytest.mark.cloud_tasks(
    queues={"shipping": {"retry_config": {"min_backoff": "10s", "max_doublings": 3}}},
    project="my-shop",
    location="europe-west1",
)


def check_one_parcel_while_the_warehouse_is_down(cloud_tasks: FakeCloudTasks, worker: Worker) -> None:
    """The courier is booked once, although the warehouse fails twice."""
    courier, warehouse = FakeCourier(), FakeWarehouse(failures=2)
    shop = create_shop(worker(courier, warehouse))
    cloud_tasks.mount("https://shop.test", shop)

    shop.test_client().post("/orders/42")
    task = cloud_tasks.assert_enqueued(queue="shipping", json={"order": 42})
    cloud_tasks.drain()

    cloud_tasks.assert_attempts(task, [503, 503, 200])
    assert cloud_tasks.clock.elapsed == timedelta(seconds=30)
    assert courier.booked == [42]
    assert len(warehouse.announced) == 1


def check_one_parcel_if_the_answer_is_lost(cloud_tasks: FakeCloudTasks, worker: Worker) -> None:
    """A worker that answers too late is called again."""
    courier, warehouse = FakeCourier(), FakeWarehouse()
    shop = create_shop(worker(courier, warehouse))
    mount = cloud_tasks.mount("https://shop.test", shop)

    shop.test_client().post("/orders/42")
    task = cloud_tasks.assert_enqueued(queue="shipping")
    mount.takes(timedelta(minutes=11))  # past the dispatch deadline of 10 minutes
    cloud_tasks.step()
    mount.takes(timedelta(0))
    cloud_tasks.drain()

    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", 200])
    assert courier.booked == [42]
    assert len(warehouse.announced) == 1


CHECKS = [check_one_parcel_while_the_warehouse_is_down, check_one_parcel_if_the_answer_is_lost]


@pytest.mark.parametrize("check", CHECKS)
def test_worker_books_one_parcel(cloud_tasks: FakeCloudTasks, check: Callable[[FakeCloudTasks, Worker], None]) -> None:
    """An order is booked once and announced once."""
    check(cloud_tasks, shipping)


@pytest.mark.parametrize("check", CHECKS)
def test_careless_worker_is_caught(
    cloud_tasks: FakeCloudTasks, check: Callable[[FakeCloudTasks, Worker], None]
) -> None:
    """A worker that stores nothing books a parcel in each attempt."""
    with pytest.raises(AssertionError, match=r"assert \[42, 42"):
        check(cloud_tasks, careless_shipping)
