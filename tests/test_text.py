"""Text about values that may do anything, and suggestions for wrong words."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._text import (
    counted,
    described,
    did_you_mean,
    each_once,
    encodable,
    error_text,
    listed,
    safe_repr,
    safe_str,
    shortened,
)
from tests.each import each


class Raising(Exception):
    def __str__(self) -> str:
        raise LookupError("no text")

    __repr__ = __str__


class NoText:
    def __str__(self) -> Any:
        return 42

    __repr__ = __str__


class Exiting:
    def __repr__(self) -> str:
        raise SystemExit

    __str__ = __repr__


class Own(str):
    """A text whose own methods are of no use."""

    def __len__(self) -> int:
        raise LookupError

    __repr__ = __format__ = __getitem__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return self


def cyclic() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@each(
    ("value", "text"),
    [
        ("a", "'a'"),
        (Raising(), "(a Raising whose repr raised LookupError)"),
        (NoText(), "(a NoText whose repr raised TypeError)"),
        ([Raising()], "(a list whose repr raised LookupError)"),
        ([10**5000], "(a list whose repr raised ValueError)"),
        (cyclic(), "[[...]]"),
        ("\ud800²", "'\\ud800²'"),
        ("x" * 1000, f"'{'x' * 399}… (602 more characters)"),
    ],
)
def test_a_repr(value: Any, text: str) -> None:
    """It is one text of limited width, or says why there is none."""
    assert safe_repr(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ValueError("no order"), "no order"),
        (Raising(), "(a Raising whose str raised LookupError)"),
        (NoText(), "(a NoText whose str raised TypeError)"),
        (ValueError("\ud800"), "\\ud800"),
        pytest.param(Own("text"), "text", id="own"),
    ],
)
def test_a_str(value: Any, text: str) -> None:
    """It is a plain str that can be encoded."""
    told = safe_str(value)
    assert type(told) is str
    assert told == text


def test_an_error() -> None:
    """Its class is known even where it has no text."""
    assert error_text(ValueError("no order")) == "ValueError: no order"
    assert error_text(Raising()) == "Raising: (a Raising whose str raised LookupError)"


@pytest.mark.parametrize("to_text", [safe_repr, safe_str, lambda value: described("it", lambda: repr(value))])
def test_exceptions_that_end_the_process_propagate(to_text: Any) -> None:
    """SystemExit and KeyboardInterrupt are not turned into text."""
    with pytest.raises(SystemExit):
        to_text(Exiting())


def test_a_description() -> None:
    """It is what the function says, or a sentence that it could not."""
    assert described("this failure", lambda: "two tasks \ud800") == "two tasks \\ud800"
    assert described("this failure", lambda: repr(Raising())) == (
        "pytest-cloudtasks could not describe this failure, since a value raised LookupError: no text. The test's own"
        " result is not affected."
    )


def test_a_long_text() -> None:
    """It is cut, and what is left out is counted."""
    assert shortened("x" * 10, 10) == "x" * 10
    assert shortened("x" * 11, 10) == "xxxxxxxxxx… (1 more characters)"
    assert encodable("Größe \udfff") == "Größe \\udfff"


def test_an_unknown_word() -> None:
    """It is similar to no known word, and a very long one is not compared."""
    assert did_you_mean("qeues", ["queues"]) == " Did you mean 'queues'?"
    assert did_you_mean(Raising(), ["queues"]) == ""
    assert did_you_mean("queues" * 100_000, ["queues" * 100_001]) == ""


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("receits", ["reports", "receipts"], " Did you mean 'receipts'?"),
        ("queue", ["queues"], " Did you mean 'queues'?"),
        ("zebra", ["reports", "receipts"], ""),
        ("scheduled", ["headers", "delay"], ""),
        ("receipts", [], ""),
        ("https://mailer.test/sned", ["https://mailer.test/send"], " Did you mean 'https://mailer.test/send'?"),
        ("https://mailer.test/reports", ["https://mailer.test/send"], ""),
        ("https://mailer.tset/send", ["https://mailer.test/send"], " Did you mean 'https://mailer.test/send'?"),
        ("p/queues/mails", ["p/queues/c", "p/queues/mail"], " Did you mean 'p/queues/mail'?"),
        ("p/queues/nosuch", ["p/queues/c"], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], text: str) -> None:
    """The one that is nearest, and nothing if none is near."""
    assert did_you_mean(word, known) == text


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listed(words: list[str], text: str) -> None:
    """Commas, and one word before the last."""
    assert listed(words) == text


def test_listed_by_another_word() -> None:
    """Alternatives are joined by their own word."""
    assert listed(iter("abc"), "or") == "a, b or c"


@pytest.mark.parametrize(("number", "text"), [(0, "0 attempts"), (1, "1 attempt"), (2, "2 attempts")])
def test_counted(number: int, text: str) -> None:
    """One is singular, all others are plural."""
    assert counted(number, "attempt") == text


def test_each_once() -> None:
    """Texts keep their order, and one that came several times has its count."""
    assert each_once(iter(["a", "b\nc", "a", "d", "a"])) == ["a\n(the same 3 times)", "b\nc", "d"]
