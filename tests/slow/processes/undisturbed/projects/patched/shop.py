"""A shop that mails receipts by Cloud Tasks, as public code builds its client: in a function, per call."""

import json

from google.cloud import tasks_v2

QUEUE = "projects/p/locations/l/queues/receipts"


def place_order(number):
    client = tasks_v2.CloudTasksClient()
    task = {"http_request": {"http_method": "POST", "url": "https://mailer.test/", "body": json.dumps(number).encode()}}
    return client.create_task(parent=QUEUE, task=task)
