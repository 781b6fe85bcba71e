"""The page of a test: its failure, its lanes, its timeline as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._text import counted
from .html import KINDS, document, tag, text
from .layout import Item, Layout, laid_out

ROW = 30
"""Pixels from a row of a lane to the next."""
_CLASSES = {"attempt": "a", "call": "c", "fault": "c fault", "created": "m created", "due": "m due", "fold": "f"}
_HELP = (
    "Point at a mark, or go to it with the Tab and arrow keys, for its request and answer; Enter goes to them, Escape"
    " back. The axis is not to scale: long gaps are hatched and labelled."
)


@dataclass(frozen=True)
class Heading:
    """What a page says of the test itself."""

    test: str
    outcome: str
    message: str
    hints: Sequence[str] = ()
    """What most likely went wrong."""
    pages: Sequence[str] = ()
    """The pages of the test, one for each of its fakes."""
    number: int = 0
    """Which of them this is, counted from 0."""


def page(data: Mapping[str, Any], heading: Heading) -> str:
    """The page, from what `report_data` gives."""
    body = "\n".join([_head(data, heading), _lanes(data), _table(data["rows"]), _panel()])
    return document(f"{heading.outcome}: {heading.test}", body, {"panels": data["panels"], "parts": data["parts"]})


def toggle() -> str:
    """What switches between dark and light; without its script it is not there."""
    return tag("button", "Dark colours", id="theme", type="button", hidden=True)


def counts_text(counts: Mapping[str, Any]) -> str:
    """``2 tasks, 5 attempts: 2 × 2xx; 3 × 5xx``."""
    told = f"{counted(counts['tasks'], 'task')}, {counted(counts['attempts'], 'attempt')}"
    kinds = [f"{counts['kinds'][kind]} × {name}" for kind, (_, name) in KINDS.items() if kind in counts["kinds"]]
    return f"{told}: {'; '.join(kinds)}" if kinds else told


def _head(data: Mapping[str, Any], heading: Heading) -> str:
    links = [
        tag("a", "All tests", href="index.html"),
        tag("a", "Lanes", href="#lanes"),
        tag("a", "Table", href="#table"),
    ]
    if len(heading.pages) > 1:
        links += [
            tag("a", f"Fake {number + 1}", href=page, aria_current="page" if number == heading.number else None)
            for number, page in enumerate(heading.pages)
        ]
    parts = [
        tag("div", tag("nav", "".join(links), aria_label="Page") + toggle(), class_="top"),
        tag("h1", text(heading.test)),
        tag(
            "p",
            tag("span", text(heading.outcome), class_=f"outcome {heading.outcome}")
            + " "
            + text(counts_text(data["counts"])),
        ),
    ]
    if heading.message:
        parts.append(
            tag("pre", text(heading.message), class_="message", tabindex=0, role="region", aria_label="Failure")
        )
    if heading.hints:
        parts.append(tag("ul", "".join(tag("li", text(hint)) for hint in heading.hints), aria_label="Hints"))
    if data["seed"]:
        parts.append(tag("p", text(data["seed"]), class_="quiet seed"))
    return tag("header", "\n".join(parts))


# --- lanes -----------------------------------------------------------------------------------------------------------


def _lanes(data: Mapping[str, Any]) -> str:
    heading = tag("h2", "Lanes", id="lanes")
    if not data["rows"]:
        return heading + tag("p", "Nothing has happened in this test.", class_="quiet")
    queues = data["queues"]
    lanes = [data["calls"], *(queue["items"] + queue["spans"] for queue in queues)]
    lanes += [task["items"] for queue in queues for task in queue["tasks"]]
    layout = laid_out(lanes, data["now"])
    now = tag("div", class_="now", style=f"left:{_px(layout.end)}")
    inner = [_axis(layout), tag("div", now, class_="track", aria_hidden="true")]
    inner.append(_lane(tag("span", "Calls"), data["calls"], layout, class_="lane head") if data["calls"] else "")
    inner += [_queue(queue, layout) for queue in queues]
    width = f"width:calc(var(--name) + {_px(layout.width)})"
    region = tag("div", "\n".join(inner), class_="inner", style=width)
    label = "Lanes of queues and tasks along the queue's time; the table below says the same"
    return "\n".join(
        [
            heading,
            tag("p", _HELP, class_="quiet"),
            _legend(data),
            tag("div", region, class_="lanes", role="region", aria_label=label),
        ]
    )


def _legend(data: Mapping[str, Any]) -> str:
    shown = [(kind, *KINDS[kind]) for kind in KINDS if kind in data["counts"]["kinds"]]
    parts = [tag("li", tag("span", text(label), class_=f"a {kind}") + text(name)) for kind, label, name in shown]
    parts += [
        tag("li", tag("span", "", class_="m created") + "created"),
        tag("li", tag("span", "", class_="swatch") + "waits for its time"),
        tag("li", tag("span", "", class_="swatch held") + "due, and held back"),
        tag("li", tag("span", "■", class_="m") + "no retry left"),
        tag("li", tag("span", "", class_="swatch end") + "end of the test"),
    ]
    return tag("ul", "".join(parts), class_="legend", aria_label="Legend")


def _axis(layout: Layout) -> str:
    gaps = [
        tag(
            "div",
            tag("span", text(name)),
            class_="gap",
            style=f"left:{_px(left)};width:{_px(right - left)}",
            title=name,
        )
        for left, right, name in layout.gaps
    ]
    ticks = [tag("div", text(name), class_="tick", style=f"left:{_px(x)}") for x, name in layout.ticks]
    name = tag("div", "since time is held", class_="name quiet")
    return tag("div", name + tag("div", "".join(gaps + ticks), class_="track"), class_="axis", aria_hidden="true")


def _queue(queue: Mapping[str, Any], layout: Layout) -> str:
    state = "" if queue["state"] == "running" else f", {queue['state']}"
    name = tag("span", text(f"queue {queue['name']}{state}"), title=queue["name"])
    parts = []
    if queue["spans"]:
        parts.append(
            tag("div", "".join(_span(span, layout) for span in queue["spans"]), class_="track", aria_hidden="true")
        )
    parts.append(_lane(name, queue["items"], layout, class_="lane head"))
    parts += [_task(task, layout) for task in queue["tasks"]]
    if queue["left_out"]:
        parts.append(tag("div", text(queue["left_out"]), class_="left-out"))
    return tag("section", "\n".join(parts), class_="queue", aria_label=f"queue {queue['name']}")


def _task(task: Mapping[str, Any], layout: Layout) -> str:
    name = tag("button", text(task["request"]), type="button", data_d=task["detail"], title=task["request"])
    name += tag("span", text(f"{task['state']} · {task['id']}"), class_="quiet", title=task["id"])
    return _lane(name, task["items"], layout, class_="lane")


def _lane(name: str, items: Sequence[Item], layout: Layout, class_: str) -> str:
    rows = 1 + max([layout.places[id(item)][2] for item in items if id(item) in layout.places], default=0)
    marks = "".join(_mark(item, layout) for item in items)
    return tag(
        "div",
        tag("div", name, class_="name") + tag("div", marks, class_="track"),
        class_=class_,
        style=f"--rows:{rows}" if rows > 1 else None,
    )


def _mark(item: Item, layout: Layout) -> str:
    if item["is"] == "line":
        return _line(item, layout)
    left, width, row = layout.places[id(item)]
    style = f"left:{_px(left)};width:{_px(width)}" + (f";top:{7 + ROW * row}px" if row else "")
    if item["is"] in ("created", "due"):
        style = f"left:{_px(left)}"
    kind = _CLASSES.get(item["is"], "m")
    classes = f"{kind} {item['kind']}" if "kind" in item else kind
    if "detail" not in item:
        return tag(
            "span",
            text(item["label"]),
            class_=classes,
            style=style,
            title=item["name"],
            role="img",
            aria_label=item["name"],
        )
    return tag(
        "button",
        text(item["label"]),
        type="button",
        class_=classes,
        style=style,
        data_d=item["detail"],
        aria_label=item["name"],
    )


def _line(item: Item, layout: Layout) -> str:
    left, width, _ = layout.places[id(item)]
    label = tag("span", text(item["label"])) if item["label"] else ""
    classes = "l held" if item["kind"] == "held" else "l"
    return tag("span", label, class_=classes, style=f"left:{_px(left)};width:{_px(width)}", title=item["name"])


def _span(span: Item, layout: Layout) -> str:
    left = layout.x[span["at"]]
    return tag("div", class_="s", style=f"left:{_px(left)};width:{_px(layout.until(span) - left)}", title=span["name"])


def _px(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0") + "px"


# --- the table and the panel -----------------------------------------------------------------------------------------


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    heading = tag("h2", "Table", id="table")
    if not rows:
        return heading + tag("p", "Nothing has happened in this test.", class_="quiet")
    names = [
        tag("th", name, scope="col", class_=class_) for name, class_ in (("Time", "time"), ("What happened", None))
    ]
    head = tag("thead", tag("tr", "".join(names) + tag("th", tag("span", "Details", class_="hidden"), scope="col")))
    caption = tag("caption", "Time is that of the queue, since it is held.")
    body = tag("tbody", "\n".join(_row(row) for row in rows))
    size = f"contain-intrinsic-size:auto {30 * len(rows)}px"
    return heading + tag("div", tag("table", "\n".join([caption, head, body])), class_="table", style=size)


def _row(row: Mapping[str, Any]) -> str:
    told = text(row["text"])
    if "kind" in row:
        told = tag("span", text(row["label"]), class_=f"a {row['kind']}", aria_hidden="true") + " " + told
    more = ""
    if "detail" in row:
        more = tag("button", "Details", type="button", data_d=row["detail"], aria_label=f"Details of {row['text']}")
    return tag("tr", tag("td", text(row["at"]), class_="time") + tag("td", told) + tag("td", more, class_="do"))


def _panel() -> str:
    head = tag("h2", "Details", tabindex=-1, id="details-title") + tag("button", "Close", type="button")
    inner = tag("div", head, class_="top") + tag("div", "", class_="parts")
    return tag("aside", inner, id="details", aria_labelledby="details-title", hidden=True)
