"""Checks of arguments."""

from __future__ import annotations

from .._text import is_encodable, safe_repr


def checked_text(value: object, what: str, example: str) -> str:
    """Return a text that can be encoded; ``what`` takes it."""
    if not isinstance(value, str) or not value or not is_encodable(value):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes a text such as {example!r}, and got {safe_repr(value)}."
        )
    return value
