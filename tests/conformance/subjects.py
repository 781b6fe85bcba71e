"""What a case can be played against: the fake, over one of its transports, or an endpoint somewhere."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any, Protocol

import requests
from google.api import httpbody_pb2
from google.api_core import exceptions
from google.cloud.tasks_v2.services.cloud_tasks.client import CloudTasksClientMeta
from google.iam.v1 import iam_policy_pb2
from google.protobuf import json_format

from pytest_cloudtasks import Attempt, FakeCloudTasks, TargetRequest
from pytest_cloudtasks._ledger.reading import Case

START = datetime(2026, 7, 1, tzinfo=timezone.utc)
"""When cases begin on the fake."""


class Subject(Protocol):
    """A service under test. Instants are aware datetimes, results are messages."""

    is_fake: bool
    now: datetime
    names: Mapping[str, str]

    def call(self, rpc: str, request: Mapping[str, Any], timeout: float | None) -> Any:
        """The response; a GoogleAPICallError for an error."""

    def text_of(self, error: exceptions.GoogleAPICallError) -> str:
        """The service's own text."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""

    def drain(self, answers: Sequence[Any], takes: float | None, until: float | None) -> dict[str, Any]:
        """Deliver tasks and give these answers: the attempts as they were seen, and the seconds all took."""


def resource_names(project: str, location: str, queue_id: str) -> dict[str, str]:
    """The names that placeholders stand for."""
    where = f"projects/{project}/locations/{location}"
    return {
        "project": project,
        "location": where,
        "queue_id": queue_id,
        "queue": f"{where}/queues/{queue_id}",
        "task": f"{where}/queues/{queue_id}/tasks/t",
    }


_WITH_DEFAULTS = {
    name: True
    for name in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if name in inspect.signature(json_format.MessageToDict).parameters
}
"""protobuf 5 has given the option another name."""


def library(version: str) -> Any:
    """The installed library's package for a version of the API."""
    return import_module(f"google.cloud.tasks_{version}")


def transports() -> set[str]:
    """The transports that the installed client has."""
    return set(CloudTasksClientMeta._transport_registry)


def is_known(case: Case) -> bool:
    """Whether the installed client has what the case needs."""
    if case.needs == "locations":
        return hasattr(library("v2").CloudTasksClient, "get_location")
    message, _, field = (case.needs or "Queue.name").partition(".")
    kind = getattr(library(case.version), message, None)
    return kind is not None and field in kind.pb(None).DESCRIPTOR.fields_by_name


def plain(message: Any) -> dict[str, Any]:
    """A response as JSON has it, with the API's field names and all defaults; an operation's metadata and response."""
    if message is None:
        return {}
    if hasattr(message, "operation"):
        return {"metadata": plain(message.metadata), "response": plain(message.result())}
    protobuf = getattr(message, "_pb", message)
    shown: dict[str, Any] = json_format.MessageToDict(protobuf, preserving_proto_field_name=True, **_WITH_DEFAULTS)
    return shown


_IAM = {
    "get_iam_policy": iam_policy_pb2.GetIamPolicyRequest,
    "set_iam_policy": iam_policy_pb2.SetIamPolicyRequest,
    "test_iam_permissions": iam_policy_pb2.TestIamPermissionsRequest,
}


def as_message(rpc: str, request: Mapping[str, Any]) -> Any:
    """A request as the client takes it: of those for IAM, and of a body of HTTP, it knows no JSON."""
    if rpc == "upload_queue_yaml":
        body = httpbody_pb2.HttpBody(data=request["http_body"]["data"].encode())
        return {**request, "http_body": body}
    return json_format.ParseDict(request, _IAM[rpc]()) if rpc in _IAM else request


def first_page(answer: Any) -> Any:
    """The first page of a pager, or the answer as it is."""
    return next(iter(answer.pages)) if hasattr(answer, "pages") else answer


