"""The naive half of `reference` that knows about requests: what a task asks for, and what a queue makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

WITH_BODY = ("POST", "PUT", "PATCH")
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Request:
    """An HTTP request, or one to an App Engine application, whose URL is a path then."""

    url: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    token: tuple[str, str, str] | None = None
    """Its kind, its account, and its audience or scope."""
    is_app_engine: bool = False
    routing: tuple[str, str, str, str] = ("", "", "", "")
    """Service, version, instance and host."""


def as_created(request: Request, settings: Mapping[str, Any]) -> Request:
    """With the queue's token in place of its own, which names an audience or a scope; with the queue's routing."""
    return routed(request, settings) if request.is_app_engine else with_token(request, settings)


def as_sent(request: Request, settings: Mapping[str, Any]) -> Request:
    """With the queue's URL, method, headers and token, or its routing."""
    if request.is_app_engine:
        return routed(request, settings)
    http_target = settings.get("http_target")
    if not http_target:
        return request
    request = with_token(request, settings)
    if "http_method" in http_target:
        request = replace(request, method=http_target["http_method"])
    headers = list(request.headers)
    for override in http_target.get("header_overrides", []):
        key, value = override["header"]["key"], override["header"].get("value", "")
        headers = [pair for pair in headers if pair[0].lower() != key.lower()]
        value = value.replace("\r", "_").replace("\n", "_")
        if value:
            headers.append((key, value))
    url = overridden(request.url, http_target.get("uri_override", {}))
    return replace(request, headers=tuple(sorted(headers)), url=url)


def is_never_sent(request: Request) -> bool:
    """A body whose method has come to be one without."""
    return not request.is_app_engine and request.body != b"" and request.method not in WITH_BODY


def with_token(request: Request, settings: Mapping[str, Any]) -> Request:
    http_target, token = settings.get("http_target", {}), request.token
    for kind, purpose in (("oidc_token", "audience"), ("oauth_token", "scope")):
        if kind in http_target:
            token = (kind, http_target[kind]["service_account_email"], http_target[kind].get(purpose, ""))
    if token is not None and not token[2]:
        kind, account, _ = token
        token = (kind, account, request.url if kind == "oidc_token" else CLOUD_PLATFORM)
    return replace(request, token=token)


def routed(request: Request, settings: Mapping[str, Any]) -> Request:
    override = settings.get("app_engine_routing_override")
    if not override:
        return request
    service, version, instance, host = (override.get(part, "") for part in ("service", "version", "instance", "host"))
    return replace(request, routing=(service, version, instance, host))


def overridden(url: str, given: Mapping[str, Any]) -> str:
    """A URL of scheme, host, port, path and query, each its own or the queue's."""
    own = urlsplit(url)
    fills_in = given.get("uri_override_enforce_mode") == "IF_NOT_EXISTS"

    def chosen(part: str, override: str | None) -> str:
        if override is None or (fills_in and part != ""):
            return part
        return override

    scheme = port = path = query = None
    if "scheme" in given:
        scheme = "http" if given["scheme"] == "HTTP" else "https"
    if "port" in given:
        port = str(given["port"]) if given["port"] != 0 else ""
    if "path_override" in given:
        path = given["path_override"].get("path", "")
        if path and not path.startswith("/"):
            path = "/" + path
    if "query_override" in given:
        query = given["query_override"].get("query_params", "")
    result = chosen(own.scheme, scheme) + "://" + chosen(own.hostname or "", given.get("host"))
    port = chosen("" if own.port is None else str(own.port), port)
    if port:
        result += ":" + port
    result += chosen(own.path, path)
    query = own.query if fills_in and own.path else chosen(own.query, query)
    return result + "?" + query if query else result
