"""The checks before an RPC: names, permissions, and the fields of a new task.

The checks come in this order:

1. the project at the start of the resource's name;
2. the shape of the name: the error for a wrong one is a missing permission;
3. the caller's permission, with the option ``iam_emulation``;
4. the IDs in the name;
5. the name of the resource to create;
6. the paths of UpdateQueue's mask;
7. whether the resource exists;
8. all other fields.

`check_call` makes the first five by the table `RPCS`; nothing else examines a resource's name. The methods of `Service`
make the others; those of a task are in `check_spec`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from .._units import HOUR, LATEST, MICROSECOND, MILLISECOND, SECOND, truncated
from . import errors
from .overrides import check_account, with_host
from .request import (
    APP_ENGINE_DEADLINE_MAX,
    DEADLINE_MIN,
    HTTP_BODY_METHODS,
    HTTP_DEADLINE,
    HTTP_DEADLINE_MAX,
    MAX_HEADER_BYTES,
    MAX_TAG,
    AppEngineTarget,
    HeaderPairs,
    HttpTarget,
    Payload,
    PullMessage,
    Routing,
    app_engine_task_headers,
    encoded_url,
    http_task_headers,
)
from .task import TaskSpec

_PROJECT = r"projects/[A-Za-z0-9:.\-]+"
_LOCATION = rf"{_PROJECT}/locations/[A-Za-z0-9\-]+"
_PROJECT_NAME = re.compile(_PROJECT)
_LOCATION_NAME = re.compile(_LOCATION)
_QUEUE_NAME = re.compile(rf"({_LOCATION})/queues/([^/]*)")
_TASK_NAME = re.compile(rf"({_LOCATION}/queues/([^/]+))/tasks/([^/]*)")
_QUEUE_ID = re.compile(r"[A-Za-z0-9\-]{1,100}")
_TASK_ID = re.compile(r"[A-Za-z0-9_\-]{1,500}")


def is_queue_id(text: str) -> bool:
    """Return whether ``text`` can be a queue's ID: 1 to 100 letters, digits and hyphens."""
    return _QUEUE_ID.fullmatch(text) is not None


def is_location(name: str) -> bool:
    """Return whether ``name`` is a location's full name. "-", which means all locations, is not one."""
    return _LOCATION_NAME.fullmatch(name) is not None and not name.endswith("/-")


def is_queue(name: str) -> bool:
    """Return whether ``name`` has the shape of a queue's full name, whatever its ID."""
    return _QUEUE_NAME.fullmatch(name) is not None


def is_task_id(text: str) -> bool:
    """Return whether ``text`` can be a task's ID: 1 to 500 letters, digits, hyphens and underscores."""
    return _TASK_ID.fullmatch(text) is not None


def is_task(name: str) -> bool:
    """Return whether ``name`` has the shape of a task's full name, whatever its ID."""
    return _TASK_NAME.fullmatch(name) is not None


def id_of(name: str) -> str:
    """Return the ID: the last segment of a resource name."""
    return name.rpartition("/")[2]


def queue_of(task_name: str) -> str:
    """Return the queue's part of a task's full name."""
    return task_name.rpartition("/tasks/")[0]


def location_of(queue_name: str) -> str:
    """Return the location's part of a queue's full name."""
    return queue_name.rpartition("/queues/")[0]


class Shape(NamedTuple):
    """The shape of a resource's full name."""

    pattern: re.Pattern[str]
    """Its groups ``location``, ``queue`` and ``task`` are the IDs that have their own rules."""

    def fits(self, name: str) -> bool:
        """Return whether ``name`` has this shape, whatever its IDs."""
        return self.pattern.fullmatch(name) is not None

    def check_ids(self, name: str) -> None:
        """Raise ServiceError for a name of this shape with an invalid location, queue or task ID."""
        match = self.pattern.fullmatch(name)
        assert match is not None, "the shape is checked first"
        ids = match.groupdict()
        if ids.get("location") == "-":
            raise errors.LOCATION_INVALID.error(location="-")
        _check_queue_id(ids.get("queue"))
        _check_task_id(ids.get("task"))


PROJECT = Shape(_PROJECT_NAME)
LOCATION = Shape(re.compile(rf"{_PROJECT}/locations/(?P<location>[A-Za-z0-9\-]+)"))
QUEUE = Shape(re.compile(rf"{_LOCATION}/queues/(?P<queue>[^/]*)"))
TASK = Shape(re.compile(rf"{_LOCATION}/queues/(?P<queue>[^/]*)/tasks/(?P<task>[^/]*)"))
OPERATION = Shape(re.compile(rf"{_LOCATION}/operations/[^/]+"))
CMEK_CONFIG = Shape(re.compile(rf"{_LOCATION}/cmekConfig"))


