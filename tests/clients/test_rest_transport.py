from __future__ import annotations

import io
import json
import random
from importlib import import_module
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from google.cloud.location import locations_pb2
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2

from pytest_cloudtasks._clients.rest_transport import http_error, verb_and_path
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError, rpc_error
from pytest_cloudtasks._messages.rest_http import HTTP_RULES
from pytest_cloudtasks._service import errors

API = "google.cloud.tasks.v2"
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"
REQUESTS: dict[str, dict[str, Any]] = {
    "create_queue": {"parent": LOCATION, "queue": {"name": QUEUE}},
    "get_queue": {"name": QUEUE},
    "list_queues": {"parent": LOCATION},
    "update_queue": {"queue": {"name": QUEUE}},
    "delete_queue": {"name": QUEUE},
    "purge_queue": {"name": QUEUE},
    "pause_queue": {"name": QUEUE},
    "resume_queue": {"name": QUEUE},
    "get_iam_policy": {"resource": QUEUE},
    "set_iam_policy": {"resource": QUEUE},
    "test_iam_permissions": {"resource": QUEUE, "permissions": ["cloudtasks.queues.get"]},
    "create_task": {"parent": QUEUE, "task": {"name": TASK, "http_request": {"url": "https://app.test/"}}},
    "get_task": {"name": TASK},
    "list_tasks": {"parent": QUEUE},
    "delete_task": {"name": TASK},
    "run_task": {"name": TASK},
    "batch_create_tasks": {"parent": QUEUE, "requests": [{"parent": QUEUE}]},
    "batch_delete_tasks": {"parent": QUEUE, "names": [TASK]},
    "get_operation": {"name": f"{LOCATION}/operations/o"},
    "get_location": {"name": LOCATION},
    "list_locations": {"name": "projects/p"},
    "get_cmek_config": {"name": f"{LOCATION}/cmekConfig"},
    "update_cmek_config": {"cmek_config": {"name": f"{LOCATION}/cmekConfig"}},
    "lease_tasks": {"parent": QUEUE},
    "acknowledge_task": {"name": TASK},
    "renew_lease": {"name": TASK},
    "cancel_lease": {"name": TASK},
    "buffer_task": {"queue": QUEUE, "task_id": "t"},
}
VERSIONS = {"v2": tasks_v2, "v2beta3": tasks_v2beta3, "v2beta2": tasks_v2beta2}
RPCS = [
    (version, rpc)
    for version, library in VERSIONS.items()
    for rpc in HTTP_RULES
    if hasattr(library.CloudTasksClient, rpc)
]
"""Those that the installed release has."""
MIXINS = {"iam": iam_policy_pb2, "operation": operations_pb2, "location": locations_pb2}
"""Where the messages of RPCs are that aren't Cloud Tasks' own."""


