"""How a delivery may end."""

from __future__ import annotations

from typing import Union

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn

Outcome = Union[int, type[Exception]]
"""A status, for `Route.returns`; TimeoutError or ConnectionError, for `Route.raises`."""

_SUCCESSES = (200, 201, 202, 204)
_FAILURES: tuple[Outcome, ...] = (500, 503, 429, 400, 401, 403, 404, 409, 302, TimeoutError, ConnectionError)
_successes: st.SearchStrategy[Outcome] = st.sampled_from(_SUCCESSES)
_failures: st.SearchStrategy[Outcome] = st.sampled_from(_FAILURES)


@st.composite
def outcomes(draw: DrawFn, *, success: bool | None = None) -> Outcome:
    """What a handler may come to: a status for ``returns()``, or an exception for ``raises()``.

    ``success=True`` gives 2xx alone, ``success=False`` all that is retried. Shrinks to 200, or to 500 where there is
    to be no success. Evidence: documented (what succeeds); the choice of failures is ours.
    """
    if success not in (None, True, False):
        raise InvalidArgument(f"outcomes(success={success!r}) takes True, False or None")
    if success is None:
        return draw(_successes | _failures)
    return draw(_successes if success else _failures)
