"""Arguments for a field: left to the strategy, a value, or a strategy of the caller's own."""

from __future__ import annotations

from datetime import timedelta
from types import EllipsisType
from typing import Any, TypeVar, Union

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from .._time.instants import duration_of, to_timedelta

T = TypeVar("T")
Given = Union[T, SearchStrategy[T], EllipsisType, None]
"""``...`` leaves a field to the strategy, None leaves it unset; else it is a value, or where to draw one from."""

RARE = 31
_dice = st.integers(0, RARE)


def chosen(draw: DrawFn, given: Any, default: SearchStrategy[Any]) -> Any:
    """Return what the caller gave, drawn if it is a strategy; for ``...`` draw from ``default``."""
    if given is ...:
        return draw(default)
    return draw(given) if isinstance(given, SearchStrategy) else given


def is_callers(*given: object) -> bool:
    """Whether any of these is the caller's, so that it has to be checked."""
    return any(one is not ... for one in given)


@st.composite
def mostly(draw: DrawFn, usual: SearchStrategy[T], rare: SearchStrategy[T]) -> T:
    """Draw from ``usual``, and now and then from ``rare``; shrinks to ``usual``.

    Hypothesis takes fewer draws for simpler, so what is simplest must draw no more than anything else: the usual value
    is drawn in any case. It is the same wherever in this package more is drawn than used.
    """
    value = draw(usual)
    return draw(rare) if draw(_dice) == RARE else value


def longest(characters: str, limit: int) -> SearchStrategy[str]:
    """Return texts that repeat one of ``characters``, ``limit`` times or once less."""
    return st.builds(lambda one, less: one * (limit - less), st.sampled_from(characters), st.sampled_from([1, 0]))


def nearest_first(nearest: T, others: SearchStrategy[T]) -> SearchStrategy[T]:
    """Return ``nearest``, which is the limit's neighbour, every other time; shrinks to it."""
    return st.just(nearest) | others


def duration_given(given: object, what: str) -> timedelta:
    """Return a duration that a strategy takes as an argument."""
    try:
        return to_timedelta(duration_of(given, what=what))
    except (TypeError, ValueError) as error:
        raise InvalidArgument(str(error)) from None


def durations(shortest: timedelta, longest: timedelta) -> SearchStrategy[timedelta]:
    """Return whole milliseconds, both ends included; shrinks to the shortest."""
    millisecond = timedelta(milliseconds=1)
    return st.builds(timedelta, milliseconds=st.integers(-(-shortest // millisecond), longest // millisecond))
