"""A queue's settings, checked and with the service's defaults, and updates by a mask."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from .._units import DAY, HOUR, SECOND
from . import errors
from .options import ServiceOptions
from .overrides import (
    ROUTING_OVERRIDE,
    Overrides,
    check_http_target,
    overridden_target,
    routed,
    stored_http_target,
)
from .request import Payload, PullMessage, PushTarget
from .retry import RetryConfig, retry_config_from

TASK_TTL = 31 * DAY
"""A task is deleted this long after its creation, dispatched or not. Ledger: `task/expires`."""
TASK_TTL_RANGE = 10 * DAY, 3650 * DAY
"""10 days to 10 years. Ledger: `create-queue/task-ttl-10-days-or-10-years`."""
TOMBSTONE_TTL_RANGE = HOUR, 9 * DAY
"""1 hour to 9 days. Ledger: `create-queue/tombstone-ttl-1-hour-or-9-days`."""
LONGEST_TTL_WITH_CMEK = 60 * DAY
"""The longest task_ttl in a location whose tasks are encrypted with a customer's key."""
LONGEST_TTL = 315_576_000_000 * SECOND + SECOND - 1
"""The longest possible duration: the task_ttl of queues from a queue.yaml. Ledger: `upload-queue-yaml/queues`."""


def task_ttl_from(settings: Mapping[str, Any]) -> int:
    """Return the task_ttl, 31 days by default; raise ServiceError out of range. Ledger: `beta-queue/task-ttl`."""
    ttl: int = settings.get("task_ttl", TASK_TTL)
    if not TASK_TTL_RANGE[0] <= ttl <= TASK_TTL_RANGE[1]:
        raise errors.TASK_TTL_RANGE.error()
    return ttl


def tombstone_ttl_from(settings: Mapping[str, Any], options: ServiceOptions) -> int:
    """Return the tombstone_ttl, by default that of the option; raise ServiceError out of range.

    Ledger: `beta-queue/tombstone-ttl`.
    """
    ttl: int | None = settings.get("tombstone_ttl")
    if ttl is None:
        return options.task_tombstone_ttl
    if not TOMBSTONE_TTL_RANGE[0] <= ttl <= TOMBSTONE_TTL_RANGE[1]:
        raise errors.TOMBSTONE_TTL_RANGE.error()
    return ttl


Message = Mapping[str, Any]

_EXCLUDED_BY = {"oauth_token": "oidc_token", "oidc_token": "oauth_token"}
"""The oneofs of an HttpTarget: setting one field unsets the other."""


def merged(stored: Message, changes: Message, path: str) -> dict[str, Any]:
    """Return ``stored`` with the field at ``path`` replaced by that of ``changes``.

    If neither of them has the message that contains the field, it isn't created.
    """
    head, _, rest = path.partition(".")
    result = dict(stored)
    if not rest:
        result.pop(head, None)
        if head in changes:
            result[head] = changes[head]
    elif head in stored or head in changes:
        result[head] = merged(stored.get(head, {}), changes.get(head, {}), rest)
    if head in result and head in _EXCLUDED_BY:
        result.pop(_EXCLUDED_BY[head], None)
    return result


GivenSettings = Mapping[str, Any]
"""A queue as a caller sends it: the API's field names, nested as there; unset fields are left out."""

MAX_RATE = 500.0
MIN_RATE = 1e-11
"""One dispatch in 3,000 years. With a lower rate the next dispatch would lie beyond the calendar."""
MAX_CONCURRENCY = 5000
MAX_BURST = 500
"""The maximum burst size that a caller may set in the beta versions. Ledger: `create-queue/max-burst-size-500`."""
_RATE, _BURST = "rate_limits.max_dispatches_per_second", "rate_limits.max_burst_size"
NO_LIMIT = -1
"""The max_concurrent_dispatches of every pull queue. Ledger: `pull-queue/settings`."""
_TYPE, _RETENTION = "type", ("task_ttl", "tombstone_ttl")
_OTHER = ("stackdriver_logging_config", ROUTING_OVERRIDE, "http_target")
"""Settings that are stored and returned unchanged."""
ALL_SETTINGS = ("rate_limits", "retry_config", *_OTHER, _TYPE, *_RETENTION)
_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "stats"})


class QueueType(Enum):
    """Queue.Type, which v2 leaves out."""

    PULL = 1
    PUSH = 2


class RateLimits(NamedTuple):
    """A queue's RateLimits with all defaults: 500 a second, 1000 at once.

    Ledger: `create-queue/defaults`.
    """

    max_dispatches_per_second: float
    max_burst_size: int
    max_concurrent_dispatches: int


def rate_limits_from(settings: Mapping[str, Any], options: ServiceOptions) -> RateLimits:
    """Return the rate limits with defaults, also for the burst size; raise ServiceError out of range."""
    rate = settings.get("max_dispatches_per_second") or MAX_RATE
    concurrency = settings.get("max_concurrent_dispatches") or 1000
    if rate < 0:
        raise errors.RATE_NEGATIVE.error()
    if rate > MAX_RATE:
        raise errors.RATE_TOO_HIGH.error()
    if not rate >= MIN_RATE:  # also rejects NaN
        raise errors.RATE_TOO_LOW.error()
    if concurrency < 0:
        raise errors.CONCURRENCY_NEGATIVE.error()
    if concurrency > MAX_CONCURRENCY:
        raise errors.CONCURRENCY_TOO_HIGH.error()
    burst = settings.get("max_burst_size", 0)
    if burst < 0:
        raise errors.BURST_NEGATIVE.error()
    if burst > MAX_BURST:
        raise errors.BURST_TOO_HIGH.error()
    return RateLimits(rate, burst or _burst(rate, options), concurrency)


