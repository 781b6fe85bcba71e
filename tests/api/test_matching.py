"""Matching: single values, and what is rejected because it could never match. test_assertions.py has the tasks."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from google.cloud import tasks_v2
from google.protobuf import duration_pb2

from pytest_cloudtasks import FakeCloudTasks, MatchArguments, exactly
from pytest_cloudtasks._simulation.matching.checks import UNSET
from pytest_cloudtasks._simulation.matching.match import Match
from pytest_cloudtasks._simulation.matching.values import matches
from tests.each import each

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def is_even(number: int) -> bool:
    return number % 2 == 0


class Anything:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Parity:
    def even(self, number: int) -> bool:
        return is_even(number)

    def __eq__(self, other: object) -> bool:
        return other == "even"

    __hash__ = None  # type: ignore[assignment]


@each(
    ("expected", "actual"),
    [
        (1, 1),
        (1, 1.0),
        (True, True),
        (None, None),
        (mock.ANY, None),
        (pytest.approx(0.3), 0.1 + 0.2),
        (re.compile("^a"), "abc"),
        (re.compile("b$"), b"ab"),
        (re.compile(b"^a"), b"abc"),
        (is_even, 2),
        (Parity().even, 2),
        (functools.partial(pow, 2), 3),
        ("abc".startswith, "a"),
        (Parity(), "even"),
        (exactly([1, {"a": is_even}]), [1, {"a": 2}]),
    ],
)
def test_a_value_matches(expected: Any, actual: Any) -> None:
    """By equality, a pattern, a predicate of any kind, or the expected value's own __eq__."""
    assert matches(expected, actual)


@each(
    ("expected", "actual"),
    [
        (1, 2),
        (1, "1"),
        (1, True),
        (True, 1),
        (0, False),
        (None, 0),
        (re.compile("^b"), "abc"),
        (re.compile("1"), 1),
        (is_even, 1),
        (Parity(), "odd"),
        (str, "a type is no predicate"),
        (exactly([1]), [1, 2]),
        (exactly({"a": 1}), {"a": 1, "b": 2}),
        (exactly({"a": {"b": 1}}), {"a": {"b": 1, "c": 2}}),
        (exactly([1]), {"1": 1}),
    ],
)
def test_a_value_does_not_match(expected: Any, actual: Any) -> None:
    """JSON's true is not its 1, and types differ."""
    assert not matches(expected, actual)


def test_how_exactly_reads_in_a_message() -> None:
    """As it was written."""
    assert repr(exactly({"a": 1})) == "exactly({'a': 1})"
    assert repr(UNSET) == "…"


def test_only_given_fields_are_expected() -> None:
    """Unset fields match anything, and None is a value; the tolerance is not a field."""
    assert Match(queue="receipts", json=None, within=timedelta(0)).expected() == {"queue": "receipts", "json": None}
    assert Match().expected() == {}


ZERO_OR_MORE = "within=… takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86399)."


