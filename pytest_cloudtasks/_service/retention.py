"""Retention: how long a queue keeps its tasks, and the names of those that are gone.

v2 shows neither setting; a queue that was given none by a beta version has the documented task_ttl, and tombstones as
the knob ``task_tombstone_ttl`` says. Evidence: documented (ranges, 31 days); our choice (the knob rather than the one
hour that the beta versions document and v2 does not).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import errors
from .options import Knobs
from .units import DAY, HOUR, SECOND

TASK_TTL = 31 * DAY
"""A task is deleted this long after its creation, dispatched or not. Evidence: documented."""
TASK_TTL_RANGE = 10 * DAY, 3650 * DAY
"""10 days to 10 years. Evidence: documented; that a year has 365 days is our choice."""
TOMBSTONE_TTL_RANGE = HOUR, 9 * DAY
"""Evidence: documented."""
LONGEST = 315_576_000_000 * SECOND + SECOND - 1
"""The longest duration there is: the task_ttl of queues from a queue.yaml. Evidence: documented."""


def task_ttl_from(given: Mapping[str, Any]) -> int:
    """The task_ttl that is set, or 31 days; refused out of range. Evidence: documented."""
    ttl: int = given.get("task_ttl", TASK_TTL)
    if not TASK_TTL_RANGE[0] <= ttl <= TASK_TTL_RANGE[1]:
        raise errors.TASK_TTL_RANGE.error()
    return ttl


def tombstone_ttl_from(given: Mapping[str, Any], knobs: Knobs) -> int:
    """The tombstone_ttl that is set, or the knob's; refused out of range. Evidence: documented."""
    ttl: int | None = given.get("tombstone_ttl")
    if ttl is None:
        return knobs.task_tombstone_ttl
    if not TOMBSTONE_TTL_RANGE[0] <= ttl <= TOMBSTONE_TTL_RANGE[1]:
        raise errors.TOMBSTONE_TTL_RANGE.error()
    return ttl
