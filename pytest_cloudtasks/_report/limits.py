"""What a report draws of very many tasks and attempts; the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from .._service.task import Attempt, Task, TaskState
from .._text import counted, listed

TASKS = 1_000
ATTEMPTS = 2_000
CALLS = 500
"""How many a page draws at most."""

_T = TypeVar("_T")


def kept_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The tasks to draw, in their order: of too many, those that did not just succeed come before the others."""
    if len(tasks) <= TASKS:
        return list(tasks)
    numbered = list(enumerate(tasks))
    numbered.sort(key=lambda pair: _is_uneventful(pair[1]))  # it is stable: otherwise the older come first
    return [task for _, task in sorted(numbered[:TASKS], key=lambda pair: pair[0])]


def _is_uneventful(task: Task) -> bool:
    return task.state is TaskState.SUCCEEDED and task.dispatch_count == 1


def share(counts: Iterable[int], total: int = ATTEMPTS) -> int:
    """How many attempts each task may have drawn, so that all together are at most ``total``; at least 2."""
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


def ends_of(items: Sequence[_T], limit: int) -> tuple[Sequence[_T], Sequence[_T], Sequence[_T]]:
    """The first of them, those that are left out, the last."""
    if len(items) <= limit:
        return items, (), ()
    first = (limit + 1) // 2
    last = len(items) - (limit - first)
    return items[:first], items[first:last], items[last:]


def attempts_left_out(attempts: Sequence[Attempt]) -> str:
    """``980 attempts left out: 979 × 500 and 1 × 200``."""
    return f"{counted(len(attempts), 'attempt')} left out: {_results(attempts)}"


def tasks_left_out(tasks: Sequence[Task]) -> str:
    """``9000 tasks left out: 9000 succeeded; attempts: 9000 × 200``; "" for none."""
    if not tasks:
        return ""
    states = Counter(task.state.value for task in tasks)
    told = f"{counted(len(tasks), 'task')} left out: {listed([f'{n} {state}' for state, n in states.most_common()])}"
    attempts = [attempt for task in tasks for attempt in task.attempts]
    return f"{told}; attempts: {_results(attempts)}" if attempts else told


def _results(attempts: Iterable[Attempt]) -> str:
    results = Counter("under way" if one.outcome is None else str(one.outcome.result) for one in attempts)
    return listed([f"{number} × {result}" for result, number in results.most_common()])
