from __future__ import annotations

from datetime import datetime, timezone

import pytest
from orders import payments


class FakePayments:
    """The provider is down until ``back_at``, and tells the time as any application code does."""

    def __init__(self) -> None:
        self.back_at = datetime.min.replace(tzinfo=timezone.utc)
        self.charged: list[int] = []

    def charge(self, order: int) -> None:
        if datetime.now(timezone.utc) < self.back_at:
            raise payments.PaymentsDown
        self.charged.append(order)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> FakePayments:
    fake = FakePayments()
    monkeypatch.setattr(payments, "charge", fake.charge)
    return fake
