"""Fields of queues that Google's library can't take: what is said of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from pytest_cloudtasks._messages import api_versions as frontends
from pytest_cloudtasks._messages.proto import OURS, built_queue, mistake_in, proto_class
from tests.each import each

NAME = "projects/p/locations/l/queues/q"
RETRY_CONFIG = (
    " Its fields are max_attempts, max_retry_duration, min_backoff, max_backoff and max_doublings, durations as a"
    ' timedelta or a text such as "10s".'
)
DURATION = 'retry_config.min_backoff takes a timedelta or a text such as "10s", but got'
INSTANT = 'purge_time takes an aware datetime or a text such as "2030-01-01T00:00:00Z", but got'
HEADERS = "http_target.header_overrides"


def queue_fields() -> str:
    """What is said of the fields of the installed release's Queue."""
    names = list(proto_class(frontends.v2().messages.types.Queue).DESCRIPTOR.fields_by_name)
    *most, last = (name for name in names if name not in ("name", "purge_time", "stats"))
    return f' Its fields are {", ".join(most)} and {last}, durations as a timedelta or a text such as "10s".'


def refused(fields: Any) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        built_queue(frontends.with_queue_fields(fields).messages.types.Queue, fields, NAME)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "near"),
    [
        ({"retry_confg": {}}, " Did you mean 'retry_config'?"),
        ({"max_attempts": 3}, " Did you mean 'retry_config.max_attempts'?"),
        ({"zzz": 3}, ""),
        ({7: 3}, ""),
    ],
)
def test_a_field_that_a_queue_has_not(fields: dict[Any, Any], near: str) -> None:
    """The nearest one, also one level down, and those that there are but for what is the service's to set."""
    assert refused(fields) == f"{next(iter(fields))} is no field of Google's Queue.{near}{queue_fields()}"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"minBackoff": "1s"},
            f"minBackoff is no field of Google's RetryConfig. Did you mean 'min_backoff'?{RETRY_CONFIG}",
        ),
        ({"min_backoff": "1s", 7: 3}, f"7 is no field of Google's RetryConfig.{RETRY_CONFIG}"),
    ],
)
def test_a_field_that_a_message_within_has_not(fields: dict[Any, Any], told: str) -> None:
    """The path to it, and the fields of that message."""
    assert refused({"retry_config": fields}) == f"retry_config.{told}"


@pytest.mark.needs("batches")
def test_a_field_that_a_message_of_a_list_has_not() -> None:
    """Which of them it is; nothing of durations, for a header has none."""
    fields = {"http_target": {"header_overrides": [{"header": {"key": "k"}}, {"header": {"keys": "k"}}]}}
    assert refused(fields) == (
        f"{HEADERS}[1].header.keys is no field of Google's Header. Did you mean 'key'? Its fields are key and value."
    )


@each(
    ("fields", "told"),
    [
        ({"retry_config": {"min_backoff": 10}}, f"{DURATION} 10."),
        ({"retry_config": {"min_backoff": "10m"}}, f"{DURATION} '10m'."),
        ({"retry_config": {"min_backoff": "9" * 20 + "s"}}, f"{DURATION} '{'9' * 20}s'."),
        ({"retry_config": {"min_backoff": {"hours": 1}}}, f"{DURATION} {{'hours': 1}}."),
        ({"purge_time": "now"}, f"{INSTANT} 'now'."),
        ({"retry_config": {"max_attempts": 2.5}}, "retry_config.max_attempts takes a whole number, but got 2.5."),
        (
            {"retry_config": {"max_attempts": 2**31}},
            "retry_config.max_attempts takes a whole number of 32 bits, but got 2147483648.",
        ),
        (
            {"rate_limits": {"max_dispatches_per_second": "5/s"}},
            "rate_limits.max_dispatches_per_second takes a number, but got '5/s'.",
        ),
        ({"state": "PAUSD"}, "state takes 'RUNNING', 'PAUSED' or 'DISABLED', but got 'PAUSD'. Did you mean 'PAUSED'?"),
        (
            {"app_engine_routing_override": {"service": 4}},
            "app_engine_routing_override.service takes a text, but got 4.",
        ),
        ({"retry_config": 3}, "retry_config takes a mapping of the fields of Google's RetryConfig, but got 3."),
        ({"retry_config": []}, "retry_config takes a mapping of the fields of Google's RetryConfig, but got []."),
    ],
)
def test_a_value_that_a_field_can_not_have(fields: dict[str, Any], told: str) -> None:
    """What it takes instead, in the words of who writes queues."""
    assert refused(fields) == told


