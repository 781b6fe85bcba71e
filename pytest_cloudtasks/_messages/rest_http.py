"""REST as plain data: HTTP requests, responses and errors, batches, and the method and path of each RPC."""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.parser import BytesHeaderParser
from functools import cached_property
from http import HTTPStatus
from itertools import count
from typing import Any, NamedTuple

Headers = Sequence[tuple[str, str]]
_HOST = re.compile("^https?://[^/?#]*", re.IGNORECASE)
FORM = "application/x-www-form-urlencoded"


class RestRequest:
    """An HTTP request, as it arrived.

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
        """Return the value of the first header with this name (in lower case); "" without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @cached_property
    def verb(self) -> str:
        """The effective method: X-HTTP-Method-Override of a POST, or the request line's.

        Java's HTTP and JSON client sends a PATCH this way, and Google's discovery client for Java a long GET.
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


def bytes_of(response: RestResponse) -> bytes:
    """Return a response as HTTP/1.1 sends it."""
    lines = [
        f"HTTP/1.1 {response.status} {reason_of(response.status)}",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


def reason_of(status: int) -> str:
    """Return the reason phrase of a status; "" if it has none."""
    return next((member.phrase for member in HTTPStatus if member == status), "")


def json_response(status: int, value: Any, *, pretty: bool = True) -> RestResponse:
    """Return a JSON response, indented or on one line."""
    if pretty:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    else:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return RestResponse(status, (("Content-Type", "application/json; charset=UTF-8"),), text.encode())


def page_not_found(path: str) -> RestResponse:
    """Return the page of Google's front end for an unknown method and path.

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


