"""Strategies for the payloads of tasks: HTTP requests, App Engine requests and pull messages."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .._service.overrides import is_google_api
from .._service.request import HTTP_BODY_METHODS, HTTP_METHODS, HTTP_USER_AGENT, MAX_HEADER, MAX_HEADER_BYTES, MAX_TAG
from .._service.validation import APP_ENGINE_BODY_METHODS, MAX_URL
from .field_defaults import Given, chosen, is_callers, longest, mostly
from .sizes import RepeatedText
from .validity import check_task
from .versions import Version, in_words_of, message

Fields = dict[str, Any]
ACCOUNT = "worker@test-project.iam.gserviceaccount.com"
SIMPLEST_URL = "https://example.com/"


def headers_of_size(size: int) -> dict[str, str]:
    """Return headers of this size in bytes, as an HTTP task stores them. The service keeps them unchanged."""
    size -= len("User-Agent") + len(HTTP_USER_AGENT)
    count = -(-size // MAX_HEADER)
    names = [f"X-Large-{number}" for number in range(count)]
    return {
        name: RepeatedText("a", size // count + (number < size % count) - len(name))
        for number, name in enumerate(names)
    }


def header_of_size(size: int) -> dict[str, str]:
    """Return one header whose name and value have this many characters together."""
    return {"X-Large": RepeatedText("a", size - len("X-Large"))}


def _largest_headers(less: int) -> Mapping[str, str]:
    """Return headers of the maximum size, or of this many bytes less."""
    return headers_of_size(MAX_HEADER_BYTES - 1 - less)


_less = st.sampled_from([1, 0])
_paths = st.text("0123456789" + string.ascii_letters + "-._~/?=&é", max_size=24)
urls: SearchStrategy[str] = mostly(
    st.builds(
        lambda origin, path: f"{origin}/{path}",
        st.sampled_from(
            ["https://example.com", "https://worker.test", "http://localhost:8080", "https://run.googleapis.com"]
        ),
        _paths,
    ),
    _less.map(lambda less: SIMPLEST_URL.ljust(MAX_URL - less, "a")),
)
relative_uris: SearchStrategy[str] = mostly(
    _paths.map("/".__add__), _less.map(lambda less: "/".ljust(MAX_URL - less, "a"))
)
bodies: SearchStrategy[bytes] = st.binary(max_size=64)
_header_names = st.sampled_from(["Content-Type", "Accept", "X-Request-Id"]) | st.text(
    string.ascii_letters + string.digits, min_size=1, max_size=8
).map("X-Own-".__add__)
_header_values = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=16)
_few_headers = st.lists(st.tuples(_header_names, _header_values), max_size=2, unique_by=lambda one: one[0].lower())
headers: SearchStrategy[Mapping[str, str]] = mostly(
    _few_headers.map(dict),
    _less.map(_largest_headers) | _less.map(lambda less: header_of_size(MAX_HEADER - less)),
)
"""Headers that the service stores unchanged."""
oidc_tokens = st.fixed_dictionaries(
    {"service_account_email": st.just(ACCOUNT)}, optional={"audience": st.just("https://example.com")}
)
oauth_tokens = st.fixed_dictionaries(
    {"service_account_email": st.just(ACCOUNT)},
    optional={"scope": st.just("https://www.googleapis.com/auth/cloud-platform")},
)
_tokens = st.sampled_from(["", "", "oidc_token", "oauth_token"])
routings = st.none() | st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(["default", "worker"]) for name in ("service", "version", "instance")}
)


def method_and_body(draw: DrawFn, method: Any, body: Any, methods: tuple[str, ...], with_body: tuple[str, ...]) -> Any:
    """Draw a method and a body that go together."""
    if body is not ...:
        content = chosen(draw, body, bodies)
        return chosen(draw, method, st.sampled_from(with_body if content else methods)), content
    verb = chosen(draw, method, st.sampled_from(methods))
    content = draw(bodies)
    return verb, content if verb is None or getattr(verb, "name", verb) in with_body else None


@st.composite
def http_fields(
    draw: DrawFn,
    url: Given[str] = ...,
    http_method: Given[Any] = ...,
    headers_: Given[Mapping[str, str]] = ...,
    body: Given[bytes] = ...,
    oidc_token: Given[Any] = ...,
    oauth_token: Given[Any] = ...,
) -> Fields:
    """Return the fields of an HttpRequest."""
    where = chosen(draw, url, urls)
    verb, content = method_and_body(draw, http_method, body, HTTP_METHODS, HTTP_BODY_METHODS)
    fields = {
        "url": where,
        "http_method": verb,
        "headers": chosen(draw, headers_, headers) or None,
        "body": content,
    }
    if not all(token is ... or token is None for token in (oidc_token, oauth_token)):
        fields["oidc_token"] = chosen(draw, None if oidc_token is ... else oidc_token, oidc_tokens)
        fields["oauth_token"] = chosen(draw, None if oauth_token is ... else oauth_token, oauth_tokens)
    else:
        kind = draw(_tokens)
        if isinstance(where, str) and where.startswith("https://"):
            if kind == "oidc_token" and oidc_token is ...:
                fields[kind] = draw(oidc_tokens)
            elif kind == "oauth_token" and oauth_token is ... and is_google_api(where):
                fields[kind] = draw(oauth_tokens)
    return {name: value for name, value in fields.items() if value is not None and value != b""}


@st.composite
def app_engine_fields(
    draw: DrawFn,
    relative_uri: Given[str] = ...,
    http_method: Given[Any] = ...,
    headers_: Given[Mapping[str, str]] = ...,
    body: Given[bytes] = ...,
    app_engine_routing: Given[Any] = ...,
) -> Fields:
    """Return the fields of an AppEngineHttpRequest."""
    verb, content = method_and_body(draw, http_method, body, HTTP_METHODS, APP_ENGINE_BODY_METHODS)
    fields = {
        "relative_uri": chosen(draw, relative_uri, relative_uris),
        "http_method": verb,
        "headers": chosen(draw, headers_, headers) or None,
        "body": content,
        "app_engine_routing": chosen(draw, app_engine_routing, routings) or None,
    }
    return {name: value for name, value in fields.items() if value is not None and value != b""}


@st.composite
def http_requests(
    draw: DrawFn,
    *,
    url: Given[str] = ...,
    http_method: Given[Any] = ...,
    headers: Given[Mapping[str, str]] = ...,
    body: Given[bytes] = ...,
    oidc_token: Given[Any] = ...,
    oauth_token: Given[Any] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw HttpRequest messages that the service accepts. Shrinks to ``POST https://example.com/``.

    Args:
        url: A URL, or a strategy.
        http_method: An HttpMethod, or a strategy.
        headers: A dict, or a strategy.
        body: Bytes, or a strategy.
        oidc_token: A message, a dict, or a strategy.
        oauth_token: A message, a dict, or a strategy.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    fields = draw(http_fields(url, http_method, headers, body, oidc_token, oauth_token))
    own = in_words_of(version, "HttpRequest", fields)
    if is_callers(url, http_method, headers, body, oidc_token, oauth_token):
        check_task(version, {"http_request": own})
    return own if as_dict else message(version, "HttpRequest", own)


@st.composite
def app_engine_http_requests(
    draw: DrawFn,
    *,
    relative_uri: Given[str] = ...,
    http_method: Given[Any] = ...,
    headers: Given[Mapping[str, str]] = ...,
    body: Given[bytes] = ...,
    app_engine_routing: Given[Any] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw AppEngineHttpRequest messages that the service accepts. Shrinks to ``POST /``.

    Fields have v2's names in every version.

    Args:
        relative_uri: A path with a query, or a strategy.
        http_method: An HttpMethod, or a strategy.
        headers: A dict, or a strategy.
        body: Bytes, or a strategy.
        app_engine_routing: A message, a dict, or a strategy.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    fields = draw(app_engine_fields(relative_uri, http_method, headers, body, app_engine_routing))
    own = in_words_of(version, "AppEngineHttpRequest", fields)
    if is_callers(relative_uri, http_method, headers, body, app_engine_routing):
        check_task(version, {"app_engine_http_request": own})
    return own if as_dict else message(version, "AppEngineHttpRequest", own)


PULLING: Version = "v2beta2"
"""The only version with pull queues."""
_TAG_CHARACTERS = "0123456789" + string.ascii_letters + "-_."
_tags = mostly(st.text(_TAG_CHARACTERS, max_size=8), longest(_TAG_CHARACTERS, MAX_TAG - 1))


@st.composite
def pull_fields(draw: DrawFn, payload: Given[bytes] = ..., tag: Given[str] = ...) -> Fields:
    """Return the fields of a PullMessage."""
    fields = {"payload": chosen(draw, payload, bodies), "tag": chosen(draw, tag, _tags)}
    return {name: value for name, value in fields.items() if value not in (None, b"", "")}


@st.composite
def pull_messages(draw: DrawFn, *, payload: Given[bytes] = ..., tag: Given[str] = ..., as_dict: bool = False) -> Any:
    """Draw v2beta2's PullMessage messages that the service accepts. Shrinks to an empty one.

    Args:
        payload: Bytes, or a strategy.
        tag: A text, or a strategy.
        as_dict: Draw dicts instead of messages.
    """
    fields = draw(pull_fields(payload, tag))
    if is_callers(payload, tag):
        check_task(PULLING, {"pull_message": fields})
    return fields if as_dict else message(PULLING, "PullMessage", fields)
