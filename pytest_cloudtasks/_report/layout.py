"""Where things stand on a report's axis: instants in their order, gaps by their magnitude.

Three days between two attempts take little more room than an hour, and two attempts at one instant stand side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from .._simulation.formatting import duration_text, offset_text

Item = dict[str, Any]

START = 12
"""Pixels before the first instant."""
AFTER = 80
"""Pixels after the last one."""
SPACE = 4
"""Pixels between two marks of a lane."""
LABELLED = 60_000_000_000
"""From this gap on the axis says how long it is."""
_CHARACTER, _SMALL = 8, 7
_LABEL = 14
"""Pixels of a character in a mark and above a line, and around a label."""


@dataclass
class Layout:
    """Pixels from the left: of every instant, of the marks by the ``id`` of the item, and where the axis ends."""

    x: dict[int, float] = field(default_factory=dict)
    places: dict[int, tuple[float, float, int]] = field(default_factory=dict)
    """Left edge, width, and the row in its lane."""
    ticks: list[tuple[float, str]] = field(default_factory=list)
    gaps: list[tuple[float, float, str]] = field(default_factory=list)
    end: float = 0
    """Where the test ended: behind the marks of its last instant."""
    width: float = 0

    def until(self, item: Item) -> float:
        """Where an item ends that lasts; what had not ended goes on to the end of the test."""
        until: int = item["until"] if "until" in item else item["at"]
        return self.end if item.get("open") else self.x[until]


def laid_out(lanes: Sequence[Sequence[Item]], now: int) -> Layout:
    """Place the marks of all lanes on one axis, which has the beginning and the end of the test, ``now``."""
    layout = Layout()
    rows = [row for lane in lanes for row in enumerate(_rows(lane))]
    starts: dict[int, dict[int, list[Item]]] = {}
    for place, (_, items) in enumerate(rows):
        for item in items:
            starts.setdefault(item["at"], {}).setdefault(place, []).append(item)
    every = {one[key] for lane in lanes for one in lane for key in ("at", "until") if key in one}
    free = [0.0] * len(rows)
    left, before = float(START), None
    for instant in sorted(every | {0, now}):
        left += 0 if before is None else step(instant - before)
        there = starts.get(instant, {})
        left = max([left, *(free[place] for place, items in there.items() if items[0]["is"] != "line")])
        layout.x[instant] = left
        last_start = left
        for place, items in there.items():
            cursor = left
            for item in items:
                if item["is"] == "line":
                    cursor = max(cursor, free[place]) + _room(item)
                    continue
                last_start = max(last_start, cursor)
                layout.places[id(item)] = (cursor, width_of(item), rows[place][0])
                cursor += width_of(item) + SPACE
            free[place] = cursor
        if instant == now:
            layout.end = last_start = max([left, *(free[place] for place in there)]) + SPACE
        left, before = last_start, instant
    layout.width = max([left, *free]) + AFTER
    for _, items in rows:
        _stretch(layout, items)
    _label(layout, now)
    return layout


def step(gap: int) -> float:
    """How far apart two instants are drawn: 10 pixels for 2 ms, 41 for 1 s, 100 and more from a minute on."""
    pixels = 6 + 13 * math.log10(1 + gap / 2_000_000)
    return round(max(pixels, 96) if gap >= LABELLED else pixels, 1)


def width_of(item: Item) -> float:
    """The least width of a mark."""
    if item["is"] in ("created", "due"):
        return 12
    return max(24 if item["is"] == "mark" else 36, len(item["label"]) * _CHARACTER + _LABEL)


def _room(line: Item) -> int:
    """What the label of a line takes."""
    return len(line["label"]) * _SMALL + SPACE if line["label"] else 0


def _rows(lane: Sequence[Item]) -> list[list[Item]]:
    """The items of a lane; marks that overlap in time in rows of their own, lines in the first."""
    rows: list[list[Item]] = [[]]
    ends: list[int | None] = [None]
    for item in lane:
        if item["is"] == "span":
            continue
        if item["is"] == "line":
            rows[0].append(item)
            continue
        number = next((number for number, end in enumerate(ends) if end is None or end <= item["at"]), len(rows))
        if number == len(rows):
            rows.append([])
            ends.append(None)
        rows[number].append(item)
        ends[number] = item.get("until", item["at"])
    return rows


def _stretch(layout: Layout, items: Sequence[Item]) -> None:
    """Marks of what lasted reach to where it ended; lines begin beside the marks of their instant."""
    right = 0.0
    for at, group in groupby(items, lambda item: int(item["at"])):
        there = list(group)
        for item in there:
            if item["is"] == "line":
                continue
            left, width, row = layout.places[id(item)]
            width = max(width, layout.until(item) - SPACE - left)
            layout.places[id(item)] = (left, width, row)
            right = max(right, left + width)
        for item in there:
            if item["is"] == "line":
                left = max(right, layout.x[at])
                layout.places[id(item)] = (left, max(0.0, layout.until(item) - left), 0)


def _label(layout: Layout, now: int) -> None:
    """Ticks where there is room, and the lengths of long gaps."""
    free = -math.inf
    before: tuple[int, float] | None = None
    for instant, x in layout.x.items():
        if before is not None and instant - before[0] >= LABELLED:
            layout.gaps.append((before[1], x, duration_text(instant - before[0])))
        before = (instant, layout.end if instant == now else x)
        if x >= free:
            text = offset_text(instant)
            layout.ticks.append((x, text))
            free = x + len(text) * _CHARACTER + _LABEL
