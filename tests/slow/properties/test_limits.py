"""Both sides of every limit: what reaches it is drawn and accepted, what goes beyond it is drawn and rejected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument
from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks import strategies as cloud
from pytest_cloudtasks._messages.proto import proto_of
from tests.strategies.clients import LOCATION, client_of

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
PUSH, PULL = f"{LOCATION}/queues/push", f"{LOCATION}/queues/pull"
BOTH: dict[str, Any] = {"push": {}, "pull": {"pull_target": {}}}
MICROSECOND, MILLISECOND, SECOND = timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(seconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HTTP_DEADLINE = "Task.dispatchDeadline must be between [15s, 30m]."
APP_ENGINE_DEADLINE = "Task.dispatchDeadline must be between [15s, 24h15s]."
TASK_TTL = "Queue.taskTtl must be between 10 days and 10 years."
TOMBSTONE_TTL = "Queue.tombstoneTtl must be between 1 hour and 9 days."


def at(*path: str) -> Callable[[dict[str, Any]], Any]:
    """What a message's dict has at ``path``; None if it has nothing there."""

    def look(fields: dict[str, Any]) -> Any:
        found: Any = fields
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    return look


def length(*path: str) -> Callable[[dict[str, Any]], int]:
    look = at(*path)
    return lambda fields: len(look(fields) or "")


def id_length(fields: dict[str, Any]) -> int:
    return len((fields.get("name") or "").rpartition("/")[2])


def encoded(*path: str) -> Callable[[dict[str, Any]], int]:
    """The length of a URL once it is encoded; é has six characters then."""
    look = at(*path)
    return lambda fields: sum(6 if one == "é" else 1 for one in look(fields) or "")


def header_bytes(*path: str) -> Callable[[dict[str, Any]], int]:
    """The bytes of a task's headers with the User-Agent that the service adds to them."""
    look = at(*path)
    added = len("User-AgentGoogle-Cloud-Tasks")
    return lambda fields: added + sum(len(name) + len(value) for name, value in (look(fields) or {}).items())


def override_bytes(fields: dict[str, Any]) -> int:
    overrides = at("http_target", "header_overrides")(fields) or []
    return sum(len(one["header"]["key"]) + len(one["header"]["value"]) for one in overrides)


def headroom(fields: dict[str, Any]) -> timedelta | None:
    """By how much a queue's backoffs are in order."""
    retry = fields.get("retry_config", {})
    if not {"min_backoff", "max_backoff"} <= set(retry):
        return None
    return timedelta(seconds=0) + retry["max_backoff"] - retry["min_backoff"]


def ahead(fields: dict[str, Any]) -> timedelta | None:
    return fields["schedule_time"] - NOW if "schedule_time" in fields else None


def with_app_engine(fields: dict[str, Any]) -> Any:
    return fields.get("dispatch_deadline") if "app_engine_http_request" in fields else None


def with_http(fields: dict[str, Any]) -> Any:
    return fields.get("dispatch_deadline") if "http_request" in fields else None


@dataclass(frozen=True)
class Limit:
    """``inside`` are values that are taken, the limit last; ``outside`` is the next one, and gets ``error``."""

    of: str
    measure: Callable[[dict[str, Any]], Any]
    inside: tuple[Any, ...]
    outside: Any
    error: str
    version: str = "v2"
    in_pull_queue: bool = False
    by_itself: bool = True
    """Whether the plain strategy comes to the limit, too."""


def rates(name: str) -> Callable[[dict[str, Any]], Any]:
    return at("rate_limits", name)


def retries(name: str) -> Callable[[dict[str, Any]], Any]:
    return at("retry_config", name)


