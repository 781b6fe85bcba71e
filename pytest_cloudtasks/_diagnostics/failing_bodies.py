"""The body of a failing answer in one line: the most important part of a validation error, a page or a text."""

from __future__ import annotations

import html
import json
import re
import zlib
from typing import Any

from .._targets.answers import TargetResponse
from .._text import shortened

WIDTH = 120
"""The maximum length of the line."""
READ = 100_000
"""The maximum number of bytes that are read."""
_PLACES_OF_TEXT = (
    re.compile(r"<title[^>]*>(.*?)</title>", re.S | re.I),
    re.compile(r"<p(?:\s[^>]*)?>(.*?)</p>", re.S | re.I),
)
_UNREADABLE = (UnicodeDecodeError, OSError, EOFError, zlib.error)
"""The exceptions for bytes that are not text, or not in the encoding of their headers."""
_TAG = re.compile(r"<[^>]*>")


def line_of(response: TargetResponse) -> str:
    """Return the first line of a body; "" for an empty body and for one that is not text.

    Of FastAPI's validation errors, return the most deeply nested one with its location; return other JSON on one line.
    Of an HTML page, return the title, or the first paragraph if the title only names the status.
    """
    if not response.body or len(response.body) > READ:
        return ""
    try:
        text = response.text.strip()
    except _UNREADABLE:
        return ""
    if text[:1] in ("{", "["):
        text = _line_of_json(text)
    elif text[:1] == "<":
        text = _line_of_page(text, response.status)
    first = text.partition("\n")[0]
    printable = "".join(character if character.isprintable() else " " for character in first)
    return shortened(" ".join(printable.split()), WIDTH)


def _line_of_json(text: str) -> str:
    try:
        content = json.loads(text)
        detail = content.get("detail") if isinstance(content, dict) else None
        errors = detail if isinstance(detail, list) and detail and all(map(_is_validation_error, detail)) else []
        return _validation_text(errors) if errors else json.dumps(content, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _is_validation_error(value: Any) -> bool:
    """Return whether this is an error of pydantic: a location as a list of keys and indices, and a message."""
    return isinstance(value, dict) and isinstance(value.get("loc"), list) and isinstance(value.get("msg"), str)


def _validation_text(errors: list[dict[str, Any]]) -> str:
    deepest = max(errors, key=lambda error: len(error["loc"]))
    place = ".".join(map(str, deepest["loc"]))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {deepest['msg']}{more}"


def _line_of_page(page: str, status: int) -> str:
    for place in _PLACES_OF_TEXT:
        match = place.search(page)
        text = " ".join(html.unescape(_TAG.sub("", match[1])).split()) if match else ""
        if text and not text.startswith(str(status)):
            return text
    return ""
