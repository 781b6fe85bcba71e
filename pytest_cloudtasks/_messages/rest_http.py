"""HTTP requests and responses as plain data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

Headers = Sequence[tuple[str, str]]


class RestRequest(NamedTuple):
    """An HTTP request, as it came."""

    method: str
    target: str
    """The path with its query: ``/v2/projects/p/locations/l/queues?pageSize=5``."""
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The value of the first header of a name in lower case; "" without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class RestResponse(NamedTuple):
    """An HTTP response."""

    status: int
    headers: Headers
    body: bytes


def json_response(status: int, value: Any) -> RestResponse:
    """Return a response of JSON, laid out by lines as Google does."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return RestResponse(status, (("Content-Type", "application/json; charset=UTF-8"),), text.encode())
