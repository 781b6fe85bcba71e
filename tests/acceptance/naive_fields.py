"""The naive service's fields: how requests are read and checked, and how queues and tasks are shown, as JSON has them.

It imports nothing of the package and nothing of Google's. Texts are the service's own where they are known.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from unittest.mock import ANY
from urllib.parse import quote
from zoneinfo import ZoneInfo

from ..service.reference_parts import HOUR, SECOND, Attempt, Queue, Rates, Refused, Retries, Task
from ..service.reference_requests import Request

PROJECT_PART, LOCATION_PART = r"projects/[A-Za-z0-9.:-]+", r"/locations/[A-Za-z0-9-]+"
DEFAULT_RETRIES = Retries(100, 0, SECOND // 10, HOUR, 16)
MILLISECOND = 10**6
BAD_RESOURCE = "Invalid resource field value in the request."
STATUS_CODES = {
    400: ("INVALID_ARGUMENT", 3),
    401: ("UNAUTHENTICATED", 16),
    403: ("PERMISSION_DENIED", 7),
    404: ("NOT_FOUND", 5),
    409: ("ABORTED", 10),
    429: ("RESOURCE_EXHAUSTED", 8),
    499: ("CANCELLED", 1),
    501: ("UNIMPLEMENTED", 12),
    503: ("UNAVAILABLE", 14),
    504: ("DEADLINE_EXCEEDED", 4),
}


def invalid(text: Any = ANY) -> Refused:
    return Refused("INVALID_ARGUMENT", text)


# --- times -------------------------------------------------------------------------------------------------------


def duration_in(text: str) -> int:
    """Nanoseconds of a duration such as ``-1.5s``."""
    return int(Fraction(text.removesuffix("s")) * SECOND)


def instant_in(text: str) -> int:
    """Nanoseconds since 1970 of an instant such as ``2030-01-01T00:00:00.5Z``."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(seconds + "+00:00") - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (moment.days * 86400 + moment.seconds) * SECOND + int((fraction or "0").ljust(9, "0"))


def fraction_of(nanoseconds: int) -> str:
    """As JSON has it: none, three, six or nine digits."""
    digits = f"{nanoseconds % SECOND:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return "." + digits if digits else ""


def shown_duration(duration: int) -> str:
    return f"{duration // SECOND}{fraction_of(duration)}s"


def shown_instant(instant: int) -> str:
    return f"{_date(instant):%Y-%m-%dT%H:%M:%S}{fraction_of(instant)}Z"


def in_pacific_time(instant: int) -> str:
    local = _date(instant).astimezone(ZoneInfo("America/Los_Angeles")).isoformat()
    fraction = f"{instant % SECOND:09d}".rstrip("0")
    return local[:19] + ("." + fraction if fraction else "") + local[19:]


