"""CreateTask's checks, and what the service adds to a task it accepts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from . import errors, task_headers
from .app_engine import with_host
from .pull_queues import check_message
from .request import (
    APP_ENGINE_DEADLINE_MAX,
    DEADLINE_MIN,
    HTTP_BODY_METHODS,
    HTTP_DEADLINE,
    HTTP_DEADLINE_MAX,
    MAX_HEADER_BYTES,
    AppEngineTarget,
    Headers,
    HttpTarget,
    Payload,
    PullMessage,
    Routing,
)
from .task import TaskSpec
from .tokens import check_account
from .units import HOUR, MICROSECOND, MILLISECOND, SECOND, truncated
from .url_encoding import encoded

MAX_SCHEDULE_AHEAD = 720 * HOUR
APP_ENGINE_BODY_METHODS = ("POST", "PUT")
MAX_URL = 2083
"""Characters of a URL, as it is encoded. Evidence: documented."""
MAX_RPC_DEADLINE = 30
"""Seconds that a caller may wait for an answer. Evidence: reported."""
NO_INSTANT = 253_402_300_800 * SECOND
"""The first instant after the year 9999. An earlier one than the year 1 is in the past like any other."""


def check(spec: TaskSpec, now: int) -> Payload:
    """Refuse what the service refuses, and give back the target. Evidence: at each refusal."""
    target = spec.target
    if isinstance(target, HttpTarget):
        _check_http(target)
        if spec.dispatch_deadline is not None:
            _check_deadline(spec.dispatch_deadline, HTTP_DEADLINE_MAX, errors.HTTP_DEADLINE)
    elif isinstance(target, AppEngineTarget):
        _check_app_engine(target)
        if spec.dispatch_deadline:
            _check_deadline(spec.dispatch_deadline, APP_ENGINE_DEADLINE_MAX, errors.APP_ENGINE_DEADLINE)
    elif isinstance(target, PullMessage):
        check_message(target)
    else:
        raise errors.TARGET_MISSING.error()
    if spec.schedule_time is not None:
        _check_schedule_time(spec.schedule_time, now)
    return target


def _check_schedule_time(instant: int, now: int) -> None:
    if instant >= NO_INSTANT:
        raise errors.ARGUMENT_INVALID.error()
    if instant - now > MAX_SCHEDULE_AHEAD:
        raise errors.SCHEDULE_TOO_FAR.error(schedule_time=in_pacific_time(instant))


def _check_http(target: HttpTarget) -> None:
    url = target.url
    if not url:
        raise errors.URL_MISSING.error()
    if not url.startswith(("http://", "https://")):
        raise errors.URL_SCHEME.error()
    if (length := _length(url)) > MAX_URL:
        raise errors.URL_TOO_LONG.error(length=length)
    if _bytes_of(task_headers.of_http_task(target.headers).headers) >= MAX_HEADER_BYTES:
        raise errors.HEADERS_TOO_LARGE.error()
    if (token := target.token) is not None:
        check_account(token.service_account_email)
    if target.body and target.method not in HTTP_BODY_METHODS:
        raise errors.HTTP_BODY.error()


def _check_app_engine(target: AppEngineTarget) -> None:
    if not target.relative_uri.startswith("/") or " " in target.relative_uri:
        raise errors.RELATIVE_URI.error()
    if (length := _length(target.relative_uri)) > MAX_URL:
        raise errors.RELATIVE_URI_TOO_LONG.error(length=length)
    if target.body and target.method not in APP_ENGINE_BODY_METHODS:
        raise errors.APP_ENGINE_BODY.error()


@lru_cache(maxsize=64)
def _length(url: str) -> int:
    return len(encoded(url))


@lru_cache(maxsize=64)
def _bytes_of(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers)


def deadline_refused(timeout: float, now: int) -> errors.ServiceError:
    """What is said of a call that would be waited for longer than that."""
    return errors.RPC_DEADLINE.error(deadline=in_pacific_time(now + int(timeout * SECOND)))


def _check_deadline(deadline: int, longest: int, refusal: errors.Refusal) -> None:
    if not DEADLINE_MIN <= deadline <= longest:
        raise refusal.error()


def in_pacific_time(instant: int) -> str:
    """As the service shows a time in its texts: US Pacific, RFC 3339, fraction kept. Evidence: recorded."""
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=instant // SECOND)
    text = moment.astimezone(ZoneInfo("America/Los_Angeles")).isoformat()
    fraction = f"{instant % SECOND:09d}".rstrip("0")
    return f"{text[:19]}.{fraction}{text[19:]}" if fraction else text


def schedule_time(spec: TaskSpec, now: int) -> int:
    """When the task is to go: now, if unset or past. Kept to the microsecond. Evidence: documented."""
    instant = now if spec.schedule_time is None or spec.schedule_time < now else spec.schedule_time
    return truncated(instant, MICROSECOND)


def dispatch_deadline(spec: TaskSpec) -> int | None:
    """The deadline as it is stored: 600 s for an HTTP task without one. Evidence: recorded."""
    if spec.dispatch_deadline:
        return truncated(spec.dispatch_deadline, MILLISECOND)
    return HTTP_DEADLINE if isinstance(spec.target, HttpTarget) else None


def stored(target: Payload, queue_name: str, override: Routing | None, host_suffix: str) -> Payload:
    """The target as the service keeps it: with its own headers and, for App Engine, the host."""
    if isinstance(target, HttpTarget):
        headers, changes = task_headers.of_http_task(target.headers)
        return HttpTarget(target.url, target.method, headers, target.body, target.oidc, target.oauth, changes)
    if isinstance(target, PullMessage):
        return target
    headers, changes = task_headers.of_app_engine_task(target.headers, target.body)
    host = with_host(override or target.routing or Routing(), queue_name, host_suffix)
    return AppEngineTarget(target.relative_uri, target.method, headers, target.body, host, changes)