@pytest.mark.needs("batches")
@pytest.mark.parametrize(("given", "told"), [(3, " takes a list, each"), ([3], "[0] takes")])
def test_a_value_that_a_list_can_not_have(given: object, told: str) -> None:
    """One in the place of the list, and one within it."""
    assert refused({"http_target": {"header_overrides": given}}) == (
        f"{HEADERS}{told} a mapping of the fields of Google's HeaderOverride, but got 3."
    )


def test_an_unlimited_retry_of_a_beta_is_a_flag() -> None:
    """Fields of other versions are looked at in theirs."""
    assert refused({"pull_target": {}, "retry_config": {"unlimited_attempts": "yes"}}) == (
        "retry_config.unlimited_attempts takes True or False, but got 'yes'."
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"state": "PAUSED", "retry_config": None},
        {
            "retry_config": {
                "min_backoff": "1.5s",
                "max_backoff": timedelta(hours=1),
                "max_retry_duration": {"seconds": 5},
            }
        },
        {"purge_time": datetime.fromisoformat("2030-01-01T00:00:00+00:00")},
        pytest.param(
            {"http_target": {"header_overrides": [{"header": {"key": "k"}}]}}, marks=pytest.mark.needs("batches")
        ),
    ],
    ids=repr,
)
def test_fields_that_the_library_takes(fields: dict[str, Any]) -> None:
    """In any form, they make a message with the queue's name."""
    message = built_queue(frontends.with_queue_fields(fields).messages.types.Queue, fields, NAME)
    assert message.name == NAME
    assert set(fields) - {"retry_config"} <= {field.name for field, _ in message.ListFields()}


# --- tasks -------------------------------------------------------------------------------------------------------

HEADERS_OF_TASK = "http_request.headers"
NAIVE = datetime(2030, 1, 1)


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"http_request": {"url": "https://a.test/", "headers": {"A": "a"}}, "schedule_time": None}, ""),
        ({"http_request": {"headers": ["a"]}}, f"{HEADERS_OF_TASK} takes a mapping of names to values, but got ['a']."),
        (
            {"http_request": {"headers": {1: "a"}}},
            f"{HEADERS_OF_TASK} takes a mapping of names to values, but got the name 1.",
        ),
        ({"http_request": {"headers": {"A": "a", "B": 1}}}, f"{HEADERS_OF_TASK}['B'] takes a text, but got 1."),
        (
            {"schedule_time": NAIVE},
            f'schedule_time takes an aware datetime or a text such as "2030-01-01T00:00:00Z", but got {NAIVE!r}.',
        ),
        (
            {"http_request": {"http_method": "pots"}},
            "http_request.http_method takes 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH' or 'OPTIONS', but got"
            " 'pots'. Did you mean 'POST'?",
        ),
    ],
    ids=["none", "a list", "a number as name", "a number as value", "a naive datetime", "a method"],
)
def test_a_mistake_in_the_fields_of_a_task(fields: dict[str, Any], mistake: str) -> None:
    """The path of the first mistake, what the field takes and what it got; "" without a mistake."""
    assert mistake_in(frontends.v2().messages.types.Task, fields) == mistake


def test_other_names_are_shown_where_they_are_asked_for() -> None:
    """A strategy takes v2's names for the fields of every version."""
    kind = frontends.v2beta2().messages.types.RateLimits
    assert mistake_in(kind, {"rate": 1}, OURS) == (
        "rate is no field of Google's RateLimits. Its fields are max_dispatches_per_second, max_burst_size and"
        " max_concurrent_dispatches."
    )
