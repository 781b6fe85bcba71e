"""Queue.http_target: what a queue changes about the HTTP requests of its tasks.

Its settings are nested as in the API, with the names of enum values, and a number for a value without a name. An unset
field is left out: a host or a port that is set to nothing differs from one that isn't set. App Engine tasks go out as
they are. A task takes the queue's token when it is created; everything counts as it is when the task is dispatched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import errors, task_headers, tokens
from .request import MAX_HEADER_BYTES, HttpTarget, OAuthToken, OidcToken, Payload, Target

Overrides = Mapping[str, Any]
"""The fields of an HttpTarget message that are set."""

_URL = re.compile(r"([^:]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
"""Scheme, authority, path, query and fragment of anything that a task may have for its URL."""
_AUTHORITY = re.compile(r"(.*@)?(\[[^\]]*\]|[^:]*)(?::(.*))?", re.DOTALL)


_RESERVED = frozenset({"host", "user-agent", "content-length", "connection", "transfer-encoding", "x-forwarded-for"})
_RESERVED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")


# --- settings ----------------------------------------------------------------------------------------------------


def check(given: Overrides) -> None:
    """Refuse an HttpTarget of a request, whatever the update mask says."""
    uri = given.get("uri_override", {})
    host: str | None = uri.get("host")
    if host is not None and (not host or ":" in host or "/" in host):
        raise errors.HTTP_TARGET_INVALID.error(reason="Invalid Host.")
    if uri.get("port", 0) < 0:
        raise errors.HTTP_TARGET_INVALID.error(reason="Port number should be a positive integer.")
    enums = (uri.get("scheme"), uri.get("uri_override_enforce_mode"), given.get("http_method"))
    if any(isinstance(value, int) for value in enums):
        raise errors.HTTP_TARGET_INVALID.error(reason="")
    headers = _headers(given)
    if invalid := [name for name, _ in headers if _is_reserved(name)]:
        raise errors.HTTP_TARGET_HEADERS.error(names=", ".join(invalid))
    if sum(len(name.encode()) + len(value.encode()) for name, value in headers) >= MAX_HEADER_BYTES:
        raise errors.HTTP_TARGET_HEADERS_TOO_LARGE.error()
    for token in ("oidc_token", "oauth_token"):
        if token in given:
            tokens.check_account(given[token].get("service_account_email", ""))


def stored(given: Overrides) -> Overrides:
    """Return an HttpTarget as the queue keeps it, and refuse one that an update mask left unusable."""
    if given.get("uri_override", True) == {}:
        raise errors.HTTP_TARGET_INVALID.error(reason="Invalid uri_override.")
    if "header_overrides" not in given:
        return given
    result = {**given, "header_overrides": [one for one in given["header_overrides"] if "header" in one]}
    if not result["header_overrides"]:
        del result["header_overrides"]
    return result


def _is_reserved(name: str) -> bool:
    lower = name.lower()
    return not name or ":" in name or lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


# --- effects -----------------------------------------------------------------------------------------------------


def at_creation(target: Payload, given: Overrides | None) -> Payload:
    """Return ``target`` with the token that it has from now on: the queue's, or its own.

    Its URL has to go with that token.
    """
    if not isinstance(target, HttpTarget):
        return target
    token = _token(given) or target.token
    if token is None:
        return target
    tokens.check_url(token, target.url)
    return tokens.with_token(target, token)


def at_execution(target: Target, given: Overrides | None) -> Target:
    """Return what a dispatch sends: ``target`` under the overrides that its queue has then.

    Its body stays, whatever the method: see `HttpTarget.can_be_sent`. The queue's headers are cleaned as a task's own
    are; one that is dropped takes the task's header of that name along. Evidence: our choice.
    """
    if not given or not isinstance(target, HttpTarget):
        return target
    if token := _token(given):
        target = tokens.with_token(target, token)
    overrides = {name.lower(): (name, value) for name, value in _headers(given)}
    headers = target.headers
    if overrides:
        own = (pair for pair in headers if pair[0].lower() not in overrides)
        headers = (*own, *task_headers.cleaned(tuple(overrides.values())))
    return HttpTarget(
        overridden(target.url, given.get("uri_override", {})),
        given.get("http_method", target.method),
        headers,
        target.body,
        target.oidc,
        target.oauth,
    )


def _token(given: Overrides | None) -> tokens.Token | None:
    if not given:
        return None
    if "oidc_token" in given:
        return OidcToken(**{"service_account_email": "", **given["oidc_token"]})
    if "oauth_token" in given:
        return OAuthToken(**{"service_account_email": "", **given["oauth_token"]})
    return None


def overridden(url: str, given: Overrides) -> str:
    """Return ``url`` under a UriOverride: ALWAYS replaces, IF_NOT_EXISTS fills in what the URL doesn't have.

    Port 0, an empty path and an empty query clear theirs; a scheme that is set to unspecified is HTTPS. A URL with a
    path, such as "/", has a query, too, be it an empty one.
    """
    match = _URL.fullmatch(url)
    if match is None or not given:
        return url
    scheme, authority, path, query, fragment = match.groups("")
    found = _AUTHORITY.fullmatch(authority)
    assert found is not None, "it matches any text"
    user, host, port = found.groups("")
    fills_in = given.get("uri_override_enforce_mode") == "IF_NOT_EXISTS"

    def part(own: str, override: str | None, *, exists: bool = False) -> str:
        return own if override is None or (fills_in and (own or exists)) else override

    scheme = part(scheme, _scheme(given))
    host = part(host, given.get("host"))
    port = part(port, _port(given))
    query = part(query, _query(given), exists=bool(path))
    path = part(path, _path(given))
    return f"{scheme}://{user}{host}{port and f':{port}'}{path}{query and f'?{query}'}{fragment}"


def _scheme(given: Overrides) -> str | None:
    if "scheme" not in given:
        return None
    return "http" if given["scheme"] == "HTTP" else "https"


def _port(given: Overrides) -> str | None:
    return None if "port" not in given else str(given["port"] or "")


def _path(given: Overrides) -> str | None:
    if "path_override" not in given:
        return None
    path: str = given["path_override"].get("path", "")
    return path if not path or path.startswith("/") else f"/{path}"


def _query(given: Overrides) -> str | None:
    if "query_override" not in given:
        return None
    query: str = given["query_override"].get("query_params", "")
    return query


def _headers(given: Overrides) -> list[tuple[str, str]]:
    headers = [override["header"] for override in given.get("header_overrides", ()) if "header" in override]
    return [(header.get("key", ""), header.get("value", "")) for header in headers]
