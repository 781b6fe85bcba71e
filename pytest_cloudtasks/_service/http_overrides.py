"""Queue.http_target: what a queue changes about the HTTP requests of its tasks.

Its settings are nested as in the API, with the names of enum values; an unset field is left out, so that a host or a
port that is set to nothing can be told from one that isn't set. App Engine tasks go as they are. Nothing of this is
recorded: what the docstrings say is documented, the rest is our choice, each said at its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import errors
from .request import HTTP_BODY_METHODS, MAX_HEADER_BYTES, HttpTarget, OAuthToken, OidcToken, Payload, Target

Overrides = Mapping[str, Any]
"""The fields of an HttpTarget message that are set."""

_FIELDS: dict[str, Any] = {
    "uri_override": {
        "scheme": {},
        "host": {},
        "port": {},
        "path_override": {"path": {}},
        "query_override": {"query_params": {}},
        "uri_override_enforce_mode": {},
    },
    "http_method": {},
    "header_overrides": {},
    "oauth_token": {"service_account_email": {}, "scope": {}},
    "oidc_token": {"service_account_email": {}, "audience": {}},
}
_TOKENS = {"oauth_token": "scope", "oidc_token": "audience"}
"""The oneof authorization_header, and what each of it needs besides the account."""
_URL = re.compile(r"([^:]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
"""Scheme, authority, path, query and fragment of anything that a task may have for its URL."""
_AUTHORITY = re.compile(r"(.*@)?(\[[^\]]*\]|[^:]*)(?::(.*))?", re.DOTALL)


# --- settings ----------------------------------------------------------------------------------------------------


def has_field(path: str) -> bool:
    """Whether ``path``, as an update mask has it, names a field of an HttpTarget."""
    fields = _FIELDS
    for part in path.split("."):
        if part not in fields:
            return False
        fields = fields[part]
    return True


def taken(stored: Overrides, given: Overrides, path: str) -> Overrides:
    """``stored`` with the field at ``path`` as ``given`` has it: unset, where that doesn't."""
    head, _, rest = path.partition(".")
    result = dict(stored)
    value = taken(stored.get(head, {}), given.get(head, {}), rest) if rest else given.get(head)
    if head in given or (rest and value):
        result[head] = value
    else:
        result.pop(head, None)
    if head in _TOKENS and head in result:
        for other in _TOKENS.keys() - {head}:
            result.pop(other, None)
    return result


def check(given: Overrides) -> None:
    """Refuse what the docstrings forbid. Evidence: documented; the texts are our own."""
    uri = given.get("uri_override", {})
    if uri.get("host") == "":
        raise errors.HTTP_TARGET_HOST_EMPTY.error()
    if uri.get("port", 0) < 0:
        raise errors.HTTP_TARGET_PORT.error(port=uri["port"])
    for token, needed in _TOKENS.items():
        settings = given.get(token)
        if settings is not None and not (settings.get("service_account_email") and settings.get(needed)):
            raise errors.HTTP_TARGET_TOKEN.error(token=_camel_case(token), needed=needed)
    if sum(len(name.encode()) + len(value.encode()) for name, value in _headers(given)) >= MAX_HEADER_BYTES:
        raise errors.HTTP_TARGET_HEADERS_TOO_LARGE.error()


# --- effects -----------------------------------------------------------------------------------------------------


def at_creation(target: Payload, given: Overrides | None) -> Payload:
    """``target`` with the queue's headers in place of the task's own of the same names, in whatever case.

    Evidence: documented ("Headers will be set when running the CreateTask"), so that a later change of the queue
    leaves them. That no Content-Type is made up is our choice: the docstring says both.
    """
    if not given or not isinstance(target, HttpTarget):
        return target
    overrides = {name.lower(): (name, value) for name, value in _headers(given)}
    if not overrides:
        return target
    own = [pair for pair in target.headers if pair[0].lower() not in overrides]
    return HttpTarget(target.url, target.method, (*own, *overrides.values()), target.body, target.oidc, target.oauth)


def at_execution(target: Target, given: Overrides | None) -> Target:
    """What a dispatch sends: ``target`` under the overrides of its queue, as they stand then.

    Evidence: documented (URI and method; GET ignores the body; a token replaces the task's). That the other methods
    without a body ignore it, too, and that the URI's enforce mode is the URI's alone, is our choice.
    """
    if not given or not isinstance(target, HttpTarget):
        return target
    method = given.get("http_method", target.method)
    oidc, oauth = target.oidc, target.oauth
    if "oidc_token" in given:
        oidc, oauth = OidcToken(**given["oidc_token"]), None
    elif "oauth_token" in given:
        oidc, oauth = None, OAuthToken(**given["oauth_token"])
    body = target.body if method in HTTP_BODY_METHODS else b""
    return HttpTarget(overridden(target.url, given.get("uri_override", {})), method, target.headers, body, oidc, oauth)


def overridden(url: str, given: Overrides) -> str:
    """``url`` under a UriOverride: ALWAYS replaces, IF_NOT_EXISTS fills in what the URL doesn't have.

    Port 0, an empty path and an empty query clear theirs; a scheme that is set to unspecified is HTTPS. Evidence:
    documented. That an empty part of a URL is one it doesn't have, and that "/" is a path, is our choice.
    """
    match = _URL.fullmatch(url)
    if match is None or not given:
        return url
    scheme, authority, path, query, fragment = match.groups("")
    found = _AUTHORITY.fullmatch(authority)
    assert found is not None, "it matches any text"
    user, host, port = found.groups("")
    fills_in = given.get("uri_override_enforce_mode") == "IF_NOT_EXISTS"

    def part(own: str, override: str | None) -> str:
        return own if override is None or (own and fills_in) else override

    scheme = part(scheme, _scheme(given))
    host = part(host, given.get("host"))
    port = part(port, _port(given))
    path = part(path, _path(given))
    query = part(query, _query(given))
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
    headers = [override.get("header", {}) for override in given.get("header_overrides", ())]
    return [(header.get("key", ""), header.get("value", "")) for header in headers]


def _camel_case(name: str) -> str:
    head, _, tail = name.partition("_")
    return head + tail.capitalize()