LIMITS = {
    # names
    "task ID": Limit(
        "task",
        id_length,
        (499, 500),
        501,
        f'Task ID "{"0" * 501}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_).'
        " Task ID must between 1 and 500 characters.",
    ),
    "queue ID": Limit(
        "queue",
        id_length,
        (99, 100),
        101,
        f'Queue ID "{"0" * 101}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must'
        " be between 1 and 100 characters.",
    ),
    # tasks
    "URL": Limit(
        "task",
        length("http_request", "url"),
        (2082, 2083),
        2084,
        "HttpRequest.url must be no longer than 2083 characters after encoding, and has 2084.",
    ),
    "encoded URL": Limit(
        "task",
        encoded("http_request", "url"),
        (2082, 2083),
        2084,
        "HttpRequest.url must be no longer than 2083 characters after encoding, and has 2084.",
    ),
    "relative URI": Limit(
        "task",
        length("app_engine_http_request", "relative_uri"),
        (2082, 2083),
        2084,
        "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has 2084.",
    ),
    "headers": Limit(
        "task",
        header_bytes("http_request", "headers"),
        (80 * 1024 - 2, 80 * 1024 - 1),
        80 * 1024,
        "HttpRequest.headers must be smaller than 80 KB in total.",
    ),
    "shortest deadline": Limit(
        "task", with_http, (15 * SECOND + MILLISECOND, 15 * SECOND), 15 * SECOND - MICROSECOND, HTTP_DEADLINE
    ),
    "longest deadline": Limit(
        "task", with_http, (30 * MINUTE - MILLISECOND, 30 * MINUTE), 30 * MINUTE + MICROSECOND, HTTP_DEADLINE
    ),
    "shortest deadline in App Engine": Limit(
        "task",
        with_app_engine,
        (15 * SECOND + MILLISECOND, 15 * SECOND),
        15 * SECOND - MICROSECOND,
        APP_ENGINE_DEADLINE,
    ),
    "longest deadline in App Engine": Limit(
        "task",
        with_app_engine,
        (DAY + 15 * SECOND - MILLISECOND, DAY + 15 * SECOND),
        DAY + 15 * SECOND + MICROSECOND,
        APP_ENGINE_DEADLINE,
    ),
    "schedule time": Limit(
        "task",
        ahead,
        (720 * HOUR - MICROSECOND, 720 * HOUR),
        720 * HOUR + MICROSECOND,
        "The Task.scheduleTime, 2030-01-30T16:00:00.000001-08:00, is too far in the future. Schedule time must be no"
        " more than 720h in the future.",
    ),
    "tag": Limit(
        "task",
        length("pull_message", "tag"),
        (498, 499),
        500,
        "PullMessage.tag must have fewer than 500 characters.",
        version="v2beta2",
        in_pull_queue=True,
    ),
    # queues
    "rate": Limit(
        "queue",
        rates("max_dispatches_per_second"),
        (499.99999999999994, 500.0),
        501.0,
        "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    ),
    "least rate": Limit(
        "queue",
        rates("max_dispatches_per_second"),
        (0.001,),
        -1.0,
        "RateLimits.maxDispatchesPerSecond cannot be negative.",
        by_itself=False,
    ),
    "concurrency": Limit(
        "queue",
        rates("max_concurrent_dispatches"),
        (4999, 5000),
        5001,
        "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
    ),
    "least concurrency": Limit(
        "queue",
        rates("max_concurrent_dispatches"),
        (1,),
        -1,
        "RateLimits.maxConcurrentDispatches cannot be negative.",
    ),
    "burst": Limit(
        "queue",
        rates("max_burst_size"),
        (499, 500),
        501,
        "RateLimits.maxBurstSize must be less than or equal to 500.",
        version="v2beta3",
    ),
    "least burst": Limit(
        "queue",
        rates("max_burst_size"),
        (1,),
        -1,
        "RateLimits.maxBurstSize cannot be negative.",
        version="v2beta3",
    ),
    "attempts": Limit(
        "queue", retries("max_attempts"), (1, -1), -2, "RetryConfig.maxAttempts must be greater or equal to -1."
    ),
    "attempts in v2beta2": Limit(
        "queue",
        retries("max_attempts"),
        (1,),
        -2,
        "RetryConfig.maxAttempts must be greater than 0.",
        version="v2beta2",
        by_itself=False,
    ),
    "attempts of a task": Limit(
        "task", retries("max_attempts"), (1, -1), -2, "RetryConfig.maxAttempts must be greater or equal to -1."
    ),
    "order of backoffs": Limit(
        "queue",
        headroom,
        (MILLISECOND, timedelta(0)),
        -MICROSECOND,
        "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        by_itself=False,
    ),
    "sampling": Limit(
        "queue",
        at("stackdriver_logging_config", "sampling_ratio"),
        (0.0, 1.0),
        1.1,
        "sampling_ratio must be between 0.0 and 1.0.",
        by_itself=False,
    ),
    "port": Limit(
        "queue",
        at("http_target", "uri_override", "port"),
        (1, 0),
        -1,
        "Error in parsing HttpTarget. Port number should be a positive integer.",
        by_itself=False,
    ),
    "headers of a queue": Limit(
        "queue",
        override_bytes,
        (80 * 1024 - 2, 80 * 1024 - 1),
        80 * 1024,
        "HttpTarget.headerOverrides must be smaller than 80 KB in total.",
        by_itself=False,
    ),
    "shortest task_ttl": Limit(
        "queue", at("task_ttl"), (10 * DAY + MILLISECOND, 10 * DAY), 10 * DAY - MICROSECOND, TASK_TTL, "v2beta3"
    ),
    "longest task_ttl": Limit(
        "queue", at("task_ttl"), (3650 * DAY - MILLISECOND, 3650 * DAY), 3650 * DAY + MICROSECOND, TASK_TTL, "v2beta3"
    ),
    "shortest tombstone_ttl": Limit(
        "queue", at("tombstone_ttl"), (HOUR + MILLISECOND, HOUR), HOUR - MICROSECOND, TOMBSTONE_TTL, "v2beta3"
    ),
    "longest tombstone_ttl": Limit(
        "queue", at("tombstone_ttl"), (9 * DAY - MILLISECOND, 9 * DAY), 9 * DAY + MICROSECOND, TOMBSTONE_TTL, "v2beta3"
    ),
}


def v2_words(fields: dict[str, Any]) -> dict[str, Any]:
    """``fields`` with the rates by v2's names."""
    ours = {
        "max_tasks_dispatched_per_second": "max_dispatches_per_second",
        "max_concurrent_tasks": "max_concurrent_dispatches",
    }
    found = fields.get("rate_limits", {})
    return {**fields, "rate_limits": {ours.get(name, name): value for name, value in found.items()}}


def options_of(limit: Limit) -> dict[str, Any]:
    options: dict[str, Any] = {"version": limit.version, "as_dict": True}
    if limit.of == "task":
        options |= {"now": NOW, "parent": PULL if limit.in_pull_queue else PUSH, "in_pull_queue": limit.in_pull_queue}
    return options


def plain(of: str, version: str, in_pull_queue: bool) -> SearchStrategy[Any]:
    """Draw as a user without limits in mind, except for names and schedule times."""
    if of == "queue":
        return cloud.queues(version=version, as_dict=True)  # type: ignore[arg-type]
    options: dict[str, Any] = {"pull_message": cloud.pull_messages(as_dict=True)} if in_pull_queue else {}
    return cloud.tasks(
        name=cloud.resource_names(of="task", parent=PULL if in_pull_queue else PUSH),
        schedule_time=cloud.schedule_times(now=NOW),
        retry_config=... if version == "v2beta2" else cloud.retry_configs(as_dict=True),
        version=version,  # type: ignore[arg-type]
        as_dict=True,
        **options,
    )


GENERATED = settings(max_examples=5000, phases=[Phase.generate])


def seen(
    strategy: SearchStrategy[Any], wanted: dict[str, tuple[Any, ...]], fields_of: Callable[[Any], Any]
) -> dict[Any, Any]:
    """The first example for each limit and value that is wanted, as far as they come up within a few thousand."""
    found: dict[Any, Any] = {}
    sought = {(name, value) for name, values in wanted.items() for value in values}

    def has_all(example: Any) -> bool:
        fields = v2_words(fields_of(example))
        for name in wanted:
            found.setdefault((name, LIMITS[name].measure(fields)), example)
        return sought <= set(found)

    with suppress(NoSuchExample):
        find(strategy, has_all, settings=GENERATED)
    return found


GROUPS: dict[str, dict[str, Limit]] = {}
"""The limits that the same strategies come to, which are drawn from once."""
for _name, _limit in LIMITS.items():
    _group = f"{'pull ' if _limit.in_pull_queue else ''}{_limit.of} of {_limit.version}"
    GROUPS.setdefault(_group, {})[_name] = _limit
EVERY_GROUP = pytest.mark.parametrize("limits", GROUPS.values(), ids=GROUPS)
OF_PLAIN = {name: {key: one for key, one in group.items() if one.by_itself} for name, group in GROUPS.items()}


def create(limit: Limit, fields: dict[str, Any]) -> Any:
    client = client_of(limit.version)
    if limit.of == "queue":
        return client.create_queue(parent=LOCATION, queue=fields)
    return client.create_task(parent=PULL if limit.in_pull_queue else PUSH, task=fields)


def strategy_at(limits: dict[str, Limit], kind: str) -> SearchStrategy[Any]:
    """The strategy whose name begins so, for what these limits are of."""
    limit = next(iter(limits.values()))
    found = getattr(cloud, f"{kind}_{limit.of}s")(**options_of(limit))
    assert isinstance(found, SearchStrategy)
    return found


@EVERY_GROUP
def test_what_reaches_a_limit_is_drawn_and_accepted(limits: dict[str, Limit]) -> None:
    """The limit itself and the value before it are among the boundaries, the next one is not; both are taken."""
    wanted = {name: limit.inside for name, limit in limits.items()}
    examples = seen(strategy_at(limits, "boundary"), wanted, lambda one: one)

    for name, limit in limits.items():
        assert (name, limit.outside) not in examples
        for value in limit.inside:
            assert (name, value) in examples
            with FakeCloudTasks(start=NOW, queues=BOTH):
                assert create(limit, examples[name, value]).name


@pytest.mark.parametrize("group", [name for name, limits in OF_PLAIN.items() if limits])
def test_a_limit_comes_up_by_itself(group: str) -> None:
    """Plain tasks and queues come to the limit, too, and never beyond it."""
    limits = OF_PLAIN[group]
    one = next(iter(limits.values()))
    strategy = plain(one.of, one.version, one.in_pull_queue)

    examples = seen(strategy, {name: limit.inside[-1:] for name, limit in limits.items()}, lambda one: one)

    assert [name for name, limit in limits.items() if (name, limit.inside[-1]) not in examples] == []
    assert [name for name, limit in limits.items() if (name, limit.outside) in examples] == []


@EVERY_GROUP
def test_values_beyond_a_limit_are_drawn_and_rejected(limits: dict[str, Limit]) -> None:
    """The next value is among the invalid ones, and gets exactly the error that comes with it; nothing is created."""
    wanted = {name: (limit.outside,) for name, limit in limits.items()}
    examples = seen(strategy_at(limits, "invalid"), wanted, lambda pair: pair[0])

    for name, limit in limits.items():
        assert (name, limit.outside) in examples
        fields, error = examples[name, limit.outside]
        with FakeCloudTasks(start=NOW, queues=BOTH) as cloud_tasks:
            with pytest.raises(GoogleAPICallError) as refusal:
                create(limit, fields)

            assert type(refusal.value) is type(error) is InvalidArgument
            assert str(refusal.value) == str(error)
            assert refusal.value.message == limit.error
            assert cloud_tasks.tasks() == []
            assert len(list(client_of("v2").list_queues(parent=LOCATION))) == 2


# --- the size of a task ------------------------------------------------------------------------------------------


def stored_size(version: str, name: str) -> int:
    """Bytes of the message that is stored, which has no view."""
    message = proto_of(client_of(version).get_task(request={"name": name, "response_view": 2}))
    message.ClearField("view")
    return int(message.ByteSize())


@pytest.mark.parametrize(
    ("version", "in_pull_queue"), [("v2", False), ("v2beta3", False), ("v2beta2", False), ("v2beta2", True)]
)
def test_the_largest_task_is_drawn_to_the_byte(version: Any, in_pull_queue: bool) -> None:
    """With now and parent come tasks of 1,048,569 bytes as they are stored, and among the invalid ones a byte more."""
    parent = PULL if in_pull_queue else PUSH
    options: dict[str, Any] = {"now": NOW, "parent": parent, "in_pull_queue": in_pull_queue, "version": version}
    payload, body = ("pull_message", "payload") if in_pull_queue else ("http_request", "body")

    def size(task: dict[str, Any]) -> int:
        return len(task.get(payload, {}).get(body, b""))

    with FakeCloudTasks(start=NOW, queues=BOTH):
        client = client_of(version)
        largest = find(
            cloud.boundary_tasks(**options, as_dict=True), lambda task: size(task) > 1_000_000, settings=GENERATED
        )
        created = client.create_task(parent=parent, task=largest)
        assert stored_size(version, created.name) in (1_048_568, 1_048_569)

        length = size(largest) + 1_048_570 - stored_size(version, created.name)
        task, error = find(
            cloud.invalid_tasks(**options, as_dict=True), lambda pair: size(pair[0]) == length, settings=GENERATED
        )
        with pytest.raises(type(error)) as refusal:
            client.create_task(parent=parent, task=task)
        assert str(refusal.value) == str(error) == "400 Task size too large"
        fitting = {**task, payload: {**task[payload], body: task[payload][body][1:]}}
        assert stored_size(version, client.create_task(parent=parent, task=fitting).name) == 1_048_569
