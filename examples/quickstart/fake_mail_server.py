"""The mail server of the tests."""

from __future__ import annotations

from datetime import datetime, timezone


class FakeMailServer:
    """It refuses connections until ``back_at``, and tells the time as any application code does."""

    def __init__(self) -> None:
        self.back_at: datetime | None = None
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        if self.back_at is not None and datetime.now(timezone.utc) < self.back_at:
            raise ConnectionRefusedError("the mail server is down")
        self.sent.append(text)
