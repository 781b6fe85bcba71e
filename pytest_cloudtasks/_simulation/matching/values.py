"""Expected values: how one is compared with a field of a task or with a part of one."""

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
    """Whether ``actual`` is as expected: equal, by the expected value's own ``__eq__``, by a pattern or a predicate."""
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
    """What an expected predicate raises for ``actual``; None if it answers, or is none."""
    verdict = _verdict(expected, actual) if is_predicate(expected) else None
    return verdict if isinstance(verdict, Exception) else None


def _verdict(predicate: Callable[[Any], object], actual: Any) -> bool | Exception:
    """What a predicate says; one that was written for tasks of another shape raises, and that is no match."""
    try:
        return bool(predicate(actual))
    except Exception as error:
        return error


def is_predicate(expected: Any) -> bool:
    """Functions of all kinds, and other callable objects unless they say by an ``__eq__`` what they are equal to."""
    if isinstance(expected, _PREDICATES):
        return True
    by_identity: Any = object.__eq__
    return callable(expected) and not isinstance(expected, type) and type(expected).__eq__ is by_identity


def is_text_pattern(pattern: re.Pattern[Any]) -> bool:
    return isinstance(pattern.pattern, str)


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def partially_matches(expected: Any, actual: Any) -> bool:
    """Mappings may have more than is expected, nested ones too; lists have to match item by item."""
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
            and all(_wholly_matches(one, other) for one, other in zip(expected, actual, strict=True))
        )
    return matches(expected, actual)


def headers_match(expected: Any, actual: Headers) -> bool:
    """Names in any case; only the expected ones, but with ``exactly`` those and no others."""
    if isinstance(expected, exactly) and isinstance(expected.value, Mapping):
        return {name.lower() for name in expected.value} == {name.lower() for name in actual} and headers_match(
            expected.value, actual
        )
    if isinstance(expected, Mapping):
        return all(name in actual and matches(value, actual[name]) for name, value in expected.items())
    return matches(expected, actual)


def is_matcher(value: Any) -> bool:
    """Whether ``value`` says itself what it matches: a predicate, or an object of a class with its own ``__eq__``.

    The classes of Python, of Google and of this package compare with their own kind only, but for those of mock; and
    so do dataclasses and models of pydantic.
    """
    if isinstance(value, re.Pattern):
        return False
    if is_predicate(value):
        return True
    owner = next(kind for kind in type(value).__mro__ if "__eq__" in vars(kind))
    package = owner.__module__.partition(".")[0]
    return package not in _COMPARED_BY_KIND and not _compares_with_its_kind_only(value)


_OTHER_KINDS: tuple[Any, ...] = ("", b"", 0, 0.5, None, {}, [], datetime(2030, 1, 1, tzinfo=timezone.utc), timedelta(0))
"""One of each kind that a field of a task has."""


def _compares_with_its_kind_only(value: Any) -> bool:
    """Return whether an ``__eq__`` leaves every other kind to that kind's own."""
    equals: Any = type(value).__eq__
    try:
        return all(equals(value, other) is NotImplemented for other in _OTHER_KINDS)
    except Exception:
        return False  # it is written for some kinds alone, as a predicate may be


_COMPARED_BY_KIND = (sys.stdlib_module_names - {"unittest"}) | {"google", "proto", __name__.partition(".")[0]}
