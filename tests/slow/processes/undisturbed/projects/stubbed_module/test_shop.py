import shop
from google.cloud.tasks_v2 import CloudTasksClient


def test_the_task_is_created():
    shop.place_order(42)
    request = CloudTasksClient().create_task.call_args.kwargs
    assert request["parent"] == shop.QUEUE
    assert request["task"]["http_request"]["body"] == b"42"


def test_nothing_is_created():
    shop.place_order(42)
    CloudTasksClient().create_task.assert_not_called()
