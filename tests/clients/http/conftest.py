from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def own_opener() -> Iterator[None]:
    """``urlopen`` keeps the proxies that the environment has at its first call; those of a test end with it."""
    urllib.request.install_opener(None)  # type: ignore[arg-type]
    yield
    urllib.request.install_opener(None)  # type: ignore[arg-type]
