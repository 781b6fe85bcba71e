"""Answers of targets, made of what handlers return or raise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from .._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, response
from .._text import safe_repr
from .headers import Headers

NO_HEADERS = Headers()


class Answer(NamedTuple):
    """A target's answer to one request."""

    outcome: Outcome
    headers: Headers = NO_HEADERS
    body: bytes = b""
    exception: BaseException | None = None
    """What the handler raised, or what its framework turned into this answer and announced."""
    scripted: bool = False
    """Whether the exception is no failure of the test: it asked for it itself, or a forward's connection broke."""

    @property
    def status(self) -> int:
        """The HTTP status; 0 without a response."""
        return self.outcome.http_status


class WrongHandlerResult(TypeError):
    """Raised if a handler returns something that is no HTTP answer."""

    def __init__(self, result: object) -> None:
        super().__init__(
            f"A handler returned {safe_repr(result)}, which is no answer. Return None (for 200), an"
            f" HTTP status such as 503,"
            " a pair of status and headers, or an object whose status_code is one."
        )


class NoSuchStatus(ValueError):
    """Raised for a number that is no HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{safe_repr(status)} is no HTTP status. Use a number from 100 to 599.")


@cache
def plain_answer(status: int) -> Answer:
    """Return an answer that is nothing but its HTTP status."""
    return Answer(response(status))


def answer_of(result: Any) -> Answer:
    """Return the answer that a handler's result stands for."""
    if result is None:
        return plain_answer(200)
    if isinstance(result, int) and not isinstance(result, bool):
        return plain_answer(checked_status(result))
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], int):
        status, headers = result
        if isinstance(headers, (Mapping, Iterable)) and not isinstance(headers, (str, bytes)):
            pairs = headers.items() if isinstance(headers, Mapping) else headers
            return Answer(response(checked_status(status)), Headers((str(k), str(v)) for k, v in pairs))
    status = getattr(result, "status_code", None)
    if isinstance(status, int):
        headers = getattr(result, "headers", {})
        pairs = headers.items() if hasattr(headers, "items") else ()
        return Answer(response(checked_status(status)), Headers((str(k), str(v)) for k, v in pairs))
    raise WrongHandlerResult(result)


def answer_with(status: int, headers: Headers, body: bytes, announced: Sequence[BaseException]) -> Answer:
    """Return an application's answer; a server error carries the exception that it comes from."""
    exception = announced[-1] if announced and status >= 500 else None
    return Answer(response(status), headers, body, exception)


def checked_status(status: int) -> int:
    """``status``, if HTTP has such a one."""
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(
            f"An HTTP status is a number such as 503, and {safe_repr(status)} is none. Write returns(503, 200)."
        )
    if not 100 <= status <= 599:
        raise NoSuchStatus(status)
    return status


def scripted_exception(exception: BaseException) -> Answer:
    """Return the answer for `Route.raises`: time-outs run into the deadline, connection errors give no response."""
    if isinstance(exception, TimeoutError):
        outcome = DEADLINE_EXCEEDED
    elif isinstance(exception, ConnectionError):
        outcome = NO_RESPONSE
    else:
        outcome = response(500)
    return Answer(outcome, exception=exception, scripted=True)
