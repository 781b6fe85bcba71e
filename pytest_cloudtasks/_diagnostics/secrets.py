"""Values of headers that are secrets: reports are uploaded from CI, and terminals are copied into issues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._simulation.matching.values import exactly

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


def masked_headers(headers: Any) -> Any:
    """Return headers that an assertion expects, or that a task has, with the values of secrets masked."""
    if isinstance(headers, exactly):
        return exactly(masked_headers(headers.value))
    if not isinstance(headers, Mapping):
        return headers
    return {name: masked(name, value) if isinstance(value, str) else value for name, value in headers.items()}


def masked_row(field: str, expected: Any, actual: Any) -> tuple[str, Any, Any]:
    """Return a field that differs with secrets masked; two that look alike now are told apart."""
    if field == "headers":
        return field, masked_headers(expected), masked_headers(actual)
    name = field.removeprefix("headers").strip(".[]'\"")
    if not field.startswith("headers") or not is_secret(name):
        return field, expected, actual
    one, other = (masked(name, value) if isinstance(value, str) else value for value in (expected, actual))
    return field, one, f"{other} (another value)" if one == other else other
