"""The index of a report: the tests that have a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .._text import listed, shortened
from .documents import THEME, document, text
from .page import badge, counts_text

LINE = 200
"""Most characters of a failure's first line."""


def index(entries: Iterable[Mapping[str, Any]], wanted: str) -> str:
    """Return the index from the entries of all tests, in any order. ``wanted`` is "failed" or "all"."""
    ordered = sorted(entries, key=lambda entry: str(entry["test"]))
    outcomes = Counter(str(entry["outcome"]) for entry in ordered)
    summary = listed([f"{number} {outcome}" for outcome, number in sorted(outcomes.items())])
    none = "No test that used a fake has failed." if wanted == "failed" else "No test has used a fake."
    rows = "\n".join(_row(entry) for entry in ordered)
    body = f"""<header>
<div class="top"><h1>Cloud Tasks report</h1><cloud-tasks-theme></cloud-tasks-theme></div>
<p>{text(summary or none)}</p>
</header>
<main>
<ul class="tests">
{rows}
</ul>
</main>"""
    return document("Cloud Tasks report", body, THEME)


def _row(entry: Mapping[str, Any]) -> str:
    first = shortened(str(entry["message"]).strip().partition("\n")[0], LINE)
    parts = [f'{badge(entry["outcome"])} <a href="{text(entry["pages"][0])}">{text(entry["test"])}</a>']
    if first:
        parts.append(f'<div class="first">{text(first)}</div>')
    parts.append(f'<div class="quiet">{text(counts_text(entry["counts"][0]))}</div>')
    others = zip(entry["pages"][1:], entry["counts"][1:], strict=True)
    for number, (page, counts) in enumerate(others, 2):
        parts.append(f'<div class="quiet"><a href="{text(page)}">Fake {number}</a> {text(counts_text(counts))}</div>')
    return f"<li>{''.join(parts)}</li>"
