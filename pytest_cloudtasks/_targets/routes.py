"""Routes: URLs that the test answers itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from .._service.request import HTTP_METHODS
from .._service.validation import id_of, is_queue, is_queue_id, is_task, is_task_id
from .._text import counted, is_encodable, safe_repr
from .answers import Answer, answer_of, checked_status, plain_answer, scripted_exception
from .base import Destination, Handler, OnException, Precedence, Target
from .factories import name_of, takes_one_argument
from .request import TargetRequest
from .urls import glob_pattern, normal, normal_glob


class RouteTarget(Target):
    """A URL that the test answers itself: by a handler, by a script, or, without either, always with 200."""

    def __init__(
        self,
        url: str | re.Pattern[str],
        *,
        method: str | None,
        queue: str | None,
        name: str | None = None,
        handler: Handler | None,
        on_exception: OnException | None,
    ) -> None:
        super().__init__(on_exception)
        _check_url(url)
        _check_others(method, queue, name, handler)
        self.url = url
        self.method = method.upper() if method else None
        self.queue = queue
        self.name = name
        self._handler = handler
        self._script: list[Answer | BaseException] = []
        self._played = 0
        self._passes = False
        self._match_url: Callable[[Destination], bool]
        if isinstance(url, re.Pattern):
            self.precedence, self._match_url = Precedence.PATTERN, _by_pattern(url)
        elif "*" in url:
            self.precedence, self._match_url = Precedence.GLOB, _by_glob(url)
        else:
            self.precedence, self._match_url = Precedence.EXACT, _by_url(url)

    def returns(self, *answers: int | tuple[int, Mapping[str, str]]) -> RouteTarget:
        """Add answers to the script: HTTP statuses, or pairs of a status and headers."""
        if not answers:
            raise ValueError("returns() takes at least one HTTP status, such as returns(503, 200).")
        return self._extend([answer_of(answer) if isinstance(answer, tuple) else _plain(answer) for answer in answers])

    def raises(self, exception: BaseException | type[BaseException]) -> RouteTarget:
        """Add an exception to the script."""
        raised = exception() if isinstance(exception, type) else exception
        if not isinstance(raised, BaseException):
            raise TypeError(f"raises() takes an exception, such as TimeoutError, but got {safe_repr(exception)}.")
        return self._extend([raised])

    def then_pass_through(self) -> RouteTarget:
        """After the script so far, let requests through to the next route or mount that matches."""
        self._refuse_with_handler("then_pass_through()")
        self._passes = True
        return self

    def _extend(self, steps: list[Any]) -> RouteTarget:
        self._refuse_with_handler("a script")
        if self._passes:
            raise ValueError("then_pass_through() ends the script of a route: put returns() and raises() before it.")
        self._script += steps
        return self

    def _refuse_with_handler(self, what: str) -> None:
        if self._handler is not None:
            raise ValueError(
                f"The route {self.describe()} has a handler, so it can't have {what} as well. Use one of them."
            )

    def matches(self, destination: Destination) -> bool:
        """Return whether the URL matches, and method, queue and task if given. A script that has ended may pass on."""
        if self._passes and self._played >= len(self._script):
            return False
        return not self._limits_missed(destination) and self._match_url(destination)

    def _limits_missed(self, destination: Destination) -> list[str]:
        missed = []
        if self.method is not None and destination.method != self.method:
            missed.append(f"method {self.method}")
        if self.queue is not None and self.queue not in _names(destination.queue_name):
            missed.append(f"queue {id_of(self.queue)}")
        if self.name is not None and self.name not in _names(destination.task_name):
            missed.append(f"task {id_of(self.name)}")
        return missed

    def specificity(self) -> tuple[int, ...]:
        """Order routes for one task first, then exact URLs, longer globs, patterns; then those with a method or a
        queue.

        Of two exact URLs that are otherwise alike, the one with a host comes first.
        """
        text = self.url.pattern if isinstance(self.url, re.Pattern) else self.url
        length = len(text.replace("*", "")) if self.precedence is Precedence.GLOB else 0
        limits = (self.method is not None) + (self.queue is not None)
        own = self.precedence.value if self.name is None else self.precedence.value - len(Precedence)
        return (own, -length, -limits, text.startswith("/"))

    @property
    def is_async(self) -> bool:
        """Whether the handler is a coroutine function."""
        return inspect.iscoroutinefunction(self._handler)

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the handler's answer, or the next one of the script."""
        if self._handler is not None:
            result = self._handler(request)
            is_there = result is None or not inspect.isawaitable(result)
            return answer_of(result) if is_there else _awaited(result)
        if not self._script:
            return plain_answer(200)
        step = self._script[min(self._played, len(self._script) - 1)]
        self._played += 1
        return scripted_exception(step) if isinstance(step, BaseException) else step

    @property
    def left_in_script(self) -> str:
        """Return the unused part of the script in short; "" for nothing, and for one answer that repeats."""
        used, steps = self._played, len(self._script)
        if used >= steps or (steps == 1 and not self._passes):
            return ""
        following = self._script[used]
        result = following.outcome.result if isinstance(following, Answer) else type(following).__name__
        return f"{used} of {counted(steps, 'answer')} given, next is {result}"

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores the route and its script to the current state."""
        back_target, script, played, passes = super().snapshot(), list(self._script), self._played, self._passes

        def back() -> None:
            back_target()
            self._script[:] = script
            self._played, self._passes = played, passes

        return back

    def describe(self) -> str:
        """Return the route as messages name it."""
        text = _url_text(self.url)
        named = self.queue and f"queue {self.queue}", self.name and f"task {id_of(self.name)}"
        limits = [part for part in (self.method, *named) if part]
        return f"{text} ({', '.join(limits)})" if limits else text

    def __repr__(self) -> str:
        return f"<route {self.describe()}, {len(self.calls)} calls>"


def nearly_matching(route: RouteTarget, destination: Destination) -> str:
    """Return why ``route``, whose URL matches and which has got nothing, does not answer; "" where that is not so."""
    missed = [] if route.calls or not route._match_url(destination) else route._limits_missed(destination)
    return f"A route matches {_url_text(route.url)}, but only for {' and '.join(missed)}." if missed else ""


def _url_text(url: str | re.Pattern[str]) -> str:
    return f"re.compile({url.pattern!r})" if isinstance(url, re.Pattern) else url


def _names(name: str) -> tuple[str, str]:
    return name, id_of(name)


def _plain(status: int) -> Answer:
    return plain_answer(checked_status(status))


async def _awaited(result: Awaitable[Any]) -> Answer:
    __tracebackhide__ = True
    return answer_of(await result)


def _check_url(url: object) -> None:
    """Raise ValueError for a URL that no task can have."""
    if isinstance(url, re.Pattern) and isinstance(url.pattern, str):
        return
    if (
        isinstance(url, str)
        and is_encodable(url)
        and ("*" in url or url.lower().startswith(("http://", "https://", "/")))
    ):
        return
    raise (ValueError if isinstance(url, str) else TypeError)(
        "route() takes a URL such as https://app.test/work, the relative URI of App Engine tasks such as /work, a glob"
        f" with *, or a compiled pattern of text, but got {safe_repr(url)}."
    )


def _check_others(method: object, queue: object, name: object, handler: object) -> None:
    for option, what, value in (("method", "method", method), ("queue", "queue", queue), ("name", "task", name)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"route({option}=…) takes a text, or None for any {what}, but got {safe_repr(value)}.")
    _check_name("queue", queue, is_queue_id, is_queue)
    _check_name("task", name, is_task_id, is_task)
    if isinstance(method, str) and method.upper() not in HTTP_METHODS:
        raise ValueError(
            f"route(method=…) takes a method that a task can have, {', '.join(HTTP_METHODS)}, but got"
            f" {safe_repr(method)}."
        )
    if handler is not None and not callable(handler):
        raise TypeError(
            f"route(handler=…) takes a function of a TargetRequest, but got {safe_repr(handler)}."
            f" Script a route that always"
            " answers the same, such as .returns(503)."
        )
    if handler is not None and not takes_one_argument(handler):
        raise TypeError(
            f"route(handler=…) takes a function of one argument, the TargetRequest, but got {name_of(handler)}, which"
            " can't be called with one. Write `def handler(request): …`."
        )


def _check_name(what: str, name: object, is_id: Callable[[str], bool], is_name: Callable[[str], bool]) -> None:
    """Refuse a text by which no queue or task can be named."""
    if isinstance(name, str) and not (is_name(name) and is_id(id_of(name)) if "/" in name else is_id(name)):
        option = "name" if what == "task" else what
        raise ValueError(
            f"route({option}=…) takes a {what}'s ID or full name, or None for any {what}, but got {safe_repr(name)}."
        )


def _texts(destination: Destination, is_relative: bool) -> tuple[str, ...]:
    return destination.relative_uris if is_relative else destination.urls


def _by_url(url: str) -> Callable[[Destination], bool]:
    """Return any URL by which the same request is made; what begins with a slash is the URI of an App Engine task."""
    wanted = normal(url)
    if url.startswith("/"):
        return lambda destination: wanted in destination.relative_uris[1:]
    return lambda destination: wanted == destination.urls[1]


def _by_glob(glob: str) -> Callable[[Destination], bool]:
    """Match a glob against the whole URL, as it is written or in its normal form. Only the star is special."""
    as_written, in_normal_form = glob_pattern(glob), glob_pattern(normal_glob(glob))
    is_relative = glob.startswith("/")

    def matches(destination: Destination) -> bool:
        texts = _texts(destination, is_relative)
        return bool(texts) and bool(as_written.fullmatch(texts[0]) or in_normal_form.fullmatch(texts[1]))

    return matches


def _by_pattern(pattern: re.Pattern[str]) -> Callable[[Destination], bool]:
    """Search a pattern in the URL, and in the relative URI of an App Engine task."""
    return lambda destination: any(pattern.search(text) for text in (*destination.urls, *destination.relative_uris))
