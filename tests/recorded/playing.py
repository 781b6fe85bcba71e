"""Plays a recorded case, and says what differs. How a case reaches a service is the session's business."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from google.api_core.exceptions import GoogleAPICallError
from google.protobuf import json_format

from .cases import RecordedCase
from .comparing import differences, filled
from .messages import as_client_takes_it, data_of, error_data, operation_data, request_of

DAY = 86_400


class Client(Protocol):
    """One of Google's clients."""

    def call(self, rpc: str, request: Any) -> Any:
        """Return the answer as a protocol buffer, None for an empty one; of a list, the first page."""


@dataclass(frozen=True)
class Delivery:
    """A request that the worker received."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Worker(Protocol):
    """The receiver of a case's tasks."""

    url: str
    """Where tasks are sent, without a path."""
    nobody: str
    """An address at which nobody answers."""

    def answer(self, replies: Sequence[Any]) -> None:
        """Give these replies, one a request."""

    def run(self, seconds: float | None, is_over: Callable[[], bool]) -> None:
        """Let tasks be delivered for so many seconds, or until none is left; in real time, until `is_over`."""

    def deliveries(self) -> Sequence[Delivery]:
        """Return what came."""

    def gaps(self) -> Sequence[int]:
        """Return the seconds between the attempts, rounded."""


@dataclass
class Session:
    """A service that has nothing yet, for one case."""

    client: Client
    now: int
    """The service's time, in seconds since 1970."""
    soon: int = 2
    """How many seconds ahead a task is due that is due soon."""
    project: str = "test-project"
    location: str = "europe-west1"
    prefix: str = "q"
    """What the IDs of queues and operations begin with."""
    service_account: str = "tasks@test-project.iam.gserviceaccount.com"
    http: Callable[[str, str, bytes | None], tuple[int, str]] | None = None
    """Sends a request of plain HTTP, by method, path and body; returns status and text."""
    worker: Worker | None = None

    def places(self) -> dict[str, Any]:
        """Return the values of the placeholders."""
        tomorrow = self.now + DAY
        return {
            "project": self.project,
            "location": self.location,
            "q": self.prefix,
            "service_account": self.service_account,
            "tomorrow": tomorrow,
            "tomorrow_text": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(tomorrow)),
            "soon": self.now + self.soon,
            "in_29_days": self.now + 29 * DAY,
            "an_hour_ago": self.now - 3600,
            "receiver": self.worker.url if self.worker else "https://example.com",
            "receiver_host": urlsplit(self.worker.url).netloc if self.worker else "example.com",
        }


@dataclass
class Step:
    """One step as it was played."""

    label: str
    differences: list[str] = field(default_factory=list)
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What came, in the form of the recordings."""
    not_sent: str | None = None
    """What the client said that couldn't express the request."""

    @property
    def holds(self) -> bool:
        """Whether it could be asked, and the answer is as recorded."""
        return self.not_sent is None and not self.differences


NOT_SENT = (ValueError, TypeError, json_format.Error)
"""What Google's REST transport raises for a request that it has no URL or no JSON for."""


def play(case: RecordedCase, session: Session) -> list[Step]:
    """Play a case to its end. A delivery is one step."""
    if case.is_delivery:
        try:
            return [_play_delivery(case.data, session)]
        except GoogleAPICallError as error:
            return [Step("delivery", [f" ended in an error: {error_data(error)}"])]
    return list(_play_steps(case.steps, session))


# --- calls and requests ------------------------------------------------------------------------------------------


