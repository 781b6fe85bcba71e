"""The line: the tasks of a queue that wait for their dispatch, in the order in which they go."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator

from .task import Task, TaskState

Entry = tuple[int, int, int, int, Task]
"""When it goes, its rank, its number, how often it had been dispatched when it lined up, and the task.

A task that goes out of turn, or lines up again, leaves its earlier entries in the line; `still_waits` tells them apart.
"""


def still_waits(entry: Entry) -> bool:
    """Whether an entry is its task's latest."""
    at, rank, _, dispatch_count, task = entry
    return (
        task.state is TaskState.SCHEDULED
        and task.dispatch_count == dispatch_count
        and task.rank == rank
        and task.schedule_time + task.delay == at
    )


class Line:
    """Who comes last in order goes to the end, which takes no time; who has to go before others waits in a heap.

    Most tasks come in order. With a heap alone each would cost the more, the more are waiting.
    """

    __slots__ = ("_heap", "_run")

    def __init__(self) -> None:
        self._run: deque[Entry] = deque()
        self._heap: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """``entry`` lines up."""
        run = self._run
        while run and run[-1] > entry and not still_waits(run[-1]):
            run.pop()  # nobody has to go before one that is gone
        if not run or run[-1] < entry:
            run.append(entry)
        else:
            heapq.heappush(self._heap, entry)

    def first(self) -> Task | None:
        """The task that is next in line, due or not."""
        run, heap = self._run, self._heap
        while run or heap:
            is_in_heap = not run or (bool(heap) and heap[0] < run[0])
            entry = heap[0] if is_in_heap else run[0]
            if still_waits(entry):
                return entry[-1]
            if is_in_heap:  # dispatched out of turn, held back since, or gone
                heapq.heappop(heap)
            else:
                run.popleft()
        return None

    def up_to(self, at: int) -> list[Task]:
        """The tasks whose instant has come by ``at``, in line."""
        return _in_line(self._due(at))

    def __iter__(self) -> Iterator[Task]:
        """All tasks, in line."""
        return iter(_in_line([*self._run, *self._heap]))

    def _due(self, at: int) -> Iterator[Entry]:
        for entry in self._run:
            if entry[0] > at:
                break
            yield entry
        heap, index = self._heap, [0]
        while index:
            i = index.pop()
            if i >= len(heap) or heap[i][0] > at:
                continue  # what lies below in the heap is later still
            yield heap[i]
            index += (2 * i + 1, 2 * i + 2)


def _in_line(entries: Iterable[Entry]) -> list[Task]:
    """The tasks that still wait, each once: one that is held back by nothing lines up again where it stood."""
    line = sorted(entries, key=lambda entry: entry[:3])
    return list(dict.fromkeys(entry[-1] for entry in line if still_waits(entry)))
