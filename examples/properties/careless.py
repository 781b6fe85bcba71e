"""Three workers as they are first written. Each is right as long as every task comes once, in order."""

from __future__ import annotations

from typing import Any


class Charges:
    """Takes the money for orders."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def handle(self, event: dict[str, Any]) -> None:
        self.taken.append(event["amount"])  # what comes twice is paid twice


class Customers:
    """Knows the customers' names."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def handle(self, event: dict[str, Any]) -> None:
        customer, is_new = event["customer"], event["version"] == 1
        if is_new or customer in self.names:  # who is not registered has no name to change
            self.names[customer] = event["name"]


class Points:
    """Counts a customer's points. It knows that tasks come twice, and keeps what each has come to."""

    def __init__(self) -> None:
        self.balance = 0
        self.results: dict[int, int] = {}

    def handle(self, event: dict[str, Any]) -> None:
        order = event["order"]
        if order not in self.results:
            self.results[order] = self.balance + event["points"]
        self.balance = self.results[order]  # by now there may have been others
