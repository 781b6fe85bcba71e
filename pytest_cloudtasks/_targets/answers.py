"""Answers of targets, made from the results and exceptions of handlers."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from .._arguments import is_whole
from .._attributes import NamesAttributes
from .._messages.json_text import read_json
from .._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, OutcomeKind, response
from .._text import is_encodable, safe_repr
from .headers import Headers

NO_HEADERS = Headers()
_OF_NAMES = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""The characters of a header's name. Evidence: documented (RFC 9110 §5.6.2)."""
_NEVER_IN_VALUES = frozenset(map(chr, (*range(32), 127))) - {"\t"}
"""The control characters that a header's value can't have. Evidence: documented (RFC 9110 §5.5)."""


_MOST = 10**4000
"""Python can't print much longer whole numbers."""


class Answer(NamedTuple):
    """A target's answer to one request."""

    outcome: Outcome
    headers: Headers = NO_HEADERS
    body: bytes = b""
    exception: BaseException | None = None
    """The handler's exception, or the one that its framework turned into this answer and announced."""
    scripted: bool = False
    """Whether the exception does not fail the test: the test asked for it, or a forward's connection broke."""

    @property
    def status(self) -> int:
        """The HTTP status; 0 without a response."""
        return self.outcome.http_status

    @property
    def response(self) -> TargetResponse | None:
        """The HTTP response; None if the target gave none."""
        if self.outcome.kind is not OutcomeKind.RESPONSE:
            return None
        return TargetResponse(self.status, self.headers, self.body)


@dataclass(frozen=True)
class TargetResponse(NamesAttributes):
    """A target's HTTP response: ``status`` (int), ``headers`` and ``body`` (bytes, as sent)."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8 text, decompressed if it was sent with gzip."""
        return content_of(self).decode()

    @property
    def json(self) -> Any:
        """The body read as JSON, decompressed if it was sent with gzip. ValueError if it isn't JSON."""
        return read_json(content_of(self))

    def __repr__(self) -> str:
        return f"<response {self.status}, {len(self.body)} bytes>"


def content_of(response: TargetResponse) -> bytes:
    """Return the body, decompressed if it was sent with gzip."""
    is_compressed = response.headers.get("content-encoding", "").lower() == "gzip"
    return gzip.decompress(response.body) if is_compressed else response.body


class WrongAnswer(Exception):
    """The base class of errors about an answer, which fail the test whatever happens to a handler's exceptions."""

    def __init_subclass__(cls) -> None:
        cls.__module__ = "pytest_cloudtasks"  # what pytest prints: the library, not the place within it


class WrongHandlerResult(WrongAnswer, TypeError):
    """Raised if a handler returns something that is no HTTP answer."""

    def __init__(self, result: object) -> None:
        super().__init__(
            f"A handler returned {safe_repr(result)}, which is not an answer. Return None (for 200), an HTTP status"
            " such as 503, a pair of status and headers, or an object whose status_code is one."
        )


class WrongHeader(WrongAnswer, ValueError):
    """Raised for an answer's header that HTTP can't have."""


class NotOfInterface(WrongAnswer, TypeError):
    """Raised for what a WSGI or an ASGI application sends, and its interface doesn't have."""

    def __init__(self, interface: str, what: str, value: object, takes: str) -> None:
        text = f"{'A' if interface == 'WSGI' else 'An'} {interface} application sent {what} {safe_repr(value)}."
        super().__init__(f"{text} {interface} takes {takes}.")


class NoSuchStatus(WrongAnswer, ValueError):
    """Raised for a number that is no HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{safe_repr(status)} is not an HTTP status. Use a number from 100 to 599.")


@cache
def plain_answer(status: int) -> Answer:
    """Return an answer with only an HTTP status."""
    return Answer(response(status))


def answer_of(result: Any) -> Answer:
    """Return the answer for a handler's result."""
    if result is None:
        return plain_answer(200)
    if is_whole(result):
        return plain_answer(checked_status(result))
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], int):
        status, headers = result
        if isinstance(headers, Iterable) and not isinstance(headers, (str, bytes)):
            return Answer(response(checked_status(status)), _checked_headers(headers))
    status = getattr(result, "status_code", None)
    if isinstance(status, int):
        headers = getattr(result, "headers", {})
        return Answer(
            response(checked_status(status)),
            _checked_headers(headers) if hasattr(headers, "items") else NO_HEADERS,
            _body_of(result),
        )
    raise WrongHandlerResult(result)


