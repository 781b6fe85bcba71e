"""Listings: pages and filters."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.listing import Cursor, page, parsed_filter
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._units import HOUR, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, RecordedService, assert_refused, numbered_ids, service_with
from .filtering import FIELDS

# --- paging ---


OF_ANOTHER = "The page token is of another listing: parent and filter must stay as they were when it was given."


def at(token: str = "", listing: str = "letters", now: int = START) -> Cursor:
    return Cursor(listing, token, now)


def pages(items: list[str], size: int, largest: int = 10) -> list[list[str]]:
    """All pages, from the first token to the empty one."""
    found, token = page(items, str, size, at(), largest, "ListLettersRequest")
    result = [found]
    while token:
        found, token = page(items, str, size, at(token), largest, "ListLettersRequest")
        result.append(found)
    return result


def test_pages_follow_each_other() -> None:
    """Every page with items is followed by another one, which is empty at the end and has no token."""
    assert pages(["a", "b", "c", "d", "e"], 2) == [["a", "b"], ["c", "d"], ["e"], []]
    assert pages(["a", "b", "c", "d"], 2) == [["a", "b"], ["c", "d"], []]
    assert pages([], 2) == [[]]


@pytest.mark.parametrize("size", [0, 3, 4, 1000])
def test_no_page_is_larger_than_the_largest(size: int) -> None:
    """Size 0 means the largest, and a larger one is cut to it."""
    assert pages(["a", "b", "c", "d"], size, largest=3) == [["a", "b", "c"], ["d"], []]


def test_a_token_stays_right_while_items_come_and_go() -> None:
    """An item that exists throughout is listed once, even if the item before the page was deleted."""
    _, token = page(["b", "c", "d", "e"], str, 2, at(), 10, "ListLettersRequest")
    assert page(["a", "b", "d", "e", "f"], str, 10, at(token), 10, "ListLettersRequest")[0] == ["d", "e", "f"]


def test_a_token_is_valid_for_two_hours() -> None:
    """At two hours it is valid, and a nanosecond later it is rejected."""
    _, token = page(["a", "b"], str, 1, at(), 10, "ListLettersRequest")
    assert page(["a", "b"], str, 1, at(token, now=START + 2 * HOUR), 10, "ListLettersRequest")[0] == ["b"]
    with pytest.raises(ServiceError) as caught:
        page(["a", "b"], str, 1, at(token, now=START + 2 * HOUR + 1), 10, "ListLettersRequest")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == "The page token has expired: it is valid for 2 hours."


def test_a_token_is_good_for_its_own_listing() -> None:
    """Another listing, another parent or another filter rejects it."""
    _, token = page(["a", "b"], str, 1, at(), 10, "ListLettersRequest")
    with pytest.raises(ServiceError) as caught:
        page(["a", "b"], str, 1, at(token, "digits"), 10, "ListLettersRequest")
    assert caught.value.message == OF_ANOTHER
    service = service_with()
    service.create_queue(START, LOCATION, f"{QUEUE}2", {})
    _, token = service.list_queues(START, LOCATION, 1, "", "")
    refused = Code.INVALID_ARGUMENT
    assert_refused(
        service, refused, OF_ANOTHER, lambda: service.list_queues(START, LOCATION, 1, token, "state: PAUSED", FIELDS)
    )
    assert_refused(service, refused, OF_ANOTHER, lambda: service.list_queues(START, f"{LOCATION}2", 1, token, ""))
    assert_refused(service, refused, OF_ANOTHER, lambda: service.list_tasks(START, QUEUE, 1, token))
    assert len(service.list_queues(START, LOCATION, 1, token, "")[0]) == 1


@given(st.sets(st.text(min_size=1, max_size=3)), st.integers(1, 5))
def test_all_pages_together_are_the_listing(names: set[str], size: int) -> None:
    """No item is missing or repeated, whatever the names."""
    items = sorted(names)
    assert [item for found in pages(items, size) for item in found] == items


DEEP = base64.b64encode(b"[" * 100_000).decode()


@each("token", ["x", "!!!!", "abc", "a b=", "_w==", "ä", "AAAA\n", "e30=", "WzEsMiwzXQ==", "MQ==", DEEP])
def test_a_token_that_no_page_gave_is_rejected(token: str) -> None:
    """What can't be read as a token is rejected in both listings, and nothing changes."""
    service = service_with()
    message = "Invalid page_token"
    refused = Code.INVALID_ARGUMENT
    assert_refused(service, refused, message, lambda: service.list_queues(START, LOCATION, 0, token, ""))
    assert_refused(service, refused, message, lambda: service.list_tasks(START, QUEUE, 0, token))


