"""Where a task differs from what was expected, down to the values within a JSON body, headers or a token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._simulation.matching import Difference, exactly, matches
from .._simulation.short_repr import ABSENT
from .._targets.headers import Headers
from .._text import safe_repr, safe_str

_NESTED = ("json", "headers", "oidc")
_DEPTH = 20
_WORD = re.compile(r"[A-Za-z_]\w*")


def in_detail(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences, each nested one as those of its parts: ``json.customer.name``, ``json.items[1]``."""
    found: list[Difference] = []
    for one in differences:
        parts = list(_parts(one.field, one.expected, one.actual, False)) if one.field in _NESTED else []
        found += parts or [one]
    return found


def in_whole(path: str, expected: Any, actual: Any) -> list[Difference]:
    """Where two JSON values differ, neither of which may have more than the other."""
    return list(_parts(path, expected, actual, True))


def _parts(path: str, expected: Any, actual: Any, whole: bool) -> Iterator[Difference]:
    if isinstance(expected, exactly):
        yield from _parts(path, expected.value, actual, True)
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _of_mappings(path, expected, actual, whole)
    elif isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        for index in range(max(len(expected), len(actual))):
            one, other = (side[index] if index < len(side) else ABSENT for side in (expected, actual))
            yield from _parts(f"{path}[{index}]", one, other, True)  # lists match whole, and so do their items
    elif expected is ABSENT or actual is ABSENT or not matches(expected, actual):
        yield Difference(path, expected, actual)


def _of_mappings(
    path: str, expected: Mapping[Any, Any], actual: Mapping[Any, Any], whole: bool
) -> Iterator[Difference]:
    for key, value in expected.items():
        yield from _parts(extended(path, key), value, actual.get(key, ABSENT), whole)
    if whole:
        known = Headers([(safe_str(key), "") for key in expected]) if isinstance(actual, Headers) else expected
        for key, value in actual.items():
            if key not in known:
                yield Difference(extended(path, key), ABSENT, value)


def extended(path: str, key: Any) -> str:
    """``json.order``, ``headers['X-Tenant']``."""
    return f"{path}.{key}" if isinstance(key, str) and _WORD.fullmatch(key) else f"{path}[{safe_repr(key)}]"


def values_that_differ(differences: Sequence[Difference]) -> int:
    """How many values are wrong: of a part that is not there, or is another kind of thing, all that were expected."""
    return sum(max(_leaves(one.expected), _leaves(one.actual) if one.expected is ABSENT else 1) for one in differences)


def _leaves(value: Any, depth: int = 0) -> int:
    """Count the values in a value; one that is nested too deep, or contains itself, counts as one."""
    if isinstance(value, exactly):
        value = value.value
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)) or depth > _DEPTH:
        return 1
    return sum(_leaves(one, depth + 1) for one in value) or 1


def likeness(differences: Sequence[Difference]) -> float:
    """How much the texts that differ have in common, from 0 to 1: of two wrong URLs the one with a typo is nearer."""
    found = [_common(one.expected, one.actual) for one in differences]
    return sum(found) / len(found) if found else 1.0


def _common(one: Any, other: Any) -> float:
    if type(one) is not type(other) or not isinstance(one, (str, bytes)) or not (one and other):
        return 0.0
    shorter = min(len(one), len(other))
    begin = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    end = next((i for i in range(shorter - begin) if one[-1 - i] != other[-1 - i]), shorter - begin)
    return (begin + end) / max(len(one), len(other))
