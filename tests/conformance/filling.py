"""Placeholders of the ledger's cases: names, instants, long texts."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_PLACEHOLDER = re.compile(r"\{(\w+)(?:([*+-])(\d+(?:\.\d+)?))?\}")


def filled(value: Any, names: Mapping[str, Any], now: datetime) -> Any:
    """``value`` with its placeholders filled in.

    ``{queue}`` is a name or what a step has kept, ``{now+60}`` the instant a minute after the case began, ``{a*3}``
    is aaa, ``{zeros*3}`` three zero bytes in base64.
    """
    if isinstance(value, Mapping):
        return {filled(key, names, now): filled(inner, names, now) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, names, now) for inner in value]
    if not isinstance(value, str):
        return value
    alone = _PLACEHOLDER.fullmatch(value)
    if alone and alone[2] is None and alone[1] in names:
        return names[alone[1]]
    return _PLACEHOLDER.sub(lambda match: _text(match, names, now), value)


def _text(match: re.Match[str], names: Mapping[str, Any], now: datetime) -> str:
    word, sign, number = match.groups()
    if word == "now":
        by = timedelta(seconds=float(number or 0))
        return as_json(now - by if sign == "-" else now + by)
    if sign == "*":
        return base64.b64encode(bytes(int(number))).decode() if word == "zeros" else word * int(number)
    return str(names[word]) if word in names else match[0]


def as_json(instant: datetime) -> str:
    """An instant as JSON has a Timestamp: with no decimals, three, or six."""
    timespec = "microseconds" if instant.microsecond % 1000 else "milliseconds" if instant.microsecond else "seconds"
    return f"{instant.replace(tzinfo=None).isoformat(timespec=timespec)}Z"


def tells_the_time(value: Any) -> bool:
    """Whether a filled-in ``value`` depends on when the case is played."""
    if isinstance(value, Mapping):
        return any(tells_the_time(inner) for inner in value.values())
    if isinstance(value, list):
        return any(map(tells_the_time, value))
    return isinstance(value, str) and "{now" in value
