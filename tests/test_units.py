"""Units."""

from __future__ import annotations

from pytest_cloudtasks._units import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, truncated
from tests.each import each


def test_units_are_whole_nanoseconds() -> None:
    """Each unit is so many of the next smaller one."""
    assert (MICROSECOND, MILLISECOND, SECOND) == (10**3, 10**6, 10**9)
    assert (MINUTE, HOUR, DAY) == (60 * SECOND, 3600 * SECOND, 86_400 * SECOND)


@each(
    ("instant", "cut"),
    [(0, 0), (999, 0), (1000, 1000), (1999, 1000), (-1, -1000), (-1000, -1000)],
)
def test_truncation_returns_the_earlier_whole_unit(instant: int, cut: int) -> None:
    """Instants are cut down, also those before 1970."""
    assert truncated(instant, MICROSECOND) == cut
