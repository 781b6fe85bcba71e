"""The right workers."""

from __future__ import annotations

from typing import Any


class Charges:
    """Charge each order once."""

    def __init__(self) -> None:
        self._by_order: dict[int, int] = {}

    @property
    def taken(self) -> list[int]:
        return list(self._by_order.values())

    def handle(self, event: dict[str, Any]) -> None:
        self._by_order[event["order"]] = event["amount"]


class Customers:
    """Store the customers' names with their versions."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._versions: dict[str, int] = {}

    def handle(self, event: dict[str, Any]) -> None:
        customer, version = event["customer"], event["version"]
        if version > self._versions.get(customer, 0):
            self._versions[customer] = version
            self.names[customer] = event["name"]


class Points:
    """Count a customer's points, once for each order."""

    def __init__(self) -> None:
        self.balance = 0
        self._counted: set[int] = set()

    def handle(self, event: dict[str, Any]) -> None:
        if event["order"] not in self._counted:
            self._counted.add(event["order"])
            self.balance += event["points"]
