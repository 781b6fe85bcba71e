"""Colour in the report sections, if pytest's own output has it. The reports themselves don't change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SECTIONS = ("Cloud Tasks timeline", "Cloud Tasks rejections")
_LINE = re.compile(r"(?P<offset>[+-](\d+d )?\d+:\d\d:\d\d[.\d]*)(?P<text> .*)")
_COLOURS = {
    "green": re.compile(r"→ 2\d\d\b(?!.*dropped).*"),
    "yellow": re.compile(r"→ .*, retry in [^(),]*$|blocked: .*| paused$"),
    "red": re.compile(r"→ (?!2\d\d\b).*|expired: .*|was rejected with \w+"),
}
"""Patterns and their colours. The first match counts."""


@contextmanager
def coloured_sections(reports: list[Any], writer: Any) -> Iterator[None]:
    """Colour the timelines of failed tests while pytest prints their ``reports`` with the ``writer``."""
    plain = {id(report): list(report.sections) for report in reports if hasattr(report, "sections")}
    for report in reports:
        if id(report) in plain:
            report.sections[:] = [
                (name, coloured(text, writer) if name.startswith(_SECTIONS) else text) for name, text in report.sections
            ]
    try:
        yield
    finally:
        for report in reports:
            if id(report) in plain:
                report.sections[:] = plain[id(report)]


def coloured(text: str, writer: Any) -> str:
    """Return ``text`` with the writer's markup: offsets faint, successes green, retries yellow, failures red."""
    return "\n".join(_line(line, writer) for line in text.splitlines())


def _line(line: str, writer: Any) -> str:
    match = _LINE.fullmatch(line)
    offset, text = (writer.markup(match["offset"], light=True), match["text"]) if match else ("", line)
    for colour, pattern in _COLOURS.items():
        part = pattern.search(text)
        if part is not None:
            marked = writer.markup(part[0], **{colour: True})
            return f"{offset}{text[: part.start()]}{marked}{text[part.end() :]}"
    return f"{offset}{text}"
