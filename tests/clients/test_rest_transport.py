"""Google's own REST transport, which runs untouched down to HTTP."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import google.auth
import pytest
from google.api_core import exceptions, operations_v1
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksRestTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports.rest import CloudTasksRestInterceptor
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._messages.grpc_errors import rpc_error
from pytest_cloudtasks._messages.proto import proto_of
from pytest_cloudtasks._messages.rest_http import HTTP_RULES
from pytest_cloudtasks._service import errors
from tests.clients.pickling import without_addresses

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


ORIGIN = "https://cloudtasks.googleapis.com"
FOUND = tasks_v2.Queue(name=QUEUE)


def rest_client() -> Any:
    """The v2 client over REST."""
    return tasks_v2.CloudTasksClient(transport="rest")


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


# --- what arrives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "rpc"), RPCS)
def test_every_rpc_arrives_as_it_was_made(
    scripted: Callable[..., Any], failing: Callable[..., Any], version: str, rpc: str
) -> None:
    """What the library's transport puts into method, URL and body is read as the message that the caller gave."""
    backend = scripted(failing("NOT_FOUND", "gone"))
    client = VERSIONS[version].CloudTasksClient(transport="rest")
    with pytest.raises(exceptions.NotFound) as raised:
        getattr(client, rpc)(request=REQUESTS[rpc], retry=None)
    (call,) = backend.calls
    assert call.method == rpc
    assert proto_of(call.request) == proto_of(request_message(version, rpc))
    verb, _ = HTTP_RULES[rpc]
    assert str(raised.value).startswith(f"404 {verb.upper()} {ORIGIN}/{version}/projects/p")


def test_a_call_has_its_metadata(scripted: Callable[..., Any]) -> None:
    """It is the request's headers. A time-out stays with the caller, for HTTP doesn't send it."""
    backend = scripted(FOUND)
    assert rest_client().get_queue(name=QUEUE, timeout=7, metadata=[("x-mine", "1")]) == FOUND
    (call,) = backend.calls
    assert (call.api, call.timeout) == ("google.cloud.tasks.v2", None)
    assert dict(call.metadata)["x-mine"] == "1"
    assert dict(call.metadata)["x-goog-request-params"] == f"name={QUEUE}"
    assert "authorization" not in dict(call.metadata)


def test_a_name_without_a_path_never_leaves_the_client(scripted: Callable[..., Any]) -> None:
    """A name that fits no URL is a ValueError of the client."""
    backend = scripted(FOUND)
    with pytest.raises(ValueError, match=r"^Invalid request\."):
        rest_client().get_queue(name="not-a-queue")
    assert backend.calls == []


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        ({}, ORIGIN),
        ({"api_endpoint": "europe-west1-cloudtasks.googleapis.com"}, "https://europe-west1-cloudtasks.googleapis.com"),
        ({"api_endpoint": "http://localhost:8080"}, "http://localhost:8080"),
    ],
    ids=["default", "regional", "redirected"],
)
def test_an_error_names_verb_and_url(options: dict[str, str], origin: str) -> None:
    """It is "<code> <VERB> <url>: <text>", at each address that is intercepted."""
    with FakeCloudTasks(redirect_endpoints=["localhost:8080"]):
        client = tasks_v2.CloudTasksClient(transport="rest", client_options=options)
        with pytest.raises(exceptions.NotFound) as raised:
            client.purge_queue(name=QUEUE)
    assert str(raised.value).startswith(f"404 POST {origin}/v2/{QUEUE}:purge?")


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("INVALID_ARGUMENT", 400, exceptions.BadRequest),
        ("FAILED_PRECONDITION", 400, exceptions.BadRequest),
        ("PERMISSION_DENIED", 403, exceptions.Forbidden),
        ("NOT_FOUND", 404, exceptions.NotFound),
        ("ALREADY_EXISTS", 409, exceptions.Conflict),
        ("UNIMPLEMENTED", 501, exceptions.MethodNotImplemented),
        ("UNAVAILABLE", 503, exceptions.ServiceUnavailable),
        ("DEADLINE_EXCEEDED", 504, exceptions.GatewayTimeout),
    ],
)
def test_an_error_is_what_the_library_makes_of_its_response(
    scripted: Callable[..., Any],
    failing: Callable[..., Any],
    code: str,
    http_status: int,
    kind: type[exceptions.GoogleAPICallError],
) -> None:
    """Its class goes by the HTTP status, and the response has Google's JSON."""
    scripted(failing(code, "No such luck."))
    with pytest.raises(exceptions.GoogleAPICallError) as raised:
        rest_client().get_queue(name=QUEUE, retry=None)
    assert type(raised.value) is kind
    assert (
        str(raised.value) == f"{http_status} GET {ORIGIN}/v2/{QUEUE}?%24alt=json%3Benum-encoding%3Dint: No such luck."
    )
    assert raised.value.code == http_status
    assert raised.value.response.json() == {"error": {"code": http_status, "message": "No such luck.", "status": code}}


