"""What the sync and the async verbs make of their arguments."""

from __future__ import annotations

from datetime import timedelta

from .._text import is_encodable, safe_repr
from .._time.instants import from_timedelta

_MOST = 10**15


def duration_of_advance(by: timedelta | None, **named: float) -> int:
    """The nanoseconds that ``advance(timedelta)`` or ``advance(hours=2)`` means."""
    for name, number in named.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not -_MOST < number < _MOST:
            raise (ValueError if type(number) in (int, float) else TypeError)(
                f"advance({name}=…) takes a number below 10**15, and got {safe_repr(number)}."
            )
    try:
        duration = timedelta(**named)
    except OverflowError:
        raise ValueError(f"advance() takes less than 999999999 days, and got {safe_repr(named)}.") from None
    if by is None:
        by = duration
    elif duration:
        raise TypeError("advance() takes a timedelta or keywords such as seconds=30, not both.")
    nanoseconds = from_timedelta(by, what="advance()")
    if nanoseconds < 0:
        raise ValueError(f"Time can't go backwards: advance() was given {safe_repr(by)}. Advance by zero or more.")
    return nanoseconds


def checked_text(value: object, what: str, example: str) -> str:
    """Return a text that can be encoded; ``what`` takes it."""
    if not isinstance(value, str) or not value or not is_encodable(value):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes a text such as {example!r}, and got {safe_repr(value)}."
        )
    return value
