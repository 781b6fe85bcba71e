"""``--careless`` runs the properties with the wrong workers."""

from __future__ import annotations

from types import ModuleType

import careful
import careless
import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # a busy machine may be slow
settings.load_profile("no deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--careless", action="store_true", help="see what the properties find in careless.py")


@pytest.fixture(scope="session")
def workers(request: pytest.FixtureRequest) -> ModuleType:
    return careless if request.config.getoption("--careless") else careful
