"""Checks of match arguments: with a value that can never match, a negative assertion would always pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from numbers import Number
from typing import Any, NamedTuple, Union

from ..._messages.proto import is_message
from ..._service.request import HTTP_METHODS
from ..._text import did_you_mean, is_encodable, listed, safe_repr, shortened
from ..._time.instants import from_datetime
from ..formatting import shown
from .values import exactly, is_matcher, is_text_pattern


class _Unset:
    """The value of an argument that was not given, since None is a JSON value."""

    def __repr__(self) -> str:
        return "…"


UNSET: Any = _Unset()


OIDC_FIELDS = ("service_account_email", "audience")


class _Takes(NamedTuple):
    """The values of a field, besides predicates and objects with their own ``__eq__``. Other values never match."""

    what: str
    kinds: tuple[type, ...]
    is_text: bool = False
    """Whether it can be a pattern to search for."""


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
    "task": _Takes("a function of a TaskRecord, or a task", (str,)),
}


def check_fields(fields: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for a field that matches no task."""
    for field, expected in fields.items():
        _check_field(field, expected)
    _check_method(fields.get("method"))
    _check_oidc(fields.get("oidc"))
    _check_body(fields.get("body"))
    _check_json(fields.get("json", UNSET))
    for field in ("headers", "oidc"):
        _check_texts(field, fields.get(field))
    if "at" in fields and not isinstance(fields["at"], exactly) and not is_matcher(fields["at"]):
        from_datetime(fields["at"], what="at=…")


def _check_field(field: str, expected: Any) -> None:
    takes = _TAKES[field]
    value = expected.value if isinstance(expected, exactly) else expected
    if isinstance(value, re.Pattern) and takes.is_text:
        if field != "body" and not is_text_pattern(value):
            raise TypeError(f"{field}=… takes a pattern of text, but got {safe_repr(value)}. Leave out its b.")
        return
    if value is None and type(None) not in takes.kinds:
        raise ValueError(f"{field}=None matches no task. Leave it out to match any.")
    if is_message(value):
        raise TypeError(
            f"{field}=… can't match one of Google's messages, but got a {type(value).__name__}. Pass one of its fields,"
            " such as its name."
        )
    if field == "body" and isinstance(value, (dict, list)):
        raise ValueError(f"body=… takes {takes.what}, but got {shown(value)}. Pass it as json=….")
    if field in ("at", "delay", "deadline") and not isinstance(expected, exactly) and not is_matcher(value):
        return  # checked where it is read as an instant or a duration
    if not isinstance(value, takes.kinds) and not is_matcher(value):
        raise TypeError(f"{field}=… takes {takes.what}, but got {shown(expected)}.")


def _check_method(method: Any) -> None:
    """Raise ValueError for a text that is not a task's method."""
    if isinstance(method, str) and method.upper() not in HTTP_METHODS:
        raise ValueError(
            f"method={safe_repr(method)} is not a method of tasks.{did_you_mean(method.upper(), HTTP_METHODS)} They are"
            f" {listed(HTTP_METHODS)}."
        )


def _check_texts(field: str, given: Any) -> None:
    """Raise TypeError for names that aren't texts, and for values of headers and token fields that match no text."""
    mapping = given.value if isinstance(given, exactly) else given
    for name, value in mapping.items() if isinstance(mapping, Mapping) else ():
        if not isinstance(name, str):
            raise TypeError(f"{field}=… takes names that are texts, but got {safe_repr(name)}.")
        is_text = isinstance(value, str) or (isinstance(value, re.Pattern) and is_text_pattern(value))
        if not is_text and not isinstance(value, exactly) and not is_matcher(value):
            raise TypeError(f"{field}=… takes texts as values, but got {shown(value)} for {safe_repr(name)}.")


_Place = Union[tuple[()], tuple[Any, Any]]
"""The place of a value in another: the outer place, and the key or index in it; None for the outermost value."""


def _check_json(given: Any) -> None:
    """Raise for a value that JSON can't have, at any depth."""
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
                f"json=… matches no task: {_text_of(place)} is {shown(value)}, which is not a JSON value. Use the value"
                " that the body has, such as a text."
            )


def _text_of(place: _Place) -> str:
    keys = []
    while place:
        place, key = place
        keys.append(f"[{safe_repr(key)}]")
    return shortened("json" + "".join(reversed(keys)))


def _can_be_in_json(value: Any) -> bool:
    if isinstance(value, re.Pattern):
        return is_text_pattern(value)
    if isinstance(value, float) and value != value:
        return False  # NaN is not equal to anything
    return isinstance(value, _JSON_KINDS) or is_matcher(value)


def _check_body(body: Any) -> None:
    """Raise for a text that can't be encoded."""
    if isinstance(body, str) and not is_encodable(body):
        raise ValueError(f"body=… takes a text that can be encoded, but got {safe_repr(body)}.")


def _check_oidc(oidc: Any) -> None:
    """Raise for fields that no token has."""
    fields = oidc.value if isinstance(oidc, exactly) else oidc
    for name in fields if isinstance(fields, Mapping) else ():
        if name not in OIDC_FIELDS:
            raise ValueError(
                f"oidc has no field {safe_repr(name)}.{did_you_mean(name, OIDC_FIELDS)} Its fields are"
                f" {listed(OIDC_FIELDS)}."
            )
