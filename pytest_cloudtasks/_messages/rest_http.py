"""HTTP requests and responses as plain data."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

Headers = Sequence[tuple[str, str]]
_HOST = re.compile("^https?://[^/?#]*", re.IGNORECASE)
FORM = "application/x-www-form-urlencoded"


class RestRequest:
    """An HTTP request, as it came.

    Args:
        method: The request line's method.
        target: The request line's path with its query: ``/v2/projects/p/locations/l/queues?pageSize=5``. It may be
            a whole URL.
        headers: Names and values.
        body: The body, in the Content-Encoding that the headers name.
    """

    def __init__(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.path, _, self.query = _HOST.sub("", target, count=1).partition("#")[0].partition("?")

    def header(self, name: str) -> str:
        """Return the value of the first header with this name, which is in lower case; "" without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @cached_property
    def verb(self) -> str:
        """The method that the request stands for: a POST may name another one in X-HTTP-Method-Override.

        Java's client for HTTP and JSON sends a PATCH so, and Google's discovery client for Java a long GET.
        """
        override = self.header("x-http-method-override").strip().upper()
        return override if override and self.method == "POST" else self.method

    @cached_property
    def content_type(self) -> str:
        """The type of the body without parameters, in lower case; "" if the request names none."""
        return self.header("content-type").partition(";")[0].strip().lower()


class RestResponse(NamedTuple):
    """An HTTP response."""

    status: int
    headers: Headers
    body: bytes


def json_response(status: int, value: Any, *, pretty: bool = True) -> RestResponse:
    """Return a response of JSON: laid out by lines, or in one line."""
    if pretty:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    else:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return RestResponse(status, (("Content-Type", "application/json; charset=UTF-8"),), text.encode())


def page_not_found(path: str) -> RestResponse:
    """Return the page that Google's front end shows for a method and path that lead nowhere.

    Evidence: recorded that it is HTML and the status 404; the page's words are reported.
    """
    text = _PAGE.format(path=html.escape(path))
    return RestResponse(404, (("Content-Type", "text/html; charset=UTF-8"),), text.encode(errors="replace"))


_PAGE = """\
<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That\u2019s an error.</ins>
  <p>The requested URL <code>{path}</code> was not found on this server.  <ins>That\u2019s all we know.</ins>
"""
