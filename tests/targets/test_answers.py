from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks import Headers
from pytest_cloudtasks._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, response
from pytest_cloudtasks._targets.answers import WrongHandlerResult, answer_of, checked_status, scripted_exception
from tests.each import each


class MappingOnly:
    """A response whose headers are neither a mapping nor pairs."""

    status_code = 204
    headers = None


@pytest.mark.parametrize(
    ("result", "status", "headers"),
    [
        (None, 200, []),
        (503, 503, []),
        ((429, {"Retry-After": 5}), 429, [("Retry-After", "5")]),
        ((429, [("Retry-After", "5"), ("retry-after", "6")]), 429, [("Retry-After", "5"), ("retry-after", "6")]),
        (SimpleNamespace(status_code=404), 404, []),
        (SimpleNamespace(status_code=500, headers={"X": "y"}), 500, [("X", "y")]),
        (MappingOnly(), 204, []),
    ],
    ids=["none", "status", "dict", "pairs", "object", "object with headers", "object with odd headers"],
)
def test_what_a_handler_may_return(result: Any, status: int, headers: list[tuple[str, str]]) -> None:
    """None, a status, a status with headers and a response object are answers."""
    answer = answer_of(result)
    assert answer.outcome == response(status)
    assert answer.headers == Headers(headers)
    assert answer.exception is None
    assert answer.scripted is False


@each(
    "result",
    [True, False, "200", b"200", 200.0, ("ok", 200), (200, "text"), (200, 1), (200,), (200, {}, {}), object, {}],
    ids=repr,
)
def test_anything_else_is_no_answer(result: Any) -> None:
    """What could only be a mistake is refused, with what would do."""
    with pytest.raises(WrongHandlerResult) as refused:
        answer_of(result)
    assert str(refused.value) == (
        f"A handler returned {result!r}, which is no answer. Return None (for 200), an HTTP status such as 503, a pair"
        " of status and headers, or an object whose status_code is one."
    )
    assert isinstance(refused.value, TypeError)


@pytest.mark.parametrize("status", [100, 200, 302, 503, 599])
def test_http_has_these_statuses(status: int) -> None:
    """100 to 599 are statuses."""
    assert checked_status(status) == status


@each("status", [-1, 0, 99, 600, 2000])
@each("wrap", [lambda s: s, lambda s: (s, {}), lambda s: SimpleNamespace(status_code=s)])
def test_http_has_no_such_status(status: int, wrap: Any) -> None:
    """A number outside of 100 to 599 is refused, however it is returned."""
    with pytest.raises(ValueError) as refused:
        answer_of(wrap(status))
    assert str(refused.value) == f"{status} is no HTTP status. Use a number from 100 to 599."


@pytest.mark.parametrize("status", [True, "503", 503.0, None])
def test_a_status_is_a_number(status: Any) -> None:
    """A truth value is none, though Python counts it among them."""
    with pytest.raises(TypeError) as refused:
        checked_status(status)
    assert str(refused.value) == (
        f"An HTTP status is a number such as 503, and {status!r} is none. Write returns(503, 200)."
    )


@pytest.mark.parametrize(
    ("exception", "outcome"),
    [
        (TimeoutError("slow"), DEADLINE_EXCEEDED),
        (ConnectionError("down"), NO_RESPONSE),
        (ConnectionResetError("cut"), NO_RESPONSE),
        (RuntimeError("boom"), response(500)),
        (KeyError("x"), response(500)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_scripted_exception_stands_for_an_outcome(exception: Exception, outcome: Outcome) -> None:
    """A time-out runs into the deadline, a broken connection gives no response, anything else is a 500."""
    answer = scripted_exception(exception)
    assert answer.outcome == outcome
    assert answer.exception is exception
    assert answer.scripted is True
