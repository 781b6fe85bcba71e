"""Tasks and attempts as tests see them: live views of the model, which note what a test has inspected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._messages import api_versions
from .._messages.json_text import read_json
from .._service.pull_queues import tag_of
from .._service.request import AppEngineTarget, HttpTarget, OidcToken, PullMessage, Routing
from .._service.task import Attempt as ModelAttempt
from .._service.task import Outcome, OutcomeKind, Task, TaskState
from .._service.validation import id_of
from .._targets.answers import TargetResponse, content_of
from .._targets.headers import Headers
from .._targets.request import TargetRequest
from .._time.instants import to_datetime, to_timedelta
from .formatting import contents, short_name

if TYPE_CHECKING:
    from .._messages.rpc_handlers import Frontend
    from .history import History


class PlainData(NamesAttributes):
    """The base of records that are compared as the plain data they are made of, with such data and with snapshots."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        library = type(other).__module__.partition(".")[0]
        if isinstance(other, Mapping) or library in _SNAPSHOT_LIBRARIES:
            return bool(self.as_dict() == other)
        return NotImplemented

    __hash__ = object.__hash__


_SNAPSHOT_LIBRARIES = ("syrupy", "inline_snapshot")


class Attempt(PlainData):
    """One delivery of a task. Instants are aware datetimes in UTC."""

    __slots__ = ("_attempt", "_history")

    def __init__(self, attempt: ModelAttempt, history: History) -> None:
        self._attempt = attempt
        self._history = history

    @property
    def task(self) -> TaskRecord:
        """The task."""
        return TaskRecord(self._attempt.task, self._history)

    @property
    def number(self) -> int:
        """The number of the attempt; 1 is the first."""
        return self._attempt.number

    @property
    def schedule_time(self) -> datetime:
        """When the attempt was due."""
        return to_datetime(self._attempt.schedule_time)

    @property
    def dispatch_time(self) -> datetime:
        """When it was dispatched."""
        return to_datetime(self._attempt.dispatch_time)

    @property
    def response_time(self) -> datetime | None:
        """When it ended; None while it is running."""
        at = self._attempt.response_time
        return None if at is None else to_datetime(at)

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer; None without one."""
        outcome = self._outcome
        return outcome.http_status if outcome is not None and outcome.kind is OutcomeKind.RESPONSE else None

    @property
    def code(self) -> str | None:
        """The name of the google.rpc code, such as ``"DEADLINE_EXCEEDED"``; None while it is running."""
        outcome = self._outcome
        return None if outcome is None else outcome.rpc_status.name

    @property
    def succeeded(self) -> bool:
        """Whether the answer was 200 to 299. Ledger: `dispatch/success-deletes`."""
        outcome = self._outcome
        return outcome is not None and outcome.succeeded

    @property
    def result(self) -> int | str | None:
        """What `assert_attempts` compares: the status, or the code if there was no response; None while running."""
        outcome = self._outcome
        return None if outcome is None else outcome.result

    @property
    def request(self) -> TargetRequest | None:
        """What the target received; None before the delivery."""
        return self._history.requests.get(self._attempt)

    @property
    def response(self) -> TargetResponse | None:
        """The target's HTTP response; None if it gave none.

        It is there even if the service had no use for it, because it came too late or a fault lost it.
        """
        self._history.inspected.read(self._attempt)
        answer = self._history.answers.get(self._attempt)
        return None if answer is None else answer.response

    @property
    def exception(self) -> BaseException | None:
        """The exception that the target raised; None without one."""
        self._history.inspected.read(self._attempt)
        answer = self._history.answers.get(self._attempt)
        return None if answer is None else answer.exception

    @checked_call
    def as_dict(self) -> dict[str, Any]:
        """Return plain data for a snapshot, with keys in a fixed order. Instants are texts in ISO 8601.

        The response has its status, headers and body. The header Date, which a real server sends, is left out.
        """
        return {
            "number": self.number,
            "schedule_time": self.schedule_time.isoformat(),
            "dispatch_time": self.dispatch_time.isoformat(),
            "response_time": None if self.response_time is None else self.response_time.isoformat(),
            "status": self.status,
            "code": self.code,
            "response": None if self.response is None else _response_as_data(self.response),
        }

    @property
    def _outcome(self) -> Outcome | None:
        """The outcome of the attempt. Reading it counts as inspecting it."""
        self._history.inspected.read(self._attempt)
        return self._attempt.outcome

    def __eq__(self, other: object) -> bool:
        return self._attempt is other._attempt if isinstance(other, Attempt) else super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self._attempt)

    def __repr__(self) -> str:
        outcome = self._attempt.outcome
        result = "under way" if outcome is None else outcome.result
        return f"<attempt {self.number} of {short_name(self._attempt.task)}: {result}>"


class NamesQueue(NamesAttributes):
    """The base of a queue's record, so that a match accepts it as the queue's name."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The full name."""
        raise NotImplementedError


