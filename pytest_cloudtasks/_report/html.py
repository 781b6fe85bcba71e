"""HTML from texts: everything is escaped on its way in."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from .values import printable

_FOLDER = Path(__file__).parent / "page"
KINDS = {
    "ok": ("200", "2xx"),
    "client": ("404", "4xx"),
    "throttled": ("429", "429"),
    "server": ("503", "5xx"),
    "other": ("302", "other status"),
    "deadline": ("late", "deadline exceeded"),
    "none": ("none", "no response"),
    "open": ("…", "under way"),
}
"""The classes of attempts, each with a label as an example and its name."""


def text(value: str) -> str:
    """A text between tags or in an attribute's quotes."""
    return escape(printable(value))


def tag(name: str, inner: str = "", **attributes: str | int | bool | None) -> str:
    """HTML in a tag. ``class_`` is ``class``, ``aria_label`` is ``aria-label``; None and False are no attribute."""
    pairs = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return f"<{name}{pairs}>{inner}</{name}>"


def document(title: str, body: str, data: object = None) -> str:
    """A whole page with nothing outside of it. No script runs but its own, whatever a text may contain."""
    script = _source("page.js")
    digest = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    return Template(_source("page.html")).substitute(
        title=text(title),
        script_hash=f"sha256-{digest}",
        style=_source("page.css"),
        body=body,
        data=_data(data),
        script=script,
    )


def _source(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _data(data: Any) -> str:
    """JSON that HTML reads as plain text."""
    dumped = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
