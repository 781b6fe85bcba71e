"""Routes and mounts: which target a task's request goes to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from .._model import names
from .._model.attempt import response
from .._model.task import Target as ModelTarget
from .._model.task import Task
from .answers import Answer, answer_of, checked_status, scripted_exception
from .asgi import AsgiApp, AsgiServer, is_asgi
from .request import TargetRequest, duration_of, url_of
from .wsgi import WsgiApp, call_wsgi

Handler = Callable[[TargetRequest], Any]
OnException = Literal["raise", "500"]


class Precedence(Enum):
    """What is asked first, most specific first."""

    EXACT = 0
    GLOB = 1
    PATTERN = 2
    MOUNT = 3


@dataclass(frozen=True)
class Destination:
    """Where a task wants to go: all that decides on its target."""

    url: str
    method: str
    queue_name: str


def destination_of(task: Task, sent: ModelTarget | None = None) -> Destination:
    """The destination of ``task``, of which ``sent`` goes out: its own target, unless its queue overrides that."""
    sent = sent or task.target
    return Destination(url_of(sent), sent.method, task.queue_name)


class Target:
    """What routes and mounts have in common."""

    precedence: Precedence

    def __init__(self, on_exception: OnException | None) -> None:
        self.calls: list[TargetRequest] = []
        """The requests that came here, oldest first."""
        self.on_exception = on_exception
        self._duration = 0

    def takes(self, duration: timedelta) -> Any:
        """Every answer comes ``duration`` after its dispatch, in the queue's time; returns the target itself."""
        self._duration = duration_of(duration, "takes()")
        return self

    def snapshot(self) -> Callable[[], None]:
        """What brings the target back to where it is now."""
        calls, duration = list(self.calls), self._duration

        def back() -> None:
            self.calls[:] = calls
            self._duration = duration

        return back

    def duration_for(self, request: TargetRequest) -> int:
        """How long the answer to ``request`` takes, in nanoseconds."""
        return self._duration if request.duration is None else request.duration

    def matches(self, destination: Destination) -> bool:
        """Whether a task for ``destination`` goes here."""
        raise NotImplementedError

    def specificity(self) -> tuple[int, ...]:
        """Sorts targets: the smaller, the earlier asked."""
        raise NotImplementedError

    @property
    def is_async(self) -> bool:
        """Whether it answers in an event loop."""
        raise NotImplementedError

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """The answer, or for an async target a coroutine that gives it; what a handler raises comes through."""
        raise NotImplementedError


class Route(Target):
    """A URL that the test answers itself: by a handler, by a script, or, without either, always with 200."""

    def __init__(
        self,
        url: str | re.Pattern[str],
        *,
        method: str | None,
        queue: str | None,
        handler: Handler | None,
        on_exception: OnException | None,
    ) -> None:
        super().__init__(on_exception)
        self.url = url
        self.method = method.upper() if method else None
        self.queue = queue
        self._handler = handler
        self._script: list[int | BaseException] = []
        self._played = 0
        self._passes = False
        self._pattern: re.Pattern[str] | None = None
        if isinstance(url, re.Pattern):
            self.precedence, self._pattern = Precedence.PATTERN, url
        elif "*" in url:
            self.precedence = Precedence.GLOB
            self._pattern = re.compile(".*".join(re.escape(part) for part in url.split("*")), re.DOTALL)
        else:
            self.precedence = Precedence.EXACT

    def returns(self, *statuses: int) -> Route:
        """Answer with these HTTP statuses, one a call; the last repeats. Calls add to the script."""
        if not statuses:
            raise ValueError("returns() takes at least one HTTP status, such as returns(503, 200).")
        return self._extend([checked_status(status) for status in statuses])

    def raises(self, exception: BaseException | type[BaseException]) -> Route:
        """Answer as if the handler had raised ``exception``; it never fails the test.

        TimeoutError stands for an answer past the dispatch deadline, ConnectionError for no response at all, any
        other exception for a 500.
        """
        raised = exception() if isinstance(exception, type) else exception
        if not isinstance(raised, BaseException):
            raise TypeError(f"raises() takes an exception, such as TimeoutError, and got {exception!r}.")
        return self._extend([raised])

    def takes(self, duration: timedelta) -> Route:
        """Every answer comes ``duration`` after its dispatch, in the queue's time."""
        super().takes(duration)
        return self

    def then_pass(self) -> Route:
        """After the script so far, let requests through to the next route or mount that matches."""
        self._refuse_with_handler("then_pass()")
        self._passes = True
        return self

    def _extend(self, steps: list[Any]) -> Route:
        self._refuse_with_handler("a script")
        if self._passes:
            raise ValueError("then_pass() ends the script of a route: put returns() and raises() before it.")
        self._script += steps
        return self

    def _refuse_with_handler(self, what: str) -> None:
        if self._handler is not None:
            raise ValueError(
                f"The route {self.describe()} has a handler, and can't have {what} besides. Use one of them."
            )

    def matches(self, destination: Destination) -> bool:
        """By URL, and by method and queue where they are given; a played-out script passes on."""
        if self._passes and self._played >= len(self._script):
            return False
        if self.method is not None and destination.method != self.method:
            return False
        queue_name = destination.queue_name
        if self.queue is not None and self.queue not in (queue_name, names.short(queue_name)):
            return False
        if self._pattern is None:
            return destination.url == self.url
        find = self._pattern.search if self.precedence is Precedence.PATTERN else self._pattern.fullmatch
        return find(destination.url) is not None

    def specificity(self) -> tuple[int, ...]:
        """Exact URLs first, then globs by their length, then patterns; method and queue make it more specific."""
        text = self.url.pattern if isinstance(self.url, re.Pattern) else self.url
        length = len(text.replace("*", "")) if self.precedence is Precedence.GLOB else 0
        return (self.precedence.value, -length, -((self.method is not None) + (self.queue is not None)))

    @property
    def is_async(self) -> bool:
        """Whether the handler is a coroutine function."""
        return inspect.iscoroutinefunction(self._handler)

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """By the handler, or by the next step of the script."""
        if self._handler is not None:
            result = self._handler(request)
            return _awaited(result) if inspect.isawaitable(result) else answer_of(result)
        if not self._script:
            return Answer(response(200))
        step = self._script[min(self._played, len(self._script) - 1)]
        self._played += 1
        return scripted_exception(step) if isinstance(step, BaseException) else Answer(response(step))

    def snapshot(self) -> Callable[[], None]:
        """What brings the route and its script back to where they are now."""
        back_target, script, played, passes = super().snapshot(), list(self._script), self._played, self._passes

        def back() -> None:
            back_target()
            self._script[:] = script
            self._played, self._passes = played, passes

        return back

    def describe(self) -> str:
        """The route as a message names it."""
        text = f"re.compile({self.url.pattern!r})" if isinstance(self.url, re.Pattern) else self.url
        limits = [part for part in (self.method, self.queue and f"queue {self.queue}") if part]
        return f"{text} ({', '.join(limits)})" if limits else text

    def __repr__(self) -> str:
        return f"<route {self.describe()}, {len(self.calls)} calls>"


