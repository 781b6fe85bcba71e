"""How much of very many tasks, attempts and calls a page has; the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from .._service.task import Attempt, Task, TaskState
from .._text import counted, listed

TASKS = 5_000
ATTEMPTS = 10_000
CALLS = 2_000
"""How many a page has at most."""
LINES = 5_000
"""How many lines of the timeline's text a page without scripts shows."""

_T = TypeVar("_T")


def kept_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of a page, in their order: of too many, those that did not just succeed come before others."""
    if len(tasks) <= TASKS:
        return list(tasks)
    numbered = list(enumerate(tasks))
    numbered.sort(key=lambda pair: _is_uneventful(pair[1]))  # it is stable: otherwise the older come first
    return [task for _, task in sorted(numbered[:TASKS], key=lambda pair: pair[0])]


def _is_uneventful(task: Task) -> bool:
    return task.state is TaskState.SUCCEEDED and task.dispatch_count == 1


def share(counts: Iterable[int], total: int) -> int:
    """Return how many attempts each task may have, so that all together are at most ``total``; at least 2."""
    left, share = total, 0
    counts = sorted(counts)
    for index, count in enumerate(counts):
        if count * (len(counts) - index) > left:
            share = left // (len(counts) - index)
            break
        left -= count
    else:
        share = counts[-1] if counts else 0
    return max(2, share)


def middle_of(items: Sequence[_T], limit: int) -> Sequence[_T]:
    """Return what is left out of too many items: those in the middle."""
    if len(items) <= limit:
        return ()
    first = (limit + 1) // 2
    return items[first : len(items) - (limit - first)]


def attempts_left_out(attempts: Sequence[Attempt]) -> str:
    """``980 attempts left out: 979 × 500 and 1 × 200``."""
    return f"{counted(len(attempts), 'attempt')} left out: {_results(attempts)}"


def tasks_left_out(tasks: Sequence[Task]) -> str:
    """``9000 tasks left out: 9000 succeeded; attempts: 9000 × 200``."""
    states = Counter(task.state.value for task in tasks)
    told = f"{counted(len(tasks), 'task')} left out: {listed([f'{n} {state}' for state, n in states.most_common()])}"
    attempts = [attempt for task in tasks for attempt in task.attempts]
    return f"{told}; attempts: {_results(attempts)}" if attempts else told


def _results(attempts: Iterable[Attempt]) -> str:
    results = Counter("under way" if one.outcome is None else str(one.outcome.result) for one in attempts)
    return listed([f"{number} × {result}" for result, number in results.most_common()])
