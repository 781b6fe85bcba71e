"""Checks of calls of public methods: a keyword that a method doesn't have, or an argument that was left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar

from .._simulation.matching import Match
from .._text import did_you_mean, listed, safe_repr

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_keywords(method: Method, others: tuple[str, ...] = ()) -> Method:
    """Let a method reject other keywords than its own and ``others``, and a call without what it needs."""
    parameters = list(signature(method).parameters.values())[1:]
    positional = [one for one in parameters if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    keyword_only = [one.name for one in parameters if one.kind is Parameter.KEYWORD_ONLY]
    known = (*others, *(one.name for one in positional), *keyword_only)
    needed = [one.name for one in positional if one.default is Parameter.empty]
    name = method.__name__

    @wraps(method)
    def checked(self: Any, *values: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if others and len(values) > len(positional):
            value = safe_repr(values[len(positional)])
            raise TypeError(f"{name}() takes keywords such as queue='receipts', and got {value} without one.")
        for keyword in keywords:
            if keyword not in known:
                raise TypeError(
                    f"{name}() has no argument {keyword!r}.{did_you_mean(keyword, known)} It takes {listed(known)}."
                )
        for argument in needed[len(values) :]:
            if argument not in keywords:
                raise TypeError(f"{name}() needs the argument {argument!r}. It takes {listed(known)}.")
        return method(self, *values, **keywords)

    return checked  # type: ignore[return-value]


def takes_match(method: Method) -> Method:
    """Let a method that takes `MatchArguments` reject other keywords, and positional values, in a sentence."""
    return takes_keywords(method, Match._fields)
