from datetime import datetime

import shop


def test_their_own(cloud_tasks):
    cloud_tasks.create_task.return_value = "t"
    assert shop.place_order(42) == "t"
    cloud_tasks.create_task.assert_called_once()


def test_a_failure(cloud_tasks):
    cloud_tasks.create_task.assert_called_once()


def test_time_goes_on(cloud_tasks):
    assert datetime.now() != datetime(2030, 1, 1)
