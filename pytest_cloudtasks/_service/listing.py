"""Listings: the order of tasks, pages and their tokens, and the filter of ListQueues."""

from __future__ import annotations

import base64
import binascii
import json
import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeVar

from .._units import HOUR, SECOND
from . import errors

if TYPE_CHECKING:
    from .queue import Queue
    from .scheduler import DispatchOrder
    from .task import Task


Item = TypeVar("Item")

TOKEN_TTL = 2 * HOUR
"""The lifetime of a page token, its last instant included. Ledger: `list-queues/page-token-invalid-or-older-than-2`."""


class Cursor(NamedTuple):
    """A page token: the position where a listing continues, and when the token was made.

    ``listing`` identifies parent and filter. A token is valid for the same listing only. Ledger:
    `list-queues/page-token-reused-with-another-filter`.
    """

    listing: str
    token: str
    now: int

    def after(self) -> str:
        """Return the key before the page, "" for the first page; raise ServiceError for an invalid token."""
        if not self.token:
            return ""
        key, listing, given = _read_token(self.token)
        if listing != self.listing:
            raise errors.PAGE_TOKEN_OF_ANOTHER.error()
        if self.now - given > TOKEN_TTL:
            raise errors.PAGE_TOKEN_EXPIRED.error()
        return key

    def token_after(self, key: str) -> str:
        """Return the token of the page that starts after ``key``."""
        return base64.urlsafe_b64encode(json.dumps([key, self.listing, self.now]).encode()).decode()


def in_listing_order(tasks: Collection[Task], order: DispatchOrder) -> Iterable[Task]:
    """Return ``tasks`` (in order of creation) in the order of ListTasks."""
    if not order.is_shuffled or len(tasks) < 2:
        return tasks
    for task in tasks:
        if task.listed is None:
            task.listed = order.rank_in_listings(task)
    return sorted(tasks, key=listing_key)


def listing_key(task: Task) -> str:
    """Return the key by which ListTasks sorts ``task``."""
    return f"{task.listed or 0:010d}{task.sequence:012d}"


def page(
    items: Iterable[Item], key: Callable[[Item], str], page_size: int, cursor: Cursor, largest: int, request: str
) -> tuple[list[Item], str]:
    """Return one page of ``items``, which come in the order of ``key``, and a token for the next page.

    Every page with items has a token, even the last one. An empty page has none. A size of 0 means the maximum, and a
    larger size is cut to it. ``request`` names the message in errors.
    """
    if page_size < 0:
        raise errors.PAGE_SIZE_NEGATIVE.error(request=request)
    size = min(page_size or largest, largest)
    after = cursor.after()
    rest = (item for item in items if key(item) > after)
    page = list(islice(rest, size))
    return page, cursor.token_after(key(page[-1])) if page else ""


def _read_token(token: str) -> tuple[str, str, int]:
    try:
        key, listing, given = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise errors.PAGE_TOKEN_INVALID.error() from None
    if not (isinstance(key, str) and isinstance(listing, str) and isinstance(given, int)):
        raise errors.PAGE_TOKEN_INVALID.error()
    return key, listing, given


Record = Any
"""The object that a filter examines, for instance a message of Google's."""
Condition = Callable[[Record], bool]

