"""`Targets` finds the target of a task among all routes, mounts and forwards of a fake."""

from __future__ import annotations

from collections.abc import Callable

from .._service.request import PushTarget
from .._service.task import Task
from .base import Destination, Target, destination_of
from .forwards import ForwardTarget
from .mounts import MountTarget
from .routes import RouteTarget, nearly_matching


class Targets:
    """All routes, mounts and forwards of a fake."""

    def __init__(self) -> None:
        self._targets: list[Target] = []

    def add(self, target: Target) -> None:
        """Add a target. Of two equally specific ones the later is asked first: a test can override a fixture."""
        self._targets.insert(0, target)
        self._targets.sort(key=lambda target: target.specificity())

    def find_for(self, task: Task, sent: PushTarget) -> Target | None:
        """Return the target for ``task``, whose request is ``sent``."""
        return self.find(destination_of(task, sent))

    def find(self, destination: Destination) -> Target | None:
        """Return the most specific target that matches ``destination``."""
        for target in self._targets:
            if target.matches(destination):
                return target
        return None

    def nearly(self, destination: Destination) -> str:
        """Return a sentence about a route that differs only in method, queue or task; "" if there is none."""
        routes = (target for target in self._targets if isinstance(target, RouteTarget))
        return next(filter(None, (nearly_matching(route, destination) for route in routes)), "")

    def unused_scripts(self) -> list[str]:
        """Return a line for each route with unused answers, in the order in which routes are matched."""
        routes = (target for target in self._targets if isinstance(target, RouteTarget))
        return [f"{route.describe()}: {route.left_in_script}" for route in routes if route.left_in_script]

    @property
    def are_none(self) -> bool:
        """Whether there is no target."""
        return not self._targets

    def close(self) -> None:
        """End the mounted applications' lifespans and tasks in event loops."""
        for target in self._targets:
            target.close()

    def urls(self) -> list[str]:
        """Return the URLs of targets, without patterns."""
        urls = [
            target.url for target in self._targets if isinstance(target, RouteTarget) and isinstance(target.url, str)
        ]
        return urls + [target.base_url for target in self._targets if isinstance(target, (MountTarget, ForwardTarget))]

    def describe(self) -> list[str]:
        """Return the names of all targets, in the order in which they are matched."""
        return [target.describe() for target in self._targets]

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores all targets, their calls and their scripts to the current state."""
        targets = list(self._targets)
        restore = [target.snapshot() for target in targets]

        def back() -> None:
            self._targets = list(targets)
            for restore_target in restore:
                restore_target()

        return back
