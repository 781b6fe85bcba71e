"""What a test has inspected, for the option `strict`."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from .._service.task import Attempt, Task

WIDTH = 200
"""The number of characters kept of an error's first line."""


class Inspected:
    """What a test has inspected: tasks that assertions have found, and errors of handlers. For `strict`.

    It keeps numbers and texts rather than tasks, because each Hypothesis example has its own tasks.
    """

    def __init__(self) -> None:
        self._matched: set[int] = set()
        self._errors: dict[tuple[int, int], str] = {}

    def matched(self, tasks: Iterable[Task]) -> None:
        """Record that an assertion has found ``tasks``."""
        self._matched.update(task.sequence for task in tasks)

    def asserted(self, task: Task) -> None:
        """Record that an assertion about the attempts of ``task`` has passed, which covers their errors."""
        self._matched.add(task.sequence)
        for place in [place for place in self._errors if place[0] == task.sequence]:
            del self._errors[place]

    def read(self, attempt: Attempt) -> None:
        """Record that the test has read how ``attempt`` ended."""
        if self._errors:
            self._errors.pop(_place(attempt), None)

    def recorded(self, attempt: Attempt, error: BaseException) -> None:
        """Record that a handler has raised ``error``, answered with 500."""
        first, _, others = traceback.format_exception_only(type(error), error)[-1].strip().partition("\n")
        self._errors[_place(attempt)] = f"{first[:WIDTH]} …" if others or len(first) > WIDTH else first

    def has_matched(self, task: Task) -> bool:
        """Return whether an assertion has found ``task``."""
        return task.sequence in self._matched

    def unseen_errors(self) -> Iterable[tuple[int, int, str]]:
        """Return errors that were not inspected: the number of the task, the number of the attempt, and the text."""
        return ((*place, text) for place, text in self._errors.items())

    def copy(self) -> Inspected:
        """Return an independent copy."""
        copied = Inspected()
        copied._matched, copied._errors = set(self._matched), dict(self._errors)
        return copied


def _place(attempt: Attempt) -> tuple[int, int]:
    return attempt.task.sequence, attempt.number