@dataclass
class Order:
    """A dataclass equals its own kind only."""

    number: int


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"queue": "receits"},
        LookupError,
        "There is no queue 'receits'. Did you mean 'receipts'? The only queue of this test is receipts. Create it with"
        " cloud_tasks.create_queue('receits'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in the"
        " ini option cloud_tasks_queues.",
    ),
    (
        {"at": datetime(2030, 1, 1)},
        ValueError,
        "at=… takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
        " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc).",
    ),
    (
        {"at": "2030-01-01"},
        TypeError,
        "at=… takes an aware datetime, but got '2030-01-01'. Pass a datetime with a tzinfo, such as datetime(2030, 1,"
        " 1, tzinfo=timezone.utc).",
    ),
    (
        {"delay": 300},
        TypeError,
        "delay=… takes a duration such as timedelta(seconds=30) or '30s', but got 300.",
    ),
    (
        {"deadline": 20.5},
        TypeError,
        "deadline=… takes a duration such as timedelta(seconds=30) or '30s', but got 20.5.",
    ),
    (
        {"within": 1},
        TypeError,
        "within=… takes a duration such as timedelta(seconds=30) or '30s', but got 1.",
    ),
    ({"within": timedelta(seconds=-1)}, ValueError, ZERO_OR_MORE),
    (
        {"at": timedelta(minutes=5)},
        TypeError,
        "at=… takes an aware datetime, but got datetime.timedelta(seconds=300). Pass a datetime with a tzinfo, such as"
        " datetime(2030, 1, 1, tzinfo=timezone.utc).",
    ),
    (
        {"delay": datetime(2030, 1, 1)},
        TypeError,
        "delay=… takes a duration such as timedelta(seconds=30) or '30s', but got datetime.datetime(2030, 1, 1, 0, 0).",
    ),
    (
        {"body": {"order": 42}},
        ValueError,
        "body=… takes the bytes of a body, or its text, but got {'order': 42}. Pass it as json=….",
    ),
    *(
        ({field: None}, ValueError, f"{field}=None matches no task. Leave it out to match any.")
        for field in sorted(set(Match._fields) - {"json", "oidc", "within"})
    ),
    (
        {"headers": [("X-Tag", "1")]},
        TypeError,
        "headers=… takes names with their values as a dict, but got [('X-Tag', '1')].",
    ),
    *(
        ({field: value}, TypeError, f"{field}=… takes {takes}, but got {value!r}.")
        for field, value, takes in (
            ("queue", 5, "a queue's ID or full name"),
            ("queue", b"receipts", "a queue's ID or full name"),
            ("url", b"https://a.test/", "a URL as a text"),
            ("url", str, "a URL as a text"),
            ("method", b"POST", "an HTTP method as a text"),
            ("method", 1, "an HTTP method as a text"),
            ("name", UUID(int=1), "a task's ID or full name"),
            ("name", Path("a"), "a task's ID or full name"),
            ("name", object, "a task's ID or full name"),
            ("json", b"{}", "a value that JSON can have"),
            ("json", {1}, "a value that JSON can have"),
            ("body", 5, "the bytes of a body, or its text"),
            ("headers", "User-Agent", "names with their values as a dict"),
            ("headers", re.compile("User-Agent"), "names with their values as a dict"),
            ("oidc", "a@b.c", "the fields of a token as a dict, or None"),
            ("oidc", True, "the fields of a token as a dict, or None"),
            ("service", 5, "the name of an App Engine service as a text"),
            ("version", b"v1", "the name of an App Engine version as a text"),
            ("delay", [5], "a duration such as timedelta(seconds=30) or '30s'"),
            ("delay", re.compile("5"), "a duration such as timedelta(seconds=30) or '30s'"),
            ("deadline", duration_pb2.Duration(seconds=5), "a duration such as timedelta(seconds=30) or '30s'"),
        )
    ),
    *(
        (
            {"json": value},
            TypeError,
            f"json=… matches no task: {path} is {inner}, which is not a JSON value. Use the value that the body has,"
            " such as a text.",
        )
        for value, path, inner in (
            ({"at": date(2030, 1, 1)}, "json['at']", "datetime.date(2030, 1, 1)"),
            ([{"tags": {"a"}}], "json[0]['tags']", "{'a'}"),
            (exactly({"a": (b"x",)}), "json['a'][0]", "b'x'"),
            ({"id": UUID(int=1)}, "json['id']", "UUID('00000000-0000-0000-0000-000000000001')"),
            ({"order": Order(42)}, "json['order']", "Order(number=42)"),
            ({"a": re.compile(b"x")}, "json['a']", "re.compile(b'x')"),
            ({"rate": float("nan")}, "json['rate']", "nan"),
            ({"a": object}, "json['a']", "<class 'object'>"),
        )
    ),
    (
        {"json": {"orders": {42: "paid"}}},
        TypeError,
        "json=… matches no task: json['orders'] has the key 42, and JSON's keys are texts.",
    ),
    ({"json": Order(42)}, TypeError, "json=… takes a value that JSON can have, but got Order(number=42)."),
    ({"headers": {"X-Count": 5}}, TypeError, "headers=… takes texts as values, but got 5 for 'X-Count'."),
    ({"headers": {b"X": "5"}}, TypeError, "headers=… takes names that are texts, but got b'X'."),
    ({"oidc": exactly({"audience": None})}, TypeError, "oidc=… takes texts as values, but got None for 'audience'."),
    ({"url": exactly(b"/")}, TypeError, "url=… takes a URL as a text, but got exactly(b'/')."),
    (
        {"at": [5]},
        TypeError,
        "at=… takes an aware datetime, but got [5]. Pass a datetime with a tzinfo, such as datetime(2030, 1, 1,"
        " tzinfo=timezone.utc).",
    ),
    (
        {"queue": tasks_v2.Queue(name="projects/p/locations/l/queues/receipts")},
        TypeError,
        "queue=… can't match one of Google's messages, but got a Queue. Pass one of its fields, such as its name.",
    ),
]