class OnTheFake:
    """The fake, through the real client over one transport."""

    is_fake = True
    now = START
    names = resource_names("test-project", "us-central1", "q")

    def __init__(self, fake: FakeCloudTasks, transport: str, version: str = "v2") -> None:
        self.fake = fake
        self.transport = transport
        self.library = library(version)
        self.errors: list[exceptions.GoogleAPICallError] = []
        """What calls have raised."""
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        if transport == "grpc_asyncio":
            self._loop = asyncio.new_event_loop()
        fake.route("*")

    def close(self) -> None:
        """Close the event loop."""
        if self._loop is not None:
            self._loop.close()

    def call(self, rpc: str, request: Mapping[str, Any], timeout: float | None) -> Any:
        options = {} if timeout is None else {"timeout": timeout}
        request = as_message(rpc, request)
        try:
            if self._loop is not None:
                return self._loop.run_until_complete(self._call(rpc, request, options))
            self._client = self._client or self.library.CloudTasksClient(transport=self.transport)
            return plain(first_page(getattr(self._client, rpc)(request=request, **options)))
        except exceptions.GoogleAPICallError as error:
            self.errors.append(error)
            raise

    async def _call(self, rpc: str, request: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
        self._client = self._client or self.library.CloudTasksAsyncClient()
        answer = await getattr(self._client, rpc)(request=request, **options)
        if hasattr(answer, "pages"):
            async with aclosing(answer.pages) as pages:  # or the loop would be asked for it when it is closed
                return plain(await anext(pages))
        if hasattr(answer, "operation"):
            return {"metadata": plain(answer.metadata), "response": plain(await answer.result())}
        return plain(answer)

    def text_of(self, error: exceptions.GoogleAPICallError) -> str:
        text: str = error.message  # over REST it follows verb and URL, but for that of an operation's result
        return text.partition(": ")[2] if isinstance(error.response, requests.Response) else text

    def advance(self, seconds: float) -> None:
        self.fake.advance(timedelta(seconds=seconds))

    def drain(self, answers: Sequence[Any], takes: float | None, until: float | None) -> dict[str, Any]:
        self._script(answers, takes)
        before, elapsed = self._delivered(), self.fake.clock.elapsed
        self.fake.drain(until=None if until is None else timedelta(seconds=until))
        return {
            "attempts": [_seen(attempt) for attempt in self._delivered() if attempt not in before],
            "elapsed": (self.fake.clock.elapsed - elapsed).total_seconds(),
        }

    def _delivered(self) -> list[Attempt]:
        return [attempt for attempt in self.fake.attempts() if attempt.request is not None]

    def _script(self, answers: Sequence[Any], takes: float | None) -> None:
        """A new route in front of the ones before."""
        if any(isinstance(answer, Mapping) for answer in answers):
            self.fake.route("*", handler=_with_headers(list(answers)))
            return
        route = self.fake.route("*")
        for answer in answers:
            if answer == "timeout":
                route.raises(TimeoutError)
            elif answer == "refused":
                route.raises(ConnectionRefusedError)
            else:
                route.returns(answer)
        if takes is not None:
            route.takes(timedelta(seconds=takes))

    def state(self) -> tuple[object, ...]:
        """All that the service holds."""
        service = self.fake._synced().service
        queues = {
            name: (queue.config, queue.state, queue.purge_time, queue.policy) for name, queue in service.queues.items()
        }
        return queues, [task.message for task in self.fake.tasks()], len(list(self.fake._synced().history.events()))


def _with_headers(answers: list[Any]) -> Callable[[TargetRequest], Any]:
    """A handler whose answers have headers; the last repeats."""

    def handler(request: TargetRequest) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return (answer["status"], answer["headers"]) if isinstance(answer, Mapping) else answer

    return handler


def _seen(attempt: Attempt) -> dict[str, Any]:
    """An attempt as a case describes it."""
    request = attempt.request
    assert request is not None
    return {
        "method": request.method,
        "url": request.url,
        "headers": {name.lower(): request.headers[name] for name in request.headers},
        "body": request.body.decode("latin-1"),
        "scheduled": (attempt.schedule_time - START).total_seconds(),
        "dispatched": (attempt.dispatch_time - START).total_seconds(),
        "result": attempt.result,
        "status": attempt._attempt.outcome.message if attempt._attempt.outcome else None,
        "client_address": request.client_address,
        "token": _claims(request.headers.get("Authorization", "")),
    }


def _claims(authorization: str) -> dict[str, Any]:
    """Whom a bearer token is for and from."""
    parts = authorization.split(".")
    if len(parts) != 3:
        return {}
    payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return {claim: payload.get(claim) for claim in ("iss", "aud", "email", "email_verified")}


@contextmanager
def on_the_fake(case: Case, transport: str) -> Iterator[OnTheFake]:
    """A fresh fake with the service options of the case."""
    options = {name: _service_option(name, value) for name, value in case.service.items()}
    with FakeCloudTasks(start=START, service=options) as fake:
        subject = OnTheFake(fake, transport, case.version)
        try:
            yield subject
        finally:
            subject.close()


def _service_option(name: str, value: Any) -> Any:
    """Return a service option's value as settings take it; the ledger has durations in seconds."""
    return timedelta(seconds=value) if name.endswith(("_ttl", "_delay")) else value


def code_of(error: exceptions.GoogleAPICallError) -> str:
    """The name of the google.rpc code; over REST the body has it."""
    if isinstance(error.response, requests.Response):
        return str(error.response.json()["error"]["status"])
    return str(error.grpc_status_code.name)