class Wire:
    """What the library's own REST transport sends, each request answered by ``body``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int, body: dict[str, Any], version: str = "v2") -> None:
        self.sent: list[tuple[str, str]] = []

        def request(session: AuthorizedSession, method: str, url: str, **kwargs: Any) -> requests.Response:
            self.sent.append((method, url))
            response = requests.Response()
            response.status_code = status
            response.raw = io.BytesIO(json.dumps(body).encode())
            response.request = requests.Request(method, url).prepare()
            return response

        monkeypatch.setattr(AuthorizedSession, "request", request)
        transports = import_module(f"google.cloud.tasks_{version}.services.cloud_tasks.transports")
        self.client = VERSIONS[version].CloudTasksClient(
            transport=transports.CloudTasksRestTransport(credentials=AnonymousCredentials())
        )


def error_of(code: str, text: str = "No such luck.") -> InProcessRpcError:
    return InProcessRpcError(grpc.StatusCode[code], text, (), random.Random(0))


def request_message(version: str, rpc: str) -> Any:
    """The message that the client would make of ``REQUESTS[rpc]``."""
    name = "".join(part.capitalize() for part in rpc.split("_")) + "Request"
    for word, module in MIXINS.items():
        if word in rpc:
            return getattr(module, name)(**REQUESTS[rpc])
    return getattr(VERSIONS[version], name)(REQUESTS[rpc])


def test_every_rpc_has_a_request_here() -> None:
    """The tests below cover all rules."""
    assert REQUESTS.keys() == HTTP_RULES.keys()


@pytest.mark.parametrize(("version", "rpc"), RPCS)
def test_verb_and_path_are_those_that_the_library_sends(
    monkeypatch: pytest.MonkeyPatch, version: str, rpc: str
) -> None:
    """For every RPC verb and path are what the library's own REST transport puts on the wire."""
    wire = Wire(monkeypatch, 404, {"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}, version)
    with pytest.raises(exceptions.NotFound):
        getattr(wire.client, rpc)(request=REQUESTS[rpc], retry=None)
    verb, path = verb_and_path(f"google.cloud.tasks.{version}", rpc, request_message(version, rpc))
    assert wire.sent == [(verb, f"https://cloudtasks.googleapis.com{path}")]


def test_the_path_begins_with_the_version() -> None:
    """The API's package decides on the version in the path."""
    request = tasks_v2.RunTaskRequest(name=TASK)
    assert verb_and_path(API, "run_task", request) == ("POST", f"/v2/{TASK}:run")
    assert verb_and_path("google.cloud.tasks.v2beta3", "run_task", request._pb) == ("POST", f"/v2beta3/{TASK}:run")


def test_a_name_without_a_path_is_refused_as_the_library_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that fits no path never leaves the client: the ValueError is the library's own, word for word."""
    wire = Wire(monkeypatch, 200, {})
    with pytest.raises(ValueError) as theirs:
        wire.client.get_queue(name="not-a-queue")
    with pytest.raises(ValueError) as ours:
        verb_and_path(API, "get_queue", tasks_v2.GetQueueRequest(name="not-a-queue"))
    assert str(ours.value) == str(theirs.value)
    assert wire.sent == []


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("INVALID_ARGUMENT", 400, exceptions.InvalidArgument),
        ("FAILED_PRECONDITION", 400, exceptions.FailedPrecondition),
        ("PERMISSION_DENIED", 403, exceptions.PermissionDenied),
        ("NOT_FOUND", 404, exceptions.NotFound),
        ("ALREADY_EXISTS", 409, exceptions.AlreadyExists),
        ("UNIMPLEMENTED", 501, exceptions.MethodNotImplemented),
        ("UNAVAILABLE", 503, exceptions.ServiceUnavailable),
        ("DEADLINE_EXCEEDED", 504, exceptions.DeadlineExceeded),
    ],
)
def test_errors_are_what_the_library_makes_of_a_response(
    monkeypatch: pytest.MonkeyPatch, code: str, http_status: int, kind: type[exceptions.GoogleAPICallError]
) -> None:
    """An error has the class, the code and the text that the library gives a response with Google's JSON error."""
    body = {"error": {"code": http_status, "message": "No such luck.", "status": code}}
    wire = Wire(monkeypatch, http_status, body)
    with pytest.raises(exceptions.GoogleAPICallError) as theirs:
        wire.client.get_queue(name=QUEUE, retry=None)
    ours = http_error(error_of(code), "GET", f"https://cloudtasks.googleapis.com/v2/{QUEUE}")
    assert type(ours) is type(theirs.value)
    assert issubclass(kind, type(ours))
    assert str(ours) == str(theirs.value)
    assert str(ours) == f"{http_status} GET https://cloudtasks.googleapis.com/v2/{QUEUE}: No such luck."
    assert ours.code == http_status
    assert ours.response.json() == body


def test_an_error_without_text_is_still_an_error() -> None:
    """An empty text leaves verb and URL."""
    assert str(http_error(error_of("NOT_FOUND", ""), "GET", "https://a.test/")) == "404 GET https://a.test/: "


def test_an_error_keeps_its_links() -> None:
    """Help links are in the error's details, in Google's JSON form, as they are over the wire."""
    error = http_error(rpc_error(errors.QUEUE_NAME_FORMAT.error(), random.Random(0)), "POST", "https://a.test/")
    (help,) = errors.QUEUE_NAME_FORMAT.details
    assert isinstance(help, errors.Help)
    assert error.details == [
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{"description": help.description, "url": help.url}],
        }
    ]


def test_an_error_keeps_its_reason() -> None:
    """Google's exception reads reason, domain and metadata out of the JSON as it does over the wire."""
    refused = rpc_error(errors.CONSUMER_INVALID.error(project="nonsense"), random.Random(0))
    error = http_error(refused, "POST", "https://a.test/")
    assert (error.reason, error.domain) == ("CONSUMER_INVALID", "googleapis.com")
    assert error.metadata == {
        "consumer": "projects/nonsense",
        "containerInfo": "nonsense",
        "service": "cloudtasks.googleapis.com",
    }
    assert [detail["@type"].rpartition(".")[2] for detail in error.details] == ["ErrorInfo", "LocalizedMessage", "Help"]
