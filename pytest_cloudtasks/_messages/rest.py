"""The REST API of Cloud Tasks, from the bytes of a request to the bytes of its response.

`answer` and `answer_async` are the only entry points, for interception, the loopback server and the emulator. They
don't depend on an HTTP library.

A path without a version means v2, in the form that Firebase's Admin SDKs use when CLOUD_TASKS_EMULATOR_HOST names an
emulator. There CreateTask differs in three points. A task without a URL is for the Firebase function that has the
queue's name (`address_function`). A task with an http URL gets no token, though the SDKs ask for one with every task.
The response has the task a second time, as ``task``, whose name begins with a slash: the Python SDK reads that.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from .._service.errors import Code, ServiceError
from . import rest_http
from .errors import TEXTS
from .grpc_errors import InProcessRpcError, status_code_of, status_details
from .methods import Method, Route, route_of
from .proto import wrapped
from .rest_http import (
    BAD_REQUEST,
    FORM,
    RestError,
    RestRequest,
    RestResponse,
    is_batch,
    joined,
    json_response,
    page_not_found,
    parts_of,
)
from .rest_json import AS_TEXT, Violation, bind, checked, fields_of, fill, parsed, shown
from .rpc_call import IncomingCall

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request's body. Evidence: reported (of other Google APIs); that of Cloud Tasks is unknown."""
_GLOBAL = frozenset(
    (
        "access_token",
        "alt",
        "bearer_token",
        "callback",
        "extraLocationTypes",  # only ListLocations has it, for internal use
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
_NO_TYPES = ("", "application/octet-stream", FORM)
"""Content types that tools send by default."""
_GZIP_OR_DEFLATE = 32 + zlib.MAX_WBITS

NO_FUNCTIONS = (
    "This task has no URL. So it is for the Firebase function {name}, and the fake has no address of functions. Set the"
    " option firebase_functions (of serve: --firebase-functions) to the base URL of a server that runs them, such as"
    " http://127.0.0.1:5001."
)
"""The reason to reject a task for a Firebase function."""

Parameters = Sequence[tuple[str, str]]


Receive = Callable[[IncomingCall], Awaitable[Any]]
"""Answers a call with its response message, or raises a channel's error."""


def answer(request: RestRequest, receive: Callable[[IncomingCall], Any]) -> RestResponse:
    """Return the response to ``request``, as `answer_async` does, with a ``receive`` that is not awaited."""

    async def receive_at_once(call: IncomingCall) -> Any:
        return receive(call)

    return result_of(answer_async(request, receive_at_once))


async def answer_async(request: RestRequest, receive: Receive) -> RestResponse:
    """Return the response to ``request``. ``receive`` answers its call.

    A batch makes several calls in sequence. Other exceptions of ``receive`` propagate to the caller.
    """
    if not is_batch(request):
        return await _answer(request, receive)
    try:
        parts = parts_of(request, _decoded(request))
    except RestError as error:
        return error.response()
    return joined([(part.content_id, await _answer(part.request, receive)) for part in parts])


def result_of(coroutine: Coroutine[Any, Any, RestResponse]) -> RestResponse:
    """Return the response of a coroutine that never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the coroutine waits")


async def _answer(request: RestRequest, receive: Receive) -> RestResponse:
    asked = _asked(request)
    if isinstance(asked, RestResponse):
        return asked
    try:
        return asked.accepted(await receive(asked.call))
    except InProcessRpcError as error:
        return asked.rejected(error)


class _Asked(NamedTuple):
    """The call of a request, and the parameters for the form of its response."""

    call: IncomingCall
    parameters: Parameters
    selected: Selected

    def accepted(self, message: Any) -> RestResponse:
        whole = shown(message, enums_as_numbers=_wants_numbers(self.parameters))
        value = _part_of(whole, self.selected)
        if self.call.is_firebase and self.call.method == "create_task":
            value["task"] = {**whole, "name": f"/{whole['name']}"}
        return json_response(200, value, pretty=_is_pretty(self.parameters))

    def rejected(self, error: InProcessRpcError) -> RestResponse:
        code, name = status_code_of(error), error.code().name
        rest_error = RestError(code, name, error.details(), status_details(error))
        return rest_error.response(pretty=_is_pretty(self.parameters))


def _asked(request: RestRequest) -> _Asked | RestResponse:
    """Return the call of a request, or the response to a request without a valid call."""
    route = route_of(request.verb, request.path)
    if route is None:
        return page_not_found(request.path)
    parameters = parse_qsl(request.query, keep_blank_values=True)
    try:
        body = _decoded(request)
        if request.verb == "GET" and request.content_type == FORM:
            parameters += _form(body)
        message = _message(request, route, parameters, body)
        _check_form(parameters)
        selector = _parameter(parameters, "fields") or request.header("x-goog-fieldmask")
        selected = _selected(selector, route.method)
    except RestError as error:
        return error.response(pretty=_is_pretty(parameters))
    method = route.method
    metadata = tuple((name.lower(), value) for name, value in request.headers)
    call = IncomingCall(method.rpc, method.api, wrapped(method.request, message), None, metadata)
    call.is_firebase = route.is_firebase
    return _Asked(call, parameters, selected)


def address_function(message: Any, functions: str) -> None:
    """Set the URL of a task in Firebase's form to that of its function, and remove the token of an http URL.

    ``functions`` is the base URL of all functions, "" if unknown; a task that needs it then raises ServiceError. The
    service accepts tokens for https only. Evidence: reported (the public sources of Firebase's tools); the error is our
    choice.
    """
    if not message.task.HasField("http_request"):
        return
    target = message.task.http_request
    if not target.url:
        _, project, _, location, _, name = message.parent.split("/")
        if not functions:
            raise ServiceError(Code.INVALID_ARGUMENT, NO_FUNCTIONS.format(name=name))
        target.url = f"{functions}/{project}/{location}/{name}"
    if target.url.startswith("http://"):
        for token in ("oidc_token", "oauth_token"):
            target.ClearField(token)


def _decoded(request: RestRequest) -> bytes:
    """Return the body without its Content-Encoding. Raises RestError."""
    encoding = request.header("content-encoding").strip().lower() or "identity"
    body = request.body
    if encoding in ("gzip", "x-gzip", "deflate"):
        unpacking = zlib.decompressobj(_GZIP_OR_DEFLATE)
        try:
            body = unpacking.decompress(body, MAX_BODY + 1)
        except zlib.error:
            raise rest_http.malformed(f"The request's body can't be unpacked: it is not {encoding}.") from None
    elif encoding != "identity":
        raise rest_http.malformed(f"The request's Content-Encoding is {encoding!r}. Send gzip, deflate, or none.")
    if len(body) > MAX_BODY:
        raise rest_http.too_large(MAX_BODY)
    return body


def _message(request: RestRequest, route: Route, parameters: Parameters, body: bytes) -> Any:
    """Return the call's message, from the request's body, query and path. Raises RestError."""
    message = route.method.request_class()
    named = [(name, value) for name, value in parameters if name not in _GLOBAL and not name.startswith("$")]
    violations: list[Violation] = []
    if hasattr(message, "http_body"):
        message.http_body.data = body
    elif route.method.rpc == "buffer_task":
        violations += _buffered(message, request.content_type, body)
    elif request.content_type == FORM and route.body is not None:
        named += _form(body)
    elif route.body == "*":
        violations += fill(message, parsed(body))
    elif route.body is not None and body.strip():
        part = getattr(message, route.body)
        part.SetInParent()
        violations += fill(part, parsed(body), route.body)
    checked([*violations, *bind(message, named)])
    for path, value in route.values.items():
        *outer, last = path.split(".")
        part = message
        for step in outer:
            part = getattr(part, step)
        setattr(part, last, value)
    return message


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("latin-1"), keep_blank_values=True)


def _buffered(message: Any, content_type: str, body: bytes) -> list[Violation]:
    """Set the payload of a BufferTask: the body as it is, or within the envelope of the discovery document.

    Evidence: both are documented. Our choice: a body that could be the envelope counts as the envelope.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    envelope = value.get("body") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(envelope, dict) and envelope.keys() <= {"contentType", "content_type", "data", "extensions"}:
        return fill(message.body, envelope, "body")
    message.body.data = body
    if content_type not in _NO_TYPES:
        message.body.content_type = content_type
    return []


def _parameter(parameters: Parameters, *names: str) -> str:
    """Return the value of a parameter of Google's front end, with or without a dollar sign; "" without a value."""
    return next((value for name, value in parameters if name.removeprefix("$") in names), "")


def _wants_numbers(parameters: Parameters) -> bool:
    """Return whether the response has enums as numbers, as Google's own client asks. Evidence: recorded."""
    return "enum-encoding=int" in _parameter(parameters, "alt")


def _is_pretty(parameters: Parameters) -> bool:
    """Return whether the response is indented, which is the default. Evidence: recorded."""
    return _parameter(parameters, "prettyPrint", "pp") not in ("false", "0")


def _check_form(parameters: Parameters) -> None:
    """Raise RestError if the request asks for another form than JSON. Evidence: our choice."""
    form = _parameter(parameters, "alt")
    if form.partition(";")[0].lower() not in ("", "json"):
        message = f"The fake answers in JSON, and the request asks for alt={form}. Ask for alt=json, or leave alt out."
    elif _parameter(parameters, "callback"):
        message = "The fake answers in JSON, and the request asks for JSONP. Leave the parameter callback out."
    else:
        return
    raise RestError(400, "INVALID_ARGUMENT", message)


# --- partial responses -------------------------------------------------------------------------------------------
# Evidence: documented (Google's guides to partial responses, and its system parameters); reported of other Google APIs
# are dots for slashes, and the error. That an invalid selector is rejected before the call is our choice.

Selected = Mapping[str, "Selected"]
"""The selected fields of a message by name, "*" for all; empty for the whole message."""
_DEEPEST = 100
"""The maximum depth of a path: more than any response has. Evidence: our choice."""


def _selected(selector: str, method: Method) -> Selected:
    """Return the selection of ``selector`` for the response of a method: ``queues(name,state),nextPageToken``."""
    tokens = re.findall(r"[,/.()]|[^,/.()]+", selector)
    if not tokens:
        return {}
    selected: dict[str, Any] = {}
    tokens.append("")
    _read_list(tokens, selected, method.response_class.DESCRIPTOR, selector, ())
    if tokens != [""]:
        raise _not_selectable(selector, selector)
    return selected


def _read_list(tokens: list[str], into: dict[str, Any], message: Any, selector: str, path: tuple[str, ...]) -> None:
    while True:
        _read_path(tokens, into, message, selector, path)
        if tokens[0] != ",":
            return
        del tokens[0]


def _read_path(tokens: list[str], into: dict[str, Any], message: Any, selector: str, path: tuple[str, ...]) -> None:
    """Read a field and its selection. Without a descriptor any name is possible: keys, and fields of Any."""
    name = tokens.pop(0)
    if name in ("", ",", "/", ".", "(", ")") or len(path) == _DEEPEST:
        raise _not_selectable(selector, selector)
    path = (*path, name)
    within = None
    if name != "*" and message is not None:
        field = fields_of(message).get(name)
        if field is None:
            raise _not_selectable(selector, ".".join(path))
        name, within = field.json_name, field.message_type
        is_scalar = within is None or within.full_name in AS_TEXT
        if tokens[0] in ("/", ".", "(") and is_scalar:
            raise _not_selectable(selector, ".".join((*path, *tokens[1:2])))
        if within is not None and (within.GetOptions().map_entry or within.full_name == "google.protobuf.Any"):
            within = None
    part = into.setdefault(name, {})
    if tokens[0] in ("/", "."):
        del tokens[0]
        _read_path(tokens, part, within, selector, path)
    elif tokens[0] == "(":
        del tokens[0]
        _read_list(tokens, part, within, selector, path)
        if tokens.pop(0) != ")":
            raise _not_selectable(selector, selector)
    else:
        part["*"] = {}


def _not_selectable(selector: str, path: str) -> RestError:
    message = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    violation = {"field": selector, "description": message}
    details = [{"@type": BAD_REQUEST, "fieldViolations": [violation]}]
    return RestError(400, "INVALID_ARGUMENT", TEXTS["INVALID_ARGUMENT"], details)


def _part_of(value: Any, selected: Selected) -> Any:
    """Return the selected part of a response, or of each member of a list."""
    if not selected:
        return value
    if isinstance(value, list):
        return [_part_of(item, selected) for item in value]
    if not isinstance(value, dict):
        return value
    part = {}
    for name, content in value.items():
        chosen = [selected[key] for key in ("*", name) if key in selected]
        if chosen:
            part[name] = _part_of(content, _united(chosen))
    return part


def _united(chosen: Sequence[Selected]) -> Selected:
    """Return the union of these selections."""
    if not all(chosen):
        return {}
    names = dict.fromkeys(name for selected in chosen for name in selected)
    return {name: _united([selected[name] for selected in chosen if name in selected]) for name in names}
