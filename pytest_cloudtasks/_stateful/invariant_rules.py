"""Promises as invariants of a machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import invariant, precondition

from .invariants import AFTER_A_STEP, ALONG_THE_WAY
from .observed_state import Story

if TYPE_CHECKING:
    from .._api.fake import FakeCloudTasks


class Promises:
    """The promises of one example, and the sentences of those that are broken."""

    def __init__(self, cloud_tasks: FakeCloudTasks, *, purges_take_time: bool) -> None:
        self.story = Story(purges_take_time=purges_take_time)
        self.broken: dict[str, str] = {}
        self._cloud_tasks = cloud_tasks
        self._asked: set[str] = set()
        self.look()

    def is_broken(self, name: str) -> bool:
        """Whether a promise is; the story is read on when the same one is asked for again, which is after a step."""
        if name in self._asked:
            self._asked.clear()
            self.look()
        self._asked.add(name)
        return name in self.broken

    def look(self) -> None:
        """Read on."""
        for what in self.story.unread(self._cloud_tasks):
            for en_route in ALONG_THE_WAY:
                self._note(en_route, en_route(self.story, what))
        there = self._cloud_tasks.tasks()
        for afterwards in AFTER_A_STEP:
            self._note(afterwards, afterwards(self.story, there))

    def _note(self, promise: Callable[..., Any], sentence: str | None) -> None:
        if sentence is not None:
            self.broken.setdefault(promise.__name__, sentence)


def promised(promise: Callable[..., Any]) -> Callable[[Any], None]:
    """An invariant that fails with the sentence of ``promise``.

    While it is kept, the invariant's precondition isn't met: so the steps that Hypothesis prints have a line for the
    one that is broken, and none for the others.
    """
    name = promise.__name__

    def check(machine: Any) -> None:
        __tracebackhide__ = True
        raise AssertionError(machine._promises.broken[name])

    def is_broken(machine: Any) -> bool:
        return bool(machine._promises.is_broken(name))

    check.__name__ = check.__qualname__ = name
    check.__doc__ = promise.__doc__
    decorated: Callable[[Any], None] = invariant()(precondition(is_broken)(check))
    return decorated