def test_an_error_keeps_its_details(scripted: Callable[..., Any]) -> None:
    """Google's exception reads reason, domain, metadata and links out of the JSON."""
    scripted(rpc_error(errors.CONSUMER_INVALID.error(project="nonsense"), random.Random(0)))
    with pytest.raises(exceptions.Forbidden) as raised:
        rest_client().get_queue(name=QUEUE)
    assert (raised.value.reason, raised.value.domain) == ("CONSUMER_INVALID", "googleapis.com")
    assert raised.value.metadata["consumer"] == "projects/nonsense"
    kinds = [detail["@type"].rpartition(".")[2] for detail in raised.value.details]
    assert kinds == ["ErrorInfo", "LocalizedMessage", "Help"]


def test_a_users_interceptor_is_called(scripted: Callable[..., Any]) -> None:
    """It changes what goes out and what comes back."""

    class Marking(CloudTasksRestInterceptor):
        def pre_get_queue(self, request: Any, metadata: Any) -> Any:
            return request, [*metadata, ("x-marked", "out")]

        def post_get_queue(self, response: Any) -> Any:
            response.name += "-marked"
            return response

    backend = scripted(tasks_v2.Queue(name="q"))
    transport = CloudTasksRestTransport(interceptor=Marking())
    assert tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE).name == "q-marked"
    assert dict(backend.calls[0].metadata)["x-marked"] == "out"


def test_operations_are_asked_for_over_rest(scripted: Callable[..., Any]) -> None:
    """The client for long-running operations is the library's own, and its call arrives like any other."""
    backend = scripted(operations_pb2.Operation(name=f"{LOCATION}/operations/o", done=True))
    operations = rest_client().transport.operations_client
    assert type(operations) is operations_v1.AbstractOperationsClient
    assert operations.get_operation(f"{LOCATION}/operations/o").done
    (call,) = backend.calls
    assert (call.api, call.method) == ("google.longrunning", "get_operation")
    assert call.request.name == f"{LOCATION}/operations/o"


# --- the real service --------------------------------------------------------------------------------------------


class Answering(BaseHTTPRequestHandler):
    """Finds the queue ``real``, and keeps what requests were authorized with."""

    authorized: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.authorized.append(self.headers["authorization"])
        body = b'{"name": "real"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@pytest.fixture
def real_address() -> Iterator[str]:
    """The address of a server that plays the real service."""
    Answering.authorized.clear()
    server = HTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_call_after_the_fake_has_the_credentials_that_the_library_finds(
    real_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked for then, once, with what the library passes along."""
    asked_for: list[dict[str, Any]] = []

    def default(**arguments: Any) -> tuple[Any, str]:
        asked_for.append(arguments)
        return Credentials("token"), "project"

    monkeypatch.setattr(google.auth, "default", default)
    with FakeCloudTasks(queues=[QUEUE], redirect_endpoints=[real_address]):
        transport = CloudTasksRestTransport(host=real_address, url_scheme="http")
        client = tasks_v2.CloudTasksClient(transport=transport)
        assert client.get_queue(name=QUEUE).name == QUEUE
    assert asked_for == []
    assert [client.get_queue(name=QUEUE).name for _ in range(2)] == ["real", "real"]
    assert Answering.authorized == ["Bearer token"] * 2
    later = asked_for[:]
    CloudTasksRestTransport(host=real_address, url_scheme="http")
    assert asked_for == later * 2


# --- copies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_client_is_copied_as_the_librarys(how: str) -> None:
    """A copy works, and a pickle fails in the library's words, with credentials or without."""
    copy_of: Callable[[Any], Any] = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickle.dumps}[how]
    library = tasks_v2.CloudTasksClient(transport="rest", credentials=AnonymousCredentials())
    with FakeCloudTasks(queues=[QUEUE]):
        client = tasks_v2.CloudTasksClient(transport="rest")
        if how != "pickle":
            assert copy_of(client).get_queue(name=QUEUE).name == QUEUE
            return
        with pytest.raises((AttributeError, pickle.PicklingError)) as theirs:
            copy_of(library)
        with pytest.raises(type(theirs.value)) as ours:
            copy_of(client)
    assert without_addresses(ours.value) == without_addresses(theirs.value)
