"""A queue's settings: what a caller gives, checked and with the service's defaults; and updates by a mask."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from . import app_engine, errors, retention
from . import http_overrides as http_target
from .options import Knobs
from .request import Payload, PullMessage, Target
from .retry import RetryConfig, retry_config_from

Settings = Mapping[str, Any]
"""A queue as a caller describes it: the API's field names, nested as there; unset fields are left out."""

MAX_RATE = 500.0
MAX_CONCURRENCY = 5000
MAX_BURST = 500
"""What a caller may set in the beta versions. Evidence: documented."""
NO_LIMIT = -1
"""The max_concurrent_dispatches of every pull queue. Evidence: documented."""
_TYPE, _RETENTION = "type", ("task_ttl", "tombstone_ttl")
_PARTS = ("rate_limits", "retry_config", _TYPE, *_RETENTION)
"""What QueueConfig has fields of its own for."""
_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "stats"})
_FIELDS: dict[str, frozenset[str] | None] = {
    "rate_limits": frozenset({"max_dispatches_per_second", "max_burst_size", "max_concurrent_dispatches"}),
    "retry_config": frozenset({"max_attempts", "max_retry_duration", "min_backoff", "max_backoff", "max_doublings"}),
    "stackdriver_logging_config": frozenset({"sampling_ratio"}),
    "app_engine_routing_override": frozenset({"service", "version", "instance", "host"}),
    "http_target": None,  # its fields nest deeper: http_target.has_field knows them
    _TYPE: frozenset(),
    **dict.fromkeys(_RETENTION, frozenset()),
}


class QueueType(Enum):
    """Queue.Type, which v2 leaves out."""

    PULL = 1
    PUSH = 2


class RateLimits(NamedTuple):
    """A queue's RateLimits with every default filled in: 500 a second, 1000 at once. Evidence: recorded."""

    max_dispatches_per_second: float
    max_burst_size: int
    max_concurrent_dispatches: int


def rate_limits_from(given: Mapping[str, Any], knobs: Knobs) -> RateLimits:
    """Fill in defaults and refuse what is out of range; a burst that isn't set is the server's to choose.

    Evidence: recorded; documented for a burst, which only the beta versions can set.
    """
    rate = given.get("max_dispatches_per_second") or MAX_RATE
    concurrency = given.get("max_concurrent_dispatches") or 1000
    if rate < 0:
        raise errors.RATE_NEGATIVE.error()
    if rate > MAX_RATE:
        raise errors.RATE_TOO_HIGH.error()
    if concurrency < 0:
        raise errors.CONCURRENCY_NEGATIVE.error()
    if concurrency > MAX_CONCURRENCY:
        raise errors.CONCURRENCY_TOO_HIGH.error()
    burst = given.get("max_burst_size", 0)
    if burst < 0:
        raise errors.BURST_NEGATIVE.error()
    if burst > MAX_BURST:
        raise errors.BURST_TOO_HIGH.error()
    return RateLimits(rate, burst or _burst(rate, knobs), concurrency)


def _burst(rate: float, knobs: Knobs) -> int:
    if isinstance(knobs.burst_size, int):
        return knobs.burst_size
    burst = knobs.burst_size(rate)
    if isinstance(burst, bool) or not isinstance(burst, (int, float)) or not 1 <= burst < math.inf:
        raise ValueError(
            f"The knob burst_size made {burst!r} of a rate of {rate:g} dispatches a second. It has to make a number of"
            " 1 or more."
        )
    return int(burst)


def _pull_settings(given: Settings, knobs: Knobs) -> tuple[RateLimits, Settings]:
    """Rates, and what counts of a retry_config, in a pull queue: only max_attempts is the caller's to set.

    Evidence: documented (which fields are output only, concurrency without a limit); our choice (that they are passed
    over rather than refused, and show the defaults).
    """
    attempts = {key: value for key, value in given.get("retry_config", {}).items() if key == "max_attempts"}
    return RateLimits(MAX_RATE, _burst(MAX_RATE, knobs), NO_LIMIT), attempts


