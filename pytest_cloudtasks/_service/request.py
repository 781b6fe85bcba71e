"""What a task carries: a request to make, or a message to lease, and the limits of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Union

from .units import MINUTE, SECOND

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


class HeaderChange(NamedTuple):
    """What the service does to a header that a task was given."""

    name: str
    what: str
    """The rest of a sentence about the header: ``is dropped: …``."""


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

    __slots__ = ("body", "header_changes", "headers", "method", "oauth", "oidc", "url")

    def __init__(
        self,
        url: str,
        method: str = "POST",
        headers: Headers = (),
        body: bytes = b"",
        oidc: OidcToken | None = None,
        oauth: OAuthToken | None = None,
        header_changes: Sequence[HeaderChange] = (),
    ) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.oidc = oidc
        self.oauth = oauth
        self.header_changes = header_changes
        """What the service did to the headers that the task was given."""

    @property
    def can_be_sent(self) -> bool:
        """Whether its method takes the body that it has, which a queue's override by GET does not."""
        return not self.body or self.method in HTTP_BODY_METHODS

    @property
    def token(self) -> OidcToken | OAuthToken | None:
        """The token that it carries, of either kind."""
        return self.oidc or self.oauth


class Routing(NamedTuple):
    """Where in an App Engine application a task goes; ``host`` is the server's to fill in."""

    service: str = ""
    version: str = ""
    instance: str = ""
    host: str = ""


class AppEngineTarget:
    """A request to an App Engine application (AppEngineHttpRequest)."""

    __slots__ = ("body", "header_changes", "headers", "method", "relative_uri", "routing")

    def __init__(
        self,
        relative_uri: str = "/",
        method: str = "POST",
        headers: Headers = (),
        body: bytes = b"",
        routing: Routing | None = None,
        header_changes: Sequence[HeaderChange] = (),
    ) -> None:
        self.relative_uri = relative_uri
        self.method = method
        self.headers = headers
        self.body = body
        self.routing = routing
        self.header_changes = header_changes

    can_be_sent = True


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
