"""A queue's changes to the requests of its tasks: App Engine routing and Queue.http_target.

Both are applied at each dispatch, so an update of the queue also affects tasks that already wait. The token is also
applied when the task is created. The settings of an http_target are nested as in the API, with the names of enum values
(numbers for values without a name). An unset field is left out: a host or a port that is set to nothing differs from
one that isn't set.

App Engine tasks take the queue's routing. A task that was created under an override keeps it if the queue's override is
removed later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Union

from . import errors
from .request import (
    HTTP_BODY_METHODS,
    MAX_HEADER_BYTES,
    AppEngineTarget,
    HttpTarget,
    OAuthToken,
    OidcToken,
    Payload,
    PushTarget,
    Routing,
    cleaned_headers,
)
from .task import TaskSpec

if TYPE_CHECKING:
    from .queue import Queue


ROUTING_OVERRIDE = "app_engine_routing_override"
"""The queue's setting, as the fields of a `Routing`."""


def with_host(routing: Routing, queue_name: str, host_suffix: str) -> Routing:
    """Return the routing with its host: instance, version, service and project, narrowest first.

    Ledger: `create-queue/app-engine-host`.
    """
    project = queue_name.split("/")[1]
    parts = [routing.instance, routing.version, routing.service, project, host_suffix]
    return Routing(routing.service, routing.version, routing.instance, ".".join(part for part in parts if part))


def override_with_host(override: Mapping[str, str], queue_name: str, host_suffix: str) -> Mapping[str, str]:
    """Return a queue's override with its host, which the service adds; return an empty one if nothing is overridden."""
    fields = {name: override[name] for name in ("service", "version", "instance") if override.get(name)}
    if not fields:
        return {}
    return {**fields, "host": with_host(Routing(**fields), queue_name, host_suffix).host}


def routed(target: PushTarget, override: Mapping[str, Any] | None) -> PushTarget:
    """Return what a dispatch sends: ``target`` with its queue's current routing."""
    if not override or not isinstance(target, AppEngineTarget):
        return target
    return AppEngineTarget(target.relative_uri, target.method, target.headers, target.body, Routing(**override))


Token = Union[OidcToken, OAuthToken]

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The default scope of an OAuth token."""
_EMAIL = re.compile(r"[^@]+@[^@]+")
_GOOGLE_API = re.compile(r"https?://(?:[^/?#]*@)?[^/?#:]+\.googleapis\.com(?:[:/?#].*)?", re.DOTALL | re.IGNORECASE)


def check_account(service_account_email: str) -> None:
    """Raise ServiceError for an e-mail address that is missing or isn't NAME@DOMAIN."""
    if not service_account_email:
        raise errors.TOKEN_ACCOUNT_MISSING.error()
    if not _EMAIL.fullmatch(service_account_email):
        raise errors.ARGUMENT_INVALID.error()


def is_google_api(url: str) -> bool:
    """Return whether the host of ``url`` is below googleapis.com."""
    return _GOOGLE_API.fullmatch(url) is not None


def check_token_url(token: Token, url: str) -> None:
    """Raise ServiceError if the token can't be sent to the task's URL."""
    if not url.startswith("https://"):
        raise errors.TOKEN_NEEDS_HTTPS.error()
    if isinstance(token, OAuthToken) and not is_google_api(url):
        raise errors.OAUTH_HOST.error()


def completed_token(token: Token, url: str) -> Token:
    """Return ``token`` with the default audience or scope filled in for a task to ``url``."""
    if isinstance(token, OidcToken):
        return token if token.audience else token._replace(audience=url)
    return token if token.scope else token._replace(scope=CLOUD_PLATFORM)


def with_token(target: HttpTarget, token: Token) -> HttpTarget:
    """Return ``target`` with ``token``, completed, in place of its own token."""
    token = completed_token(token, target.url)
    oidc, oauth = (token, None) if isinstance(token, OidcToken) else (None, token)
    return HttpTarget(target.url, target.method, target.headers, target.body, oidc, oauth)


Overrides = Mapping[str, Any]
"""The fields of an HttpTarget message that are set."""

