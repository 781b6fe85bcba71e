"""The index of a report: the tests that have a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import listed, shortened
from .html import document, tag, text
from .page import counts_text, toggle

LINE = 200
"""How much of a failure's first line it shows."""


def index(entries: Iterable[Mapping[str, Any]], wanted: str) -> str:
    """The page from the entries of all tests, in whatever order they came. ``wanted`` is "failed" or "all"."""
    ordered = sorted(entries, key=lambda one: str(one["test"]))
    outcomes = Counter(str(one["outcome"]) for one in ordered)
    told = listed([f"{number} {outcome}" for outcome, number in sorted(outcomes.items())])
    none = "No test that used a fake has failed." if wanted == "failed" else "No test has used a fake."
    body = [
        tag("div", tag("h1", "Cloud Tasks") + toggle(), class_="top"),
        tag("p", text(told or none)),
        _table(ordered) if ordered else "",
    ]
    return document("Cloud Tasks: tests", "\n".join(body))


def _table(entries: Sequence[Mapping[str, Any]]) -> str:
    head = tag("tr", "".join(tag("th", name, scope="col") for name in ("Outcome", "Test")))
    return tag("table", tag("thead", head) + tag("tbody", "\n".join(_row(one) for one in entries)))


def _row(one: Mapping[str, Any]) -> str:
    outcome = tag("span", text(one["outcome"]), class_=f"outcome {one['outcome']}")
    first = shortened(str(one["message"]).strip().partition("\n")[0], LINE)
    told = tag("a", text(one["test"]), href=one["pages"][0]) + tag("div", text(first), class_="mono")
    told += tag("div", text(counts_text(one["counts"][0])), class_="quiet")
    others = zip(one["pages"][1:], one["counts"][1:], strict=True)
    for number, (page, counts) in enumerate(others, 2):
        link = tag("a", f"fake {number}", href=page)
        told += tag("div", f"{link} {text(counts_text(counts))}", class_="quiet")
    return tag("tr", tag("td", outcome) + tag("td", told))
