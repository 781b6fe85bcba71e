"""Three wrong workers. They work as long as every task comes once and in order."""

from __future__ import annotations

from typing import Any


class Charges:
    """Charge orders."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def handle(self, event: dict[str, Any]) -> None:
        self.taken.append(event["amount"])  # a duplicate is charged twice


class Customers:
    """Store the customers' names."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def handle(self, event: dict[str, Any]) -> None:
        customer, is_new = event["customer"], event["version"] == 1
        if is_new or customer in self.names:  # ignores unknown customers
            self.names[customer] = event["name"]


class Points:
    """Count a customer's points. The result of each order is stored, for duplicates."""

    def __init__(self) -> None:
        self.balance = 0
        self.results: dict[int, int] = {}

    def handle(self, event: dict[str, Any]) -> None:
        order = event["order"]
        if order not in self.results:
            self.results[order] = self.balance + event["points"]
        self.balance = self.results[order]  # other orders may have come meanwhile
