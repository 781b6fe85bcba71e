"""The Hypothesis strategies: tasks generated a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import strategies

from .measuring import Row, seconds_each

PLAIN = st.fixed_dictionaries(
    {
        "url": st.builds("https://{}.test/{}".format, st.integers(0, 9), st.text("abc", max_size=9)),
        "method": st.sampled_from(["POST", "PUT"]),
        "headers": st.dictionaries(st.text("abc", min_size=1, max_size=9), st.text("abc", max_size=9), max_size=3),
        "body": st.binary(max_size=20),
    }
)
"""What it costs Hypothesis to draw the fields of a plain task, unchecked and without a message."""


def drawing(strategy: st.SearchStrategy[Any]) -> Callable[[int], None]:
    """Runs a property that does nothing with what it is given."""

    def draw(count: int) -> None:
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def nothing(drawn: Any) -> None:
            pass

        nothing()

    return draw


def rows() -> Iterator[Row]:
    """Tasks and requests a second, and against what Hypothesis takes for fields of that kind."""
    took = seconds_each(
        {
            "plain": drawing(PLAIN),
            "tasks()": drawing(strategies.tasks()),
            "create_task_requests()": drawing(strategies.create_task_requests()),
        },
        count=500,
        rounds=5,
    )
    for name in ("tasks()", "create_task_requests()"):
        yield Row(f"{name}: drawn a second", 1 / took[name], "/s")
        yield Row(f"{name}: against fields drawn by hand", took[name] / took["plain"], "×")
