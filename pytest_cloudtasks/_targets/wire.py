"""Headers as they go over the wire."""

from __future__ import annotations


def header_bytes(text: str) -> bytes:
    """A header's name or value: Latin-1, or UTF-8 where that can't have it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
