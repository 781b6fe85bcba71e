"""Matching: whether a task is the one that an assertion means, and if not, where it differs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import partial
from numbers import Number
from re import Pattern
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Union

from .._messages.proto import is_message
from .._service.request import HTTP_METHODS
from .._service.validation import queue_of
from .._targets.headers import Headers
from .._text import did_you_mean, is_encodable, listed, safe_repr, shortened
from .._time.instants import Duration, duration_of, from_datetime, to_datetime, to_timedelta
from .formatting import shown
from .records import NamesQueue, TaskRecord, model_task

if TYPE_CHECKING:
    from .simulation import Simulation


class _Unset:
    """The value of an argument that was not given, since None is a JSON value."""

    def __repr__(self) -> str:
        return "…"


UNSET: Any = _Unset()
_PREDICATES = (FunctionType, MethodType, BuiltinFunctionType, partial)
WITHIN = timedelta(seconds=1)


class exactly:  # noqa: N801 - reads as a word in an assertion, as pytest.approx does
    """Match the whole of a JSON body, of headers or of a token, where they are otherwise matched partially."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"exactly({safe_repr(self.value)})"


class Difference(NamedTuple):
    """One field of a task that is not as expected."""

    field: str
    expected: Any
    actual: Any


Text = Union[str, Pattern[str], Callable[[str], object], Any]
Fields = Union[Mapping[str, Any], exactly, Callable[[Any], object], Any]


class MatchArguments(TypedDict, total=False):
    """What assertions and faults take to say which tasks they mean: a task matches if it is as each argument says.

    Every value may also be a predicate, a regular expression (searched for), or anything with an ``__eq__`` of its
    own, such as ``mock.ANY`` or ``pytest.approx``.
    """

    queue: Text
    """The queue's ID or full name, or its record."""
    url: Text
    """The URL; the relative URI of an App Engine task."""
    method: Text
    """The HTTP method."""
    json: Any
    """The body, read as JSON: partially, but lists exactly, and wholly with `exactly`."""
    body: bytes | str | Any
    """The whole body; a text is encoded."""
    headers: Fields
    """Headers, partially, whatever their case; wholly with `exactly`."""
    name: Text
    """The task's ID or full name, or its record."""
    at: datetime | Any
    """The schedule time that the task was created with, aware."""
    delay: Duration | Any
    """The schedule time, as a duration from the task's creation."""
    within: Duration
    """How far ``at`` and ``delay`` may be off: a second by default."""
    deadline: Duration | Any
    """The dispatch deadline in force."""
    oidc: Fields | None
    """The fields of the OIDC token, partially; None for a task without one."""
    service: Text
    """The service of an App Engine task, "default" where it names none."""
    version: Text
    """The version that an App Engine task names."""


class Match(NamedTuple):
    """The tasks that are meant; unset fields match anything."""

    queue: Any = UNSET
    url: Any = UNSET
    method: Any = UNSET
    json: Any = UNSET
    body: Any = UNSET
    headers: Any = UNSET
    name: Any = UNSET
    at: Any = UNSET
    delay: Any = UNSET
    within: Any = WITHIN
    deadline: Any = UNSET
    oidc: Any = UNSET
    service: Any = UNSET
    version: Any = UNSET

    def checked(self, simulation: Simulation) -> Match:
        """The same with its durations read; raises for what could never match, such as an unknown queue."""
        match = self.possible()
        if isinstance(match.queue, str):
            simulation.queue_named(match.queue)
        return match

    def possible(self) -> Match:
        """The same for tasks to come, whose queue may be unknown yet."""
        fields = {**self.expected(), "within": self.within}
        for field, kind in (("queue", NamesQueue), ("name", TaskRecord)):
            record = fields.get(field)
            if isinstance(record, kind):
                fields[field] = record.name
        for field, expected in fields.items():
            if field != "within":
                _check_field(field, expected)
        _check_method(self.method)
        _check_oidc(self.oidc)
        _check_body(self.body)
        _check_json(self.json)
        for field, value in (("headers", self.headers), ("oidc", self.oidc)):
            _check_texts(field, value)
        for field in ("at", "delay", "deadline", "within"):
            given = fields.get(field, UNSET)
            if given is UNSET or isinstance(given, exactly) or (field != "within" and _is_matcher(given)):
                continue
            if field == "at":
                from_datetime(given, what="at=…")
            else:
                fields[field] = to_timedelta(duration_of(given, what=f"{field}=…"))
        return self._replace(**fields)

    def expected(self) -> dict[str, Any]:
        """The fields that were given."""
        given = {name: value for name, value in self._asdict().items() if name != "within"}
        return {name: value for name, value in given.items() if value is not UNSET}

    def differences(self, task: TaskRecord) -> list[Difference]:
        """Where ``task`` is not as expected; empty if it matches."""
        found = []
        for field, expected in self.expected().items():
            actual = _ACTUAL[field](task)
            if not self._field_matches(field, expected, actual, task):
                found.append(Difference(field, expected, _in_kind(expected, actual)))
        return found

    def _field_matches(self, field: str, expected: Any, actual: Any, task: TaskRecord) -> bool:
        if field in ("queue", "name") and isinstance(expected, str):
            full = task.name if field == "name" else queue_of(task.name)
            return expected in (full, actual)
        if field == "method":
            return matches(getattr(expected, "name", expected), actual) or (
                isinstance(expected, str) and expected.upper() == actual
            )
        if field == "body" and isinstance(expected, str):
            return bool(expected.encode() == actual)
        if field == "headers":
            return _headers_match(expected, actual)
        if field in ("at", "delay") and isinstance(expected, (datetime, timedelta)):
            return bool(abs(expected - actual) <= self.within)
        if field in ("json", "oidc"):
            return not isinstance(actual, _NotJson) and _partially_matches(expected, actual)
        return matches(expected, actual)


