"""Resource names: their grammar, and the refusals of names that break it."""

from __future__ import annotations

import re
from functools import lru_cache

from . import errors

_PROJECT = r"[A-Za-z0-9:.\-]+"
_LOCATION_NAME = re.compile(rf"projects/{_PROJECT}/locations/[A-Za-z0-9\-]+")
_QUEUE_NAME = re.compile(rf"(projects/{_PROJECT}/locations/[A-Za-z0-9\-]+)/queues/([^/]*)")
_TASK_NAME = re.compile(rf"(projects/{_PROJECT}/locations/[A-Za-z0-9\-]+/queues/[^/]+)/tasks/([^/]*)")
_QUEUE_ID = re.compile(r"[A-Za-z0-9\-]{1,100}")
_TASK_ID = re.compile(r"[A-Za-z0-9_\-]{1,500}")


def is_queue_id(text: str) -> bool:
    """Whether ``text`` can be a queue's ID: 1 to 100 letters, digits and hyphens. Evidence: documented."""
    return _QUEUE_ID.fullmatch(text) is not None


def short(name: str) -> str:
    """The last segment of a resource name: the ID."""
    return name.rpartition("/")[2]


def queue_of(task_name: str) -> str:
    """The queue's part of a task's full name."""
    return task_name.rpartition("/tasks/")[0]


def location_of(queue_name: str) -> str:
    """The location's part of a queue's full name."""
    return queue_name.rpartition("/queues/")[0]


def check_location(name: str) -> None:
    """Refuse what is not ``projects/P/locations/L``, and ``-`` for all locations. Evidence: reported."""
    if not _LOCATION_NAME.fullmatch(name):
        raise errors.BAD_RESOURCE.error()
    if short(name) == "-":
        raise errors.LOCATION_INVALID.error(location="-")


def check_new_queue(name: str, parent: str) -> None:
    """Refuse a name that no queue under ``parent`` can have. Evidence: recorded and reported."""
    check_location(parent)
    match = _QUEUE_NAME.fullmatch(name)
    if not match:
        raise errors.QUEUE_NAME_FORMAT.error()
    if not is_queue_id(match[2]):
        raise errors.QUEUE_ID_FORMAT.error(id=match[2])
    if match[1] != parent:
        raise errors.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)


def check_queue_to_update(name: str) -> None:
    """Refuse what has not the form of a queue's name, in the words of CreateQueue. Evidence: our choice."""
    if not is_queue(name):
        raise errors.QUEUE_NAME_FORMAT.error()


@lru_cache(maxsize=1024)
def is_queue(name: str) -> bool:
    """Whether ``name`` has the form of a queue's full name, whatever its ID."""
    return _QUEUE_NAME.fullmatch(name) is not None


def check_queue(name: str) -> None:
    """Refuse what has not the form of a queue's name. Evidence: reported."""
    if not is_queue(name):
        raise errors.BAD_RESOURCE.error()


def check_task(name: str) -> None:
    """Refuse what has not the form of a task's name. Evidence: reported."""
    if not _TASK_NAME.fullmatch(name):
        raise errors.BAD_RESOURCE.error()


def check_new_task(name: str, parent: str) -> None:
    """Refuse a name that no task of the queue ``parent`` can have. Evidence: recorded and reported."""
    match = _TASK_NAME.fullmatch(name)
    if not match:
        raise errors.TASK_NAME_FORMAT.error()
    if match[1] != parent:
        raise errors.TASK_OF_ANOTHER_QUEUE.error(parent=parent, queue=match[1])
    if not _TASK_ID.fullmatch(match[2]):
        raise errors.TASK_ID_FORMAT.error(id=match[2])
