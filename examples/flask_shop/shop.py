"""A shop that takes orders and enqueues their shipping."""

from __future__ import annotations

import json

from flask import Blueprint, Flask
from google.cloud import tasks_v2

QUEUE = "projects/my-shop/locations/europe-west1/queues/shipping"


def create_shop(worker: Blueprint) -> Flask:
    shop = Flask("shop")
    shop.register_blueprint(worker)

    @shop.post("/orders/<int:order>")
    def place_order(order: int) -> tuple[str, int]:
        tasks_v2.CloudTasksClient().create_task(
            parent=QUEUE,
            task={
                "http_request": {
                    "url": "https://shop.test/tasks/ship",
                    "headers": {"Content-Type": "application/json"},
                    "body": json.dumps({"order": order}).encode(),
                }
            },
        )
        return "thank you", 202

    return shop
