"""IDs and resource names."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from .._service.errors import ServiceError
from .._service.validation import check_new_queue, check_new_task, is_location, is_queue
from .field_defaults import Given, chosen, longest, mostly

MAX_QUEUE_ID, MAX_TASK_ID = 100, 500
QUEUE_ID_CHARACTERS = string.ascii_letters + string.digits + "-"
TASK_ID_CHARACTERS = QUEUE_ID_CHARACTERS + "_"
_USUAL_LENGTH = 16

_queue_ids = mostly(
    st.text(QUEUE_ID_CHARACTERS, min_size=1, max_size=_USUAL_LENGTH),
    longest(QUEUE_ID_CHARACTERS, MAX_QUEUE_ID),
)
_task_ids = mostly(
    st.text(TASK_ID_CHARACTERS, min_size=1, max_size=_USUAL_LENGTH),
    longest(TASK_ID_CHARACTERS, MAX_TASK_ID),
)


def queue_ids() -> SearchStrategy[str]:
    """Draw queue IDs: letters, digits and hyphens, now and then 99 or 100 of them. Shrinks to ``"0"``.

    Ledger: `create-queue/id-lengths`.
    """
    return _queue_ids


def task_ids() -> SearchStrategy[str]:
    """Draw task IDs: letters, digits, hyphens and underscores, now and then 499 or 500 of them. Shrinks to ``"0"``.

    Ledger: `create-task/id-lengths`.
    """
    return _task_ids


@st.composite
def resource_names(
    draw: DrawFn,
    *,
    of: Literal["location", "queue", "task"] = "queue",
    project: str | SearchStrategy[str] = "test-project",
    location: str | SearchStrategy[str] = "us-central1",
    parent: Given[str] = ...,
    queue_id: Given[str] = ...,
    task_id: Given[str] = ...,
) -> str:
    """Draw full names of locations, queues or tasks. Shrinks to ``…/queues/0/tasks/0``.

    Args:
        of: ``"location"``, ``"queue"`` or ``"task"``.
        project: A project's ID, or a strategy.
        location: A location's ID, or a strategy.
        parent: A location's full name for queues, a queue's for tasks.
        queue_id: A queue's ID, or a strategy.
        task_id: A task's ID, or a strategy.
    """
    if of not in ("location", "queue", "task"):
        raise InvalidArgument(f"of={of!r} must be one of 'location', 'queue', 'task'")
    if parent is not ... and of == "location":
        raise InvalidArgument(f"parent={parent!r}: a location has none; give project and location")
    try:
        return _resource_name(draw, of, project, location, parent, queue_id, task_id)
    except ServiceError as error:
        raise InvalidArgument(f"resource_names(of={of!r}): {error.message}") from None


def _resource_name(draw: DrawFn, of: str, project: Any, location: Any, parent: Any, queue_id: Any, task_id: Any) -> str:
    place = f"projects/{chosen(draw, project, _queue_ids)}/locations/{chosen(draw, location, _queue_ids)}"
    if of == "location":
        return _checked(place, "location", is_location)
    if of == "queue":
        above = _checked(chosen(draw, parent, st.just(place)), "location", is_location)
        name = f"{above}/queues/{chosen(draw, queue_id, _queue_ids)}"
        check_new_queue(name, above)
        return name
    above = draw(parent) if isinstance(parent, SearchStrategy) else parent
    if above is ...:
        above = f"{_checked(place, 'location', is_location)}/queues/{chosen(draw, queue_id, _queue_ids)}"
        check_new_queue(above, place)
    name = f"{_checked(above, 'queue', is_queue)}/tasks/{chosen(draw, task_id, _task_ids)}"
    check_new_task(name, above)
    return name


def _checked(name: Any, kind: str, is_one: Callable[[str], bool]) -> str:
    if not isinstance(name, str) or not is_one(name):
        raise InvalidArgument(f"resource_names takes a {kind}'s full name, but got {name!r}.")
    return name
