"""The clients of the API's versions."""

from __future__ import annotations

from importlib import import_module
from typing import Any

LOCATION = "projects/test-project/locations/us-central1"


CLIENTS = {version: import_module(f"google.cloud.tasks_{version}") for version in ("v2", "v2beta3", "v2beta2")}
"""Imported before an example is timed."""


def client_of(version: str) -> Any:
    """That version's own client."""
    return CLIENTS[version].CloudTasksClient()
