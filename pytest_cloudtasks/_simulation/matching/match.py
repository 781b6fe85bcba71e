"""Matches: the tasks that the arguments of an assertion describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from re import Pattern
from typing import Any, NamedTuple, TypedDict, Union

from ..._service.validation import queue_of
from ..._targets.urls import glob_pattern
from ..._time.instants import Duration, duration_of, to_datetime, to_timedelta
from ..formatting import shown
from ..lookup import name_of_task
from ..records import NamesQueue, TaskRecord, model_task
from .checks import UNSET, check_fields
from .values import exactly, headers_match, is_matcher, matches, partially_matches

WITHIN = timedelta(seconds=1)


class Difference(NamedTuple):
    """A field of a task that is not as expected."""

    field: str
    expected: Any
    actual: Any


Text = Union[str, Pattern[str], Callable[[str], object], Any]
Fields = Union[Mapping[str, Any], exactly, Callable[[Any], object], Any]


class MatchArguments(TypedDict, total=False):
    """What a task looks like. Assertions, faults, ``drain`` and ``tasks`` take these keyword arguments, all optional.

    Every value may also be a predicate, a regular expression (searched for), or an object with its own ``__eq__``, such
    as ``mock.ANY`` or ``pytest.approx``. A helper that passes them on has the type ``**match: Unpack[MatchArguments]``.
    """

    queue: Text
    """The queue's ID or full name, or its `QueueRecord`."""
    url: Text
    """The URL; of an App Engine task the relative URI. ``*`` stands for any characters."""
    method: Text
    """The HTTP method."""
    json: Any
    """The body read as JSON. Dicts match partially, nested ones too; lists match as a whole. See `exactly`."""
    body: bytes | str | Any
    """The whole body, in bytes or as a text in UTF-8."""
    headers: Fields
    """Some of the stored headers, with names in any case. See `exactly`."""
    name: Text
    """The task's ID or full name, its `TaskRecord`, or its Task message."""
    at: datetime | Any
    """The schedule time at creation, as an aware datetime, give or take ``within``."""
    delay: Duration | Any
    """The schedule time at creation, as a duration from then, give or take ``within``."""
    within: Duration
    """The tolerance of ``at`` and ``delay``, as a duration; 1 second by default."""
    deadline: Duration | Any
    """The dispatch deadline in force, as a duration."""
    oidc: Fields | None
    """Some of the OIDC token's ``service_account_email`` and ``audience``; None for no token."""
    service: Text
    """The service of an App Engine task; ``default`` if the task names none."""
    version: Text
    """The version that an App Engine task names."""
    task: Callable[[TaskRecord], object] | Any
    """A predicate over the whole `TaskRecord`, or the task itself: a record, a Task message, an ID or a full name."""


