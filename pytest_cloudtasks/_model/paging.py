"""Paging through a listing, by tokens that stay right while items come and go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from . import refusals

Item = TypeVar("Item")


def page(
    items: Iterable[Item], key: Callable[[Item], str], page_size: int, page_token: str, largest: int
) -> tuple[list[Item], str]:
    """One page of ``items``, which come in the order of ``key``, and the token of the next ("" after the last).

    A size of 0 means the largest, and a larger one is cut to it. Evidence: documented (the sizes); our choice (the
    cut, as AIP-158 has it).
    """
    if page_size < 0:
        raise refusals.PAGE_SIZE_NEGATIVE.error()
    size = min(page_size or largest, largest)
    after = _read(page_token) if page_token else ""
    found: list[Item] = []
    for item in items:
        if key(item) <= after:
            continue
        if len(found) == size:
            return found, _token(key(found[-1]))
        found.append(item)
    return found, ""


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read(page_token: str) -> str:
    try:
        return base64.b64decode(page_token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise refusals.PAGE_TOKEN_INVALID.error() from None