class TaskRecord(PlainData):
    """A task that was accepted in this test, live or finished, with Google's field names.

    Its fields are always current. Two records of one task are equal.
    """

    __slots__ = ("_history", "_task")

    def __init__(self, task: Task, history: History) -> None:
        self._task = task
        self._history = history

    @property
    def name(self) -> str:
        """The full name."""
        return self._task.name

    @property
    def id(self) -> str:
        """The last part of the name."""
        return id_of(self._task.name)

    @property
    def queue(self) -> str:
        """The queue's ID."""
        return id_of(self._task.queue_name)

    @property
    def url(self) -> str:
        """The URL; of an App Engine task the relative URI, of a pull task ``""``."""
        target = self._task.target
        return target.relative_uri if isinstance(target, AppEngineTarget) else target.url

    @property
    def service(self) -> str:
        """The service of an App Engine task, ``default`` if it names none; ``""`` for other tasks."""
        return self._routing.get("service", "")

    @property
    def version(self) -> str:
        """The version that an App Engine task names; ``""`` for the default version and for other tasks."""
        return self._routing.get("version", "")

    @property
    def instance(self) -> str:
        """The instance that an App Engine task names; ``""`` for any instance and for other tasks."""
        return self._routing.get("instance", "")

    @property
    def _routing(self) -> dict[str, str]:
        target = self._task.target
        return (target.routing or Routing()).named if isinstance(target, AppEngineTarget) else {}

    @property
    def method(self) -> str:
        """The HTTP method, such as ``"POST"``; ``""`` for a pull task."""
        return self._task.target.method

    @property
    def headers(self) -> Headers:
        """The stored headers, with those that the service added."""
        return Headers(self._task.target.headers)

    @property
    def body(self) -> bytes:
        """The body in bytes; of a pull task the payload."""
        return self._task.target.body

    @property
    def tag(self) -> str:
        """The tag of a pull task; ``""`` for other tasks."""
        return tag_of(self._task)

    @property
    def json(self) -> Any:
        """The body read as JSON. ValueError if it isn't JSON."""
        return read_json(self._task.target.body)

    @property
    def oidc(self) -> dict[str, str] | None:
        """The OIDC token's ``service_account_email`` and ``audience``; None without a token.

        The audience is the URL by default.
        """
        target = self._task.target
        token: OidcToken | None = target.oidc if isinstance(target, HttpTarget) else None
        if token is None:
            return None
        return {"service_account_email": token.service_account_email, "audience": token.audience or self.url}

    @property
    def state(self) -> TaskState:
        """The state of the task."""
        return self._task.state

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts so far, oldest first."""
        return [Attempt(attempt, self._history) for attempt in self._task.attempts]

    @checked_call
    def as_dict(self) -> dict[str, Any]:
        """Return plain data for a snapshot: JSON values, with keys in a fixed order.

        Instants are ISO 8601, and durations are texts such as ``10s``. A JSON body is under ``json``, any other
        one under ``body``, as text with escapes. App Engine tasks and pull tasks have keys of their own.
        """
        target = self._task.target
        return {
            "name": self.name,
            "queue": self.queue,
            "state": self.state.value,
            **({} if isinstance(target, PullMessage) else {"method": self.method, "url": self.url}),
            **(
                {"service": self.service, "version": self.version, "instance": self.instance}
                if isinstance(target, AppEngineTarget)
                else {}
            ),
            **({"tag": self.tag} if isinstance(target, PullMessage) else {"headers": dict(self.headers)}),
            **_body_as_data(self._task.target.body),
            **({"oidc": self.oidc} if isinstance(target, HttpTarget) else {}),
            "create_time": self.create_time.isoformat(),
            "schedule_time": self.schedule_time.isoformat(),
            "dispatch_deadline": _seconds_text(self.dispatch_deadline),
            "dispatch_count": self.dispatch_count,
            "response_count": self.response_count,
            "attempts": [attempt.as_dict() for attempt in self.attempts],
        }

    @property
    def message(self) -> Any:
        """The stored Task message of v2 in the FULL view; a new message each time. Of a pull task it is v2beta2's."""
        return _frontend_for(self._task).messages.task(self._task, full=True)

    @property
    def http_request(self) -> Any:
        """``Task.http_request``, a message."""
        return self.message.http_request

    @property
    def app_engine_http_request(self) -> Any:
        """``Task.app_engine_http_request``, a message."""
        return self.message.app_engine_http_request

    @property
    def schedule_time(self) -> datetime:
        """When the next attempt is due, as an aware datetime. After the last attempt, when that was due."""
        return to_datetime(self._task.schedule_time)

    @property
    def create_time(self) -> datetime:
        """When the task was created, as an aware datetime to the microsecond. The message has whole seconds."""
        return to_datetime(self._task.create_time)

    @property
    def dispatch_deadline(self) -> timedelta:
        """How long the service waits for an answer, as a timedelta."""
        return to_timedelta(self._task.deadline_in_force)

    @property
    def dispatch_count(self) -> int:
        """The number of dispatched attempts, running ones included."""
        return self._task.dispatch_count

    @property
    def response_count(self) -> int:
        """The number of attempts with a response that counts. A 5xx answer of an HTTP task doesn't.

        Ledger: `request/headers-http`.
        """
        return self._task.response_count

    @property
    def first_attempt(self) -> Any:
        """``Task.first_attempt``, a message with only the dispatch time."""
        return self.message.first_attempt

    @property
    def last_attempt(self) -> Any:
        """``Task.last_attempt``, a message."""
        return self.message.last_attempt

    def __eq__(self, other: object) -> bool:
        return self._task is other._task if isinstance(other, TaskRecord) else super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self._task)

    def __repr__(self) -> str:
        return f"<task {short_name(self._task)} {contents(self._task)} {self.state.value}>"


