"""Strategies for queues and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn

from .._service.overrides import ROUTING_OVERRIDE
from .._service.queue_settings import MAX_BURST, MAX_CONCURRENCY, MAX_RATE
from .._service.retry import UNLIMITED
from .field_defaults import Given, chosen, durations, is_callers, mostly
from .names import resource_names
from .requests import PULLING, oauth_tokens, oidc_tokens, routings
from .validity import check_queue
from .versions import Version, has_field, in_words_of, message

Fields = dict[str, Any]
DEFAULT_MIN_BACKOFF, DEFAULT_MAX_BACKOFF = timedelta(milliseconds=100), timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)
LONGEST_BACKOFF = timedelta(hours=10)
LOCATION = "projects/test-project/locations/us-central1"
_AN_END = timedelta(hours=1)
"""Whether attempts have an end. A lint warns of endless ones, so they are drawn only on request."""
NAME = f"{LOCATION}/queues/0"

_rates = st.none() | st.integers(1, int(MAX_RATE)).map(float) | st.floats(0.01, MAX_RATE) | st.just(MAX_RATE)
_concurrency = st.none() | st.integers(1, MAX_CONCURRENCY) | st.just(MAX_CONCURRENCY)
_bursts = st.none() | st.integers(1, MAX_BURST) | st.just(MAX_BURST)
_attempts = st.none() | st.integers(1, 100) | st.just(UNLIMITED)
_doublings = st.none() | st.integers(1, 20)
_retry_durations = st.none() | st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds))
"""Only whole seconds."""
_least_backoffs = st.none() | durations(timedelta(0), DEFAULT_MAX_BACKOFF)
_most_backoffs = st.none() | durations(DEFAULT_MIN_BACKOFF, LONGEST_BACKOFF)


@st.composite
def rate_limit_fields(
    draw: DrawFn, rate: Given[float] = ..., concurrency: Given[int] = ..., burst: Given[int] = None
) -> Fields:
    """Return the fields of RateLimits, by v2's names."""
    fields = {
        "max_dispatches_per_second": chosen(draw, rate, _rates),
        "max_concurrent_dispatches": chosen(draw, concurrency, _concurrency),
        "max_burst_size": chosen(draw, burst, _bursts),
    }
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def retry_config_fields(
    draw: DrawFn,
    max_attempts: Given[int] = ...,
    max_retry_duration: Given[timedelta] = ...,
    min_backoff: Given[timedelta] = ...,
    max_backoff: Given[timedelta] = ...,
    max_doublings: Given[int] = ...,
) -> Fields:
    """Return the fields of a RetryConfig."""
    least, most = _backoffs(draw, min_backoff, max_backoff)
    fields = {
        "max_attempts": chosen(draw, max_attempts, _attempts),
        "max_retry_duration": chosen(draw, max_retry_duration, _retry_durations),
        "min_backoff": least,
        "max_backoff": most,
        "max_doublings": chosen(draw, max_doublings, _doublings),
    }
    if fields["max_attempts"] == UNLIMITED and max_attempts is max_retry_duration is ...:
        fields["max_retry_duration"] = fields["max_retry_duration"] or _AN_END
    return {name: value for name, value in fields.items() if value is not None}


def _backoffs(draw: DrawFn, least: Any, most: Any) -> tuple[Any, Any]:
    """Draw the two backoffs in order. If the caller gave one, draw the other to fit."""
    if least is ... and most is ...:
        pair = draw(_least_backoffs), draw(_most_backoffs)
        return (min(pair), max(pair)) if None not in pair else pair  # type: ignore[type-var]
    if most is ...:
        least = chosen(draw, least, st.none())
        shortest = _or(least, DEFAULT_MIN_BACKOFF) or DEFAULT_MIN_BACKOFF
        strategy = durations(shortest, max(shortest, LONGEST_BACKOFF))
        return least, draw(strategy if shortest > DEFAULT_MAX_BACKOFF else st.none() | strategy)
    most = chosen(draw, most, st.none())
    if least is not ...:
        return chosen(draw, least, st.none()), most
    longest = max(_or(most, DEFAULT_MAX_BACKOFF) or DEFAULT_MAX_BACKOFF, _MILLISECOND)
    if longest < DEFAULT_MIN_BACKOFF:  # 0 would mean the default
        return draw(durations(_MILLISECOND, longest)), most
    return draw(st.none() | durations(timedelta(0), longest)), most


