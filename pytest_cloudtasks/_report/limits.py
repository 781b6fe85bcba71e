"""Limits for the tasks, attempts and calls of a page; the rest is only counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from .._service.task import Attempt, Task, TaskState
from .._text import counted, listed

TASKS = 5_000
ATTEMPTS = 10_000
CALLS = 2_000
"""The most that a page has of each."""
LINES = 5_000
"""Most lines of the timeline's text, which a browser without scripts shows."""

_T = TypeVar("_T")


def kept_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of a page, in their order. Of too many, those that simply succeeded are dropped first."""
    if len(tasks) <= TASKS:
        return list(tasks)
    numbered = list(enumerate(tasks))
    numbered.sort(key=lambda pair: _is_uneventful(pair[1]))  # stable: in each group the older come first
    return [task for _, task in sorted(numbered[:TASKS], key=lambda pair: pair[0])]


def _is_uneventful(task: Task) -> bool:
    return task.state is TaskState.SUCCEEDED and task.dispatch_count == 1


def share(counts: Iterable[int], total: int) -> int:
    """Return the most attempts per task, at least 2, so that all tasks together have at most ``total``."""
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
    """Return the items in the middle, which are left out if there are more than ``limit``."""
    if len(items) <= limit:
        return ()
    first = (limit + 1) // 2
    return items[first : len(items) - (limit - first)]


def attempts_left_out(attempts: Sequence[Attempt]) -> str:
    """Return a text such as ``980 attempts left out: 979 × 500 and 1 × 200``."""
    return f"{counted(len(attempts), 'attempt')} left out: {_results(attempts)}"


def tasks_left_out(tasks: Sequence[Task]) -> str:
    """Return a text such as ``9000 tasks left out: 9000 succeeded; attempts: 9000 × 200``."""
    states = Counter(task.state.value for task in tasks)
    text = f"{counted(len(tasks), 'task')} left out: {listed([f'{n} {state}' for state, n in states.most_common()])}"
    attempts = [attempt for task in tasks for attempt in task.attempts]
    return f"{text}; attempts: {_results(attempts)}" if attempts else text


def _results(attempts: Iterable[Attempt]) -> str:
    results = Counter("under way" if attempt.outcome is None else str(attempt.outcome.result) for attempt in attempts)
    return listed([f"{number} × {result}" for result, number in results.most_common()])
