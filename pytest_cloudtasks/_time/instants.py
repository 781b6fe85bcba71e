"""Between the model's nanoseconds and the datetimes and timedeltas that users see."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from .._text import safe_repr

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(instant: int) -> datetime:
    """An aware UTC datetime, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=instant // 1_000)


def to_timedelta(duration: int) -> timedelta:
    """A timedelta, cut to the microsecond."""
    return timedelta(microseconds=duration // 1_000)


def from_datetime(instant: datetime, *, what: str) -> int:
    """Nanoseconds since 1970; a naive datetime is refused, for nobody can say which instant it is."""
    if not isinstance(instant, datetime):
        raise TypeError(
            f"{what} takes an aware datetime, and got {safe_repr(instant)}. Pass a datetime with a tzinfo, such as"
            " datetime(2030, 1, 1, tzinfo=timezone.utc)."
        )
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(
            f"{what} takes an aware datetime, and {safe_repr(instant)} is naive. Give it a tzinfo, such as"
            f" {safe_repr(instant)}.replace(tzinfo=timezone.utc)."
        )
    return (instant - _EPOCH) // _MICROSECOND * 1_000


def from_timedelta(duration: timedelta, *, what: str) -> int:
    """Nanoseconds; anything but a timedelta is refused."""
    if not isinstance(duration, timedelta):
        raise TypeError(
            f"{what} takes a timedelta, and got {safe_repr(duration)}. Pass one, such as timedelta(seconds=30)."
        )
    return duration // _MICROSECOND * 1_000
