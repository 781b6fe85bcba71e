"""The fields of requests to the control endpoints: reading them from a query or a JSON body, and checking them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from ..._arguments import is_whole
from ..._messages.errors import TEXTS
from ..._messages.rest_http import RestError
from ..._service.validation import RPCS
from ..._text import did_you_mean, listed
from ..._time.instants import from_datetime, from_timedelta, read_duration, to_datetime
from ..rest_endpoint import to_aiohttp

_DIGITS = 9
"""Most digits of a number: Python rejects a text with thousands of digits."""
_MOST = 10**_DIGITS - 1


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def with_errors_as_json(handler: Handler) -> Handler:
    """Return a handler that answers errors of ``handler`` in Google's form."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RestError as error:
            return to_aiohttp(error.response())

    return answer


class _Object(dict[str, Any]):
    """A JSON object with all of its pairs, because a key may be repeated."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


async def fields_of(request: web.Request, known: Collection[str]) -> Mapping[str, Any]:
    """Return the fields of a request, from its query and its body."""
    text = (await request.read()).decode(errors="replace")  # JSON is UTF-8, even if the header names another encoding
    if not text.strip():
        return query_of(request, known)
    try:
        fields = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, _Object):
        raise invalid(f"{request.path} takes a JSON object, but got {text[:80]!r}.")
    return _checked(request, [*request.query.items(), *fields.pairs], known)


def query_of(request: web.Request, known: Collection[str]) -> Mapping[str, Any]:
    """Return the fields of a request's query."""
    return _checked(request, request.query.items(), known)


def _checked(request: web.Request, pairs: Iterable[tuple[str, Any]], known: Collection[str]) -> Mapping[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            takes = f"It takes {listed(known)}." if known else "It takes none."
            near = did_you_mean(name, known)
            raise invalid(f"{request.path} has no field {name!r}.{near} {takes}")
        if name in fields:
            raise invalid(f"{request.path} got the field {name!r} twice: {fields[name]!r} and {value!r}. Send it once.")
        fields[name] = value
    return fields


def text_in(fields: Mapping[str, Any], name: str) -> str:
    """Return a text."""
    value = fields[name]
    if not isinstance(value, str):
        raise invalid(f"{name} takes a text, but got {value!r}.")
    return value


def duration_in(fields: Mapping[str, Any], name: str, default: str = "") -> int:
    """Return the nanoseconds of a duration such as 90s."""
    value = fields.get(name, default)
    duration = read_duration(value) if isinstance(value, str) else None
    if duration is None:
        raise invalid(f"{name} takes a duration such as 90s, 10m, 1h or 7d, but got {value!r}.")
    return from_timedelta(duration)


def instant_in(fields: Mapping[str, Any], name: str) -> int:
    """Return an instant in nanoseconds."""
    text = text_in(fields, name)
    try:
        instant = from_datetime(datetime.fromisoformat(text.replace("Z", "+00:00")), what=name)
        to_datetime(instant)  # in UTC it may lie beyond the range of datetimes
    except (ValueError, OverflowError):
        raise invalid(
            f"{name} takes an instant with its offset from UTC, such as 2030-01-01T00:00:00Z, but got {text!r}."
        ) from None
    return instant


def whole_in(fields: Mapping[str, Any], name: str, default: int, what: str, *, least: int = 1) -> int:
    """Return a whole number of ``least`` or more; in a query it is a text."""
    value = fields.get(name, default)
    is_readable = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS
    number = int(value) if is_readable else value
    if not is_whole(number) or not least <= number <= _MOST:
        raise invalid(f"{name} takes a number of {what} from {least} to {_MOST}, but got {value!r}.")
    return number


def rpc_in(fields: Mapping[str, Any]) -> str:
    """Return an RPC's name in the form of Python's client; the request may have it in the form of Google's docs.

    An RPC that only some API versions have counts, too.
    """
    if "rpc" not in fields:
        raise invalid("A failure needs the field rpc, such as CreateTask, or * for every call.")
    rpc = text_in(fields, "rpc")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", rpc).lower()
    if name not in RPCS and name != "*":
        near = did_you_mean(name, RPCS)
        raise invalid(f"There is no RPC {rpc!r}.{near} rpc takes * for every call, or one of {listed(sorted(RPCS))}.")
    return name


def code_in(fields: Mapping[str, Any]) -> str:
    """Return the name of a gRPC code."""
    code = text_in(fields, "code") if "code" in fields else "UNAVAILABLE"
    if code.upper() not in TEXTS:
        near = did_you_mean(code.upper(), TEXTS)
        raise invalid(f"There is no code {code!r}.{near} code takes {listed(TEXTS, 'or')}.")
    return code.upper()


def invalid(sentence: str) -> RestError:
    """Return the error for an invalid field."""
    return RestError(400, "INVALID_ARGUMENT", sentence)