@dataclass(frozen=True)
class QueueConfig:
    """All settings of a queue, checked and with defaults."""

    rate_limits: RateLimits
    retry_config: RetryConfig
    other: Settings = field(default_factory=dict)
    """What is stored and given back as it is: logging, App Engine routing and the HTTP target."""
    type: QueueType = QueueType.PUSH
    task_ttl: int = retention.TASK_TTL
    """How long a task stays at the most."""
    tombstone_ttl: int = Knobs.task_tombstone_ttl
    """How long the names of its tasks stay reserved."""

    @property
    def http_target(self) -> http_target.Overrides | None:
        """What the queue changes about the requests of its tasks, if anything."""
        return self.other.get("http_target")

    def sent(self, target: Payload) -> Target:
        """What a dispatch of ``target`` sends under these settings."""
        assert not isinstance(target, PullMessage), "a pull message is not sent anywhere"
        if not self.other:
            return target
        return app_engine.at_execution(
            http_target.at_execution(target, self.http_target), self.other.get(app_engine.OVERRIDE)
        )


def queue_config_from(given: Settings, knobs: Knobs, *, literal_zero: bool = False) -> QueueConfig:
    """The configuration that ``given`` describes; what it leaves out has the service's defaults."""
    http_target.check(given.get("http_target", {}))
    if not 0.0 <= given.get("stackdriver_logging_config", {}).get("sampling_ratio", 0.0) <= 1.0:
        raise errors.SAMPLING_RATIO.error()
    kind = QueueType(given.get(_TYPE, QueueType.PUSH))
    if kind is QueueType.PULL:
        rates, retry = _pull_settings(given, knobs)
    else:
        rates, retry = rate_limits_from(given.get("rate_limits", {}), knobs), given.get("retry_config", {})
    return QueueConfig(
        rates,
        retry_config_from(retry, knobs, literal_zero=literal_zero),
        {key: value for key, value in given.items() if key in _FIELDS and key not in _PARTS},
        kind,
        retention.task_ttl_from(given),
        retention.tombstone_ttl_from(given, knobs),
    )


def check_mask(paths: Iterable[str]) -> None:
    """Refuse a path that names no field of a queue. Evidence: our choice, by the convention of field masks."""
    for path in paths:
        head, _, rest = path.partition(".")
        if head == "http_target":
            is_field = not rest or http_target.has_field(rest)
        else:
            is_field = head in _OUTPUT_ONLY or (head in _FIELDS and (not rest or rest in (_FIELDS[head] or ())))
        if not is_field:
            raise errors.MASK_UNKNOWN_FIELD.error(path=path)


def masked(stored: QueueConfig, given: Settings, paths: Collection[str], knobs: Knobs) -> QueueConfig:
    """``stored`` with the fields that ``paths`` name taken from ``given``.

    A field that is named and not given goes back to the service's default; output-only fields are passed over.
    Evidence: recorded (nested paths, ``state`` passed over); back to the default is documented for masks in general.
    """
    result: dict[str, Any] = {
        **stored.other,
        "rate_limits": {
            "max_dispatches_per_second": stored.rate_limits.max_dispatches_per_second,
            "max_concurrent_dispatches": stored.rate_limits.max_concurrent_dispatches,
            "max_burst_size": stored.rate_limits.max_burst_size,
        },
        "retry_config": {name: getattr(stored.retry_config, name) for name in (_FIELDS["retry_config"] or ())},
    }
    if stored.retry_config.min_backoff == RetryConfig().min_backoff:
        del result["retry_config"]["min_backoff"]  # the default keeps its fraction where a given one loses it
    result[_TYPE] = stored.type
    literal_zero = stored.retry_config.max_doublings == 0
    kept = set(_RETENTION)
    for path in paths:
        head, _, rest = path.partition(".")
        if head in _OUTPUT_ONLY:
            continue
        if head == "http_target":
            result = dict(http_target.taken(result, given, path))
            continue
        if head == _TYPE:
            if given.get(_TYPE, stored.type) is not stored.type:
                raise errors.QUEUE_TYPE_IMMUTABLE.error()
            continue
        kept.discard(head)
        if path == "rate_limits.max_dispatches_per_second":
            # It follows the rate, unless it is set as well. Evidence: documented.
            result["rate_limits"] = {**result.get("rate_limits", {}), "max_burst_size": 0}
        if path == "retry_config":
            literal_zero = False
        elif path == "retry_config.max_doublings":
            # Recorded: an update that names it and has no retry_config at all goes back to 16.
            literal_zero = "retry_config" in given
        _take(result, given, head, rest)
    if "rate_limits.max_burst_size" in paths:
        _take(result, given, "rate_limits", "max_burst_size")  # whatever order the mask has
    config = queue_config_from(result, knobs, literal_zero=literal_zero)
    # What is not named stays, also out of the range that a caller may set: a queue.yaml can do that.
    return replace(config, **{name: getattr(stored, name) for name in kept})


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
    if inner or head in given:
        result[head] = inner
    else:
        result.pop(head, None)
