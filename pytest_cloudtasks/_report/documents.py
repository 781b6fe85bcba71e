"""Self-contained HTML documents, in which only the viewer's own scripts run.

Every text is escaped when it is inserted. Data is compressed, because a page of ten thousand attempts would have some
20 MB. It is encoded as Base64, which can't close the element that contains it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

WEB = Path(__file__).parent / "web"
THEME = (WEB / "text.js", WEB / "theme.js")
"""The scripts of a page without a viewer. Scripts of a page share one scope, as if they were one file."""
VIEWER = (*THEME, *(WEB / f"{name}.js" for name in ("model", "layout", "details", "list", "viewer")))
"""The scripts of the viewer, in their order."""
PAGE = (*VIEWER, WEB / "page.js")
"""The scripts of the page of a test."""
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text(value: str) -> str:
    """Return ``value`` escaped for HTML; control and bidi characters and lone surrogates become visible escapes."""
    return escape(_UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), value))


def script_of(paths: Sequence[Path]) -> str:
    """Return the scripts at ``paths`` joined into one."""
    return "".join(["\n", *(path.read_text("utf-8") for path in paths)])


@cache
def _parts(scripts: tuple[Path, ...], styles: tuple[Path, ...]) -> tuple[str, str, str]:
    """Return the script, its hash, and the style sheet."""
    script = script_of(scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return script, f"sha256-{digest}", "".join(path.read_text("utf-8") for path in (WEB / "viewer.css", *styles))


def document(
    title: str,
    body: str,
    scripts: tuple[Path, ...],
    data: Any = None,
    *,
    styles: tuple[Path, ...] = (),
    connects: str = "'none'",
) -> str:
    """Return a document.

    ``styles`` come after the viewer's. ``connects`` is where its scripts may send requests, as in ``connect-src``.
    """
    script, script_hash, style = _parts(scripts, styles)
    return Template((WEB / "page.html").read_text("utf-8")).substitute(
        title=text(title),
        policy=f"default-src 'none'; script-src '{script_hash}'; style-src 'unsafe-inline'; img-src data:;"
        f" connect-src {connects}; base-uri 'none'; form-action 'none'",
        style=style,
        body=body,
        data=packed(data),
        script=script,
    )


def packed(data: Any) -> str:
    """Return ``data`` as compressed JSON in Base64."""
    dumped = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(dumped.encode(), 6)).decode()
