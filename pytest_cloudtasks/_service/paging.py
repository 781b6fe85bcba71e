"""Paging through a listing, by tokens that stay right while items come and go."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple, TypeVar

from . import errors
from .units import HOUR

Item = TypeVar("Item")

TOKEN_TTL = 2 * HOUR
"""How long a page token is valid, that instant included. Evidence: documented."""


class Cursor(NamedTuple):
    """Where a caller wants to go on in which listing, at what instant.

    ``listing`` says what is listed and by what filter: a token is good for that alone. Evidence: documented.
    """

    listing: str
    token: str
    now: int

    def after(self) -> str:
        """The key behind which to go on; "" at the beginning. A token that is not good here is refused."""
        if not self.token:
            return ""
        key, listing, given = _read(self.token)
        if listing != self.listing:
            raise errors.PAGE_TOKEN_OF_ANOTHER.error()
        if self.now - given > TOKEN_TTL:
            raise errors.PAGE_TOKEN_EXPIRED.error()
        return key

    def token_after(self, key: str) -> str:
        """The token that leads behind ``key``."""
        return base64.urlsafe_b64encode(json.dumps([key, self.listing, self.now]).encode()).decode()


def page(
    items: Iterable[Item], key: Callable[[Item], str], page_size: int, cursor: Cursor, largest: int, request: str
) -> tuple[list[Item], str]:
    """Return one page of ``items``, which come in the order of ``key``, and a token for the next page.

    Every page that has something is followed by a token, the last one included; an empty page has none. A size of 0
    means the largest, and a larger one is cut to it. ``request`` names the message in errors.
    """
    if page_size < 0:
        raise errors.PAGE_SIZE_NEGATIVE.error(request=request)
    size = min(page_size or largest, largest)
    after = cursor.after()
    rest = (item for item in items if key(item) > after)
    found = list(islice(rest, size))
    return found, cursor.token_after(key(found[-1])) if found else ""


def _read(token: str) -> tuple[str, str, int]:
    try:
        key, listing, given = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise errors.PAGE_TOKEN_INVALID.error() from None
    if not (isinstance(key, str) and isinstance(listing, str) and isinstance(given, int)):
        raise errors.PAGE_TOKEN_INVALID.error()
    return key, listing, given
