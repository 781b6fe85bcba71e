from __future__ import annotations

from enum import Enum
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from pytest_cloudtasks import Headers
from pytest_cloudtasks._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, response
from pytest_cloudtasks._targets.answers import (
    WrongHandlerResult,
    WrongHeader,
    answer_of,
    checked_status,
    scripted_exception,
)
from tests.each import each


class MappingOnly:
    """A response whose headers are neither a mapping nor pairs."""

    status_code = 204
    headers = None


@each(
    ("result", "status", "headers"),
    [
        (None, 200, []),
        (503, 503, []),
        ((429, {"Retry-After": 5}), 429, [("Retry-After", "5")]),
        ((429, [("Retry-After", "5"), ("retry-after", "6")]), 429, [("Retry-After", "5"), ("retry-after", "6")]),
        (SimpleNamespace(status_code=404), 404, []),
        (SimpleNamespace(status_code=500, headers={"X": "y"}), 500, [("X", "y")]),
        (MappingOnly(), 204, []),
        (Mock(status_code=204), 204, []),
    ],
    ids=["none", "status", "dict", "pairs", "object", "object with headers", "object with odd headers", "mock"],
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
def test_other_results_are_rejected(result: Any) -> None:
    """A likely mistake is rejected, with the valid results."""
    with pytest.raises(WrongHandlerResult) as refused:
        answer_of(result)
    assert str(refused.value) == (
        f"A handler returned {result!r}, which is not an answer. Return None (for 200), an HTTP status such as 503, a"
        " pair of status and headers, or an object whose status_code is one."
    )
    assert isinstance(refused.value, TypeError)


class Name(str, Enum):
    RETRY_AFTER = "Retry-After"


def test_headers_may_be_members_of_an_enum() -> None:
    """Their value counts, and not the text that they have of their own."""
    assert answer_of((429, {Name.RETRY_AFTER: "5"})).headers.pairs() == (("Retry-After", "5"),)


NO_PAIR = (
    "An answer has {} among its headers, which is not a pair of a name and a value. Pass headers as a dict, or as pairs"
    " such as ('Retry-After', '5')."
)
NO_NAME = (
    "An answer has a header named {}, which is not a valid name. Use letters, digits and hyphens, as in 'Retry-After'."
)
NO_VALUE = (
    "An answer has the header 'a' with the value {}, which HTTP can't have. Use a text of one line, or a whole number."
)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([("a",)], NO_PAIR.format("('a',)")),
        (["ab"], NO_PAIR.format("'ab'")),
        ([5], NO_PAIR.format("5")),
        ({5: "x"}, NO_NAME.format("5")),
        ({"": "x"}, NO_NAME.format("''")),
        ({"a b": "x"}, NO_NAME.format("'a b'")),
        ({"a:": "x"}, NO_NAME.format("'a:'")),
        ({"ä": "x"}, NO_NAME.format("'ä'")),
        ({b"a": "x"}, NO_NAME.format("b'a'")),
        ({"a": None}, NO_VALUE.format("None")),
        ({"a": True}, NO_VALUE.format("True")),
        ({"a": b"x"}, NO_VALUE.format("b'x'")),
        ({"a": "x\r\ny"}, NO_VALUE.format("'x\\r\\ny'")),
        ({"a": "\0"}, NO_VALUE.format("'\\x00'")),
        ({"a": "\ud800"}, NO_VALUE.format("'\\ud800'")),
        ({"a": "\x1b[31m"}, NO_VALUE.format("'\\x1b[31m'")),
        ({"a": "\x7f"}, NO_VALUE.format("'\\x7f'")),
    ],
)
@each("wrap", [lambda h: (302, h), lambda h: SimpleNamespace(status_code=302, headers=h)], ids=["pair", "object"])
def test_http_has_no_such_header(headers: Any, text: str, wrap: Any) -> None:
    """A header that no server could send is rejected in a sentence, however it is returned."""
    if isinstance(headers, list) and not isinstance(wrap(headers), tuple):
        assert answer_of(wrap(headers)).headers == Headers()
        return
    with pytest.raises(WrongHeader) as refused:
        answer_of(wrap(headers))
    assert str(refused.value) == text


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
    assert str(refused.value) == f"{status} is not an HTTP status. Use a number from 100 to 599."


@pytest.mark.parametrize("status", [ConnectionError, ConnectionError("down")])
def test_an_exception_is_no_status(status: Any) -> None:
    """``raises`` takes it."""
    with pytest.raises(TypeError) as refused:
        checked_status(status)
    assert str(refused.value) == f"{status!r} is not an HTTP status, such as 503. Pass an exception to raises()."


def test_headers_are_no_status() -> None:
    """They belong in a pair."""
    with pytest.raises(TypeError) as refused:
        checked_status({"A": "b"})
    assert str(refused.value) == (
        "{'A': 'b'} is not an HTTP status, such as 503. Write headers in a pair with their status: returns((503,"
        " {'Retry-After': '30'}))."
    )


@pytest.mark.parametrize("status", [True, "503", 503.0, None])
def test_a_status_is_a_number(status: Any) -> None:
    """True and False are not, though they are numbers in Python."""
    with pytest.raises(TypeError) as refused:
        checked_status(status)
    assert str(refused.value) == (f"{status!r} is not an HTTP status, such as 503. Write returns(503, 200).")


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
def test_a_scripted_exception_has_an_outcome(exception: Exception, outcome: Outcome) -> None:
    """A time-out means the deadline, a broken connection no response, anything else a 500."""
    answer = scripted_exception(exception)
    assert answer.outcome == outcome
    assert answer.exception is exception
    assert answer.scripted is True
