"""What a test has looked at, which `strict` asks for: tasks that assertions have matched, errors of handlers."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from .._service.task import Attempt, Task

WIDTH = 200
"""How much of an error's first line is kept."""


class Attention:
    """Keeps numbers and texts rather than tasks, since each Hypothesis example has tasks of its own."""

    def __init__(self) -> None:
        self._matched: set[int] = set()
        self._errors: dict[tuple[int, int], str] = {}

    def matched(self, tasks: Iterable[Task]) -> None:
        """An assertion has found ``tasks``."""
        self._matched.update(task.sequence for task in tasks)

    def asserted(self, task: Task) -> None:
        """An assertion about the attempts of ``task`` has passed: who knows how they ended knows of their errors."""
        self._matched.add(task.sequence)
        for place in [place for place in self._errors if place[0] == task.sequence]:
            del self._errors[place]

    def read(self, attempt: Attempt) -> None:
        """The test has read how ``attempt`` ended."""
        if self._errors:
            self._errors.pop(_place(attempt), None)

    def recorded(self, attempt: Attempt, error: BaseException) -> None:
        """A handler has raised ``error``, and the service got a 500 for it."""
        first, _, more = traceback.format_exception_only(type(error), error)[-1].strip().partition("\n")
        self._errors[_place(attempt)] = f"{first[:WIDTH]} …" if more or len(first) > WIDTH else first

    def has_matched(self, task: Task) -> bool:
        """Whether an assertion has found ``task``."""
        return task.sequence in self._matched

    def unseen_errors(self) -> Iterable[tuple[int, int, str]]:
        """Errors that nobody has looked at: the number of the task, that of the attempt, and the text."""
        return ((*place, text) for place, text in self._errors.items())

    def copy(self) -> Attention:
        """The same, to go its own way."""
        copied = Attention()
        copied._matched, copied._errors = set(self._matched), dict(self._errors)
        return copied


def _place(attempt: Attempt) -> tuple[int, int]:
    return attempt.task.sequence, attempt.number
