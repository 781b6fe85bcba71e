"""A shop that takes orders and enqueues their receipts."""

from __future__ import annotations

import json

from flask import Flask
from google.api_core.exceptions import AlreadyExists
from google.cloud import tasks_v2

PROJECT = "my-shop"
LOCATION = "europe-west1"


class Shop(Flask):
    def __init__(self) -> None:
        super().__init__("shop")
        self.add_url_rule("/orders/<int:order>", view_func=self.receive_order, methods=["POST"])

    def receive_order(self, order: int) -> tuple[str, int]:
        self.place_order(order)
        return "thank you", 202

    def place_order(self, order: int) -> None:
        """Enqueue the receipt. The task has the order's number in its name, so each order has one receipt."""
        client = tasks_v2.CloudTasksClient()
        queue = client.queue_path(PROJECT, LOCATION, "receipts")
        task = tasks_v2.Task(
            name=f"{queue}/tasks/receipt-{order}",
            http_request=tasks_v2.HttpRequest(
                url="https://mailer.test/send",
                headers={"Content-Type": "application/json"},
                body=json.dumps({"order": order}).encode(),
            ),
        )
        try:
            client.create_task(parent=queue, task=task)
        except AlreadyExists:
            self.logger.info("The receipt of order %d is on its way already.", order)
