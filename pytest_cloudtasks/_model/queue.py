"""A queue: its settings, its state, and the tasks that wait in it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import http_target, refusals
from .backoff import RetryConfig, retry_config_from
from .dispatch_rate import DispatchRate
from .iam import Policy
from .knobs import Knobs
from .task import Task, TaskState

Settings = Mapping[str, Any]
"""A queue as a caller describes it: the API's field names, nested as there; unset fields are left out."""

MAX_RATE = 500.0
MAX_CONCURRENCY = 5000
LEAST_RATE = 1 / 64
"""The part of its rate that a throttled queue always has. Evidence: our choice."""
_TASK_TTL_FIELDS = ("rate_limits", "retry_config")
_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "stats"})
_FIELDS: dict[str, frozenset[str] | None] = {
    "rate_limits": frozenset({"max_dispatches_per_second", "max_burst_size", "max_concurrent_dispatches"}),
    "retry_config": frozenset({"max_attempts", "max_retry_duration", "min_backoff", "max_backoff", "max_doublings"}),
    "stackdriver_logging_config": frozenset({"sampling_ratio"}),
    "app_engine_routing_override": frozenset({"service", "version", "instance", "host"}),
    "http_target": None,  # its fields nest deeper: http_target.has_field knows them
}


class QueueState(Enum):
    """Queue.State."""

    RUNNING = 1
    PAUSED = 2
    DISABLED = 3


@dataclass(frozen=True)
class RateLimits:
    """A queue's RateLimits with every default filled in: 500 a second, 1000 at once. Evidence: recorded."""

    max_dispatches_per_second: float
    max_burst_size: int
    max_concurrent_dispatches: int


def rate_limits_from(given: Mapping[str, Any], knobs: Knobs) -> RateLimits:
    """Fill in defaults and refuse what is out of range; the burst is the server's to choose. Evidence: recorded."""
    rate = given.get("max_dispatches_per_second") or MAX_RATE
    concurrency = given.get("max_concurrent_dispatches") or 1000
    if rate < 0:
        raise refusals.RATE_NEGATIVE.error()
    if rate > MAX_RATE:
        raise refusals.RATE_TOO_HIGH.error()
    if concurrency < 0:
        raise refusals.CONCURRENCY_NEGATIVE.error()
    if concurrency > MAX_CONCURRENCY:
        raise refusals.CONCURRENCY_TOO_HIGH.error()
    burst = knobs.burst_size if isinstance(knobs.burst_size, int) else knobs.burst_size(rate)
    return RateLimits(rate, burst, concurrency)


@dataclass(frozen=True)
class QueueConfig:
    """All settings of a queue, checked and with defaults."""

    rate_limits: RateLimits
    retry_config: RetryConfig
    other: Settings = field(default_factory=dict)
    """What is stored and given back as it is: logging, App Engine routing and the HTTP target."""

    @property
    def http_target(self) -> http_target.Overrides | None:
        """What the queue changes about the requests of its tasks, if anything."""
        return self.other.get("http_target")


def queue_config_from(given: Settings, knobs: Knobs, *, literal_zero: bool = False) -> QueueConfig:
    """The configuration that ``given`` describes; what it leaves out has the service's defaults."""
    http_target.check(given.get("http_target", {}))
    if not 0.0 <= given.get("stackdriver_logging_config", {}).get("sampling_ratio", 0.0) <= 1.0:
        raise refusals.SAMPLING_RATIO.error()
    return QueueConfig(
        rate_limits_from(given.get("rate_limits", {}), knobs),
        retry_config_from(given.get("retry_config", {}), knobs, literal_zero=literal_zero),
        {key: value for key, value in given.items() if key in _FIELDS and key not in _TASK_TTL_FIELDS},
    )


def masked(stored: QueueConfig, given: Settings, paths: Iterable[str], knobs: Knobs) -> QueueConfig:
    """``stored`` with the fields that ``paths`` name taken from ``given``.

    A field that is named and not given goes back to the service's default; output-only fields are passed over.
    Evidence: recorded (nested paths, ``state`` passed over); back to the default is documented for masks in general.
    """
    result: dict[str, Any] = {
        **stored.other,
        "rate_limits": {
            "max_dispatches_per_second": stored.rate_limits.max_dispatches_per_second,
            "max_concurrent_dispatches": stored.rate_limits.max_concurrent_dispatches,
        },
        "retry_config": {name: getattr(stored.retry_config, name) for name in (_FIELDS["retry_config"] or ())},
    }
    if stored.retry_config.min_backoff == RetryConfig.min_backoff:
        del result["retry_config"]["min_backoff"]  # the default keeps its fraction where a given one loses it
    literal_zero = stored.retry_config.max_doublings == 0
    for path in paths:
        head, _, rest = path.partition(".")
        if head in _OUTPUT_ONLY:
            continue
        if head == "http_target" and (not rest or http_target.has_field(rest)):
            result = dict(http_target.taken(result, given, path))
            continue
        if head not in _FIELDS or (rest and rest not in (_FIELDS[head] or ())):
            raise refusals.MASK_UNKNOWN_FIELD.error(path=path)
        if path == "retry_config":
            literal_zero = False
        elif path == "retry_config.max_doublings":
            # Recorded: an update that names it and has no retry_config at all goes back to 16.
            literal_zero = "retry_config" in given
        _take(result, given, head, rest)
    return queue_config_from(result, knobs, literal_zero=literal_zero)


