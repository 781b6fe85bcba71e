"""Tasks, their schedule times, and the requests that create them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from .._time.instants import Duration
from .field_defaults import Given, chosen, duration_given, durations, is_callers, mostly
from .names import resource_names
from .queues import retry_config_fields
from .requests import PULLING, app_engine_fields, http_fields, pull_fields
from .validity import check_fields, check_task
from .versions import Version, has_field, in_words_of, message

LONGEST_AHEAD = timedelta(hours=720)
HTTP_DEADLINES = timedelta(seconds=15), timedelta(minutes=30)
APP_ENGINE_DEADLINES = timedelta(seconds=15), timedelta(hours=24, seconds=15)
_MICROSECOND = timedelta(microseconds=1)

_http_deadlines = st.none() | durations(*HTTP_DEADLINES) | st.sampled_from(HTTP_DEADLINES)
_app_engine_deadlines = st.none() | durations(*APP_ENGINE_DEADLINES) | st.sampled_from(APP_ENGINE_DEADLINES)
_retry_configs = mostly(st.none(), retry_config_fields())
_defaults = {
    "http_request": http_fields(),
    "app_engine_http_request": app_engine_fields(),
    "pull_message": pull_fields(),
}
_names = resource_names()
_views = st.sampled_from([None, "BASIC", "FULL"])
_ahead = st.integers(0, LONGEST_AHEAD // timedelta(seconds=1)).map(lambda seconds: timedelta(seconds=seconds))
_to_the_microsecond = st.integers(0, LONGEST_AHEAD // _MICROSECOND).map(lambda count: count * _MICROSECOND)


@st.composite
def schedule_times(draw: DrawFn, *, now: datetime, within: Duration = LONGEST_AHEAD) -> datetime:
    """Draw instants at which a task that is created at ``now`` may be scheduled, in UTC. Shrinks to ``now``.

    Most are whole seconds from now, some have microseconds. Ledger: `create-task/thirty-days-ahead`.

    Args:
        now: An aware datetime.
        within: The longest time ahead, as a duration; 720 hours by default.
    """
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise InvalidArgument(f"schedule_times(now={now!r}) takes an aware datetime, such as cloud_tasks.clock.now()")
    longest = duration_given(within, "schedule_times(within=…)")
    if longest > LONGEST_AHEAD:
        raise InvalidArgument(f"schedule_times(within=…) takes a duration of 720 h at most, but got {within!r}.")
    start = now.astimezone(timezone.utc)
    if longest == LONGEST_AHEAD:
        return start + draw(_ahead | _to_the_microsecond)
    return start + draw(st.integers(0, longest // _MICROSECOND)) * _MICROSECOND


@st.composite
def tasks(
    draw: DrawFn,
    *,
    name: Given[str] = None,
    http_request: Given[Any] = ...,
    app_engine_http_request: Given[Any] = ...,
    pull_message: Given[Any] = None,
    schedule_time: Given[datetime] = None,
    dispatch_deadline: Given[timedelta] = ...,
    retry_config: Given[Any] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw Task messages that CreateTask accepts in an existing queue. Shrinks to ``POST https://example.com/``.

    Args:
        name: The full name, or a strategy; by default none.
        http_request: A message, a dict, or a strategy.
        app_engine_http_request: A message, a dict, or a strategy.
        pull_message: `pull_messages` for tasks of pull queues alone, ``...`` for some; in v2beta2 only.
        schedule_time: An aware datetime, or a strategy; by default none.
        dispatch_deadline: A timedelta, or a strategy.
        retry_config: A message, a dict, or a strategy.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    arguments = {
        "http_request": http_request,
        "app_engine_http_request": app_engine_http_request,
        "pull_message": None if pull_message is ... and version != PULLING else pull_message,
    }
    others = {"dispatch_deadline": dispatch_deadline, "retry_config": retry_config, "pull_message": pull_message}
    for field, value in others.items():
        if value is not ... and value is not None and not has_field(version, "Task", field):
            raise InvalidArgument(f"tasks({field}={value!r}): a Task of {version} has no such field")
    kind, payload = _payload(draw, arguments)
    is_http = kind == "http_request"
    fields = {
        "name": chosen(draw, name, st.none()),
        kind: payload,
        "schedule_time": chosen(draw, schedule_time, st.none()),
        "dispatch_deadline": chosen(draw, dispatch_deadline, _http_deadlines if is_http else _app_engine_deadlines),
        "retry_config": chosen(draw, retry_config, _retry_configs),
    }
    own = in_words_of(version, "Task", fields)
    if is_callers(dispatch_deadline, retry_config, arguments[kind]) or name is not None or schedule_time is not None:
        check_task(version, own)
    return own if as_dict else message(version, "Task", own)


def _payload(draw: DrawFn, arguments: dict[str, Any]) -> tuple[str, Any]:
    """Draw which of the three payloads a task has, and its value: one that was given, otherwise HTTP or App Engine."""
    candidates = [kind for kind, value in arguments.items() if value is not ... and value is not None]
    candidates = candidates or [kind for kind, value in arguments.items() if value is ...]
    if not candidates:
        raise InvalidArgument("tasks() needs a payload: http_request and app_engine_http_request are both None")
    simplest, *others = candidates
    kind = draw(_kinds(simplest, *others)) if others else simplest
    first = chosen(draw, arguments[simplest], _defaults[simplest])
    return kind, first if kind == simplest else chosen(draw, arguments[kind], _defaults[kind])


@cache
def _kinds(simplest: str, *others: str) -> SearchStrategy[str]:
    """Return the kinds, mostly the simplest."""
    return st.sampled_from([simplest, simplest, simplest, *others])


@cache
def _tasks(version: Version, as_dict: bool) -> SearchStrategy[Any]:
    return tasks(version=version, as_dict=as_dict)


@st.composite
def create_task_requests(
    draw: DrawFn,
    *,
    parent: Given[str] = ...,
    task: Given[Any] = ...,
    response_view: Given[Any] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw CreateTaskRequest messages for a queue that exists. Shrinks to the simplest task, with no view.

    Args:
        parent: The queue's full name, or a strategy.
        task: A message, a dict, or a strategy.
        response_view: A view, or a strategy.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    where = chosen(draw, parent, _names)
    fields = {
        "parent": where,
        "task": chosen(draw, task, _tasks(version, as_dict)),
        "response_view": chosen(draw, response_view, _views),
    }
    own = {name: value for name, value in fields.items() if value is not None}
    if is_callers(parent, task):
        check_task(version, own.get("task", {}), where)
    if is_callers(response_view):
        check_fields(version, "CreateTaskRequest", own)
    return own if as_dict else message(version, "CreateTaskRequest", own)
