"""Checks of the values of options: each returns the setting for a value, or raises ValueError or TypeError."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from ..._arguments import is_whole
from ..._text import did_you_mean, is_encodable, listed, safe_repr
from ..._time.instants import from_datetime


def check_known(where: str, name: object, names: Collection[str]) -> None:
    """Raise ValueError for a name that is none of the options of ``where``."""
    if name not in names:
        raise ValueError(
            f"{where} has no option {safe_repr(name)}.{did_you_mean(name, names)} Its options are {listed(names)}."
        )


def one_of(*values: str) -> Callable[[str, Any], str]:
    """Return the check of a value that must be one of ``values``."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(
                f"{name} takes {listed(map(repr, values), 'or')}, but got"
                f" {safe_repr(value)}.{did_you_mean(value, values)}"
            )
        return str(value)

    return check


def text(name: str, value: Any) -> str:
    """Return a text that isn't empty."""
    if not is_encodable(value) or not value:
        raise TypeError(f"{name} takes a text, but got {safe_repr(value)}.")
    return str(value)


def texts_of(value: Any) -> tuple[str, ...] | None:
    """Return the texts of a list or another iterable; None for a text itself, or if others are in it."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    texts = []
    for item in value:  # which may be endless
        if not isinstance(item, str):
            return None
        texts.append(item)
    return tuple(texts)


def strict(name: str, value: Any) -> bool | str:
    """Return the setting of ``strict``."""
    if isinstance(value, bool) or (isinstance(value, str) and value == "drained"):
        return value
    near = did_you_mean(value, ("True", "False", "drained"))
    raise ValueError(f"{name} takes True, False or 'drained', but got {safe_repr(value)}.{near}")


def seed(name: str, value: Any) -> int:
    """Return an integer of at most 100 digits."""
    if not is_whole(value):
        raise TypeError(f"{name} takes an integer, but got {safe_repr(value)}.")
    if abs(value) >= 10**100:
        raise ValueError(f"{name} takes an integer of at most 100 digits, but got {safe_repr(value)}.")
    return value


def start(name: str, value: Any) -> int:
    """Return an instant (nanoseconds) from an aware datetime, or its text in an ini file."""
    value = _read_instant(value) if isinstance(value, str) else value
    if isinstance(value, str):
        raise ValueError(
            f"{name} takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, but"
            f" got {safe_repr(value)}."
        )
    return from_datetime(value, what=name)


def addresses(name: str, value: Any) -> tuple[str, ...]:
    """Return addresses of endpoints from a list of texts."""
    texts = texts_of(value)
    if texts is None:
        raise TypeError(f"{name} takes a list of host:port texts, but got {safe_repr(value)}.")
    for address in texts:
        from ..._clients.http.destinations import is_address  # few tests have an address

        if not is_address(address):
            raise ValueError(
                f"{name} takes addresses as channels are given them, such as 'localhost:8123', but got"
                f" {safe_repr(address)}."
            )
    return texts


def server(name: str, value: Any) -> str:
    """Return the base URL of a server, or ""."""
    if value == "":
        return ""
    from ..._targets.urls import server_url  # loads ipaddress and socket, which a start of pytest doesn't need

    return server_url(value, name)


def read_int(written: str) -> Any:
    """Return the integer of a text, or the text itself if it is none."""
    try:
        return int(written)
    except ValueError:
        return written


def _read_instant(written: str) -> Any:
    """Return the aware datetime of a text, or the text itself if it is none."""
    try:
        instant = datetime.fromisoformat(written.strip().replace("Z", "+00:00"))
    except ValueError:
        return written
    return written if instant.tzinfo is None else instant