def _body_as_data(body: bytes) -> dict[str, Any]:
    try:
        return {"json": read_json(body)}
    except ValueError:
        return {"body": body.decode(errors="backslashreplace")}


def _response_as_data(response: TargetResponse) -> dict[str, Any]:
    headers = {name: ", ".join(response.headers.getlist(name)) for name in response.headers if name.lower() != "date"}
    try:
        content = content_of(response)
    except (OSError, EOFError):  # it says that it is gzip, and is not
        content = response.body
    return {"status": response.status, "headers": headers, **_body_as_data(content)}


def _seconds_text(duration: timedelta) -> str:
    """Return ``10s`` or ``0.1s``, the form of durations in Google's JSON."""
    seconds, rest = divmod(duration, timedelta(seconds=1))
    fraction = f".{rest.microseconds:06d}".rstrip("0") if rest else ""
    return f"{seconds}{fraction}s"


def _frontend_for(task: Task) -> Frontend:
    """Return the frontend of the API version that can show the payload of ``task``."""
    return api_versions.v2beta2() if isinstance(task.target, PullMessage) else api_versions.v2()


def model_task(record: TaskRecord) -> Task:
    """Return the model's task behind a record."""
    return record._task


def records(tasks: Iterable[Task], history: History) -> list[TaskRecord]:
    """Return records of ``tasks``."""
    return [TaskRecord(task, history) for task in tasks]