def _take(result: dict[str, Any], given: Settings, head: str, rest: str) -> None:
    if not rest:
        result.pop(head, None)
        if head in given:
            result[head] = given[head]
        return
    inner = dict(result.get(head, {}))
    inner.pop(rest, None)
    if rest in given.get(head, {}):
        inner[rest] = given[head][rest]
    result[head] = inner


class Queue:
    """A live queue. Tasks are kept in the order of their creation."""

    __slots__ = (
        "_waiting",
        "config",
        "in_flight",
        "initialized_at",
        "name",
        "peak_in_flight",
        "policy",
        "policy_version",
        "purge_time",
        "rate",
        "state",
        "tasks",
        "throttle",
    )

    def __init__(self, name: str, config: QueueConfig, initialized_at: int = 0) -> None:
        self.name = name
        self.config = config
        self.initialized_at = initialized_at
        """From when on CreateTask finds it."""
        self.state = QueueState.RUNNING
        self.purge_time: int | None = None
        self.policy: Policy | None = None
        self.policy_version = 0
        self.tasks: dict[str, Task] = {}
        self.in_flight = 0
        self.peak_in_flight = 0
        limits = config.rate_limits
        self.rate = DispatchRate(limits.max_dispatches_per_second, limits.max_burst_size)
        self.throttle = 1.0
        """The part of its rate that the system allows it; the settings stay as they are."""
        self._waiting: list[tuple[int, int, int, Task]] = []

    def reconfigure(self, config: QueueConfig, now: int) -> None:
        """Take new settings; attempts under way and computed schedule times stay. Evidence: our choice."""
        if config.rate_limits != self.config.rate_limits:
            self._change_rate(config.rate_limits, now)
        self.config = config

    def allow(self, part: float, now: int) -> None:
        """Let it have this part of its rate, between `LEAST_RATE` and all of it. Evidence: our choice."""
        part = min(max(part, LEAST_RATE), 1.0)
        if part != self.throttle:
            self.throttle = part
            self._change_rate(self.config.rate_limits, now)

    def _change_rate(self, limits: RateLimits, now: int) -> None:
        burst = max(1, int(limits.max_burst_size * self.throttle))
        self.rate.change(limits.max_dispatches_per_second * self.throttle, burst, now)

    def wait(self, task: Task) -> None:
        """Line ``task`` up by (schedule time, creation). Evidence: our choice; the service promises no order."""
        heapq.heappush(self._waiting, (task.schedule_time, task.sequence, task.dispatch_count, task))

    def head(self) -> Task | None:
        """The task that is next in line, due or not."""
        waiting = self._waiting
        while waiting:
            _, _, dispatch_count, task = waiting[0]
            if task.state is TaskState.SCHEDULED and task.dispatch_count == dispatch_count:
                return task
            heapq.heappop(waiting)  # dispatched out of turn, or gone
        return None

    def waiting(self) -> list[Task]:
        """The tasks that wait, due or not, in the order of creation."""
        return [task for task in self.tasks.values() if task.state is TaskState.SCHEDULED]

    def due(self, now: int) -> list[Task]:
        """The tasks that wait although their schedule time has come, in line."""
        found: list[tuple[int, int, Task]] = []
        waiting, index = self._waiting, [0]
        while index:
            i = index.pop()
            if i >= len(waiting) or waiting[i][0] > now:
                continue  # what lies below in the heap is later still
            schedule_time, sequence, dispatch_count, task = waiting[i]
            if task.state is TaskState.SCHEDULED and task.dispatch_count == dispatch_count:
                found.append((schedule_time, sequence, task))
            index += (2 * i + 1, 2 * i + 2)
        return [task for _, _, task in sorted(found, key=lambda entry: entry[:2])]

    @property
    def has_slot(self) -> bool:
        """Whether max_concurrent_dispatches allows another dispatch."""
        return self.in_flight < self.config.rate_limits.max_concurrent_dispatches

    def next_dispatch(self) -> tuple[int, Task] | None:
        """The earliest instant at which the head may go out, if nothing else happens; None if it may not."""
        if self.state is not QueueState.RUNNING or not self.has_slot:
            return None
        task = self.head()
        if task is None:
            return None
        ready_at = self.rate.ready_at()
        return (task.schedule_time if ready_at is None else max(task.schedule_time, ready_at)), task
