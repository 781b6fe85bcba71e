"""A failed assertion with the timeline, which is loaded when the first one fails: most tests never see one."""

from __future__ import annotations

from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.state import State


def with_timeline(message: str, simulation: State) -> CloudTasksAssertionError:
    """A failed assertion whose message is followed by the timeline."""
    from .timeline import indented_excerpt

    return CloudTasksAssertionError(f"{message}\n\nTimeline:\n{indented_excerpt(simulation)}")
