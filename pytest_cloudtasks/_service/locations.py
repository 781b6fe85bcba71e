"""Locations: the one that the fake stands in, and those in which queues were made besides."""

from __future__ import annotations

from collections.abc import Iterable

from . import resource_names as names
from .rpcs import RPCS


def get(name: str, own: str, queue_names: Iterable[str]) -> str:
    """GetLocation. Evidence: documented; that there are no other locations is our choice."""
    if name not in listed(name.rpartition("/locations/")[0], own, queue_names):
        raise RPCS["get_location"].unknown.error()
    return name


def listed(project: str, own: str, queue_names: Iterable[str]) -> list[str]:
    """ListLocations of ``projects/P``, by name: ``own``, and where its queues are; on one page. Our choice."""
    found = {f"{project}/locations/{own}", *map(names.location_of, queue_names)}
    return sorted(name for name in found if name.startswith(f"{project}/"))
