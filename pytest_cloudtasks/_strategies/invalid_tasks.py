"""Tasks with exactly one mistake, and the error for each."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .._service import errors
from .._service.options import MAX_TASK_SIZE
from .._service.request import HTTP_BODY_METHODS, HTTP_METHODS, MAX_HEADER_BYTES, MAX_TAG
from .._service.validation import APP_ENGINE_BODY_METHODS, MAX_URL, id_of, in_pacific_time, location_of
from .field_defaults import durations, nearest_first
from .invalid_queues import BEYOND, WRONG_ACCOUNTS, InvalidVariant, invalid_settings, outside_of, pair_of
from .names import MAX_TASK_ID
from .requests import (
    PULLING,
    SIMPLEST_URL,
    app_engine_fields,
    headers_of_size,
    http_fields,
    oauth_tokens,
    oidc_tokens,
    pull_fields,
)
from .sizes import RepeatedBytes, nanoseconds, with_size
from .tasks import APP_ENGINE_DEADLINES, HTTP_DEADLINES, LONGEST_AHEAD
from .validity import check_pulls, checked_now, checked_parent
from .versions import Version, has_field

_MICROSECOND = timedelta(microseconds=1)
_bad_methods = {
    kinds: st.sampled_from([method for method in HTTP_METHODS if method not in kinds])
    for kinds in (HTTP_BODY_METHODS, APP_ENGINE_BODY_METHODS)
}
_http = http_fields(oidc_token=None, oauth_token=None)
_plain_http = http_fields(body=None, oidc_token=None, oauth_token=None)
_app_engine = app_engine_fields()
_bad_ids = st.sampled_from(["", "a b", "a.b", "é", "a:b"])
_bodies = st.binary(min_size=1, max_size=16)
_too_long = BEYOND.map(MAX_URL.__add__)


@st.composite
def _http_url_missing(draw: DrawFn) -> InvalidVariant:
    return {"http_request": {**draw(_http), "url": ""}}, errors.URL_MISSING.error()


@st.composite
def _http_scheme(draw: DrawFn) -> InvalidVariant:
    url = draw(st.sampled_from(["example.com", "/work", "ftp://example.com/", "HTTPS://example.com/"]))
    return {"http_request": {**draw(_http), "url": url}}, errors.URL_SCHEME.error()


@st.composite
def _http_url_too_long(draw: DrawFn) -> InvalidVariant:
    length = draw(_too_long)
    return (
        {"http_request": {**draw(_http), "url": SIMPLEST_URL.ljust(length, "a")}},
        errors.URL_TOO_LONG.error(length=length),
    )


@st.composite
def _http_headers_too_large(draw: DrawFn) -> InvalidVariant:
    headers = headers_of_size(MAX_HEADER_BYTES - 1 + draw(BEYOND))
    return {"http_request": {**draw(_http), "headers": headers}}, errors.HEADERS_TOO_LARGE.error()


@st.composite
def _http_token(draw: DrawFn) -> InvalidVariant:
    request = {**draw(_http), "url": "http://example.com/", "oidc_token": draw(oidc_tokens)}
    return {"http_request": request}, errors.TOKEN_NEEDS_HTTPS.error()


@st.composite
def _http_account(draw: DrawFn) -> InvalidVariant:
    settings, wrong = draw(st.sampled_from(WRONG_ACCOUNTS))
    token = draw(st.sampled_from(["oidc_token", "oauth_token"]))
    return {"http_request": {**draw(_http), "url": "https://run.googleapis.com/", token: settings}}, wrong


@st.composite
def _http_oauth_host(draw: DrawFn) -> InvalidVariant:
    host = draw(st.sampled_from(["example.com", "googleapis.com", "run.googleapis.com.test", "rungoogleapis.com"]))
    request = {**draw(_http), "url": f"https://{host}/", "oauth_token": draw(oauth_tokens)}
    return {"http_request": request}, errors.OAUTH_HOST.error()


@st.composite
def _http_body(draw: DrawFn) -> InvalidVariant:
    method = draw(_bad_methods[HTTP_BODY_METHODS])
    request = {**draw(_plain_http), "http_method": method, "body": draw(_bodies)}
    return {"http_request": request}, errors.HTTP_BODY.error()


@st.composite
def _too_large(draw: DrawFn) -> InvalidVariant:
    body = RepeatedBytes(MAX_TASK_SIZE + draw(BEYOND))
    return {"http_request": {"url": SIMPLEST_URL, "http_method": "POST", "body": body}}, errors.TASK_TOO_LARGE.error()


@st.composite
def _app_engine_uri(draw: DrawFn) -> InvalidVariant:
    uri = draw(st.sampled_from(["work", "https://example.com/", "/a b"]))
    return {"app_engine_http_request": {**draw(_app_engine), "relative_uri": uri}}, errors.RELATIVE_URI.error()


@st.composite
def _app_engine_uri_too_long(draw: DrawFn) -> InvalidVariant:
    length = draw(_too_long)
    return (
        {"app_engine_http_request": {**draw(_app_engine), "relative_uri": "/".ljust(length, "a")}},
        errors.RELATIVE_URI_TOO_LONG.error(length=length),
    )


@st.composite
def _app_engine_body(draw: DrawFn) -> InvalidVariant:
    method = draw(_bad_methods[APP_ENGINE_BODY_METHODS])
    request = {**draw(_app_engine), "http_method": method, "body": draw(_bodies)}
    return {"app_engine_http_request": request}, errors.APP_ENGINE_BODY.error()


def _deadline(payload: Any, kind: str, outside: SearchStrategy[timedelta], rejection: errors.Rejection) -> Any:
    return st.builds(
        lambda fields, deadline: ({kind: fields, "dispatch_deadline": deadline}, rejection.error()), payload, outside
    )


def _outside(shortest: timedelta, longest: timedelta) -> SearchStrategy[timedelta]:
    return outside_of(shortest, longest) | durations(_MICROSECOND * 1000, longest).map(lambda length: -length)


_no_payload: SearchStrategy[InvalidVariant] = st.just(({}, errors.TARGET_MISSING.error()))
_deadlines = _deadline(
    _http, "http_request", _outside(*HTTP_DEADLINES) | st.just(timedelta(0)), errors.HTTP_DEADLINE
) | _deadline(_app_engine, "app_engine_http_request", _outside(*APP_ENGINE_DEADLINES), errors.APP_ENGINE_DEADLINE)
_anytime: list[SearchStrategy[InvalidVariant]] = [
    _no_payload,
    _http_url_missing(),
    _http_scheme(),
    _http_url_too_long(),
    _http_headers_too_large(),
    _http_token(),
    _http_account(),
    _http_oauth_host(),
    _http_body(),
    _app_engine_uri(),
    _app_engine_uri_too_long(),
    _app_engine_body(),
    _too_large(),
]


_pulls = pull_fields()
_pulling = [
    _no_payload,
    st.tuples(_pulls, BEYOND).map(
        lambda pair: (
            {"pull_message": {**pair[0], "tag": "0" * (MAX_TAG - 1 + pair[1])}},
            errors.TAG_TOO_LONG.error(),
        )
    ),
    _http.map(lambda fields: ({"http_request": fields}, errors.REQUEST_IN_PULL_QUEUE.error())),
    _app_engine.map(lambda fields: ({"app_engine_http_request": fields}, errors.REQUEST_IN_PULL_QUEUE.error())),
    BEYOND.map(
        lambda beyond: (
            {"pull_message": {"payload": RepeatedBytes(MAX_TASK_SIZE + beyond)}},
            errors.TASK_TOO_LARGE.error(),
        )
    ),
]


@st.composite
def _too_far(draw: DrawFn, payload: SearchStrategy[Any], now: datetime) -> InvalidVariant:
    beyond = draw(nearest_first(1, st.integers(1, timedelta(days=365) // _MICROSECOND))) * _MICROSECOND
    at = now + LONGEST_AHEAD + beyond
    error = errors.SCHEDULE_TOO_FAR.error(schedule_time=in_pacific_time(nanoseconds(at)))
    return {**draw(payload), "schedule_time": at}, error


@st.composite
def _name(draw: DrawFn, payload: SearchStrategy[Any], parent: str, what: str) -> InvalidVariant:
    if what == "format":
        name, error = draw(st.sampled_from(["0", "tasks/0", f"{parent}/0"])), errors.TASK_NAME_FORMAT.error()
    elif what == "queue":
        other = f"{location_of(parent)}/queues/{id_of(parent)}-other"
        name, error = f"{other}/tasks/0", errors.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=other)
    else:
        bad = draw(_bad_ids) if what == "id" else "0" * (MAX_TASK_ID + draw(BEYOND))
        name, error = f"{parent}/tasks/{bad}", errors.TASK_ID_FORMAT.error(id=bad)
    return {"name": name, **draw(payload)}, error


@st.composite
def _a_byte_too_large(
    draw: DrawFn, version: Version, simplest: Any, payload: str, now: datetime, parent: str
) -> InvalidVariant:
    size = MAX_TASK_SIZE + draw(BEYOND)
    return with_size(version, simplest, payload, size, now, parent), errors.TASK_TOO_LARGE.error()


@st.composite
def invalid_tasks(
    draw: DrawFn,
    *,
    now: datetime | None = None,
    parent: str | None = None,
    in_pull_queue: bool = False,
    version: Version = "v2",
    as_dict: bool = False,
) -> tuple[Any, Exception]:
    """Draw pairs of a task with one mistake, and the exception that CreateTask raises for it over gRPC.

    Shrinks to a task with nothing in it.

    Args:
        now: An aware datetime. With it schedule times too far ahead are drawn, too.
        parent: The queue's full name. With it bad names are drawn, too; with both arguments also tasks that are one
            byte too large.
        in_pull_queue: Draw tasks that a pull queue rejects, rather than a push queue.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    if in_pull_queue:
        check_pulls("invalid_tasks", version)
        kinds, kind, simplest = list(_pulling), "pull_message", dict[str, Any]()
        payload = _pulls.map(lambda fields: {"pull_message": fields})
    else:
        kinds, kind = _of_push_queue(version), "http_request"
        simplest = {"url": SIMPLEST_URL, "http_method": "POST"}
        payload = _http.map(lambda fields: {"http_request": fields})
    at = None if now is None else checked_now("invalid_tasks", now).astimezone(timezone.utc)
    where = None if parent is None else checked_parent("invalid_tasks", parent)
    if at is not None:
        kinds.append(_too_far(payload, at))
    if where is not None:
        kinds += [_name(payload, where, what) for what in ("format", "queue", "id", "length")]
    if at is not None and where is not None:
        kinds.append(_a_byte_too_large(version, {kind: simplest}, kind, at, where))
    return pair_of(version, "Task", draw(st.one_of(kinds)), as_dict)


def _of_push_queue(version: Version) -> list[SearchStrategy[InvalidVariant]]:
    kinds = list(_anytime)
    if has_field(version, "Task", "dispatch_deadline"):
        kinds.append(_deadlines)
    if has_field(version, "Task", "retry_config"):
        kinds.append(st.tuples(_http, invalid_settings("retry_config", version)).map(_with_settings))
    if has_field(version, "Task", "pull_message"):
        reads_them = version != PULLING
        error = (errors.MESSAGE_CANNOT_BE_SET if reads_them else errors.MESSAGE_IN_PUSH_QUEUE).error()
        kinds.append(_pulls.map(lambda fields: ({"pull_message": fields}, error)))
    return kinds


def _with_settings(pair: tuple[Any, InvalidVariant]) -> InvalidVariant:
    request, (fields, error) = pair
    return {"http_request": request, **fields}, error
