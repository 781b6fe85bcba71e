"""Values of headers that are secrets: reports are uploaded from CI, and terminals are copied into issues."""

from __future__ import annotations

import re

MASK = "•••"
"""What is shown in place of a secret."""
_SECRET = re.compile(r"(?:proxy-)?authorization|(?:set-)?cookie2?|.*(?:key|token|secret)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,19}(?= )")


def is_secret(name: object) -> bool:
    """Return whether a header holds a secret: Authorization, cookies, names that end in Key, Token or Secret."""
    return isinstance(name, str) and _SECRET.fullmatch(name.strip()) is not None


def masked(name: str, value: str) -> str:
    """Return ``value`` of the header ``name``, masked if it is a secret; Authorization keeps its scheme."""
    if not value or not is_secret(name):
        return value
    scheme = _SCHEME.match(value) if name.strip().lower().endswith("authorization") else None
    return f"{scheme[0]} {MASK}" if scheme else MASK
