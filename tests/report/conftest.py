from __future__ import annotations

from tests.api.conftest import enqueue

__all__ = ["enqueue"]