@pytest.mark.parametrize(("expected", "kind", "message"), REFUSED)
def test_what_could_never_match_is_rejected(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, expected: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """An assertion that would pass or fail for a slip of the pen says so, the negative ones above all."""
    enqueue()
    for assertion in (
        cloud_tasks.assert_enqueued,
        cloud_tasks.assert_not_enqueued,
        cloud_tasks.assert_dispatched,
        cloud_tasks.assert_not_dispatched,
    ):
        with pytest.raises(kind) as caught:
            assertion(**expected)
        assert str(caught.value).strip("'\"") == message.strip("'\"")


@pytest.mark.parametrize("name", ["deliver_twice", "lose_handler_response", "delay_dispatch"])
def test_a_plan_rejects_what_could_never_match(cloud_tasks: FakeCloudTasks, name: str) -> None:
    """In the same words: such a plan would never happen."""
    first = ["1s"] if name == "delay_dispatch" else []
    with pytest.raises(TypeError) as refusal:
        getattr(cloud_tasks, name)(*first, method=b"POST")
    assert str(refusal.value) == "method=… takes an HTTP method as a text, but got b'POST'."


def test_records_are_matched_by_their_names(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """That of a task as the name, that of a queue as the queue, and neither as the other."""
    cloud_tasks.create_queue("other")
    enqueue("one")
    enqueue("two")
    one = cloud_tasks.assert_enqueued(name="one")
    assert cloud_tasks.assert_enqueued(name=one, queue=cloud_tasks.queue("receipts")) == one
    cloud_tasks.assert_not_enqueued(queue=cloud_tasks.queue("other"))
    cloud_tasks.route("https://mailer.test/send")
    plan = cloud_tasks.deliver_twice(name=one, queue=cloud_tasks.queue("receipts"))
    cloud_tasks.drain()
    assert plan.hits == 1
    with pytest.raises(TypeError) as refusal:
        cloud_tasks.assert_not_enqueued(name=cloud_tasks.queue("receipts"))
    assert str(refusal.value) == "name=… takes a task's ID or full name, but got <queue receipts, 2 attempts>."
    with pytest.raises(TypeError) as refusal:
        cloud_tasks.assert_not_enqueued(queue=one)
    assert str(refusal.value) == f"queue=… takes a queue's ID or full name, but got {one!r}."


@pytest.mark.parametrize("field", sorted(set(MatchArguments.__annotations__) - {"within"}))
@pytest.mark.parametrize("value", [mock.ANY, lambda _: True, exactly(mock.ANY), Anything()])
def test_every_field_takes_what_says_itself_what_it_matches(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, field: str, value: Any
) -> None:
    """A predicate, an object with an ``__eq__`` of its own, and the same wholly."""
    enqueue("one", body=b"{}")
    assert cloud_tasks.assert_enqueued(**{field: value}).id == "one"


def test_a_deleted_queue_can_still_be_asked_about(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A queue that existed in this test is not a typing mistake."""
    enqueue("one")
    tasks_v2.CloudTasksClient().delete_queue(name=cloud_tasks.queue_path("receipts"))
    assert cloud_tasks.assert_enqueued(queue="receipts").id == "one"


# --- keywords ----------------------------------------------------------------------------------------------------

TAKING = {
    "assert_enqueued": "count, timeout",
    "assert_not_enqueued": "",
    "assert_dispatched": "count, timeout",
    "assert_not_dispatched": "",
    "expect_enqueued": "count, timeout",
    "deliver_twice": "times, after, rate",
    "lose_handler_response": "times, after, rate",
    "delay_dispatch": "by, times, after, rate",
}
"""The methods that take a match, and what else each takes."""


@pytest.mark.parametrize("name", TAKING)
def test_an_unknown_keyword_is_rejected(cloud_tasks: FakeCloudTasks, name: str) -> None:
    """The nearest one and all of them are named, even if a context manager is not entered."""
    values = ["1s"] if name == "delay_dispatch" else []
    with pytest.raises(TypeError) as refusal:
        getattr(cloud_tasks, name)(*values, queue="receipts", header={"a": "b"})
    own = TAKING[name].split(", ")
    first, rest = (own[:1], own[1:]) if name == "delay_dispatch" else ([], own)
    keywords = ", ".join([*first, *MatchArguments.__annotations__, *rest]).removesuffix(", ")
    most, _, last = keywords.rpartition(", ")
    assert str(refusal.value) == (
        f"{name}() has no argument 'header'. Did you mean 'headers'? It takes {most} and {last}."
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda fake: fake.advance(hour=1),
            "advance() has no argument 'hour'. Did you mean 'hours'? It takes by, to, days, hours, minutes, seconds,"
            " milliseconds and limit.",
        ),
        (
            lambda fake: fake.route("https://a.test/", handlr=print),
            "route() has no argument 'handlr'. Did you mean 'handler'? It takes url, method, queue, name, handler and"
            " on_exception.",
        ),
        (lambda fake: fake.dispatch(), "dispatch() needs the argument 'task'. It takes task."),
        (
            lambda fake: fake.fail_rpc("create_task"),
            "fail_rpc() needs the argument 'error'. It takes rpc, error, times, after, rate and when.",
        ),
        (
            lambda fake: fake.delay_dispatch(queue="receipts"),
            "delay_dispatch() needs the argument 'by'. It takes by, queue, url, method, json, body, headers, name, at,"
            " delay, within, deadline, oidc, service, version, task, times, after and rate.",
        ),
        (
            lambda fake: fake.assert_not_enqueued(scheduled=1),
            "assert_not_enqueued() has no argument 'scheduled'. It takes queue, url, method, json, body, headers, name,"
            " at, delay, within, deadline, oidc, service, version and task.",
        ),
    ],
)
def test_a_call_that_does_not_fit_is_rejected_in_a_sentence(
    cloud_tasks: FakeCloudTasks, call: Callable[[Any], object], text: str
) -> None:
    """An unknown keyword and a missing argument are named, with the public method's own name."""
    with pytest.raises(TypeError) as refusal:
        call(cloud_tasks)
    assert str(refusal.value) == text


@pytest.mark.parametrize("name", TAKING)
def test_a_value_without_a_keyword_is_rejected(cloud_tasks: FakeCloudTasks, name: str) -> None:
    """Nobody could say which of the twelve it is."""
    first = ["1s"] if name == "delay_dispatch" else []
    with pytest.raises(TypeError) as refusal:
        getattr(cloud_tasks, name)(*first, "receipts")
    assert str(refusal.value) == (
        f"{name}() takes keyword arguments such as queue='receipts', but got 'receipts' by position."
    )


def test_the_arguments_are_those_of_a_match() -> None:
    """Type and values have the same names, in the same order, so that completion offers what is taken."""
    assert tuple(MatchArguments.__annotations__) == Match._fields
    assert MatchArguments.__required_keys__ == frozenset()


@pytest.mark.parametrize(
    ("url", "is_matched"),
    [
        ("https://mailer.test/*", True),
        ("*://*/send?to=*", True),
        ("https://mailer.test/send?to=ada*", True),
        ("https://mailer.test", False),
        ("mailer.test/*", False),
        (exactly("https://mailer.test/*"), False),
    ],
)
def test_a_star_in_a_url_is_any_text(cloud_tasks: FakeCloudTasks, url: Any, is_matched: bool) -> None:
    """As in a route; the rest is compared as it is, and the whole URL has to match."""
    client = tasks_v2.CloudTasksClient()
    client.create_task(
        parent=cloud_tasks.queue_path("receipts"), task={"http_request": {"url": "https://mailer.test/send?to=ada"}}
    )

    assert len(cloud_tasks.tasks(url=url)) == is_matched
