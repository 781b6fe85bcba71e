"""A task, its target, and its way from creation to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Union

from .units import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from .attempt import Attempt, Outcome
    from .backoff import RetryConfig

TASK_TTL = 31 * DAY
"""A task is deleted this long after its creation, dispatched or not. Evidence: documented."""
HTTP_DEADLINE = 10 * MINUTE
"""The dispatch deadline of an HTTP task that sets none; stored with it. Evidence: recorded."""
APP_ENGINE_DEADLINE = 10 * MINUTE
"""The deadline in force for an App Engine task that sets none (automatic scaling); not stored. Evidence: documented."""
DEADLINE_MIN = 15 * SECOND
HTTP_DEADLINE_MAX = 30 * MINUTE
APP_ENGINE_DEADLINE_MAX = 24 * 60 * MINUTE + 15 * SECOND
HTTP_BODY_METHODS = ("POST", "PUT", "PATCH")
"""The methods of HTTP tasks that may have a body. Evidence: documented."""
MAX_HEADER_BYTES = 80 * 1024
"""Bytes of all of an HTTP task's headers have to be fewer. Evidence: documented."""

Headers = tuple[tuple[str, str], ...]


class TaskState(Enum):
    """Where a task stands. The API has no such field: a task that is gone is simply not found."""

    SCHEDULED = "scheduled"
    DISPATCHED = "dispatched"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    DELETED = "deleted"


class OidcToken(NamedTuple):
    """The settings of an OIDC token; an empty audience means the target's URL."""

    service_account_email: str
    audience: str = ""


class OAuthToken(NamedTuple):
    """The settings of an OAuth token."""

    service_account_email: str
    scope: str = ""


class HttpTarget:
    """An HTTP request to make (HttpRequest)."""

    __slots__ = ("body", "headers", "method", "oauth", "oidc", "url")

    def __init__(
        self,
        url: str,
        method: str = "POST",
        headers: Headers = (),
        body: bytes = b"",
        oidc: OidcToken | None = None,
        oauth: OAuthToken | None = None,
    ) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.oidc = oidc
        self.oauth = oauth


class Routing(NamedTuple):
    """Where in an App Engine application a task goes; ``host`` is the server's to fill in."""

    service: str = ""
    version: str = ""
    instance: str = ""
    host: str = ""


class AppEngineTarget:
    """A request to an App Engine application (AppEngineHttpRequest)."""

    __slots__ = ("body", "headers", "method", "relative_uri", "routing")

    def __init__(
        self,
        relative_uri: str = "/",
        method: str = "POST",
        headers: Headers = (),
        body: bytes = b"",
        routing: Routing | None = None,
    ) -> None:
        self.relative_uri = relative_uri
        self.method = method
        self.headers = headers
        self.body = body
        self.routing = routing


Target = Union[HttpTarget, AppEngineTarget]
"""What a push queue sends."""


class PullMessage:
    """A message that waits in a pull queue for whoever leases it; nothing is sent anywhere."""

    __slots__ = ("body", "tag")

    url = method = ""
    headers: Headers = ()

    def __init__(self, body: bytes = b"", tag: str = "") -> None:
        self.body = body
        """PullMessage.payload."""
        self.tag = tag


Payload = Union[HttpTarget, AppEngineTarget, PullMessage]
"""What a task carries (Task.payload_type)."""


@dataclass(slots=True)
class TaskSpec:
    """What a CreateTask asks for. Instants and durations are nanoseconds."""

    target: Payload | None
    name: str = ""
    schedule_time: int | None = None
    dispatch_deadline: int | None = None
    retry_config: Mapping[str, int] | None = None


class Task:
    """A task the service has accepted, alive or not. Instants are nanoseconds."""

    __slots__ = (
        "attempts",
        "create_time",
        "delay",
        "dispatch_count",
        "dispatch_deadline",
        "ended_at",
        "failures",
        "in_flight",
        "initial_schedule_time",
        "last_outcome",
        "listed",
        "name",
        "non_5xx_count",
        "queue_name",
        "rank",
        "response_count",
        "retry_config",
        "schedule_time",
        "sequence",
        "state",
        "target",
    )

    def __init__(
        self,
        name: str,
        queue_name: str,
        sequence: int,
        target: Payload,
        create_time: int,
        schedule_time: int,
        dispatch_deadline: int | None,
        retry_config: RetryConfig | None,
    ) -> None:
        self.name = name
        self.queue_name = queue_name
        self.sequence = sequence
        self.target = target
        self.create_time = create_time
        self.schedule_time = schedule_time
        self.initial_schedule_time = schedule_time
        self.delay = 0
        """How long after its schedule time it goes; see `lineup`."""
        self.rank = 0
        """Its place among the tasks that go at the same instant."""
        self.listed: int | None = None
        """Its place in listings; see `lineup`."""
        self.dispatch_deadline = dispatch_deadline
        self.retry_config = retry_config
        self.state = TaskState.SCHEDULED
        self.attempts: list[Attempt] | None = None
        """The attempts so far, oldest first; None before the first, for the memory of a million waiting tasks."""
        self.dispatch_count = 0
        self.response_count = 0
        self.failures = 0
        self.non_5xx_count = 0
        self.in_flight = 0
        self.last_outcome: Outcome | None = None
        self.ended_at: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the service still has it."""
        return self.state is TaskState.SCHEDULED or self.state is TaskState.DISPATCHED

    @property
    def goes_at(self) -> int:
        """When the next attempt may go: its schedule time, unless it is held back."""
        return self.schedule_time + self.delay

    @property
    def deadline_in_force(self) -> int:
        """How long the service waits for an answer."""
        if self.dispatch_deadline is not None:
            return self.dispatch_deadline
        return HTTP_DEADLINE if isinstance(self.target, HttpTarget) else APP_ENGINE_DEADLINE