def _or(value: Any, default: timedelta) -> timedelta:
    """Return ``value`` if it is a duration. Anything else is rejected later, with the whole message."""
    return value if isinstance(value, timedelta) else default


@st.composite
def rate_limits(
    draw: DrawFn,
    *,
    max_dispatches_per_second: Given[float] = ...,
    max_concurrent_dispatches: Given[int] = ...,
    max_burst_size: Given[int] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw RateLimits messages that the service accepts, up to 500/s and 5000 at once. Shrinks to no limits.

    Fields have v2's names in every version.

    Args:
        max_dispatches_per_second: A rate, or a strategy.
        max_concurrent_dispatches: A number, or a strategy.
        max_burst_size: A number, or a strategy; in the beta versions only.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    burst = None if version == "v2" and max_burst_size is ... else max_burst_size
    fields = draw(rate_limit_fields(max_dispatches_per_second, max_concurrent_dispatches, burst))
    is_to_check = is_callers(max_dispatches_per_second, max_concurrent_dispatches, max_burst_size)
    return _setting(version, "RateLimits", "rate_limits", fields, is_to_check, as_dict)


@st.composite
def retry_configs(
    draw: DrawFn,
    *,
    max_attempts: Given[int] = ...,
    max_retry_duration: Given[timedelta] = ...,
    min_backoff: Given[timedelta] = ...,
    max_backoff: Given[timedelta] = ...,
    max_doublings: Given[int] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw RetryConfig messages that the service accepts. Shrinks to an empty one.

    Args:
        max_attempts: A number, or a strategy. -1 means no limit in every version; it comes with a max_retry_duration.
        max_retry_duration: A timedelta, or a strategy.
        min_backoff: A timedelta, or a strategy.
        max_backoff: A timedelta, or a strategy.
        max_doublings: A number, or a strategy.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    fields = draw(retry_config_fields(max_attempts, max_retry_duration, min_backoff, max_backoff, max_doublings))
    is_to_check = is_callers(max_attempts, max_retry_duration, min_backoff, max_backoff, max_doublings)
    return _setting(version, "RetryConfig", "retry_config", fields, is_to_check, as_dict)


def _setting(
    version: Version, kind: str, field: str, fields: Mapping[str, Any], is_to_check: bool, as_dict: bool
) -> Any:
    """Return a part of a queue with the version's names, which the service has to accept in ``field``."""
    own = in_words_of(version, kind, fields)
    if is_to_check:
        check_queue(version, {"name": NAME, field: own})
    return own if as_dict else message(version, kind, own)


TASK_TTLS = timedelta(days=10), timedelta(days=3650)
TOMBSTONE_TTLS = timedelta(hours=1), timedelta(days=9)

_rate_limits = {True: rate_limit_fields(burst=...), False: rate_limit_fields()}
_retries = retry_config_fields()
_routings = mostly(st.none(), routings.map(lambda one: one or None))
_URI_OVERRIDES: list[Fields] = [
    {"host": "example.com"},
    {"scheme": "SCHEME_UNSPECIFIED"},
    {"port": 0, "path_override": {}, "query_override": {}},
    {"port": 65536},
    {"path_override": {"path": "no slash"}, "query_override": {"query_params": "?a=1"}},
    {"host": "example.com", "uri_override_enforce_mode": "IF_NOT_EXISTS"},
]
_HEADER_OVERRIDES: list[list[Fields]] = [
    [{"header": {"key": "X-Queue", "value": "a"}}],
    [{"header": {"key": "Content-Type", "value": "text/plain"}}, {"header": {"key": "Authorization", "value": "a"}}],
    [{"header": {"key": "X-Queue"}}],
    [{"header": {"key": "X-Queue", "value": "a"}}, {"header": {"key": "x-queue", "value": "b"}}],
]
HTTP_TARGETS: list[Fields] = [
    *({"uri_override": uri} for uri in _URI_OVERRIDES),
    {"http_method": "PUT"},
    *({"header_overrides": headers} for headers in _HEADER_OVERRIDES),
    {},
]
"""HttpTargets that leave a task's token alone, because tokens restrict the URL."""
_tokens = oidc_tokens.map(lambda token: {"oidc_token": token}) | oauth_tokens.map(lambda token: {"oauth_token": token})
_http_targets = mostly(st.none(), st.sampled_from(HTTP_TARGETS) | _tokens)
tokenless_http_targets = mostly(st.none(), st.sampled_from(HTTP_TARGETS))
_logging = mostly(st.none(), st.sampled_from([0.0, 1.0]) | st.floats(0.01, 1)).map(
    lambda ratio: None if ratio is None else {"sampling_ratio": ratio}
)
_task_ttls = mostly(st.none(), st.sampled_from(TASK_TTLS) | durations(*TASK_TTLS))
_tombstone_ttls = mostly(st.none(), st.sampled_from(TOMBSTONE_TTLS) | durations(*TOMBSTONE_TTLS))
_pull_targets: st.SearchStrategy[Any] = st.sampled_from([None, None, {}])
_names = resource_names()
_TARGETS = ("pull_target", ROUTING_OVERRIDE, "http_target")
"""Fields that exclude each other in v2beta2."""


@st.composite
def queues(
    draw: DrawFn,
    *,
    name: Given[str] = ...,
    rate_limits: Given[Any] = ...,
    retry_config: Given[Any] = ...,
    app_engine_routing_override: Given[Any] = ...,
    http_target: Given[Any] = ...,
    pull_target: Given[Any] = None,
    stackdriver_logging_config: Given[Any] = ...,
    task_ttl: Given[timedelta] = ...,
    tombstone_ttl: Given[timedelta] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Draw Queue messages that CreateQueue accepts; push queues by default.

    Fields have v2's names in every version. Shrinks to ``projects/test-project/locations/us-central1/queues/0``.

    Args:
        name: The full name, or a strategy.
        rate_limits: A message, a dict, or a strategy.
        retry_config: A message, a dict, or a strategy.
        app_engine_routing_override: A message, a dict, or a strategy.
        http_target: A message, a dict, or a strategy.
        pull_target: ``{}`` for pull queues alone, ``...`` for some; in v2beta2 only.
        stackdriver_logging_config: A message, a dict, or a strategy.
        task_ttl: A timedelta, or a strategy; in the beta versions only.
        tombstone_ttl: A timedelta, or a strategy; in the beta versions only.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    arguments = {
        "pull_target": (None if pull_target is ... and version != PULLING else pull_target, _pull_targets),
        ROUTING_OVERRIDE: (app_engine_routing_override, _routings),
        "http_target": (http_target, _http_targets),
        "stackdriver_logging_config": (stackdriver_logging_config, _logging),
        "task_ttl": (task_ttl, _task_ttls),
        "tombstone_ttl": (tombstone_ttl, _tombstone_ttls),
    }
    fields = {
        "name": chosen(draw, name, _names),
        "rate_limits": chosen(draw, rate_limits, _rate_limits[version != "v2"]) or None,
        "retry_config": chosen(draw, retry_config, _retries) or None,
    }
    for field, (value, default) in arguments.items():
        if has_field(version, "Queue", field):
            fields[field] = chosen(draw, value, default)
        elif value is not ... and value is not None:
            raise InvalidArgument(f"queues({field}={value!r}): a Queue of {version} has no such field")
    if version == PULLING:
        _keep_one_target(fields, arguments)
    if fields.get("pull_target") is not None:
        _leave_out_what_pull_queues_pass_over(fields, rate_limits, retry_config)
    own = in_words_of(version, "Queue", fields)
    if is_callers(name, rate_limits, retry_config, *(value for value, _ in arguments.values())):
        check_queue(version, own)
    return own if as_dict else message(version, "Queue", own)


def _keep_one_target(fields: dict[str, Any], arguments: dict[str, tuple[Any, Any]]) -> None:
    """Keep only one of the fields that exclude each other: the caller's, or else a drawn one."""
    targets = [field for field in _TARGETS if fields.get(field) is not None]
    kept = [field for field in targets if arguments[field][0] is not ...] or targets[:1]
    for field in targets:
        if field not in kept:
            fields[field] = None


def _leave_out_what_pull_queues_pass_over(fields: dict[str, Any], rates: Any, retry: Any) -> None:
    """Leave out rates and backoff, which are output only for pull queues, unless the caller gave them."""
    if rates is ...:
        fields["rate_limits"] = None
    if retry is ... and fields["retry_config"]:
        attempts = fields["retry_config"].get("max_attempts")
        fields["retry_config"] = None if attempts is None else {"max_attempts": attempts}
