"""Two values a row: in columns where the terminal has room for them, else one below the other."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any
from unicodedata import bidirectional

from .._simulation.short_repr import shown_apart

ROWS = 12
"""How many fields are shown."""
_GAP = "  "
_MARGIN = 8
"""What pytest puts before each line of an exception."""

Row = tuple[str, Any, Any]
"""A field, and the values that it has on either side."""


def side_by_side(rows: Sequence[Row], heads: tuple[str, str], indent: str = "") -> list[str]:
    """The lines of a table with a heading over each side, and below it what is too wide; no more than `ROWS` fields."""
    cells = [(field, *shown_apart(one, other)) for field, one, other in rows[:ROWS]]
    room = shutil.get_terminal_size().columns - _MARGIN - len(indent)
    narrow = list(cells)
    while narrow and sum(_widths(narrow, heads)) + 2 * len(_GAP) > room:
        narrow.remove(max(narrow, key=lambda cell: sum(map(len, cell))))
    lines = [line for cell in cells if cell not in narrow for line in _stacked(cell, heads)]
    if narrow:
        first, second, _ = _widths(narrow, heads)
        table = [("", *heads), *narrow]
        lines = [f"{a:<{first}}{_gap(a)}{b:<{second}}{_gap(b)}{c}" for a, b, c in table] + lines
    if len(rows) > ROWS:
        lines.append(f"… and {len(rows) - ROWS} more")
    return [f"{indent}{line}" for line in lines]


def _gap(left: str) -> str:
    """What follows ``left``; after text from right to left with a mark, without which the columns change places."""
    return f"\u200e{_GAP}" if any(bidirectional(one) in ("R", "AL") for one in left) else _GAP


def _widths(cells: Sequence[tuple[str, str, str]], heads: tuple[str, str]) -> list[int]:
    return [max(map(len, column)) for column in zip(("", *heads), *cells, strict=True)]


def _stacked(cell: tuple[str, str, str], heads: tuple[str, str]) -> list[str]:
    field, *values = cell
    width = max(map(len, heads))
    return [field, *(f"  {head:>{width}}{_GAP}{text}" for head, text in zip(heads, values, strict=True))]
