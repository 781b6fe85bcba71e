"""A fake mail server."""

from __future__ import annotations

from datetime import datetime, timezone


class FakeMailServer:
    """Refuse connections until ``back_at``. It reads the time like any application."""

    def __init__(self) -> None:
        self.back_at: datetime | None = None
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        if self.back_at is not None and datetime.now(timezone.utc) < self.back_at:
            raise ConnectionRefusedError("the mail server is down")
        self.sent.append(text)
