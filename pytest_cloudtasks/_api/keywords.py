"""Checks of calls of public methods: a keyword that a method doesn't have, or an argument that was left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from .._simulation.matching import Match
from .._text import did_you_mean, listed, safe_repr

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_keywords(method: Method, others: tuple[str, ...] = ()) -> Method:
    """Let a method reject other keywords than its own and ``others``, and a call without what it needs."""
    function: Any = getattr(method, "__wrapped__", method)
    code = function.__code__
    positional = code.co_varnames[1 : code.co_argcount]
    known = (*others, *positional, *code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount])
    needed = positional[: len(positional) - len(function.__defaults__ or ())]

    @wraps(method)
    def checked(self: Any, *values: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if others and len(values) > len(positional):
            value = safe_repr(values[len(positional)])
            raise TypeError(f"{code.co_name}() takes keywords such as queue='receipts', and got {value} without one.")
        for keyword in keywords:
            if keyword not in known:
                raise TypeError(
                    f"{code.co_name}() has no argument {keyword!r}.{did_you_mean(keyword, known)} It takes"
                    f" {listed(known)}."
                )
        for argument in needed[len(values) :]:
            if argument not in keywords:
                raise TypeError(f"{code.co_name}() needs the argument {argument!r}. It takes {listed(known)}.")
        return method(self, *values, **keywords)

    return checked  # type: ignore[return-value]


def takes_match(method: Method) -> Method:
    """Let a method that takes `MatchArguments` reject other keywords, and positional values, in a sentence."""
    return takes_keywords(method, Match._fields)
