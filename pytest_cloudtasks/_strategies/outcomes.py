"""Strategies for the outcomes of deliveries."""

from __future__ import annotations

from typing import Any, Union

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn

from .._arguments import is_whole

Outcome = Union[int, type[Exception]]
"""A status, for `Route.returns`; TimeoutError or ConnectionError, for `Route.raises`."""

_SUCCESSES = (200, 201, 202, 204)
_FAILURES: tuple[Outcome, ...] = (500, 503, 429, 400, 401, 403, 404, 409, 302, TimeoutError, ConnectionError)
_successes: st.SearchStrategy[Outcome] = st.sampled_from(_SUCCESSES)
_failures: st.SearchStrategy[Outcome] = st.sampled_from(_FAILURES)


def checked_outcomes(outcomes: Any) -> tuple[Outcome, ...]:
    """Return ``outcomes``, those of one task's deliveries, if a route can be scripted with them."""
    checked = None if isinstance(outcomes, (int, str, type)) else tuple(outcomes or ())
    if checked is None or not all(_is_outcome(outcome) for outcome in checked):
        raise InvalidArgument(
            f"workloads(outcomes={outcomes!r}) takes a list of statuses and exceptions, such as [503, TimeoutError]"
        )
    return checked


def _is_outcome(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, Exception)
    return is_whole(value) and 100 <= value <= 599


@st.composite
def outcomes(draw: DrawFn, *, success: bool | None = None) -> Outcome:
    """Draw outcomes of a delivery: an HTTP status for ``returns()``, or an exception for ``raises()``.

    Shrinks to 200, or to 500 if there is no success.

    Args:
        success: True for 2xx alone, False for what is retried, None for both.
    """
    if success not in (None, True, False):
        raise InvalidArgument(f"outcomes(success={success!r}) takes True, False or None")
    if success is None:
        return draw(_successes | _failures)
    return draw(_successes if success else _failures)