class Mount(Target):
    """An application that answers for every URL under a base URL."""

    precedence = Precedence.MOUNT

    def __init__(self, base_url: str, app: WsgiApp | AsgiApp, on_exception: OnException | None) -> None:
        super().__init__(on_exception)
        if not callable(app):
            raise TypeError(f"mount() takes a WSGI or an ASGI application, and {app!r} can't be called.")
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"mount() takes a base URL such as https://app.test, and got {base_url!r}.")
        self.base_url = base_url
        self._origin = _origin(base_url)
        self._path = parts.path.rstrip("/")
        self._app = app
        self._asgi = AsgiServer(cast("AsgiApp", app)) if is_asgi(app) else None

    def matches(self, destination: Destination) -> bool:
        """Whether the URL lies under the base, by whole path segments."""
        if _origin(destination.url) != self._origin:
            return False
        path = urlsplit(destination.url).path
        return path == self._path or path.startswith(f"{self._path}/") or not self._path

    def specificity(self) -> tuple[int, ...]:
        """After all routes; a longer base first."""
        return (self.precedence.value, -len(self._path), 0)

    @property
    def is_async(self) -> bool:
        """Whether it is an ASGI application."""
        return self._asgi is not None

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """The application's answer to the request at its full path."""
        if self._asgi is None:
            return call_wsgi(cast("WsgiApp", self._app), request)
        return self._asgi.answer(request)

    def close(self) -> None:
        """End what an ASGI application began in event loops."""
        if self._asgi is not None:
            self._asgi.close()

    def takes(self, duration: timedelta) -> Mount:
        """Every answer comes ``duration`` after its dispatch, in the queue's time."""
        super().takes(duration)
        return self

    def describe(self) -> str:
        """The mount as a message names it."""
        return f"{self.base_url} (mounted {_name_of(self._app)})"

    def __repr__(self) -> str:
        return f"<mount {self.describe()}, {len(self.calls)} calls>"


async def _awaited(result: Awaitable[Any]) -> Answer:
    __tracebackhide__ = True
    return answer_of(await result)


def _origin(url: str) -> tuple[str, str | None, int] | None:
    """Scheme, host and port; None for what is no URL, which the service accepts in a task all the same."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def _name_of(app: object) -> str:
    return getattr(app, "name", None) or getattr(app, "__name__", None) or type(app).__name__


class Targets:
    """All routes and mounts of a fake."""

    def __init__(self) -> None:
        self._targets: list[Route | Mount] = []

    def add(self, target: Route | Mount) -> None:
        """Of two equally specific targets the later one is asked first, so that a test can override a fixture."""
        self._targets.insert(0, target)
        self._targets.sort(key=lambda target: target.specificity())

    def find_for(self, task: Task, sent: ModelTarget) -> Route | Mount | None:
        """The target for ``task``, of which ``sent`` goes out."""
        return self.find(destination_of(task, sent))

    def find(self, destination: Destination) -> Route | Mount | None:
        """The target for a task that goes to ``destination``: the most specific that matches."""
        return next((target for target in self._targets if target.matches(destination)), None)

    def close(self) -> None:
        """End what mounted applications began in event loops."""
        for target in self._targets:
            if isinstance(target, Mount):
                target.close()

    def urls(self) -> list[str]:
        """The URLs that routes and mounts were made with, patterns left out."""
        urls = [target.url if isinstance(target, Route) else target.base_url for target in self._targets]
        return [url for url in urls if isinstance(url, str)]

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
