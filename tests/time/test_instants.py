from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pytest_cloudtasks._time.instants import from_datetime, from_timedelta, to_datetime, to_timedelta

UTC = timezone.utc


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
        assert to_timedelta(from_timedelta(duration, what="x")) == duration


def test_a_naive_datetime_is_refused() -> None:
    """A naive datetime is refused, with what to write instead."""
    with pytest.raises(ValueError) as refusal:
        from_datetime(datetime(2030, 1, 1), what="start")
    assert str(refusal.value) == (
        "start takes an aware datetime, and datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
        " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc)."
    )


def test_what_is_no_datetime_is_refused() -> None:
    """Anything but a datetime is refused, with what to pass."""
    with pytest.raises(TypeError) as refusal:
        from_datetime("2030-01-01", what="start")  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "start takes an aware datetime, and got '2030-01-01'. Pass a datetime with a tzinfo, such as"
        " datetime(2030, 1, 1, tzinfo=timezone.utc)."
    )


def test_what_is_no_timedelta_is_refused() -> None:
    """A bare number is refused: nobody can say whether it is seconds or milliseconds."""
    with pytest.raises(TypeError) as refusal:
        from_timedelta(30, what="takes()")  # type: ignore[arg-type]
    assert str(refusal.value) == "takes() takes a timedelta, and got 30. Pass one, such as timedelta(seconds=30)."
