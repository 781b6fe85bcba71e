"""Paging."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.listing import Cursor, page
from pytest_cloudtasks._units import HOUR
from tests.each import each

from .driving import LOCATION, QUEUE, START, assert_refused, service_with
from .filtering import FIELDS

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
    """What is there throughout is listed once, though the item that the token was made at has gone."""
    _, token = page(["b", "c", "d", "e"], str, 2, at(), 10, "ListLettersRequest")
    assert page(["a", "b", "d", "e", "f"], str, 10, at(token), 10, "ListLettersRequest")[0] == ["d", "e", "f"]


def test_a_token_is_valid_for_two_hours() -> None:
    """At two hours it leads on, and a nanosecond later it is refused."""
    _, token = page(["a", "b"], str, 1, at(), 10, "ListLettersRequest")
    assert page(["a", "b"], str, 1, at(token, now=START + 2 * HOUR), 10, "ListLettersRequest")[0] == ["b"]
    with pytest.raises(ServiceError) as caught:
        page(["a", "b"], str, 1, at(token, now=START + 2 * HOUR + 1), 10, "ListLettersRequest")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == "The page token has expired: it is valid for 2 hours."


def test_a_token_is_good_for_its_own_listing() -> None:
    """Another listing, another parent or another filter refuses it."""
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
    """No item is lost or told twice, whatever the names."""
    items = sorted(names)
    assert [item for found in pages(items, size) for item in found] == items


DEEP = base64.b64encode(b"[" * 100_000).decode()


@each("token", ["x", "!!!!", "abc", "a b=", "_w==", "ä", "AAAA\n", "e30=", "WzEsMiwzXQ==", "MQ==", DEEP])
def test_a_token_that_no_page_gave_is_refused(token: str) -> None:
    """What can't be read as a token is refused in both listings, and nothing changes."""
    service = service_with()
    message = "Invalid page_token"
    refused = Code.INVALID_ARGUMENT
    assert_refused(service, refused, message, lambda: service.list_queues(START, LOCATION, 0, token, ""))
    assert_refused(service, refused, message, lambda: service.list_tasks(START, QUEUE, 0, token))


def test_a_negative_size_is_refused() -> None:
    """Both listings refuse it, and nothing changes."""
    service = service_with()
    message, refused = "{}.pageSize cannot be negative.", Code.INVALID_ARGUMENT
    of_queues, of_tasks = message.format("ListQueuesRequest"), message.format("ListTasksRequest")
    assert_refused(service, refused, of_queues, lambda: service.list_queues(START, LOCATION, -1, "", ""))
    assert_refused(service, refused, of_tasks, lambda: service.list_tasks(START, QUEUE, -1, ""))
    with pytest.raises(ServiceError) as caught:
        page([], str, -1, at(), 10, "ListLettersRequest")
    assert str(caught.value) == message.format("ListLettersRequest")