def check_project(name: str, method: str) -> None:
    """Raise ServiceError for a name that is empty or not within a project. ``method`` is the RPC's full name."""
    under = name.startswith("projects/")
    project = name.split("/")[1] if under else name
    if not project:
        raise errors.RESOURCE_PROJECT_INVALID.error(method=method)
    if not under or not _PROJECT_NAME.fullmatch(f"projects/{project}"):
        raise errors.CONSUMER_INVALID.error(project=project)


def check_new_queue(name: str, parent: str) -> None:
    """Raise ServiceError for a name that is invalid for a new queue in the location ``parent``."""
    match = _QUEUE_NAME.fullmatch(name)
    if not match:
        raise errors.QUEUE_NAME_FORMAT.error()
    _check_queue_id(match[2])
    if match[1] != parent:
        raise errors.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)


def check_new_task(name: str, parent: str) -> None:
    """Raise ServiceError for a name that is invalid for a new task in the queue ``parent``. The service replaces ""."""
    if not name:
        return
    match = _TASK_NAME.fullmatch(name)
    if not match:
        raise errors.TASK_NAME_FORMAT.error()
    if match[1] != parent:
        raise errors.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=match[1])
    _check_task_id(match[3])


def check_task_name(name: str) -> None:
    """Raise ServiceError for a name that is not a valid task name."""
    match = _TASK_NAME.fullmatch(name)
    if not match:
        raise errors.TASK_NAME_FORMAT.error()
    _check_task_id(match[3])


_KMS_NAME = re.compile(
    r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+"
    r"(?P<key>/cryptoKeys/[^/]+(?P<version>/cryptoKeyVersions/[^/]+)?)?"
)


def check_kms_key(name: str, location: str) -> None:
    """Raise ServiceError for a name that is not a Cloud KMS key's in ``location``. Any project is allowed."""
    match = _KMS_NAME.fullmatch(name)
    if match is None:
        raise errors.CMEK_KEY_FORMAT.error(name=name)
    if match["key"] is None or match["version"] is not None:
        raise errors.ARGUMENT_INVALID.error()
    if match["location"] != id_of(location):
        raise errors.ENTITY_MISSING.error()


def _check_queue_id(text: str | None) -> None:
    if text is not None and not _QUEUE_ID.fullmatch(text):
        raise errors.QUEUE_ID_FORMAT.error(id=text)


def _check_task_id(text: str | None) -> None:
    if text is not None and not _TASK_ID.fullmatch(text):
        raise errors.TASK_ID_FORMAT.error(id=text)


_OPERATIONS = "google.longrunning.Operations"
_LOCATIONS = "google.cloud.location.Locations"
_QUEUE_MISSING = errors.QUEUE_MISSING
_ENTITY_MISSING = errors.ENTITY_MISSING


@dataclass(frozen=True, eq=False)
class Rpc:
    """The rules of one RPC."""

    name_of: Callable[[Any], str]
    """Returns the resource's name from a request."""
    shape: Shape
    """The shape of the resource's name."""
    permission: str = ""
    """The permission that the caller needs; "" if unknown."""
    unknown: errors.Rejection = _ENTITY_MISSING
    """The error for a resource that doesn't exist."""
    unknown_queue: errors.Rejection = _QUEUE_MISSING
    """The error for a task whose queue doesn't exist."""
    lacks: str = ""
    """The permission in the error for a name of another shape, if that is not the one that the caller needs."""
    misshapen: errors.Rejection = errors.PERMISSION_MISSING
    """The error for a name of another shape."""
    new_name_of: Callable[[Any], str] | None = None
    """Returns the name of the resource to create."""
    check_new: Callable[[str, str], None] = check_new_task
    """Raises ServiceError for a new name that is invalid below the resource."""
    limits_wait: bool = False
    """Whether a caller may wait for at most 30 seconds.

    Ledger: `create-task/client-deadline-grpc-timeout-over-30-s`.
    """
    api_service: str = ""
    """The API's service that has the RPC, if it isn't CloudTasks of the called version."""

    def check_shape(self, name: str) -> None:
        """Raise ServiceError for a name whose shape isn't the resource's."""
        if not self.shape.fits(name):
            raise self.misshapen.error(permission=self.lacks or self.permission, resource=name)