def test_a_negative_size_is_rejected() -> None:
    """Both listings reject it, and nothing changes."""
    service = service_with()
    message, refused = "{}.pageSize cannot be negative.", Code.INVALID_ARGUMENT
    of_queues, of_tasks = message.format("ListQueuesRequest"), message.format("ListTasksRequest")
    assert_refused(service, refused, of_queues, lambda: service.list_queues(START, LOCATION, -1, "", ""))
    assert_refused(service, refused, of_tasks, lambda: service.list_tasks(START, QUEUE, -1, ""))
    with pytest.raises(ServiceError) as caught:
        page([], str, -1, at(), 10, "ListLettersRequest")
    assert str(caught.value) == message.format("ListLettersRequest")


# --- filtering ---


SETTINGS = {
    "slow": {"rate_limits": {"max_dispatches_per_second": 0.5}, "retry_config": {"max_attempts": 3}},
    "steady": {"rate_limits": {"max_dispatches_per_second": 50.0, "max_concurrent_dispatches": 10}},
    "targeted": {
        "http_target": {
            "uri_override": {"port": 8080},
            "header_overrides": [
                {"header": {"key": "X-One", "value": "first"}},
                {"header": {"key": "X-Two", "value": "second"}},
            ],
        },
        "stackdriver_logging_config": {"sampling_ratio": 0.25},
        "rate_limits": {"max_dispatches_per_second": 1},
    },
    "patient": {"retry_config": {"min_backoff": 10 * SECOND, "max_backoff": 60 * SECOND, "max_attempts": -1}},
    "bare": {"http_target": {}},
    "paused": {"retry_config": {"max_doublings": 3, "max_retry_duration": 90 * SECOND}},
}
PURGED = "2030-01-02T03:04:05.000006Z"
OPERATORS = "<=, <, >=, >, !=, = or :"


@pytest.fixture(scope="module")
def service() -> Service:
    """A service with the queues of `SETTINGS`, the last of them paused."""
    service = RecordedService(numbered_ids())
    for queue_id, given_settings in SETTINGS.items():
        service.create_queue(START, LOCATION, f"{LOCATION}/queues/{queue_id}", given_settings)
    service.purge_queue(1_893_553_445_000_006_000, f"{LOCATION}/queues/slow")
    service.pause_queue(START, f"{LOCATION}/queues/paused")
    return service


def listed(service: Service, text: str) -> set[str]:
    """The IDs of the queues that the filter lets through."""
    return {queue.name.rpartition("/")[2] for queue in service.list_queues(START, LOCATION, 0, "", text, FIELDS)[0]}


