"""Contenders: the tasks of which any could be the next to go out."""

from __future__ import annotations

from collections.abc import Iterable

from .queue import Queue
from .task import Task


def contenders(queues: Iterable[Queue], at: int, first: Task) -> list[tuple[Task, Queue]]:
    """The tasks whose instant has come by ``at``, of queues that may send one then; ``first`` is the first in line.

    Evidence: documented (no order among tasks).
    """
    found = [(task, queue) for queue in queues for task in queue.due(at) if at < queue.gone_by(task)]
    return sorted(found, key=lambda one: (one[0] is not first, one[0].goes_at, one[0].rank, one[0].sequence))