MAX_DEPTH = 50
"""The maximum depth of nested parentheses."""
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "=": operator.eq,
    ":": operator.eq,
}
_OPERATORS = "<=, <, >=, >, !=, = or :"
_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(<=|>=|!=|[<>=:()])|([^\s<>=!:()"]+)|(\S)|$)', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)s")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)t(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(z|[+-]\d\d:\d\d)")


class Kind(Enum):
    """The type of a field's values."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ENUM = "enum"
    DURATION = "duration"
    TIME = "time"
    MESSAGE = "message"


@dataclass(frozen=True)
class Field:
    """A field that a filter can compare.

    ``values`` returns a record's values, one for each element if the field is a list or within one. Durations and times
    are nanoseconds, None for a time that is not set; enums are numbers. ``is_set`` returns whether a record has the
    field.
    """

    kind: Kind
    values: Callable[[Record], Sequence[Any]]
    is_set: Condition
    numbers: Mapping[str, int]
    """The numbers of an enum, by names in lower case."""


class Fields(Protocol):
    """A description of the records that a filter examines."""

    def record(self, queue: Queue) -> Record:
        """Return the record of a queue."""
        ...

    def find(self, path: str) -> Field | None:
        """Return the field at ``path``."""
        ...


@dataclass(frozen=True)
class Token:
    """A word, an operator or a quoted text. The end of the filter is an empty operator."""

    text: str
    is_sign: bool = False
    is_quoted: bool = False

    def says(self, text: str) -> bool:
        """Return whether the token is this word or operator, without quotes."""
        return self.text == text and not self.is_quoted


END = Token("", is_sign=True)


def queue_filter(text: str, fields: Fields | None) -> Callable[[Queue], bool]:
    """Return a function that says whether a queue passes the filter ``text``. Every queue passes an empty filter."""
    if not text:
        return lambda queue: True
    assert fields is not None, "a filter is made of fields"
    condition, record = parsed_filter(text, fields), fields.record
    return lambda queue: condition(record(queue))


def parsed_filter(text: str, fields: Fields) -> Condition:
    """Return the filter as a function of a record. Every record passes an empty filter."""
    return _Parser(_tokens(text), fields).whole()


def _tokens(text: str) -> list[Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        quoted, sign, word, other = match.groups()
        if other is not None:
            _fail(f"{other} can't stand there.")
        if quoted is not None:
            tokens.append(Token(re.sub(r"\\(.)", r"\1", quoted), is_quoted=True))
        elif sign or word:
            tokens.append(Token(sign or word, is_sign=bool(sign)))
    return [*tokens, END]


def _fail(reason: str) -> NoReturn:
    raise errors.FILTER_INVALID.error(reason=reason)


class _Parser:
    """A recursive-descent parser of filters, with a method for each rule of the grammar."""

    def __init__(self, tokens: list[Token], fields: Fields) -> None:
        self._tokens = tokens
        self._fields = fields
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        if self._next is END:
            return lambda record: True
        condition = self._conjunction()
        if self._next is not END:
            _fail(f"{self._next.text!r} can't stand there.")
        return condition

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, text: str) -> bool:
        if not self._next.says(text):
            return False
        self._at += 1
        return True

    def _conjunction(self) -> Condition:
        parts = [self._disjunction()]
        while self._next is not END and not self._next.says(")"):
            self._take("AND")
            parts.append(self._disjunction())
        return lambda record: all(part(record) for part in parts)

    def _disjunction(self) -> Condition:
        parts = [self._negation()]
        while self._take("OR"):
            parts.append(self._negation())
        return lambda record: any(part(record) for part in parts)

    def _negation(self) -> Condition:
        negations = 0
        while self._take("NOT") or self._take_minus():
            negations += 1
        inner = self._in_parentheses() if self._take("(") else self._comparison()
        return (lambda record: not inner(record)) if negations % 2 else inner

    def _take_minus(self) -> bool:
        """Consume the minus before a word or a parenthesis."""
        token = self._next
        if token.is_quoted or token.is_sign or not token.text.startswith("-"):
            return False
        if token.text == "-":
            self._at += 1
        else:
            self._tokens[self._at] = Token(token.text[1:])
        return True

    def _in_parentheses(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _fail(f"it has more than {MAX_DEPTH} parentheses in each other.")
        inner = self._conjunction()
        if not self._take(")"):
            _fail("a parenthesis is not closed.")
        self._depth -= 1
        return inner

    def _comparison(self) -> Condition:
        name = self._token("a field")
        if name.is_sign or name.is_quoted or name.text in ("AND", "OR"):
            _fail(f"a field should come where {name.text!r} does.")
        field = self._fields.find(name.text)
        if field is None:
            raise errors.FILTER_FIELD_MISSING.error(field=name.text)
        sign = self._token(f"an operator ({_OPERATORS})")
        if sign.is_quoted or (sign.text not in _COMPARISONS and sign.text != "!="):
            _fail(f"an operator ({_OPERATORS}) should come after {name.text!r}, and {sign.text!r} does.")
        value = self._token("a value")
        if value.is_sign:
            _fail(f"a value should come after {sign.text!r}, and {value.text!r} does.")
        if sign.text == ":" and value.says("*"):
            return field.is_set
        if field.kind is Kind.MESSAGE:
            raise errors.FILTER_NESTED.error(field=name.text)
        return _compared(field, sign.text, value.text)

    def _token(self, wanted: str) -> Token:
        token = self._next
        if token is END:
            _fail(f"it ends where {wanted} should come.")
        self._at += 1
        return token


def _compared(field: Field, sign: str, text: str) -> Condition:
    """Return a comparison. One element of a list has to meet it; with ``!=``, no element may be equal."""
    if sign == "!=":
        equal = _compared(field, "=", text)
        return lambda record: not equal(record)
    value = _READERS[field.kind](text.lower(), field.numbers)
    if value is None:
        raise errors.FILTER_VALUE.error(value=text.lower())
    compare = _COMPARISONS[sign]
    if field.kind is Kind.TEXT:
        if sign == ":":
            return lambda record: any(value in text.lower() for text in field.values(record))
        return lambda record: any(compare(text.lower(), value) for text in field.values(record))
    return lambda record: any(
        compare(-math.inf if number is None else number, value) for number in field.values(record)
    )


# --- values, of texts in lower case; None for a text that is none --------------------------------------------------


def _number(text: str, _: Mapping[str, int]) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _nanoseconds(text: str, _: Mapping[str, int]) -> int | None:
    match = _DURATION.fullmatch(text)
    return int(Decimal(match[1]) * SECOND) if match else None


def _instant(text: str, _: Mapping[str, int]) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{'+00:00' if offset == 'z' else offset}")
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * SECOND + int((fraction or "").ljust(9, "0"))


_READERS: Mapping[Kind, Callable[[str, Mapping[str, int]], Any]] = {
    Kind.TEXT: lambda text, _: text,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: lambda text, _: {"true": True, "false": False}.get(text),
    Kind.ENUM: lambda text, numbers: numbers.get(text),
    Kind.DURATION: _nanoseconds,
    Kind.TIME: _instant,
}
