"""What happens in a test beside the model's events, as it is kept: planned faults, clocks set anew."""

from __future__ import annotations

from typing import NamedTuple

from .._service.task import Task


class Origin(NamedTuple):
    """From event number ``event`` on the timeline counts from ``instant``; ``elapsed`` had passed by then."""

    event: int
    instant: int
    elapsed: int


class Note(NamedTuple):
    """A planned fault that has happened, before event number ``event``; ``offset`` from where time is held."""

    event: int
    offset: int
    text: str
    task: Task | None
    """Whose name comes before the text."""
