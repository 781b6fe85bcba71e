"""The worker: it books a parcel for an order, and announces it to the warehouse."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, request


class Courier(Protocol):
    def book(self, order: int) -> str: ...


class Warehouse(Protocol):
    def announce(self, parcel: str) -> None: ...


def shipping(courier: Courier, warehouse: Warehouse) -> Blueprint:
    worker = Blueprint("shipping", __name__)
    parcels: dict[str, str] = {}  # use two database tables in production
    announced: set[str] = set()

    @worker.post("/tasks/ship")
    def ship() -> tuple[str, int]:
        # Cloud Tasks delivers at least once, and every attempt of a task has the same name.
        # Each finished step is stored under that name, and not done again.
        task = request.headers["X-CloudTasks-TaskName"]
        if task not in parcels:
            parcels[task] = courier.book(request.get_json()["order"])
        if task not in announced:
            try:
                warehouse.announce(parcels[task])
            except ConnectionError:
                return "the warehouse is down", 503  # not a 2xx, so the task is retried
            announced.add(task)
        return "shipped", 200

    return worker
