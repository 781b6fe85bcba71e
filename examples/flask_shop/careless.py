"""A wrong worker: it works as long as nothing fails."""

from __future__ import annotations

from flask import Blueprint, request
from shipping import Courier, Warehouse


def careless_shipping(courier: Courier, warehouse: Warehouse) -> Blueprint:
    worker = Blueprint("shipping", __name__)

    @worker.post("/tasks/ship")
    def ship() -> tuple[str, int]:
        parcel = courier.book(request.get_json()["order"])  # every attempt books another parcel
        try:
            warehouse.announce(parcel)
        except ConnectionError:
            return "the warehouse is down", 503
        return "shipped", 200

    return worker