OIDC_FIELDS = ("service_account_email", "audience")


class _Takes(NamedTuple):
    """What a field takes beside predicates and objects with an ``__eq__`` of their own; all else would never match."""

    what: str
    kinds: tuple[type, ...]
    is_text: bool = False
    """Whether a pattern can be searched for in it."""


_JSON_KINDS = (Mapping, list, tuple, str, Number, type(None))
_TAKES = {
    "queue": _Takes("a queue's ID or full name", (str,), is_text=True),
    "url": _Takes("a URL as a text", (str,), is_text=True),
    "method": _Takes("an HTTP method as a text", (str, Enum), is_text=True),
    "json": _Takes("a value that JSON can have", _JSON_KINDS, is_text=True),
    "body": _Takes("the bytes of a body, or its text", (str, bytes, bytearray, memoryview), is_text=True),
    "headers": _Takes("names with their values as a dict", (Mapping,)),
    "name": _Takes("a task's ID or full name", (str,), is_text=True),
    "at": _Takes("an aware datetime", (datetime,)),
    "delay": _Takes("a duration", (timedelta, str)),
    "deadline": _Takes("a duration", (timedelta, str)),
    "oidc": _Takes("the fields of a token as a dict, or None", (Mapping, type(None))),
    "service": _Takes("the name of an App Engine service as a text", (str,), is_text=True),
    "version": _Takes("the name of an App Engine version as a text", (str,), is_text=True),
}


def _check_field(field: str, expected: Any) -> None:
    """Refuse a value that matches no task: a negative assertion would pass for ever."""
    takes = _TAKES[field]
    value = expected.value if isinstance(expected, exactly) else expected
    if isinstance(value, re.Pattern) and takes.is_text:
        if field != "body" and not _is_text(value):
            raise TypeError(f"{field}=… takes a pattern of text, and got {safe_repr(value)}. Leave out its b.")
        return
    if value is None and type(None) not in takes.kinds:
        raise ValueError(f"{field}=None matches no task. Leave it out where any will do.")
    if is_message(value):
        raise TypeError(
            f"{field}=… can't be matched with one of Google's messages, and got a {type(value).__name__}. Pass"
            " the field of it that you mean, such as its name."
        )
    if field == "body" and isinstance(value, (dict, list)):
        raise ValueError(f"body=… takes {takes.what}, and got {shown(value)}. Pass it as json=….")
    if field in ("at", "delay", "deadline") and not isinstance(expected, exactly) and not _is_matcher(value):
        return  # read, or refused, as an instant or a duration
    if not isinstance(value, takes.kinds) and not _is_matcher(value):
        raise TypeError(f"{field}=… takes {takes.what}, and got {shown(expected)}.")


def _is_matcher(value: Any) -> bool:
    """Whether ``value`` says itself what it matches: a predicate, or an object of a class with its own ``__eq__``.

    The classes of Python, of Google and of this package compare with their own kind only, but for those of mock; and
    so do dataclasses and models of pydantic.
    """
    if isinstance(value, re.Pattern):
        return False
    if _is_predicate(value):
        return True
    owner = next(kind for kind in type(value).__mro__ if "__eq__" in vars(kind))
    package = owner.__module__.partition(".")[0]
    return package not in _COMPARED_BY_KIND and not _compares_with_its_kind_only(value)