_URL = re.compile(r"([^:]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
"""Scheme, authority, path, query and fragment of any valid task URL."""
_AUTHORITY = re.compile(r"(.*@)?(\[[^\]]*\]|[^:]*)(?::(.*))?", re.DOTALL)


_RESERVED = frozenset({"host", "user-agent", "content-length", "connection", "transfer-encoding", "x-forwarded-for"})
_RESERVED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


# --- settings ----------------------------------------------------------------------------------------------------


def check_http_target(override: Overrides) -> None:
    """Raise ServiceError for an HttpTarget of a request, whatever the update mask says."""
    uri = override.get("uri_override", {})
    host: str | None = uri.get("host")
    if host is not None and (not host or ":" in host or "/" in host):
        raise errors.HTTP_TARGET_INVALID.error(reason="Invalid Host.")
    if uri.get("port", 0) < 0:
        raise errors.HTTP_TARGET_INVALID.error(reason="Port number should be a positive integer.")
    enums = (uri.get("scheme"), uri.get("uri_override_enforce_mode"), override.get("http_method"))
    if any(isinstance(value, int) for value in enums):
        raise errors.HTTP_TARGET_INVALID.error(reason="")
    headers = _header_overrides(override)
    if invalid := [name for name, _ in headers if _is_reserved(name)]:
        raise errors.HTTP_TARGET_HEADERS.error(names=", ".join(invalid))
    if sum(len(name.encode()) + len(value.encode()) for name, value in headers) >= MAX_HEADER_BYTES:
        raise errors.HTTP_TARGET_HEADERS_TOO_LARGE.error()
    for token in ("oidc_token", "oauth_token"):
        if token in override:
            check_account(override[token].get("service_account_email", ""))


def stored_http_target(override: Overrides) -> Overrides:
    """Return an HttpTarget as the queue stores it; raise ServiceError if an update mask left it unusable."""
    if override.get("uri_override", True) == {}:
        raise errors.HTTP_TARGET_INVALID.error(reason="Invalid uri_override.")
    if "header_overrides" not in override:
        return override
    result = {**override, "header_overrides": [header for header in override["header_overrides"] if "header" in header]}
    if not result["header_overrides"]:
        del result["header_overrides"]
    return result


def _is_reserved(name: str) -> bool:
    lower = name.lower()
    return not name or ":" in name or lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


# --- effects -----------------------------------------------------------------------------------------------------


def with_queue_token(target: Payload, override: Overrides | None) -> Payload:
    """Return ``target`` with the token that it has from now on: the queue's, or its own.

    Raises ServiceError if the token can't be sent to its URL.
    """
    if not isinstance(target, HttpTarget):
        return target
    token = _queue_token(override) or target.token
    if token is None:
        return target
    check_token_url(token, target.url)
    return with_token(target, token)


def overridden_target(target: PushTarget, override: Overrides | None) -> PushTarget:
    """Return what a dispatch sends: ``target`` with its queue's current overrides.

    The body stays, whatever the method: see `HttpTarget.can_be_sent`. The queue's headers are cleaned like a task's own
    headers; a queue's header that is dropped also removes the task's header of that name. Ledger:
    `http-target/cleaned-headers`.
    """
    if not override or not isinstance(target, HttpTarget):
        return target
    if token := _queue_token(override):
        target = with_token(target, token)
    overrides = {name.lower(): (name, value) for name, value in _header_overrides(override)}
    headers = target.headers
    if overrides:
        own = (pair for pair in headers if pair[0].lower() not in overrides)
        headers = (*own, *cleaned_headers(tuple(overrides.values())))
    return HttpTarget(
        overridden_url(target.url, override.get("uri_override", {})),
        override.get("http_method", target.method),
        headers,
        target.body,
        target.oidc,
        target.oauth,
    )


def _queue_token(override: Overrides | None) -> Token | None:
    if not override:
        return None
    if "oidc_token" in override:
        return OidcToken(**{"service_account_email": "", **override["oidc_token"]})
    if "oauth_token" in override:
        return OAuthToken(**{"service_account_email": "", **override["oauth_token"]})
    return None


def overridden_url(url: str, uri_override: Overrides) -> str:
    """Return ``url`` under a UriOverride: ALWAYS replaces parts, IF_NOT_EXISTS fills in missing parts.

    Port 0, an empty path and an empty query clear theirs; an unspecified scheme means HTTPS. A URL with a path, such as
    "/", counts as having a query, even an empty one.
    """
    match = _URL.fullmatch(url)
    if match is None or not uri_override:
        return url
    scheme, authority, path, query, fragment = match.groups("")
    parts = _AUTHORITY.fullmatch(authority)
    assert parts is not None, "it matches any text"
    user, host, port = parts.groups("")
    fills_in = uri_override.get("uri_override_enforce_mode") == "IF_NOT_EXISTS"

    def part(own: str, override: str | None, *, exists: bool = False) -> str:
        return own if override is None or (fills_in and (own or exists)) else override

    scheme = part(scheme, _scheme(uri_override))
    host = part(host, uri_override.get("host"))
    port = part(port, _port(uri_override))
    query = part(query, _query(uri_override), exists=bool(path))
    path = part(path, _path(uri_override))
    return f"{scheme}://{user}{host}{port and f':{port}'}{path}{query and f'?{query}'}{fragment}"


def _scheme(override: Overrides) -> str | None:
    if "scheme" not in override:
        return None
    return "http" if override["scheme"] == "HTTP" else "https"


def _port(override: Overrides) -> str | None:
    return None if "port" not in override else str(override["port"] or "")


def _path(override: Overrides) -> str | None:
    if "path_override" not in override:
        return None
    path: str = override["path_override"].get("path", "")
    return path if not path or path.startswith("/") else f"/{path}"


def _query(override: Overrides) -> str | None:
    if "query_override" not in override:
        return None
    query: str = override["query_override"].get("query_params", "")
    return query


def _header_overrides(http_target: Overrides) -> list[tuple[str, str]]:
    headers = [override["header"] for override in http_target.get("header_overrides", ()) if "header" in override]
    return [(header.get("key", ""), header.get("value", "")) for header in headers]


DEFAULT_BUFFER_TYPE = "application/json"


def buffered_task(queue: Queue, task_id: str, body: bytes, content_type: str) -> TaskSpec:
    """Return the CreateTask that a BufferTask amounts to; raise ServiceError if the queue's HTTP target has no host."""
    override = queue.config.http_target or {}
    uri = {**override.get("uri_override", {}), "uri_override_enforce_mode": "ALWAYS"}
    if not uri.get("host"):
        raise errors.BUFFER_NEEDS_HTTP_TARGET.error()
    # The queue's headers and token are added at the dispatch, as for any task. A method without a body drops the body
    # there.
    method = override.get("http_method", "")
    return TaskSpec(
        target=HttpTarget(
            overridden_url(f"https://{uri['host']}/", uri),
            method if method in HTTP_BODY_METHODS else "POST",
            (("Content-Type", content_type or DEFAULT_BUFFER_TYPE),),
            body,
            None,
            None,
        ),
        name=f"{queue.name}/tasks/{task_id}" if task_id else "",
    )
