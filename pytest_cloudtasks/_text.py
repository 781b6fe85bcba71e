"""Texts about a user's values, for messages, reports and hooks. No function here raises.

A user's value may raise in ``__repr__``, be cyclic, or be megabytes long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import takewhile

WIDTH = 400
"""How many characters of a value a message shows."""


def shortened(text: str, limit: int = WIDTH) -> str:
    """Return ``text``, or its beginning and the number of characters that were left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates, which no encoding takes, by their escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_encodable(value: object) -> bool:
    """Return whether ``value`` is a text that has an encoding: one without lone surrogates."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def safe_repr(value: object, limit: int = WIDTH) -> str:
    """Return ``repr(value)``, shortened, or the error that it raised."""
    return shortened(_text_by(repr, value, "repr"), limit)


def safe_str(value: object) -> str:
    """Return ``str(value)``, or the error that it raised."""
    return _text_by(str, value, "str")


def error_text(error: BaseException) -> str:
    """Return the class of an error and its text: ``ValueError: no such order``."""
    return f"{type(error).__name__}: {safe_str(error)}"


def described(subject: str, describe: Callable[[], str]) -> str:
    """Return what ``describe`` says about a test, or a sentence with the error that it raised.

    Hooks of pytest use this, because an exception in a hook ends the whole run.
    """
    try:
        return encodable(describe())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return (
            f"pytest-cloudtasks could not describe {subject}, since a value raised {encodable(error_text(error))}."
            " The test's own result is not affected."
        )


def _text_by(to_text: Callable[[object], str], value: object, name: str) -> str:
    try:
        return encodable("".join((to_text(value), "")))  # turn a subclass of str into a str
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return f"(a {type(value).__name__} whose {name} raised {type(error).__name__})"


_LONGEST = 500
_SIMILAR = 0.59
"""Words that are more similar than this, of 1, are suggested."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return `` Did you mean 'queues'?``, or "" if no known word is similar.

    What two words share up to a slash makes them no more similar: the queues of a location, the URLs of a host.
    """
    word = safe_str(word)
    import difflib  # imported here, because every start of pytest imports this module and few need a suggestion

    if len(word) > _LONGEST:  # difflib takes time in proportion to the product of both lengths
        return ""
    nearest, most = "", _SIMILAR
    matcher = difflib.SequenceMatcher()
    for other in known:
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
        start = word.rfind("/", 0, same) + 1
        matcher.set_seqs(other[start:], word[start:])
        if matcher.real_quick_ratio() > most and matcher.quick_ratio() > most and (ratio := matcher.ratio()) > most:
            nearest, most = other, ratio
    return f" Did you mean {nearest!r}?" if nearest else ""


def listed(words: Iterable[str], conjunction: str = "and") -> str:
    """Return ``a, b and c``."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def counted(number: int, noun: str) -> str:
    """Return ``1 task`` or ``3 tasks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def each_once(texts: Iterable[str]) -> list[str]:
    """Return the texts in order without duplicates; a text that occurred several times is followed by its count."""
    counts = Counter(texts)
    return [text if count == 1 else f"{text}\n(the same {count} times)" for text, count in counts.items()]
