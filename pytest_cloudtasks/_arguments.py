"""Checks of arguments that users give, for all rooms."""

from __future__ import annotations

from typing import TypeGuard

from ._text import is_encodable, safe_repr


def is_whole(number: object) -> TypeGuard[int]:
    """Return whether ``number`` is an integer. True and False are none, whatever Python says."""
    return isinstance(number, int) and not isinstance(number, bool)


_FLAGS = {**dict.fromkeys(("true", "1", "yes", "on"), True), **dict.fromkeys(("false", "0", "no", "off"), False)}


def flag_of(text: str) -> bool | None:
    """Return what a text of an ini file or of the environment, such as ``true`` or ``0``, says; None for another."""
    return _FLAGS.get(text.strip().lower())


def is_number(text: str) -> bool:
    """Return whether ``text`` is a number of ASCII digits, with a decimal point or without."""
    return text.isascii() and text.replace(".", "", 1).isdecimal()


def checked_flag(what: str, value: object) -> bool:
    """Return True or False; raise TypeError for everything else, which may only look like one of them."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} takes True or False, and got {safe_repr(value)}.")
    return value


def checked_text(what: str, value: object, example: str) -> str:
    """Return a text that can be encoded; ``what`` takes it."""
    if not isinstance(value, str) or not value or not is_encodable(value):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes a text such as {example!r}, and got {safe_repr(value)}."
        )
    return value
