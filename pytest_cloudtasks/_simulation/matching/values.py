"""Expected values, and their comparison with a field of a task or with a part of one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from ..._targets.headers import Headers
from ..._text import safe_repr

_PREDICATES = (FunctionType, MethodType, BuiltinFunctionType, partial)


class exactly:  # noqa: N801 - reads as a word in an assertion, as pytest.approx does
    """Match a JSON body, headers or a token as a whole, rather than partially.

    Args:
        value: The expected dict.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"exactly({safe_repr(self.value)})"


def matches(expected: Any, actual: Any) -> bool:
    """Return whether ``actual`` is as expected: equal, or accepted by an ``__eq__``, a pattern or a predicate."""
    if isinstance(expected, exactly):
        return _wholly_matches(expected.value, actual)
    if isinstance(expected, re.Pattern):
        text = actual.decode(errors="replace") if isinstance(actual, bytes) and is_text_pattern(expected) else actual
        kind = str if is_text_pattern(expected) else bytes
        return isinstance(text, kind) and expected.search(text) is not None
    if is_predicate(expected):
        return _verdict(expected, actual) is True
    # JSON's true is not its 1, though Python's is.
    return bool(expected == actual) and (isinstance(expected, bool) is isinstance(actual, bool) or not _plain(expected))


def error_of(expected: Any, actual: Any) -> Exception | None:
    """Return the exception of an expected predicate for ``actual``; None if it raises none, or isn't a predicate."""
    verdict = _verdict(expected, actual) if is_predicate(expected) else None
    return verdict if isinstance(verdict, Exception) else None


def _verdict(predicate: Callable[[Any], object], actual: Any) -> bool | Exception:
    """Return the result of a predicate. One that raises, maybe because of another task's shape, doesn't match."""
    try:
        return bool(predicate(actual))
    except Exception as error:
        return error


def is_predicate(expected: Any) -> bool:
    """Return whether ``value`` is a function, or a callable object without its own ``__eq__``."""
    if isinstance(expected, _PREDICATES):
        return True
    by_identity: Any = object.__eq__
    return callable(expected) and not isinstance(expected, type) and type(expected).__eq__ is by_identity


def is_text_pattern(pattern: re.Pattern[Any]) -> bool:
    return isinstance(pattern.pattern, str)


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def partially_matches(expected: Any, actual: Any) -> bool:
    """Return whether values match.

    Mappings may have more keys than expected, at any depth; lists match item by item.
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(key in actual and partially_matches(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, (list, tuple)):
        return _wholly_matches(expected, actual)
    return matches(expected, actual)


def _wholly_matches(expected: Any, actual: Any) -> bool:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(
            _wholly_matches(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(actual, (list, tuple))
            and len(expected) == len(actual)
            and all(_wholly_matches(item, other) for item, other in zip(expected, actual, strict=True))
        )
    return matches(expected, actual)


def headers_match(expected: Any, actual: Headers) -> bool:
    """Return whether headers match, by names in any case. Only with ``exactly`` are others a difference."""
    if isinstance(expected, exactly) and isinstance(expected.value, Mapping):
        return {name.lower() for name in expected.value} == {name.lower() for name in actual} and headers_match(
            expected.value, actual
        )
    if isinstance(expected, Mapping):
        return all(name in actual and matches(value, actual[name]) for name, value in expected.items())
    return matches(expected, actual)


def is_matcher(value: Any) -> bool:
    """Return whether ``value`` decides what it matches: a predicate, or an object of a class with its own ``__eq__``.

    Classes of Python, Google and this package compare only with their own kind, except those of mock; so do dataclasses
    and pydantic models.
    """
    if isinstance(value, re.Pattern):
        return False
    if is_predicate(value):
        return True
    owner = next(kind for kind in type(value).__mro__ if "__eq__" in vars(kind))
    package = owner.__module__.partition(".")[0]
    return package not in _COMPARED_BY_KIND and not _compares_with_its_kind_only(value)


_OTHER_KINDS: tuple[Any, ...] = ("", b"", 0, 0.5, None, {}, [], datetime(2030, 1, 1, tzinfo=timezone.utc), timedelta(0))
"""One value of each type that a field of a task can have."""


def _compares_with_its_kind_only(value: Any) -> bool:
    """Return whether an ``__eq__`` leaves all other types to those types."""
    equals: Any = type(value).__eq__
    try:
        return all(equals(value, other) is NotImplemented for other in _OTHER_KINDS)
    except Exception:
        return False  # it handles only some types, as a predicate may


_COMPARED_BY_KIND = (sys.stdlib_module_names - {"unittest"}) | {"google", "proto", __name__.partition(".")[0]}