_log = logging.getLogger("pytest_cloudtasks")
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class RestError(Exception):
    """A request that the endpoint rejects before it reaches the service."""

    def __init__(self, code: int, status: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details

    def response(self, *, pretty: bool = True) -> RestResponse:
        """Return the response."""
        error = {"code": self.code, "message": self.message, "status": self.status}
        value = {"error": {**error, "details": list(self.details)} if self.details else error}
        return json_response(self.code, value, pretty=pretty)


def invalid(violations: Sequence[tuple[str, str]]) -> RestError:
    """Return the error for an invalid request: messages with the path of their field. Evidence: reported."""
    listed = [
        {"field": path, "description": description} if path else {"description": description}
        for path, description in violations
    ]
    text = "\n".join(description for _, description in violations)
    return RestError(400, "INVALID_ARGUMENT", text, [{"@type": BAD_REQUEST, "fieldViolations": listed}])


def too_large(limit: int) -> RestError:
    """Return the error for a body beyond the limit.

    Evidence: reported (of other Google APIs, by the same front end).
    """
    text = f"Request payload size exceeds the limit: {limit} bytes."
    return RestError(400, "INVALID_ARGUMENT", text)


def malformed(text: str) -> RestError:
    """Return the error for a request that is not HTTP, or whose body is cut off. Evidence: our choice."""
    return RestError(400, "INVALID_ARGUMENT", text)


def failed(error: BaseException) -> RestError:
    """Return the error for a call that the fake can't answer, and log a bug of the fake itself.

    An exception that fails the test is not an Exception, and its text says what to do. Evidence: our choice.
    """
    if not isinstance(error, Exception):
        return RestError(500, "INTERNAL", str(error))
    _log.error("pytest-cloudtasks could not answer a request, by a mistake of its own.", exc_info=error)
    return RestError(500, "INTERNAL", "Internal error encountered.")


# --- batches -----------------------------------------------------------------------------------------------------
# Several requests in one, as discovery clients send them. Evidence: documented (Google's guides to batches, and the
# batchPath of the discovery documents), but where it is said otherwise.

_BATCH_PATH = "/batch"
_LONGEST_BATCH = 1_000


class BatchPart(NamedTuple):
    """One request of a batch."""

    content_id: str
    """The client's key for its response; "" without one."""
    request: RestRequest


def is_batch(request: RestRequest) -> bool:
    """Return whether ``request`` is a batch."""
    return request.verb == "POST" and request.path == _BATCH_PATH


def parts_of(batch: RestRequest, body: bytes) -> list[BatchPart]:
    """Return the requests of a batch, whose ``body`` is already decoded. Raise RestError for an invalid request.

    Headers of the batch apply to each part, except those about the body. Evidence: the error for an empty batch is
    reported; the others are our choice.
    """
    if batch.content_type != "multipart/mixed":
        raise _no_batch(f"0 items. Received batch body: ({len(body)}) bytes redacted")
    message = message_from_bytes(f"Content-Type: {batch.header('content-type')}\r\n\r\n".encode("latin-1") + body)
    parts: Any = message.get_payload() if message.is_multipart() else []
    if not parts:
        raise _no_batch(f"0 items. Received batch body: ({len(body)}) bytes redacted")
    if len(parts) > _LONGEST_BATCH:
        raise _no_batch(f"it has {len(parts)} requests, and the limit is {_LONGEST_BATCH}.")
    shared = [(name, value) for name, value in batch.headers if not name.lower().startswith("content-")]
    requests = []
    for number, part in enumerate(parts, 1):
        first, _, rest = (part.get_payload(decode=True) or b"").lstrip().partition(b"\n")
        words = first.decode("latin-1").split()
        if len(words) not in (2, 3):
            raise _no_batch(f"part {number} is no HTTP request.")
        inner: Any = BytesHeaderParser().parsebytes(rest)
        own = [(name, str(value).strip()) for name, value in inner.items()]
        named = {name.lower() for name, _ in own}
        headers = [*own, *((name, value) for name, value in shared if name.lower() not in named)]
        content_id = re.sub(r"\s+", " ", str(part.get("Content-ID", ""))).strip()
        requests.append(BatchPart(content_id, RestRequest(words[0], words[1], headers, inner.get_payload(decode=True))))
    return requests


def joined(responses: Sequence[tuple[str, RestResponse]]) -> RestResponse:
    """Return the response to a batch, made of each part's Content-ID and response."""
    parts = []
    for content_id, response in responses:
        head = "Content-Type: application/http\r\n"
        if content_id:
            head += f"Content-ID: {re.sub('^<?', lambda start: f'{start[0]}response-', content_id, count=1)}\r\n"
        length = ("Content-Length", str(len(response.body)))
        sent = bytes_of(response._replace(headers=[*response.headers, length]))
        parts.append(head.encode() + b"\r\n" + sent + b"\r\n")
    content = b"".join(parts)
    boundary = next(name for name in (f"batch_{number}" for number in count(1)) if name.encode() not in content)
    between = f"--{boundary}\r\n".encode()
    body = between + between.join(parts) + f"--{boundary}--\r\n".encode()
    return RestResponse(200, (("Content-Type", f"multipart/mixed; boundary={boundary}"),), body)


def _no_batch(why: str) -> RestError:
    return RestError(400, "INVALID_ARGUMENT", f"Failed to parse batch request, error: {why}")


# --- methods -----------------------------------------------------------------------------------------------------

_LOCATION = "projects/*/locations/*"
_QUEUE = f"{_LOCATION}/queues/*"
_TASK = f"{_QUEUE}/tasks/*"

HTTP_RULES: dict[str, tuple[str, str]] = {
    "create_queue": ("post", f"{{parent={_LOCATION}}}/queues"),
    "get_queue": ("get", f"{{name={_QUEUE}}}"),
    "list_queues": ("get", f"{{parent={_LOCATION}}}/queues"),
    "update_queue": ("patch", f"{{queue.name={_QUEUE}}}"),
    "delete_queue": ("delete", f"{{name={_QUEUE}}}"),
    "purge_queue": ("post", f"{{name={_QUEUE}}}:purge"),
    "pause_queue": ("post", f"{{name={_QUEUE}}}:pause"),
    "resume_queue": ("post", f"{{name={_QUEUE}}}:resume"),
    "get_iam_policy": ("post", f"{{resource={_QUEUE}}}:getIamPolicy"),
    "set_iam_policy": ("post", f"{{resource={_QUEUE}}}:setIamPolicy"),
    "test_iam_permissions": ("post", f"{{resource={_QUEUE}}}:testIamPermissions"),
    "create_task": ("post", f"{{parent={_QUEUE}}}/tasks"),
    "get_task": ("get", f"{{name={_TASK}}}"),
    "list_tasks": ("get", f"{{parent={_QUEUE}}}/tasks"),
    "delete_task": ("delete", f"{{name={_TASK}}}"),
    "run_task": ("post", f"{{name={_TASK}}}:run"),
    "lease_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:lease"),
    "acknowledge_task": ("post", f"{{name={_TASK}}}:acknowledge"),
    "renew_lease": ("post", f"{{name={_TASK}}}:renewLease"),
    "cancel_lease": ("post", f"{{name={_TASK}}}:cancelLease"),
    "batch_create_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:batchCreate"),
    "batch_delete_tasks": ("post", f"{{parent={_QUEUE}}}/tasks:batchDelete"),
    "buffer_task": ("post", f"{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer"),
    "get_operation": ("get", f"{{name={_LOCATION}/operations/*}}"),
    "get_location": ("get", f"{{name={_LOCATION}}}"),
    "list_locations": ("get", "{name=projects/*}/locations"),
    "get_cmek_config": ("get", f"{{name={_LOCATION}/cmekConfig}}"),
    "update_cmek_config": ("patch", f"{{cmek_config.name={_LOCATION}/cmekConfig}}"),
}
"""HTTP method and path template of each RPC. Evidence: documented (the google.api.http annotations)."""

BODIES = {
    "create_queue": "queue",
    "update_queue": "queue",
    "update_cmek_config": "cmek_config",
    "upload_queue_yaml": "http_body",
}
"""The field that is the body of a request. The body of other POST requests is the whole message.

Evidence: documented (the google.api.http annotations), as are methods and paths.
"""

SECOND_PATHS = (
    ("buffer_task", "post", "/{version}/{{queue=projects/*/locations/*/queues/*}}/tasks:buffer"),
    ("buffer_task", "post", "/{version}/{{queue=projects/*/locations/*/queues/*}}/tasks/:buffer"),
    ("upload_queue_yaml", "post", "/api/queue/update"),
)
"""Paths that the library's transport doesn't use: two for tasks without an ID, and one without a version.

Evidence: documented. The one with an empty ID is reported: ``gcloud tasks buffer`` and discovery clients send it.
"""
