"""All that a standing server is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .._simulation.settings import Settings
from .emulator_destinations import Destinations


@dataclass(frozen=True)
class Serving:
    """All that a standing server is told."""

    settings: Settings
    destinations: Destinations
    host: str
    grpc_port: int
    rest_port: int
    grace: float
    """How many seconds deliveries under way have to end in, when the server is told to stop."""
    log_format: str
    allowed_hosts: Collection[str] = ()
    """Host names that REST requests may name besides those of this machine itself."""
