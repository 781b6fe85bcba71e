"""The encoded form of a URL, which is what limits are on and what goes over the wire."""

from __future__ import annotations

from urllib.parse import quote


def encoded(part: str) -> str:
    """A URL, a path or a query in ASCII: the rest percent-encoded as UTF-8, what is encoded already left alone."""
    return part if part.isascii() else quote(part, safe="%/:?#[]@!$&'()*+,;=~")
