from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pytest_cloudtasks._time.instants import duration_of, from_datetime, from_timedelta, to_datetime, to_timedelta
from tests.each import each

UTC = timezone.utc
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1899, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2099, 12, 31, 12, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_datetimes_survive_the_way_through_nanoseconds(moment: datetime) -> None:
    """An aware datetime of any year comes back exactly, to the microsecond."""
    assert to_datetime(from_datetime(moment, what="x")) == moment


def test_an_offset_is_honoured() -> None:
    """A datetime with an offset is the instant it denotes, not its wall-clock reading."""
    moment = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert to_datetime(from_datetime(moment, what="x")) == datetime(2030, 1, 1, tzinfo=UTC)


def test_durations_survive_the_way_through_nanoseconds() -> None:
    """A timedelta comes back exactly, negative ones too."""
    for duration in (timedelta(0), timedelta(microseconds=1), timedelta(days=-3, microseconds=7)):
        assert to_timedelta(from_timedelta(duration)) == duration


def test_a_naive_datetime_is_rejected() -> None:
    """A naive datetime is rejected, with what to write instead."""
    with pytest.raises(ValueError) as refusal:
        from_datetime(datetime(2030, 1, 1), what="start")
    assert str(refusal.value) == (
        "start takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
        " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc)."
    )


def test_other_values_than_datetimes_are_rejected() -> None:
    """Anything but a datetime is rejected, with what to pass."""
    with pytest.raises(TypeError) as refusal:
        from_datetime("2030-01-01", what="start")  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "start takes an aware datetime, but got '2030-01-01'. Pass a datetime with a tzinfo, such as"
        " datetime(2030, 1, 1, tzinfo=timezone.utc)."
    )


@pytest.mark.parametrize(
    ("given", "nanoseconds"),
    [
        (timedelta(hours=2), 7_200 * SECOND),
        (timedelta(0), 0),
        ("90s", 90 * SECOND),
        ("1.5s", 1_500_000_000),
        ("10m", 600 * SECOND),
        ("1h", 3_600 * SECOND),
        ("7d", 604_800 * SECOND),
    ],
)
def test_a_duration_is_a_timedelta_or_a_text(given: object, nanoseconds: int) -> None:
    """A text has a number and a unit: seconds, minutes, hours or days."""
    assert duration_of(given, what="takes()") == nanoseconds


@each(
    ("given", "kind"),
    [
        (30, TypeError),
        (2.5, TypeError),
        (None, TypeError),
        (True, TypeError),
        (datetime(2030, 1, 1, tzinfo=UTC), TypeError),
        ("30", ValueError),
        ("1w", ValueError),
        ("-5s", ValueError),
        ("", ValueError),
        ("99999999999d", ValueError),
    ],
)
def test_a_wrong_duration_is_rejected(given: object, kind: type[Exception]) -> None:
    """A bare number is, too: seconds and milliseconds look alike."""
    with pytest.raises(kind) as refusal:
        duration_of(given, what="takes()")
    assert str(refusal.value) == (
        f"takes() takes a duration such as timedelta(seconds=30) or '30s', but got {given!r}."
    )


@pytest.mark.parametrize(
    ("given", "above_zero", "least"),
    [
        (timedelta(seconds=-1), False, "zero or more"),
        (timedelta(seconds=-1), True, "more than zero"),
        (timedelta(0), True, "more than zero"),
        ("0s", True, "more than zero"),
    ],
)
def test_a_duration_that_is_too_short_is_rejected(given: object, above_zero: bool, least: str) -> None:
    """Time can't go backwards, and some durations have to be more than nothing."""
    with pytest.raises(ValueError) as refusal:
        duration_of(given, what="takes()", above_zero=above_zero)
    assert str(refusal.value) == f"takes() takes a duration of {least}, but got {given!r}."
