"""What the sync and the async verbs make of their arguments."""

from __future__ import annotations

from datetime import timedelta

from .._time.instants import from_timedelta


def duration_of_advance(by: timedelta | None, **named: float) -> int:
    """The nanoseconds that ``advance(timedelta)`` or ``advance(hours=2)`` means."""
    duration = timedelta(**named)
    if by is None:
        by = duration
    elif duration:
        raise TypeError("advance() takes a timedelta or keywords such as seconds=30, not both.")
    nanoseconds = from_timedelta(by, what="advance()")
    if nanoseconds < 0:
        raise ValueError(f"Time can't go backwards: advance() was given {by!r}. Advance by zero or more.")
    return nanoseconds
