"""Queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn

from .._model.app_engine import OVERRIDE
from .checking import check_queue
from .choosing import Given, chosen, durations, is_callers, mostly
from .naming import resource_names
from .requests import routings
from .settings import rate_limit_fields, retry_config_fields
from .versions import Version, has_field, in_words_of, message

_rates = {True: rate_limit_fields(burst=...), False: rate_limit_fields()}
_retries = retry_config_fields()
_routings = mostly(st.none(), routings.map(lambda one: one or None))
_http_targets = mostly(
    st.none(),
    st.sampled_from(
        [
            {"uri_override": {"host": "example.com"}},
            {"http_method": "PUT"},
            {"header_overrides": [{"header": {"key": "X-Queue", "value": "a"}}]},
        ]
    ),
)
_logging = mostly(st.none(), st.floats(0.01, 1).map(lambda ratio: {"sampling_ratio": ratio}))
_task_ttls = mostly(st.none(), durations(timedelta(days=10), timedelta(days=3650)))
_tombstone_ttls = mostly(st.none(), durations(timedelta(hours=1), timedelta(days=9)))
_names = resource_names()


@st.composite
def queues(
    draw: DrawFn,
    *,
    name: Given[str] = ...,
    rate_limits: Given[Any] = ...,
    retry_config: Given[Any] = ...,
    app_engine_routing_override: Given[Any] = ...,
    http_target: Given[Any] = ...,
    stackdriver_logging_config: Given[Any] = ...,
    task_ttl: Given[timedelta] = ...,
    tombstone_ttl: Given[timedelta] = ...,
    version: Version = "v2",
    as_dict: bool = False,
) -> Any:
    """Queue messages that CreateQueue accepts, or dicts of their fields; push queues in every version.

    The names are v2's in every version; the two ``…_ttl`` are set in the beta versions. Shrinks to
    ``projects/test-project/locations/us-central1/queues/0`` and nothing else. Evidence: documented and recorded.
    """
    given = {
        OVERRIDE: (app_engine_routing_override, _routings),
        "http_target": (http_target, _http_targets),
        "stackdriver_logging_config": (stackdriver_logging_config, _logging),
        "task_ttl": (task_ttl, _task_ttls),
        "tombstone_ttl": (tombstone_ttl, _tombstone_ttls),
    }
    fields = {
        "name": chosen(draw, name, _names),
        "rate_limits": chosen(draw, rate_limits, _rates[version != "v2"]) or None,
        "retry_config": chosen(draw, retry_config, _retries) or None,
    }
    for field, (value, default) in given.items():
        if has_field(version, "Queue", field):
            fields[field] = chosen(draw, value, default)
        elif value is not ... and value is not None:
            raise InvalidArgument(f"queues({field}={value!r}): a Queue of {version} has no such field")
    own = in_words_of(version, "Queue", fields)
    if is_callers(name, rate_limits, retry_config, *(value for value, _ in given.values())):
        check_queue(version, own)
    return own if as_dict else message(version, "Queue", own)