class Match(NamedTuple):
    """The description of tasks. Unset fields match anything."""

    queue: Any = UNSET
    url: Any = UNSET
    method: Any = UNSET
    json: Any = UNSET
    body: Any = UNSET
    headers: Any = UNSET
    name: Any = UNSET
    at: Any = UNSET
    delay: Any = UNSET
    within: Any = WITHIN
    deadline: Any = UNSET
    oidc: Any = UNSET
    service: Any = UNSET
    version: Any = UNSET
    task: Any = UNSET

    def checked(self, queue_named: Callable[[str], str]) -> Match:
        """Return the match with its durations read. Raise for what can never match.

        ``queue_named`` raises for a queue that the test has never had.
        """
        match = self.possible()
        if isinstance(match.queue, str):
            queue_named(match.queue)
        return match

    def possible(self) -> Match:
        """Return the match for future tasks, whose queue may not exist yet."""
        fields = self.expected()
        if isinstance(self.queue, NamesQueue):
            fields["queue"] = self.queue.name
        for field in fields.keys() & {"name", "task"}:
            fields[field] = name_of_task(fields[field])
        check_fields(fields)
        for field in ("delay", "deadline"):
            if field in fields and not isinstance(fields[field], exactly) and not is_matcher(fields[field]):
                fields[field] = to_timedelta(duration_of(fields[field], what=f"{field}=…"))
        within = to_timedelta(duration_of(self.within, what="within=…"))
        return self._replace(**fields, within=within)

    def expected(self) -> dict[str, Any]:
        """Return the fields that were given."""
        arguments = {name: value for name, value in self._asdict().items() if name != "within"}
        return {name: value for name, value in arguments.items() if value is not UNSET}

    def differences(self, task: TaskRecord) -> list[Difference]:
        """Return the fields in which ``task`` is not as expected; empty if it matches."""
        differences = []
        for field, expected in self.expected().items():
            actual = _ACTUAL[field](task)
            if not self._field_matches(field, expected, actual, task):
                differences.append(Difference(field, expected, _in_kind(expected, actual)))
        return differences

    def _field_matches(self, field: str, expected: Any, actual: Any, task: TaskRecord) -> bool:
        if field in ("queue", "name") and isinstance(expected, str):
            full = task.name if field == "name" else queue_of(task.name)
            return expected in (full, actual)
        if field == "url" and isinstance(expected, str) and "*" in expected:
            return glob_pattern(expected).fullmatch(actual) is not None
        if field == "task" and isinstance(expected, str):
            return expected in (task.name, task.id)
        if field == "method":
            return matches(getattr(expected, "name", expected), actual) or (
                isinstance(expected, str) and expected.upper() == actual
            )
        if field == "body" and isinstance(expected, str):
            return bool(expected.encode() == actual)
        if field == "headers":
            return headers_match(expected, actual)
        if field in ("at", "delay") and isinstance(expected, (datetime, timedelta)):
            return bool(abs(expected - actual) <= self.within)
        if field in ("json", "oidc"):
            return not isinstance(actual, _NotJson) and partially_matches(expected, actual)
        return matches(expected, actual)


def _in_kind(expected: Any, actual: Any) -> Any:
    """Return a body as text if text was expected, so that a message shows the difference."""
    if isinstance(expected, str) and isinstance(actual, bytes):
        try:
            return actual.decode()
        except UnicodeDecodeError:
            return actual
    return actual


class _NotJson:
    """The JSON of a body that is not JSON."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __repr__(self) -> str:
        return f"(no JSON: {shown(self._body)})" if self._body else "(no JSON: the body is empty)"


def _json(task: TaskRecord) -> Any:
    try:
        return task.json
    except ValueError:
        return _NotJson(task.body)


def _scheduled(task: TaskRecord) -> datetime:
    return to_datetime(model_task(task).initial_schedule_time)


def _delay(task: TaskRecord) -> timedelta:
    return to_timedelta(max(0, model_task(task).initial_schedule_time - model_task(task).create_time))


_ACTUAL: dict[str, Callable[[TaskRecord], Any]] = {
    "queue": lambda task: task.queue,
    "url": lambda task: task.url,
    "method": lambda task: task.method,
    "json": _json,
    "body": lambda task: task.body,
    "headers": lambda task: task.headers,
    "name": lambda task: task.id,
    "at": _scheduled,
    "delay": _delay,
    "deadline": lambda task: task.dispatch_deadline,
    "oidc": lambda task: task.oidc,
    "service": lambda task: task.service,
    "version": lambda task: task.version,
    "task": lambda task: task,
}


def match_like(task: TaskRecord) -> Match:
    """Return a match of tasks that equal ``task`` in everything but the name."""
    fields = {field: read(task) for field, read in _ACTUAL.items() if field not in ("name", "delay", "task")}
    fields["body" if not isinstance(fields["json"], _NotJson) else "json"] = UNSET
    for field in ("json", "headers", "oidc"):
        fields[field] = fields[field] if fields[field] in (None, UNSET) else exactly(fields[field])
    return Match(**fields, within=timedelta(0))