def _rpcs() -> dict[str, Rpc]:
    name, parent, resource, queue = map(attrgetter, ("name", "parent", "resource", "queue"))
    in_queue_message, in_config = attrgetter("queue.name"), attrgetter("cmek_config.name")
    cmek = errors.CMEK_NAME_FORMAT
    listing = "cloudtasks.queues.list"
    return {
        "create_queue": Rpc(
            parent, LOCATION, "cloudtasks.queues.create", new_name_of=in_queue_message, check_new=check_new_queue
        ),
        "list_queues": Rpc(parent, LOCATION, listing),
        "update_queue": Rpc(in_queue_message, QUEUE, "cloudtasks.queues.update"),
        "get_queue": Rpc(name, QUEUE, "cloudtasks.queues.get", _QUEUE_MISSING, limits_wait=True),
        "delete_queue": Rpc(name, QUEUE, "cloudtasks.queues.delete", _ENTITY_MISSING),
        "purge_queue": Rpc(name, QUEUE, "cloudtasks.queues.purge", _QUEUE_MISSING),
        "pause_queue": Rpc(name, QUEUE, "cloudtasks.queues.pause", _QUEUE_MISSING),
        "resume_queue": Rpc(name, QUEUE, "cloudtasks.queues.resume", _QUEUE_MISSING),
        "get_iam_policy": Rpc(resource, QUEUE, "cloudtasks.queues.getIamPolicy", _QUEUE_MISSING, lacks=listing),
        "set_iam_policy": Rpc(resource, QUEUE, "cloudtasks.queues.setIamPolicy", _QUEUE_MISSING, lacks=listing),
        "test_iam_permissions": Rpc(resource, QUEUE, "", _QUEUE_MISSING, lacks=listing),
        "create_task": Rpc(
            parent,
            QUEUE,
            "cloudtasks.tasks.create",
            _QUEUE_MISSING,
            new_name_of=attrgetter("task.name"),
            limits_wait=True,
        ),
        "buffer_task": Rpc(
            queue, QUEUE, "cloudtasks.tasks.create", _QUEUE_MISSING, new_name_of=_buffered_name, limits_wait=True
        ),
        "list_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.list", _QUEUE_MISSING),
        "get_task": Rpc(name, TASK, "cloudtasks.tasks.get", _ENTITY_MISSING, _ENTITY_MISSING),
        "delete_task": Rpc(name, TASK, "cloudtasks.tasks.delete", _ENTITY_MISSING, _ENTITY_MISSING),
        "run_task": Rpc(name, TASK, "cloudtasks.tasks.run", _ENTITY_MISSING, _QUEUE_MISSING),
        "batch_create_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.create", _QUEUE_MISSING, limits_wait=True),
        "batch_delete_tasks": Rpc(parent, QUEUE, "cloudtasks.tasks.delete", _ENTITY_MISSING, limits_wait=True),
        "get_operation": Rpc(name, OPERATION, "cloudtasks.operations.get", api_service=_OPERATIONS),
        "get_location": Rpc(name, LOCATION, "cloudtasks.locations.get", api_service=_LOCATIONS),
        "list_locations": Rpc(name, PROJECT, "cloudtasks.locations.list", api_service=_LOCATIONS),
        "get_cmek_config": Rpc(name, CMEK_CONFIG, "cloudtasks.cmekConfig.get", misshapen=cmek),
        "update_cmek_config": Rpc(in_config, CMEK_CONFIG, "cloudtasks.cmekConfig.update", misshapen=cmek),
        "lease_tasks": Rpc(parent, QUEUE, "", _QUEUE_MISSING, lacks="cloudtasks.tasks.lease"),
        "acknowledge_task": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.acknowledge"),
        "renew_lease": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.renewLease"),
        "cancel_lease": Rpc(name, TASK, "", _ENTITY_MISSING, _ENTITY_MISSING, "cloudtasks.tasks.cancelLease"),
        "upload_queue_yaml": Rpc(_project_of_app, PROJECT, "", lacks="cloudtasks.queues.create"),
    }


def _buffered_name(request: Any) -> str:
    return f"{request.queue}/tasks/{request.task_id}" if request.task_id else ""


def _project_of_app(request: Any) -> str:
    return f"projects/{request.app_id}"


RPCS: Mapping[str, Rpc] = _rpcs()
"""The RPCs by their names in Google's Python client: where the resource's name is, its shape, the permission, and the
errors for an unknown resource and for an unknown queue of a task.
"""


def check_call(rpc_name: str, api: str, request: Any, authorize: Callable[[Rpc, str], None] | None = None) -> None:
    """Make the checks 1 to 5 of a call, and raise ServiceError where one fails.

    Args:
        rpc_name: The RPC by its name in `RPCS`.
        api: The package of the API that was called, such as ``google.cloud.tasks.v2``.
        request: The request's message.
        authorize: Raises ServiceError if the caller lacks a permission; called with the RPC and the resource's name.
    """
    rpc = RPCS[rpc_name]
    name = rpc.name_of(request)
    if authorize is not None or not _is_good(rpc, name):
        check_project(name, full_rpc_name(rpc_name, api))
        rpc.check_shape(name)
        if authorize is not None:
            authorize(rpc, name)
        rpc.shape.check_ids(name)
    if rpc.new_name_of is not None:
        rpc.check_new(rpc.new_name_of(request), name)


