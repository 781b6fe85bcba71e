"""The filter of ListQueues."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.queue_filter import queue_filter
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.units import SECOND

from .driving import LOCATION, START, assert_refused, numbered_ids, service_with

SETTINGS = {
    "slow": {"rate_limits": {"max_dispatches_per_second": 0.5}, "retry_config": {"max_attempts": 3}},
    "steady": {"rate_limits": {"max_dispatches_per_second": 50.0, "max_concurrent_dispatches": 10}},
    "patient": {"retry_config": {"min_backoff": 10 * SECOND, "max_backoff": 60 * SECOND, "max_attempts": -1}},
    "paused": {"retry_config": {"max_doublings": 3, "max_retry_duration": 90 * SECOND}},
}
OPERATORS = "<=, <, >=, >, !=, = or :"


@pytest.fixture(scope="module")
def service() -> Service:
    """A service with the queues of `SETTINGS`, the last of them paused."""
    service = Service(numbered_ids())
    for queue_id, given_settings in SETTINGS.items():
        service.create_queue(START, LOCATION, f"{LOCATION}/queues/{queue_id}", given_settings)
    service.pause_queue(START, f"{LOCATION}/queues/paused")
    return service


def listed(service: Service, text: str) -> set[str]:
    """The IDs of the queues that the filter lets through."""
    return {queue.name.rpartition("/")[2] for queue in service.list_queues(START, LOCATION, 0, "", text)[0]}


ALL = set(SETTINGS)
FILTERS: list[tuple[str, set[str]]] = [
    ("", ALL),
    ("  ", ALL),
    ("state: PAUSED", {"paused"}),
    ("state=RUNNING", ALL - {"paused"}),
    ('state != "PAUSED"', ALL - {"paused"}),
    (f'name = "{LOCATION}/queues/slow"', {"slow"}),
    (f"name={LOCATION}/queues/slow", {"slow"}),
    ("name = slow", set()),
    ("name: p", ALL),
    ("name: /queues/p", {"paused", "patient"}),
    (f'name < "{LOCATION}/queues/q"', {"paused", "patient"}),
    ("rate_limits.max_dispatches_per_second < 50", {"slow"}),
    ("rate_limits.max_dispatches_per_second <= 50", {"slow", "steady"}),
    ("rateLimits.maxDispatchesPerSecond = 0.5", {"slow"}),
    ("rate_limits.max_dispatches_per_second: 500", {"patient", "paused"}),
    ("rate_limits.max_concurrent_dispatches > 10", ALL - {"steady"}),
    ("rate_limits.max_burst_size >= 100", {"patient", "paused"}),
    ("retry_config.max_attempts = -1", {"patient"}),
    ("retryConfig.maxAttempts != 100", {"slow", "patient"}),
    ("retry_config.max_doublings < 16", {"paused"}),
    ("retry_config.min_backoff = 0.1s", ALL - {"patient"}),
    ("retry_config.min_backoff > 9.5s", {"patient"}),
    ("retry_config.max_backoff = 60s", {"patient"}),
    ("retry_config.max_retry_duration >= 90s", {"paused"}),
    ("NOT state: PAUSED", ALL - {"paused"}),
    ("NOT NOT state: PAUSED", {"paused"}),
    ("state: PAUSED OR retry_config.max_attempts = 3", {"paused", "slow"}),
    ("state: RUNNING AND retry_config.max_attempts = 100", {"steady"}),
    ("state: RUNNING retry_config.max_attempts = 100", {"steady"}),
    # OR binds more closely than AND: (running) AND (attempts 100 OR attempts 3)
    ("state: RUNNING AND retry_config.max_attempts = 100 OR retry_config.max_attempts = 3", {"steady", "slow"}),
    ("(state: PAUSED AND retry_config.max_attempts = 100) OR retry_config.max_attempts = 3", {"paused", "slow"}),
    ("NOT (state: PAUSED OR retry_config.max_attempts = 3)", {"steady", "patient"}),
    ('name: "slow" OR name: "AND"', {"slow"}),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS)
def test_a_filter_lets_through_what_it_says(service: Service, text: str, expected: set[str]) -> None:
    """Fields are compared by every operator, and comparisons joined as Cloud Logging has it."""
    assert listed(service, text) == expected


KNOWN = (
    "Those are name, state, rate_limits.max_burst_size, rate_limits.max_concurrent_dispatches,"
    " rate_limits.max_dispatches_per_second, retry_config.max_attempts, retry_config.max_backoff,"
    " retry_config.max_doublings, retry_config.max_retry_duration and retry_config.min_backoff."
)
WRONG: list[tuple[str, str]] = [
    ("state", f"it ends where an operator ({OPERATORS}) should come."),
    ("state:", "it ends where a value should come."),
    ("state PAUSED", f"an operator ({OPERATORS}) should come after 'state', and 'PAUSED' does."),
    ("state ~ PAUSED", f"an operator ({OPERATORS}) should come after 'state', and '~' does."),
    ("state = = PAUSED", "a value should come after '=', and '=' does."),
    ("state: SLEEPING", "state takes RUNNING, PAUSED or DISABLED, and 'SLEEPING' is none."),
    ("state < PAUSED", "state can't be compared by <."),
    ("colour = red", f"colour is no field that it can be made of. {KNOWN}"),
    ("purge_time > 2020", f"purge_time is no field that it can be made of. {KNOWN}"),
    ("retry_config.max_attempts = many", "retry_config.max_attempts takes a number, and 'many' is none."),
    (
        "retry_config.min_backoff = 10",
        "retry_config.min_backoff takes a duration in seconds, such as 3.5s, and '10' is none.",
    ),
    ("(state: PAUSED", "a parenthesis is not closed."),
    ("state: PAUSED)", "')' can't stand there."),
    ("state: PAUSED AND", "it ends where a field should come."),
    ("OR state: PAUSED", "a field should come where 'OR' does."),
    ('"state": PAUSED', "a field should come where 'state' does."),
    ('name: "open', "\" can't stand there."),
    ("name ! x", "! can't stand there."),
    ("(" * 51, "it has more than 50 parentheses in each other."),
]


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_anything_else_is_refused(text: str, reason: str) -> None:
    """The text says where the filter goes wrong, and nothing is listed."""
    refused, message = Code.INVALID_ARGUMENT, f"The filter is invalid: {reason}"
    service = service_with()
    assert_refused(service, refused, message, lambda: service.list_queues(START, LOCATION, 0, "", text))


WORDS = ["name", "state", "retryConfig.maxAttempts", "AND", "OR", "NOT", "(", ")", "=", ":", "<", "PAUSED", "3", '"']


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=20))
def test_no_text_is_too_much(text: str) -> None:
    """Whatever is asked, it is a filter or refused as none."""
    try:
        outcome: object = callable(queue_filter(text))
    except ServiceError as refusal:
        outcome = refusal.code is Code.INVALID_ARGUMENT and refusal.message.startswith("The filter is invalid: ")
    assert outcome is True
