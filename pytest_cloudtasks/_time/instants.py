"""Between the model's nanoseconds and the datetimes and timedeltas that users see."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

from .._arguments import is_number
from .._text import safe_repr

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
Duration = timedelta | str
"""A duration as users give it: a timedelta, or a text such as ``90s``, ``10m``, ``1h`` or ``7d``."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def to_datetime(instant: int) -> datetime:
    """Return an aware UTC datetime, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=instant // 1_000)


def to_timedelta(duration: int) -> timedelta:
    """Return a timedelta, cut to the microsecond."""
    return timedelta(microseconds=duration // 1_000)


def from_datetime(instant: datetime, *, what: str) -> int:
    """Return nanoseconds since 1970; raise for a naive datetime, whose instant is unknown."""
    if not isinstance(instant, datetime):
        raise TypeError(
            f"{what} takes an aware datetime, but got {safe_repr(instant)}. Pass a datetime with a tzinfo, such as"
            " datetime(2030, 1, 1, tzinfo=timezone.utc)."
        )
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(
            f"{what} takes an aware datetime, but {safe_repr(instant)} is naive. Give it a tzinfo, such as"
            f" {safe_repr(instant)}.replace(tzinfo=timezone.utc)."
        )
    return (instant - _EPOCH) // _MICROSECOND * 1_000


def duration_of(value: object, *, what: str, above_zero: bool = False, or_else: str = "") -> int:
    """Return the nanoseconds of a duration that a user gives. Every parameter that takes one is read here."""
    length = read_duration(value) if isinstance(value, str) else value
    if not isinstance(length, timedelta):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes {or_else}a duration such as timedelta(seconds=30) or '30s', but got {safe_repr(value)}."
        )
    nanoseconds = from_timedelta(length)
    if nanoseconds < above_zero:
        least = "more than zero" if above_zero else "zero or more"
        raise ValueError(f"{what} takes a duration of {least}, but got {safe_repr(value)}.")
    return nanoseconds


def read_duration(text: str) -> timedelta | None:
    """Read ``90s``, ``10m``, ``1.5h`` or ``7d``; None for what is no duration."""
    number, unit = text[:-1].rstrip(), text[-1:]
    if unit in _UNITS and is_number(number):
        with suppress(OverflowError):  # beyond what a timedelta can have
            return timedelta(**{_UNITS[unit]: float(number)})
    return None


def from_timedelta(duration: timedelta) -> int:
    """Nanoseconds."""
    return duration // _MICROSECOND * 1_000