@lru_cache(maxsize=1024)
def _is_good(rpc: Rpc, name: str) -> bool:
    """Return whether ``name`` passes all checks. The result is cached, because most calls use few names."""
    try:
        rpc.check_shape(name)
        rpc.shape.check_ids(name)
    except errors.ServiceError:
        return False
    return True


def full_rpc_name(rpc_name: str, api: str) -> str:
    """Return the RPC's name in the API's ErrorInfo: ``google.cloud.tasks.v2.CloudTasks.GetQueue``."""
    method = "".join(word.capitalize() for word in rpc_name.split("_"))
    return f"{RPCS[rpc_name].api_service or f'{api}.CloudTasks'}.{method}"


MAX_SCHEDULE_AHEAD = 720 * HOUR
APP_ENGINE_BODY_METHODS = ("POST", "PUT")
MAX_URL = 2083
"""Characters of an encoded URL. Ledger: `create-task/url-over-2083-characters-after-encoding`."""
MAX_RPC_DEADLINE = 30
"""Seconds that a caller may wait for the answer. Ledger: `create-task/client-deadline-grpc-timeout-over-30-s`."""
NO_INSTANT = 253_402_300_800 * SECOND
"""The first instant after the year 9999. Instants before the year 1 are in the past like any other."""


def check_spec(spec: TaskSpec, now: int) -> Payload:
    """Raise ServiceError for a task that the service rejects; return its target."""
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
        _check_message(target)
    else:
        raise errors.TARGET_MISSING.error()
    if spec.schedule_time is not None:
        _check_schedule_time(spec.schedule_time, now)
    return target


def _check_message(message: PullMessage) -> None:
    """Raise ServiceError for a tag that is too long. Ledger: `create-task/tag-of-500-characters-or-more`."""
    if len(message.tag) >= MAX_TAG:
        raise errors.TAG_TOO_LONG.error()


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
    if _bytes_of(http_task_headers(target.headers).headers) >= MAX_HEADER_BYTES:
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
    return len(encoded_url(url))


@lru_cache(maxsize=64)
def _bytes_of(headers: HeaderPairs) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers)


def rpc_deadline_error(timeout: float, now: int) -> errors.ServiceError:
    """Return the error for a call whose caller waits too long."""
    is_in_calendar = timeout < LATEST / SECOND  # infinity and NaN fail the comparison
    deadline = min(now + int(timeout * SECOND), LATEST) if is_in_calendar else LATEST
    return errors.RPC_DEADLINE.error(deadline=in_pacific_time(deadline))


def _check_deadline(deadline: int, longest: int, rejection: errors.Rejection) -> None:
    if not DEADLINE_MIN <= deadline <= longest:
        raise rejection.error()


def in_pacific_time(instant: int) -> str:
    """Return a time as the service's texts show it: US Pacific, RFC 3339, with the fraction.

    Ledger: `create-task/schedule-time-more-than-30-days-ahead`.
    """
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=instant // SECOND)
    text = moment.astimezone(ZoneInfo("America/Los_Angeles")).isoformat()
    fraction = f"{instant % SECOND:09d}".rstrip("0")
    return f"{text[:19]}.{fraction}{text[19:]}" if fraction else text


def stored_schedule_time(spec: TaskSpec, now: int) -> int:
    """Return the stored schedule time: now, if unset or past; truncated to microseconds.

    Ledger: `create-task/times-truncated`.
    """
    instant = now if spec.schedule_time is None or spec.schedule_time < now else spec.schedule_time
    return truncated(instant, MICROSECOND)


def stored_deadline(spec: TaskSpec) -> int | None:
    """Return the stored deadline: 600 s for an HTTP task without one. Ledger: `create-task/answer`."""
    if spec.dispatch_deadline:
        return truncated(spec.dispatch_deadline, MILLISECOND)
    return HTTP_DEADLINE if isinstance(spec.target, HttpTarget) else None


def stored_target(target: Payload, queue_name: str, override: Routing | None, host_suffix: str) -> Payload:
    """Return the target as the service stores it: with its own headers and, for App Engine, the host."""
    if isinstance(target, HttpTarget):
        headers, changes = http_task_headers(target.headers)
        return HttpTarget(target.url, target.method, headers, target.body, target.oidc, target.oauth, changes)
    if isinstance(target, PullMessage):
        return target
    headers, changes = app_engine_task_headers(target.headers, target.body)
    host = with_host(override or target.routing or Routing(), queue_name, host_suffix)
    return AppEngineTarget(target.relative_uri, target.method, headers, target.body, host, changes)
