"""The courier and the warehouse of the tests."""

from __future__ import annotations


class FakeCourier:
    def __init__(self) -> None:
        self.booked: list[int] = []

    def book(self, order: int) -> str:
        self.booked.append(order)
        return f"parcel {len(self.booked)} of order {order}"


class FakeWarehouse:
    """Refuse ``failures`` connections."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.announced: list[str] = []

    def announce(self, parcel: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("the warehouse is down")
        self.announced.append(parcel)
