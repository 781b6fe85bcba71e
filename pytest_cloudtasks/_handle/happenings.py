"""What happens in a test beside the model's events, as it is kept: deliveries, planned faults, clocks set anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .._model.task import Task
from .._targets.answers import Answer
from .._targets.base import Target
from .._targets.request import TargetRequest


@dataclass(slots=True)
class Delivery:
    """An attempt as its target saw it."""

    request: TargetRequest
    target: Target
    answer: Answer | None


class Origin(NamedTuple):
    """From event number ``event`` on the timeline counts from ``instant``; ``elapsed`` had passed by then."""

    event: int
    instant: int
    elapsed: int


class Note(NamedTuple):
    """A planned fault that has happened, before event number ``event``; ``offset`` from first contact."""

    event: int
    offset: int
    text: str
    task: Task | None
    """Whose name comes before the text."""