ALL = set(SETTINGS)
FILTERS: list[tuple[str, set[str]]] = [
    ("", ALL),
    ("  ", ALL),
    ("state: PAUSED", {"paused"}),
    ("state=RUNNING", ALL - {"paused"}),
    ('state != "paused"', ALL - {"paused"}),
    ("STATE: Paused", {"paused"}),
    ("state > running", {"paused"}),
    ("state >= STATE_UNSPECIFIED", ALL),
    (f'name = "{LOCATION}/queues/slow"', {"slow"}),
    (f"name={LOCATION}/queues/SLOW", {"slow"}),
    ("name = slow", set()),
    ("name: p", ALL),
    ("name: /QUEUES/p", {"paused", "patient"}),
    (f'name < "{LOCATION}/queues/q"', {"bare", "paused", "patient"}),
    ("name: *", ALL),
    ('name: "*"', set()),
    ("rate_limits.max_dispatches_per_second < 50", {"slow", "targeted"}),
    ("rate_limits.max_dispatches_per_second <= 50.0", {"slow", "steady", "targeted"}),
    ("rateLimits.maxDispatchesPerSecond = 0.5", {"slow"}),
    ("rate_limits.max_dispatches_per_second: 500", {"patient", "paused", "bare"}),
    ("rate_limits.max_concurrent_dispatches > 10", ALL - {"steady"}),
    ("rate_limits.max_burst_size >= 100", {"patient", "paused", "bare"}),
    ("rate_limits: *", ALL),
    ("retry_config.max_attempts = -1", {"patient"}),
    ("retryConfig.maxAttempts != 100", {"slow", "patient"}),
    ("retry_config.max_doublings < 16", {"paused"}),
    ("retry_config.min_backoff = 0.1s", ALL - {"patient"}),
    ("retry_config.min_backoff > 9.5s", {"patient"}),
    ("retry_config.min_backoff: 0.100000001s", set()),
    ("retry_config.max_backoff = 60s", {"patient"}),
    ("retry_config.max_retry_duration >= 90s", {"paused"}),
    ("retry_config.max_retry_duration = 0s", ALL - {"paused"}),
    ("retry_config.max_retry_duration: *", {"paused"}),
    ("purge_time: *", {"slow"}),
    (f'purge_time = "{PURGED}"', {"slow"}),
    (f'purge_time >= "{PURGED[:-1]}+00:00"', {"slow"}),
    (f'purge_time < "{PURGED}"', ALL - {"slow"}),
    ("http_target: *", {"targeted", "bare"}),
    ("httpTarget.uriOverride: *", {"targeted"}),
    ("http_target.uri_override.port = 8080", {"targeted"}),
    ("http_target.uri_override.port < 1", ALL - {"targeted"}),
    ("http_target.uri_override.scheme = SCHEME_UNSPECIFIED", ALL),
    ("http_target.uri_override.scheme: *", set()),
    ("http_target.header_overrides: *", {"targeted"}),
    ("http_target.headerOverrides.header.key: x-two", {"targeted"}),
    ("http_target.header_overrides.header.value != second", ALL - {"targeted"}),
    ("http_target.header_overrides.header.value: *", {"targeted"}),
    ("stackdriver_logging_config.sampling_ratio = 0.25", {"targeted"}),
    ("NOT state: PAUSED", ALL - {"paused"}),
    ("-state: PAUSED", ALL - {"paused"}),
    ("- state: PAUSED", ALL - {"paused"}),
    ("-(state: PAUSED)", ALL - {"paused"}),
    ("NOT -state: PAUSED", {"paused"}),
    ("NOT NOT state: PAUSED", {"paused"}),
    ("state: PAUSED OR retry_config.max_attempts = 3", {"paused", "slow"}),
    ("state: RUNNING AND retry_config.max_attempts = 3", {"slow"}),
    ("state: RUNNING retry_config.max_attempts = 3", {"slow"}),
    # OR binds more closely than AND: (running) AND (attempts -1 OR attempts 3)
    ("state: RUNNING AND retry_config.max_attempts = -1 OR retry_config.max_attempts = 3", {"patient", "slow"}),
    ("(state: RUNNING AND retry_config.max_attempts = -1) OR state: PAUSED", {"paused", "patient"}),
    ("NOT (state: PAUSED OR retry_config.max_attempts = 100)", {"slow", "patient"}),
    ('name: "slow" OR name: "AND"', {"slow"}),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS)
def test_a_filter_lets_through_what_it_says(service: Service, text: str, expected: set[str]) -> None:
    """Fields are compared by every operator, and comparisons joined as Cloud Logging has it."""
    assert listed(service, text) == expected


