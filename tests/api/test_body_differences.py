"""Differences within JSON bodies, headers and tokens, by path."""

from __future__ import annotations

from typing import Any
from unittest import mock

from pytest_cloudtasks import Headers, exactly
from pytest_cloudtasks._diagnostics.diff import in_detail, in_whole, likeness
from pytest_cloudtasks._simulation.formatting import ABSENT
from pytest_cloudtasks._simulation.matching.match import Difference
from tests.each import each

Rows = list[tuple[str, Any, Any]]


def rows(differences: list[Difference]) -> Rows:
    return [(one.field, one.expected, one.actual) for one in differences]


@each(
    ("field", "expected", "actual", "details"),
    [
        ("json", {"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, [("json.a.b", 1, 2)]),
        ("json", {"a": 1, "b": 2}, {"b": 2}, [("json.a", 1, ABSENT)]),
        ("json", {"a": True}, {"a": 1}, [("json.a", True, 1)]),
        ("json", {"a": mock.ANY, "b": 1}, {"a": 7}, [("json.b", 1, ABSENT)]),
        ("json", {"x y": 1, "1": 2}, {"x y": 2, "1": 3}, [("json['x y']", 1, 2), ("json['1']", 2, 3)]),
        ("json", {"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [("json.a[1].b", 2, 3)]),
        ("json", [1, 2, 3], [1], [("json[1]", 2, ABSENT), ("json[2]", 3, ABSENT)]),
        ("json", [1], [1, 2], [("json[1]", ABSENT, 2)]),
        ("json", [{"a": 1}], [{"a": 1, "b": 2}], [("json[0].b", ABSENT, 2)]),
        ("json", exactly({"a": 1}), {"a": 1, "b": {}}, [("json.b", ABSENT, {})]),
        ("json", {"a": exactly({})}, {"a": {"b": 1}, "c": 1}, [("json.a.b", ABSENT, 1)]),
        ("json", {"a": 1}, [1], [("json", {"a": 1}, [1])]),
        ("json", {"a": {}}, {"a": None}, [("json.a", {}, None)]),
        ("headers", {"x-a": "1", "B": "2"}, Headers([("X-A", "2"), ("b", "2")]), [("headers['x-a']", "1", "2")]),
        ("headers", exactly({"A": "1"}), Headers([("a", "1"), ("c", "3")]), [("headers.c", ABSENT, "3")]),
        ("oidc", {"audience": "a"}, {"audience": "b", "service_account_email": "c"}, [("oidc.audience", "a", "b")]),
        ("oidc", {"audience": "a"}, None, [("oidc", {"audience": "a"}, None)]),
        ("url", "a", "b", [("url", "a", "b")]),
    ],
)
def test_differences_in_detail(field: str, expected: Any, actual: Any, details: Rows) -> None:
    """Only what differs, by the rules of matching: mappings partially, lists and what is in them whole."""
    assert rows(in_detail([Difference(field, expected, actual)])) == details


def test_two_values_in_whole() -> None:
    """Neither side may have more than the other."""
    assert rows(in_whole("body", {"a": 1, "b": 2}, {"b": 2, "c": 3})) == [("body.a", 1, ABSENT), ("body.c", ABSENT, 3)]
    assert in_whole("body", {"a": [1]}, {"a": [1]}) == []


@each(
    ("one", "other", "part"),
    [
        ("/send", "/sned", 3 / 5),
        ("abc", "xyz", 0),
        (b"ab", b"b", 1 / 2),
        ("", "a", 0),
        ("a", 1, 0),
        ("aa", "aaa", 2 / 3),
    ],
)
def test_likeness(one: Any, other: Any, part: float) -> None:
    """How much of the longer text is common to both at the beginning and the end."""
    assert likeness([Difference("url", one, other)]) == part


def test_likeness_is_that_of_all_differences() -> None:
    """The mean of them; without any it is whole."""
    assert likeness([Difference("url", "ab", "ac"), Difference("name", "a", "b")]) == 0.25
    assert likeness([]) == 1