def _play_steps(steps: Sequence[Mapping[str, Any]], session: Session) -> Iterator[Step]:
    places = session.places()
    before: Mapping[str, Any] = {}
    for number, recorded in enumerate(steps):
        if "http" in recorded:
            yield _play_http(f"step {number}, {recorded['http']} {recorded['path']}", recorded, session, places)
            continue
        step = Step(f"step {number}, {recorded['rpc']}")
        try:
            answer = session.client.call(recorded["rpc"], _request(recorded, places))
        except GoogleAPICallError as error:
            step.seen = {"error": error_data(error)}
        except NOT_SENT as error:
            step.not_sent = str(error)
            yield step
            continue
        else:
            data = _answer_data(answer)
            step.seen = _seen(recorded, answer, data, before, places)
            before = data
            places["kept:token"] = data.get("next_page_token", "")
            for name, kept in recorded.get("keep", {}).items():
                places[f"kept:{name}"] = data[kept]["base64"] if kept == "etag" else data[kept]
        step.differences += _step_differences(recorded, step.seen, places)
        yield step


def _request(recorded: Mapping[str, Any], places: Mapping[str, Any]) -> Any:
    return request_of(recorded["rpc"], _with_bodies(filled(recorded["request"], places)))


def _with_bodies(data: Any) -> Any:
    """Make the bodies whose size is all that counts: so many bytes, less the length of a text."""
    if isinstance(data, list):
        return [_with_bodies(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    if data.keys() == {"size", "less"}:
        return {"base64": base64.b64encode(b"a" * (data["size"] - len(data["less"]))).decode()}
    return {key: _with_bodies(value) for key, value in data.items()}


def _answer_data(answer: Any) -> dict[str, Any]:
    if answer is None:
        return {}
    is_operation = answer.DESCRIPTOR.full_name == "google.longrunning.Operation"
    return operation_data(answer) if is_operation else data_of(answer)


def _seen(
    recorded: Mapping[str, Any], answer: Any, data: Mapping[str, Any], before: Mapping[str, Any], places: Any
) -> dict[str, Any]:
    if "part" not in recorded:
        return {"result": data}
    part = recorded["part"]
    return {"part": part, "is": _PARTS[part](data, before, places) if part in _PARTS else _at(data, part)}


def _step_differences(recorded: Mapping[str, Any], seen: Mapping[str, Any], places: Any) -> Iterator[str]:
    if "error" in seen and "error" not in recorded:
        yield f" failed with {seen['error']['code']}: {seen['error']['message']}"
    elif "error" in recorded and "error" not in seen:
        expected = recorded["error"]
        yield f" was accepted; recorded is {expected['code']}: {expected.get('message') or expected}"
    elif "error" in recorded:
        yield from _error_differences(filled(recorded["error"], places), seen["error"])
    elif "part" in recorded:
        yield from differences(filled(recorded["is"], places), seen["is"], f" {recorded['part']}")
    elif "result" in recorded:
        yield from differences(filled(recorded["result"], places), seen["result"])


def _error_differences(recorded: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    expected, found = dict(recorded), dict(seen)
    if start := expected.pop("message_starts", None):
        message = found.pop("message")
        if not message.startswith(start):
            yield f".message is {message!r}; recorded is one that starts with {start!r}"
    if messages := expected.pop("message_is_one_of", None):
        message = found.pop("message")
        if message not in messages:
            yield f".message is {message!r}; recorded is one of {messages!r}"
    yield from differences(expected, found)


def _at(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data.get(name) if data is not None else None
    return data


def _names(data: Mapping[str, Any], _: Any, places: Mapping[str, Any]) -> list[str]:
    """Of queues, only the session's own count: a project may have others."""
    names = [one["name"] for one in _list_of(data)]
    return sorted(name for name in names if f"/queues/{places['q']}" in name)


def _list_of(data: Mapping[str, Any]) -> list[Any]:
    return next((value for value in data.values() if isinstance(value, list)), [])


def _is_due_when_created(data: Mapping[str, Any], *_: Any) -> bool:
    return bool(0 <= data["schedule_time"]["seconds"] - data["create_time"]["seconds"] <= 1)


_PARTS: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "names": _names,
    "count_and_token": lambda data, *_: [len(_list_of(data)), bool(data.get("next_page_token"))],
    "operation": lambda data, *_: data,
    "policy": lambda data, *_: {"version": 0, "bindings": [], **data, "etag": data["etag"]["base64"]},
    "etag": lambda data, *_: data["etag"]["base64"],
    "permissions": lambda data, *_: data.get("permissions", []),
    "fields": lambda data, *_: data,
    "header_names": lambda data, *_: sorted(data["http_request"]["headers"]),
    "id_is_digits": lambda data, *_: data["name"].rpartition("/")[2].isdigit(),
    "is_as_before": lambda data, before, _: data == before,
    "is_accepted": lambda *_: True,
    "is_due_when_created": _is_due_when_created,
    "state_and_purged": lambda data, *_: [data["state"], "purge_time" in data],
    "is_purged": lambda data, *_: "purge_time" in data,
    "views": lambda data, *_: [one["view"] for one in data["tasks"]],
    "view_and_http_request": lambda data, *_: [data.get("view", "UNSPECIFIED"), data["http_request"]],
    "http_target_and_logging": lambda data, *_: [data.get("http_target"), data.get("stackdriver_logging_config")],
}
"""Parts of an answer that the recorder kept, apart from those that are a path of fields."""


def _play_http(label: str, recorded: Mapping[str, Any], session: Session, places: dict[str, Any]) -> Step:
    assert session.http is not None
    body = filled(recorded.get("body"), places)
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    status, answer = session.http(
        recorded["http"], filled(recorded["path"], places), None if text is None else text.encode()
    )
    seen: dict[str, Any] = {"status": status}
    try:
        seen["json"] = json.loads(answer)
        places["kept:token"] = seen["json"].get("nextPageToken", "")
    except ValueError:
        is_html = answer.lstrip().lower().startswith("<!doctype html")
        seen["page"] = "html" if is_html else answer
    expected = {key: filled(recorded[key], places) for key in ("status", "json", "page") if key in recorded}
    return Step(label, list(differences(expected, seen)), seen)


# --- deliveries --------------------------------------------------------------------------------------------------


def _play_delivery(case: Mapping[str, Any], session: Session) -> Step:
    worker = session.worker
    assert worker is not None
    places = session.places()
    if "unreachable" in case["replies"]:
        places["receiver"] = worker.nobody
    parent = filled("projects/{project}/locations/{location}", places)
    places["queue"] = f"{parent}/queues/{session.prefix}"
    places["task"] = f"{places['queue']}/tasks/t"

    def call(rpc: str, request: Any) -> dict[str, Any]:
        return _answer_data(session.client.call(rpc, request_of(rpc, filled(request, places))))

    def task() -> dict[str, Any]:
        return call("GetTask", {"name": "{task}", "response_view": "FULL"})

    def is_over() -> bool:
        try:
            has_a_response = "response_time" in task().get("last_attempt", {})
            return "task_after" in case and has_a_response
        except GoogleAPICallError:
            return True

    step = Step("delivery")
    worker.answer(case["replies"])
    call("CreateQueue", {"parent": parent, "queue": {"name": "{queue}", **case.get("queue", {})}})
    if case.get("paused"):
        call("PauseQueue", {"name": "{queue}"})
    creation = {"parent": "{queue}", "task": {"name": "{task}", **case["task"]}}
    call("CreateTask", creation)
    for then in case.get("then", ()):
        answer = call(then["rpc"], then["request"])
        if "result" in then:
            step.differences += differences(filled(then["result"], places), answer, f" {then['rpc']}")
    worker.run(case.get("seconds"), is_over)
    came = worker.deliveries()
    step.seen = {"deliveries": [_delivery_data(one) for one in came]}
    step.differences += _count_differences(case, len(came))
    for number, (recorded, delivery) in enumerate(zip(case.get("deliveries", ()), came, strict=False)):
        found = _delivery_differences(filled(recorded, places), delivery)
        step.differences += [f" delivery {number}{one}" for one in found]
    if "seconds_between" in case:
        step.differences += differences(case["seconds_between"], list(worker.gaps()), " seconds between attempts")
    if "task_after" in case:
        data = task()
        seen = {path: _of_task(data, path) for path in case["task_after"]}
        step.differences += differences(case["task_after"], seen, " the task")
    if "task_is_gone" in case:
        step.differences += differences(case["task_is_gone"], _message_of(task), " GetTask")
    if "name_is_taken" in case:
        code = _code_of(lambda: call("CreateTask", creation))
        step.differences += differences(case["name_is_taken"], code, " CreateTask of the same name")
    return step


def _count_differences(case: Mapping[str, Any], count: int) -> Iterator[str]:
    expected = len(case["deliveries"]) if "deliveries" in case else case.get("attempts")
    if expected is not None and count != expected:
        yield f": {count} requests came; recorded are {expected}"


def _delivery_data(delivery: Delivery) -> dict[str, Any]:
    url = urlsplit(delivery.url)
    return {
        "method": delivery.method,
        "path": url.path,
        "query": url.query,
        "headers": dict(delivery.headers),
        "body": delivery.body.decode("latin-1"),
    }


def _delivery_differences(recorded: Mapping[str, Any], delivery: Delivery) -> Iterator[str]:
    seen = _delivery_data(delivery)
    for name in ("method", "path", "query", "body"):
        if name in recorded:
            yield from differences(recorded[name], seen[name], f".{name}")
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    if "headers" in recorded:
        expected = {name.lower(): str(value) for name, value in recorded["headers"].items()}
        of_the_service = {name for name in headers if name.startswith("x-cloudtasks-")} - {"x-cloudtasks-tasketa"}
        compared = {name: headers[name] for name in headers if name in expected}
        if any(name.startswith("x-cloudtasks-") for name in expected):
            compared.update({name: headers[name] for name in of_the_service})
        yield from differences(expected, compared, ".headers")
    if "token" in recorded:
        yield from _token_differences(recorded["token"], headers.get("authorization", ""))


def _token_differences(recorded: Mapping[str, Any], authorization: str) -> Iterator[str]:
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        yield f".token is {authorization!r}; recorded is a bearer token of three parts"
        return
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    claims["lifetime"] = claims.get("exp", 0) - claims.get("iat", 0)
    for name, seen in (("header", header), ("claims", claims)):
        expected = recorded.get(name, {})
        yield from differences(expected, {key: seen[key] for key in expected if key in seen}, f".token.{name}")


def _of_task(data: Mapping[str, Any], path: str) -> Any:
    if path == "backoff_seconds":
        return data["schedule_time"]["seconds"] - data["last_attempt"]["response_time"]["seconds"]
    found = _at(data, path)
    return 0 if found is None and path.endswith("_count") else found


def _message_of(call: Callable[[], Any]) -> str:
    try:
        return f"It returned {call()!r}."
    except GoogleAPICallError as error:
        return str(error_data(error)["message"])


def _code_of(call: Callable[[], Any]) -> str:
    try:
        return f"It returned {call()!r}."
    except GoogleAPICallError as error:
        return str(error_data(error)["code"])


# --- Google's clients --------------------------------------------------------------------------------------------


def method_name(rpc: str) -> str:
    """Return the name of an RPC's method in Google's clients."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


class SyncClient:
    """Google's blocking client, over any transport."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, rpc: str, request: Any) -> Any:
        """Return the answer as a protocol buffer."""
        answer = getattr(self._client, method_name(rpc))(request=as_client_takes_it(rpc, request))
        return as_protobuf(next(iter(answer.pages)) if hasattr(answer, "pages") else answer)


def as_protobuf(answer: Any) -> Any:
    """Return a client's answer as a protocol buffer: of an operation's future the operation."""
    answer = getattr(answer, "operation", answer)
    return getattr(answer, "_pb", answer)
