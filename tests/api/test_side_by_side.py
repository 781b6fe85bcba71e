"""Tables of two sides: in columns, below one another, cut."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._diagnostics.diff import side_by_side

HEADS = ("expected", "actual")


def test_columns_are_aligned() -> None:
    """With a heading each, behind the indent."""
    assert side_by_side([("url", "a", "b"), ("json.order", 42, "forty-two")], HEADS, "  ") == [
        "              expected  actual",
        "  url         'a'       'b'",
        "  json.order  42        'forty-two'",
    ]


@pytest.mark.parametrize(("columns", "has_columns"), [(37, True), (36, False)])
def test_columns_need_room(monkeypatch: pytest.MonkeyPatch, columns: int, has_columns: bool) -> None:
    """Eight of the terminal's columns are pytest's; values that don't fit come below one another."""
    monkeypatch.setenv("COLUMNS", str(columns))
    table = ["     expected      actual", "url  'abcdefghij'  'klmnopq'"]
    below = ["url", "  expected  'abcdefghij'", "    actual  'klmnopq'"]
    assert side_by_side([("url", "abcdefghij", "klmnopq")], HEADS, " ") == [
        f" {line}" for line in (table if has_columns else below)
    ]


def test_what_is_too_wide_leaves_the_columns_to_the_rest() -> None:
    """It follows them."""
    assert side_by_side([("body", "x" * 40, "y" * 40), ("url", "a", "b")], HEADS) == [
        "     expected  actual",
        "url  'a'       'b'",
        "body",
        f"  expected  '{'x' * 40}'",
        f"    actual  '{'y' * 40}'",
    ]


def test_twelve_fields_are_shown() -> None:
    """The others are counted."""
    lines = side_by_side([(f"f{index}", index, -index) for index in range(15)], HEADS)
    assert lines[-2:] == ["f11  11        -11", "… and 3 more"]
    assert len(lines) == 14


def test_nothing_to_compare() -> None:
    """Without rows there is no heading."""
    assert side_by_side([], HEADS) == []


def test_text_from_right_to_left_leaves_the_columns_in_their_places() -> None:
    """Without the mark after it, browsers would swap the columns of expected and actual."""
    assert side_by_side([("url", "\u05d0", "\u05d1"), ("body", "a", "b")], HEADS) == [
        "      expected  actual",
        "url   '\u05d0'     \u200e  '\u05d1'",
        "body  'a'       'b'",
    ]
