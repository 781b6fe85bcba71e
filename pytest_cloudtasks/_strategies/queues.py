"""Queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn

from .._service.overrides import ROUTING_OVERRIDE
from .fields_or_strategy import Given, chosen, durations, is_callers, mostly
from .names import resource_names
from .pull_messages import PULLING
from .requests import oauth_tokens, oidc_tokens, routings
from .settings import Fields, rate_limit_fields, retry_config_fields
from .validity import check_queue
from .versions import Version, has_field, in_words_of, message

TASK_TTLS = timedelta(days=10), timedelta(days=3650)
TOMBSTONE_TTLS = timedelta(hours=1), timedelta(days=9)

_rates = {True: rate_limit_fields(burst=...), False: rate_limit_fields()}
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
"""Those that leave a task's token, which makes demands on its URL."""
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
"""What excludes each other in v2beta2."""


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
    """Queue messages that CreateQueue accepts, or dicts of their fields; push queues, unless asked.

    The names are v2's in every version; the two ``…_ttl`` are set in the beta versions. Pull queues are v2beta2's:
    ``pull_target={}`` gives those alone, ``...`` some of them; of their settings only ``max_attempts`` is theirs to
    set. Shrinks to ``projects/test-project/locations/us-central1/queues/0`` and nothing else.
    Evidence: documented and recorded.
    """
    given = {
        "pull_target": (None if pull_target is ... and version != PULLING else pull_target, _pull_targets),
        ROUTING_OVERRIDE: (app_engine_routing_override, _routings),
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
    if version == PULLING:
        _keep_one_target(fields, given)
    if fields.get("pull_target") is not None:
        _leave_out_what_pull_queues_pass_over(fields, rate_limits, retry_config)
    own = in_words_of(version, "Queue", fields)
    if is_callers(name, rate_limits, retry_config, *(value for value, _ in given.values())):
        check_queue(version, own)
    return own if as_dict else message(version, "Queue", own)


def _keep_one_target(fields: dict[str, Any], given: dict[str, tuple[Any, Any]]) -> None:
    """Of what excludes each other only what the caller gives stays, or one of what was drawn."""
    found = [field for field in _TARGETS if fields.get(field) is not None]
    kept = [field for field in found if given[field][0] is not ...] or found[:1]
    for field in found:
        if field not in kept:
            fields[field] = None


def _leave_out_what_pull_queues_pass_over(fields: dict[str, Any], rates: Any, retry: Any) -> None:
    """Rates and backoff are output only there; what the caller gives is the caller's to know."""
    if rates is ...:
        fields["rate_limits"] = None
    if retry is ... and fields["retry_config"]:
        attempts = fields["retry_config"].get("max_attempts")
        fields["retry_config"] = None if attempts is None else {"max_attempts": attempts}