def _date(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=instant // SECOND)


def to_microseconds(instant: int) -> int:
    return instant - instant % 1000


# --- names -------------------------------------------------------------------------------------------------------


LOCATION = ("projects", "locations")
QUEUE = (*LOCATION, "queues")
TASK = (*QUEUE, "tasks")
SHAPES = {
    "create_queue": (LOCATION, "queues.create"),
    "list_queues": (LOCATION, "queues.list"),
    "update_queue": (QUEUE, "queues.update"),
    "get_queue": (QUEUE, "queues.get"),
    "delete_queue": (QUEUE, "queues.delete"),
    "purge_queue": (QUEUE, "queues.purge"),
    "pause_queue": (QUEUE, "queues.pause"),
    "resume_queue": (QUEUE, "queues.resume"),
    "get_iam_policy": (QUEUE, "queues.list"),
    "set_iam_policy": (QUEUE, "queues.list"),
    "test_iam_permissions": (QUEUE, "queues.list"),
    "create_task": (QUEUE, "tasks.create"),
    "batch_create_tasks": (QUEUE, "tasks.create"),
    "list_tasks": (QUEUE, "tasks.list"),
    "batch_delete_tasks": (QUEUE, "tasks.delete"),
    "get_task": (TASK, "tasks.get"),
    "delete_task": (TASK, "tasks.delete"),
    "run_task": (TASK, "tasks.run"),
    "get_operation": ((*LOCATION, "operations"), "operations.get"),
    "get_location": (LOCATION, "locations.get"),
    "list_locations": (("projects",), "locations.list"),
    "get_cmek_config": ((*LOCATION, "cmekConfig"), ""),
    "update_cmek_config": ((*LOCATION, "cmekConfig"), ""),
}
"""What an RPC's resource is called, word by word, and the permission that any other is said to lack."""


def resource_of(rpc: str, request: Mapping[str, Any]) -> str:
    if rpc == "update_queue":
        return str(request.get("queue", {}).get("name", ""))
    if rpc == "update_cmek_config":
        return str(request.get("cmek_config", {}).get("name", ""))
    return str(request.get("parent") or request.get("resource") or request.get("name") or "")


def check_shape(rpc: str, name: str) -> None:
    if not name:
        raise invalid(BAD_RESOURCE)
    parts = name.split("/")
    if parts[0] == "projects" and parts[1:2] == [""]:
        raise invalid(BAD_RESOURCE)
    if not re.match(PROJECT_PART + "(/|$)", name):
        project = parts[1] if name.startswith("projects/") else name
        raise Refused("PERMISSION_DENIED", f"Permission denied on resource project {project}.")
    words, lacks = SHAPES[rpc]
    ids = parts[1::2]
    if tuple(parts[::2]) == words and len(ids) == len(words) - (words[-1] == "cmekConfig"):
        is_location = re.fullmatch("[A-Za-z0-9-]+", "l" if words == ("projects",) else ids[1])
        if is_location and (words[-1] != "operations" or ids[-1]):
            return
    if not lacks:
        raise invalid('CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".')
    raise Refused(
        "PERMISSION_DENIED",
        f'The principal (user or service account) lacks IAM permission "cloudtasks.{lacks}" for the resource "{name}"'
        " (or the resource may not exist).",
    )


def check_ids(name: str) -> None:
    parts = name.split("/")
    ids = dict(zip(parts[::2], parts[1::2], strict=False))
    if name.endswith("locations/-"):
        raise invalid("Location '-' is not a valid location. Use ListLocations to list valid locations.")
    if not re.fullmatch("[A-Za-z0-9-]{1,100}", ids.get("queues", "q")):
        raise invalid(
            f'Queue ID "{ids["queues"]}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
            " Queue ID must be between 1 and 100 characters."
        )
    if not re.fullmatch("[A-Za-z0-9_-]{1,500}", ids.get("tasks", "t")):
        raise invalid(
            f'Task ID "{ids["tasks"]}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or'
            " underscores (_). Task ID must between 1 and 500 characters."
        )


def check_new_queue(parent: str, name: str) -> None:
    if not re.fullmatch(PROJECT_PART + LOCATION_PART + "/queues/[^/]*", name):
        raise invalid(
            'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
        )
    check_ids(name)
    if not name.startswith(parent + "/queues/"):
        raise invalid(f"{name} must begin with {parent}.")


def check_new_task(parent: str, name: str) -> None:
    if not re.fullmatch(PROJECT_PART + LOCATION_PART + "/queues/[^/]+/tasks/[^/]*", name):
        raise invalid(
            'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/'
            '<TASK_ID>".'
        )
    queue = name.partition("/tasks/")[0]
    if queue != parent:
        raise invalid(
            f"The queue name from request ('{parent}') must be the same as the queue name in the named task"
            f" ('{queue}')."
        )
    check_ids(name)


# --- queues ------------------------------------------------------------------------------------------------------

RATES = ("max_dispatches_per_second", "max_concurrent_dispatches")
RETRIES = ("max_attempts", "max_retry_duration", "min_backoff", "max_backoff", "max_doublings")
OTHERS = ("stackdriver_logging_config", "app_engine_routing_override", "http_target")


def rates_in(given: Mapping[str, Any], burst: int | None) -> Rates:
    rate = Fraction(given.get("max_dispatches_per_second", 0)) or Fraction(500)
    concurrency = given.get("max_concurrent_dispatches", 0) or 1000
    for value, limit, name in ((rate, 500, "maxDispatchesPerSecond"), (concurrency, 5000, "maxConcurrentDispatches")):
        if value < 0:
            raise invalid(f"RateLimits.{name} cannot be negative.")
        if value > limit:
            raise invalid(f"RateLimits.{name} must be less than or equal to {limit}.")
    return Rates(rate, burst or min(100, max(10, math.floor(rate / 5))), concurrency)


def retries_in(given: Mapping[str, Any]) -> Retries:
    """Retry settings from a message's fields, durations as texts; 0 is as unset."""
    whole = {name: value if isinstance(value, int) else duration_in(value) for name, value in given.items()}
    retries = Retries(
        whole.get("max_attempts", 0) or 100,
        whole.get("max_retry_duration", 0),
        whole.get("min_backoff", 0) or DEFAULT_RETRIES.min_backoff,
        whole.get("max_backoff", 0) or HOUR,
        whole.get("max_doublings", 0) or 16,
    )
    if retries.max_attempts < -1:
        raise invalid("RetryConfig.maxAttempts must be greater or equal to -1.")
    for value, name in (
        (retries.max_doublings, "maxDoublings"),
        (retries.min_backoff, "minBackoff"),
        (retries.max_backoff, "maxBackoff"),
    ):
        if value < 0:
            raise invalid(f"RetryConfig.{name} cannot be negative.")
    if retries.max_retry_duration <= -SECOND:
        raise invalid("RetryConfig.max_retry_duration.seconds cannot be negative.")
    if retries.max_retry_duration % SECOND:
        raise invalid("RetryConfig.max_retry_duration.nanos cannot be set.")
    if retries.min_backoff > retries.max_backoff:
        raise invalid("RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.")
    return retries


def check_target(target: Mapping[str, Any]) -> None:
    """What a request says of a queue-level target."""
    uri = target.get("uri_override", {})
    if "host" in uri and (uri["host"] == "" or re.search("[:/]", uri["host"])):
        raise invalid("Error in parsing HttpTarget. Invalid Host.")
    if uri.get("port", 0) < 0:
        raise invalid("Error in parsing HttpTarget. Port number should be a positive integer.")
    names = [override["header"].get("key", "") for override in target.get("header_overrides", []) if override]
    taken = r"|.*:.*|host|user-agent|content-length|connection|transfer-encoding|x-forwarded-for"
    taken += "|x-(google|appengine|cloudtasks)-.*"
    if wrong := [name for name in names if re.fullmatch(taken, name, re.IGNORECASE)]:
        raise invalid(
            "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes."
            f" Invalid headers found: {', '.join(wrong)}"
        )
    for token in ("oidc_token", "oauth_token"):
        if token in target:
            check_email(target[token].get("service_account_email", ""))


def check_email(email: str) -> None:
    if not email:
        raise invalid("service_account_email must be set.")
    if not re.fullmatch("[^@]+@[^@]+", email):
        raise invalid("Request contains an invalid argument.")


def check_others(given: Mapping[str, Any]) -> None:
    """What is looked at in the settings that a queue would have."""
    if not 0 <= given.get("stackdriver_logging_config", {}).get("sampling_ratio", 0) <= 1:
        raise invalid("sampling_ratio must be between 0.0 and 1.0.")


def host_of(queue_name: str, service: str, version: str, instance: str) -> str:
    parts = [instance, version, service, queue_name.split("/")[1], "uc.r.appspot.com"]
    return ".".join(part for part in parts if part)


def others_in(given: Mapping[str, Any], queue_name: str) -> dict[str, Any]:
    others = {name: dict(given[name]) for name in OTHERS if name in given}
    if not others.get("stackdriver_logging_config", {}).get("sampling_ratio"):
        others.pop("stackdriver_logging_config", None)
    if others.get("http_target", {}).get("uri_override") == {}:
        raise invalid("Error in parsing HttpTarget. Invalid uri_override.")
    routing = others.get("app_engine_routing_override")
    if routing is not None:
        kept = {part: routing[part] for part in ("service", "version", "instance") if routing.get(part)}
        if kept:
            parts = [kept.get(part, "") for part in ("service", "version", "instance")]
            kept["host"] = host_of(queue_name, *parts)
        others["app_engine_routing_override"] = kept
    return others


def shown_retries(retries: Retries) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "max_attempts": retries.max_attempts,
        "min_backoff": shown_duration(retries.min_backoff),
        "max_backoff": shown_duration(retries.max_backoff),
    }
    if retries.max_doublings:
        shown["max_doublings"] = retries.max_doublings
    if retries.max_retry_duration:
        shown["max_retry_duration"] = shown_duration(retries.max_retry_duration)
    return shown


