"""Checks of arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from .._simulation.matching import Match
from .._text import did_you_mean, is_encodable, listed, safe_repr


def checked_text(value: object, what: str, example: str) -> str:
    """Return a text that can be encoded; ``what`` takes it."""
    if not isinstance(value, str) or not value or not is_encodable(value):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes a text such as {example!r}, and got {safe_repr(value)}."
        )
    return value


Method = TypeVar("Method", bound=Callable[..., Any])


def takes_match(method: Method) -> Method:
    """Let a method that takes `MatchArguments` reject other keywords, and positional values, in a sentence."""
    code = getattr(method, "__wrapped__", method).__code__
    positional = code.co_varnames[1 : code.co_argcount]
    known = (*Match._fields, *positional, *code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount])

    @wraps(method)
    def checked(self: Any, *values: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if len(values) > len(positional):
            value = safe_repr(values[len(positional)])
            raise TypeError(f"{code.co_name}() takes keywords such as queue='receipts', and got {value} without one.")
        for keyword in keywords:
            if keyword not in known:
                raise TypeError(
                    f"{code.co_name}() has no argument {keyword!r}.{did_you_mean(keyword, known)} It takes"
                    f" {listed(known)}."
                )
        return method(self, *values, **keywords)

    return checked  # type: ignore[return-value]
