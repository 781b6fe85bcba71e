"""The nearest right word, and lists and counts as a sentence has them."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._text import counted, did_you_mean, listed


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("receits", ["reports", "receipts"], " Did you mean 'receipts'?"),
        ("queue", ["queues"], " Did you mean 'queues'?"),
        ("zebra", ["reports", "receipts"], ""),
        ("receipts", [], ""),
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