_OTHER_KINDS: tuple[Any, ...] = ("", b"", 0, 0.5, None, {}, [], datetime(2030, 1, 1, tzinfo=timezone.utc), timedelta(0))
"""One of each kind that a field of a task has."""


def _compares_with_its_kind_only(value: Any) -> bool:
    """Return whether an ``__eq__`` leaves every other kind to that kind's own."""
    equals: Any = type(value).__eq__
    try:
        return all(equals(value, other) is NotImplemented for other in _OTHER_KINDS)
    except Exception:
        return False  # it is written for some kinds alone, as a predicate may be


_COMPARED_BY_KIND = (sys.stdlib_module_names - {"unittest"}) | {"google", "proto", __name__.partition(".")[0]}


def _check_method(method: Any) -> None:
    """Refuse a text that is no task's method."""
    if isinstance(method, str) and method.upper() not in HTTP_METHODS:
        raise ValueError(
            f"method={safe_repr(method)} is no method that a task can"
            f" have.{did_you_mean(method.upper(), HTTP_METHODS)} They are"
            f" {listed(HTTP_METHODS)}."
        )


def _check_texts(field: str, given: Any) -> None:
    """Refuse names of headers that are no texts, and values of headers and of token fields that no text can match."""
    mapping = given.value if isinstance(given, exactly) else given
    for name, value in mapping.items() if isinstance(mapping, Mapping) else ():
        if not isinstance(name, str):
            raise TypeError(f"{field}=… takes names that are texts, and got {safe_repr(name)}.")
        is_text = isinstance(value, str) or (isinstance(value, re.Pattern) and _is_text(value))
        if not is_text and not isinstance(value, exactly) and not _is_matcher(value):
            raise TypeError(f"{field}=… takes texts as values, and got {shown(value)} for {safe_repr(name)}.")


_Place = Union[tuple[()], tuple[Any, Any]]
"""Where a value lies in another: the outer place, and the key or index there; of the outermost one nothing."""


def _check_json(given: Any) -> None:
    """Refuse a value that no JSON has, at any depth."""
    left: list[tuple[_Place, Any]] = [] if given is UNSET else [((), given)]
    seen: set[int] = set()
    while left:
        place, value = left.pop()
        if isinstance(value, exactly):
            value = value.value
        if isinstance(value, (Mapping, list, tuple)):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise TypeError(
                        f"json=… matches no task: {_text_of(place)} has the key {shown(key)}, and JSON's keys are"
                        " texts."
                    )
                left.append(((place, key), inner))
        elif isinstance(value, (list, tuple)):
            left += [((place, index), inner) for index, inner in enumerate(value)]
        elif not _can_be_in_json(value):
            raise TypeError(
                f"json=… matches no task: {_text_of(place)} is {shown(value)}, which JSON can't have. Write what the"
                " body has in its place, such as a text."
            )


def _text_of(place: _Place) -> str:
    keys = []
    while place:
        place, key = place
        keys.append(f"[{safe_repr(key)}]")
    return shortened("json" + "".join(reversed(keys)))


def _can_be_in_json(value: Any) -> bool:
    if isinstance(value, re.Pattern):
        return _is_text(value)
    if isinstance(value, float) and value != value:
        return False  # NaN, which equals nothing
    return isinstance(value, _JSON_KINDS) or _is_matcher(value)


def _check_body(body: Any) -> None:
    """Refuse a text that no bytes can be."""
    if isinstance(body, str) and not is_encodable(body):
        raise ValueError(f"body=… takes a text that can be encoded, and got {safe_repr(body)}.")


def _check_oidc(oidc: Any) -> None:
    """Refuse fields that no token has."""
    fields = oidc.value if isinstance(oidc, exactly) else oidc
    for name in fields if isinstance(fields, Mapping) else ():
        if name not in OIDC_FIELDS:
            raise ValueError(
                f"oidc has no field {safe_repr(name)}.{did_you_mean(name, OIDC_FIELDS)} Its fields are"
                f" {listed(OIDC_FIELDS)}."
            )


def _in_kind(expected: Any, actual: Any) -> Any:
    """A body as text where text was expected, so that a message shows where the two part."""
    if isinstance(expected, str) and isinstance(actual, bytes):
        try:
            return actual.decode()
        except UnicodeDecodeError:
            return actual
    return actual