WRONG: list[tuple[str, str]] = [
    ("state", f"it ends where an operator ({OPERATORS}) should come."),
    ("state:", "it ends where a value should come."),
    ("state PAUSED", f"an operator ({OPERATORS}) should come after 'state', and 'PAUSED' does."),
    ("state ~ PAUSED", f"an operator ({OPERATORS}) should come after 'state', and '~' does."),
    ("state = = PAUSED", "a value should come after '=', and '=' does."),
    ("(state: PAUSED", "a parenthesis is not closed."),
    ("state: PAUSED)", "')' can't stand there."),
    ("state: PAUSED AND", "it ends where a field should come."),
    ("OR state: PAUSED", "a field should come where 'OR' does."),
    ('"state": PAUSED', "a field should come where 'state' does."),
    ("- -: PAUSED", "a field should come where ':' does."),
    ('name: "open', "\" can't stand there."),
    ("name ! x", "! can't stand there."),
    ("(" * 51, "it has more than 50 parentheses in each other."),
]


@each(("text", "reason"), WRONG)
def test_an_invalid_filter_is_rejected(text: str, reason: str) -> None:
    """The error has the place of the mistake, and nothing is listed."""
    refused, message = Code.INVALID_ARGUMENT, f"The filter is invalid: {reason}"
    service = service_with()
    assert_refused(service, refused, message, lambda: service.list_queues(START, LOCATION, 0, "", text, FIELDS))


NESTED = "Cannot match a nested type '{}'. A member field of scalar or enum type must be provided."


@each(
    ("text", "message"),
    [
        ("colour = red", "Field not found: 'colour'."),
        ("Max_Attempts = 1", "Field not found: 'Max_Attempts'."),
        ("rate_limits.max = 1", "Field not found: 'rate_limits.max'."),
        ("name.first = 1", "Field not found: 'name.first'."),
        ("retry_config.min_backoff.seconds = 1", "Field not found: 'retry_config.min_backoff.seconds'."),
        ("state: SLEEPING", "The value 'sleeping' is of incorrect type."),
        ("state < 2", "The value '2' is of incorrect type."),
        ("state = *", "The value '*' is of incorrect type."),
        ('state: "*"', "The value '*' is of incorrect type."),
        ("retry_config.max_attempts = Many", "The value 'many' is of incorrect type."),
        ("retry_config.max_attempts = 0x1", "The value '0x1' is of incorrect type."),
        ("retry_config.min_backoff = 10", "The value '10' is of incorrect type."),
        ("retry_config.min_backoff = 10m", "The value '10m' is of incorrect type."),
        ("purge_time > 2020", "The value '2020' is of incorrect type."),
        ('purge_time > "2020-13-01T00:00:00Z"', "The value '2020-13-01t00:00:00z' is of incorrect type."),
        ('purge_time > "2020-01-01"', "The value '2020-01-01' is of incorrect type."),
        ("rate_limits: 10", NESTED.format("rate_limits")),
        ("http_target.header_overrides != x", NESTED.format("http_target.header_overrides")),
        ("rateLimits = *", NESTED.format("rateLimits")),
    ],
)
def test_an_unknown_field_or_a_wrong_value_is_rejected(text: str, message: str) -> None:
    """The field is named as it was written, the value in lower case."""
    service = service_with()
    refused = Code.INVALID_ARGUMENT
    assert_refused(service, refused, message, lambda: service.list_queues(START, LOCATION, 0, "", text, FIELDS))


WORDS = [
    "name",
    "state",
    "retryConfig.maxAttempts",
    "AND",
    "OR",
    "NOT",
    "-",
    "(",
    ")",
    "=",
    ":",
    "<",
    "PAUSED",
    "3",
    '"',
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=20))
def test_no_text_is_too_much(text: str) -> None:
    """Any text is either a filter or rejected."""
    try:
        outcome: object = callable(parsed_filter(text, FIELDS))
    except ServiceError as refusal:
        outcome = refusal.code is Code.INVALID_ARGUMENT
    assert outcome is True