def _burst(rate: float, options: ServiceOptions) -> int:
    if isinstance(options.burst_size, int):
        return options.burst_size
    burst = options.burst_size(rate)
    if isinstance(burst, bool) or not isinstance(burst, (int, float)) or not 1 <= burst < math.inf:
        raise ValueError(
            f"The service option burst_size returned {burst!r} for a rate of {rate:g} dispatches a second."
            " Return a number of 1 or more."
        )
    return int(burst)


def _pull_settings(settings: GivenSettings, options: ServiceOptions) -> tuple[RateLimits, GivenSettings]:
    """Return the rates of a pull queue, and the one retry setting that applies to it: max_attempts.

    Ledger: `pull-queue/settings`.
    """
    attempts = {key: value for key, value in settings.get("retry_config", {}).items() if key == "max_attempts"}
    return RateLimits(MAX_RATE, _burst(MAX_RATE, options), NO_LIMIT), attempts


@dataclass(frozen=True)
class QueueConfig:
    """All settings of a queue, checked and with defaults."""

    rate_limits: RateLimits
    retry_config: RetryConfig
    other: GivenSettings = field(default_factory=dict)
    """Settings that are returned unchanged: logging, App Engine routing and the HTTP target."""
    type: QueueType = QueueType.PUSH
    task_ttl: int = TASK_TTL
    """How long a task is kept at most."""
    tombstone_ttl: int = ServiceOptions().task_tombstone_ttl
    """How long the names of its tasks stay reserved."""

    @property
    def http_target(self) -> Overrides | None:
        """The queue's changes to the requests of its tasks, if any."""
        return self.other.get("http_target")

    def sent(self, target: Payload) -> PushTarget:
        """Return what a dispatch of ``target`` sends under these settings."""
        assert not isinstance(target, PullMessage), "a pull message is not sent anywhere"
        if not self.other:
            return target
        return routed(overridden_target(target, self.http_target), self.other.get(ROUTING_OVERRIDE))


def queue_config_from(settings: GivenSettings, options: ServiceOptions) -> QueueConfig:
    """Return the configuration that ``settings`` describe, with the service's defaults for unset fields."""
    check_http_target(settings.get("http_target", {}))
    return _config(settings, options)


def _config(settings: GivenSettings, options: ServiceOptions) -> QueueConfig:
    if not 0.0 <= settings.get("stackdriver_logging_config", {}).get("sampling_ratio", 0.0) <= 1.0:
        raise errors.SAMPLING_RATIO.error()
    kind = QueueType(settings.get(_TYPE, QueueType.PUSH))
    if kind is QueueType.PULL:
        rates, retry = _pull_settings(settings, options)
    else:
        rates, retry = rate_limits_from(settings.get("rate_limits", {}), options), settings.get("retry_config", {})
    return QueueConfig(
        rates,
        retry_config_from(retry),
        _other(settings),
        kind,
        task_ttl_from(settings),
        tombstone_ttl_from(settings, options),
    )


def _other(settings: GivenSettings) -> GivenSettings:
    other = {name: settings[name] for name in _OTHER if name in settings}
    if not other.get("stackdriver_logging_config", {}).get("sampling_ratio"):
        other.pop("stackdriver_logging_config", None)
    if "http_target" in other:
        other["http_target"] = stored_http_target(other["http_target"])
    return other


def masked(
    stored: QueueConfig | None, changes: GivenSettings, paths: Collection[str], options: ServiceOptions
) -> QueueConfig:
    """Return ``stored``, or the default configuration, with the fields that ``paths`` name taken from ``changes``.

    A field that is named but not set gets the service's default. Output-only fields are ignored. The http_target of
    ``changes`` are always checked; other limits are checked on the result.
    """
    check_http_target(changes.get("http_target", {}))
    result = {} if stored is None else _settings_of(stored)
    named = [path for path in paths if path.partition(".")[0] not in _OUTPUT_ONLY]
    for path in named:
        if path == _TYPE and stored is not None:
            if changes.get(_TYPE, stored.type) is not stored.type:
                raise errors.QUEUE_TYPE_IMMUTABLE.error()
        else:
            result = merged(result, changes, path)
    if stored is not None and _RATE in named and not {_BURST, "rate_limits"}.intersection(named):
        result["rate_limits"]["max_burst_size"] = 0  # the burst size follows the rate, unless it is set as well
    config = _config(result, options)
    return config if stored is None else _with_what_stays(config, stored, named)


def _settings_of(config: QueueConfig) -> dict[str, Any]:
    return {
        **config.other,
        "rate_limits": config.rate_limits._asdict(),
        "retry_config": config.retry_config._asdict(),
        _TYPE: config.type,
    }


def _with_what_stays(config: QueueConfig, stored: QueueConfig, named: Collection[str]) -> QueueConfig:
    """Return ``config`` with the settings that an update leaves alone; a queue.yaml may have set them out of range."""
    if not {"retry_config", "retry_config.max_doublings"}.intersection(named):
        doublings = stored.retry_config.max_doublings
        config = replace(config, retry_config=config.retry_config._replace(max_doublings=doublings))
    return replace(config, **{name: getattr(stored, name) for name in _RETENTION if name not in named})


def cmek_allowed(config: QueueConfig) -> bool:
    """Return whether the location may have a customer's encryption key while such a queue exists."""
    has_headers = bool((config.http_target or {}).get("header_overrides"))
    return not has_headers and config.task_ttl <= LONGEST_TTL_WITH_CMEK


class UploadedQueue(NamedTuple):
    """One queue of a queue.yaml."""

    settings: GivenSettings
    is_paused: bool = False
