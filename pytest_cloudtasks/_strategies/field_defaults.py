"""Arguments of fields: left to the strategy, a value, or the caller's own strategy."""

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
"""``...`` leaves a field to the strategy, None leaves it unset; anything else is a value or a strategy for it."""

RARE = 31
_dice = st.integers(0, RARE)


def chosen(draw: DrawFn, value: Any, default: SearchStrategy[Any]) -> Any:
    """Return the caller's value, drawn if it is a strategy; for ``...`` draw from ``default``."""
    if value is ...:
        return draw(default)
    return draw(value) if isinstance(value, SearchStrategy) else value


def is_callers(*values: object) -> bool:
    """Return whether any of these comes from the caller and has to be checked."""
    return any(value is not ... for value in values)


@st.composite
def mostly(draw: DrawFn, usual: SearchStrategy[T], rare: SearchStrategy[T]) -> T:
    """Draw from ``usual``, and sometimes from ``rare``. Shrinks to ``usual``.

    For Hypothesis, fewer draws are simpler, so the simplest value must not draw more than others: the usual value is
    always drawn. The same holds for other draws in this package that may stay unused.
    """
    value = draw(usual)
    return draw(rare) if draw(_dice) == RARE else value


def longest(characters: str, limit: int) -> SearchStrategy[str]:
    """Return texts that repeat one of ``characters``, ``limit`` times or one less."""
    return st.builds(lambda one, less: one * (limit - less), st.sampled_from(characters), st.sampled_from([1, 0]))


def nearest_first(nearest: T, others: SearchStrategy[T]) -> SearchStrategy[T]:
    """Return ``nearest``, the value next to the limit, every second time. Shrinks to it."""
    return st.just(nearest) | others


def duration_given(duration: object, what: str) -> timedelta:
    """Return a duration that was passed to a strategy."""
    try:
        return to_timedelta(duration_of(duration, what=what))
    except (TypeError, ValueError) as error:
        raise InvalidArgument(str(error)) from None


def durations(shortest: timedelta, longest: timedelta) -> SearchStrategy[timedelta]:
    """Return whole milliseconds, both ends included; shrinks to the shortest."""
    millisecond = timedelta(milliseconds=1)
    return st.builds(timedelta, milliseconds=st.integers(-(-shortest // millisecond), longest // millisecond))