class _NotJson:
    """Stands for the JSON of a body that is none."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __repr__(self) -> str:
        return f"(no JSON: {shown(self._body)})" if self._body else "(no JSON: the body is empty)"


def _json(task: TaskRecord) -> Any:
    try:
        return task.json
    except ValueError:
        return _NotJson(task.body)


def _scheduled(task: TaskRecord) -> datetime:
    return to_datetime(model_task(task).initial_schedule_time)


def _delay(task: TaskRecord) -> timedelta:
    return to_timedelta(max(0, model_task(task).initial_schedule_time - model_task(task).create_time))


_ACTUAL: dict[str, Callable[[TaskRecord], Any]] = {
    "queue": lambda task: task.queue,
    "url": lambda task: task.url,
    "method": lambda task: task.method,
    "json": _json,
    "body": lambda task: task.body,
    "headers": lambda task: task.headers,
    "name": lambda task: task.id,
    "at": _scheduled,
    "delay": _delay,
    "deadline": lambda task: task.dispatch_deadline,
    "oidc": lambda task: task.oidc,
    "service": lambda task: task.service,
    "version": lambda task: task.version,
}


def match_like(task: TaskRecord) -> Match:
    """Return the match of tasks that are as ``task`` in everything but the name."""
    fields = {field: read(task) for field, read in _ACTUAL.items() if field not in ("name", "delay")}
    fields["body" if not isinstance(fields["json"], _NotJson) else "json"] = UNSET
    for field in ("json", "headers", "oidc"):
        fields[field] = fields[field] if fields[field] in (None, UNSET) else exactly(fields[field])
    return Match(**fields, within=timedelta(0))


def matches(expected: Any, actual: Any) -> bool:
    """Whether ``actual`` is as expected: equal, by the expected value's own ``__eq__``, by a pattern or a predicate."""
    if isinstance(expected, exactly):
        return _wholly_matches(expected.value, actual)
    if isinstance(expected, re.Pattern):
        text = actual.decode(errors="replace") if isinstance(actual, bytes) and _is_text(expected) else actual
        kind = str if _is_text(expected) else bytes
        return isinstance(text, kind) and expected.search(text) is not None
    if _is_predicate(expected):
        return _verdict(expected, actual) is True
    # JSON's true is not its 1, though Python's is.
    return bool(expected == actual) and (isinstance(expected, bool) is isinstance(actual, bool) or not _plain(expected))


def error_of(expected: Any, actual: Any) -> Exception | None:
    """What an expected predicate raises for ``actual``; None if it answers, or is none."""
    verdict = _verdict(expected, actual) if _is_predicate(expected) else None
    return verdict if isinstance(verdict, Exception) else None


def _verdict(predicate: Callable[[Any], object], actual: Any) -> bool | Exception:
    """What a predicate says; one that was written for tasks of another shape raises, and that is no match."""
    try:
        return bool(predicate(actual))
    except Exception as error:
        return error


def _is_predicate(expected: Any) -> bool:
    """Functions of all kinds, and other callable objects unless they say by an ``__eq__`` what they are equal to."""
    if isinstance(expected, _PREDICATES):
        return True
    by_identity: Any = object.__eq__
    return callable(expected) and not isinstance(expected, type) and type(expected).__eq__ is by_identity


def _is_text(pattern: re.Pattern[Any]) -> bool:
    return isinstance(pattern.pattern, str)


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def _partially_matches(expected: Any, actual: Any) -> bool:
    """Mappings may have more than is expected, nested ones too; lists have to match item by item."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(key in actual and _partially_matches(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, (list, tuple)):
        return _wholly_matches(expected, actual)
    return matches(expected, actual)


def _wholly_matches(expected: Any, actual: Any) -> bool:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(
            _wholly_matches(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(actual, (list, tuple))
            and len(expected) == len(actual)
            and all(_wholly_matches(one, other) for one, other in zip(expected, actual, strict=True))
        )
    return matches(expected, actual)


def _headers_match(expected: Any, actual: Headers) -> bool:
    """Names in any case; only the expected ones, but with ``exactly`` those and no others."""
    if isinstance(expected, exactly) and isinstance(expected.value, Mapping):
        return {name.lower() for name in expected.value} == {name.lower() for name in actual} and _headers_match(
            expected.value, actual
        )
    if isinstance(expected, Mapping):
        return all(name in actual and matches(value, actual[name]) for name, value in expected.items())
    return matches(expected, actual)
