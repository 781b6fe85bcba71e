"""Units of the model: instants and durations are integers of nanoseconds, instants since 1970 in UTC."""

from __future__ import annotations

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def truncated(instant: int, unit: int) -> int:
    """``instant`` cut down to a whole ``unit``, as the service stores its times."""
    return instant - instant % unit
