"""The nearest right word for a wrong one."""

from __future__ import annotations

from collections.abc import Iterable

from .safe_text import safe_str

_LONGEST = 500


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`` Did you mean 'queues'?``, or nothing if no known word is near."""
    word = safe_str(word)
    import difflib  # only who has something wrong needs it

    if len(word) > _LONGEST:  # to compare takes the time of both lengths multiplied
        return ""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def listed(words: Iterable[str], conjunction: str = "and") -> str:
    """``a, b and c``."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def counted(number: int, noun: str) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
