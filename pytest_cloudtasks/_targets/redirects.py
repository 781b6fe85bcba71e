"""Redirects and Retry-After: headers of answers that have an effect."""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from .._time.instants import from_datetime
from .._units import SECOND
from .answers import Answer
from .headers import Headers
from .request import TargetRequest, request_at

MAX_REDIRECTS = 20
"""The maximum number of redirects in one attempt. Evidence: inferred, as in browsers."""
_KEEPS_METHOD = frozenset({307, 308})
_FOLLOWED = frozenset({301, 302, 303, *_KEEPS_METHOD})
_SECONDS = re.compile(r"[0-9]{1,12}")


def redirected(request: TargetRequest, answer: Answer) -> TargetRequest | None:
    """Return the request that ``answer`` redirects ``request`` to; None if it doesn't.

    After 301, 302 and 303 a request is made by GET without a body, unless it was one by GET or HEAD; after 307 and 308
    it is the same. Evidence: recorded for a 302 to a path; the rest is inferred from what HTTP clients do.
    """
    location = answer.headers.get("Location") if answer.status in _FOLLOWED else None
    if location is None:
        return None
    try:
        url = urljoin(request.url, location)
    except ValueError:
        return None
    if not url.startswith(("http://", "https://")):
        return None
    keeps_method = answer.status in _KEEPS_METHOD or request.method in ("GET", "HEAD")
    return request_at(request, url, keeps_method=keeps_method)


def retry_at(headers: Headers, answered_at: int) -> int | None:
    """Return the instant (nanoseconds) before which a Retry-After asks for no retry; None without a readable one.

    It is a number of seconds or an HTTP date. Evidence: documented (RFC 9110).
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return answered_at + int(value) * SECOND
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return from_datetime(date if date.tzinfo else date.replace(tzinfo=timezone.utc), what="Retry-After")
