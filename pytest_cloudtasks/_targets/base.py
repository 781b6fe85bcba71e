"""The base class of targets, and the destinations of tasks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Literal, NamedTuple

from .._service.request import AppEngineTarget, PullMessage, PushTarget, Routing
from .._service.task import Task
from .._time.instants import Duration, duration_of
from .answers import Answer
from .request import TargetRequest, own_duration, url_of
from .urls import normal

Handler = Callable[[TargetRequest], Any]
OnException = Literal["raise", "500"]


class Precedence(Enum):
    """The order in which kinds of targets are matched, most specific first."""

    EXACT = 0
    GLOB = 1
    PATTERN = 2
    MOUNT = 3
    APP_ENGINE = 4
    LOOPBACK = 5


class AppEngineDestination(NamedTuple):
    """The part of an App Engine application that a task goes to."""

    relative_uri: str
    routing: Routing


class Destination(NamedTuple):
    """All of a task that its target depends on."""

    url: str
    method: str
    queue_name: str
    app_engine: AppEngineDestination | None = None
    task_name: str = ""

    @property
    def urls(self) -> tuple[str, str]:
        """The URL as written, and in its normal form."""
        return self.url, normal(self.url)

    @property
    def relative_uris(self) -> tuple[str, ...]:
        """The same for an App Engine task's relative URI; empty for another task."""
        return () if self.app_engine is None else (self.app_engine.relative_uri, normal(self.app_engine.relative_uri))


def destination_of(task: Task, sent: PushTarget | None = None) -> Destination:
    """Return the destination of ``task``. ``sent`` is its request, if its queue overrides its own target."""
    goes = sent or task.target
    assert not isinstance(goes, PullMessage), "a pull message is not sent anywhere"
    app_engine = None
    if isinstance(goes, AppEngineTarget):
        app_engine = AppEngineDestination(goes.relative_uri, goes.routing or Routing())
    return Destination(url_of(goes), goes.method, task.queue_name, app_engine, task.name)


class Target:
    """The base class of routes, mounts and forwards."""

    precedence: Precedence

    def __init__(self, on_exception: OnException | None) -> None:
        self.calls: list[TargetRequest] = []
        """The requests that came here, oldest first."""
        self.on_exception = on_exception
        self._duration = 0

    def takes(self, duration: Duration) -> Any:
        """Let every answer come ``duration`` after its dispatch, in the queue's time. Return the target."""
        self._duration = duration_of(duration, what="takes()")
        return self

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores the target to its current state."""
        calls, duration = list(self.calls), self._duration

        def back() -> None:
            self.calls[:] = calls
            self._duration = duration

        return back

    def duration_for(self, request: TargetRequest) -> int:
        """Return how long the answer to ``request`` takes, in nanoseconds."""
        own = own_duration(request)
        return self._duration if own is None else own

    def matches(self, destination: Destination) -> bool:
        """Return whether a task for ``destination`` goes to this target."""
        raise NotImplementedError

    def specificity(self) -> tuple[int, ...]:
        """The sort key of targets: smaller ones are matched first."""
        raise NotImplementedError

    @property
    def is_async(self) -> bool:
        """Whether it answers in an event loop."""
        raise NotImplementedError

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the answer, or a coroutine for it if the target is async. A handler's exceptions propagate."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return the target as messages name it."""
        raise NotImplementedError

    def known_paths(self) -> list[str] | None:
        """Return the paths of an application's routes, as far as it lists them; None for no application."""
        return None

    def has_route(self, host: str, path: str) -> bool | None:
        """Return whether an application has a route for a path; None if that is unknown."""
        return None

    def close(self) -> None:
        """End its lifespans and tasks in event loops."""
