"""The calls of 1.x, which only a mock answers."""

from google.cloud import tasks_v2


def place_order(client=None):
    client = client or tasks_v2.CloudTasksClient()
    parent = client.queue_path("p", "l", "receipts")
    return client.create_task(parent, {"app_engine_http_request": {"relative_uri": "/mail"}})
