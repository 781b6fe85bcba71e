"""All targets of a fake, and which of them a task's request goes to."""

from __future__ import annotations

from collections.abc import Callable

from .._service.request import Target as ModelTarget
from .._service.task import Task
from .base import Destination, Target, destination_of
from .forwards import Forward
from .mounts import Mount
from .routes import Route


class Targets:
    """All routes, mounts and forwards of a fake."""

    def __init__(self) -> None:
        self._targets: list[Target] = []

    def add(self, target: Target) -> None:
        """Of two equally specific targets the later one is asked first, so that a test can override a fixture."""
        self._targets.insert(0, target)
        self._targets.sort(key=lambda target: target.specificity())

    def find_for(self, task: Task, sent: ModelTarget) -> Target | None:
        """The target for ``task``, of which ``sent`` goes out."""
        return self.find(destination_of(task, sent))

    def find(self, destination: Destination) -> Target | None:
        """The target for a task that goes to ``destination``: the most specific that matches."""
        for target in self._targets:
            if target.matches(destination):
                return target
        return None

    def close(self) -> None:
        """End what mounted applications began in event loops."""
        for target in self._targets:
            target.close()

    def urls(self) -> list[str]:
        """The URLs that targets were made with, patterns left out."""
        urls = [target.url for target in self._targets if isinstance(target, Route) and isinstance(target.url, str)]
        return urls + [target.base_url for target in self._targets if isinstance(target, (Mount, Forward))]

    def describe(self) -> list[str]:
        """All of them, in the order they are asked."""
        return [target.describe() for target in self._targets]

    def snapshot(self) -> Callable[[], None]:
        """What brings all targets, their calls and their scripts, back to where they are now."""
        targets = list(self._targets)
        restore = [target.snapshot() for target in targets]

        def back() -> None:
            self._targets = list(targets)
            for one in restore:
                one()

        return back