def _body_of(result: Any) -> bytes:
    """Return the body of a framework's response: Starlette's ``body``, Django's ``content``, Flask's ``data``."""
    for name in ("body", "content", "data"):
        try:
            body = getattr(result, name, None)
        except Exception:  # a streamed response has none, and each framework reports that differently
            continue
        if isinstance(body, bytes):
            return body
    return b""


def _checked_headers(headers: Any) -> Headers:
    """Return the headers of a mapping or of an iterable of pairs."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    return Headers([_checked_header(pair) for pair in pairs] if isinstance(pairs, Iterable) else ())


def _checked_header(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise WrongHeader(
            f"An answer has {safe_repr(pair)} among its headers, which is not a pair of a name and a value. Pass"
            " headers as a dict, or as pairs such as ('Retry-After', '5')."
        )
    name, value = pair
    if not isinstance(name, str) or not name or not _OF_NAMES.issuperset(name):
        raise WrongHeader(
            f"An answer has a header named {safe_repr(name)}, which is not a valid name. Use letters, digits and"
            " hyphens, as in 'Retry-After'."
        )
    if is_whole(value) and abs(value) < _MOST:
        return str.__str__(name), str(value)
    if not is_encodable(value) or not _NEVER_IN_VALUES.isdisjoint(value):
        raise WrongHeader(
            f"An answer has the header {name!r} with the value {safe_repr(value)}, which HTTP can't have. Use a text"
            " of one line, or a whole number."
        )
    return str.__str__(name), str.__str__(value)  # the text of an enum may be another one


class Interface(NamedTuple):
    """A server's requirements for an application: WSGI or ASGI."""

    name: str
    pairs: str
    """The headers that it takes, for a sentence."""
    is_text: Callable[[Any], bool]
    """Whether a header's name or value has a valid type."""


def application_answer(
    interface: Interface, status: int, headers: Any, written: Sequence[Any], announced: Sequence[BaseException]
) -> Answer:
    """Return the answer of an application, if it is valid HTTP. A server error has the exception that caused it."""
    if not isinstance(headers, Iterable):
        raise NotOfInterface(interface.name, "the headers", headers, interface.pairs)
    pairs = list(headers)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(interface.is_text, pair)):
            raise NotOfInterface(interface.name, "the header", pair, interface.pairs)
    for part in written:
        if not isinstance(part, bytes):
            raise NotOfInterface(interface.name, "the body", part, "parts of bytes")
    texts = [tuple(text.decode("latin-1") if isinstance(text, bytes) else text for text in pair) for pair in pairs]
    answer = response(checked_status(status))
    exception = announced[-1] if announced and status >= 500 else None
    return Answer(answer, _checked_headers(texts), b"".join(written), exception)


def checked_status(status: Any) -> int:
    """Return ``status``, if it is an HTTP status."""
    if not is_whole(status):
        kind = status if isinstance(status, type) else type(status)
        advice = "Write returns(503, 200)."
        if issubclass(kind, BaseException):
            advice = "Pass an exception to raises()."
        elif issubclass(kind, Mapping):
            advice = "Write headers in a pair with their status: returns((503, {'Retry-After': '30'}))."
        raise TypeError(f"{safe_repr(status)} is not an HTTP status, such as 503. {advice}")
    if not 100 <= status <= 599:
        raise NoSuchStatus(status)
    return status


def scripted_exception(exception: BaseException) -> Answer:
    """Return the answer for `Route.raises`: a time-out means the deadline, a connection error no response."""
    if isinstance(exception, TimeoutError):
        outcome = DEADLINE_EXCEEDED
    elif isinstance(exception, ConnectionError):
        outcome = NO_RESPONSE
    else:
        outcome = response(500)
    return Answer(outcome, exception=exception, scripted=True)