def shown_queue(queue: Queue) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": queue.name,
        "rate_limits": {
            "max_dispatches_per_second": float(queue.rates.rate),
            "max_burst_size": queue.rates.burst,
            "max_concurrent_dispatches": queue.rates.concurrency,
        },
        "retry_config": shown_retries(queue.retries),
        "state": queue.state,
        **{name: without_defaults(value) for name, value in queue.other.items()},
    }
    if queue.purged is not None:
        shown["purge_time"] = shown_instant(to_microseconds(queue.purged))
    if "uri_override" in shown.get("http_target", {}) and "port" in queue.other["http_target"]["uri_override"]:
        shown["http_target"]["uri_override"]["port"] = str(queue.other["http_target"]["uri_override"]["port"])
    return shown


def without_defaults(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON leaves out a text that is empty and a number that is 0."""
    shown = {name: without_defaults(one) if isinstance(one, dict) else one for name, one in fields.items()}
    return {name: one for name, one in shown.items() if isinstance(one, dict) or one}


# --- tasks -------------------------------------------------------------------------------------------------------


def request_in(task: Mapping[str, Any], queue_name: str) -> Request:
    """The target of a task, checked, as it is stored."""
    if "http_request" in task:
        return _http_request(task["http_request"])
    if "app_engine_http_request" in task:
        return _app_engine_request(task["app_engine_http_request"], queue_name)
    raise invalid("Task.payload_type is not set.")


def _http_request(given: Mapping[str, Any]) -> Request:
    url, method, headers = given.get("url", ""), given.get("http_method", "POST"), given.get("headers", {})
    if not url:
        raise invalid("HttpRequest.url is required.")
    if not url.startswith("http://") and not url.startswith("https://"):
        raise invalid("HttpTarget.url must start with 'http://' or 'https://'.")
    _check_length(url, "HttpRequest.url")
    kept = [*_kept_headers(headers, "User-Agent"), ("User-Agent", "Google-Cloud-Tasks")]
    if sum(len(name) + len(value) for name, value in kept) >= 80 * 1024:
        raise invalid("HttpRequest.headers must be smaller than 80 KB in total.")
    token = None
    for kind, needed in (("oidc_token", "audience"), ("oauth_token", "scope")):
        if kind in given:
            token = (kind, given[kind].get("service_account_email", ""), given[kind].get(needed, ""))
    if token:
        check_email(token[1])
    if given.get("body") and method not in ("POST", "PUT", "PATCH"):
        raise invalid("Body can only be set if the http_method is POST, PUT, or PATCH.")
    return Request(url, method, tuple(sorted(kept)), given.get("body", b""), token)


def _app_engine_request(given: Mapping[str, Any], queue_name: str) -> Request:
    uri, method, body = given.get("relative_uri", "") or "/", given.get("http_method", "POST"), given.get("body", b"")
    if not uri.startswith("/") or " " in uri:
        raise invalid("AppEngineHttpRequest.relativeUri must begin with '/' and contain no spaces.")
    _check_length(uri, "AppEngineHttpRequest.relativeUri")
    if body and method not in ("POST", "PUT"):
        raise invalid("Body can only be set if the http_method is POST or PUT.")
    headers = dict(_kept_headers(given.get("headers", {})))
    agents = [name for name in headers if name.lower() == "user-agent"] or ["User-Agent"]
    own = "AppEngine-Google; (+http://code.google.com/appengine)"
    headers[agents[0]] = f"{headers[agents[0]]} {own}" if agents[0] in headers else own
    if body:
        headers["Content-Length"] = str(len(body))
        if "content-type" not in [name.lower() for name in headers]:
            headers["Content-Type"] = "application/octet-stream"
    parts = [given.get("app_engine_routing", {}).get(part, "") for part in ("service", "version", "instance")]
    routing = (parts[0], parts[1], parts[2], host_of(queue_name, *parts))
    return Request(uri, method, tuple(sorted(headers.items())), body, None, True, routing)


def _check_length(url: str, field: str) -> None:
    length = len(quote(url, safe="%/:?#[]@!$&'()*+,;=~"))
    if length > 2083:
        raise invalid(f"{field} must be no longer than 2083 characters after encoding, and has {length}.")


DROPPED = ("host", "content-length", "connection", "keep-alive", "te", "transfer-encoding", "upgrade", "from", "via")


def _kept_headers(given: Mapping[str, str], *others: str) -> list[tuple[str, str]]:
    """Headers as they are stored, without those that the service drops and without ``others``."""
    kept = []
    for name, full in given.items():
        lower, value = name.lower(), full.split("\0")[0].replace("\r", "_").replace("\n", "_")
        is_reserved = lower in (*DROPPED, "accept-encoding", "x-forwarded-for", *(other.lower() for other in others))
        is_bad = not re.fullmatch("[!-~]+", name) or ":" in name or not re.fullmatch("[ -~\t]+", value)
        if not (is_reserved or is_bad or re.match("proxy-|x-google|x-appengine-", lower) or len(name + value) > 8188):
            kept.append((name, value))
    return kept


def check_deadline(request: Request, deadline: int | None) -> None:
    if deadline is None or (request.is_app_engine and deadline == 0):
        return
    longest, text = (24 * HOUR + 15 * SECOND, "24h15s") if request.is_app_engine else (HOUR // 2, "30m")
    if not 15 * SECOND <= deadline <= longest:
        raise invalid(f"Task.dispatchDeadline must be between [15s, {text}].")


def stored_deadline(request: Request, deadline: int | None) -> int | None:
    if deadline:
        return deadline // MILLISECOND * MILLISECOND
    return None if request.is_app_engine else 600 * SECOND


def shown_task(task: Task, *, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": task.name,
        "schedule_time": shown_instant(task.schedule_time),
        "create_time": shown_instant(task.created // SECOND * SECOND),
        "view": "FULL" if full else "BASIC",
    }
    shown["app_engine_http_request" if task.request.is_app_engine else "http_request"] = _shown_request(
        task.request, full
    )
    if task.stored_deadline is not None:
        shown["dispatch_deadline"] = shown_duration(task.stored_deadline)
    if task.attempts:
        shown["dispatch_count"] = len(task.attempts)
        if task.attempts[0].answer_at is not None:
            shown["first_attempt"] = {"dispatch_time": shown_instant(to_microseconds(task.attempts[0].dispatch_time))}
        shown["last_attempt"] = _shown_attempt(task.attempts[-1])
    if task.responses:
        shown["response_count"] = len(task.responses)
    if task.retries is not None:
        shown["retry_config"] = shown_retries(task.retries)
    return shown


def _shown_request(request: Request, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"http_method": request.method, "headers": dict(request.headers)}
    shown["relative_uri" if request.is_app_engine else "url"] = request.url
    if full and request.body:
        shown["body"] = base64.b64encode(request.body).decode()
    if request.token is not None:
        kind, account, detail = request.token
        needed = "audience" if kind == "oidc_token" else "scope"
        shown[kind] = without_defaults({"service_account_email": account, needed: detail})
    if request.is_app_engine:
        names = ("service", "version", "instance", "host")
        shown["app_engine_routing"] = without_defaults(dict(zip(names, request.routing, strict=True)))
    return shown


def _shown_attempt(attempt: Attempt) -> dict[str, Any]:
    shown: dict[str, Any] = {"schedule_time": shown_instant(to_microseconds(attempt.schedule_time))}
    if attempt.answer_at is not None:
        shown["dispatch_time"] = shown_instant(to_microseconds(attempt.dispatch_time))
    if attempt.response_time is not None:
        shown["response_time"] = shown_instant(to_microseconds(attempt.response_time))
        name, code, status = status_of(attempt)
        shown["response_status"] = without_defaults(
            {"code": code, "message": f"{name}({code}): HTTP status code {status}"}
        )
    return shown


def status_of(attempt: Attempt) -> tuple[str, int, int]:
    """The google.rpc code of an answer, its number, and the HTTP status that is shown with it."""
    if attempt.answer == "DEADLINE_EXCEEDED":
        return "DEADLINE_EXCEEDED", 4, 504
    status = attempt.answer_status or 0
    if 200 <= status <= 299:
        return "OK", 0, status
    others = {4: ("FAILED_PRECONDITION", 9), 5: ("INTERNAL", 13)}
    name, code = STATUS_CODES.get(status) or others.get(status // 100, ("UNKNOWN", 2))
    return name, code, status


Condition = Callable[[Queue], bool]
FILTERS: dict[str, Condition | None] = {
    "": lambda queue: True,
    "state: PAUSED": lambda queue: queue.state == "PAUSED",
    "state = RUNNING": lambda queue: queue.state == "RUNNING",
    "name: QUEUES/a": lambda queue: "queues/a" in queue.name,
    "-State: paused": lambda queue: queue.state != "PAUSED",
    "purge_time: *": lambda queue: queue.purged is not None,
    "http_target.uri_override.port = 99": lambda queue: (
        queue.other.get("http_target", {}).get("uri_override", {}).get("port") == 99
    ),
    "retry_config.max_attempts < 100": lambda queue: queue.retries.max_attempts < 100,
    "rateLimits.maxDispatchesPerSecond <= 2 AND NOT state: PAUSED": lambda queue: (
        queue.rates.rate <= 2 and queue.state != "PAUSED"
    ),
    "state = PAUSED OR retry_config.min_backoff > 0.5s": lambda queue: (
        queue.state == "PAUSED" or queue.retries.min_backoff > SECOND // 2
    ),
    "state: ASLEEP": None,
    "colour = red": None,
    "state = PAUSED OR": None,
}
"""Filters of ListQueues and what they ask; None for one that is refused."""
