"""Tasks and queues with exactly one thing wrong, each with the error that it gets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from .._google.errors_of_clients import client_error
from .._model import names, refusals
from .._model.creation import APP_ENGINE_BODY_METHODS, MAX_URL, in_pacific_time
from .._model.knobs import MAX_TASK_SIZE
from .._model.refusals import ServiceError
from .._model.task import HTTP_BODY_METHODS, MAX_HEADER_BYTES
from .choosing import durations
from .requests import METHODS, SIMPLEST_URL, app_engine_fields, http_fields, oidc_tokens
from .spoiling import Spoilt, spoilt_settings
from .tasks import APP_ENGINE_DEADLINES, HTTP_DEADLINES, LONGEST_AHEAD
from .versions import Version, has_field, in_words_of, message, messages_of

_LOCATION = "projects/test-project/locations/us-central1"
_MILLISECOND = timedelta(milliseconds=1)
_bad_methods = {
    kinds: st.sampled_from([method for method in METHODS if method not in kinds])
    for kinds in (HTTP_BODY_METHODS, APP_ENGINE_BODY_METHODS)
}
_http = http_fields(oidc_token=None, oauth_token=None)
_plain_http = http_fields(body=None, oidc_token=None, oauth_token=None)
_app_engine = app_engine_fields()
_bodies = st.binary(min_size=1, max_size=16)
_too_long = st.integers(MAX_URL + 1, MAX_URL + 100)


@st.composite
def _http_url_missing(draw: DrawFn) -> Spoilt:
    return {"http_request": {**draw(_http), "url": ""}}, refusals.URL_MISSING.error()


@st.composite
def _http_scheme(draw: DrawFn) -> Spoilt:
    url = draw(st.sampled_from(["example.com", "/work", "ftp://example.com/", "HTTPS://example.com/"]))
    return {"http_request": {**draw(_http), "url": url}}, refusals.URL_SCHEME.error()


@st.composite
def _http_url_too_long(draw: DrawFn) -> Spoilt:
    length = draw(_too_long)
    return (
        {"http_request": {**draw(_http), "url": SIMPLEST_URL.ljust(length, "a")}},
        refusals.URL_TOO_LONG.error(length=length),
    )


@st.composite
def _http_headers_too_large(draw: DrawFn) -> Spoilt:
    value = "a" * (MAX_HEADER_BYTES - len("X-Large") + draw(st.integers(0, 100)))
    return {"http_request": {**draw(_http), "headers": {"X-Large": value}}}, refusals.HEADERS_TOO_LARGE.error()


@st.composite
def _http_token(draw: DrawFn) -> Spoilt:
    request = {**draw(_http), "url": "http://example.com/", "oidc_token": draw(oidc_tokens)}
    return {"http_request": request}, refusals.TOKEN_NEEDS_HTTPS.error()


@st.composite
def _http_body(draw: DrawFn) -> Spoilt:
    method = draw(_bad_methods[HTTP_BODY_METHODS])
    request = {**draw(_plain_http), "http_method": method, "body": draw(_bodies)}
    error = refusals.BODY_WITH_METHOD.error(method=method, allowed="POST, PUT and PATCH")
    return {"http_request": request}, error


@st.composite
def _too_large(draw: DrawFn) -> Spoilt:
    body = bytes(MAX_TASK_SIZE + draw(st.integers(0, 100)))
    return {"http_request": {"url": SIMPLEST_URL, "http_method": "POST", "body": body}}, refusals.TASK_TOO_LARGE.error()


@st.composite
def _app_engine_uri(draw: DrawFn) -> Spoilt:
    uri = draw(st.sampled_from(["work", "https://example.com/", "/a b"]))
    return {"app_engine_http_request": {**draw(_app_engine), "relative_uri": uri}}, refusals.RELATIVE_URI.error()


@st.composite
def _app_engine_uri_too_long(draw: DrawFn) -> Spoilt:
    length = draw(_too_long)
    return (
        {"app_engine_http_request": {**draw(_app_engine), "relative_uri": "/".ljust(length, "a")}},
        refusals.RELATIVE_URI_TOO_LONG.error(length=length),
    )


@st.composite
def _app_engine_body(draw: DrawFn) -> Spoilt:
    method = draw(_bad_methods[APP_ENGINE_BODY_METHODS])
    request = {**draw(_app_engine), "http_method": method, "body": draw(_bodies)}
    error = refusals.BODY_WITH_METHOD.error(method=method, allowed="POST and PUT")
    return {"app_engine_http_request": request}, error


def _deadline(payload: Any, kind: str, allowed: tuple[timedelta, timedelta], refusal: refusals.Refusal) -> Any:
    shortest, longest = allowed
    outside = (
        durations(_MILLISECOND, shortest - _MILLISECOND)
        | durations(longest + _MILLISECOND, longest * 2)
        | durations(_MILLISECOND, longest).map(lambda length: -length)
    )
    return st.builds(
        lambda fields, deadline: ({kind: fields, "dispatch_deadline": deadline}, refusal.error()), payload, outside
    )


_no_payload: SearchStrategy[Spoilt] = st.just(({}, refusals.TARGET_MISSING.error()))
_deadlines = _deadline(_http, "http_request", HTTP_DEADLINES, refusals.HTTP_DEADLINE) | _deadline(
    _app_engine, "app_engine_http_request", APP_ENGINE_DEADLINES, refusals.APP_ENGINE_DEADLINE
)
_anytime = [
    _no_payload,
    _http_url_missing(),
    _http_scheme(),
    _http_url_too_long(),
    _http_headers_too_large(),
    _http_token(),
    _http_body(),
    _app_engine_uri(),
    _app_engine_uri_too_long(),
    _app_engine_body(),
    _too_large(),
]


@st.composite
def _too_far(draw: DrawFn, now: datetime) -> Spoilt:
    microsecond = timedelta(microseconds=1)
    beyond = draw(st.integers(1, timedelta(days=365) // microsecond)) * microsecond
    at = now + LONGEST_AHEAD + beyond
    since_1970 = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
    nanoseconds = (since_1970 // microsecond) * 1000
    error = refusals.SCHEDULE_TOO_FAR.error(schedule_time=in_pacific_time(nanoseconds))
    return {"http_request": draw(_http), "schedule_time": at}, error


@st.composite
def _name(draw: DrawFn, parent: str, what: str) -> Spoilt:
    if what == "format":
        name, error = draw(st.sampled_from(["0", "tasks/0", f"{parent}/0"])), refusals.TASK_NAME_FORMAT.error()
    elif what == "queue":
        other = f"{names.location_of(parent)}/queues/{names.short(parent)}-other"
        name, error = f"{other}/tasks/0", refusals.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=other)
    else:
        bad = (
            draw(st.sampled_from(["", "a b", "a.b", "é", "a:b"])) if what == "id" else "0" * draw(st.integers(501, 600))
        )
        name, error = f"{parent}/tasks/{bad}", refusals.TASK_ID_FORMAT.error(id=bad)
    return {"name": name, "http_request": draw(_http)}, error


@st.composite
def invalid_tasks(
    draw: DrawFn,
    *,
    now: datetime | None = None,
    parent: str | None = None,
    version: Version = "v2",
    as_dict: bool = False,
) -> tuple[Any, Exception]:
    """Pairs of a task with exactly one thing wrong, and the exception of Google's client that CreateTask gets for it.

    With ``now`` come schedule times too far ahead of it, with ``parent``, the queue's full name, bad names. The
    exception's class and text are those that are raised. Shrinks to a task with nothing in it.
    Evidence: as the refusal's, in the table of errors.
    """
    kinds: list[Any] = list(_anytime)
    if has_field(version, "Task", "dispatch_deadline"):
        kinds.append(_deadlines)
    if has_field(version, "Task", "retry_config"):
        kinds.append(st.tuples(_http, spoilt_settings("retry_config", version)).map(_with_settings))
    if now is not None:
        if not isinstance(now, datetime) or now.tzinfo is None:
            raise InvalidArgument(f"invalid_tasks(now={now!r}) takes an aware datetime")
        kinds.append(_too_far(now.astimezone(timezone.utc)))
    if parent is not None:
        if not names.is_queue(parent):
            raise InvalidArgument(f"invalid_tasks(parent={parent!r}) takes a queue's full name")
        kinds += [_name(parent, what) for what in ("format", "queue", "id", "length")]
    return _pair(version, "Task", draw(st.one_of(kinds)), as_dict)


def _with_settings(pair: tuple[Any, Spoilt]) -> Spoilt:
    request, (fields, error) = pair
    return {"http_request": request, **fields}, error


@st.composite
def _queue_name(draw: DrawFn, parent: str) -> Spoilt:
    what = draw(st.sampled_from(["format", "id", "length", "parent"]))
    if what == "format":
        return {"name": draw(st.sampled_from(["", "0", "queues/0", f"{parent}/0"]))}, refusals.QUEUE_NAME_FORMAT.error()
    if what == "parent":
        name = f"{parent}-other/queues/0"
        return {"name": name}, refusals.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)
    bad = draw(st.sampled_from(["", "a_b", "a b", "é"])) if what == "id" else "0" * draw(st.integers(101, 200))
    return {"name": f"{parent}/queues/{bad}"}, refusals.QUEUE_ID_FORMAT.error(id=bad)


@st.composite
def invalid_queues(
    draw: DrawFn, *, parent: str = _LOCATION, version: Version = "v2", as_dict: bool = False
) -> tuple[Any, Exception]:
    """Pairs of a queue with exactly one thing wrong, and the exception of Google's client that CreateQueue gets.

    ``parent`` is the location's full name that the queue is created in. Shrinks to a queue with a negative rate.
    Evidence: as the refusal's, in the table of errors.
    """
    try:
        names.check_location(parent)
    except ServiceError as error:
        raise InvalidArgument(f"invalid_queues(parent={parent!r}): {error.message}") from None
    settings = st.one_of([spoilt_settings(kind, version) for kind in ("rate_limits", "retry_config")])
    fields, wrong = draw(settings | _queue_name(parent))
    return _pair(version, "Queue", ({"name": f"{parent}/queues/0", **fields}, wrong), as_dict)


def _pair(version: Version, kind: str, spoilt: Spoilt, as_dict: bool) -> tuple[Any, Exception]:
    fields, error = spoilt
    own = in_words_of(version, kind, fields)
    wrong = ServiceError(error.code, messages_of(version).in_own_words(error.message), error.details)
    return own if as_dict else message(version, kind, own), client_error(wrong)
