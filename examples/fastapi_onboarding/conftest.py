from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Google's async client runs on asyncio."""
    return "asyncio"
