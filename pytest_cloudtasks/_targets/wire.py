"""Text as it goes over the wire: URLs percent-encoded, headers as bytes."""

from __future__ import annotations

from urllib.parse import quote


def encoded(part: str) -> str:
    """A path or a query in ASCII: what is outside of it percent-encoded as UTF-8, what is encoded left alone."""
    return part if part.isascii() else quote(part, safe="%/:?#[]@!$&'()*+,;=~")


def header_bytes(text: str) -> bytes:
    """A header's name or value: Latin-1, or UTF-8 where that can't have it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
