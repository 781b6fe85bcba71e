"""Examples that are not made simpler, which takes most of the time of Hypothesis's `find`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import Phase, find, settings
from hypothesis.strategies import SearchStrategy

AS_DRAWN = settings(phases=[Phase.generate], max_examples=2000)


def simplest(strategy: SearchStrategy[Any]) -> Any:
    """Return the first example that Hypothesis tries, which is the simplest one."""
    return find(strategy, lambda _: True, settings=AS_DRAWN)


def any_that(strategy: SearchStrategy[Any], fits: Callable[[Any], bool]) -> Any:
    """Return an example that fits, as it was drawn."""
    return find(strategy, fits, settings=AS_DRAWN)
