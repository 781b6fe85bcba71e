"""Where marks stand on a report's axis."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_cloudtasks._report.layout import laid_out, step

SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def attempt(at: int, until: int | None = None, **more: Any) -> dict[str, Any]:
    return {"is": "attempt", "at": at, "until": at if until is None else until, "label": "200", **more}


@pytest.mark.parametrize(
    ("gap", "pixels"),
    [(2_000_000, 9.9), (SECOND, 41.1), (60 * SECOND, 96), (3_600 * SECOND, 96), (3 * DAY, 111.5)],
)
def test_gaps_grow_by_their_magnitude(gap: int, pixels: float) -> None:
    """Three days take little more room than a minute, and 2 ms are still to be seen."""
    assert step(gap) == pixels


def test_a_gap_of_days_does_not_squash_the_rest_and_is_labelled() -> None:
    """Seconds before a gap of three days keep their room, and the axis names the gap."""
    first, second, third = attempt(0), attempt(10 * SECOND), attempt(3 * DAY)

    layout = laid_out([[first, second, third]], 3 * DAY)

    lefts = [layout.places[id(one)][0] for one in (first, second, third)]
    assert lefts[1] - lefts[0] >= 42
    assert lefts[2] - lefts[1] < 120
    assert [text for _, _, text in layout.gaps] == ["2 d 23 h 59 min 50 s"]
    assert [text for _, text in layout.ticks] == ["+0:00:00", "+3d 0:00:00"]


def test_marks_of_one_instant_stand_side_by_side_in_their_lane() -> None:
    """Attempts without a wait between them don't cover each other, and what comes later stands right of all."""
    ones = [attempt(0) for _ in range(3)]
    elsewhere = attempt(1)

    layout = laid_out([ones, [elsewhere]], 1)

    lefts = [layout.places[id(one)][0] for one in (*ones, elsewhere)]
    assert lefts[:3] == [12, 54, 96]
    assert lefts[3] > 96


def test_attempts_that_overlap_have_rows_of_their_own() -> None:
    """A task that is under way twice at once shows both; the next one is back in the first row."""
    first, second, third = attempt(0, 10 * SECOND), attempt(SECOND, 2 * SECOND), attempt(10 * SECOND)

    layout = laid_out([[first, second, third]], 10 * SECOND)

    assert [layout.places[id(one)][2] for one in (first, second, third)] == [0, 1, 0]
    left, width, _ = layout.places[id(first)]
    assert left + width == pytest.approx(layout.x[10 * SECOND] - 4)


def test_a_line_begins_beside_its_mark_and_has_room_for_its_label() -> None:
    """The wait of 0.1 s between two attempts can be read."""
    first, second = attempt(0), attempt(SECOND // 10)
    wait = {"is": "line", "at": 0, "until": SECOND // 10, "label": "0.1 s"}

    layout = laid_out([[first, wait, second]], SECOND // 10)

    (left, width, _), (next_left, _, _) = layout.places[id(wait)], layout.places[id(second)]
    assert left == layout.places[id(first)][0] + layout.places[id(first)][1]
    assert width >= 35
    assert left + width == next_left


def test_what_has_not_ended_goes_on_to_the_end_of_the_test() -> None:
    """The end stands behind the marks of the last instant, and before what is to come."""
    under_way = attempt(0, SECOND, open=True)
    last = attempt(SECOND)
    to_come = {"is": "due", "at": 2 * SECOND, "label": ""}

    layout = laid_out([[under_way], [last], [to_come]], SECOND)

    left, width, _ = layout.places[id(under_way)]
    assert layout.places[id(last)][0] + layout.places[id(last)][1] < layout.end
    assert left + width == pytest.approx(layout.end - 4)
    assert layout.end < layout.places[id(to_come)][0] < layout.width
