"""The events of a shop. Each is a task for its workers."""

from __future__ import annotations

import json

from google.cloud import tasks_v2

QUEUE = "projects/my-shop/locations/europe-west1/queues/events"


def ordered(order: int, amount: int) -> None:
    enqueue(f"order-{order}", "/charges", {"order": order, "amount": amount})


def registered(customer: str, name: str) -> None:
    enqueue(f"{customer}-registered", "/customers", {"customer": customer, "name": name, "version": 1})


def renamed(customer: str, name: str, version: int) -> None:
    enqueue(f"{customer}-renamed-{version}", "/customers", {"customer": customer, "name": name, "version": version})


def rewarded(order: int, points: int) -> None:
    enqueue(f"reward-{order}", "/points", {"order": order, "points": points})


def enqueue(name: str, path: str, event: dict[str, object]) -> None:
    task = {
        "name": f"{QUEUE}/tasks/{name}",
        "http_request": {
            "url": f"https://shop.test{path}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(event).encode(),
        },
    }
    tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=task)
