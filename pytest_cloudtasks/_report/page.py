"""The page of a test: its failure, its hints, and its timeline for the viewer, or as text without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._text import counted
from .documents import PAGE, document, text


@dataclass(frozen=True)
class Heading:
    """The part of a page about the test itself."""

    test: str
    outcome: str
    message: str
    hints: Sequence[str] = ()
    """The likely causes of the failure."""
    pages: Sequence[str] = ()
    """The file names of the test's pages, one for each of its fakes."""
    number: int = 0
    """The index of this page among them."""


def page(data: Mapping[str, Any], heading: Heading) -> str:
    """Return the page for the result of `report_data`."""
    body = f"""{_head(data, heading)}
<main>
<cloud-tasks-timeline></cloud-tasks-timeline>
<noscript><h2>Timeline</h2><pre class="timeline-text">{text(data["text"])}</pre></noscript>
</main>"""
    return document(f"{heading.outcome}: {heading.test}", body, PAGE, data["timeline"])


def counts_text(counts: Mapping[str, Any]) -> str:
    """Return a text such as ``2 tasks, 5 attempts: 2 × 2xx; 3 × 5xx``."""
    result = f"{counted(counts['tasks'], 'task')}, {counted(counts['attempts'], 'attempt')}"
    classes = [f"{number} × {name}" for name, number in counts["classes"].items()]
    return f"{result}: {'; '.join(classes)}" if classes else result


def badge(outcome: str) -> str:
    """Return the HTML of an outcome."""
    return f'<span class="outcome {text(outcome)}">{text(outcome)}</span>'


def _head(data: Mapping[str, Any], heading: Heading) -> str:
    links = ['<a href="index.html">All tests</a>']
    if len(heading.pages) > 1:
        for number, page_name in enumerate(heading.pages):
            current = ' aria-current="page"' if number == heading.number else ""
            links.append(f'<a href="{text(page_name)}"{current}>Fake {number + 1}</a>')
    parts = [
        f'<div class="top"><nav aria-label="Pages">{"".join(links)}</nav><cloud-tasks-theme></cloud-tasks-theme></div>',
        f"<h1>{text(heading.test)}</h1>",
        f"<p>{badge(heading.outcome)} {text(counts_text(data['counts']))}</p>",
    ]
    if heading.message:
        message = text(heading.message)
        parts.append(f'<pre class="message" tabindex="0" role="region" aria-label="Failure">{message}</pre>')
    if heading.hints:
        hints = "".join(f"<li>{text(hint)}</li>" for hint in heading.hints)
        parts.append(f'<section class="hints" aria-label="Hints"><h2>Hints</h2><ul>{hints}</ul></section>')
    if data["seed"]:
        parts.append(f'<p class="quiet seed">{text(data["seed"])}</p>')
    return "\n".join(["<header>", *parts, "</header>"])
