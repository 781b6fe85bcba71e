"""The filter of ListQueues: which queues are listed.

The syntax is that of Cloud Logging's filters, of which the service documents the operators and a sample,
``state: PAUSED``: comparisons of a field with a value, joined by AND, OR and NOT, with parentheses. As there, two
comparisons side by side are joined by AND, and OR binds more closely than AND. Evidence: documented (operators, sample,
the syntax by reference); our choice (which fields, and that anything else is refused).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from . import errors
from .queue import Queue, QueueState
from .units import SECOND

Predicate = Callable[[Queue], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
    "=": operator.eq,
    ":": operator.eq,
}
_OPERATORS = "<=, <, >=, >, !=, = or :"
_WORDS = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(<=|>=|!=|[<>=:()])|([^\s<>=!:()"]+)|(\S))')
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)s")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Word:
    """One word of a filter; a quoted one is a value, whatever it says."""

    text: str
    is_quoted: bool = False
    is_sign: bool = False


def _number(value: str) -> Decimal | None:
    return Decimal(value) if _NUMBER.fullmatch(value) else None


def _nanoseconds(value: str) -> int | None:
    match = _DURATION.fullmatch(value)
    return int(Decimal(match[1]) * SECOND) if match else None


def _state(value: str) -> str | None:
    return value if value in QueueState.__members__ else None


@dataclass(frozen=True)
class Field:
    """A field that a filter can be made of."""

    get: Callable[[Queue], Any]
    read: Callable[[str], Any]
    """Makes a value of a text; None if it is none."""
    kind: str
    operators: tuple[str, ...] = tuple(_COMPARISONS)


def _setting(part: str, name: str, read: Callable[[str], Any], kind: str) -> Field:
    return Field(lambda queue: getattr(getattr(queue.config, part), name), read, kind)


def _numeric(part: str, name: str) -> Field:
    return _setting(part, name, _number, "a number")


def _duration(name: str) -> Field:
    return _setting("retry_config", name, _nanoseconds, "a duration in seconds, such as 3.5s")


FIELDS: dict[str, Field] = {
    "name": Field(lambda queue: queue.name, str, "a text"),
    "state": Field(lambda queue: queue.state.name, _state, "RUNNING, PAUSED or DISABLED", ("=", "!=", ":")),
    "rate_limits.max_burst_size": _numeric("rate_limits", "max_burst_size"),
    "rate_limits.max_concurrent_dispatches": _numeric("rate_limits", "max_concurrent_dispatches"),
    "rate_limits.max_dispatches_per_second": _numeric("rate_limits", "max_dispatches_per_second"),
    "retry_config.max_attempts": _numeric("retry_config", "max_attempts"),
    "retry_config.max_backoff": _duration("max_backoff"),
    "retry_config.max_doublings": _numeric("retry_config", "max_doublings"),
    "retry_config.max_retry_duration": _duration("max_retry_duration"),
    "retry_config.min_backoff": _duration("min_backoff"),
}


def queue_filter(text: str) -> Predicate:
    """What ``text`` asks of a queue; an empty one lets all through."""
    words = list(_words(text))
    return _Parser(words).whole() if words else lambda queue: True


def _words(text: str) -> Iterator[Word]:
    for quoted, sign, bare, other in _WORDS.findall(text.rstrip()):
        if other:
            raise _invalid(f"{other} can't stand there.")
        if quoted:
            yield Word(re.sub(r"\\(.)", r"\1", quoted[1:-1]), is_quoted=True)
        else:
            yield Word(sign or bare, is_sign=bool(sign))


def _invalid(reason: str) -> errors.ServiceError:
    return errors.FILTER_INVALID.error(reason=reason)


class _Parser:
    """Reads words from left to right."""

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    def whole(self) -> Predicate:
        found = self._conjunction()
        if self._next is not None:
            raise _invalid(f"{self._next.text!r} can't stand there.")
        return found

    @property
    def _next(self) -> Word | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _take(self, text: str) -> bool:
        word = self._next
        if word is None or word.is_quoted or word.text != text:
            return False
        self._at += 1
        return True

    def _conjunction(self) -> Predicate:
        parts = [self._disjunction()]
        while self._next is not None and not self._is_at(")"):
            self._take("AND")  # two comparisons side by side are joined by it as well
            parts.append(self._disjunction())
        return lambda queue: all(part(queue) for part in parts)

    def _is_at(self, text: str) -> bool:
        word = self._next
        return word is not None and not word.is_quoted and word.text == text

    def _disjunction(self) -> Predicate:
        parts = [self._negation()]
        while self._take("OR"):
            parts.append(self._negation())
        return lambda queue: any(part(queue) for part in parts)

    def _negation(self) -> Predicate:
        is_negated = False
        while self._take("NOT"):
            is_negated = not is_negated
        inner = self._term()
        return (lambda queue: not inner(queue)) if is_negated else inner

    def _term(self) -> Predicate:
        if not self._take("("):
            return self._comparison()
        self._depth += 1
        if self._depth > 50:
            raise _invalid("it has more than 50 parentheses in each other.")
        inner = self._conjunction()
        if not self._take(")"):
            raise _invalid("a parenthesis is not closed.")
        self._depth -= 1
        return inner

    def _comparison(self) -> Predicate:
        word = self._word("a field")
        path = ".".join(_CAPITAL.sub("_", part).lower() for part in word.text.split("."))
        if word.is_sign or word.is_quoted or word.text in ("AND", "OR"):
            raise _invalid(f"a field should come where {word.text!r} does.")
        if path not in FIELDS:
            *others, last = FIELDS
            raise _invalid(f"{word.text} is no field that it can be made of. Those are {', '.join(others)} and {last}.")
        sign = self._word(f"an operator ({_OPERATORS})")
        if sign.is_quoted or sign.text not in _COMPARISONS:
            raise _invalid(f"an operator ({_OPERATORS}) should come after {word.text!r}, and {sign.text!r} does.")
        value = self._word("a value")
        if value.is_sign:
            raise _invalid(f"a value should come after {sign.text!r}, and {value.text!r} does.")
        return _compared(FIELDS[path], word.text, sign.text, value.text)

    def _word(self, wanted: str) -> Word:
        word = self._next
        if word is None:
            raise _invalid(f"it ends where {wanted} should come.")
        self._at += 1
        return word


def _compared(field: Field, path: str, sign: str, text: str) -> Predicate:
    if sign not in field.operators:
        raise _invalid(f"{path} can't be compared by {sign}.")
    value = field.read(text)
    if value is None:
        raise _invalid(f"{path} takes {field.kind}, and {text!r} is none.")
    if path == "name" and sign == ":":
        return lambda queue: text in queue.name
    compare = _COMPARISONS[sign]
    return lambda queue: compare(field.get(queue), value)
