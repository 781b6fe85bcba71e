from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pytest_cloudtasks._api.arguments import duration_of_advance
from tests.each import each

SECOND = 1_000_000_000


@each(
    ("by", "named", "nanoseconds"),
    [
        (timedelta(hours=2), {}, 7_200 * SECOND),
        (None, {"days": 1, "hours": 1, "minutes": 1, "seconds": 1, "milliseconds": 1}, 90_061_001 * 1_000_000),
        (None, {"seconds": 0.5}, SECOND // 2),
        (None, {}, 0),
        (timedelta(0), {}, 0),
        (timedelta(seconds=1), {"hours": 0}, SECOND),
    ],
)
def test_a_duration_is_one_timedelta_or_the_sum_of_its_keywords(
    by: timedelta | None, named: dict[str, float], nanoseconds: int
) -> None:
    """Both forms mean nanoseconds; keywords of zero are as good as none."""
    assert duration_of_advance(by, **named) == nanoseconds


@pytest.mark.parametrize(
    ("by", "named", "kind", "message"),
    [
        (
            timedelta(seconds=1),
            {"seconds": 1},
            TypeError,
            "advance() takes a timedelta or keywords such as seconds=30, not both.",
        ),
        (
            None,
            {"seconds": -1},
            ValueError,
            "Time can't go backwards: advance() was given datetime.timedelta(days=-1, seconds=86399). Advance by zero"
            " or more.",
        ),
        (30, {}, TypeError, "advance() takes a timedelta, and got 30. Pass one, such as timedelta(seconds=30)."),
    ],
    ids=["both", "negative", "a number"],
)
def test_other_durations_are_refused(by: Any, named: dict[str, float], kind: type[Exception], message: str) -> None:
    """The refusal says what would do."""
    with pytest.raises(kind) as refused:
        duration_of_advance(by, **named)
    assert str(refused.value) == message
