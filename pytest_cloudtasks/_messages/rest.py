"""The REST API of Cloud Tasks, from the bytes of a request to the bytes of its response.

`answer` is the one way in. It knows no HTTP library: the servers and the interception of HTTP clients share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from google.api_core.gapic_v1.method import DEFAULT

from . import rest_errors
from .call import RpcCall
from .grpc_errors import InProcessRpcError
from .proto import shown as as_the_library_has_it
from .rest_errors import RestError
from .rest_http import RestRequest, RestResponse, json_response
from .rest_json import bind, fill, parsed, shown
from .rest_routes import Route, route_of

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request's body. Evidence: reported (of other Google APIs); that of Cloud Tasks is unknown."""
_GLOBAL = frozenset(
    (
        "access_token",
        "alt",
        "bearer_token",
        "callback",
        "extraLocationTypes",  # of ListLocations alone, and not for use
        "fields",
        "key",
        "oauth_token",
        "pp",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    )
)
"""Query parameters that every method takes. Evidence: documented (the discovery documents)."""

_NO_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Types that tools send where nobody has said one."""


def answer(request: RestRequest, receive: Callable[[RpcCall], Any]) -> RestResponse:
    """Return the response to ``request``; ``receive`` answers the call that it makes, or raises a channel's error."""
    try:
        return json_response(200, _answered(request, receive))
    except RestError as error:
        return error.response


def _answered(request: RestRequest, receive: Callable[[RpcCall], Any]) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    route = route_of(request.method, path)
    if route is None:
        raise rest_errors.method_not_found()
    message = _message(route, _type_of(request), pairs, request.body)
    method = route.method
    metadata = tuple((name.lower(), value) for name, value in request.headers)
    call = RpcCall(method.rpc, method.api, as_the_library_has_it(method.request, message), None, metadata, DEFAULT)
    try:
        response = receive(call)
    except InProcessRpcError as error:
        raise rest_errors.of_rpc(error) from None
    except BaseException as error:  # what fails a test is none of Exception
        raise rest_errors.failed(error) from None
    return shown(response, enums_as_numbers=_wants_numbers(pairs))


def _type_of(request: RestRequest) -> str:
    return request.header("content-type").partition(";")[0].strip().lower()


def _message(route: Route, content_type: str, pairs: list[tuple[str, str]], body: bytes) -> Any:
    """The request's message, from its body, its query and its path. Raises RestError."""
    message = route.method.request_class()
    parameters = [(name, value) for name, value in pairs if name not in _GLOBAL and not name.startswith("$")]
    if hasattr(message, "http_body"):
        message.http_body.data = body
    elif route.method.rpc == "buffer_task":
        _buffered(message, content_type, body)
    elif content_type == "application/x-www-form-urlencoded" and route.body is not None:
        parameters += parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    elif route.body == "*":
        fill(message, parsed(body))
    elif route.body is not None and body.strip():
        part = getattr(message, route.body)
        part.SetInParent()
        fill(part, parsed(body), route.body)
    bind(message, parameters)
    for path, value in route.values.items():
        *outer, last = path.split(".")
        part = message
        for step in outer:
            part = getattr(part, step)
        setattr(part, last, value)
    return message


def _buffered(message: Any, content_type: str, body: bytes) -> None:
    """The payload of a BufferTask: the body as it is, or in the envelope of the discovery document.

    Evidence: documented, both; that a body which could be the envelope is taken for it is our choice.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    envelope = value.get("body") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(envelope, dict) and envelope.keys() <= {"contentType", "content_type", "data", "extensions"}:
        fill(message.body, envelope, "body")
        return
    message.body.data = body
    if content_type not in _NO_TYPES:
        message.body.content_type = content_type


def _wants_numbers(pairs: list[tuple[str, str]]) -> bool:
    """Whether enums are asked for by number, as Google's own client does. Evidence: recorded."""
    return any(name in ("$alt", "alt") and "enum-encoding=int" in value for name, value in pairs)
