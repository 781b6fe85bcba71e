"""Units: instants and durations are integers of nanoseconds, instants since 1970 in UTC."""

from __future__ import annotations

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATEST = 253_402_300_799 * SECOND + 999_999 * MICROSECOND
"""The end of the year 9999: the last instant of a Timestamp, and of Python's datetime. Evidence: documented."""


def truncated(instant: int, unit: int) -> int:
    """Return ``instant`` cut down to a whole ``unit``, as the service stores its times."""
    beyond = instant % unit
    return instant - beyond if beyond else instant  # reuse the int: most instants are whole already
