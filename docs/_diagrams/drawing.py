"""Diagrams of states as SVG: boxes at places that a person chose, and an arrow for every edge that there is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

from walking import START, Edge

BOX = 132, 36
LINE = 16
STYLE = """\
.states{--paper:#fff;--line:#1f2328;--quiet:#59636e;font:13px system-ui,sans-serif}
@media(prefers-color-scheme:dark){.states{--paper:#0d1117;--line:#f0f6fc;--quiet:#9198a1}}
.states text{fill:var(--line);text-anchor:middle}
.states .label{fill:var(--quiet);stroke:var(--paper);stroke-width:4;stroke-linejoin:round;paint-order:stroke}
.states .name{font-weight:600;font-size:12px}
.states .box{fill:none;stroke:var(--line);stroke-width:1.5}
.states .live{fill:var(--quiet);fill-opacity:.09;stroke:var(--quiet);stroke-dasharray:5 4}
.states .edge{fill:none;stroke:var(--quiet);stroke-width:1.3}
.states .tip,.states .start{fill:var(--quiet)}"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Diagram:
    """What a person decides: where things stand. What edges there are is none of it."""

    title: str
    size: tuple[int, int]
    places: Mapping[str, Point]
    live: frozenset[str]
    """The states within the frame. An edge that all of them have leaves from the frame."""
    frame: tuple[float, float, float, float] = (0, 0, 0, 0)
    ports: Mapping[str, Point] = field(default_factory=dict)
    """Where an edge of the frame leaves it, by the state it leads to."""
    labels: Mapping[tuple[str, str], Point] = field(default_factory=dict)
    """How far a label is moved from the middle of its arrow."""


def arrows(edges: Iterable[Edge], live: frozenset[str]) -> dict[tuple[str, str], list[str]]:
    """The labels between two states; those that all of ``live`` have to one state are the frame's, ``"*"``."""
    edges = set(edges)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for edge in sorted(edges):
        shared = all(Edge(source, edge.label, edge.target) in edges for source in live)
        key = ("*" if shared and edge.source in live and edge.target not in live else edge.source, edge.target)
        if edge.label not in found[key]:
            found[key].append(edge.label)
    return found


def svg(diagram: Diagram, edges: Iterable[Edge]) -> str:
    """The text of the image."""
    width, height = diagram.size
    found = arrows(edges, diagram.live)
    x, y, w, h = diagram.frame
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="states" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{escape(diagram.title)}">',
        f"<title>{escape(diagram.title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="live" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="12"/>',
    ]
    texts = []
    for (source, target), labels in sorted(found.items()):
        line, text = _arrow(diagram, source, target, labels, is_two_way=(target, source) in found)
        parts += line
        texts += text
    parts += texts
    parts += [_state(name, place) for name, place in diagram.places.items()]
    return "\n".join([*parts, "</svg>", ""])


def _state(name: str, place: Point) -> str:
    x, y = place
    if name == START:
        return f'<circle class="start" cx="{x:g}" cy="{y:g}" r="6"/>'
    width, height = BOX
    return (
        f'<rect class="box" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}" rx="8"/>'
        f'<text class="name" x="{x:g}" y="{y + 4.5:g}">{escape(name)}</text>'
    )


def _arrow(
    diagram: Diagram, source: str, target: str, labels: list[str], *, is_two_way: bool
) -> tuple[list[str], list[str]]:
    """The line with its tip, and the lines of its label."""
    to = diagram.places[target]
    begin = diagram.ports[target] if source == "*" else diagram.places[source]
    bow = 20 if is_two_way else 0
    length = math.dist(begin, to)
    across = ((to[1] - begin[1]) / length, (begin[0] - to[0]) / length)
    middle = ((begin[0] + to[0]) / 2 + across[0] * bow * 2, (begin[1] + to[1]) / 2 + across[1] * bow * 2)
    if source != "*":
        begin = _edge_of(begin, middle, source)
    end = _edge_of(to, middle, target)
    angle = math.atan2(end[1] - middle[1], end[0] - middle[0])
    tip = " ".join(
        f"{end[0] - 10 * math.cos(angle + turn):.1f},{end[1] - 10 * math.sin(angle + turn):.1f}" for turn in (0.4, -0.4)
    )
    dx, dy = diagram.labels.get((source, target), (0, 0))
    x = (begin[0] + 2 * middle[0] + end[0]) / 4 + dx
    y = (begin[1] + 2 * middle[1] + end[1]) / 4 + dy - (len(labels) - 1) * LINE / 2 + 4
    line = [
        f'<path class="edge" d="M{_at(begin)} Q{_at(middle)} {_at(end)}"/>',
        f'<polygon class="tip" points="{_at(end)} {tip}"/>',
    ]
    text = [
        f'<text class="label" x="{x:.1f}" y="{y + LINE * row:.1f}">{escape(one)}</text>'
        for row, one in enumerate(labels)
    ]
    return line, text


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _edge_of(center: Point, towards: Point, name: str) -> Point:
    """Where a line from the center of a state leaves its shape."""
    dx, dy = towards[0] - center[0], towards[1] - center[1]
    if name == START:
        scale = 9 / math.hypot(dx, dy)
    else:
        width, height = BOX[0] / 2 + 3, BOX[1] / 2 + 3
        scale = min(width / abs(dx) if dx else math.inf, height / abs(dy) if dy else math.inf)
    return center[0] + dx * scale, center[1] + dy * scale
