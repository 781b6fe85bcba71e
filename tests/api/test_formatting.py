"""Values in messages: one line each, readable, cut."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

from google.cloud import tasks_v2

from pytest_cloudtasks import Headers, exactly
from pytest_cloudtasks._simulation.formatting import ABSENT, lists_apart, shown, shown_apart
from pytest_cloudtasks._text import shortened
from tests.each import each

ONE_LINE = 'service_account_email: "a@b.test" audience: "c"'


def even(number: int) -> bool:
    return number % 2 == 0


@each(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        ({"order": None}, "{'order': None}"),
        (b'{"order": 42}', "b'{\"order\": 42}'"),
        ("Größe".encode(), "'Größe'.encode()"),
        (b"a\r\n\tb", r"b'a\r\n\tb'"),
        (b"", "b''"),
        (b"\x89PNG\r\n", r"b'\x89PNG\r\n'"),
        (b"\x89PNG" + bytes(1020), r"b'\x89PNG" + r"\x00" * 28 + "'… (1024 bytes)"),
        (timedelta(minutes=1, seconds=30), "1 min 30 s"),
        (datetime(2030, 1, 1, tzinfo=timezone.utc), "2030-01-01 00:00:00+00:00"),
        (Headers([("X-Tenant", "acme")]), "{'X-Tenant': 'acme'}"),
        (even, "a predicate, even"),
        (re.compile("/send$"), "re.compile('/send$')"),
        (mock.ANY, "<ANY>"),
        (exactly({"order": 42}), "exactly({'order': 42})"),
        (ABSENT, "(not there)"),
        (tasks_v2.OidcToken(service_account_email="a@b.test", audience="c"), ONE_LINE),
    ],
)
def test_values(value: Any, text: str) -> None:
    """Python's own form, but for bytes, times, headers and functions."""
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    """After 400 characters, with a count of the others; bytes that aren't text are cut after 32."""
    assert shown("x" * 398) == f"'{'x' * 398}'"
    assert shown("x" * 500) == f"'{'x' * 399}… (102 more characters)"
    assert shown(b"x" * 500) == f"b'{'x' * 398}… (103 more characters)"
    assert shown(b"\xff" * 1_000_000) == "b'" + r"\xff" * 32 + "'… (1000000 bytes)"
    assert shortened("abcdef", 3) == "abc… (3 more characters)"


def test_two_long_values_are_shown_where_they_part() -> None:
    """What they have in common at the beginning is left out, but for 40 characters."""
    one, other = "x" * 1000 + "ne", "x" * 1000 + "ther"
    assert shown_apart(one, other) == (f"…{'x' * 40}ne'", f"…{'x' * 40}ther'")
    assert shown_apart("one", other) == ("'one'", shown(other))
    assert shown_apart("a" * 500, "b" * 500) == (shown("a" * 500), shown("b" * 500))


def test_two_long_values_of_two_classes_are_shown_where_they_part() -> None:
    """Their texts count: a text that is marked as safe for HTML looks like any other."""

    class Safe(str):
        __slots__ = ()

    one, other = "x" * 1000 + "ne", Safe("x" * 1000 + "ther")
    assert shown_apart(one, other) == (f"…{'x' * 40}ne'", f"…{'x' * 40}ther'")


def test_two_lists_are_whole_as_long_as_both_are_short() -> None:
    """Up to 20 items and 400 characters each nothing is left out, wherever they part."""
    one, other = ["500"] * 20, ["500"] * 19 + ["200"]
    assert lists_apart(one, other, 19) == (f"[{', '.join(one)}]", f"[{', '.join(other)}]")
    assert lists_apart([], ["200"], 0) == ("[]", "[200]")


def test_long_items_leave_room_for_the_difference() -> None:
    """In a long list an item is cut after 60 characters, so three long ones don't hide the one that differs."""
    long = "x" * 300
    cut = f"{'x' * 60}… (240 more characters)"
    assert lists_apart([*[long] * 4, "500"], [*[long] * 4, "200"], 4) == (
        f"[… 1 that match, {cut}, {cut}, {cut}, 500]",
        f"[… 1 that match, {cut}, {cut}, {cut}, 200]",
    )


def test_two_long_bodies_that_are_no_text_are_shown_where_they_part() -> None:
    """Their first bytes are the same, so those follow with which they part."""
    one, other = (b"\xff" * 40 + rest for rest in (b"ne", b"ther"))
    begin = "b'" + r"\xff" * 32 + "'…"
    assert shown_apart(one, other) == (f"{begin} (42 bytes), at 40: b'ne'", f"{begin} (44 bytes), at 40: b'ther'")
    assert shown_apart(b"\x00" * 40, b"\xff" * 40) == (shown(b"\x00" * 40), shown(b"\xff" * 40))
    assert shown_apart(b"\x00" * 40, b"\x00") == (shown(b"\x00" * 40), shown(b"\x00"))


class Shy:
    """Has a repr that raises."""

    def __repr__(self) -> str:
        raise ValueError("not now")


def test_a_repr_that_raises_is_described() -> None:
    """The message is complete except for the broken repr."""
    assert shown(Shy()) == "(a Shy whose repr raised ValueError)"
    assert shown({"order": Shy()}) == "(a dict whose repr raised ValueError)"
