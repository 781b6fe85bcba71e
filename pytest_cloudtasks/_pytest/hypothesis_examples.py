"""A fresh simulation for every Hypothesis example.

This module does not import Hypothesis: a ``@given`` test has an attribute ``hypothesis`` whose ``inner_test`` other
plugins may replace, as the Hypothesis documentation describes for custom executors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._api.fake import FakeCloudTasks, run_in
from .._diagnostics.strict import check_strictness
from .._simulation.simulation import Simulation


@contextmanager
def fresh_examples(
    test: Any, fake: FakeCloudTasks, simulation: Simulation, show: Callable[[Simulation], None]
) -> Iterator[None]:
    """Run each example of ``test`` in a copy of ``simulation`` as the test's fixtures left it."""
    inner = test.inner_test
    fresh = simulation.snapshot()
    simulation.clock.pause()

    @contextmanager
    def example() -> Iterator[None]:
        __tracebackhide__ = True
        copy = fresh()
        show(copy)
        with run_in(fake, copy):
            copy.clock.resume()
            yield
        check_strictness(copy.settings.strict, copy.history, copy.service, copy.clock, copy.targets)

    if inspect.iscoroutinefunction(inner):

        @functools.wraps(inner)
        async def in_fresh_simulation(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            with example():
                return await inner(*args, **kwargs)

    else:

        @functools.wraps(inner)
        def in_fresh_simulation(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            with example():
                return inner(*args, **kwargs)

    test.inner_test = in_fresh_simulation
    try:
        yield
    finally:
        test.inner_test = inner
        simulation.clock.resume()
