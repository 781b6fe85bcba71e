"""Locations: the one that the fake stands in, and those in which queues were made besides."""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import errors
from . import resource_names as names

_PROJECT_NAME = re.compile(r"projects/[A-Za-z0-9:.\-]+")


def get(name: str, own: str, queue_names: Iterable[str]) -> str:
    """GetLocation. Evidence: documented; that there are no other locations is our choice."""
    names.check_location(name)
    if name not in listed(name.rpartition("/locations/")[0], own, queue_names):
        raise errors.ENTITY_MISSING.error()
    return name


def listed(project: str, own: str, queue_names: Iterable[str]) -> list[str]:
    """ListLocations of ``projects/P``, by name: ``own``, and where its queues are; on one page. Our choice."""
    if not _PROJECT_NAME.fullmatch(project):
        raise errors.BAD_RESOURCE.error()
    found = {f"{project}/locations/{own}", *map(names.location_of, queue_names)}
    return sorted(name for name in found if name.startswith(f"{project}/"))
