"""Resource names: their shapes, the IDs in them, and the errors for names that break the rules."""

from __future__ import annotations

import re
from typing import NamedTuple

from . import errors

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
    """Return whether ``name`` is a location's full name; "-", which stands for all locations, is none."""
    return _LOCATION_NAME.fullmatch(name) is not None and not name.endswith("/-")


def is_queue(name: str) -> bool:
    """Return whether ``name`` has the shape of a queue's full name, whatever its ID."""
    return _QUEUE_NAME.fullmatch(name) is not None


def short(name: str) -> str:
    """The last segment of a resource name: the ID."""
    return name.rpartition("/")[2]


def queue_of(task_name: str) -> str:
    """The queue's part of a task's full name."""
    return task_name.rpartition("/tasks/")[0]


def location_of(queue_name: str) -> str:
    """The location's part of a queue's full name."""
    return queue_name.rpartition("/queues/")[0]


class Shape(NamedTuple):
    """The shape of a resource's full name."""

    pattern: re.Pattern[str]
    """Its ``location``, ``queue`` and ``task`` groups are the IDs that have rules of their own."""

    def fits(self, name: str) -> bool:
        """Return whether ``name`` has this shape, whatever its IDs."""
        return self.pattern.fullmatch(name) is not None

    def check_ids(self, name: str) -> None:
        """Raise ServiceError for a name of this shape whose location, queue or task can't have such an ID."""
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
    """Raise ServiceError for a name that is empty or under no project; ``method`` is the RPC's full name."""
    under = name.startswith("projects/")
    project = name.split("/")[1] if under else name
    if not project:
        raise errors.RESOURCE_PROJECT_INVALID.error(method=method)
    if not under or not _PROJECT_NAME.fullmatch(f"projects/{project}"):
        raise errors.CONSUMER_INVALID.error(project=project)


def check_new_queue(name: str, parent: str) -> None:
    """Raise ServiceError for a name that no queue in the location ``parent`` can have."""
    match = _QUEUE_NAME.fullmatch(name)
    if not match:
        raise errors.QUEUE_NAME_FORMAT.error()
    _check_queue_id(match[2])
    if match[1] != parent:
        raise errors.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)


def check_new_task(name: str, parent: str) -> None:
    """Raise ServiceError for a name that no task in the queue ``parent`` can have. An empty one is the service's."""
    if not name:
        return
    match = _TASK_NAME.fullmatch(name)
    if not match:
        raise errors.TASK_NAME_FORMAT.error()
    if match[1] != parent:
        raise errors.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=match[1])
    _check_task_id(match[3])


def check_task_name(name: str) -> None:
    """Raise ServiceError for a name that no task can have."""
    match = _TASK_NAME.fullmatch(name)
    if not match:
        raise errors.TASK_NAME_FORMAT.error()
    _check_task_id(match[3])


def _check_queue_id(text: str | None) -> None:
    if text is not None and not _QUEUE_ID.fullmatch(text):
        raise errors.QUEUE_ID_FORMAT.error(id=text)


def _check_task_id(text: str | None) -> None:
    if text is not None and not _TASK_ID.fullmatch(text):
        raise errors.TASK_ID_FORMAT.error(id=text)
